"""Approve several requests at once: each for itself, and none where something warns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from apps.approvals.errors import TooManyAtOnce
from apps.approvals.locks import request_for_update
from apps.approvals.selectors.bulk import why_one_by_one
from apps.approvals.services.deciding import decide
from apps.approvals.states import Door, Verdict
from apps.common.errors import Refusal
from apps.identity.models import User

MOST_AT_ONCE = 100


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    Attributes:
        title: empty for what the actor does not see.
        why_not: why it was left out; empty if it was approved.
    """

    request_id: int
    title: str
    why_not: str = ""

    @property
    def is_approved(self) -> bool:
        return not self.why_not


def approve_many(*, versions: Mapping[int, int], actor: User) -> list[Outcome]:
    """Approve each of these requests that can be approved without a second look.

    One after the other, each in a transaction of its own with its own decision and audit event;
    what is refused leaves the others alone. Nothing is approved here that `decide` would refuse.

    Args:
        versions: request to the version of it that the actor saw.

    Returns:
        What became of each, in this order.

    Raises:
        TooManyAtOnce: more than a hundred.
    """
    if len(versions) > MOST_AT_ONCE:
        raise TooManyAtOnce(f"At most {MOST_AT_ONCE} requests are approved at once.")
    return [_approve(request_id, seen, actor) for request_id, seen in versions.items()]


def _approve(request_id: int, seen_version: int, actor: User) -> Outcome:
    title = ""
    try:
        with transaction.atomic():
            request = request_for_update(request_id, actor=actor)
            title = request.title
            why_not = why_one_by_one(request, actor)
            if why_not:
                return Outcome(request_id, title, why_not)
            decide(
                request_id=request_id,
                verdict=Verdict.APPROVE,
                comment="",
                attested=False,
                expected_version=seen_version,
                actor=actor,
                door=Door.BULK,
            )
    except Refusal as refusal:
        return Outcome(request_id, title, refusal.message)
    return Outcome(request_id, title)

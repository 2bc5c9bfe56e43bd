"""Ask for an approval, take the question back, or let it fall with its content."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from apps.approvals.errors import (
    AmountMissing,
    ApproversTooFew,
    CommentMissing,
)
from apps.approvals.locks import (
    hold_split,
    open_requests_for_update,
    request_for_update,
    requests_held,
)
from apps.approvals.models import Conflict, Policy, Request
from apps.approvals.permissions import (
    REQUEST_APPROVAL,
    WITHDRAW_REQUEST,
)
from apps.approvals.registry import floor_for
from apps.approvals.rules import Piece
from apps.approvals.selectors import (
    policy_for,
    subject_key,
)
from apps.approvals.selectors.splits import amount_beside
from apps.approvals.selectors.staff import staff_of
from apps.approvals.selectors.stages import least_people
from apps.approvals.services.clocks import start_clock
from apps.approvals.services.ending import end_request
from apps.approvals.services.staffing import block_or_release, queue_recheck
from apps.approvals.states import OPEN, RequestStatus
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import IllegalMove, NotPermitted
from apps.common.transitions import require_version
from apps.identity.models import User


@transaction.atomic
def request_approval(
    *,
    entity_id: int,
    item_type: str,
    subject: Model,
    subject_hash: str,
    title: str,
    url: str,
    maker: User,
    actor: User,
    amount: Decimal | None = None,
    currency: str | None = None,
    conflicted: Iterable[User] = (),
    notify_task: str = "",
    split_key: str = "",
) -> Request | None:
    """Ask for approval of exactly this content.

    An open request about the same content is returned as it is; one about other content is
    superseded. If nobody can approve, the request is blocked and says so.

    Args:
        subject: a saved row; only its type and id are kept.
        subject_hash: SHA-256 over the canonical content that is to be approved.
        conflicted: who took part besides maker and actor (editors, evidence preparers). Who does
            so later is told by what the subject's app registered in `approvals.registry`.
        notify_task: full name of the task to run with `request_id` after the final decision.
        split_key: what pieces of one thing have in common (a counterparty, an account): what the
            same maker asks for under the same key within a week counts as one amount.

    Returns:
        The request, or None if no policy in force asks for an approval.

    Raises:
        NotPermitted: the actor may not ask on this entity.
        AmountMissing: amount without currency or the other way round.
        ApproversTooFew: things of this kind are approved by more people than the policy asks for,
            or there is no policy.
    """
    authorize(actor, REQUEST_APPROVAL, entity_id=entity_id)
    if (amount is None) != (not currency):
        raise AmountMissing(field="amount")
    beside = Decimal(0)
    if split_key and amount is not None and currency:
        piece = Piece(0, maker.pk, item_type, split_key, currency, amount, timezone.now())
        beside = _held_beside(piece, entity_id, subject)
    policy = policy_for(
        entity_id=entity_id,
        item_type=item_type,
        amount=None if amount is None else abs(amount) + beside,
        currency=currency,
    )
    _require_floor(item_type, policy)
    if policy is None:
        return None
    standing = _supersede_other_content(subject, subject_hash, actor)
    if standing is not None:
        return standing
    request = Request.objects.create(
        entity_id=entity_id,
        item_type=item_type,
        **subject_key(subject),
        subject_hash=subject_hash,
        title=title,
        url=url,
        amount=amount,
        currency=currency or "",
        split_key=split_key,
        split_amount=beside,
        maker=maker,
        policy=policy,
        notify_task=notify_task,
        due_at=timezone.now(),
        expires_at=end_of(policy),
    )
    begin(request, {*conflicted, actor} - {maker}, actor)
    return request


def _require_floor(item_type: str, policy: Policy | None) -> None:
    """Where a kind of thing takes so many people, no policy and an older one are no way around."""
    least = floor_for(item_type)
    asked = least_people(policy.stages) if policy is not None else 0
    if asked < least:
        kind = item_type.replace("_", " ")
        raise ApproversTooFew(
            f"A {kind} is approved by at least {least} different people, and no policy here asks"
            " for as many.",
            remedy=f"Have a policy for {kind} defined with {least} approvers or more.",
        )


def _held_beside(piece: Piece, entity_id: int, subject: Model) -> Decimal:
    """The amount of what belongs together with a piece; nobody adds to it meanwhile."""
    hold_split(entity_id=entity_id, maker_id=piece.maker_id, split_key=piece.key)
    return amount_beside(piece, entity_id=entity_id, subject=subject_key(subject))


def begin(request: Request, took_part: Iterable[User], actor: User) -> None:
    """The clock of the first step, who may not decide, and whether anybody can."""
    Conflict.objects.bulk_create(Conflict(request=request, user=user) for user in took_part)
    staff = staff_of(request.entity)
    start_clock(request, staff)
    record(
        actor=actor,
        action="approvals.request.submit",
        subject=request,
        subject_hash=request.subject_hash,
        policy=request.policy_id,
    )
    block_or_release(request, actor=actor, staff=staff)
    if request.split_amount:
        queue_recheck(request.entity_id)  # the other pieces are measured together with this one


def end_of(policy: Policy) -> datetime | None:
    """When a request that starts now ends undecided."""
    if policy.expires_after_days is None:
        return None
    return timezone.now() + timedelta(days=policy.expires_after_days)


@transaction.atomic
def withdraw(
    *, request_id: int, reason: str, actor: User, expected_version: int | None = None
) -> Request:
    """Take back a request before it is decided; only who asked may.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is decided already.
        StaleVersion: it changed since the actor looked.
        CommentMissing: no reason given.
    """
    request = request_for_update(request_id, actor=actor)
    authorize(actor, WITHDRAW_REQUEST, entity_id=request.entity_id)
    if request.maker_id != actor.pk:
        raise NotPermitted(
            "Only the person whose work it is can withdraw it.",
            remedy="An approver can return or reject it.",
        )
    if not reason.strip():
        raise CommentMissing(field="reason")
    if request.status not in OPEN:
        raise IllegalMove("This request is decided and cannot be withdrawn.")
    require_version(request, expected_version)
    end_request(request, RequestStatus.WITHDRAWN)
    record(actor=actor, action="approvals.request.withdraw", subject=request, reason=reason)
    return request


@transaction.atomic
def supersede_requests(*, subject: Model, actor: User) -> list[Request]:
    """End what is open about a subject whose content no longer stands; its app decides when.

    Approvals that were given stay given: they were about what the subject was.

    Returns:
        The requests that were ended.
    """
    ended = [
        request for request in open_requests_for_update(**subject_key(subject)) if request.is_open
    ]
    for request in ended:
        _supersede(request, actor)
    return ended


@transaction.atomic
def supersede_approval(*, request_id: int, actor: User) -> Request:
    """End an approval that is not acted upon, because what it was about no longer stands.

    The subject's app decides when.

    Raises:
        IllegalMove: it is neither open nor approved.
    """
    (request,) = requests_held([request_id])
    _supersede(request, actor)
    return request


def _supersede_other_content(subject: Model, subject_hash: str, actor: User) -> Request | None:
    """End requests about other content of the subject; return the one about this content."""
    standing = None
    for request in open_requests_for_update(**subject_key(subject)):
        if request.subject_hash == subject_hash:
            standing = request
            continue
        _supersede(request, actor)
    return standing


def _supersede(request: Request, actor: User) -> None:
    """End a request whose content no longer stands."""
    end_request(request, RequestStatus.SUPERSEDED)
    record(actor=actor, action="approvals.request.supersede", subject=request)

"""The people of an entity as far as approving is concerned, and whether they suffice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.approvals.models import Request
from apps.approvals.rules import Shortage, Step, shortage
from apps.approvals.states import Verdict
from apps.identity.models import EntityUserObjectPermission


@dataclass(frozen=True)
class Staff:
    """Who holds which role on one entity; read once for as many requests as one likes."""

    holders: Mapping[str, frozenset[int]]

    def candidates(self, request: Request, stage: Mapping[str, Any]) -> frozenset[int]:
        """Ids of the people who could decide at this stage, had nobody taken part."""
        return self.holders.get(stage["role"], frozenset())


def staff_of(entity_id: int) -> Staff:
    """The people of the entity as they are now; who is deactivated is none of them."""
    holders: dict[str, set[int]] = {}
    rows = EntityUserObjectPermission.objects.filter(
        content_object_id=entity_id, user__is_active=True
    ).values_list("permission__codename", "user_id")
    for role, user_id in rows:
        holders.setdefault(role, set()).add(user_id)
    return Staff({role: frozenset(people) for role, people in holders.items()})


def conflicted_ids(request: Request) -> frozenset[int]:
    """Everybody who took part in the subject: maker, editors, requester, preparers."""
    return frozenset({request.maker_id, *(one.user_id for one in request.conflicts.all())})


def steps_left(request: Request, staff: Staff) -> list[Step]:
    """What the stage at work still needs, and every stage after it."""
    made = list(request.decisions.all())
    barred = conflicted_ids(request) | {decision.approver_id for decision in made}
    given = sum(
        decision.stage == request.stage and decision.verdict == Verdict.APPROVE for decision in made
    )
    return [
        Step(
            candidates=staff.candidates(request, stage) - barred,
            needed=int(stage["count"]) - (given if number == 0 else 0),
        )
        for number, stage in enumerate(request.policy.stages[request.stage :])
    ]


def shortage_of(request: Request, staff: Staff) -> Shortage | None:
    """The stages of an open request that cannot be filled together, or None if all can be.

    Stages are counted from the first of the policy.
    """
    found = shortage(steps_left(request, staff))
    if found is None:
        return None
    return Shortage(tuple(request.stage + step for step in found.steps), found.needed, found.people)

"""The people of an entity as far as approving is concerned, and whether they suffice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.approvals.models import Request
from apps.approvals.rules import Shortage, Step, shortage
from apps.approvals.selectors.limits import Limits, limits_of
from apps.approvals.states import Verdict
from apps.identity.models import Entity, EntityUserObjectPermission


@dataclass(frozen=True)
class Staff:
    """Who may approve what on one entity; read once for as many requests as one likes.

    Attributes:
        roles: person to the roles that he holds there; who is deactivated is left out.
        limits: how much they may approve.
    """

    roles: Mapping[int, frozenset[str]]
    limits: Limits

    def holders(self, stage: Mapping[str, Any]) -> frozenset[int]:
        """Ids of the people whom this stage asks for."""
        return frozenset(pk for pk, roles in self.roles.items() if stage["role"] in roles)

    def candidates(self, request: Request, stage: Mapping[str, Any]) -> frozenset[int]:
        """Those of them who could decide on the request, had nobody taken part."""
        return frozenset(
            pk for pk in self.holders(stage) if self.limits.allow(pk, self.roles[pk], request)
        )


def staff_of(entity: Entity) -> Staff:
    """The people of the entity as they are now (two queries, three where there are limits)."""
    roles: dict[int, set[str]] = {}
    rows = EntityUserObjectPermission.objects.filter(
        content_object=entity, user__is_active=True
    ).values_list("user_id", "permission__codename")
    for user_id, role in rows:
        roles.setdefault(user_id, set()).add(role)
    held = {user_id: frozenset(names) for user_id, names in roles.items()}
    return Staff(roles=held, limits=limits_of(entity))


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

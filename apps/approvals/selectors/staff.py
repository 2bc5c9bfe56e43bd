"""The people of an entity as far as approving is concerned, and whether they suffice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.approvals.models import Request
from apps.approvals.permissions import DECIDE_REQUEST
from apps.approvals.rules import Shortage, Step, shortage
from apps.approvals.selectors.conflicts import conflicted_ids
from apps.approvals.selectors.limits import Limits, limits_of
from apps.approvals.selectors.stages import people_named, people_needed
from apps.approvals.states import Verdict
from apps.identity.holders import roles_holding
from apps.identity.models import Entity, EntityUserObjectPermission


@dataclass(frozen=True)
class Staff:
    """Who may approve what on one entity; read once for as many requests as one likes.

    Attributes:
        roles: person to the roles that he holds there; who is deactivated is left out.
        names: person to his user name.
        limits: how much they may approve.
    """

    roles: Mapping[int, frozenset[str]]
    names: Mapping[int, str]
    limits: Limits

    def holders(self, stage: Mapping[str, Any]) -> frozenset[int]:
        """Ids of the people whom this stage asks for; who is named also needs a role."""
        named = people_named(stage)
        return frozenset(
            pk
            for pk, roles in self.roles.items()
            if (
                self.names[pk] in named and roles & roles_holding(DECIDE_REQUEST)
                if named
                else stage["role"] in roles
            )
        )

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
    ).values_list("user_id", "user__username", "permission__codename")
    for user_id, _, role in rows:
        roles.setdefault(user_id, set()).add(role)
    held = {user_id: frozenset(given) for user_id, given in roles.items()}
    names = {user_id: username for user_id, username, _ in rows}
    return Staff(roles=held, names=names, limits=limits_of(entity))


def steps_left(request: Request, staff: Staff) -> list[Step]:
    """What the stage at work still needs at least, and every stage after it.

    A stage for all of a role needs one more at least, as long as it is at work: should the last
    who is waited for leave, somebody else has to decide, for nothing approves itself.
    """
    made = list(request.decisions.all())
    barred = conflicted_ids(request) | {decision.approver_id for decision in made}
    given = sum(
        decision.stage == request.stage and decision.verdict == Verdict.APPROVE for decision in made
    )
    return [
        Step(
            candidates=staff.candidates(request, stage) - barred,
            needed=_still_needed(stage, 0 if number else given),
        )
        for number, stage in enumerate(request.policy.stages[request.stage :])
    ]


def _still_needed(stage: Mapping[str, Any], given: int) -> int:
    needed = people_needed(stage)
    return 1 if needed is None else needed - given


def approvals_missing(request: Request, staff: Staff) -> int:
    """How many more people have to approve before an open request is approved, stages together.

    Of a stage for all of a role everybody counts who could decide as things stand.
    """
    stages = request.policy.stages[request.stage :]
    return sum(
        step.needed if people_needed(stage) is not None else max(step.needed, len(step.candidates))
        for stage, step in zip(stages, steps_left(request, staff), strict=True)
    )


def shortage_of(request: Request, staff: Staff) -> Shortage | None:
    """The stages of an open request that cannot be filled together, or None if all can be.

    Stages are counted from the first of the policy.
    """
    found = shortage(steps_left(request, staff))
    if found is None:
        return None
    return Shortage(tuple(request.stage + step for step in found.steps), found.needed, found.people)

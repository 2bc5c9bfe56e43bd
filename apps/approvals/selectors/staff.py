"""The people of an entity as far as approving is concerned, and whether they suffice."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from apps.approvals.models import Request
from apps.approvals.permissions import DECIDE_REQUEST
from apps.approvals.rules import (
    Absences,
    Ceiling,
    Decider,
    Mandate,
    Shortage,
    Step,
    WaiverTerms,
    shortage,
    waived,
)
from apps.approvals.selectors.conflicts import conflicted_ids, voters
from apps.approvals.selectors.limits import Limits
from apps.approvals.selectors.stages import is_within_limit, people_named, people_needed
from apps.approvals.selectors.standing import standing_on
from apps.approvals.states import Verdict
from apps.identity.holders import roles_holding
from apps.identity.models import Entity, EntityUserObjectPermission


@dataclass(frozen=True)
class Staff:
    """Who may approve what on one entity; read once for as many requests as one likes.

    Attributes:
        roles: person to the roles that he holds there; who is deactivated is left out.
        names: person to his user name.
        shown: person to his name as people know him, in the order of the names.
        limits: how much they may approve.
        absences: who is away, and who stands in for whom.
        waivers: who may decide though he had a hand in it.
    """

    roles: Mapping[int, frozenset[str]]
    names: Mapping[int, str]
    shown: Mapping[int, str]
    limits: Limits
    absences: Absences
    waivers: tuple[WaiverTerms, ...] = ()

    def waived(self, request: Request) -> dict[int, int]:
        """Person to the waiver under which he may decide on the request, had he a hand in it."""
        return waived(
            self.waivers,
            item_type=request.item_type,
            day=self.absences.day,
            maker_id=request.maker_id,
        )

    def decides(self, person_id: int) -> bool:
        """Whether the person holds a role that decides at all."""
        return bool(self.roles.get(person_id, frozenset()) & roles_holding(DECIDE_REQUEST))

    def holders(self, stage: Mapping[str, Any]) -> frozenset[int]:
        """Ids of the people whom this stage asks for; who is named also needs a role."""
        named = people_named(stage)
        return frozenset(
            pk
            for pk, roles in self.roles.items()
            if (self.names[pk] in named and self.decides(pk) if named else stage["role"] in roles)
        )

    def seats(self, request: Request, number: int) -> frozenset[int]:
        """Ids of those whom a stage itself asks for, after seats of it were moved."""
        people = self.holders(request.policy.stages[number])
        for moved in request.reassignments.all():
            if moved.stage == number:
                people = people - {moved.from_person_id} | {moved.to_person_id}
        return people

    def asked(self, request: Request, number: int) -> frozenset[int]:
        """Ids of the people who may decide on a stage: its own, and who was added since."""
        own = frozenset(pk for pk in self.seats(request, number) if self.decides(pk))
        added = [
            self.holders(escalation.added)
            for escalation in request.escalations.all()
            if escalation.stage == number
        ]
        return own.union(*added)

    def most_of(
        self, decider: Decider, request: Request, number: int | None = None
    ) -> Ceiling | None:
        """How much somebody may approve of the request at a stage: as a stand-in, the least of all
        that bounds him; None if nothing does. At a review limits bind nobody, a cap still does.

        Args:
            number: of the stage, counted from 0; None: the one at work.
        """
        stage = request.policy.stages[request.stage if number is None else number]
        bound = sorted(decider.people) if is_within_limit(stage) else []
        mosts = [
            self.limits.ceiling_of(pk, self.roles.get(pk, frozenset()), request) for pk in bound
        ]
        if decider.mandate is not None and decider.mandate.cap is not None:
            mosts.append(self.limits.cap(decider.mandate.cap, request))
        return self.limits.least_of(mosts)

    def is_within(self, decider: Decider, request: Request, number: int | None = None) -> bool:
        """Whether the request is within what bounds this decider at a stage."""
        most = self.most_of(decider, request, number)
        return most is None or request.exposure is None or most.allows(request.exposure)

    def decider_for(
        self,
        holder: int,
        request: Request,
        conflicted: Collection[int],
        number: int | None = None,
    ) -> Decider | None:
        """Who takes the seat of somebody whom a stage asks for; None if nobody can.

        The delegate where he may act, otherwise the holder himself: never both. A waiver lets
        somebody decide in his own seat; nobody passes on what he may not do without it.

        Args:
            number: of the stage, counted from 0; None: the one at work.
        """
        if holder in conflicted and holder not in self.waived(request):
            return None
        mandate = (
            None if holder in conflicted else self.absences.mandate_of(holder, request.item_type)
        )
        if mandate is not None and self._is_passed_on(mandate, request, conflicted, number):
            return Decider(mandate.delegate_id, mandate)
        own = Decider(holder)
        if self.absences.is_away(holder) or not self.is_within(own, request, number):
            return None
        return own

    def deciders(
        self, request: Request, number: int, conflicted: Collection[int]
    ) -> tuple[Decider, ...]:
        """Everybody who could decide on a stage, had nobody decided yet.

        Args:
            number: of the stage, counted from 0.
        """
        holders = sorted(self.asked(request, number))
        seats = (self.decider_for(pk, request, conflicted, number) for pk in holders)
        return tuple(seat for seat in seats if seat is not None)

    def _is_passed_on(
        self,
        mandate: Mandate,
        request: Request,
        conflicted: Collection[int],
        number: int | None,
    ) -> bool:
        return (
            mandate.delegate_id not in conflicted
            and self.decides(mandate.delegate_id)
            and self.is_within(Decider(mandate.delegate_id, mandate), request, number)
        )


def staff_of(entity: Entity) -> Staff:
    """The people of the entity as they are now (two queries)."""
    roles: dict[int, set[str]] = {}
    rows = (
        EntityUserObjectPermission.objects.filter(content_object=entity, user__is_active=True)
        .select_related("user", "permission")
        .order_by("user__last_name", "user__first_name", "user_id")
    )
    for grant in rows:
        roles.setdefault(grant.user_id, set()).add(grant.permission.codename)
    standing = standing_on([entity])[entity.pk]
    return Staff(
        roles={user_id: frozenset(given) for user_id, given in roles.items()},
        names={grant.user_id: grant.user.username for grant in rows},
        shown={grant.user_id: str(grant.user) for grant in rows},
        limits=standing.limits,
        absences=standing.absences,
        waivers=standing.waivers,
    )


def deciders_at_work(request: Request, staff: Staff) -> list[Decider]:
    """Everybody who could decide on the stage at work now, for himself or for somebody."""
    voted = voters(request)
    found = staff.deciders(request, request.stage, conflicted_ids(request))
    return [one for one in found if not one.people & voted]


def steps_left(request: Request, staff: Staff) -> list[Step]:
    """What the stage at work still needs at least, and every stage after it.

    A stage for all of a role needs one more at least, as long as it is at work: should the last
    who is waited for leave, somebody else has to decide, for nothing approves itself.
    """
    voted, conflicted = voters(request), conflicted_ids(request)
    given = sum(
        decision.stage == request.stage and decision.verdict == Verdict.APPROVE
        for decision in request.decisions.all()
    )
    return [
        Step(
            candidates=frozenset(
                one.person_id
                for one in staff.deciders(request, number, conflicted)
                if not one.people & voted
            ),
            needed=_still_needed(stage, given if number == request.stage else 0),
        )
        for number, stage in enumerate(request.policy.stages)
        if number >= request.stage
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

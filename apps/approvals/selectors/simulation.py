"""What a proposed policy would have done: who decides on what, how much, and what stalls.

Each request is routed twice, by the policies in force and by those with the proposed one among
them, by the functions that route and fill requests live. Both times with the people, limits, rates
and waivers of today, as if nobody were away or stood in: so that the difference is the policy's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from django.db.models import Prefetch

from apps.approvals.models import Decision, Escalation, Policy, Reassignment, Request
from apps.approvals.permissions import VIEW_POLICIES
from apps.approvals.rules import Absences
from apps.approvals.selectors.duties import days_between
from apps.approvals.selectors.policies import fitting
from apps.approvals.selectors.staff import Staff, shortage_of, staff_of
from apps.approvals.selectors.stages import people_needed, stage_in_words
from apps.common.access import authorize
from apps.common.errors import IllegalMove
from apps.identity.models import User

MOST_REQUESTS = 5_000
OVERLOADED = Fraction(3, 2)


@dataclass(frozen=True)
class Step:
    """One step of a route: whom it asks, of those who could decide on the request, and how many."""

    words: str
    people: frozenset[int]
    needed: int

    @property
    def share(self) -> Fraction:
        """How much of the work falls to each of them, if it is spread evenly."""
        return Fraction(min(self.needed, len(self.people)), len(self.people) or 1)


@dataclass(frozen=True)
class Route:
    """Where a request goes; without steps it needs no approval.

    Attributes:
        is_stuck: its steps cannot be filled, all together.
    """

    steps: tuple[Step, ...] = ()
    is_stuck: bool = False

    @property
    def words(self) -> str:
        """ "1 reviewer, then 2 approvers"."""
        return ", then ".join(step.words for step in self.steps) or "no approval"


@dataclass(frozen=True)
class Rerouted:
    """A request that would have gone elsewhere."""

    request: Request
    before: Route
    after: Route

    @property
    def change(self) -> str:
        """What is different, in words; the gravest first."""
        if self.after.is_stuck and not self.before.is_stuck:
            return "would stall"
        if not self.after.steps:
            return "no approval any more"
        if self.before.is_stuck and not self.after.is_stuck:
            return "would not stall any more"
        return "other steps"


@dataclass(frozen=True)
class Load:
    """How much of these requests falls to one person, before and after.

    Attributes:
        before, after: decisions, if each step is spread evenly over those who could decide on it.
        could_before, could_after: requests on which he could decide at some step.
    """

    person: User
    before: Fraction
    after: Fraction
    could_before: int
    could_after: int

    @property
    def is_overloaded(self) -> bool:
        """Half as much again as before, and at least one decision more."""
        return self.after >= self.before * OVERLOADED and self.after - self.before >= 1


@dataclass(frozen=True)
class Simulation:
    """What a proposed policy would have done.

    Attributes:
        total: how many requests were routed.
        is_cut: there are more; only the newest were routed.
    """

    policy: Policy
    starts_on: date
    ends_on: date
    total: int
    is_cut: bool
    rerouted: tuple[Rerouted, ...]
    loads: tuple[Load, ...]

    @property
    def stalled(self) -> int:
        """How many would stall that do not under what is in force."""
        return sum(one.change == "would stall" for one in self.rerouted)


def simulate(policy: Policy, starts_on: date, ends_on: date, *, actor: User) -> Simulation:
    """Route the requests of these days by a proposed policy (always as many queries).

    Args:
        starts_on, ends_on: first and last day, by the entity's clock.

    Raises:
        NotPermitted: the actor may not look at policies there.
        IllegalMove: the policy is not proposed; it is in force, or fell.
        DaysInvalid: the last day is before the first.
    """
    authorize(actor, VIEW_POLICIES, entity_id=policy.entity_id)
    if not policy.is_proposed:
        raise IllegalMove(
            "This policy is not proposed any more, so there is nothing to try.",
            remedy="Propose the change that you have in mind.",
        )
    asked = _asked(policy, starts_on, ends_on)
    in_force = list(
        Policy.objects.in_force().filter(entity_id=policy.entity_id, item_type=policy.item_type)
    )
    after = [policy, *(one for one in in_force if not _is_replaced(one, policy))]
    staff = staff_of(policy.entity)
    staff = replace(staff, absences=Absences(staff.absences.day))
    pairs = [
        Rerouted(request, _route(request, in_force, staff), _route(request, after, staff))
        for request in asked[:MOST_REQUESTS]
    ]
    return Simulation(
        policy=policy,
        starts_on=starts_on,
        ends_on=ends_on,
        total=len(pairs),
        is_cut=len(asked) > MOST_REQUESTS,
        rerouted=tuple(one for one in pairs if one.before != one.after),
        loads=tuple(_loads(pairs)),
    )


def _asked(policy: Policy, starts_on: date, ends_on: date) -> list[Request]:
    """The requests of these days, as if nobody had decided on them yet, newest first."""
    start, end = days_between(policy.entity, starts_on, ends_on)
    rows = (
        Request.objects.filter(entity_id=policy.entity_id, item_type=policy.item_type)
        .filter(requested_at__gte=start, requested_at__lt=end)
        .select_related("maker")
        .prefetch_related(
            "conflicts",
            Prefetch("decisions", Decision.objects.none()),
            Prefetch("escalations", Escalation.objects.none()),
            Prefetch("reassignments", Reassignment.objects.none()),
        )
        .order_by("-requested_at", "-pk")
    )
    asked = list(rows[: MOST_REQUESTS + 1])
    for request in asked:
        request.seen_at = end  # who took part is read from what was noted, for all at once
        request.stage = 0
    return asked


def _is_replaced(one: Policy, proposed: Policy) -> bool:
    return (one.currency, one.least_amount) == (proposed.currency, proposed.least_amount)


def _route(request: Request, policies: Iterable[Policy], staff: Staff) -> Route:
    policy = fitting(policies, request.exposure, request.currency)
    if policy is None:
        return Route()
    request.policy = policy
    conflicted = frozenset({request.maker_id, *(one.user_id for one in request.conflicts.all())})
    steps = []
    for number, stage in enumerate(policy.stages):
        people = frozenset(one.person_id for one in staff.deciders(request, number, conflicted))
        needed = people_needed(stage)
        steps.append(Step(stage_in_words(stage), people, len(people) if needed is None else needed))
    return Route(tuple(steps), is_stuck=shortage_of(request, staff) is not None)


def _loads(pairs: Sequence[Rerouted]) -> Iterable[Load]:
    """Everybody to whom something falls, the busiest afterwards first."""
    before, after = _spread(one.before for one in pairs), _spread(one.after for one in pairs)
    people = User.objects.filter(pk__in={*before, *after})
    nothing = (Fraction(0), 0)
    loads = [
        Load(
            person=person,
            before=before.get(person.pk, nothing)[0],
            after=after.get(person.pk, nothing)[0],
            could_before=before.get(person.pk, nothing)[1],
            could_after=after.get(person.pk, nothing)[1],
        )
        for person in people.order_by("last_name", "first_name", "pk")
    ]
    return sorted(loads, key=lambda load: -load.after)


def _spread(routes: Iterable[Route]) -> dict[int, tuple[Fraction, int]]:
    """Person to his share of the work, and on how many requests he could decide."""
    found: dict[int, tuple[Fraction, int]] = {}
    for route in routes:
        shares: dict[int, Fraction] = {}
        for step in route.steps:
            for pk in step.people:
                shares[pk] = shares.get(pk, Fraction(0)) + step.share
        for pk, share in shares.items():
            work, number = found.get(pk, (Fraction(0), 0))
            found[pk] = (work + share, number + 1)
    return found

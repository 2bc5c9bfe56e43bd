"""By when a step has to be decided, and what that was counted from."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from apps.approvals.models import Request, StageClock, WorkingHours
from apps.approvals.rules import Clock, clock, clock_of_stage
from apps.approvals.selectors.hours import calendar_of
from apps.approvals.selectors.requests import stage_of
from apps.approvals.selectors.staff import Staff, deciders_at_work, steps_left
from apps.approvals.selectors.stages import people_needed
from apps.identity.models import User
from apps.identity.selectors import business_calendar


def time_of_step(
    request: Request, staff: Staff, started_at: datetime
) -> tuple[Clock, dict[str, Any]]:
    """The clock of the step at work if it starts now, and what it was counted from (one query).

    Whoever could decide now counts, each by his own days and hours; of those who were added because
    the step was late and of its own people alike. Of a step for all of a role the last one counts;
    once it was late, the first of those who decide for whoever is missing.
    """
    hours = request.policy.due_after_hours
    company = clock(business_calendar(request.entity), started_at, hours)
    people, needed = _people_who_count(request, staff)
    own = {row.person_id: row for row in WorkingHours.objects.standing().filter(person__in=people)}
    clocks = {
        pk: clock(calendar_of(own[pk], request.entity), started_at, hours) if pk in own else company
        for pk in people
    }
    whose, found = clock_of_stage(clocks, company, needed)
    return found, {
        "hours": hours,
        "needed": needed,
        "whose": whose,
        "company": {
            "time_zone": request.entity.time_zone,
            "country": request.entity.country,
            "due_at": company.due_at.isoformat(),
        },
        "people": [
            {
                "person": pk,
                "due_at": clocks[pk].due_at.isoformat(),
                "hours": _as_facts(own[pk]) if pk in own else None,
            }
            for pk in sorted(people)
        ],
    }


def _people_who_count(request: Request, staff: Staff) -> tuple[frozenset[int], int]:
    """Whose hours the step waits for, and how many of them have to decide."""
    able = deciders_at_work(request, staff)
    people = frozenset(one.person_id for one in able)
    if people_needed(stage_of(request)) is not None:
        return people, steps_left(request, staff)[0].needed
    own = staff.seats(request, request.stage)
    added = frozenset(one.person_id for one in able if one.seat not in own)
    return (added, 1) if added else (people, max(len(people), 1))


def _as_facts(hours: WorkingHours) -> dict[str, Any]:
    return {
        "time_zone": hours.time_zone,
        "weekdays": sorted(hours.weekdays),
        "opens_at": f"{hours.opens_at:%H:%M}",
        "closes_at": f"{hours.closes_at:%H:%M}",
        "country": hours.country,
    }


def clock_at_work(request: Request) -> StageClock | None:
    """The clock that runs for the step at work, or ran then; None before there were any."""
    clocks = request.clocks.filter(stage=request.stage)
    if request.seen_at is not None:
        clocks = clocks.filter(started_at__lte=request.seen_at)
    found: StageClock | None = clocks.order_by("pk").last()
    return found


def reasons_for(made: StageClock | None) -> tuple[str, ...]:
    """What a clock was counted from, in words: the rule, then whose hours differ."""
    if made is None:
        return ()
    if not made.basis:
        return ("Counted in business hours of the company.",)
    basis = made.basis
    own = [one for one in basis["people"] if one["hours"]]
    people = {
        one.pk: str(one) for one in User.objects.filter(pk__in=[row["person"] for row in own])
    }
    if not own:
        company = basis["company"]
        return (
            f"{basis['hours']} business hours of the company, by the clock of"
            f" {company['time_zone']}.",
        )
    there, needed = len(basis["people"]), basis["needed"]
    return (
        f"{basis['hours']} business hours: by then {needed} of the {there} who could decide when it"
        f" began {'has' if needed == 1 else 'have'} had all of them.",
        *(f"{people[one['person']]}: {_in_words(one['hours'])}." for one in own),
    )


def _in_words(facts: dict[str, Any]) -> str:
    hours = WorkingHours(
        time_zone=facts["time_zone"],
        weekdays=facts["weekdays"],
        opens_at=time.fromisoformat(facts["opens_at"]),
        closes_at=time.fromisoformat(facts["closes_at"]),
        country=facts["country"],
    )
    return hours.in_words

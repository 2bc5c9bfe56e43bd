"""Whose hours count: steps are due by the calendars of the people who could decide on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from apps.approvals.errors import HoursInvalid
from apps.approvals.models import Request, StageClock, WorkingHours
from apps.approvals.selectors.clocks import clock_at_work, reasons_for
from apps.approvals.selectors.could import who_could
from apps.approvals.selectors.hours import hours_of
from apps.approvals.services import (
    delegate,
    end_hours,
    plan_leave,
    set_hours,
    tend_requests,
)
from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal, StaleVersion
from tests.approvals.test_clocks import CONTROLLERS, FRIDAY, Clock, approve
from tests.approvals.test_races import race

pytestmark = pytest.mark.django_db

NEW_YORK: dict[str, Any] = {
    "time_zone": "America/New_York",
    "weekdays": [0, 1, 2, 3, 4],
    "opens_at": time(9),
    "closes_at": time(17),
    "country": "US",
}
MONDAYS = {**NEW_YORK, "weekdays": [0], "time_zone": "Europe/Amsterdam", "country": ""}
# Four hours from Friday, 14:00 in Amsterdam, which is 8:00 in New York.
IN_AMSTERDAM = datetime(2026, 4, 20, 8, 0, tzinfo=UTC)
IN_NEW_YORK = datetime(2026, 4, 17, 17, 0, tzinfo=UTC)
ON_MONDAY = datetime(2026, 4, 20, 11, 0, tzinfo=UTC)
BOTH = [{"people": ["bob", "rita"], "count": 2}]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def asked(clock: Clock, define: Any, ask: Any, bob: Any, connie: Any) -> Callable[..., Request]:
    """Ask on the Friday, with four business hours a step."""

    def make(**facts: Any) -> Request:
        define(due_after_hours=4, **facts)
        made: Request = ask()
        return made

    return make


def works(person: Any, hours: dict[str, Any] = NEW_YORK, actor: Any = None) -> WorkingHours:
    return set_hours(person_id=person.pk, **hours, actor=actor or person)


# --- Whose hours ----------------------------------------------------------------------------


def test_a_step_is_due_in_the_hours_of_whoever_can_decide(asked: Any, bob: Any) -> None:
    works(bob)
    request = asked()
    made = StageClock.objects.get()
    assert made.half_at == datetime(2026, 4, 17, 15, 0, tzinfo=UTC)
    assert made.late_at == datetime(2026, 4, 17, 16, 0, tzinfo=UTC)
    assert request.due_at == made.due_at == IN_NEW_YORK
    assert made.basis["whose"] == bob.pk
    assert made.basis["people"][0]["hours"]["time_zone"] == "America/New_York"


def test_reminders_follow_his_hours_too(asked: Any, clock: Clock, bob: Any) -> None:
    works(bob)
    request = asked()
    assert clock.at(hours=2, minutes=59) == []
    assert clock.at(hours=3) == [request.pk]


@pytest.mark.parametrize(
    ("stages", "due"),
    [
        ([{"people": ["bob", "rita"], "count": 1}], IN_NEW_YORK),  # the first of them
        (BOTH, ON_MONDAY),  # the second
        ([{"people": ["bob", "rita"], "count": "all"}], ON_MONDAY),
        ([{"role": "controller", "count": "all"}], IN_AMSTERDAM),
    ],
)
def test_as_many_as_a_step_needs_have_had_all_of_their_hours(
    asked: Any, bob: Any, rita: Any, stages: Any, due: datetime
) -> None:
    works(bob)
    works(rita, MONDAYS)
    assert asked(stages=stages).due_at == due


def test_all_of_a_role_waits_for_the_last_of_them(
    asked: Any, person: Any, entity: Any, bob: Any
) -> None:
    works(bob)
    works(person("beth", "approver", on=entity), MONDAYS)
    assert asked(stages=[{"role": "approver", "count": "all"}]).due_at == ON_MONDAY


def test_where_nobody_can_decide_the_hours_of_the_company_count(
    asked: Any, bob: Any, rita: Any
) -> None:
    works(bob)
    today = timezone.localdate()
    plan_leave(person_id=rita.pk, starts_on=today, ends_on=today + timedelta(days=5), actor=rita)
    assert asked(stages=BOTH).due_at == IN_AMSTERDAM  # of the place that is vacant


def test_who_stands_in_counts_by_his_own_hours(
    asked: Any, bob: Any, rita: Any, entity: Any
) -> None:
    works(rita)
    today = timezone.localdate()
    delegate(
        entity_id=entity.pk,
        delegate_id=rita.pk,
        starts_on=today,
        ends_on=today,
        reason="Holiday",
        actor=bob,
    )
    assert asked().due_at == IN_NEW_YORK


def test_the_next_step_has_the_hours_of_its_own_people(
    asked: Any, clock: Clock, bob: Any, rita: Any
) -> None:
    works(rita)
    stages = [{"role": "approver", "count": 1}, {"role": "reviewer", "count": 1}]
    request = asked(stages=stages)
    assert request.due_at == IN_AMSTERDAM
    approve(request, bob)
    assert Request.objects.get().due_at == IN_NEW_YORK


def test_an_authority_that_was_added_has_its_own_hours(
    asked: Any, clock: Clock, bob: Any, connie: Any
) -> None:
    works(connie)
    asked(stages=[{"role": "approver", "count": "all"}], escalation=CONTROLLERS)
    clock.at(days=3)  # Monday, 8:00 in New York
    assert Request.objects.get().due_at == IN_NEW_YORK + timedelta(days=3)


def test_a_late_step_for_all_that_nobody_can_take_over_waits_for_its_own_people(
    asked: Any, clock: Clock, bob: Any, connie: Any
) -> None:
    works(bob, MONDAYS)
    asked(stages=[{"role": "approver", "count": "all"}], escalation=[{"people": ["connie"]}])
    monday = FRIDAY.date() + timedelta(days=3)
    plan_leave(person_id=connie.pk, starts_on=monday, ends_on=monday, actor=connie)
    clock.at(days=3)
    assert StageClock.objects.latest("pk").basis["whose"] == bob.pk


def test_a_clock_that_runs_stays_as_it_was_frozen(asked: Any, clock: Clock, bob: Any) -> None:
    request = asked()
    clock.now += timedelta(hours=1)
    works(bob)
    assert tend_requests() == []
    assert Request.objects.get().due_at == request.due_at == IN_AMSTERDAM


# --- Why then -------------------------------------------------------------------------------


def test_it_is_told_whose_hours_they_were_whatever_they_are_now(
    define: Any, ask: Any, bob: Any, connie: Any
) -> None:
    hours = works(bob)
    define(due_after_hours=4)
    request, then = ask(), timezone.now()
    told = (
        "4 business hours: by then 1 of the 1 who could decide when it began has had all of them.",
        "Bob: 09:00 to 17:00 America/New_York, Mon, Tue, Wed, Thu, Fri, holidays of US.",
    )
    assert reasons_for(clock_at_work(request)) == told
    end_hours(hours_id=hours.pk, actor=bob)
    answer = who_could(request, then, actor=connie)
    assert (answer.due_at, answer.reasons) == (request.due_at, told)


def test_without_hours_of_their_own_it_is_told_that_they_are_the_company_s(
    define: Any, ask: Any, bob: Any, connie: Any
) -> None:
    define()
    request = ask()
    words = ("24 business hours of the company, by the clock of Europe/Amsterdam.",)
    assert who_could(request, timezone.now(), actor=connie).reasons == words


def test_before_there_was_a_clock_or_its_basis_nothing_is_made_up(
    define: Any, ask: Any, bob: Any, connie: Any
) -> None:
    define()
    request, a_day = ask(), timedelta(days=1)
    assert reasons_for(StageClock(basis={})) == ("Counted in business hours of the company.",)
    before = who_could(request, timezone.now() - a_day, actor=connie)
    assert (before.due_at, before.reasons) == (None, ())


# --- Setting them ---------------------------------------------------------------------------


def test_hours_take_the_place_of_those_before(bob: Any, connie: Any) -> None:
    assert hours_of(bob) is None
    first = works(bob)
    second = works(bob, MONDAYS, actor=connie)
    assert hours_of(bob) == second
    first.refresh_from_db()
    assert first.ended_at is not None
    assert (first.version, second.version, second.created_by) == (2, 2, connie)
    assert "Mon" in str(second)
    ended = end_hours(hours_id=second.pk, actor=connie, expected_version=2)
    assert ended.ended_at is not None
    actions = Event.objects.filter(action__startswith="approvals.hours").order_by("id")
    assert list(actions.values_list("action", flat=True)) == [
        "approvals.hours.set",
        "approvals.hours.set",
        "approvals.hours.end",
    ]


WRONG: list[tuple[dict[str, Any], type[Refusal], str]] = [
    ({"time_zone": "Europe"}, HoursInvalid, "time_zone"),
    ({"country": "XX"}, HoursInvalid, "country"),
    ({"weekdays": []}, HoursInvalid, "weekdays"),
    ({"weekdays": [7]}, HoursInvalid, "weekdays"),
    ({"closes_at": time(9)}, HoursInvalid, "closes_at"),
    ({"opens_at": time(22), "closes_at": time(6)}, HoursInvalid, "closes_at"),
    ({"weekdays": [0], "closes_at": time(16, 59)}, HoursInvalid, "weekdays"),
    ({"expected_version": 0}, StaleVersion, ""),
    ({"expected_version": 2}, StaleVersion, ""),
]


@pytest.mark.parametrize(("change", "refusal", "field"), WRONG)
def test_hours_that_make_no_sense_change_nothing(
    bob: Any, table_counts: Any, change: dict[str, Any], refusal: type[Refusal], field: str
) -> None:
    standing = works(bob)
    before = table_counts()
    with pytest.raises(refusal) as refused, transaction.atomic():
        works(bob, {**NEW_YORK, **change})
    assert refused.value.field in (field, None)
    assert table_counts() == before
    standing.refresh_from_db()
    assert standing.ended_at is None


def test_around_the_clock_is_a_day_of_24_hours(bob: Any) -> None:
    made = works(bob, {**NEW_YORK, "weekdays": [5], "opens_at": time(0), "closes_at": time(0)})
    assert made.time_a_week == timedelta(hours=24)


@pytest.mark.parametrize(
    ("who", "refusal"),
    [("alice", NotPermitted), ("rita", NotPermitted), ("charlie", NotVisible)],
)
def test_whose_hours_somebody_may_set(
    request: pytest.FixtureRequest, bob: Any, who: str, refusal: type[Refusal], table_counts: Any
) -> None:
    standing = works(bob)
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal), transaction.atomic():
        works(bob, actor=actor)
    with pytest.raises(refusal), transaction.atomic():
        end_hours(hours_id=standing.pk, actor=actor)
    assert table_counts() == before


def test_who_decides_nothing_sets_no_hours(alice: Any, table_counts: Any) -> None:
    before = table_counts()
    with pytest.raises(NotPermitted), transaction.atomic():
        works(alice)
    assert table_counts() == before


def test_hours_end_once_and_as_they_were_seen(bob: Any) -> None:
    hours = works(bob)
    with pytest.raises(StaleVersion), transaction.atomic():
        end_hours(hours_id=hours.pk, actor=bob, expected_version=2)
    assert WorkingHours.objects.standing().count() == 1
    end_hours(hours_id=hours.pk, actor=bob, expected_version=1)
    with pytest.raises(IllegalMove), transaction.atomic():
        end_hours(hours_id=hours.pk, actor=bob)


@pytest.mark.django_db(transaction=True)
def test_of_several_who_set_them_at_once_one_saw_what_was_there(bob: Any, connie: Any) -> None:
    ways = [
        partial(set_hours, person_id=bob.pk, **NEW_YORK, expected_version=0, actor=actor)
        for actor in (bob, connie) * 4
    ]
    outcomes = race(ways)
    assert sum(isinstance(one, WorkingHours) for one in outcomes) == 1
    assert sum(isinstance(one, StaleVersion) for one in outcomes) == 7
    assert WorkingHours.objects.count() == 1


def test_monday_is_0_in_words_too() -> None:
    assert WorkingHours(**MONDAYS).in_words == "09:00 to 17:00 Europe/Amsterdam, Mon"

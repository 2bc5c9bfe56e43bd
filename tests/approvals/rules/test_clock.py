"""Business hours: against a clock that ticks minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.approvals.rules import Clock, clock, clock_of_stage
from apps.common.calendar import BusinessCalendar

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
KINGS_DAY = date(2023, 4, 27)
OFFICE = BusinessCalendar(zone=AMSTERDAM, holidays={KINGS_DAY})
# Around the clock, Sundays included, so that the clock changes of 2023 happen in business time.
ALWAYS = BusinessCalendar(
    zone=AMSTERDAM, weekdays=frozenset(range(7)), opens_at=time(0), closes_at=time(0)
)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM)


def ticked(calendar: BusinessCalendar, start: datetime, minutes: int) -> datetime:
    """The oracle: walk through time, minute by minute, and count those in business hours."""
    now = start.astimezone(UTC)
    while minutes:
        there = now.astimezone(calendar.zone)
        is_day = there.weekday() in calendar.weekdays and there.date() not in calendar.holidays
        is_around_the_clock = calendar.closes_at == time(0)
        is_hour = is_around_the_clock or calendar.opens_at <= there.time() < calendar.closes_at
        now += timedelta(minutes=1)
        minutes -= is_day and is_hour
    return now


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2023-04-24T09:00", 4, "2023-04-24T13:00"),  # a Monday
        ("2023-04-24T15:00", 4, "2023-04-25T11:00"),
        ("2023-04-24T20:00", 4, "2023-04-25T13:00"),
        ("2023-04-28T16:00", 4, "2023-05-01T12:00"),  # over the weekend
        ("2023-04-26T16:00", 4, "2023-04-28T12:00"),  # over the holiday
        ("2023-04-24T09:00", 8, "2023-04-24T17:00"),
        ("2023-03-24T16:00", 4, "2023-03-27T12:00"),  # the clocks go forward meanwhile
        ("2023-10-27T16:00", 4, "2023-10-30T12:00"),  # and back
    ],
)
def test_it_counts_hours_of_work(start: str, hours: int, due: str) -> None:
    assert clock(OFFICE, local(start), hours).due_at == local(due)


def test_half_and_three_quarters_are_of_business_time_too() -> None:
    assert clock(OFFICE, local("2023-04-28T16:00"), 4) == Clock(
        half_at=local("2023-05-01T10:00"),
        late_at=local("2023-05-01T11:00"),
        due_at=local("2023-05-01T12:00"),
    )


@pytest.mark.parametrize(("day", "lasts"), [("2023-03-26", 23), ("2023-10-29", 25)])
def test_a_day_with_a_clock_change_has_the_hours_that_it_has(day: str, lasts: int) -> None:
    start = local(f"{day}T00:00")
    assert clock(ALWAYS, start, lasts).due_at == local(f"{day}T00:00") + timedelta(days=1)


@settings(max_examples=40)
@given(
    calendar=st.sampled_from([OFFICE, ALWAYS]),
    minutes=st.integers(0, 40 * 24 * 60),
    base=st.sampled_from(["2023-03-20T00:00", "2023-04-20T00:00", "2023-10-20T00:00"]),
    hours=st.integers(1, 30),
)
def test_it_says_what_a_ticking_clock_says(
    calendar: BusinessCalendar, minutes: int, base: str, hours: int
) -> None:
    start = local(base).astimezone(UTC) + timedelta(minutes=minutes)
    found = clock(calendar, start, hours)
    assert found.due_at == ticked(calendar, start, hours * 60)
    assert found.half_at == ticked(calendar, start, hours * 30)
    assert found.late_at == ticked(calendar, start, hours * 45)
    assert start < found.half_at < found.late_at < found.due_at


@pytest.mark.parametrize(
    ("start", "hours"),
    [(local("2023-04-24T09:00"), 0), (local("2023-04-24T09:00"), -1), (datetime(2023, 4, 24), 4)],
)
def test_a_clock_that_makes_no_sense_is_refused(start: datetime, hours: int) -> None:
    with pytest.raises(ValueError):
        clock(OFFICE, start, hours)


# --- Steps on which several people could decide ------------------------------------------------

NEW_YORK = BusinessCalendar(zone=ZoneInfo("America/New_York"), holidays={date(2023, 4, 26)})
SHANGHAI = BusinessCalendar(
    zone=ZoneInfo("Asia/Shanghai"), weekdays=frozenset({0, 2, 5}), opens_at=time(7)
)
PART_TIME = BusinessCalendar(zone=AMSTERDAM, weekdays=frozenset({1, 3}), closes_at=time(13))
CALENDARS = (OFFICE, NEW_YORK, SHANGHAI, PART_TIME, ALWAYS)


def is_open(calendar: BusinessCalendar, at: datetime) -> bool:
    there = at.astimezone(calendar.zone)
    is_day = there.weekday() in calendar.weekdays and there.date() not in calendar.holidays
    is_late = calendar.closes_at != time(0) and there.time() >= calendar.closes_at
    return is_day and calendar.opens_at <= there.time() and not is_late


def waited(people: list[BusinessCalendar], start: datetime, hours: int, needed: int) -> datetime:
    """The oracle: minute by minute, until so many people have had all of their own hours."""
    people = people + [OFFICE] * (needed - len(people))
    left = [hours * 60] * len(people)
    now = start
    while sum(minutes <= 0 for minutes in left) < needed:
        left = [
            minutes - is_open(calendar, now) for minutes, calendar in zip(left, people, strict=True)
        ]
        now += timedelta(minutes=1)
    return now


@settings(max_examples=30)
@given(
    people=st.lists(st.sampled_from(CALENDARS), max_size=4),
    minutes=st.integers(0, 14 * 24 * 60),
    hours=st.integers(1, 12),
    needed=st.integers(1, 4),
)
def test_a_step_is_due_when_as_many_as_it_needs_have_had_all_of_their_hours(
    people: list[BusinessCalendar], minutes: int, hours: int, needed: int
) -> None:
    start = local("2023-04-20T00:00").astimezone(UTC) + timedelta(minutes=minutes)
    own = {number: clock(each, start, hours) for number, each in enumerate(people)}
    company = clock(OFFICE, start, hours)
    whose, found = clock_of_stage(own, company, needed)
    assert found.due_at == waited(people, start, hours, needed)
    assert found == (company if whose is None else own[whose])
    assert start < found.half_at < found.late_at < found.due_at


def test_of_two_with_the_same_hours_it_is_the_first() -> None:
    same = clock(OFFICE, local("2023-04-24T09:00"), 4)
    assert clock_of_stage({7: same, 3: same}, same, 1) == (3, same)


def test_a_step_that_needs_nobody_has_no_clock() -> None:
    with pytest.raises(ValueError):
        clock_of_stage({}, clock(OFFICE, local("2023-04-24T09:00"), 4), 0)

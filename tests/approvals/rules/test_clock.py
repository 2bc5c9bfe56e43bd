"""Business hours: against a clock that ticks minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.approvals.rules import Clock, clock
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


@settings(max_examples=40, deadline=None)
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

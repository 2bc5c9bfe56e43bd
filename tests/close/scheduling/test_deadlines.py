"""Deadlines: reading them and putting them on a calendar."""

from datetime import UTC, date, datetime, time

import pytest

from apps.close.scheduling import Deadline, DeadlineNotUnderstood, parse_deadline
from apps.common.calendar import BusinessCalendar, public_holidays_of, zone_named

NEW_YORK = BusinessCalendar(zone_named("America/New_York"), holidays=public_holidays_of("US"))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("2023-04-30 + 3 business days", Deadline(3, None, date(2023, 4, 30))),
        ("2023-04-30 + 1 business day", Deadline(1, None, date(2023, 4, 30))),
        (" 2023-04-30+10  business days ", Deadline(10, None, date(2023, 4, 30))),
        ("2023-04-30 - 2 business days", Deadline(-2, None, date(2023, 4, 30))),
        ("2023-04-30 + 3 business days at 12:30", Deadline(3, time(12, 30), date(2023, 4, 30))),
        ({"business_days_after_period_end": 2, "time": "17:00"}, Deadline(2, time(17), None)),
        ({"business_days_after_period_end": -1}, Deadline(-1, None, None)),
        ({"business_days_after_period_end": 0, "time": None}, Deadline(0, None, None)),
    ],
)
def test_the_known_forms_are_read(expression, expected):
    assert parse_deadline(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "2023-04-31 + 3 business days",
        "2023-04-30",
        "2023-04-30 + 3 days",
        "2023-04-30 + business days",
        "2023-04-30 + 99999 business days",
        "2023-04-30 + 3 business days at 25:00",
        "2023-04-30 + 3 business days at noon",
        "{execution.parameters.month_end_date} + 3 business days",
        "２０２３-04-30 + 3 business days",
        {},
        {"time": "17:00"},
        {"business_days_after_period_end": "2"},
        {"business_days_after_period_end": 2.0},
        {"business_days_after_period_end": True},
        {"business_days_after_period_end": 10_000},
        {"business_days_after_period_end": 2, "time": "5 pm"},
        {"business_days_after_period_end": 2, "time": "24:00"},
        {"business_days_after_period_end": 2, "time": 17},
        {"business_days_after_period_end": 2, "hour": "17:00"},
        None,
        ["2023-04-30 + 3 business days"],
    ],
)
def test_anything_else_is_refused(expression):
    with pytest.raises(DeadlineNotUnderstood, match="is not understood; write it as"):
        parse_deadline(expression)


def test_a_deadline_is_an_instant_of_the_calendars_zone():
    deadline = parse_deadline("2023-04-30 + 3 business days")
    # 30 April 2023 is a Sunday; the third working day of May ends at 17:00 in New York.
    assert deadline.instant(NEW_YORK, date(1999, 1, 31)) == datetime(2023, 5, 3, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period_ends_on", "expected"),
    [
        (date(2026, 2, 28), datetime(2026, 3, 3, 22, tzinfo=UTC)),  # before the clock change
        (date(2026, 3, 31), datetime(2026, 4, 2, 21, tzinfo=UTC)),  # after it
        (date(2025, 12, 31), datetime(2026, 1, 5, 22, tzinfo=UTC)),  # New Year's Day, a weekend
    ],
)
def test_business_days_after_the_period_end_skip_holidays_and_follow_the_clock(
    period_ends_on, expected
):
    deadline = parse_deadline({"business_days_after_period_end": 2, "time": "17:00"})
    assert deadline.instant(NEW_YORK, period_ends_on) == expected


def test_without_a_time_a_deadline_is_the_closing_time():
    around_the_clock = BusinessCalendar(
        zone_named("Europe/Berlin"), opens_at=time(0), closes_at=time(0)
    )
    deadline = Deadline(1)
    assert deadline.instant(around_the_clock, date(2026, 1, 30)) == datetime(
        2026, 2, 2, 23, tzinfo=UTC
    )

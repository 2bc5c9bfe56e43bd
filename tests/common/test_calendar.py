"""The business calendar against a minute-by-minute oracle, clock changes included."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.calendar import (
    BusinessCalendar,
    CalendarNeverOpen,
    HolidaysUnknown,
    InstantNaive,
    ZoneUnknown,
    public_holidays_of,
    zone_named,
)

MINUTE = timedelta(minutes=1)
BERLIN = zone_named("Europe/Berlin")
# Days around clock changes: Berlin, New York, Lord Howe (half an hour), Samoa (a day that never
# was), Auckland, Cairo (the change is at midnight).
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 31, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC)),
    ("Pacific/Auckland", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 23, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 6, 1, tzinfo=UTC)),
]
# Openings and closings that no clock change of these zones makes ambiguous.
HOURS = [(time(9), time(17)), (time(0), time(0)), (time(4), time(22, 30)), (time(12), time(0))]


@st.composite
def calendars_and_minutes(draw):
    """A calendar, two whole minutes within three days, and business minutes as a plain set."""
    zone_name, start = draw(st.sampled_from(CHANGES))
    opens_at, closes_at = draw(st.sampled_from(HOURS))
    calendar = BusinessCalendar(
        ZoneInfo(zone_name),
        weekdays=draw(st.frozensets(st.integers(0, 6), min_size=3)),
        holidays=draw(st.frozensets(st.dates(start.date(), start.date() + timedelta(3)))),
        opens_at=opens_at,
        closes_at=closes_at,
    )
    at = st.integers(0, 3 * 24 * 60).map(lambda minutes: start + minutes * MINUTE)
    return calendar, draw(at), draw(at)


def is_open(calendar, instant):
    """Whether the minute that begins at ``instant`` is business time, from the wall clock."""
    local = instant.astimezone(calendar.zone)
    closes_at = calendar.closes_at
    return (
        local.weekday() in calendar.weekdays
        and local.date() not in calendar.holidays
        and calendar.opens_at <= local.time()
        and (closes_at == time(0) or local.time() < closes_at)
    )


def counted(calendar, start, end):
    minutes = int((end - start) / MINUTE)
    return sum(is_open(calendar, start + n * MINUTE) for n in range(minutes))


@given(calendars_and_minutes())
def test_business_minutes_are_the_open_minutes_of_the_wall_clock(case):
    calendar, one, other = case
    start, end = sorted([one, other])
    assert calendar.business_minutes_between(start, end) == counted(calendar, start, end)
    assert calendar.business_minutes_between(end, start) == -counted(calendar, start, end)


@given(calendars_and_minutes(), st.integers(1, 2_000))
def test_adding_business_minutes_stops_as_soon_as_they_have_passed(case, minutes):
    calendar, at, _ = case
    after = calendar.add_business_minutes(at, minutes)
    assert after.tzinfo is UTC
    assert counted(calendar, at, after) == minutes
    assert is_open(calendar, after - MINUTE)
    before = calendar.add_business_minutes(at, -minutes)
    assert counted(calendar, before, at) == minutes
    assert is_open(calendar, before)


@given(calendars_and_minutes())
def test_the_next_opening_and_the_previous_closing_are_the_nearest(case):
    calendar, at, _ = case
    opening = calendar.next_opening(at)
    assert is_open(calendar, opening)
    assert counted(calendar, at, opening) == 0
    closing = calendar.previous_closing(at)
    assert is_open(calendar, closing - MINUTE)
    assert counted(calendar, closing, at) == 0


@given(calendars_and_minutes(), st.integers(-20, 20))
def test_business_days_are_counted_one_by_one(case, n):
    calendar, at, _ = case
    day = at.date()

    def counts(day):
        return day.weekday() in calendar.weekdays and day not in calendar.holidays

    found = calendar.add_business_days(day, n)
    if day <= date(2011, 12, 30) <= found or found <= date(2011, 12, 30) <= day:
        return  # Samoa's missing day has a test of its own
    assert counts(found)
    if n > 0:
        between = [day + timedelta(k) for k in range(1, (found - day).days + 1)]
    elif n < 0:
        between = [found + timedelta(k) for k in range((day - found).days)]
    else:
        between = [day + timedelta(k) for k in range((found - day).days)]
    assert sum(counts(each) for each in between) == abs(n)


# Examples that read as rules


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        (date(2023, 4, 30), 3, date(2023, 5, 4)),  # 1 May is a holiday in Germany
        (date(2023, 4, 30), 0, date(2023, 5, 2)),  # a Sunday rolls forward
        (date(2023, 4, 28), 0, date(2023, 4, 28)),
        (date(2023, 4, 28), 1, date(2023, 5, 2)),
        (date(2023, 5, 2), -1, date(2023, 4, 28)),
    ],
)
def test_weekends_and_public_holidays_are_no_business_days(day, n, expected):
    calendar = BusinessCalendar(BERLIN, holidays=public_holidays_of("DE"))
    assert calendar.add_business_days(day, n) == expected


def test_holidays_are_known_by_country_and_subdivision():
    epiphany = date(2026, 1, 6)
    assert epiphany in public_holidays_of("DE", "BY")
    assert epiphany not in public_holidays_of("DE")
    with pytest.raises(HolidaysUnknown, match="'ZZ'"):
        public_holidays_of("ZZ")
    with pytest.raises(HolidaysUnknown, match="'DE-QQ'"):
        public_holidays_of("DE", "QQ")


def test_eight_hours_from_an_opening_end_the_same_day():
    calendar = BusinessCalendar(BERLIN)
    opening = calendar.local_instant(date(2026, 1, 30), time(9))
    assert calendar.add_business_minutes(opening, 480) == datetime(2026, 1, 30, 16, tzinfo=UTC)
    assert calendar.add_business_minutes(opening, 481) == datetime(2026, 2, 2, 8, 1, tzinfo=UTC)


def test_no_time_at_all_is_the_instant_itself_even_on_a_sunday():
    calendar = BusinessCalendar(BERLIN)
    sunday = datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert calendar.add_business_minutes(sunday, 0) == sunday


def test_seconds_are_kept_when_adding_and_dropped_when_counting_minutes():
    calendar = BusinessCalendar(BERLIN)
    start = datetime(2026, 2, 2, 9, 0, 30, tzinfo=UTC)
    end = datetime(2026, 2, 2, 9, 2, 0, tzinfo=UTC)
    assert calendar.add_business_time(start, timedelta(seconds=90)) == end
    assert calendar.business_time_between(start, end) == timedelta(seconds=90)
    assert calendar.business_minutes_between(start, end) == 1
    assert calendar.business_minutes_between(end, start) == -1


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)],
)
def test_a_day_is_as_long_as_the_clock_change_makes_it(day, hours):
    calendar = BusinessCalendar(BERLIN, frozenset(range(7)), frozenset(), time(0), time(0))
    found = calendar.hours_on(day)
    assert found.closes_at - found.opens_at == timedelta(hours=hours)


def test_hours_that_a_clock_change_skips_do_not_exist():
    calendar = BusinessCalendar(BERLIN, frozenset(range(7)), frozenset(), time(2, 30), time(3))
    assert calendar.hours_on(date(2026, 3, 28)) is not None
    assert calendar.hours_on(date(2026, 3, 29)) is None


def test_a_day_that_the_zone_skips_is_no_business_day():
    calendar = BusinessCalendar(ZoneInfo("Pacific/Apia"))
    assert date(2011, 12, 30).weekday() == 4
    assert calendar.is_business_day(date(2011, 12, 30)) is False
    assert calendar.is_business_day(date(2011, 12, 29)) is True
    assert calendar.add_business_days(date(2011, 12, 29), 1) == date(2012, 1, 2)


def test_a_fold_left_on_a_time_does_not_move_it():
    calendar = BusinessCalendar(BERLIN)
    repeated = time(2, 30, fold=1)
    assert calendar.local_instant(date(2026, 10, 25), repeated) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "options",
    [
        {"weekdays": frozenset()},
        {"weekdays": frozenset({7})},
        {"opens_at": time(17), "closes_at": time(9)},
        {"opens_at": time(9), "closes_at": time(9)},
    ],
)
def test_a_calendar_without_hours_is_refused(options):
    with pytest.raises(CalendarNeverOpen):
        BusinessCalendar(BERLIN, **options)


class EveryDay:
    """Holidays without end."""

    def __contains__(self, day):
        return True


@pytest.mark.parametrize(
    "ask",
    [
        lambda calendar, at: calendar.next_opening(at),
        lambda calendar, at: calendar.previous_closing(at),
        lambda calendar, at: calendar.add_business_minutes(at, 1),
        lambda calendar, at: calendar.add_business_days(at.date(), 1),
    ],
)
def test_holidays_without_end_are_refused_instead_of_searched_for_ever(ask):
    calendar = BusinessCalendar(BERLIN, holidays=EveryDay())
    with pytest.raises(CalendarNeverOpen, match="no business day within 366 days"):
        ask(calendar, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "ask",
    [
        lambda calendar, at: calendar.next_opening(at),
        lambda calendar, at: calendar.previous_closing(at),
        lambda calendar, at: calendar.add_business_minutes(at, 1),
        lambda calendar, at: calendar.business_minutes_between(at, at),
    ],
)
def test_an_instant_without_a_zone_is_refused(ask):
    with pytest.raises(InstantNaive):
        ask(BusinessCalendar(BERLIN), datetime(2026, 1, 1))


@pytest.mark.parametrize("name", ["Mars/Olympus", "Europe", "../etc/passwd", ""])
def test_an_unknown_zone_is_refused(name):
    with pytest.raises(ZoneUnknown):
        zone_named(name)

"""Fiscal calendars: their periods tile every year, and known years are as published."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ledger.errors import FiscalCalendarInvalid
from apps.ledger.fiscal import (
    FiscalPeriod,
    MonthCalendar,
    WeekCalendar,
    WeekPattern,
    YearEnd,
)

ONE_DAY = timedelta(days=1)
MONTH_CALENDARS = st.builds(MonthCalendar, st.integers(1, 12), st.integers(1, 28), st.booleans())
WEEK_CALENDARS = st.builds(
    WeekCalendar,
    st.sampled_from(WeekPattern),
    st.integers(1, 12),
    st.integers(0, 6),
    st.sampled_from(YearEnd),
    st.booleans(),
)
YEARS = st.integers(1950, 2150)


@given(MONTH_CALENDARS | WEEK_CALENDARS, YEARS)
def test_periods_tile_the_year_and_years_tile_time(calendar, year):
    periods = calendar.periods(year)
    assert periods[0].starts_on == calendar.year_starts_on(year)
    assert periods[-1].ends_on == calendar.year_ends_on(year)
    assert calendar.year_ends_on(year) + ONE_DAY == calendar.year_starts_on(year + 1)
    for period, following in pairwise(periods):
        assert period.starts_on <= period.ends_on
        assert period.ends_on + ONE_DAY == following.starts_on
    assert [period.name for period in periods] == [
        f"{year}-{number:02d}" for number in range(1, len(periods) + 1)
    ]


@given(MONTH_CALENDARS | WEEK_CALENDARS, st.dates(date(1950, 1, 1), date(2150, 12, 31)))
def test_every_day_belongs_to_one_year_and_one_period(calendar, day):
    year = calendar.fiscal_year_of(day)
    assert calendar.year_starts_on(year) <= day <= calendar.year_ends_on(year)
    period = calendar.period_of(day)
    assert period in calendar.periods(year)
    assert period.starts_on <= day <= period.ends_on


@given(WEEK_CALENDARS, YEARS)
def test_a_week_calendar_has_52_or_53_weeks_in_its_pattern(calendar, year):
    weeks = [((p.ends_on - p.starts_on).days + 1) / 7 for p in calendar.periods(year)]
    pattern = list(calendar.pattern.weeks)
    assert weeks in (pattern, [*pattern[:-1], pattern[-1] + 1])
    assert sum(pattern) == 52


@given(WEEK_CALENDARS, YEARS)
def test_a_week_calendar_ends_on_the_weekday_that_its_rule_names(calendar, year):
    end = calendar.year_ends_on(year)
    assert end.weekday() == calendar.ends_weekday
    nominal = year + calendar.is_named_by_start
    in_month = [
        date(nominal, calendar.ends_month, 1) + timedelta(days=n)
        for n in range(31)
        if (date(nominal, calendar.ends_month, 1) + timedelta(days=n)).month == calendar.ends_month
    ]
    if calendar.year_end is YearEnd.LAST:
        assert end == max(day for day in in_month if day.weekday() == calendar.ends_weekday)
    else:
        assert abs((end - in_month[-1]).days) <= 3


@given(MONTH_CALENDARS, YEARS)
def test_a_month_calendar_has_twelve_periods_from_its_day_to_the_day_before(calendar, year):
    periods = calendar.periods(year)
    assert len(periods) == 12
    assert {period.starts_on.day for period in periods} == {calendar.starts_day}
    assert periods[0].starts_on.month == calendar.starts_month


def test_the_calendar_year_is_the_default():
    periods = MonthCalendar().periods(2024)
    assert periods[1] == FiscalPeriod("2024-02", date(2024, 2, 1), date(2024, 2, 29))
    assert periods[11] == FiscalPeriod("2024-12", date(2024, 12, 1), date(2024, 12, 31))
    assert MonthCalendar(is_named_by_start=True).periods(2024) == periods
    assert MonthCalendar().period_of(date(2023, 4, 30)).name == "2023-04"


def test_a_custom_start_names_the_year_by_its_end_or_its_start():
    assert MonthCalendar(4, 6).year_starts_on(2026) == date(2025, 4, 6)  # UK tax year 2025/26
    assert MonthCalendar(4, 6, is_named_by_start=True).year_ends_on(2025) == date(2026, 4, 5)
    assert MonthCalendar(7).period_of(date(2026, 6, 30)).name == "2026-12"


# The National Retail Federation's 4-5-4 calendar: Saturday nearest to 31 January, 53 weeks in 2023.
RETAIL = WeekCalendar(WeekPattern.FOUR_FIVE_FOUR, 1, 5, YearEnd.NEAREST, is_named_by_start=True)


@pytest.mark.parametrize(
    ("year", "starts_on", "ends_on", "weeks"),
    [
        (2022, date(2022, 1, 30), date(2023, 1, 28), 52),
        (2023, date(2023, 1, 29), date(2024, 2, 3), 53),
        (2024, date(2024, 2, 4), date(2025, 2, 1), 52),
    ],
)
def test_the_retail_calendar_is_as_published(year, starts_on, ends_on, weeks):
    assert RETAIL.year_starts_on(year) == starts_on
    assert RETAIL.year_ends_on(year) == ends_on
    assert (ends_on - starts_on).days + 1 == weeks * 7


def test_the_53rd_week_lengthens_the_last_period():
    january = RETAIL.periods(2023)[-1]
    assert january == FiscalPeriod("2023-12", date(2023, 12, 31), date(2024, 2, 3))


def test_a_late_year_end_and_a_name_taken_from_the_start_add_up():
    calendar = WeekCalendar(
        ends_month=12, ends_weekday=4, year_end=YearEnd.NEAREST, is_named_by_start=True
    )
    assert calendar.fiscal_year_of(date(2025, 1, 3)) == 2023
    assert calendar.fiscal_year_of(date(2025, 1, 4)) == 2024


def test_thirteen_periods_of_four_weeks():
    calendar = WeekCalendar(WeekPattern.THIRTEEN, 12, 5, YearEnd.LAST)
    assert len(calendar.periods(2026)) == 13
    assert calendar.year_ends_on(2026) == date(2026, 12, 26)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: MonthCalendar(0), "no month 0"),
        (lambda: MonthCalendar(13), "no month 13"),
        (lambda: MonthCalendar(1, 29), "cannot start on day 29"),
        (lambda: MonthCalendar(1, 0), "cannot start on day 0"),
        (lambda: WeekCalendar(ends_month=13), "no month 13"),
        (lambda: WeekCalendar(ends_weekday=7), "no weekday 7"),
        (lambda: WeekCalendar(ends_weekday=-1), "no weekday -1"),
    ],
)
def test_rules_that_do_not_exist_are_refused(make, why):
    with pytest.raises(FiscalCalendarInvalid, match=why):
        make()

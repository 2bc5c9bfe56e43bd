"""Amounts in words, and days between dates."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reconciliation.matching.days import Calendar
from apps.reconciliation.matching.money import (
    amount_text,
    amount_words,
    exponent,
    minor_unit,
    scaled,
    unscaled,
)

CURRENCIES = ["EUR", "JPY", "KWD", "CLF"]


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1234_5000, "EUR", "1234.50"),
        (-1234_5000, "EUR", "-1234.50"),
        (-500, "EUR", "-0.05"),
        (1, "EUR", "0.0001"),
        (1234_0000, "JPY", "1234"),
        (1234_5000, "JPY", "1234.5000"),
        (1_2340, "KWD", "1.234"),
        (1_2345, "KWD", "1.2345"),
        (0, "EUR", "0.00"),
    ],
)
def test_an_amount_shows_the_decimals_of_its_currency_and_hides_none(amount, currency, text):
    assert amount_text(amount, currency) == text


@given(st.lists(st.tuples(st.integers(-(10**15), 10**15), st.sampled_from(CURRENCIES))))
def test_a_column_of_amounts_reads_as_its_amounts_do(rows):
    frame = pl.DataFrame(rows, schema={"amount": pl.Int64, "currency": pl.String}, orient="row")
    known = frame["currency"].unique().to_list()
    words = frame.select(amount_words(pl.col("amount"), pl.col("currency"), known)).to_series()
    assert words.to_list() == [amount_text(*row) for row in rows]


def test_currencies_have_the_decimals_of_iso_4217():
    assert [exponent(code) for code in CURRENCIES] == [2, 0, 3, 4]
    assert [minor_unit(code) for code in CURRENCIES] == [100, 10_000, 10, 1]
    with pytest.raises(ValueError, match="'EURO' is not"):
        exponent("EURO")


@pytest.mark.parametrize(
    ("units", "text"), [(500, "0.05"), (0, "0"), (100_0000, "100"), (1, "0.0001")]
)
def test_a_decimal_is_written_as_short_as_it_can_be(units, text):
    assert unscaled(units, 4) == text


@given(st.integers(-(10**17), 10**17))
def test_a_setting_reads_back_what_it_was_written_as(units):
    assert scaled(unscaled(units, 4), 4) == units


def plain_distance(first: date, second: date, calendar: Calendar) -> int:
    """Business days between two dates, walked day by day; a day off is the next business day."""

    def is_worked(day: date) -> bool:
        return calendar.workdays[day.weekday()] == "1" and day not in calendar.holidays

    def rolled(day: date) -> date:
        while not is_worked(day):
            day += timedelta(days=1)
        return day

    first, second = rolled(first), rolled(second)
    low, high = min(first, second), max(first, second)
    worked = sum(is_worked(low + timedelta(days=step)) for step in range((high - low).days))
    return worked if second >= first else -worked


DAYS = st.dates(date(2025, 12, 20), date(2026, 1, 20))


@given(
    DAYS,
    DAYS,
    st.sampled_from(["1111100", "0111110", "1111111"]),
    st.lists(DAYS, max_size=4, unique=True),
)
def test_business_days_are_counted_as_one_would_walk_them(first, second, workdays, holidays):
    calendar = Calendar(workdays, tuple(sorted(holidays)))
    numbers = calendar.number(pl.Series([first, second]), "business")
    assert numbers[1] - numbers[0] == plain_distance(first, second, calendar)


@given(DAYS, DAYS)
def test_calendar_days_are_just_days(first, second):
    numbers = Calendar().number(pl.Series([first, second]), "calendar")
    assert numbers[1] - numbers[0] == (second - first).days

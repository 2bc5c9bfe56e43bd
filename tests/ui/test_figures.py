"""How figures and times are written: exactly, and never rounded in silence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import Invalid
from apps.common.templatetags.finflow import (
    amount,
    count,
    day,
    duration,
    instant,
    minutes,
    percent,
    signed_class,
    things,
)


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        ("1204.5000", "EUR", "1,204.50"),
        ("-17", "EUR", "−17.00"),
        ("0", "EUR", "0.00"),
        ("-0.0000", "EUR", "0.00"),
        ("1234567", "JPY", "1,234,567"),
        ("1.2340", "KWD", "1.234"),
        ("0.0001", "CLF", "0.0001"),
        ("99999999999999999999.9999", "KWD", "99,999,999,999,999,999,999.9999"),
        ("1.005", "EUR", "1.005"),
        ("12.5", "JPY", "12.5"),
        ("-0.0001", "EUR", "−0.0001"),
        ("1E+3", "EUR", "1,000.00"),
    ],
)
def test_an_amount_has_its_currencys_decimals_and_more_only_if_the_value_does(
    value: str, currency: str, shown: str
) -> None:
    assert amount(Decimal(value), currency) == shown


def test_an_amount_follows_the_readers_separators() -> None:
    with translation.override("de"):
        assert amount(Decimal("-1234567.89"), "EUR") == "−1.234.567,89"


def test_no_amount_on_a_side_leaves_the_cell_empty() -> None:
    assert amount(None, "EUR") == ""
    assert signed_class(None) == ""


@given(st.decimals(min_value=-(10**16), max_value=10**16, places=4))
def test_an_amount_read_back_is_the_amount(value: Decimal) -> None:
    shown = amount(value, "EUR")
    assert Decimal(shown.replace(",", "").replace("−", "-")) == value
    assert shown.startswith("−") == (value < 0)


@pytest.mark.parametrize("value", [1.5, "12.00", "", True, object()])
def test_what_is_not_money_is_not_shown_as_money(value: object) -> None:
    with pytest.raises(TypeError):
        amount(value, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_not_shown(value: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        amount(Decimal(value), "EUR")


def test_an_amount_in_no_currency_is_not_shown() -> None:
    with pytest.raises(Invalid):
        amount(Decimal(1), "XYQ")


@pytest.mark.parametrize(
    ("value", "css"), [("-0.01", "negative"), ("0.00", "zero"), ("-0.00", "zero"), ("3", "")]
)
def test_the_class_of_an_amount_tells_its_sign(value: str, css: str) -> None:
    assert signed_class(Decimal(value)) == css


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (0, "entries", "0 entries"),
        (1, "entries", "1 entry"),
        (1, "matches", "1 match"),
        (1, "lines", "1 line"),
        (1204, "lines", "1,204 lines"),
    ],
)
def test_one_thing_is_told_in_the_singular(number: int, noun: str, said: str) -> None:
    assert things(number, noun) == said


def test_counts_have_separators_and_are_whole() -> None:
    assert count(1204) == "1,204"
    assert count(-3) == "−3"
    for value in (1.0, Decimal(1), True, ""):
        with pytest.raises(TypeError):
            count(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        ("1", "100.00%"),
        ("0", "0.00%"),
        ("0.9962", "99.62%"),
        ("0.99999", "99.99%"),
        ("0.00001", "<0.01%"),
        ("-0.00001", "<−0.01%"),
        ("-0.031", "−3.10%"),
        ("12.5", "1,250.00%"),
    ],
)
def test_a_percentage_claims_all_or_nothing_only_when_it_is(ratio: str, shown: str) -> None:
    assert percent(Decimal(ratio)) == shown


def test_a_percentage_takes_its_decimals() -> None:
    assert percent(Decimal("0.12345"), 0) == "12%"


def test_a_day_is_unambiguous() -> None:
    assert day(date(2023, 5, 2)) == "2 May 2023"
    assert day(None) == ""


@pytest.mark.parametrize("value", [datetime(2023, 5, 2, tzinfo=UTC), "2023-05-02", ""])
def test_a_moment_is_not_a_day(value: object) -> None:
    with pytest.raises(TypeError):
        day(value)  # type: ignore[arg-type]


def test_an_instant_is_shown_in_the_active_zone_and_names_it() -> None:
    with timezone.override(ZoneInfo("Pacific/Auckland")):
        html = instant(datetime(2023, 5, 2, 17, 0, 9, tzinfo=UTC))
    assert html == (
        '<time datetime="2023-05-02T17:00:09+00:00" '
        'title="Wednesday 3 May 2023 05:00:09 Pacific/Auckland (UTC+1200)">3 May 2023 05:00</time>'
    )
    assert instant(None) == ""


def test_an_instant_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        instant(datetime(2023, 5, 2, 17))
    with pytest.raises(TypeError):
        instant(date(2023, 5, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 min"),
        (45, "45 min"),
        (60, "1 h 00 min"),
        (125, "2 h 05 min"),
        (-90, "−1 h 30 min"),
        (None, ""),
    ],
)
def test_minutes_read_as_hours_and_minutes(value: int | None, shown: str) -> None:
    assert minutes(value) == shown


@pytest.mark.parametrize("value", [1.5, True, ""])
def test_minutes_are_whole(value: object) -> None:
    with pytest.raises(TypeError):
        minutes(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (timedelta(milliseconds=340), "340 ms"),
        (timedelta(seconds=3, milliseconds=499), "3.4 s"),
        (timedelta(seconds=59, milliseconds=999), "59.9 s"),
        (timedelta(seconds=125), "2 min 05 s"),
        (timedelta(hours=2, minutes=5, seconds=59), "2 h 05 min"),
        (None, ""),
    ],
)
def test_a_duration_is_shown_in_the_unit_that_fits(value: timedelta | None, shown: str) -> None:
    assert duration(value) == shown


def test_a_duration_is_a_span_and_not_negative() -> None:
    with pytest.raises(TypeError):
        duration(90)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="negative"):
        duration(timedelta(seconds=-1))


def test_a_misspelt_variable_breaks_the_page_instead_of_showing_nothing() -> None:
    page = Template('{% load finflow %}{{ entry.amuont|amount:"EUR" }}')
    with pytest.raises(TypeError):
        page.render(Context({"entry": {"amount": Decimal(1)}}))

"""Amounts: exact, and never more decimals than the currency has."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import Invalid
from apps.common.money import (
    exponent,
    from_ten_thousandths,
    is_currency,
    plain,
    require_minor_units,
    to_ten_thousandths,
    validate_currency,
)


@pytest.mark.parametrize(("currency", "places"), [("JPY", 0), ("EUR", 2), ("KWD", 3)])
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, places: int) -> None:
    assert exponent(currency) == places


@pytest.mark.parametrize("word", ["", "EURO", "eur", "X1X"])
def test_what_is_no_currency_is_refused(word: str) -> None:
    assert not is_currency(word)
    with pytest.raises(Invalid):
        exponent(word)
    with pytest.raises(ValidationError):
        validate_currency(word)


def test_a_currency_validates() -> None:
    assert is_currency("CHF")
    validate_currency("CHF")


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("0.001", "EUR"), ("0.1", "JPY"), ("1.2345", "KWD"), ("NaN", "EUR"), ("Infinity", "EUR")],
)
def test_an_amount_with_more_decimals_is_refused_not_rounded(amount: str, currency: str) -> None:
    with pytest.raises(Invalid):
        require_minor_units(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [("1234.5", "EUR", "1234.50"), ("-7", "JPY", "-7"), ("0", "KWD", "0.000")],
)
def test_machines_read_the_currencys_own_decimals(amount: str, currency: str, text: str) -> None:
    assert plain(require_minor_units(Decimal(amount), currency), currency) == text


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_ten_thousandths_come_back_exactly(units: int) -> None:
    assert to_ten_thousandths(from_ten_thousandths(units)) == units


def test_a_fifth_decimal_has_no_integer() -> None:
    with pytest.raises(ValueError, match="four decimals"):
        to_ten_thousandths(Decimal("0.00001"))

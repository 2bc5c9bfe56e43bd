"""Amounts as people and programs write them."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ingestion.formats.amounts import (
    amount_units,
    decimal_separator_of,
    parse_amount,
    signed_parts,
)
from apps.ingestion.formats.errors import AmbiguousNumbers

NOT_AN_AMOUNT = "is not an amount; write digits with one decimal separator"


def column_units(cells: list[str], decimal: str) -> list[tuple[int | None, str | None]]:
    return amount_units(signed_parts(pl.Series(cells)), decimal).rows()


@pytest.mark.parametrize(
    ("cell", "decimal", "expected"),
    [
        ("1.234,56", ",", 12_345_600),
        ("1,234.56", ".", 12_345_600),
        ("1 234,56", ",", 12_345_600),
        ("1\u00a0234,56", ",", 12_345_600),
        ("1\u202f234\u202f567,8", ",", 12_345_678_000),
        ("1'234'567.80", ".", 12_345_678_000),
        ("1’234.5", ".", 12_345_000),
        ("12,34,567.00", ".", 12_345_670_000),
        ("(100)", ".", -1_000_000),
        ("( 1.50 )", ".", -15_000),
        ("100-", ".", -1_000_000),
        ("100 -", ".", -1_000_000),
        ("-100", ".", -1_000_000),
        ("- 100", ".", -1_000_000),
        ("−5.5", ".", -55_000),
        ("+7", ".", 70_000),
        (".50", ".", 5_000),
        ("0,123", ",", 1_230),
        ("1.00000", ".", 10_000),
        ("00012.50", ".", 125_000),
        ("0" * 60 + "1.5" + "0" * 60, ".", 15_000),
        ("0." + "0" * 60, ".", 0),
        ("." + "0" * 60, ".", 0),
        ("99999999999999.9999", ".", 999_999_999_999_999_999),
    ],
)
def test_ways_to_write_an_amount(cell, decimal, expected):
    assert column_units([cell], decimal) == [(expected, None)]
    assert column_units([cell, "x"], decimal)[0] == (expected, None)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("NaN", NOT_AN_AMOUNT),
        ("Infinity", NOT_AN_AMOUNT),
        ("1e400", NOT_AN_AMOUNT),
        ("1e3", NOT_AN_AMOUNT),
        ("12..34", NOT_AN_AMOUNT),
        ("12 34", NOT_AN_AMOUNT),
        ("1,23,4", NOT_AN_AMOUNT),
        ("0,123", NOT_AN_AMOUNT),
        ("-100-", NOT_AN_AMOUNT),
        ("(-100)", NOT_AN_AMOUNT),
        ("--1", NOT_AN_AMOUNT),
        ("=1+1", NOT_AN_AMOUNT),
        ("€5", NOT_AN_AMOUNT),
        ("٣", NOT_AN_AMOUNT),
        ("5.", NOT_AN_AMOUNT),
        ("1.00001", "has more than four decimals"),
        ("100000000000000", "has more than 14 digits before the decimals"),
        ("1" + "0" * 40, "has more than 14 digits before the decimals"),
        ("9" * 400, "has more than 14 digits before the decimals"),
    ],
)
def test_what_is_no_amount_says_why(cell, reason):
    assert column_units(["1.50", cell], ".") == [(15_000, None), (None, reason)]


@pytest.mark.parametrize("cell", ["", "  ", "\u00a0", "-", "()"])
def test_blanks_and_lone_signs_are_no_amount_and_no_fault(cell):
    assert column_units([cell], ".") == [(None, None)]


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [
        (["1.234,56"], ","),
        (["1,234.56"], "."),
        (["12,5", "1.000"], ","),
        (["0.750", "1.000"], "."),
        (["1.234.567"], ","),
        (["1,234,567"], "."),
        (["1 234,567"], ","),
        (["1234,567"], ","),
        (["12,34,567"], "."),
        (["100", "", "garbage"], "."),
    ],
)
def test_the_decimal_separator_is_found_by_evidence(cells, decimal):
    assert decimal_separator_of(signed_parts(pl.Series(cells))["text"]) == decimal


@pytest.mark.parametrize(
    "cells", [["1.000"], ["1,000"], ["-12,345", "7"], ["1.50", "1,50"], ["1.234,56", "1,234.56"]]
)
def test_amounts_that_fit_two_locales_are_refused(cells):
    with pytest.raises(AmbiguousNumbers):
        decimal_separator_of(signed_parts(pl.Series(cells))["text"])


LOCALES = [(".", ","), (",", "."), (",", "\u00a0"), (",", "\u202f"), (".", "'"), (",", "")]


@given(
    units=st.integers(-(10**18) + 1, 10**18 - 1),
    locale=st.sampled_from(LOCALES),
    sign=st.sampled_from(["-{}", "{}-", "({})", "− {}"]),
)
def test_an_amount_written_in_a_locale_is_read_back(units, locale, sign):
    decimal, group = locale
    plain = f"{abs(Decimal(units)) / 10_000:,.4f}"
    written = plain.replace(",", "_").replace(".", decimal).replace("_", group)
    written = sign.format(written) if units < 0 else written

    assert column_units([written], decimal) == [(units, None)]
    assert column_units([written, "no"], decimal)[0] == (units, None)


@given(st.text(alphabet="0123456789.,'()+- \u00a0eENa", max_size=12))
def test_no_text_is_read_as_two_different_amounts(cell):
    """Whatever both separators accept either says the same or is refused as ambiguous."""
    ((point, _),) = column_units([cell], ".")
    ((comma, _),) = column_units([cell], ",")
    if point is not None and comma is not None and point != comma:
        with pytest.raises(AmbiguousNumbers):
            decimal_separator_of(signed_parts(pl.Series([cell]))["text"])


@pytest.mark.parametrize(
    ("text", "currency", "decimal", "expected"),
    [
        ("12.34", "EUR", ".", 123_400),
        ("107,", "EUR", ",", 1_070_000),
        ("0012,5", "EUR", ",", 125_000),
        ("500", "JPY", ".", 5_000_000),
        ("500.00", "JPY", ".", 5_000_000),
        ("1.234", "KWD", ".", 12_340),
        ("1.2340000", "KWD", ".", 12_340),
        ("1.2345", "CLF", ".", 12_345),
    ],
)
def test_amounts_of_a_fixed_grammar(text, currency, decimal, expected):
    assert parse_amount(text, currency=currency, decimal=decimal) == expected


@pytest.mark.parametrize(
    ("text", "currency", "reason"),
    [
        ("12..34", "EUR", "is not a plain amount"),
        ("", "EUR", "is not a plain amount"),
        ("-1.00", "EUR", "is not a plain amount"),
        ("1,00", "EUR", "is not a plain amount"),
        ("1e3", "EUR", "is not a plain amount"),
        ("١", "EUR", "is not a plain amount"),
        ("1" * 15, "EUR", "is not a plain amount"),
        ("1.234", "EUR", "has more decimals than EUR has (2)"),
        ("0.5", "JPY", "has more decimals than JPY has (0)"),
        ("1.2345", "KWD", "has more decimals than KWD has (3)"),
        ("1.00", "XYZ", "has no ISO 4217 currency"),
        ("1.00", "", "has no ISO 4217 currency"),
    ],
)
def test_what_a_fixed_grammar_refuses(text, currency, reason):
    with pytest.raises(ValueError, match=reason.replace("(", r"\(").replace(")", r"\)")):
        parse_amount(text, currency=currency, decimal=".")

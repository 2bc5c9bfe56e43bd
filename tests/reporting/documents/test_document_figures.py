"""Figures are written exactly: what is read back is what the ledger holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reporting.documents.errors import (
    AmountNotDecimal,
    AmountNotFinite,
    CurrencyUnknown,
    InstantWithoutZone,
)
from apps.reporting.documents.figures import (
    Money,
    currency_decimals,
    write_amount,
    write_count,
    write_date,
    write_instant,
    write_local_instant,
    write_money,
    write_size,
)


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("1234.5", "EUR", "1,234.50"),
        ("-1234.5000", "EUR", "−1,234.50"),
        ("0", "EUR", "0.00"),
        ("-0.00", "EUR", "0.00"),
        ("0.05", "USD", "0.05"),
        ("1234567", "JPY", "1,234,567"),
        ("-1", "JPY", "−1"),
        ("1.5", "KWD", "1.500"),
        ("9999999999999999.9999", "EUR", "9,999,999,999,999,999.9999"),
        ("10.12345", "EUR", "10.12345"),
        ("0.1000", "JPY", "0.1"),
        ("1E+3", "EUR", "1,000.00"),
    ],
)
def test_amounts_have_the_currencys_decimals_and_never_fewer_than_the_amount(
    amount: str, currency: str, written: str
) -> None:
    assert write_amount(Money(Decimal(amount), currency)) == written


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-(10**15), max_value=10**15
    ),
    st.sampled_from(["EUR", "JPY", "KWD", "CLF"]),
)
def test_an_amount_reads_back_exactly(amount: Decimal, currency: str) -> None:
    written = write_amount(Money(amount, currency))
    assert Decimal(written.replace(",", "").replace("−", "-")) == amount
    assert "-" not in written
    _, _, decimals = written.partition(".")
    assert len(decimals) >= currency_decimals(currency)


def test_money_keeps_amount_and_currency_on_one_line() -> None:
    assert write_money(Money(Decimal("-5"), "EUR")) == "−5.00\N{NO-BREAK SPACE}EUR"


@pytest.mark.parametrize(
    ("amount", "currency", "refusal"),
    [
        (1.5, "EUR", AmountNotDecimal),
        (1, "EUR", AmountNotDecimal),
        (Decimal("NaN"), "EUR", AmountNotFinite),
        (Decimal("-Infinity"), "EUR", AmountNotFinite),
        (Decimal(1), "EURO", CurrencyUnknown),
        (Decimal(1), "", CurrencyUnknown),
    ],
)
def test_what_is_no_money_is_refused(
    amount: object, currency: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        Money(amount, currency)  # type: ignore[arg-type]


def test_dates_are_unambiguous() -> None:
    assert write_date(date(2023, 5, 2)) == "2 May 2023"
    assert write_date(date(2023, 12, 31)) == "31 December 2023"


def test_instants_are_in_utc_whatever_their_zone() -> None:
    in_auckland = datetime(2023, 5, 3, 2, 3, 7, tzinfo=timezone(timedelta(hours=12)))
    written = write_instant(in_auckland)
    assert written.replace("\N{NO-BREAK SPACE}", " ") == "2 May 2023, 14:03:07 UTC"
    assert written.split(" ")[0].endswith(",")  # the only place to break is after the date


def test_local_instants_name_their_zone() -> None:
    instant = datetime(2023, 5, 2, 14, 3, 7, tzinfo=UTC)
    assert write_local_instant(instant, "Europe/Amsterdam") == (
        "2 May 2023, 16:03:07 (Europe/Amsterdam)"
    )


@pytest.mark.parametrize("write", [write_instant, lambda at: write_local_instant(at, "UTC")])
def test_an_instant_without_zone_is_refused(write: object) -> None:
    with pytest.raises(InstantWithoutZone):
        write(datetime(2023, 5, 2))  # type: ignore[operator]


def test_counts_and_sizes() -> None:
    assert write_count(1_204) == "1,204"
    assert write_count(-3) == "−3"
    assert write_size(1) == "1 byte"
    assert write_size(12_345) == "12,345 bytes"

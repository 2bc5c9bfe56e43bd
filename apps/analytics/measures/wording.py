"""Amounts, dates and counts in the words of a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

ORDINARY_EXPONENT = 2

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def money(ten_thousandths: int, currency: str, exponents: Mapping[str, int]) -> str:
    """An amount with thousands separators and its currency, such as ``1,250,000.00 EUR``.

    Args:
        ten_thousandths: the amount.
        currency: its ISO 4217 code.
        exponents: decimals by currency; 2 where it is not named.
    """
    return f"{number(ten_thousandths, currency, exponents)} {currency}"


def number(ten_thousandths: int, currency: str, exponents: Mapping[str, int]) -> str:
    """`money` without the currency."""
    decimals = exponents.get(currency, ORDINARY_EXPONENT)
    return f"{units(ten_thousandths):,.{decimals}f}"


def units(ten_thousandths: int) -> Decimal:
    """An amount in currency units, exactly."""
    return Decimal(ten_thousandths).scaleb(-4)


def counted(count: int, noun: str) -> str:
    """A number and its noun: ``1 posting``, ``2 postings``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def weekday_name(day: date) -> str:
    """The English name of a day's weekday, whatever the locale of the process."""
    return _WEEKDAYS[day.weekday()]

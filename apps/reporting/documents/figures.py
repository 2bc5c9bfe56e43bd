"""How numbers, dates and instants are written in documents: exact, unambiguous, never rounded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from moneyed import CurrencyDoesNotExist, get_currency

from .errors import AmountNotDecimal, AmountNotFinite, CurrencyUnknown, InstantWithoutZone

MINUS = "\N{MINUS SIGN}"
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@cache
def currency_decimals(currency: str) -> int:
    """Decimals of a currency after ISO 4217: JPY 0, EUR 2, KWD 3.

    Raises:
        CurrencyUnknown: no such code.
    """
    try:
        unit = int(get_currency(currency).sub_unit)
    except CurrencyDoesNotExist:
        raise CurrencyUnknown(f"{currency!r} is not an ISO 4217 currency") from None
    return len(str(unit)) - 1


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in the unit of an ISO 4217 currency; debits and receipts are positive.

    Raises:
        AmountNotDecimal, AmountNotFinite, CurrencyUnknown: at construction.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise AmountNotDecimal(f"{type(self.amount).__name__} is not a Decimal")
        if not self.amount.is_finite():
            raise AmountNotFinite(f"{self.amount} is not an amount")
        currency_decimals(self.currency)


def write_amount(money: Money) -> str:
    """ "1,234.50", "−0.05", "0.00": the currency's decimals, or more where the amount has more.

    A document that rounds what the ledger does not would disagree with it, so it never does.
    """
    amount = money.amount
    places = currency_decimals(money.currency)
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)  # finite, by construction of Money
    if -exponent > places:
        trimmed = amount.normalize().as_tuple().exponent
        assert isinstance(trimmed, int)
        places = max(places, -trimmed)
    sign = MINUS if amount < 0 else ""
    return f"{sign}{abs(amount):,.{places}f}"


def write_money(money: Money) -> str:
    """ "1,234.50 EUR", joined so that a line never breaks between the two."""
    return f"{write_amount(money)}\N{NO-BREAK SPACE}{money.currency}"


def write_count(count: int) -> str:
    """ "1,204", with a true minus below zero."""
    return f"{count:,}".replace("-", MINUS)


def write_date(day: date) -> str:
    """ "2 May 2023"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def write_instant(instant: datetime) -> str:
    """ "2 May 2023, 14:03:07 UTC"; the date and the time keep together when a line breaks.

    Raises:
        InstantWithoutZone: the instant is naive.
    """
    moment = _aware(instant).astimezone(UTC)
    return f"{write_date(moment)}, {moment:%H:%M:%S}\N{NO-BREAK SPACE}UTC".replace(" ", "\xa0", 2)


def write_local_instant(instant: datetime, zone: str) -> str:
    """ "2 May 2023, 16:03:07 (Europe/Berlin)": the same instant on the entity's wall clock.

    Raises:
        InstantWithoutZone: the instant is naive.
        zoneinfo.ZoneInfoNotFoundError: the IANA zone does not exist.
    """
    moment = _aware(instant).astimezone(ZoneInfo(zone))
    return f"{write_date(moment)}, {moment:%H:%M:%S} ({zone})"


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise InstantWithoutZone(f"{instant.isoformat()} has no time zone")
    return instant


def write_size(size_bytes: int) -> str:
    """ "12,345 bytes": exact, for comparison with a file listing."""
    return "1 byte" if size_bytes == 1 else f"{size_bytes:,} bytes"

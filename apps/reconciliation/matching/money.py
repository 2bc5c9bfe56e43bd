"""Amounts as the kernel counts them: int64 ten-thousandths of the currency unit."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

import polars as pl
from moneyed import CurrencyDoesNotExist, get_currency

SCALE = 10_000
DECIMALS = 4
MOST_DIGITS = 14  # before the point; what a setting can be
LARGEST = 2**62  # sums stay below int64 with room for one subtraction


@cache
def exponent(currency: str) -> int:
    """Decimals of a currency after ISO 4217: JPY 0, EUR 2, KWD 3.

    Raises:
        ValueError: no such currency.
    """
    try:
        unit = int(get_currency(currency).sub_unit)
    except CurrencyDoesNotExist:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency") from None
    return len(str(unit)) - 1


def minor_unit(currency: str) -> int:
    """The smallest coin in ten-thousandths: JPY 10,000, EUR 100, KWD 10."""
    return int(10 ** (DECIMALS - exponent(currency)))


def scaled(text: str, decimals: int) -> int:
    """A plain decimal string as an integer of 10**-decimals: "0.05", 4 -> 500.

    Raises:
        ValueError: not a plain decimal, too many decimals, or too large.
    """
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        raise ValueError(f"must be a decimal string, not {text!r}")
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise ValueError(f"has more than {decimals} decimals: {text!r}")
    if len(whole.lstrip("-0")) > MOST_DIGITS:
        raise ValueError(f"must be below 10^{MOST_DIGITS}, not {text!r}")
    return int(whole + fraction.ljust(decimals, "0"))


def unscaled(units: int, decimals: int) -> str:
    """The shortest plain decimal of an integer of 10**-decimals: 500, 4 -> "0.05"."""
    text = f"{Decimal(units).scaleb(-decimals):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount_text(units: int, currency: str) -> str:
    """An amount with the currency's decimals, or all four if it has more: "-1234.50"."""
    whole, rest = divmod(abs(units), SCALE)
    fraction = f"{rest:04d}"
    places = exponent(currency)
    if fraction[places:].strip("0"):
        places = DECIMALS
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{fraction[:places]}" if places else f"{sign}{whole}"


def amount_words(amount: pl.Expr, currency: pl.Expr, currencies: list[str]) -> pl.Expr:
    """``amount_text`` over a column, for frames too long for a loop.

    Args:
        currencies: every code that occurs in the ``currency`` column.
    """
    kept = pl.lit(DECIMALS)
    for code in currencies:
        kept = pl.when(currency == code).then(exponent(code)).otherwise(kept)
    size = amount.abs()
    fraction = (size % SCALE).cast(pl.String).str.zfill(DECIMALS)
    is_finer = size % pl.lit(10, dtype=pl.Int64).pow(DECIMALS - kept).cast(pl.Int64) != 0
    places = pl.when(is_finer).then(DECIMALS).otherwise(kept)
    point = pl.when(places > 0).then(pl.lit(".")).otherwise(pl.lit(""))
    sign = pl.when(amount < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.concat_str([sign, size // SCALE, point, fraction.str.slice(0, places)])

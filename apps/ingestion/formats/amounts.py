"""Money as written in files: text to int64 ten-thousandths, exactly or not at all.

`parse_amount` reads one amount of a format whose grammar fixes the decimal separator (camt,
MT940). `decimal_separator_of` and `amount_units` read whole columns of free text, where the
separator is found by evidence or refused, never guessed.
"""

from __future__ import annotations

import re

import polars as pl
from moneyed import CURRENCIES

from apps.ingestion.formats.errors import AmbiguousNumbers

SCALE = 10_000  # ten-thousandths of the currency unit, as in NUMERIC(20,4)
MAX_INTEGER_DIGITS = 14  # so that any amount fits an int64 of ten-thousandths

_PLAIN = re.compile(rf"0*([0-9]{{1,{MAX_INTEGER_DIGITS}}})(?:[.,]([0-9]{{0,4}})0*)?")

# Besides comma and point, digits are grouped with a blank (NBSP, thin, narrow, figure) or an
# apostrophe; all of them are one character, "_", before an amount is looked at.
_GROUP_BLANKS = r"[ \u00a0\u2007\u2009\u202f'\u2019]"
_BLANKS = " \t\r\n\u00a0\u2007\u2009\u202f"
_LEADING_SIGN = r"[-+\u2212\u2013]"
_MINUS = r"[-\u2212\u2013]"
_LEAN = "^-?[0-9.,]*$"
_FIRST, _THREE = "[1-9][0-9]{0,2}", "[0-9]{3}"
# How a number is written with each decimal separator: plain, grouped by threes with the other
# one or a blank, or grouped the Indian way; a first group never starts with 0.
_GRAMMAR = {
    decimal: rf"^(?:(?:[0-9]+|{_FIRST}(?:{group}{_THREE})+|{_FIRST}(?:_{_THREE})+"
    rf"|[1-9][0-9]?(?:{group}[0-9][0-9])+{group}{_THREE})(?:\{decimal}[0-9]+)?"
    rf"|\{decimal}[0-9]+)$"
    for decimal, group in ((".", ","), (",", r"\."))
}
# Ungrouped, with no more digits than an int64 of ten-thousandths takes: no fault is possible.
_SIMPLE = {
    decimal: rf"^[0-9]{{1,{MAX_INTEGER_DIGITS}}}(?:\{decimal}[0-9]{{1,4}})?$"
    for decimal in (".", ",")
}
_DECIMALS = {code: len(str(known.sub_unit)) - 1 for code, known in CURRENCIES.items()}


def decimals_of(currency: str) -> int | None:
    """Decimals of an ISO 4217 currency (JPY 0, EUR 2, KWD 3); None when there is no such one."""
    return _DECIMALS.get(currency)


def parse_amount(text: str, *, currency: str, decimal: str) -> int:
    """An unsigned amount in ten-thousandths.

    Args:
        text: digits, at most one decimal separator, no grouping and no sign.
        decimal: '.' or ','.

    Raises:
        ValueError: why it is not an amount of this currency, in plain words.
    """
    match = _PLAIN.fullmatch(text)
    other = "," if decimal == "." else "."
    if match is None or other in text:
        raise ValueError("is not a plain amount")
    units = int(match[1]) * SCALE + int((match[2] or "").ljust(4, "0"))
    require_decimals(units, currency)
    return units


def require_decimals(units: int, currency: str) -> None:
    """Refuses more decimals than the currency has.

    Raises:
        ValueError: the currency is unknown, or has fewer decimals than the amount.
    """
    decimals = decimals_of(currency)
    if decimals is None:
        raise ValueError("has no ISO 4217 currency")
    if units % 10 ** (4 - decimals):
        raise ValueError(f"has more decimals than {currency} has ({decimals})")


def written_number(number: str, decimal: str) -> str:
    """A number of a typed cell (decimal point) as text that can be read in one way only.

    Beside texts of its column, `1.234` could pass for a grouped thousand; `1.2340` cannot.
    """
    whole, point, fraction = number.partition(".")
    return f"{whole}{decimal}{fraction.ljust(4, '0')}" if point else number


def plain_numbers(cells: pl.Series, decimal: str) -> pl.DataFrame:
    """Cells as `text` in plain digits with a decimal point, '' for blanks; null where no number.

    Args:
        decimal: '.' or ',', as the cells write it.
    """
    group = "," if decimal == "." else "."
    text = pl.col("text")
    digits = text.str.replace_all("_", "", literal=True).str.replace_all(group, "", literal=True)
    plain = digits.str.replace(",", ".", literal=True).str.replace(r"^\.", "0.")
    signed = pl.when(pl.col("is_negative")).then(pl.concat_str(pl.lit("-"), plain)).otherwise(plain)
    is_number = text.str.contains(_GRAMMAR[decimal])
    number = pl.when(text == "").then(pl.lit("")).when(is_number).then(signed)
    return signed_parts(cells).select(text=number)


def signed_parts(cells: pl.Series) -> pl.DataFrame:
    """Amount cells as `text` without sign and outer blanks, and `is_negative`.

    `(100)`, `100-`, `-100` and a typographic minus are negative. A second sign stays in the text,
    which is then no number.
    """
    text = pl.col("text")
    trimmed = cells.str.strip_chars(_BLANKS)
    if bool(trimmed.str.contains(_LEAN).all()):  # as most files write: nothing else to look for
        bare, has_sign = trimmed.str.strip_prefix("-"), trimmed.str.starts_with("-")
        return pl.DataFrame({"text": bare, "is_negative": has_sign})
    in_brackets = text.str.contains(r"^\(.*\)$")
    unsigned = (
        pl.when(in_brackets)
        .then(text.str.replace(r"^\(_*(.*?)_*\)$", "$1"))
        .otherwise(text.str.replace(rf"^{_LEADING_SIGN}_?|_?{_MINUS}$", ""))
    )
    is_negative = in_brackets | text.str.contains(rf"^{_MINUS}|{_MINUS}$")
    bare = trimmed.str.replace_all(_GROUP_BLANKS, "_")
    return pl.DataFrame({"text": bare}).select(text=unsigned, is_negative=is_negative)


def decimal_separator_of(texts: pl.Series) -> str:
    """The decimal separator that all unsigned amounts of a file agree on.

    A text that is a number with one separator alone is evidence for it. `1.000` is a number with
    both and proves nothing.

    Raises:
        AmbiguousNumbers: nothing but texts like `1.000`, or evidence for both separators.
    """
    is_point = texts.str.contains(_GRAMMAR["."])
    is_comma = texts.str.contains(_GRAMMAR[","])
    proves_point = bool((is_point & ~is_comma).any())
    proves_comma = bool((is_comma & ~is_point).any())
    if proves_point and proves_comma:
        raise AmbiguousNumbers("Some amounts have a decimal comma and some a decimal point.")
    if proves_point or proves_comma:
        return "." if proves_point else ","
    if bool((is_point & is_comma & texts.str.contains("[.,]")).any()):
        raise AmbiguousNumbers("Amounts like 1.000 or 1,000 can be read in two ways.")
    return "."


def amount_units(parts: pl.DataFrame, decimal: str) -> pl.DataFrame:
    """`units` in ten-thousandths, null where `fault` says why the text is no amount.

    A blank, or a lone sign as accountants write nil, is neither: both are null.

    Args:
        parts: what `signed_parts` gives.
        decimal: '.' or ','.
    """
    text = pl.col("text")
    if bool(parts["text"].str.contains(_SIMPLE[decimal]).all()):
        units = _units_of(text.str.replace(",", ".", literal=True))
        fault = pl.lit(None, pl.String)
    else:
        units, fault = _checked_units(text, decimal)
    signed = pl.when(pl.col("is_negative")).then(-units).otherwise(units)
    return parts.select(units=pl.when(fault.is_null()).then(signed), fault=fault)


def _units_of(plain: pl.Expr) -> pl.Expr:
    return (plain.cast(pl.Decimal(38, 4), strict=False) * SCALE).cast(pl.Int64, strict=False)


def _checked_units(text: pl.Expr, decimal: str) -> tuple[pl.Expr, pl.Expr]:
    """Units, and the fault of those that are not to be used."""
    group = "," if decimal == "." else "."
    digits = text.str.replace_all("_", "", literal=True).str.replace_all(group, "", literal=True)
    plain = digits.str.replace(",", ".", literal=True)
    is_number = text.str.contains(_GRAMMAR[decimal])
    is_too_fine = plain.str.contains(r"\.[0-9]{4}[0-9]*[1-9]")
    is_too_large = plain.str.contains(rf"^0*[1-9][0-9]{{{MAX_INTEGER_DIGITS}}}")
    trimmed = plain.str.replace("^0+", "0").str.replace(r"(\.[0-9]{4})0+$", "$1")
    units = _units_of(pl.when(is_number & ~is_too_fine & ~is_too_large).then(trimmed))
    fault = (
        pl.when(text == "")
        .then(None)
        .when(~is_number)
        .then(pl.lit("is not an amount; write digits with one decimal separator"))
        .when(is_too_fine)
        .then(pl.lit("has more than four decimals"))
        .when(is_too_large)
        .then(pl.lit(f"has more than {MAX_INTEGER_DIGITS} digits before the decimals"))
    )
    return units, fault

"""One statement line (field 61) with its information (field 86) to a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from apps.ingestion.formats.amounts import parse_amount
from apps.ingestion.formats.contract import canonical_json
from apps.ingestion.formats.dates import clamped_date
from apps.ingestion.formats.mt940_information import information_of

# Value date, entry date (blanks in some banks), mark, funds code, amount, type, references.
_LINE = re.compile(
    r"(?P<value>\d{6})(?P<entry>\d{4}|\s{4})?(?P<mark>[RE]?[CD])(?P<funds>[A-Z])?"
    r"(?P<amount>\d[\d.,]*)(?P<kind>[A-Z][A-Z0-9 ]{3})(?P<references>.*)",
    re.ASCII,
)
_BLANK_REFERENCES = frozenset(("", "NONREF", "NOTPROVIDED", "NOT PROVIDED"))


class LineRefused(Exception):
    """A statement line that cannot be read."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class StatementLine:
    """`row` is a line in LINE_SCHEMA without statement, account and currency.

    `is_credit` is the direction of the money, which the control totals of MT942 count by;
    `is_booked` is False for expected entries (EC, ED).
    """

    row: dict[str, Any]
    is_credit: bool
    is_booked: bool


def parsed_line(
    texts: Sequence[str], information: Sequence[str], *, line: int, currency: str
) -> StatementLine:
    """A statement line.

    Marks: C and D; RC is the reversal of a credit, so money going out; RD comes in.

    Args:
        texts: field 61; the second and later lines are supplementary details.
        information: field 86, line by line, empty for none.

    Raises:
        LineRefused: the grammar, the amount or a date cannot be read.
    """
    match = _LINE.fullmatch(texts[0].rstrip())
    if match is None:
        raise LineRefused("61", "The statement line does not follow the SWIFT layout.")
    try:
        units = parse_amount(match["amount"], currency=currency, decimal=",")
    except ValueError as error:
        raise LineRefused("61", f"The amount {error}; have the bank correct it.") from None
    value_on, booked_on, notes = _dates(match["value"], (match["entry"] or "").strip())
    mark = match["mark"]
    is_credit = mark in ("C", "RD", "EC")
    described = _described(match, " ".join(" ".join(texts[1:]).split()), information)
    attributes = {**described.pop("attributes"), **notes}
    row = {
        **described,
        "line": line,
        "booked_on": booked_on,
        "value_on": value_on,
        "amount": units if is_credit else -units,
        "attributes": canonical_json(attributes),
    }
    return StatementLine(row, is_credit=is_credit, is_booked=not mark.startswith("E"))


def _described(
    match: re.Match[str], supplementary: str, information: Sequence[str]
) -> dict[str, Any]:
    """References, party and texts of a line; `attributes` still as a dict."""
    customer_reference, _, bank_reference = (
        _provided(part.strip()) for part in match["references"].partition("//")
    )
    known = information_of(information)
    reference = _provided(known.reference) or customer_reference
    return {
        "external_id": bank_reference,
        "reference": reference,
        "counterparty": known.counterparty,
        "narrative": known.narrative or supplementary,
        "attributes": {
            **known.attributes,
            "customer_reference": customer_reference if customer_reference != reference else "",
            "funds_code": match["funds"] or "",
            "is_reversal": match["mark"].startswith("R") or "",
            "supplementary": supplementary if known.narrative else "",
            "transaction_type": match["kind"].strip(),
        },
    }


def year_of(two_digits: str) -> int:
    """SWIFT's rule: 80 to 99 are the 1900s, the rest the 2000s."""
    year = int(two_digits)
    return 1900 + year if year >= 80 else 2000 + year


def _provided(reference: str) -> str:
    return "" if reference.upper() in _BLANK_REFERENCES else reference


def _dates(value: str, entry: str) -> tuple[date, date, dict[str, str]]:
    """Value date, booking date, and what was written where a day was past its month's end.

    The entry date has no year; it is the one that brings it nearest to the value date.
    """
    year, month, day = year_of(value[:2]), int(value[2:4]), int(value[4:6])
    notes = {}
    try:
        value_on = clamped_date(year, month, day)
        if day != value_on.day:
            notes["value_date_written"] = f"{year}-{month:02d}-{day:02d}"
        if not entry:
            return value_on, value_on, notes
        month, day = int(entry[:2]), int(entry[2:])
        candidates = [clamped_date(year + shift, month, day) for shift in (-1, 0, 1)]
    except ValueError as error:
        raise LineRefused("61", f"The date {error}.") from None
    booked_on = min(candidates, key=lambda candidate: abs(candidate - value_on))
    if day != booked_on.day:
        notes["entry_date_written"] = f"{booked_on.year}-{month:02d}-{day:02d}"
    return value_on, booked_on, notes

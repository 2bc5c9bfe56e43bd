"""The bank statement as MT940: the same lines as the camt.053 file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from ..entity import CURRENCY, IBAN
from ..facts import Item, Kind
from ..money import comma
from ..statement import Statement

_TYPES = {Kind.CHARGE: "NCHG", Kind.FUEL: "NDDT"}
"""SWIFT transaction types other than transfers."""


def mt940(statement: Statement) -> bytes:
    """bank_statement.mt940: one message with CR LF line ends; amounts with a decimal comma."""
    month = statement.month
    opened_on = month.first_on - timedelta(days=1)
    closing = _balance(statement.closing_cents, month.last_on)
    fields = [
        f":20:HRBR{month.tag}{statement.number:05d}",
        f":25:{IBAN}",
        f":28C:{statement.number:05d}/001",
        f":60F:{_balance(statement.opening_cents, opened_on)}",
        *(field for line in statement.lines for field in _line(line)),
        f":62F:{closing}",
        f":64:{closing}",
        "-",
    ]
    return "".join(f"{field}\r\n" for field in fields).encode("ascii")


def _sign(cents: int) -> str:
    return "D" if cents < 0 else "C"


def _balance(cents: int, day: date) -> str:
    return f"{_sign(cents)}{day:%y%m%d}{CURRENCY}{comma(abs(cents))}"


def _line(line: Item) -> Iterator[str]:
    """Statement line and its details; the details break at tags, within 65 characters."""
    day = f"{line.booked_on:%y%m%d}{line.booked_on:%m%d}"
    kind = _TYPES.get(line.kind, "NTRF")
    amount = f"{_sign(line.cents)}{comma(abs(line.cents))}"
    yield f":61:{day}{amount}{kind}{line.reference}//{line.external_id}"
    yield f":86:/NAME/{line.counterparty}"
    yield f"/REMI/{line.text}"
    yield f"/EREF/{line.reference}"

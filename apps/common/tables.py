"""Tables as CSV, for programs that people open them with."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import StringIO
from typing import Final

Cell = str | int | Decimal

_FORMULA_STARTS: Final = frozenset("=+-@\t\r\n\0|%")


def csv_of(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table in UTF-8 with a byte order mark, so that spreadsheets read it as what it is.

    Text that begins like a formula gets a quote before it and stays text; numbers stay numbers.
    Source: OWASP, CSV injection.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _written(cell: Cell) -> str:
    if not isinstance(cell, str):
        return format(cell, "f") if isinstance(cell, Decimal) else str(cell)
    return f"'{cell}" if cell[:1] in _FORMULA_STARTS else cell

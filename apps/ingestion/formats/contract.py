"""What every format gives: a reading, columnar, with its statements and its rejected lines.

The contract is small on purpose, so that a new format is one file: see
docs/how-to/add-a-file-format.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import polars as pl

from apps.ingestion.formats.amounts import SCALE
from apps.ingestion.formats.errors import MalformedFile
from apps.ingestion.formats.mapping import FieldMapping

LINE_SCHEMA: dict[str, pl.DataType] = {
    "line": pl.Int64(),  # 1-based line of the file, as an editor counts
    "statement": pl.Int64(),  # index into Reading.statements
    "external_id": pl.String(),
    "account": pl.String(),
    "booked_on": pl.Date(),
    "value_on": pl.Date(),  # null when the file does not say
    "amount": pl.Int64(),  # ten-thousandths; inflow to the account holder is positive
    "currency": pl.String(),
    "reference": pl.String(),
    "counterparty": pl.String(),
    "narrative": pl.String(),
    "attributes": pl.String(),  # JSON object of everything else, see canonical_json
}
MAX_REJECTED_ENTRIES = 10_000
TEXT_FIELDS = ("external_id", "account", "reference", "counterparty", "narrative")


def _in_full(units: int) -> str:
    """Ten-thousandths with two decimals, or as many more as they need."""
    decimals = next(places for places in (2, 3, 4) if units % 10 ** (4 - places) == 0)
    return f"{Decimal(units) / SCALE:.{decimals}f}"


@dataclass(frozen=True, slots=True)
class ControlTotal:
    """What a file announces of itself, beside what is in it.

    Attributes:
        name: in the words of its format, such as `TtlCdtNtries/Sum`.
        stated, found: ten-thousandths, or a number of things where `is_count`.
    """

    name: str
    stated: int
    found: int
    is_count: bool = False

    @property
    def agrees(self) -> bool:
        """Whether the file keeps its word."""
        return self.stated == self.found

    @property
    def note(self) -> str:
        """The disagreement in plain words."""
        stated, found = (
            (str(number) if self.is_count else _in_full(number))
            for number in (self.stated, self.found)
        )
        return f"The control total {self.name} announces {stated} where the file holds {found}."


@dataclass(frozen=True, slots=True)
class Statement:
    """One account's lines between two balances; amounts in ten-thousandths of `currency`.

    `total` and `line_count` cover booked, accepted lines only. `notes` are facts in plain words
    that a reviewer should see (a control total that disagrees, pending entries left out).
    `control_totals` are all that the file announces, those that agree too: evidence that the
    file is whole. Totals of a group or of the whole file stand with the last statement they cover.
    """

    account: str
    currency: str
    opening: int | None
    closing: int | None
    line_count: int
    total: int
    opened_on: date | None
    closed_on: date | None
    pending_count: int = 0
    notes: tuple[str, ...] = ()
    control_totals: tuple[ControlTotal, ...] = ()

    @property
    def difference(self) -> int | None:
        """Closing - opening - total; None when a balance is missing."""
        if self.opening is None or self.closing is None:
            return None
        return self.closing - self.opening - self.total

    @property
    def ties(self) -> bool | None:
        """Whether opening + lines = closing; None when a balance is missing."""
        difference = self.difference
        return None if difference is None else difference == 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """One line that was not accepted: where, which field, why and what helps. No raw value."""

    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What the file itself says of a corrected line, together with the lines around it.

    Attributes:
        difference: ten-thousandths that are missing for the statement to lead from its opening to
            its closing balance, or for the entry to balance; None where the file does not tell.
        open_lines: other lines of that statement or entry that cannot be read.
    """

    difference: int | None
    open_lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole file, read.

    `lines` are the booked lines in the order of the file (LINE_SCHEMA). `pending` has the same
    columns: entries that the file marks as not booked. `conventions` says how the text was read
    (encoding, separator, decimal, date_format), for the auditor. `found` has, for each line that
    the mapping's `corrections` name, the cells of the file by column; `proofs` what the file
    says of such a line once it is corrected, in formats that can tell.
    """

    format: str
    lines: pl.DataFrame
    statements: tuple[Statement, ...]
    rejected: tuple[Rejected, ...]
    pending: pl.DataFrame = field(default_factory=lambda: frame_of([]))
    conventions: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    proofs: Mapping[int, Proof] = field(default_factory=dict)


class Format(Protocol):
    """One file format: how to know it and how to read it."""

    name: str
    title: str
    max_bytes: int

    def identify(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes (up to 4,096) look like this format; the name is a hint."""
        ...

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """The whole file; a format with a fixed grammar uses the encoding and the
        corrections of the mapping only.

        Raises:
            FileRefused: a fault that leaves no trustworthy reading.
        """
        ...


def disagreements(totals: Iterable[ControlTotal]) -> list[str]:
    """The control totals that disagree, as notes of a statement."""
    return [total.note for total in totals if not total.agrees]


def require_readable(rejected: Sequence[Rejected]) -> None:
    """Refuses a bank statement of which next to nothing can be read.

    Raises:
        MalformedFile: more than MAX_REJECTED_ENTRIES were rejected.
    """
    if len(rejected) > MAX_REJECTED_ENTRIES:
        raise MalformedFile(
            f"More than {MAX_REJECTED_ENTRIES} entries cannot be read.", line=rejected[0].line
        )


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Lines as a frame in LINE_SCHEMA; the rows hold exactly its columns."""
    return pl.DataFrame(rows, schema=LINE_SCHEMA, orient="row")


def canonical_json(values: Mapping[str, Any]) -> str:
    """The attributes column: keys sorted, no blanks between, empty values left out."""
    kept = {key: value for key, value in values.items() if value not in ("", None, [], {})}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

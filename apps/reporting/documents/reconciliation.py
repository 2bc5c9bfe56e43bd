"""What a report on a reconciliation says, as plain values; workbook and PDF are made of it.

Amounts are int64 ten-thousandths of the currency unit, in the left side's sense.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

import polars as pl

from .errors import TableRagged
from .figures import Money

SCALE = 10_000
AWAITED = "awaited"
SUGGESTED = "suggested"

MATCHED_SCHEMA = pl.Schema(
    {
        "number": pl.Int64(),  # of the match group
        "side": pl.String(),
        "row": pl.Int64(),  # line of its file
        "booked_on": pl.Date(),
        "reference": pl.String(),
        "counterparty": pl.String(),
        "narrative": pl.String(),
        "amount": pl.Int64(),
        "currency": pl.String(),
        "pass": pl.String(),
        "status": pl.String(),  # automatic | suggested
        "difference": pl.Int64(),  # of the whole group: left - right
        "difference_currency": pl.String(),  # of two in a group, that of the difference
        "reasons": pl.String(),
    }
)
UNMATCHED_SCHEMA = pl.Schema(
    {
        "number": pl.Int64(),  # of the break
        "side": pl.String(),
        "row": pl.Int64(),
        "booked_on": pl.Date(),
        "age_days": pl.Int64(),
        "reference": pl.String(),
        "counterparty": pl.String(),
        "narrative": pl.String(),
        "amount": pl.Int64(),
        "currency": pl.String(),
        "cause": pl.String(),
        "state": pl.String(),  # awaited | missing | mismatched
        "difference": pl.Int64(),  # of the whole break: left - right
        "difference_currency": pl.String(),
        "reason": pl.String(),
        "review": pl.String(),  # what people said of it, or ''
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofLine:
    """The proof of one currency: what is left over has to be 0.

    Attributes:
        exchanged: what matches of several currencies hold of this one, less their difference.
    """

    currency: str
    left_total: int
    right_total: int
    open_left: int
    open_right: int
    differences: int
    exchanged: int = 0
    proof_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PassLine:
    """What one pass matched: groups, and the items in them."""

    name: str
    status: str
    groups: int
    left_items: int
    right_items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseLine:
    """The breaks of one cause in one currency; net is left - right, gross without signs."""

    cause: str
    currency: str
    breaks: int
    net: int
    gross: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file that lines of a side came from; ``note`` is who brought it in and when."""

    name: str
    lines: int
    rejected: int
    sha256: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFacts:
    """One side: what it is called, how much of it took part and was matched."""

    name: str
    items: int
    matched: int
    files: tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationReport:
    """The content of a report.

    Attributes:
        title: "Reconciliation report", "Unmatched items", "Reconciliation summary".
        subject: what was reconciled.
        facts: labels and values for the head (entity, days, approval).
        rules: path and value of every setting of the rule set.
        matched, unmatched: one row for each item, or None for a report that does not list them.
        identity: digest of the outcome; decides the PDF's identifier.

    Raises:
        TableRagged: a frame has other columns than its schema.
    """

    title: str
    subject: str
    facts: tuple[tuple[str, str], ...]
    left: SideFacts
    right: SideFacts
    proof: tuple[ProofLine, ...]
    passes: tuple[PassLine, ...]
    causes: tuple[CauseLine, ...]
    rules: tuple[tuple[str, str], ...]
    matched: pl.DataFrame | None
    unmatched: pl.DataFrame | None
    generator: str
    generated_by: str
    generated_at: datetime
    identity: str

    def __post_init__(self) -> None:
        for frame, schema in ((self.matched, MATCHED_SCHEMA), (self.unmatched, UNMATCHED_SCHEMA)):
            if frame is not None and frame.schema != schema:
                raise TableRagged(f"{self.title}: {frame.schema} is not {schema}")

    @property
    def match_rate(self) -> Decimal:
        """Matched share of all items, cut to four decimals: 1 only if every item is matched."""
        items = self.left.items + self.right.items
        if not items:
            return Decimal(1)
        matched = Decimal(self.left.matched + self.right.matched)
        return (matched / items).quantize(Decimal("0.0001"), ROUND_DOWN)

    @property
    def is_proved(self) -> bool:
        """Whether groups and breaks explain the whole difference, in every currency."""
        return all(line.proof_amount == 0 for line in self.proof)

    @property
    def break_count(self) -> int:
        """Breaks of all causes and currencies."""
        return sum(line.breaks for line in self.causes)


def money_of(units: int, currency: str) -> Money:
    """Ten-thousandths as the amount that documents write."""
    return Money(Decimal(units) / SCALE, currency)


def words_of(name: str) -> str:
    """A code for people: "missing_right" is "Missing right"."""
    return name.replace("_", " ").capitalize()


def settings_of(rules: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Every setting of nested rules by its path: ``("passes[0].keys", "reference")``."""
    return tuple(_leaves("", rules))


def _leaves(path: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        prefix = f"{path}." if path else ""
        return [leaf for key, below in value.items() for leaf in _leaves(f"{prefix}{key}", below)]
    is_list_of_objects = isinstance(value, Sequence) and any(
        isinstance(each, Mapping) for each in value
    )
    if is_list_of_objects:
        return [
            leaf for index, each in enumerate(value) for leaf in _leaves(f"{path}[{index}]", each)
        ]
    return [(path, _written(value))]


def _written(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value) or "none"
    return str(value)

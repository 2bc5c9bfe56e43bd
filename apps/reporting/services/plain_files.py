"""Two plain files against each other: read, matched and explained, with nothing stored.

The id of an item is its row in the file, counted from 1, so that groups, breaks and reasons name
rows. No database is touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from apps.common.errors import Refusal
from apps.ingestion.formats import (
    FieldMapping,
    FileRefused,
    MappingInvalid,
    Reading,
    is_by_entry,
    read,
)
from apps.reconciliation.matching import (
    ITEM_SCHEMA,
    ItemsInvalid,
    Outcome,
    RuleSet,
    Watch,
    reconcile,
    unwatched,
)
from apps.reconciliation.matching import RulesInvalid as RulesAtFault
from apps.reporting.errors import ItemsUnfit, LinesRejected, RowsUnclear, RulesInvalid

_NAMED_LINES = 10  # in the message of a refusal
_LISTED_LINES = 100  # in its details


@dataclass(frozen=True)
class FileItems:
    """One side, read.

    Attributes:
        items: ITEM_SCHEMA; the id is the row.
        sha256: of the file's bytes, hexadecimal.
        skipped_count: lines that were rejected and left out.
        notes: facts about the file that a reader should know, in sentences.
    """

    name: str
    items: pl.DataFrame
    sha256: str
    skipped_count: int
    notes: tuple[str, ...]


def read_items(
    content: bytes,
    *,
    name: str,
    format_name: str | None = None,
    mapping: Mapping[str, Any] | None = None,
    skips_rejected: bool = False,
) -> FileItems:
    """The booked lines of a file as items.

    Args:
        name: the file's name, for recognising it and for refusals.
        format_name: its format; None to recognise it.
        mapping: the field mapping of a table as plain JSON; None to find all of it.
        skips_rejected: leave rejected lines out instead of refusing the file.

    Raises:
        FileRefused, MappingInvalid: the file or the mapping as a whole, naming the file.
        LinesRejected: single lines, each named.
        RowsUnclear: lines were left out and the others could no longer be counted.
    """
    try:
        fields = FieldMapping.from_dict(mapping) if mapping else None
        reading = read(content, filename=name, format=format_name, mapping=fields)
    except (FileRefused, MappingInvalid) as refusal:
        refusal.message = f"{name}: {refusal.message}"  # which of the two it was
        refusal.details["file"] = name
        raise
    if reading.rejected and not skips_rejected:
        raise _lines_rejected(name, reading)
    rows = _rows(name, reading)
    items = reading.lines.select(rows, *(column for column in ITEM_SCHEMA if column != "id"))
    digest = hashlib.sha256(content).hexdigest()
    return FileItems(name, items, digest, len(reading.rejected), _notes(name, reading))


def read_rule_set(rules: Mapping[str, Any]) -> RuleSet:
    """The rule set for the kernel.

    Raises:
        RulesInvalid: names every fault by its path.
    """
    try:
        return RuleSet.from_mapping(rules)
    except RulesAtFault as error:
        raise RulesInvalid(f"{error}.", field="rules", faults=list(error.faults)) from None


def reconcile_items(
    left: FileItems,
    right: FileItems,
    rules: RuleSet,
    *,
    as_of: date | None = None,
    watch: Watch = unwatched,
) -> Outcome:
    """Match the two sides.

    Args:
        as_of: the day on which ages are counted; None for the last booking date of both files,
            so that the same files give the same outcome on any day.
        watch: is told what is begun.

    Raises:
        ItemsUnfit: the items cannot be compared (amounts too large to be added up).
    """
    counted_on = as_of or last_day(left, right)
    try:
        return reconcile(left.items, right.items, rules, as_of=counted_on, watch=watch)
    except ItemsInvalid as error:
        raise ItemsUnfit(f"{error}.") from None


def last_day(left: FileItems, right: FileItems) -> date:
    """The last booking date of both files; of two empty ones the first day there is."""
    days = [side.items["booked_on"].max() for side in (left, right)]
    return max((day for day in days if isinstance(day, date)), default=date.min)


def _rows(name: str, reading: Reading) -> pl.Series:
    """The row of each line that was read: its place among these and the rejected ones.

    Raises:
        RowsUnclear: a rejected line shares its line of text with another one.
    """
    rows = np.arange(1, reading.lines.height + 1, dtype=np.int64)
    if reading.rejected:
        lines = reading.lines["line"].to_numpy()
        rejected = np.unique([each.line for each in reading.rejected])
        if len(rejected) < len(reading.rejected) or np.isin(rejected, lines).any():
            raise RowsUnclear(f"{name}: several rows stand on one line, some of them rejected.")
        rows += np.searchsorted(rejected, lines)
    return pl.Series("id", rows)


def _lines_rejected(name: str, reading: Reading) -> Refusal:
    rejected = reading.rejected
    word = "entry" if is_by_entry(reading.conventions) else "line"
    named = "; ".join(
        f"{word} {each.line}{', ' + each.field if each.field else ''}: {each.reason}"
        for each in rejected[:_NAMED_LINES]
    )
    rest = len(rejected) - _NAMED_LINES
    more = f" And {rest} more." if rest > 0 else ""
    count = f"{len(rejected)} lines" if len(rejected) > 1 else "1 line"
    return LinesRejected(
        f"{name}: {count} cannot be read: {named}{more}",
        file=name,
        count=len(rejected),
        rejected=[
            {"line": each.line, "field": each.field, "reason": each.reason}
            for each in rejected[:_LISTED_LINES]
        ],
    )


def _notes(name: str, reading: Reading) -> tuple[str, ...]:
    """What was left out, and statements whose balances disagree with their lines."""
    notes = []
    if reading.rejected:
        notes.append(f"{name}: {len(reading.rejected)} rejected lines were left out.")
    if reading.pending.height:
        notes.append(f"{name}: {reading.pending.height} pending entries were left out.")
    for statement in reading.statements:
        if statement.ties is False:
            notes.append(
                f"{name}: account {statement.account}: opening balance and lines do not add up to"
                " the closing balance."
            )
    return tuple(notes)

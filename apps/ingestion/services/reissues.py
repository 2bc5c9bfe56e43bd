"""Which amendments hold where a bank counts its references anew with every statement.

There an id that comes again is mostly another line: it is the same one only if the bank has issued
the statement again. To take it for an amendment all the same would lose a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

import polars as pl

from apps.ingestion.formats import Reading, are_counted
from apps.ingestion.models import Batch, Record
from apps.ingestion.selectors.stated import Facts, adjoin, are_of_one_account, is_issued_again
from apps.ingestion.services.facts import statement_facts


class _Place(NamedTuple):
    """Where an earlier record stood."""

    batch_id: int
    booked_on: date


def without_counted_anew(changed: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Those of the changed lines whose id is beyond doubt the earlier record's.

    Args:
        changed: `supersedes_id`, and of the later line `statement`, `external_id`, `attributes`.
        reading: the file of the later lines.
    """
    is_counted = are_counted(reading.format, changed)
    if not is_counted.any():
        return changed
    facts = [statement_facts(statement) for statement in reading.statements]

    @cache
    def is_same_line(statement: int, place: _Place) -> bool:
        return _is_issued_again(facts[statement], place)

    doubtful = changed.filter(is_counted)
    places = _places(doubtful["supersedes_id"].to_list())
    pairs = doubtful.select("statement", "supersedes_id").iter_rows()
    holds = pl.Series(
        [is_same_line(number, places[known]) for number, known in pairs], dtype=pl.Boolean()
    )
    return pl.concat([changed.filter(~is_counted), doubtful.filter(holds)])


def _places(record_ids: Sequence[int]) -> dict[int, _Place]:
    records = Record.objects.filter(pk__in=record_ids)
    found = records.values_list("id", "batch_id", "booked_on")
    return {record_id: _Place(batch_id, day) for record_id, batch_id, day in found.iterator()}


def _is_issued_again(later: Facts, place: _Place) -> bool:
    """Whether the statement is one of those that the record may have stood in, and follows none."""
    stated = Batch.objects.values_list("statements", flat=True).get(pk=place.batch_id)
    own = [one for one in stated if are_of_one_account(one, later)]
    candidates = [one for one in own if _covers(one, place.booked_on.isoformat())] or own
    if any(adjoin(one, later) for one in candidates):
        return False
    return any(is_issued_again(later, one) for one in candidates)


def _covers(statement: Facts, day: str) -> bool:
    """Many banks date the opening balance on the evening before; that day is not covered."""
    starts_on, ends_on = statement["opened_on"], statement["closed_on"]
    if starts_on is None or ends_on is None:
        return False
    return bool(starts_on < day <= ends_on or starts_on == day == ends_on)

"""What tells two runs apart: digests of what went in, and of what came out."""

from __future__ import annotations

import hashlib
import json
from typing import Final

import numpy as np
import polars as pl

from apps.audit.services import canonical_bytes
from apps.reconciliation.matching import Outcome
from apps.reconciliation.matching.schemas import Ints
from apps.reconciliation.models import RematchPermit, Run
from apps.reconciliation.selectors.learning import learned_under, weights_by_pass

_ROWS_AT_ONCE: Final = 100_000  # the digest depends on it: it never changes


def input_digest(run: Run, ids: tuple[Ints, Ints]) -> str:
    """SHA-256 over what the outcome depends on: rules, dates, records, permits, learned weights.

    A run that learned some is asked after it learned: what the next one would go by.
    """
    facts: list[object] = [run.rule_set.digest, run.starts_on, run.ends_on]
    if learned := weights_by_pass(learned_under(run.rule_set)):
        facts.append(learned)
    permits = RematchPermit.objects.filter(
        revocation__revision__run__match_type_id=run.match_type_id
    )
    if permitted := list(permits.order_by("pk").values_list("pk", flat=True)):
        facts.append(permitted)  # what was taken back may be matched again
    digest = hashlib.sha256(canonical_bytes(facts))
    for side in ids:
        digest.update(side.tobytes())
        digest.update(b"|")
    return digest.hexdigest()


def outcome_digest(outcome: Outcome) -> str:
    """SHA-256 over groups, items and breaks, column by column: equal outcomes, equal digests."""
    digest = hashlib.sha256()
    for frame in (outcome.groups, outcome.items, outcome.breaks, outcome.break_items):
        digest.update(json.dumps([frame.columns, frame.height]).encode())
        for rows in frame.iter_slices(_ROWS_AT_ONCE):
            for column in rows.iter_columns():
                for part in _parts(column):
                    digest.update(part)
    return digest.hexdigest()


def _parts(column: pl.Series) -> list[bytes | memoryview]:
    """A column as bytes that no other column has: what is null, lengths of texts, values."""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean():
        numbers = column.cast(pl.Int64).fill_null(0).to_numpy()
        return [_nulls(column), numbers.astype("<i8", copy=False).data]
    texts = column.cast(pl.String).fill_null("")
    lengths = texts.str.len_bytes().to_numpy().astype("<i8")
    return [_nulls(column), lengths.data, _joined(texts)]


def _nulls(column: pl.Series) -> bytes:
    """A bit for each value, set where it is null."""
    if column.null_count() == 0:  # as most columns are: nothing has to be packed then
        return bytes(-(-len(column) // 8))
    return np.packbits(column.is_null().to_numpy()).tobytes()


def _joined(texts: pl.Series) -> bytes:
    if (texts == texts[0]).all():
        return str(texts[0]).encode() * len(texts)
    return bytes(texts.str.join("").cast(pl.Binary()).item())

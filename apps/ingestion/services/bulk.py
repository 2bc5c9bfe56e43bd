"""Lines into PostgreSQL by COPY, what they say of people sealed on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, repeat
from typing import Final

import polars as pl

from apps.common.blobs import copy_blobs
from apps.common.frames import exact_decimal
from apps.common.partitions import copy_rows
from apps.common.phases import Phase, tell_phase
from apps.ingestion.models import Batch, Record
from apps.ingestion.selectors.columns import WHOLE_COLUMNS
from apps.ingestion.states import (
    IMPORT_AT_WORK,
    SEALED_TEXTS,
    TEXTS_LABEL,
    WHOLE_BLOCK_ROWS,
    WHOLE_LABEL,
    ImportPhase,
)
from apps.privacy.blocks import BLOCK_ROWS, sealed_blocks
from apps.privacy.selectors import key_ring

_BLOCKS_AT_ONCE: Final = 16
_BLOCK_COLUMNS: Final = {
    "batch_id": "bigint",
    "number": "integer",
    "sealed": "bytea",
    "first_id": "bigint",
}


def copy_records(batch: Batch, lines: pl.DataFrame) -> None:
    """Insert the lines as records of the batch, and the sealed blocks of what they say.

    Args:
        lines: LINE_SCHEMA with `content_key` and `occurrence`.
    """
    _tell(batch, 0, lines.height)
    first_id = copy_rows(
        Record,
        lines.with_row_index("position"),
        *("line", "external_id", "account", "booked_on", "value_on"),
        exact_decimal("amount"),
        *("currency", "reference", "position", "content_key", "occurrence"),
        same={"entity_id": batch.entity_id, "source_id": batch.source_id, "batch_id": batch.pk},
        within=("booked_on",),
    )
    firsts: Iterator[int | None]
    if first_id is None:
        blocks, firsts = _text_blocks(batch, lines), repeat(None)
    else:
        blocks, firsts = _whole_blocks(batch, lines), count(first_id, WHOLE_BLOCK_ROWS)
    rows = ((batch.pk, *block) for block in zip(count(), blocks, firsts, strict=False))
    copy_blobs("ingestion_sealedblock", _BLOCK_COLUMNS, rows)
    _tell(batch, lines.height, lines.height)


def _tell(batch: Batch, done: int, total: int) -> None:
    phase = Phase(ImportPhase.STORING.value, done=done, total=total)
    tell_phase(IMPORT_AT_WORK, batch.source_id, phase)


def _text_blocks(batch: Batch, lines: pl.DataFrame) -> Iterator[bytes]:
    return _blocks(lines, SEALED_TEXTS, f"{TEXTS_LABEL}:{batch.pk}", BLOCK_ROWS)


def _whole_blocks(batch: Batch, lines: pl.DataFrame) -> Iterator[bytes]:
    return _blocks(lines, WHOLE_COLUMNS, f"{WHOLE_LABEL}:{batch.pk}", WHOLE_BLOCK_ROWS)


def _blocks(lines: pl.DataFrame, columns: Sequence[str], label: str, each: int) -> Iterator[bytes]:
    """The columns sealed in blocks of so many rows."""
    ring = key_ring()
    for first, some in enumerate(lines.iter_slices(_BLOCKS_AT_ONCE * each)):
        # Of all lines at once it would be a copy of them.
        rows = some.select(columns).with_columns(pl.col("attributes").replace("{}", ""))
        yield from sealed_blocks(rows, label, ring, first=first * _BLOCKS_AT_ONCE, each=each)

"""Lines into PostgreSQL by COPY, what they say of people sealed on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from apps.common.frames import copy_slices, exact_decimal, hex_bytes
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


def copy_records(batch: Batch, lines: pl.DataFrame) -> None:
    """Insert the lines as records of the batch, and the sealed blocks of what they say.

    Args:
        lines: LINE_SCHEMA with `content_key` (hex) and `occurrence`.
    """
    _tell(batch, 0, lines.height)
    first_id = copy_rows(
        Record,
        lines.with_row_index("position"),
        *("line", "external_id", "account", "booked_on", "value_on"),
        exact_decimal("amount"),
        *("currency", "reference", "position"),
        (pl.lit("\\x") + pl.col("content_key")).alias("content_key"),
        "occurrence",
        same={"entity_id": batch.entity_id, "source_id": batch.source_id, "batch_id": batch.pk},
    )
    copy_slices(
        "ingestion_sealedblock",
        _text_blocks(batch, lines) if first_id is None else _whole_blocks(batch, lines, first_id),
    )
    _tell(batch, lines.height, lines.height)


def _tell(batch: Batch, done: int, total: int) -> None:
    phase = Phase(ImportPhase.STORING.value, done=done, total=total)
    tell_phase(IMPORT_AT_WORK, batch.source_id, phase)


def _text_blocks(batch: Batch, lines: pl.DataFrame) -> Iterator[pl.DataFrame]:
    label = f"{TEXTS_LABEL}:{batch.pk}"
    return _blocks(batch, lines, SEALED_TEXTS, label, BLOCK_ROWS)


def _whole_blocks(batch: Batch, lines: pl.DataFrame, first_id: int) -> Iterator[pl.DataFrame]:
    label = f"{WHOLE_LABEL}:{batch.pk}"
    position = pl.col("number") * WHOLE_BLOCK_ROWS
    for blocks in _blocks(batch, lines, WHOLE_COLUMNS, label, WHOLE_BLOCK_ROWS):
        yield blocks.with_columns(first_id=first_id + position)


def _blocks(
    batch: Batch, lines: pl.DataFrame, columns: Sequence[str], label: str, each: int
) -> Iterator[pl.DataFrame]:
    """The columns sealed in blocks of so many rows, some of these at a time."""
    first = 0
    for some in lines.iter_slices(_BLOCKS_AT_ONCE * each):
        # Of all lines at once it would be a copy of them.
        rows = some.select(columns).with_columns(pl.col("attributes").replace("{}", ""))
        sealed = hex_bytes(sealed_blocks(rows, label, key_ring(), first=first, each=each))
        yield pl.DataFrame(
            {
                "batch_id": batch.pk,
                "number": range(first, first + len(sealed)),
                "sealed": sealed,
            },
            schema={"batch_id": pl.Int64(), "number": pl.Int64(), "sealed": pl.String()},
        )
        first += len(sealed)

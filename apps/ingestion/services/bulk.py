"""Lines into PostgreSQL by COPY, what they say of people sealed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from apps.common.frames import copy_slices, decimal_text, hex_bytes
from apps.common.partitions import copy_rows
from apps.common.phases import Phase, tell_phase
from apps.ingestion.models import Batch, Record
from apps.ingestion.states import IMPORT_AT_WORK, SEALED_TEXTS, TEXTS_LABEL, ImportPhase
from apps.privacy.blocks import BLOCK_ROWS, sealed_blocks
from apps.privacy.selectors import key_ring

_BLOCKS_AT_ONCE: Final = 50


def copy_records(batch: Batch, lines: pl.DataFrame) -> None:
    """Insert the lines as records of the batch, and the sealed blocks of their texts.

    Args:
        lines: LINE_SCHEMA with `content_key` (hex) and `occurrence`.
    """
    _tell(batch, 0, lines.height)
    copy_slices("ingestion_sealedblock", _blocks(batch, lines))
    copy_rows(
        Record,
        lines.with_row_index("position"),
        *("line", "external_id", "account", "booked_on", "value_on"),
        decimal_text("amount"),
        *("currency", "reference", "position"),
        (pl.lit("\\x") + pl.col("content_key")).alias("content_key"),
        "occurrence",
        same={"entity_id": batch.entity_id, "source_id": batch.source_id, "batch_id": batch.pk},
    )
    _tell(batch, lines.height, lines.height)


def _tell(batch: Batch, done: int, total: int) -> None:
    phase = Phase(ImportPhase.STORING.value, done=done, total=total)
    tell_phase(IMPORT_AT_WORK, batch.source_id, phase)


def _blocks(batch: Batch, lines: pl.DataFrame) -> Iterator[pl.DataFrame]:
    first = 0
    for rows in lines.iter_slices(_BLOCKS_AT_ONCE * BLOCK_ROWS):
        label = f"{TEXTS_LABEL}:{batch.pk}"
        sealed = hex_bytes(sealed_blocks(_texts(rows), label, key_ring(), first=first))
        yield pl.DataFrame(
            {
                "batch_id": batch.pk,
                "number": range(first, first + len(sealed)),
                "sealed": sealed,
            },
            schema={"batch_id": pl.Int64(), "number": pl.Int64(), "sealed": pl.String()},
        )
        first += len(sealed)


def _texts(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.select(SEALED_TEXTS).with_columns(pl.col("attributes").replace("{}", ""))

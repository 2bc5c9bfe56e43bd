"""Lines into PostgreSQL by COPY, what they say of people sealed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

import polars as pl

from apps.common.frames import copy_in, copy_slices, decimal_text, hex_bytes
from apps.ingestion.models import Batch
from apps.ingestion.states import SEALED_TEXTS, TEXTS_LABEL
from apps.privacy.blocks import sealed_blocks
from apps.privacy.selectors import key_ring

_BLOCKS_AT_ONCE: Final = 50


def copy_records(batch: Batch, lines: pl.DataFrame) -> None:
    """Insert the lines as records of the batch, and the sealed blocks of their texts.

    Args:
        lines: LINE_SCHEMA with `content_key` (hex) and `occurrence`.
    """
    copy_in(
        "ingestion_record",
        lines.with_row_index("position"),
        pl.lit(batch.entity_id).alias("entity_id"),
        pl.lit(batch.source_id).alias("source_id"),
        pl.lit(batch.pk).alias("batch_id"),
        "line",
        "external_id",
        "account",
        "booked_on",
        "value_on",
        decimal_text("amount"),
        "currency",
        "reference",
        "position",
        (pl.lit("\\x") + pl.col("content_key")).alias("content_key"),
        "occurrence",
    )
    copy_slices("ingestion_sealedblock", _blocks(batch, lines))


def _blocks(batch: Batch, lines: pl.DataFrame) -> Iterator[pl.DataFrame]:
    texts = lines.select(SEALED_TEXTS).with_columns(pl.col("attributes").replace("{}", ""))
    blocks = enumerate(sealed_blocks(texts, f"{TEXTS_LABEL}:{batch.pk}", key_ring()))
    while some := list(islice(blocks, _BLOCKS_AT_ONCE)):
        numbers, sealed = zip(*some, strict=True)
        yield pl.DataFrame(
            {"batch_id": batch.pk, "number": numbers, "sealed": hex_bytes(sealed)},
            schema={"batch_id": pl.Int64(), "number": pl.Int64(), "sealed": pl.String()},
        )

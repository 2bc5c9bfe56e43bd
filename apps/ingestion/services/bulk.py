"""Lines into PostgreSQL by COPY, what they say of people sealed on the way."""

from __future__ import annotations

import polars as pl

from apps.common.frames import copy_all, decimal_text, hex_bytes
from apps.ingestion.models import Batch
from apps.ingestion.states import SEALED_TEXTS, TEXTS_LABEL
from apps.privacy.blocks import sealed_blocks
from apps.privacy.selectors import key_ring


def copy_records(batch: Batch, lines: pl.DataFrame) -> None:
    """Insert the lines as records of the batch, and the sealed blocks of their texts.

    Args:
        lines: LINE_SCHEMA with `content_key` (hex) and `occurrence`.
    """
    frame = lines.select(
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
        pl.int_range(pl.len()).alias("position"),
        (pl.lit("\\x") + pl.col("content_key")).alias("content_key"),
        "occurrence",
    )
    copy_all([("ingestion_record", frame), ("ingestion_sealedblock", _blocks(batch, lines))])


def _blocks(batch: Batch, lines: pl.DataFrame) -> pl.DataFrame:
    texts = lines.select(SEALED_TEXTS).with_columns(pl.col("attributes").replace("{}", ""))
    blocks = list(sealed_blocks(texts, f"{TEXTS_LABEL}:{batch.pk}", key_ring()))
    return pl.DataFrame(
        {"batch_id": batch.pk, "number": range(len(blocks)), "sealed": hex_bytes(blocks)},
        schema={"batch_id": pl.Int64(), "number": pl.Int64(), "sealed": pl.String()},
    )

"""Lines into PostgreSQL by COPY, personal columns sealed on the way."""

from __future__ import annotations

import polars as pl

from apps.common.frames import copy_in, decimal_text
from apps.ingestion.models import Batch
from apps.ingestion.states import ATTRIBUTES_LABEL, COUNTERPARTY_LABEL, NARRATIVE_LABEL
from apps.privacy.selectors import key_ring


def copy_records(batch: Batch, lines: pl.DataFrame) -> None:
    """Insert the lines as records of the batch.

    Args:
        lines: LINE_SCHEMA with `content_key` (hex) and `occurrence`.
    """
    if lines.is_empty():
        return
    ring = key_ring()
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
        _bytea(ring.seal_many(lines["counterparty"], COUNTERPARTY_LABEL), "counterparty_sealed"),
        _bytea(ring.seal_many(lines["narrative"], NARRATIVE_LABEL), "narrative_sealed"),
        _bytea(
            ring.seal_many(lines["attributes"].replace("{}", ""), ATTRIBUTES_LABEL),
            "attributes_sealed",
        ),
        (pl.lit("\\x") + pl.col("content_key")).alias("content_key"),
        "occurrence",
    )
    copy_in("ingestion_record", frame)


def _bytea(values: list[bytes], name: str) -> pl.Series:
    return pl.Series(name, ["\\x" + value.hex() for value in values], dtype=pl.String)

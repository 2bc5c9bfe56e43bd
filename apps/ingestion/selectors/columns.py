"""Which columns a record has as the matching kernel takes it, and which of them lie where."""

from __future__ import annotations

from typing import Final

import polars as pl

from apps.ingestion.states import SEALED_TEXTS

RECORD_SCHEMA: Final = pl.Schema(
    {
        "id": pl.Int64(),
        "amount": pl.Int64(),
        "currency": pl.String(),
        "booked_on": pl.Date(),
        "value_on": pl.Date(),
        "reference": pl.String(),
        "counterparty": pl.String(),
        "narrative": pl.String(),
        "account": pl.String(),
        "external_id": pl.String(),
        "attributes": pl.String(),
    }
)
"""Columns of `records_frame`, as the matching kernel takes them."""

WHOLE_COLUMNS: Final = tuple(name for name in RECORD_SCHEMA if name != "id")
"""What a sealed block says of its records if it holds them whole; their ids follow its first."""

TEXTS_SCHEMA: Final = pl.Schema({name: RECORD_SCHEMA[name] for name in SEALED_TEXTS})
"""What is said of a record in sealed blocks only."""

STORED_SCHEMA: Final = pl.Schema(
    {
        **{name: kind for name, kind in RECORD_SCHEMA.items() if name not in SEALED_TEXTS},
        "batch_id": pl.Int64(),
        "position": pl.Int64(),
    }
)
"""What a record's row says, with the place of its texts."""

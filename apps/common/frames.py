"""Frames into PostgreSQL by COPY: exact amounts, and texts that are never taken for NULL."""

from __future__ import annotations

import io

import polars as pl
from django.db import connection


def decimal_text(column: str) -> pl.Expr:
    """Int64 ten-thousandths as exact decimal text, without ever being a float."""
    units = pl.col(column)
    sign = pl.when(units < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    whole = (units.abs() // 10_000).cast(pl.String)
    rest = (units.abs() % 10_000).cast(pl.String).str.zfill(4)
    return (sign + whole + pl.lit(".") + rest).alias(column)


def copy_in(table: str, frame: pl.DataFrame) -> None:
    """Insert the frame's rows; its columns carry the table's column names.

    Texts are quoted, since COPY takes an unquoted empty cell for NULL and "" for an empty text.
    """
    if frame.is_empty():
        return
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False, quote_style="non_numeric", null_value="")
    buffer.seek(0)
    columns = ", ".join(f'"{name}"' for name in frame.columns)
    with connection.cursor() as cursor:
        cursor.copy_expert(f'COPY "{table}" ({columns}) FROM STDIN WITH (FORMAT csv)', buffer)

"""Frames into PostgreSQL by COPY: exact amounts, and texts that are never taken for NULL."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import polars as pl
from django.db import connection


def decimal_text(column: str) -> pl.Expr:
    """Int64 ten-thousandths as exact decimal text, without ever being a float."""
    units = pl.col(column)
    sign = pl.when(units < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    whole = (units.abs() // 10_000).cast(pl.String)
    rest = (units.abs() % 10_000).cast(pl.String).str.zfill(4)
    return (sign + whole + pl.lit(".") + rest).alias(column)


def hex_bytes(values: Iterable[bytes]) -> list[str]:
    """Bytes as the text that PostgreSQL reads as a bytea."""
    return ["\\x" + value.hex() for value in values]


def copy_in(table: str, frame: pl.DataFrame) -> None:
    """Insert the frame's rows; its columns carry the table's column names."""
    copy_all([(table, frame)])


def copy_all(frames: Iterable[tuple[str, pl.DataFrame]]) -> None:
    """Insert the rows of several frames, one table after the other.

    While the database takes one, the text of the next is made.
    """
    with ThreadPoolExecutor(1) as beside:
        texts = [(table, frame.columns, beside.submit(_text_of, frame)) for table, frame in frames]
        for table, columns, text in texts:
            names = ", ".join(f'"{name}"' for name in columns)
            with connection.cursor() as cursor:
                # What statement triggers look at stays in memory (apps.common.bulk_checks).
                cursor.execute("SET LOCAL work_mem = '256MB'")
                cursor.copy_expert(
                    f'COPY "{table}" ({names}) FROM STDIN WITH (FORMAT csv)', text.result()
                )


def _text_of(frame: pl.DataFrame) -> io.BytesIO:
    """The rows as COPY takes them: it reads an unquoted empty cell as NULL and "" as a text."""
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False, quote_style="non_numeric", null_value="")
    buffer.seek(0)
    return buffer

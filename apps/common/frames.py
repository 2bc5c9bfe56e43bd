"""Frames into PostgreSQL by COPY: exact amounts, and texts that are never taken for NULL."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import chain
from typing import Final

import polars as pl
from django.db import connection

_ROWS_AT_ONCE: Final = 50_000
_BYTES_AT_ONCE: Final = 1 << 16
_UNIT: Final = Decimal("0.0001")
_ESCAPED: Final = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
"""What means something to COPY; the sign that says so itself comes first."""


def exact_decimal(column: str) -> pl.Expr:
    """Int64 ten-thousandths as decimals with four places, without ever being a float."""
    units = pl.col(column).cast(pl.Decimal(scale=0))
    return (units * pl.lit(_UNIT)).alias(column)


def are_distinct(rows: pl.DataFrame) -> bool:
    """Whether no row is there twice, surely; two that differ may, hardly ever, count as equal."""
    hashes = rows.hash_rows().sort()
    return not (hashes == hashes.shift()).any()


def copy_in(table: str, frame: pl.DataFrame, *columns: str | pl.Expr, is_new: bool = False) -> None:
    """Insert the frame's rows, slice by slice: their text never lies in memory as a whole.

    Args:
        columns: what is made of each row, under the table's column names; none: as it is. Bytes
            become `bytea`, lists of integers arrays, null an empty one.
        is_new: the table was created by this transaction (in no savepoint within it).
    """
    wanted = columns or (pl.all(),)
    slices = (rows.select(*wanted) for rows in frame.iter_slices(_ROWS_AT_ONCE))
    copy_slices(table, slices, is_new=is_new)


def copy_slices(table: str, slices: Iterator[pl.DataFrame], *, is_new: bool = False) -> None:
    """Insert the rows of frames with the same columns; none is asked for before its turn.

    While the database takes one, the text of the next is made. Into a table that is new the rows
    are written as PostgreSQL would leave them after its first look at each.

    Raises:
        django.db.DatabaseError: the database takes them not, or a frame could not be made; the
            message says why, and none of them is stored.
    """
    first = next(slices, None)
    if first is None:
        return
    texts = map(_text_of, chain([first], slices))
    copy_pieces(table, first.columns, f"FORMAT text, FREEZE {is_new}", texts)


def copy_pieces(table: str, columns: Iterable[str], options: str, pieces: Iterator[bytes]) -> None:
    """Insert what lies in pieces of a file as COPY reads it; the next is made beside.

    Raises:
        django.db.DatabaseError: as `copy_slices`.
    """
    names = ", ".join(f'"{name}"' for name in columns)
    with ThreadPoolExecutor(1) as beside, connection.cursor() as cursor:
        # What statement triggers look at stays in memory (apps.common.bulk_checks).
        cursor.execute("SET LOCAL work_mem = '256MB'")
        command = f'COPY "{table}" ({names}) FROM STDIN WITH ({options})'
        with connection.wrap_database_errors:
            cursor.copy_expert(command, _PiecesAhead(pieces, beside), _BYTES_AT_ONCE)


class _PiecesAhead:
    """Pieces as one file to read, the next of them made while the one before is read."""

    def __init__(self, pieces: Iterator[bytes], beside: ThreadPoolExecutor) -> None:
        self._pieces = pieces
        self._beside = beside
        self._piece = io.BytesIO()
        self._following = beside.submit(next, pieces, None)

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        while not (some := self._piece.read(size)):
            piece = self._following.result()
            if piece is None:
                return b""
            self._piece = io.BytesIO(piece)
            self._following = self._beside.submit(next, self._pieces, None)
        return some


def _text_of(rows: pl.DataFrame) -> bytes:
    """The rows in COPY's own format, which it reads faster than CSV."""
    buffer = io.BytesIO()
    texts = pl.DataFrame([_as_text(column) for column in rows.iter_columns()])
    texts.write_csv(
        buffer, include_header=False, separator="\t", quote_style="never", null_value=r"\N"
    )
    return buffer.getvalue()


def _as_text(column: pl.Series) -> pl.Series:
    dtype = column.dtype
    if dtype == pl.Binary():
        return pl.select(pl.lit(r"\\x") + column.bin.encode("hex")).to_series().alias(column.name)
    if isinstance(dtype, pl.List):
        return _array_texts(column)
    return column if dtype.is_numeric() or dtype.is_temporal() else _escaped(column.cast(pl.String))


def _escaped(texts: pl.Series) -> pl.Series:
    """The texts without what separates cells and rows, or would be taken for it."""
    together = texts.str.join("").item()
    for mark, escaped in _ESCAPED.items():
        if mark in together:
            texts = texts.str.replace_all(mark, escaped, literal=True)
    return texts


def _array_texts(lists: pl.Series) -> pl.Series:
    """Lists of integers as the text of an array; null as an empty one."""
    numbers = lists.list.first().cast(pl.String)
    others = lists.list.len().ne_missing(1).arg_true()  # where there is nothing, or more to join
    joined = lists.gather(others).cast(pl.List(pl.String)).list.join(",").fill_null("")
    numbers = numbers.scatter(others, joined)
    return pl.select(pl.lit("{") + numbers + pl.lit("}")).to_series().alias(lists.name)

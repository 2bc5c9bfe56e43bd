"""Long bytes in and out of PostgreSQL as they are: COPY in its binary form.

As text each byte would be two characters, made, sent and read again. The form is that of
PostgreSQL's documentation of COPY, "Binary Format".
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.db import connection

from apps.common.frames import copy_pieces

_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, nothing more in the header
_COUNT: Final = struct.Struct(">h")  # of a row's fields
_LENGTH: Final = struct.Struct(">i")  # of a field
_END: Final = -1  # instead of a count
_NULL: Final = _LENGTH.pack(-1)
_INTEGERS: Final = {"bigint": struct.Struct(">iq"), "integer": struct.Struct(">ii")}


def copy_blobs(
    table: str, columns: Mapping[str, str], rows: Iterable[Sequence[int | bytes | None]]
) -> None:
    """Insert rows; while the database takes one, the next is made.

    Args:
        columns: names and types: `bigint`, `integer` or `bytea`, as the table has them.
        rows: a value for each column.

    Raises:
        django.db.DatabaseError: the database takes them not, or a row could not be made; the
            message says why, and none of them is stored.
    """
    kinds = list(columns.values())
    copy_pieces(table, columns, "FORMAT binary", _pieces(kinds, rows))


def _pieces(kinds: Sequence[str], rows: Iterable[Sequence[int | bytes | None]]) -> Iterator[bytes]:
    yield _HEAD
    count = _COUNT.pack(len(kinds))
    for row in rows:
        yield count + b"".join(map(_field, kinds, row))
    yield _COUNT.pack(_END)


def _field(kind: str, value: int | bytes | None) -> bytes:
    if value is None:
        return _NULL
    if isinstance(value, bytes):
        return _LENGTH.pack(len(value)) + value
    integer = _INTEGERS[kind]
    return integer.pack(integer.size - _LENGTH.size, value)


def read_blobs(query: str, values: Sequence[Any]) -> list[bytes]:
    """What a query of one column, a bytea without NULLs, gives, in its order."""
    buffer = io.BytesIO()
    with connection.cursor() as cursor:
        statement = cursor.mogrify(query, values).decode()
        with connection.wrap_database_errors:
            cursor.copy_expert(f"COPY ({statement}) TO STDOUT WITH (FORMAT binary)", buffer)
    copied = buffer.getbuffer()
    found = []
    at = len(_HEAD)
    while _COUNT.unpack_from(copied, at) != (_END,):
        at += _COUNT.size
        (length,) = _LENGTH.unpack_from(copied, at)
        at += _LENGTH.size
        found.append(bytes(copied[at : at + length]))
        at += length
    return found

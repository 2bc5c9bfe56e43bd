"""Rows as JSON in which every number stands exactly as it was: no float is made of money."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from functools import singledispatch
from typing import Any
from uuid import UUID

from apps.ingestion.connectors.errors import AnswerMalformed, AnswerTooLarge

# A float has 15 decimal digits that are certain; one that needs more was computed, not stored.
_CERTAIN_DIGITS = 15


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


def document(rows: Iterable[Mapping[str, Any]], *, max_bytes: int) -> bytes:
    """A JSON list with one row a line; the first row is on line 2.

    Raises:
        AnswerTooLarge: more bytes than that.
        AnswerMalformed: a value that cannot be written exactly, with its row and column.
    """
    lines: list[str] = []
    size = 0
    for number, row in enumerate(rows, 1):
        lines.append(_line(row, number))
        size += len(lines[-1]) + 2
        if size > max_bytes:
            raise AnswerTooLarge(f"The answer is larger than {max_bytes:,} bytes.")
    content = "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"
    return content.encode()


def parsed(text: str) -> Any:
    """What the JSON text says, numbers as they are written.

    Raises:
        ValueError: it is not JSON, has a key twice, or NaN.
    """
    return json.loads(
        text,
        parse_float=Number,
        parse_int=Number,
        parse_constant=_refuse_constant,
        object_pairs_hook=_unique_keys,
    )


def _line(row: Mapping[str, Any], number: int) -> str:
    cells = []
    for name, value in row.items():
        try:
            cells.append(f"{_quoted(name)}:{_text(value)}")
        except (TypeError, ValueError) as fault:
            raise AnswerMalformed(
                f"Row {number}, column {name}: {fault}",
                remedy="Convert the column in the query, for example: CAST(amount AS text).",
            ) from None
    return "{" + ",".join(cells) + "}"


@singledispatch
def _text(value: Any) -> str:
    """One value as JSON text."""
    raise TypeError(f"a value of type {type(value).__name__} has no place in a line.")


@_text.register(type(None))
@_text.register(bool)
@_text.register(int)
def _plain(value: Any) -> str:
    return json.dumps(value)


@_text.register
def _written(value: Number) -> str:
    return str(value)


@_text.register(str)
@_text.register(UUID)
def _quoted(value: Any) -> str:
    return json.dumps(str(value), ensure_ascii=False)


@_text.register(date)
@_text.register(time)
def _day(value: Any) -> str:
    return _quoted(value.isoformat())


@_text.register(dict)
def _object(value: Mapping[str, Any]) -> str:
    return "{" + ",".join(f"{_quoted(name)}:{_text(one)}" for name, one in value.items()) + "}"


@_text.register(list)
def _list(value: list[Any]) -> str:
    return "[" + ",".join(map(_text, value)) + "]"


@_text.register(Decimal)
@_text.register(float)
def _decimal(value: Decimal | float) -> str:
    if isinstance(value, float):
        exact = Decimal(repr(value)) if math.isfinite(value) else Decimal("NaN")
        if len(exact.normalize().as_tuple().digits) > _CERTAIN_DIGITS:
            raise ValueError("it is a binary fraction that stands for no exact decimal.")
    else:
        exact = value
    if not exact.is_finite():
        raise ValueError("it is not a number.")
    return format(exact, "f")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object has a key twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")

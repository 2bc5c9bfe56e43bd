"""JSON and NDJSON records: a list of objects, an object holding one, or an object a line.

Numbers stay the text they are written as; no float is ever made of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from apps.ingestion.formats.amounts import written_number
from apps.ingestion.formats.contract import Reading, frame_of
from apps.ingestion.formats.errors import ColumnMissing, FileTooLarge, ForbiddenConstruct
from apps.ingestion.formats.headers import completed_mapping
from apps.ingestion.formats.json_scanner import LIST_KEYS, Number, records_of
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.numbering import Numbers
from apps.ingestion.formats.table_header import MAX_COLUMNS
from apps.ingestion.formats.tabular import Table, reading_of
from apps.ingestion.formats.text import utf8_text

_TELLING = ("booked_on", "value_on", "amount", "debit", "credit")
MAX_DEPTH = 8  # levels of objects and lists inside a value of a record
_START = re.compile(rb"\s*(?:\[\s*[{\]]|\{\s*[\"}])")


class JsonRecords:
    """JSON lists of records and NDJSON."""

    name = "json"
    title = "JSON or NDJSON records"
    max_bytes = 256_000_000

    def identify(self, head: bytes, filename: str) -> bool:
        """A list, or an object whose first thing is a key."""
        text = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").replace(b"\0", b"")
        return _START.match(text) is not None

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """See `Format.read`. Nested objects become columns such as `amount.value`."""
        text, encoding = utf8_text(content, mapping.encoding)
        rows: list[dict[str, str]] = []
        lines: list[int] = []
        texts: set[str] = set()  # columns that hold something else than numbers
        for line, record in records_of(text.decode("utf-8"), partial(_is_record, mapping)):
            rows.append(_cells_of(record, line, texts))
            lines.append(line)
        numbers = Numbers.of_lines(lines)
        conventions = {"encoding": encoding, **numbers.conventions}
        if not rows:
            return Reading(self.name, frame_of([]), (), (), conventions=conventions)
        names = list(dict.fromkeys(name for row in rows for name in row))
        mapping = _checked_mapping(names, mapping)
        money = mapping.money_columns
        if not (texts | mapping.made_columns) & money:
            mapping = replace(mapping, decimal=".")
        else:
            _write_numbers(rows, money, mapping.decimal or ".")
        cells = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String)).fill_null("")
        places = pl.Series([numbers.of(line) for line in lines], dtype=pl.Int64)
        table = Table.of(names, cells, places)
        return reading_of(self.name, table, mapping, conventions)


def _is_record(mapping: FieldMapping, members: dict[str, Any], line: int) -> bool:
    """Whether the members have the dates and amounts that the mapping or their names ask for."""
    names = [name for name, _ in _leaves(members, line)]
    chosen = completed_mapping(mapping, names)
    if chosen is None:
        return False
    asked = {name for field in _TELLING for name in chosen.columns.get(field, ())}
    return not asked.isdisjoint(names) and asked - chosen.made_columns <= set(names)


def _cells_of(record: dict[str, Any], line: int, texts: set[str]) -> dict[str, str]:
    """The values of a record as text by dotted name.

    Args:
        texts: gets the names of the values that are something else than a number.
    """
    cells: dict[str, str] = {}
    for name, value in _leaves(record, line):
        if isinstance(value, Number):
            cells[name] = value
        elif value is None:
            cells[name] = ""
        else:
            cells[name] = value if isinstance(value, str) else _json_of(value)
            texts.add(name)
    _require_storable("".join([*cells, *cells.values()]), line)
    return cells


def _leaves(
    members: dict[str, Any], line: int, prefix: str = "", levels: int = MAX_DEPTH
) -> Iterator[tuple[str, Any]]:
    """Names and values below nested objects; lists stay values."""
    for key, value in members.items():
        if isinstance(value, (dict, list)) and _depth_of(value) > levels:
            message = f"A record is nested deeper than {MAX_DEPTH} levels."
            raise ForbiddenConstruct(message, line=line)
        if isinstance(value, dict):
            yield from _leaves(value, line, f"{prefix}{key}.", levels - 1)
        else:
            yield prefix + key, value


def _json_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _depth_of(value: Any) -> int:
    """Levels of lists and objects in a value; the scanner bounds them to what Python can follow."""
    depth, level = 0, [value]
    while level := [inner for outer in level for inner in _members_of(outer)]:
        depth += 1
    return depth


def _members_of(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _require_storable(text: str, line: int) -> None:
    """Escapes such as `\\u0000` and half a surrogate pair make text that no database keeps."""
    if "\0" in text:
        raise ForbiddenConstruct("There is a NUL character.", line=line)
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ForbiddenConstruct("There is half a character (a lone surrogate).", line=line)


def _checked_mapping(names: list[str], mapping: FieldMapping) -> FieldMapping:
    if len(names) > MAX_COLUMNS:
        raise FileTooLarge(f"The records have more than {MAX_COLUMNS} different keys.")
    chosen = completed_mapping(mapping, names)
    if chosen is None:
        raise ColumnMissing(
            "No keys name a date and an amount in English, German or French.",
            remedy="Set up a field mapping for the source. Of an object's members, a list is taken "
            f"for its records if it is called {', '.join(LIST_KEYS)}.",
        )
    missing = sorted(chosen.named_columns - set(names))
    if missing:
        raise ColumnMissing("No record has the key that the mapping names.", field=missing[0])
    return chosen


def _write_numbers(rows: list[dict[str, str]], money: frozenset[str], decimal: str) -> None:
    """Where a column has numbers and texts, the numbers follow the convention of the texts."""
    for row in rows:
        for name in money & row.keys():
            if isinstance(row[name], Number):
                row[name] = written_number(row[name], decimal)

"""BAI2 text to records: continuations (88) joined, the order of records enforced.

A file is whole when each account (03), group (02) and file (01) that begins also ends (49, 98,
99), so that a file cut off anywhere is never taken for a shorter one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from apps.ingestion.formats.errors import MalformedFile

_LINE_END = re.compile(r"\r\n|\n|\r")
_RECORD = re.compile(r"(01|02|03|16|49|88|98|99)(?:,(.*))?", re.ASCII)
# What may come after what; 88 may follow any.
_AFTER = {
    "": ("01",),
    "01": ("02", "99"),
    "02": ("03", "98"),
    "03": ("16", "49"),
    "16": ("16", "49"),
    "49": ("03", "98"),
    "98": ("02", "99"),
    "99": ("01",),
}


@dataclass
class Record:
    """A record with its continuations.

    Attributes:
        line: where it begins.
        fields: texts after the record code, and whether each begins a line of the file.
        line_count: physical records, as control records count them.
    """

    code: str
    line: int
    fields: list[tuple[str, bool]] = field(default_factory=list)
    line_count: int = 1
    _position: int = 0

    def take(self) -> str:
        """The next field, '' past the end."""
        if self.is_done:
            return ""
        self._position += 1
        return self.fields[self._position - 1][0].strip()

    @property
    def first_line(self) -> str:
        """What stands behind the record code on the line that the record begins on."""
        return ",".join(text for text, _ in self.fields[: self._first_count])

    @first_line.setter
    def first_line(self, text: str) -> None:
        parts = text.strip().removesuffix("/").split(",")
        texts = [(part, position == 0) for position, part in enumerate(parts)]
        self.fields = [*texts, *self.fields[self._first_count :]]

    @property
    def _first_count(self) -> int:
        starts = (place for place, (_, begins) in enumerate(self.fields) if begins and place)
        return next(starts, len(self.fields))

    @property
    def is_done(self) -> bool:
        """Whether all fields are taken."""
        return self._position >= len(self.fields)

    def take_text(self) -> str:
        """All that is left as one text; commas are part of it, line ends are blanks."""
        text = ""
        for part, begins_line in self.fields[self._position :]:
            text += part if not text else f" {part}" if begins_line else f",{part}"
        self._position = len(self.fields)
        return " ".join(text.split()).strip(", ")


def records_of(text: str) -> Iterator[Record]:
    """The records of a file, continuations joined, in the order that BAI2 asks for.

    Raises:
        MalformedFile: a line that is no record, one out of order, or an end that comes too soon.
    """
    record: Record | None = None
    *whole, rest = _LINE_END.split(text.replace("\x1a", ""))
    for number, raw in enumerate([*whole, rest], start=1):
        line = raw.strip()
        if not line:
            continue
        code, fields, is_ended = _split(line, number)
        if code == "88":
            _continue(record, fields, number)
            continue
        if record is not None:
            yield record
        _require_order(record, code, number)
        record = Record(code, number, fields)
        is_whole = is_ended or number <= len(whole)
    if record is None or record.code != "99" or not is_whole:
        raise MalformedFile("The file is cut off before its end (record 99).", line=len(whole) + 1)
    yield record


def _split(line: str, number: int) -> tuple[str, list[tuple[str, bool]], bool]:
    match = _RECORD.fullmatch(line)
    if match is None:
        raise MalformedFile("This is no BAI2 record; it begins with no record code.", line=number)
    is_ended = line.endswith("/")
    texts = (match[2] or "").removesuffix("/").split(",")
    return match[1], [(text, position == 0) for position, text in enumerate(texts)], is_ended


def _continue(record: Record | None, fields: list[tuple[str, bool]], number: int) -> None:
    if record is None or record.code in ("49", "98", "99"):
        raise MalformedFile("A continuation (88) follows no record to continue.", line=number)
    record.fields += fields
    record.line_count += 1


def _require_order(before: Record | None, code: str, number: int) -> None:
    former = before.code if before else ""
    if code not in _AFTER[former]:
        raise MalformedFile(
            f"Record {code} cannot follow {former or 'the start of the file'}.",
            line=number,
            field=code,
        )

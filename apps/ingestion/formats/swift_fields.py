"""SWIFT MT text to messages of fields, and the certainty that each message is whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from apps.ingestion.formats.errors import MalformedFile

# A line that looks like any other field is text of the field before it.
_FIELD = re.compile(r":(20|21|25P?|28C?|60[FM]|61|86|62[FM]|64|65|13D?|34F|90[CD]|NS):(.*)")
_LINE_END = re.compile(r"\r\n|\n|\r")
_CONTROL = dict.fromkeys([*range(1, 9), 11, 12, *range(14, 32), 127, 0xFEFF])
_TRAILERS = ("{5:", "{S:")


@dataclass(frozen=True)
class Field:
    """One field: its tag, the line it starts on, and its text line by line."""

    tag: str
    line: int
    texts: list[str]


@dataclass
class Message:
    """The fields of one statement in order, from field 20."""

    fields: list[Field] = field(default_factory=list)

    @property
    def line(self) -> int:
        """Where the message starts."""
        return self.fields[0].line

    def first(self, *tags: str) -> Field | None:
        """The first field with one of the tags."""
        return next((one for one in self.fields if one.tag in tags), None)

    def last(self, *tags: str) -> Field | None:
        """The last field with one of the tags."""
        return next((one for one in reversed(self.fields) if one.tag in tags), None)


def messages_of(text: str) -> list[Message]:
    """The messages of a file, each of them whole.

    A message is whole at its terminator "-", or once its closing balance and the line end after
    it are there.

    Raises:
        MalformedFile: the file ends inside a message or the header of one, or a message starts
            inside another.
    """
    splitter = _Splitter()
    *whole, rest = _LINE_END.split(text.translate(_CONTROL))
    for number, line in enumerate(whole, start=1):
        splitter.take(line, number)
        splitter.note_line_end()
    splitter.take(rest, len(whole) + 1)
    splitter.finish()
    return splitter.messages


class _Splitter:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._is_inside = False  # between field 20 and the terminator
        self._is_whole = True  # nothing of the current message can be missing
        self._header_line = 0  # of a header that no message followed yet

    def take(self, line: str, number: int) -> None:
        match = _FIELD.match(line)
        if match is not None and match[1] == "20":
            self._begin(Field("20", number, [match[2]]))
        elif line.strip() in ("-", "-}") or line.startswith("-}"):
            self._is_inside, self._is_whole = False, True
        elif line.startswith("{"):
            self._require_whole(number)
            self._is_inside = False
            self._header_line = 0 if line.startswith(_TRAILERS) else number
        elif self._is_inside and match is not None:
            self.messages[-1].fields.append(Field(match[1], number, [match[2]]))
        elif self._is_inside:
            self.messages[-1].fields[-1].texts.append(line)
        elif line.strip():
            self._header_line = number

    def note_line_end(self) -> None:
        """The last line is complete, and with its closing balance the message is."""
        if self._is_inside and self.messages[-1].fields[-1].tag in ("62F", "62M"):
            self._is_whole = True

    def finish(self) -> None:
        self._require_whole(None)
        if self._header_line and self.messages:
            raise MalformedFile(
                "The file ends in the header of a statement.", line=self._header_line
            )

    def _begin(self, start: Field) -> None:
        self._require_whole(start.line)
        self.messages.append(Message([start]))
        self._is_inside, self._is_whole, self._header_line = True, False, 0

    def _require_whole(self, line: int | None) -> None:
        if not self._is_whole:
            raise MalformedFile(
                "A statement is cut off before its end.", line=line or self.messages[-1].line
            )

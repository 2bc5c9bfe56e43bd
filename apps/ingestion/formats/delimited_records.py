"""Where the records of delimited text begin and end (RFC 4180), in blocks of numpy arrays.

polars splits cells fast but says nothing of quotation marks that do not pair up, of records with
too few cells and of line numbers. This does, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.ingestion.formats.errors import MalformedFile

_BLOCK_BYTES = 1 << 22
_QUOTE, _NEWLINE, _RETURN = 34, 10, 13


@dataclass(frozen=True)
class Records:
    """Per record, blank ones included: the line it starts on (from 1) and its separators."""

    first_lines: npt.NDArray[np.int64]
    separator_counts: npt.NDArray[np.int64]


def uses_quoting(text: bytes, separator: str, start: int = 0) -> bool:
    """Whether any cell starts with a quotation mark; if none does, they are plain characters."""
    if text.find(b'"', start) < 0:
        return False
    opened = (separator.encode() + b'"', b'\n"')
    return text.startswith(b'"', start) or any(text.find(mark, start) >= 0 for mark in opened)


def require_paired_quotes(
    content: bytes, separator: str, *, first_line: int, start: int = 0
) -> None:
    """Refuses quotation marks that do not follow RFC 4180.

    One that opens follows a separator, a line end or the one that just closed (doubled inside a
    cell); one that closes is followed by a separator, a line end or its double.

    Args:
        content: UTF-8.
        separator: one ASCII character.
        first_line: the line of the file that the records start on.
        start: where in the content they start.

    Raises:
        MalformedFile: a quotation mark inside a bare cell, after a quoted one, or never closed.
    """
    text = _text_of(content, start)
    may_precede = _marked(ord(separator), _NEWLINE, _QUOTE)
    may_follow = _marked(ord(separator), _NEWLINE, _QUOTE, _RETURN)
    opened_at = is_open = 0
    for position, block in _blocks(text):
        marks = np.flatnonzero(block == _QUOTE) + position
        opening, closing = marks[is_open::2], marks[1 - is_open :: 2]
        inner = opening[opening > 0]
        bad_openings = inner[~may_precede[text[inner - 1]]]
        after_next = text[np.minimum(closing + 2, len(text) - 1)]  # the text ends in a newline
        is_lone_return = (text[closing + 1] == _RETURN) & (after_next != _NEWLINE)
        bad_closings = closing[~may_follow[text[closing + 1]] | is_lone_return]
        bad = min([*bad_openings[:1], *bad_closings[:1]], default=None)
        if bad is not None:
            blamed = max([*opening[opening <= bad][-1:], opened_at])
            raise _unpaired(text, int(blamed), first_line)
        opened_at = int(opening[-1]) if len(opening) else opened_at
        is_open = (is_open + len(marks)) % 2
    if is_open:
        raise _unpaired(text, opened_at, first_line)


def records_of(
    content: bytes, separator: str, *, first_line: int, quoting: bool, start: int = 0
) -> Records:
    """The records of a text whose lines end in a newline (the last one may lack it).

    Args:
        content, separator, first_line, start: as for `require_paired_quotes`, which was passed.
        quoting: what `uses_quoting` says of the text.
    """
    lines: list[npt.NDArray[np.int64]] = []
    counts: list[npt.NDArray[np.int64]] = []
    separators = newlines = is_open = 0
    for _, block in _blocks(_text_of(content, start)):
        is_mark = (block == ord(separator)) | (block == _NEWLINE)
        if quoting:
            is_mark |= block == _QUOTE
        marks = block[np.flatnonzero(is_mark)]
        is_end = marks == _NEWLINE
        line_count = int(np.count_nonzero(is_end))
        numbers = np.arange(1, line_count + 1)
        if quoting:
            is_free, is_open = _outside_quotes(marks, is_open)
            numbers = numbers[is_free[is_end]]
            is_end = is_end[is_free]
        ends = np.flatnonzero(is_end)
        counts.append(separators + ends - np.arange(len(ends)))
        lines.append(newlines + numbers)
        separators += len(is_end) - len(ends)
        newlines += line_count
    nothing = np.zeros(1, np.int64)
    first_lines = np.concatenate((nothing, np.concatenate(lines)[:-1])) + first_line
    totals = np.concatenate((nothing, *counts))
    return Records(first_lines, totals[1:] - totals[:-1])


def _marked(*characters: int) -> npt.NDArray[np.bool_]:
    """A table of the 256 bytes in which these are True."""
    table = np.zeros(256, dtype=bool)
    table[list(characters)] = True
    return table


def _text_of(content: bytes, start: int) -> npt.NDArray[np.uint8]:
    ended = content if content.endswith(b"\n", start) else content + b"\n"
    return np.frombuffer(ended, np.uint8)[start:]


def _blocks(text: npt.NDArray[np.uint8]) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Position and bytes of each block."""
    for start in range(0, len(text), _BLOCK_BYTES):
        yield start, text[start : start + _BLOCK_BYTES]


def _outside_quotes(
    marks: npt.NDArray[np.uint8], is_open: int
) -> tuple[npt.NDArray[np.bool_], int]:
    """Which of the marks part cells and records, and whether a quoted cell is open after them.

    The sum of quotation marks may wrap at 256: only whether it is odd is used.
    """
    is_quote = marks == _QUOTE
    sums = np.cumsum(is_quote, dtype=np.uint8) + np.uint8(is_open)
    return ~is_quote & (sums & 1 == 0), int(sums[-1] & 1) if len(sums) else is_open


def _unpaired(text: npt.NDArray[np.uint8], position: int, first_line: int) -> MalformedFile:
    line = first_line + int(np.count_nonzero(text[:position] == _NEWLINE))
    return MalformedFile(
        "A quotation mark stands inside a cell or is never closed.",
        line=line,
        remedy="Put the whole cell in quotation marks and double those inside it.",
    )

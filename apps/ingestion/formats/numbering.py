"""The number by which an entry is found again: that of its line of text, or its own.

An editor shows lines of text, so these are named. Where several entries stand on one line (XML or
JSON without line breaks) the entries of the whole file are counted instead, from 1: a rejected one
can be told from the others, and corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.ingestion.formats.contract import Reading

_CONVENTION = "numbering"
_BY_ENTRY = "by entry"


class EntriesShareLine(Exception):
    """Two entries stand on one line of text."""


@dataclass
class Numbers:
    """Gives each entry of a file its number, in the order in which they are asked for.

    Attributes:
        by_entry: the entries are counted; else they have the numbers of their lines.
    """

    by_entry: bool = False
    _last: int = 0

    @classmethod
    def of_lines(cls, lines: Sequence[int]) -> Numbers:
        """The numbers of entries whose lines are known already."""
        return cls(by_entry=any(line <= former for former, line in pairwise(lines)))

    def of(self, line: int) -> int:
        """The number of the next entry, which starts on this line.

        Raises:
            EntriesShareLine: the entry before it does so too, or is told to stand further below.
        """
        if not self.by_entry and line <= self._last:
            raise EntriesShareLine
        self._last = self._last + 1 if self.by_entry else line
        return self._last

    @property
    def conventions(self) -> Mapping[str, str]:
        """What to say of it beside the lines: nothing if they have their own numbers."""
        return {_CONVENTION: _BY_ENTRY} if self.by_entry else {}


def numbered(read: Callable[[Numbers], Reading]) -> Reading:
    """The reading with the numbers of lines, or, where entries share some, of the entries."""
    try:
        return read(Numbers())
    except EntriesShareLine:
        return read(Numbers(by_entry=True))


def is_by_entry(conventions: Mapping[str, str]) -> bool:
    """Whether the numbers of a reading are those of entries, not of lines of text."""
    return conventions.get(_CONVENTION) == _BY_ENTRY


def are_numbered_alike(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether a number means the same in two readings of one file, by their conventions."""
    return is_by_entry(one) == is_by_entry(other)

"""Finds the records of a JSON text and the lines they start on; values are left to `json`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from apps.ingestion.formats.errors import ForbiddenConstruct, MalformedFile

LIST_KEYS = ("records", "items", "data", "jobs", "transactions")
_BLANK = re.compile(r"[ \t\r\n]*")


class Number(str):
    """A JSON number, as written."""

    __slots__ = ()


class _DuplicateKey(Exception):
    pass


def records_of(
    text: str, is_record: Callable[[dict[str, Any], int], bool]
) -> list[tuple[int, dict[str, Any]]]:
    """Line and value of each record: of a list, of an object's list, or object after object.

    Args:
        is_record: whether the members of an object (and its line), its list left aside, make a
            record; then the list is a part of it.

    Raises:
        MalformedFile: not JSON, cut off, or not records.
        ForbiddenConstruct: a key twice in one object, or nesting without end.
    """
    scanner = _Scanner(text)
    if scanner.peek() == "[":
        found = list(scanner.array())
        scanner.require_end()
    else:
        found = scanner.container(is_record)
        if scanner.peek():
            found = list(_Scanner(text).sequence())
    for line, record in found:
        if not isinstance(record, dict):
            raise MalformedFile("A record is not a JSON object.", line=line)
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _DuplicateKey
    return members


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line = 1
        self._counted_to = 0
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_unique, parse_float=Number, parse_int=Number, parse_constant=Number
        )

    def peek(self) -> str:
        """The next character that is not blank, '' at the end."""
        self._position = _BLANK.match(self._text, self._position).end()  # type: ignore[union-attr]
        return self._text[self._position : self._position + 1]

    def line(self) -> int:
        """The line of the position; positions only move forward."""
        self._line += self._text.count("\n", self._counted_to, self._position)
        self._counted_to = self._position
        return self._line

    def require_end(self) -> None:
        if self.peek():
            raise MalformedFile("Something follows the end of the JSON list.", line=self.line())

    def value(self) -> Any:
        self.peek()
        try:
            value, self._position = self._decoder.raw_decode(self._text, self._position)
        except json.JSONDecodeError as error:
            raise MalformedFile("This is not JSON, or is cut off.", line=error.lineno) from None
        except _DuplicateKey:
            raise ForbiddenConstruct("An object has a key twice.", line=self.line()) from None
        except RecursionError:
            raise ForbiddenConstruct("The JSON is nested too deeply.", line=self.line()) from None
        return value

    def sequence(self) -> Iterator[tuple[int, Any]]:
        """Value after value to the end of the text."""
        while self.peek():
            yield self.line(), self.value()

    def array(self) -> Iterator[tuple[int, Any]]:
        """The elements of the list that starts here."""
        for _ in self._members("[", "]"):
            yield self.line(), self.value()

    def container(self, is_record: Callable[[dict[str, Any], int], bool]) -> list[tuple[int, Any]]:
        """The records in the object that starts here; the object itself if it is one."""
        self.peek()
        line = self.line()
        lists: list[list[tuple[int, Any]]] = []
        members: list[tuple[str, Any]] = []
        for _ in self._members("{", "}"):
            key = self._key()
            is_list = key in LIST_KEYS and self.peek() == "["
            if is_list:
                lists.append(list(self.array()))
                members.append((key, [value for _, value in lists[-1]]))
            else:
                members.append((key, self.value()))
        if len(dict(members)) < len(members):
            raise ForbiddenConstruct("An object has a key twice.", line=line)
        told = {key: value for key, value in members if not isinstance(value, list)}
        if not lists or is_record(told, line):
            return [(line, dict(members))]
        if len(lists) > 1:
            raise MalformedFile("There are two lists of records in one object.", line=line)
        return lists[0]

    def _key(self) -> str:
        if self.peek() != '"':
            raise MalformedFile("This is not JSON, or is cut off.", line=self.line())
        key: str = self.value()
        self._take(":")
        return key

    def _members(self, opening: str, closing: str) -> Iterator[None]:
        """Stops before each member; the caller takes it."""
        self._take(opening)
        if self.peek() == closing:
            self._position += 1
            return
        while True:
            self.peek()
            yield
            if self.peek() != ",":
                break
            self._position += 1
        self._take(closing)

    def _take(self, character: str) -> None:
        if self.peek() != character:
            raise MalformedFile("This is not JSON, or is cut off.", line=self.line())
        self._position += 1

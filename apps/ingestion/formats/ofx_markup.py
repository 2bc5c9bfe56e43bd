"""The mark-up of OFX: SGML whose leaves need no closing tag (1.x), or XML (2.x), as one tree.

Banks write neither grammar cleanly, so this reads what both have in common, and is strict where a
slip would lose a transaction: an aggregate that is not closed refuses the file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from apps.ingestion.formats.errors import ForbiddenConstruct, MalformedFile

MAX_DEPTH = 64
# Aggregates that are always closed; any other tag without text may be a leaf left empty.
_ALWAYS_CLOSED = frozenset(
    (
        *("OFX", "BANKMSGSRSV1", "CREDITCARDMSGSRSV1", "STMTTRNRS", "CCSTMTTRNRS", "STATUS"),
        *("STMTRS", "CCSTMTRS", "BANKTRANLIST", "BANKTRANLISTP", "STMTTRN", "STMTTRNP"),
        *("LEDGERBAL", "AVAILBAL", "BANKACCTFROM", "CCACCTFROM", "BANKACCTTO", "CCACCTTO"),
        *("PAYEE", "CURRENCY", "ORIGCURRENCY", "SIGNONMSGSRSV1", "SONRS", "FI", "INVSTMTRS"),
    )
)
_TOKEN = re.compile(
    r"<!\[CDATA\[(?P<literal>.*?)\]\]>|<!--.*?-->|<\?.*?\?>"
    r"|<(?P<slash>/?)(?P<name>[A-Za-z][A-Za-z0-9._:-]*)[^<>]*>|(?P<text>[^<]+)|(?P<stray><)",
    re.DOTALL,
)
_FORBIDDEN = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_ESCAPE = re.compile(r"&(?:(amp|lt|gt|quot|apos|nbsp)|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}


@dataclass
class Aggregate:
    """An element with members. `leaves` has the first text of each name, '' where it is blank."""

    name: str
    line: int
    leaves: dict[str, str] = field(default_factory=dict)
    members: list[Aggregate] = field(default_factory=list)
    repeated: set[str] = field(default_factory=set)  # leaves that are there more than once

    def text(self, *paths: str) -> str:
        """The text at the first of the paths (`PAYEE/NAME`) that has one, '' for none."""
        for path in paths:
            *outer, name = path.split("/")
            found: Aggregate | None = self
            for step in outer:
                found = next(found.named(step), None) if found else None
            if found and found.leaves.get(name):
                return found.leaves[name]
        return ""

    def named(self, *names: str) -> Iterator[Aggregate]:
        """Direct members with one of these names."""
        return (one for one in self.members if one.name in names)

    def below(self, *names: str) -> Iterator[Aggregate]:
        """Members at any depth with one of these names, in the order of the file."""
        for one in self.members:
            if one.name in names:
                yield one
            yield from one.below(*names)

    def put(self, name: str, text: str) -> None:
        """A leaf; the first of a name counts."""
        if name in self.leaves:
            self.repeated.add(name)
        self.leaves.setdefault(name, text)


def document_of(text: str) -> Aggregate:
    """The `OFX` aggregate of a file.

    Raises:
        ForbiddenConstruct: a document type, an entity, or nesting without end.
        MalformedFile: no such aggregate, cut off, or a tag that does not fit.
    """
    forbidden = _FORBIDDEN.search(text)
    if forbidden is not None:
        line = text.count("\n", 0, forbidden.start()) + 1
        raise ForbiddenConstruct(f"There is a {forbidden[1].upper()} declaration.", line=line)
    start = re.search(r"<OFX\s*>", text, re.IGNORECASE)
    if start is None:
        raise MalformedFile("There is no OFX element in the file.")
    return _Tree(text).built_from(start.start())


@dataclass
class _Open:
    """A tag that is not closed yet, with the text after it so far."""

    node: Aggregate
    text: str = ""

    @property
    def is_leaf(self) -> bool:
        return bool(self.text.strip())

    @property
    def is_blank(self) -> bool:
        return not (self.node.members or self.node.leaves)


class _Tree:
    def __init__(self, text: str) -> None:
        self._text = text
        self._line_ends = [match.start() for match in re.finditer("\n", text)]
        self._open: list[_Open] = [_Open(Aggregate("", 1))]

    def built_from(self, start: int) -> Aggregate:
        root = self._open[0]
        for token in _TOKEN.finditer(self._text, start):
            if root.node.members:
                self._require_blank(token)
            elif token["name"]:
                self._take_tag(token["name"].upper(), token, is_closing=bool(token["slash"]))
            elif token["stray"]:
                raise self._malformed("A tag is cut off or is no tag.", token.start())
            else:
                self._open[-1].text += token["literal"] or self._plain(token)
        if not root.node.members:
            raise MalformedFile(
                "The file is cut off: its last tag is not closed.", line=len(self._line_ends) + 1
            )
        return root.node.members[0]

    def _require_blank(self, token: re.Match[str]) -> None:
        if not token["text"] or token["text"].strip():
            raise self._malformed("Something follows the end of the OFX element.", token.start())

    def _take_tag(self, name: str, token: re.Match[str], *, is_closing: bool) -> None:
        top = self._open[-1]
        if is_closing:
            self._close(name, token.start())
            return
        if top.is_leaf:
            self._end_leaf()
        self._open.append(_Open(Aggregate(name, self._line(token.start()))))
        if len(self._open) > MAX_DEPTH:
            message = f"The tags are nested deeper than {MAX_DEPTH} levels."
            raise ForbiddenConstruct(message, line=self._line(token.start()))

    def _close(self, name: str, position: int) -> None:
        top = self._open[-1]
        if top.is_leaf and top.node.name != name:
            self._end_leaf()
        while self._open[-1].node.name != name:
            self._dissolve(position)
        top = self._open[-1]
        if top.is_leaf or (top.is_blank and name not in _ALWAYS_CLOSED):
            self._end_leaf()
        else:
            self._open.pop()
            self._open[-1].node.members.append(top.node)

    def _end_leaf(self) -> None:
        leaf = self._open.pop()
        if leaf.node.name in _ALWAYS_CLOSED or not leaf.is_blank:
            raise MalformedFile(
                "There is text between the tags of an element.",
                line=leaf.node.line,
                field=leaf.node.name,
            )
        self._open[-1].node.put(leaf.node.name, " ".join(leaf.text.split()))

    def _dissolve(self, position: int) -> None:
        """A leaf that was left empty: what seemed to stand inside it follows it."""
        one = self._open.pop()
        if not self._open or one.node.name in _ALWAYS_CLOSED:
            raise self._malformed("A closing tag has no opening one.", position)
        outer = self._open[-1].node
        outer.put(one.node.name, "")
        for name, text in one.node.leaves.items():
            outer.put(name, text)
        outer.repeated |= one.node.repeated
        outer.members += one.node.members

    def _line(self, position: int) -> int:
        return bisect_right(self._line_ends, position - 1) + 1

    def _malformed(self, message: str, position: int) -> MalformedFile:
        return MalformedFile(message, line=self._line(position))

    def _plain(self, token: re.Match[str]) -> str:
        """Text with its escapes undone; an ampersand that starts none stays."""
        text = token["text"] or ""
        if "&" not in text:
            return text
        try:
            return _ESCAPE.sub(_unescaped, text)
        except ValueError:
            raise ForbiddenConstruct(
                "An escape stands for no character.", line=self._line(token.start())
            ) from None


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return _NAMED[match[1]]
    number = int(match[2]) if match[2] else int(match[3], 16)
    if number == 0 or 0xD800 <= number <= 0xDFFF or number > 0x10FFFF:
        raise ValueError(number)
    return chr(number)

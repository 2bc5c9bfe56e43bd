"""XML read as a stream, with everything switched off that a bank statement never needs.

No DOCTYPE, no entities, no network, a bounded depth (libxml2's 256) and a bounded piece in memory,
whatever the size of the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from lxml import etree

from apps.ingestion.formats.errors import (
    FileTooLarge,
    ForbiddenConstruct,
    MalformedFile,
    WrongEncoding,
)

_CHUNK_BYTES = 1 << 16
MAX_PIECE_BYTES = 4 << 20  # between two elements that are used
_FORBIDDEN = ("<!DOCTYPE", "<!ENTITY")
_DECLARED = re.compile(rb"^<\?xml[^>]{0,100}encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ENCODINGS = frozenset(
    ("utf-8", "utf8", "utf-16", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252")
)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def closed_elements(
    content: bytes, pieces: Mapping[str, Collection[str]], *, root: re.Pattern[str], remedy: str
) -> Iterator[etree._Element]:
    """Each wanted element when it is complete; it is emptied afterwards.

    Args:
        content: the document.
        pieces: local names wanted -> local names of the parents they are wanted under. What
            stands before a piece under the same parent is dropped with it.
        root: what has to be found in `{namespace}name` of the document's root.
        remedy: what helps where it is not.

    Raises:
        ForbiddenConstruct: a document type or entity declaration.
        WrongEncoding: an encoding outside the few that banks use.
        MalformedFile: not well-formed, cut off, or another root.
        FileTooLarge: a piece larger than MAX_PIECE_BYTES without any of the elements.
    """
    require_harmless(content)
    parser = _safe_parser(pieces)
    idle = 0
    try:
        for start in range(0, len(content), _CHUNK_BYTES):
            parser.feed(content[start : start + _CHUNK_BYTES])
            idle += _CHUNK_BYTES
            for _, element in parser.read_events():
                parent = element.getparent()
                if parent is not None and local_name(parent) in pieces.get(local_name(element), ()):
                    idle = 0
                    yield element
                    _drop(element, parent)
            if idle > MAX_PIECE_BYTES:
                raise FileTooLarge(f"One piece of XML is larger than {MAX_PIECE_BYTES} bytes.")
        element = parser.close()
    except etree.XMLSyntaxError as error:
        raise MalformedFile(
            "The XML is not well-formed or is cut off.", line=error.lineno or None
        ) from None
    if root.search(str(element.tag)) is None:
        raise MalformedFile("The XML is of another kind.", line=1, remedy=remedy)


def _safe_parser(names: Collection[str]) -> etree.XMLPullParser:
    return etree.XMLPullParser(
        events=("end",),
        tag=[f"{{*}}{name}" for name in names],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def local_name(element: etree._Element) -> str:
    """The tag without its namespace."""
    return _without_namespace(str(element.tag))


def namespace_of(element: etree._Element) -> str:
    """The namespace of the tag, empty without one; a damaged one is given as it stands."""
    return str(element.tag).rpartition("}")[0].removeprefix("{")


@lru_cache(maxsize=1024)
def _without_namespace(tag: str) -> str:
    return tag.rpartition("}")[2]


def leaves_of(element: etree._Element) -> dict[str, list[str]]:
    """Texts by path below the element, such as `RltdPties/Dbtr/Nm`; currencies at `Amt@Ccy`.

    The level `Pty`, which newer versions of ISO 20022 put between a role and its name, is left
    out of the paths.
    """
    found: dict[str, list[str]] = {}
    _collect(element, "", found)
    return found


def _collect(element: etree._Element, prefix: str, found: dict[str, list[str]]) -> None:
    for child in element:
        name = local_name(child)
        path = prefix if name == "Pty" else f"{prefix}/{name}" if prefix else name
        text = (child.text or "").strip()
        if text:
            found.setdefault(path, []).append(text)
        currency = child.get("Ccy")
        if currency is not None:
            found.setdefault(f"{path}@Ccy", []).append(currency)
        _collect(child, path, found)


def _drop(element: etree._Element, parent: etree._Element) -> None:
    """Empties an element that was used and removes what stands before it."""
    element.clear()
    while parent[0] is not element:
        del parent[0]


def require_harmless(content: bytes) -> None:
    """Refuses what an XML parser would have to be trusted with, before it sees a byte.

    Raises:
        ForbiddenConstruct: a document type or entity declaration.
        WrongEncoding: an encoding outside the few that banks use.
    """
    is_utf16 = content.startswith(_UTF16_MARKS)
    for text in _FORBIDDEN:
        for encoding in ("ascii", "utf-16-le", "utf-16-be"):
            position = content.find(text.encode(encoding))
            if position >= 0:
                line = content.count(b"\n", 0, position) + 1
                raise ForbiddenConstruct(f"The XML has a {text[2:]} declaration.", line=line)
    plain = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    declared = _DECLARED.match(plain)
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    if name not in _ENCODINGS or not (is_utf16 or plain.startswith(b"<")):
        raise WrongEncoding("The XML is not in UTF-8, UTF-16 or a western encoding.", line=1)

"""Bytes to text: the encoding found by evidence, and nothing in it that a database cannot keep."""

from __future__ import annotations

import codecs

from apps.ingestion.formats.errors import ForbiddenConstruct, WrongEncoding

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PROBE_BYTES = 4096
LAST_RESORT = "cp1252"


def utf8_text(content: bytes, encoding: str | None = None) -> tuple[bytes, str]:
    """The text as UTF-8 without byte order mark, and the encoding it came in.

    UTF-8 and UTF-16 are recognised. What is not UTF-8 from its first special character on is
    read as Windows-1252, the last resort; damaged UTF-8 is not.

    Args:
        content: the file.
        encoding: the encoding to use, None to find it.

    Raises:
        WrongEncoding: not text in that encoding.
        ForbiddenConstruct: a NUL character.
    """
    bom, found = _byte_order_mark(content)
    name = found or _declared(encoding) or _unmarked_utf16(content) or "utf-8"
    body = content[len(bom) :] if bom else content
    try:
        text = body.decode(name)
    except UnicodeDecodeError as error:
        if encoding or found or name != "utf-8" or not body[: error.start].isascii():
            raise _wrong_encoding(body, error, name) from None
        name = LAST_RESORT
        text = _last_resort(body)
    _require_no_nul(text)
    return (body if name == "utf-8" else text.encode("utf-8", "strict")), name


def _byte_order_mark(content: bytes) -> tuple[bytes, str | None]:
    for bom, name in _BOMS:
        if content.startswith(bom):
            return bom, name
    return b"", None


def _declared(encoding: str | None) -> str | None:
    return "utf-16-le" if encoding == "utf-16" else encoding


def _unmarked_utf16(content: bytes) -> str | None:
    """UTF-16 of western text has a zero in nearly every second byte."""
    probe = content[:_PROBE_BYTES]
    half = len(probe) // 2
    if half and probe[1::2].count(0) > half * 0.6:
        return "utf-16-le"
    if half and probe[0::2].count(0) > half * 0.6:
        return "utf-16-be"
    return None


def _last_resort(body: bytes) -> str:
    try:
        return body.decode(LAST_RESORT)
    except UnicodeDecodeError as error:
        raise _wrong_encoding(body, error, "UTF-8 or Windows-1252") from None


def _wrong_encoding(body: bytes, error: UnicodeDecodeError, name: str) -> WrongEncoding:
    line = body.count(b"\n", 0, error.start) + 1
    return WrongEncoding(f"The bytes here are not {name} text.", line=line)


def _require_no_nul(text: str) -> None:
    position = text.find("\0")
    if position >= 0:
        line = text.count("\n", 0, position) + 1
        raise ForbiddenConstruct("There is a NUL character.", line=line)

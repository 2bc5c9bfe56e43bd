"""Reads the text of a PDF through its content streams and ToUnicode maps, page by page.

An oracle that knows nothing of ReportLab: what it returns is what a reader finds and copies.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pikepdf

_BFCHAR = re.compile(r"<([0-9A-Fa-f]+)>\s+<([0-9A-Fa-f]+)>")
_BLOCK = re.compile(r"beginbfchar(.*?)endbfchar", re.DOTALL)


def page_texts(pdf: bytes) -> list[str]:
    """Text of each page; pieces are separated by a space, in drawing order."""
    with pikepdf.open(BytesIO(pdf)) as document:
        return [" ".join(_pieces(page, page.Resources)) for page in document.pages]


def page_lines(pdf: bytes) -> list[list[str]]:
    """The pieces of each page as they were drawn: a cell's line, a heading, ..."""
    with pikepdf.open(BytesIO(pdf)) as document:
        return [_pieces(page, page.Resources) for page in document.pages]


def whole_text(pdf: bytes) -> str:
    """All pages together, white space as single spaces."""
    return " ".join(" ".join(page_texts(pdf)).split())


def stamp_text(pdf: bytes) -> str:
    """Text of the signature's appearance on the first page."""
    with pikepdf.open(BytesIO(pdf)) as document:
        (widget,) = [
            note for note in document.pages[0].Annots if note.Subtype == pikepdf.Name.Widget
        ]
        form = widget.AP.N
        return " ".join(_pieces(form, form.Resources))


def _pieces(stream: Any, resources: Any) -> list[str]:
    fonts = {str(name): _unicode_map(font) for name, font in resources.get("/Font", {}).items()}
    pieces: list[str] = []
    font: dict[int, str] = {}
    for operands, operator in pikepdf.parse_content_stream(stream):
        if str(operator) == "Tf":
            font = fonts[str(operands[0])]
        elif str(operator) == "Tj":
            pieces.append("".join(font.get(code, "\ufffd") for code in bytes(operands[0])))
        elif str(operator) == "Do":
            inner = resources.XObject[str(operands[0])]
            pieces += _pieces(inner, inner.Resources)
    return pieces


def _unicode_map(font: Any) -> dict[int, str]:
    if "/ToUnicode" not in font:
        return {}
    cmap = font.ToUnicode.read_bytes().decode("latin-1")
    pairs = [pair for block in _BLOCK.findall(cmap) for pair in _BFCHAR.findall(block)]
    return {int(code, 16): bytes.fromhex(value).decode("utf-16-be") for code, value in pairs}

"""Faces, what they can show, and the breaking of text into lines.

Text from data never meets a markup parser: it is drawn character by character, so nothing in it
can style, link or hide anything. What the faces cannot show faithfully is written as its code
point, ⟨U+202E⟩: control and invisible characters, emoji, scripts without glyphs, and scripts that
run right to left (drawn here without reordering they would read backwards). The attachments of a
document hold the exact text.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

TEXT = "DejaVuSansCondensed"
BOLD = "DejaVuSansCondensed-Bold"
MONO = "DejaVuSansMono"
FACES = (TEXT, BOLD, MONO)

_FONT_FOLDER = Path(__file__).parent / "fonts"
_LAST_TWO_BYTE_CODE = 0xFFFF  # above it, the PDF's text layer would be written wrongly
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_HIDDEN_OR_COMBINING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Mc", "Me", "Zl", "Zp"})
_SPACES = frozenset({"\t", "\N{NO-BREAK SPACE}"})
_OPEN, _CLOSE = "⟨", "⟩"


def _register_faces() -> None:
    for name in FACES:
        pdfmetrics.registerFont(TTFont(name, str(_FONT_FOLDER / f"{name}.ttf")))


_register_faces()


@cache
def _shared_glyphs() -> frozenset[int]:
    """Code points that all three faces have a glyph for."""
    tables = [set(pdfmetrics.getFont(name).face.charToGlyph) for name in FACES]
    return frozenset(set.intersection(*tables))


@lru_cache(maxsize=4096)
def _is_shown(character: str) -> bool:
    code = ord(character)
    return (
        code <= _LAST_TWO_BYTE_CODE
        and code in _shared_glyphs()
        and character not in (_OPEN, _CLOSE)  # kept for code points alone
        and unicodedata.category(character) not in _HIDDEN_OR_COMBINING
        and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
    )


def printable(text: str) -> str:
    """The text with everything that cannot be shown faithfully written as code points.

    A run of such characters shares one pair of brackets, ⟨U+05D0 U+05D1⟩. Line feeds stay, a
    carriage return before one is dropped, a tab becomes a space.
    """
    if text.isascii() and text.isprintable():
        return text
    return _spelled(text)


@lru_cache(maxsize=4096)
def _spelled(text: str) -> str:
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    parts: list[str] = []
    hidden: list[str] = []
    for character in composed:
        if character == "\n" or character in _SPACES or _is_shown(character):
            _close_run(parts, hidden)
            parts.append(" " if character == "\t" else character)
        else:
            hidden.append(f"U+{ord(character):04X}")
    _close_run(parts, hidden)
    return "".join(parts)


def _close_run(parts: list[str], hidden: list[str]) -> None:
    if hidden:
        parts.append(_OPEN + " ".join(hidden) + _CLOSE)
        hidden.clear()


class _Widths(dict[str, float]):
    """Widths of a face's characters in points at size 1, looked up once each."""

    def __init__(self, face: str) -> None:
        super().__init__()
        self._face = face

    def __missing__(self, character: str) -> float:
        width = float(pdfmetrics.stringWidth(character, self._face, 1))
        self[character] = width
        return width


_WIDTHS = {face: _Widths(face) for face in FACES}


def width_of(text: str, face: str, size: float) -> float:
    """Width of a line of printable text in points."""
    return sum(map(_WIDTHS[face].__getitem__, text)) * size


def lines_of(text: str, face: str, size: float, width: float) -> list[str]:
    """Break printable text into lines no wider than ``width`` points; loses no character but
    the spaces at a break. A word wider than a line is broken where it must be.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        if width_of(paragraph, face, size) <= width:
            lines.append(paragraph)
        else:
            lines.extend(_filled(paragraph.split(" "), face, size, width))
    return lines


def _filled(words: list[str], face: str, size: float, width: float) -> list[str]:
    """Fill lines greedily with words; empty words keep spaces that stand together."""
    lines: list[str] = []
    line: str | None = None
    line_width = 0.0
    space = width_of(" ", face, size)
    for word in words:
        word_width = width_of(word, face, size)
        if line is not None and line_width + space + word_width <= width:
            line, line_width = f"{line} {word}", line_width + space + word_width
            continue
        if line is not None:
            lines.append(line)
        *full, line = _pieces(word, face, size, width) if word_width > width else [word]
        lines.extend(full)
        line_width = width_of(line, face, size)
    return [*lines, line or ""]


def _pieces(word: str, face: str, size: float, width: float) -> list[str]:
    """Cut a word that is wider than a line, after punctuation where one is near."""
    pieces: list[str] = []
    while word:
        count = max(1, _fitting(word, face, size, width))
        if count < len(word):
            count = _after_punctuation(word, count)
        pieces.append(word[:count])
        word = word[count:]
    return pieces


def _fitting(word: str, face: str, size: float, width: float) -> int:
    """How many leading characters fit."""
    used = 0.0
    for count, character in enumerate(word):
        used += width_of(character, face, size)
        if used > width:
            return count
    return len(word)


def _after_punctuation(word: str, count: int) -> int:
    for position in range(count, max(count // 2, 1), -1):
        if word[position - 1] in "-_/.,:;=&":
            return position
    return count


def clipped(text: str, face: str, size: float, room: float) -> str:
    """Printable text on one line, with an ellipsis where it does not fit: for labels only, whose
    full text stands elsewhere.
    """
    return shortened(lines_of(text, face, size, room - size), 1)[0]


def shortened(lines: list[str], count: int) -> list[str]:
    """The first lines, with an ellipsis where some are left out."""
    return lines if len(lines) <= count else [*lines[: count - 1], f"{lines[count - 1]} …"]

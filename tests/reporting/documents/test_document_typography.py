"""Text is shown faithfully or spelled out, and breaks into lines without losing anything."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfbase import pdfmetrics

from apps.reporting.documents.typography import (
    FACES,
    MONO,
    TEXT,
    clipped,
    lines_of,
    printable,
    shortened,
    width_of,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Payment 12, <b>bold</b> & co", "Payment 12, <b>bold</b> & co"),
        (
            "Łódź, Győr, Ploiești, Αθήνα, Київ — 5 € − 3",
            "Łódź, Győr, Ploiești, Αθήνα, Київ — 5 € − 3",
        ),
        ("cafe\N{COMBINING ACUTE ACCENT}", "café"),
        ("x\N{COMBINING CIRCUMFLEX ACCENT BELOW}\N{COMBINING TILDE}", "x⟨U+032D U+0303⟩"),
        ("a\x00b\x1b[31m", "a⟨U+0000⟩b⟨U+001B⟩[31m"),
        ("one\r\ntwo\nthree\rfour", "one\ntwo\nthree⟨U+000D⟩four"),
        ("tab\there", "tab here"),
        ("שלום", "⟨U+05E9 U+05DC U+05D5 U+05DD⟩"),
        ("100 \N{RIGHT-TO-LEFT OVERRIDE}fdp.exe", "100 ⟨U+202E⟩fdp.exe"),
        ("zero\N{ZERO WIDTH SPACE}width", "zero⟨U+200B⟩width"),
        ("soft\N{SOFT HYPHEN}hyphen", "soft⟨U+00AD⟩hyphen"),
        ("😀👍", "⟨U+1F600 U+1F44D⟩"),
        ("中国 Bank", "⟨U+4E2D U+56FD⟩ Bank"),
        ("⟨U+0041⟩", "⟨U+27E8⟩U+0041⟨U+27E9⟩"),
        ("lone \ud800", "lone ⟨U+D800⟩"),
        ("non\N{NO-BREAK SPACE}breaking", "non\N{NO-BREAK SPACE}breaking"),
        ("", ""),
    ],
)
def test_what_cannot_be_shown_is_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_printable_text_has_a_glyph_for_everything_and_nothing_hidden(text: str) -> None:
    shown = printable(text)
    for character in shown.replace("\n", ""):
        assert all(ord(character) in pdfmetrics.getFont(face).face.charToGlyph for face in FACES)
        assert unicodedata.category(character)[0] not in "CM"
        assert unicodedata.bidirectional(character) not in ("R", "AL", "AN", "RLO", "LRO")


@given(st.text())
def test_printable_text_can_be_read_back(text: str) -> None:
    """Spelled characters are unambiguous: undoing the spelling gives the composed text."""
    expected = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).replace("\t", " ")
    undone = re.sub(
        r"⟨(U\+[0-9A-F U+]+)⟩",
        lambda run: "".join(chr(int(code[2:], 16)) for code in run.group(1).split(" ")),
        printable(text),
    )
    assert undone == expected


_WORDS = st.text(alphabet=st.sampled_from("abc i-_/. W\n€"), max_size=200)


@given(_WORDS, st.floats(min_value=20, max_value=300), st.sampled_from([TEXT, MONO]))
def test_lines_fit_and_lose_nothing_but_the_spaces_at_breaks(
    text: str, width: float, face: str
) -> None:
    lines = lines_of(text, face, 8, width)
    for line in lines:
        assert width_of(line, face, 8) <= width + 1e-6
    unspaced = "".join(lines).replace(" ", "")
    assert unspaced == text.replace("\n", "").replace(" ", "")


@given(_WORDS)
def test_a_wide_enough_line_is_left_as_it_is(text: str) -> None:
    assert lines_of(text, TEXT, 8, 10_000) == text.split("\n")


def test_indentation_of_a_wrapped_line_is_kept() -> None:
    lines = lines_of("    SELECT a, b, c FROM d", MONO, 8, width_of("    SELECT a,", MONO, 8))
    assert lines[0] == "    SELECT a,"


def test_a_word_wider_than_a_line_breaks_after_punctuation() -> None:
    width = width_of("https://bank.example", TEXT, 8)
    lines = lines_of("https://bank.example/statements/2023-04", TEXT, 8, width)
    assert lines[0] == "https://bank."
    assert "".join(lines) == "https://bank.example/statements/2023-04"


def test_even_a_single_character_too_wide_is_not_lost() -> None:
    assert lines_of("WWW", TEXT, 100, 1) == ["W", "W", "W"]


def test_widths_are_those_of_the_font() -> None:
    text = "Größe −1,234.50 €"
    for face in FACES:
        assert width_of(text, face, 9) == pytest.approx(pdfmetrics.stringWidth(text, face, 9))


def test_shortened_and_clipped_texts_say_so() -> None:
    assert shortened(["one", "two"], 2) == ["one", "two"]
    assert shortened(["one", "two", "three"], 2) == ["one", "two …"]
    assert clipped("short", TEXT, 8, 200) == "short"
    label = clipped("a very long label indeed", TEXT, 8, 60)
    assert label.endswith(" …")
    assert width_of(label, TEXT, 8) <= 60

"""Files damaged at random are read or refused; nothing else ever happens."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ingestion.formats import FORMATS, FileRefused, content_keys, read
from tests.ingestion.formats.documents import SAMPLES
from tests.ingestion.formats.workbooks import packed, parts_of

FILES = sorted(path for path in SAMPLES.rglob("*") if path.suffix not in ("", ".md"))
JSON = b"""{"records": [{"date": "2026-04-07", "amount": -1.50, "currency": "EUR", "id": 7},
{"date": "2026-04-08", "amount": 2, "currency": "EUR", "shop": {"a": [1, {"b": null}]}}]}"""
QUOTED = b"""Date,Amount,Balance,Currency,Text
2026-04-07,"1,250.50",3.00,EUR,"a ""b"" c"
2026-04-08,2.50,5.50,EUR,"x
y"
"""
CONTENTS = [*(path.read_bytes() for path in FILES), JSON, QUOTED]
SCRAPS = st.sampled_from(
    [
        *(bytes([byte]) for byte in b"\"',;\n\r\t\0\xff\xe9-+()<>&{}[]:0"),
        *(b":61:", b":86:", b"1e9", b"9" * 30, b"NaN", "١".encode(), "\u00a0".encode()),
        *(b"\xef\xbb\xbf", b"\xff\xfe", b"<!--", b"<Ntry/>", b"null", b"\\u0000", b"\\ud800"),
        *(b"PK", b"<c/>", b'r="XFD9"'),
        *(b"<MEMO>", b"</STMTTRN>", b"&#0;", b"<![CDATA[", b"88,", b"/\n", b"16,"),
    ]
)
NAMES = [None, *(one.name for one in FORMATS)]
DAMAGE = st.tuples(st.integers(0, 10**6), st.integers(0, 20), SCRAPS)


def damaged(content: bytes, places: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, scrap in places:
        start = place % (len(content) + 1)
        content = content[:start] + scrap + content[start + length :]
    return content


@given(
    content=st.sampled_from(CONTENTS),
    places=st.lists(DAMAGE, min_size=1, max_size=4),
    forced=st.sampled_from(NAMES),
)
@settings(max_examples=400)
def test_damaged_files_are_read_or_refused(content, places, forced):
    try:
        reading = read(damaged(content, places), filename="damaged", format=forced)
    except FileRefused as refusal:
        if not (refusal.message and refusal.remedy):
            raise
        return

    assert content_keys(reading.lines).height == reading.lines.height
    for text in reading.lines["attributes"]:
        assert isinstance(json.loads(text), dict)
    required = ("line", "statement", "booked_on", "amount", "currency")
    assert reading.lines.select(required).null_count().row(0) == (0,) * len(required)
    assert sum(one.line_count for one in reading.statements) == reading.lines.height
    assert all(one.line >= 1 and one.reason for one in reading.rejected)


WORKBOOK = parts_of((SAMPLES / "xlsx/own_german_books.xlsx").read_bytes())
XML = st.sampled_from([name for name in WORKBOOK if name.endswith((".xml", ".rels"))])


@given(part=XML, places=st.lists(DAMAGE, min_size=1, max_size=3))
@settings(max_examples=150)
def test_workbooks_with_a_damaged_part_are_read_or_refused(part, places):
    content = packed({**WORKBOOK, part: damaged(WORKBOOK[part], places)})

    try:
        reading = read(content, filename="damaged", format="xlsx")
    except FileRefused as refusal:
        assert refusal.remedy  # noqa: PT017  # any refusal will do
        return

    assert sum(one.line_count for one in reading.statements) == reading.lines.height


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_noise_is_refused_or_read(content):
    for forced in NAMES:
        try:
            assert read(content, filename="noise", format=forced).format
        except FileRefused as refusal:
            assert refusal.remedy  # noqa: PT017  # any refusal will do


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_zeros_are_refused(size):
    with pytest.raises(FileRefused):
        read(b"\0" * size, filename="zeros.csv")

"""What a file is, told by its bytes; what is refused; and names that are safe to show."""

from __future__ import annotations

import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.errors import (
    AttachmentEmpty,
    AttachmentMisnamed,
    AttachmentTypeRefused,
    AttachmentUnsound,
)
from apps.approvals.rules import ALL_TYPES, Evidence, called, recognise
from apps.approvals.rules import evidence as rules
from apps.common.errors import Refusal
from tests.approvals.files import BOOK, jpeg, pdf, png, xlsx


def recognised(content: bytes, filename: str = "") -> tuple[str, str]:
    found = recognise(Evidence("document", filename, content))
    return found.content_type, found.name


@pytest.mark.parametrize(
    ("content", "filename", "content_type", "name"),
    [
        (png(), "march.png", rules.PNG, "march.png"),
        (png(), "MARCH.PNG", rules.PNG, "MARCH.png"),
        (png(), "clipboard", rules.PNG, "clipboard.png"),
        (png(), "", rules.PNG, "document.png"),
        (jpeg(), "a.jpg", rules.JPEG, "a.jpg"),
        (jpeg(), "a.jpeg", rules.JPEG, "a.jpeg"),
        (jpeg(filling=b"\xff\xff"), "a.jpg", rules.JPEG, "a.jpg"),
        (jpeg() + b"what some phones append", "a.jpg", rules.JPEG, "a.jpg"),
        (pdf(), "contract.v2.pdf", rules.PDF, "contract.v2.pdf"),
        (pdf(), "rates 2.5", rules.PDF, "rates 2.5.pdf"),
        (xlsx(), "sum.xlsx", rules.XLSX, "sum.xlsx"),
        (xlsx(packing=zipfile.ZIP_STORED), "sum.xlsx", rules.XLSX, "sum.xlsx"),
        (b"a;b\n1;2\n", "a.csv", rules.CSV, "a.csv"),
        (b"a;b\n1;2\n", "a.txt", rules.TEXT, "a.txt"),
        ("Größe\u2028 \u00a0ok".encode(), "", rules.TEXT, "document.txt"),
        (b"\xef\xbb\xbfwith a mark", "a.txt", rules.TEXT, "a.txt"),
        (b"1 < 2, and 3 > 2", "a.txt", rules.TEXT, "a.txt"),
        (b"< 10 EUR", "a.txt", rules.TEXT, "a.txt"),
    ],
)
def test_a_file_is_told_by_its_content(
    content: bytes, filename: str, content_type: str, name: str
) -> None:
    assert recognised(content, filename) == (content_type, name)
    assert content_type in ALL_TYPES
    assert called(content_type)


@pytest.mark.parametrize(
    ("content", "filename", "refusal", "words"),
    [
        (b"", "a.txt", AttachmentEmpty, "nothing"),
        (b" \r\n\t ", "a.txt", AttachmentEmpty, "nothing"),
        (b"\xef\xbb\xbf\n", "a.txt", AttachmentEmpty, "nothing"),
        (pdf(), "a.png", AttachmentMisnamed, "ends in .png, but it is a PDF"),
        (png(), "a.jpg", AttachmentMisnamed, "ends in .jpg, but it is a PNG"),
        (png(), "a.pdf\u202e", AttachmentMisnamed, "ends in .pdf"),
        (b"plain", "a.html", AttachmentMisnamed, "ends in .html, but it is plain text"),
        (b"plain", "a.xlsx", AttachmentMisnamed, "it is plain text"),
        (xlsx(), "a.xlsm", AttachmentMisnamed, "it is an Excel workbook"),
        (b"<!DOCTYPE html><p>", "a.txt", AttachmentTypeRefused, "HTML"),
        (b" \n<html>", "a.html", AttachmentTypeRefused, "HTML"),
        (b"<svg onload='x'/>", "a.svg", AttachmentTypeRefused, "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", "a.svg", AttachmentTypeRefused, "SVG"),
        (b"<script>1</script>", "", AttachmentTypeRefused, "HTML"),
        (b"</p>", "", AttachmentTypeRefused, "HTML"),
        (b"MZ\x90\x00", "a.exe", AttachmentTypeRefused, "type"),
        (b"GIF89a\x01\x00", "a.gif", AttachmentTypeRefused, "type"),
        (b"\xd0\xcf\x11\xe0", "a.xls", AttachmentTypeRefused, "type"),
        ("text".encode("utf-16"), "a.txt", AttachmentTypeRefused, "type"),
        ("né".encode("latin-1"), "a.txt", AttachmentTypeRefused, "type"),
        (b"a\0b", "a.txt", AttachmentTypeRefused, "type"),
        (xlsx({"word/document.xml": b"x"}), "a.docx", AttachmentTypeRefused, "type"),
        (xlsx({"readme.txt": b"x"}), "a.xlsx", AttachmentTypeRefused, "type"),
        (png()[:-5], "a.png", AttachmentUnsound, "cut off"),
        (png(0, 7), "a.png", AttachmentUnsound, "cut off"),
        (png(8_001, 8_000), "a.png", AttachmentUnsound, "8,001 by 8,000 pixels"),
        (png().replace(b"IHDR", b"IDAT", 1), "a.png", AttachmentUnsound, "cut off"),
        (jpeg()[:30], "a.jpg", AttachmentUnsound, "cut off"),
        (b"\xff\xd8\xff", "a.jpg", AttachmentUnsound, "cut off"),
        (b"\xff\xd8\xff\xe0\0\x04ab" + b"x" * 20, "a.jpg", AttachmentUnsound, "cut off"),
        (jpeg(filling=b"\xff" * 6_000), "a.jpg", AttachmentUnsound, "cut off"),
        (jpeg(65_000, 65_000), "a.jpg", AttachmentUnsound, "65,000 by 65,000 pixels"),
        (pdf()[:-8], "a.pdf", AttachmentUnsound, "PDF is cut off"),
        (xlsx()[:-30], "a.xlsx", AttachmentUnsound, "workbook is cut off"),
        (xlsx() + b"x" * 70_000, "a.xlsx", AttachmentUnsound, "workbook is cut off"),
        (xlsx(BOOK | {"xl/vbaProject.bin": b"x"}), "a.xlsx", AttachmentUnsound, "macros"),
        (xlsx(packing=zipfile.ZIP_BZIP2), "a.xlsx", AttachmentUnsound, "workbook is cut off"),
    ],
)
def test_anything_else_is_refused_in_plain_words(
    content: bytes, filename: str, refusal: type[Refusal], words: str
) -> None:
    with pytest.raises(refusal) as refused:
        recognise(Evidence("document", filename, content))
    assert words in refused.value.message
    assert refused.value.message.endswith(".")


def test_a_workbook_that_asks_for_a_password_is_refused() -> None:
    """The flag of encryption, set on every part of an archive that is whole otherwise."""
    locked = bytearray(xlsx())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = locked.find(mark)
        while at >= 0:
            locked[at + flags] |= 1
            at = locked.find(mark, at + 4)
    with pytest.raises(AttachmentUnsound, match="workbook"):
        recognise(Evidence("document", "a.xlsx", bytes(locked)))


def test_a_workbook_that_unfolds_to_far_more_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = xlsx(BOOK | {"xl/media/zeros.bin": b"\0" * 5_000_000})
    assert len(bomb) < 10_000
    assert recognised(bomb, "a.xlsx")[0] == rules.XLSX
    monkeypatch.setattr(rules, "MOST_UNPACKED_BYTES", 4_000_000)
    with pytest.raises(AttachmentUnsound, match="unpacks to more than 4,000,000 bytes"):
        recognise(Evidence("document", "a.xlsx", bomb))


def test_a_workbook_of_too_many_parts_is_refused() -> None:
    parts = {f"xl/media/{number}.bin": b"" for number in range(rules.MOST_PARTS)}
    with pytest.raises(AttachmentUnsound, match="more than 2,000 parts"):
        recognise(Evidence("document", "a.xlsx", xlsx(BOOK | parts)))


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("../../etc/passwd", "passwd.txt"),
        ("C:\\Users\\alice\\notes.txt", "notes.txt"),
        ("a\tb\n  c.txt", "a b c.txt"),
        ('a<b>:"c|d?*.txt', "a_b___c_d__.txt"),
        ("gpj\u202ecod.txt", "gpjcod.txt"),
        ("x\x00y\x1b.txt", "xy.txt"),
        ("e\u0301te\u0301.txt", "été.txt"),
        ("  .. .txt", "txt.txt"),
        (". .txt.", "txt.txt"),
        ("\ud800.txt", "txt.txt"),
        ("x" * 300 + ".txt", "x" * 116 + ".txt"),
    ],
)
def test_a_name_is_cleaned(filename: str, name: str) -> None:
    assert recognised(b"text", filename)[1] == name


@given(st.text(max_size=200))
def test_a_clean_name_is_short_visible_and_no_path(filename: str) -> None:
    try:
        _, name = recognised(b"text", filename)
    except AttachmentMisnamed:
        return
    assert 5 <= len(name) <= rules.LONGEST_NAME
    assert name.isprintable()
    assert not set(name) & set('/\\<>:"|?*')
    assert name.lower().endswith((".txt", ".csv"))
    assert not name.startswith((".", " "))
    assert recognised(b"text", name)[1] == name


@given(st.binary(max_size=200))
def test_bytes_are_told_or_refused_and_nothing_else(content: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"%PDF-"):
        try:
            content_type, _ = recognised(start + content)
        except Refusal:
            continue
        assert content_type in ALL_TYPES


def test_words_end_their_lines_the_same_way() -> None:
    one = Evidence.in_words("explanation", " late\r\nbatch \n", field="explanation")
    other = Evidence.in_words("explanation", "late\nbatch")
    assert one.content == other.content == b"late\nbatch"
    assert (one.sha256, one.field, one.filename) == (other.sha256, "explanation", "explanation.txt")

"""Files go into the PDF before it is signed, and come out as they were."""

from __future__ import annotations

import re
from datetime import datetime
from io import BytesIO

import pikepdf
import pytest
from evidence_samples import CLOSED_AT, attachments, complete_content

from apps.reporting.documents import (
    Attachment,
    attach,
    manifest_attachments,
    read_attachments,
    render_evidence,
)
from apps.reporting.documents.errors import (
    InstantWithoutZone,
    PathDuplicated,
    PathUnsafe,
    PdfUnreadable,
)


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return render_evidence(complete_content())


def file(name: str, content: bytes = b"x") -> Attachment:
    return Attachment(name, content, "text/csv", "a file")


def test_attachments_come_out_as_they_went_in(pdf: bytes) -> None:
    holdings = complete_content().holdings
    files = [*attachments(), *manifest_attachments(holdings.manifest)]
    attached = attach(pdf, files, attached_at=CLOSED_AT)
    assert read_attachments(attached) == {file.name: file.content for file in files}
    assert read_attachments(attached)["manifest.json"] == holdings.manifest.to_json()


def test_a_reader_finds_name_type_date_and_description(pdf: bytes) -> None:
    attached = attach(pdf, attachments(), attached_at=CLOSED_AT)
    with pikepdf.open(BytesIO(attached)) as document:
        spec = document.attachments["exceptions.csv"]
        assert spec.description == "All exceptions of section 7"
        assert spec.relationship == pikepdf.Name.Data
        stream = spec.get_file()
        assert stream.mime_type == "text/csv"
        assert stream.creation_date == stream.mod_date == CLOSED_AT


def test_the_item_of_an_attachment_is_that_of_its_content() -> None:
    item = file("a.csv", b"abc").item
    assert (item.path, item.size_bytes, item.media_type) == ("a.csv", 3, "text/csv")
    assert item.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_document_stays_as_it_was(pdf: bytes) -> None:
    attached = attach(pdf, attachments(), attached_at=CLOSED_AT)
    with pikepdf.open(BytesIO(pdf)) as before, pikepdf.open(BytesIO(attached)) as after:
        assert len(after.pages) == len(before.pages)
        assert str(after.docinfo["/Keywords"]) == str(before.docinfo["/Keywords"])
        for old, new in zip(before.pages, after.pages, strict=True):
            assert pikepdf.unparse_content_stream(
                pikepdf.parse_content_stream(old)
            ) == pikepdf.unparse_content_stream(pikepdf.parse_content_stream(new))


def test_the_same_input_gives_the_same_bytes(pdf: bytes) -> None:
    once = attach(pdf, attachments(), attached_at=CLOSED_AT)
    assert once == attach(pdf, attachments(), attached_at=CLOSED_AT)
    assert re.search(rb"%%EOF\s*$", once)


def test_nothing_to_attach_is_fine(pdf: bytes) -> None:
    assert read_attachments(attach(pdf, [], attached_at=CLOSED_AT)) == {}


@pytest.mark.parametrize("name", ["folder/a.csv", "../a.csv", "", "a\x00b"])
def test_a_name_that_is_no_plain_file_name_is_refused(name: str) -> None:
    with pytest.raises(PathUnsafe):
        file(name)


def test_a_name_used_twice_is_refused(pdf: bytes) -> None:
    with pytest.raises(PathDuplicated):
        attach(pdf, [file("a.csv"), file("A.csv")], attached_at=CLOSED_AT)
    attached = attach(pdf, [file("a.csv")], attached_at=CLOSED_AT)
    with pytest.raises(PathDuplicated):
        attach(attached, [file("a.csv")], attached_at=CLOSED_AT)


def test_a_time_without_zone_is_refused(pdf: bytes) -> None:
    with pytest.raises(InstantWithoutZone):
        attach(pdf, [], attached_at=datetime(2023, 5, 2))


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7\nbroken"])
def test_what_is_no_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(PdfUnreadable):
        attach(content, [], attached_at=CLOSED_AT)
    with pytest.raises(PdfUnreadable):
        read_attachments(content)


def test_a_pdf_behind_a_password_is_refused(pdf: bytes) -> None:
    sheet = BytesIO()
    with pikepdf.open(BytesIO(pdf)) as document:
        document.save(sheet, encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(PdfUnreadable):
        read_attachments(sheet.getvalue())


def test_a_damaged_attachment_is_refused(pdf: bytes) -> None:
    sheet = BytesIO()
    with pikepdf.open(BytesIO(attach(pdf, [file("a.csv")], attached_at=CLOSED_AT))) as document:
        stream = document.attachments["a.csv"].obj.EF.F
        stream.write(b"this is not flate data", filter=pikepdf.Name.FlateDecode)
        document.save(sheet)
    with pytest.raises(PdfUnreadable):
        read_attachments(sheet.getvalue())

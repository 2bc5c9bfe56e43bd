"""A file finds its format by what it holds."""

from __future__ import annotations

import dataclasses

import pytest

from apps.common.errors import Refusal
from apps.ingestion.formats import FORMATS, FileRefused, MappingInvalid, identify, read
from apps.ingestion.formats import errors as refusals
from apps.ingestion.formats.errors import EmptyFile, FileTooLarge, UnknownFormat
from tests.ingestion.formats.documents import camt, entry, mt940, sample

CSV = b"Date;Amount;Currency\n2026-04-07;1,50;EUR\n"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (camt(entry()), "camt"),
        (camt(entry()).decode().replace("UTF-8", "UTF-16").encode("utf-16"), "camt"),
        (b"\xef\xbb\xbf\n" + camt(entry()).split(b"\n", 1)[1], "camt"),
        (mt940(), "mt940"),
        (b"\r\nOFXHEADER:100\r\n\r\n<OFX>", "ofx"),
        (b"\xef\xbb\xbf<OFX>", "ofx"),
        (b'<?xml version="1.0"?>\r\n<?OFX OFXHEADER="200" VERSION="211"?>', "ofx"),
        ("OFXHEADER:100".encode("utf-16"), "ofx"),
        (b"{1:F01}{4:\r\n" + mt940(), "mt940"),
        (mt940().decode().encode("utf-16"), "mt940"),
        (b"01,S,R,260407,0900,1,,,2/\r\n02,R,S,1,260407,,,2/", "bai2"),
        (b"\xef\xbb\xbf01,S,R,260407,,1,,\n88,,2/\n\n99,0,0,2/", "bai2"),
        (b"01,02,03\n02,04,05", "csv"),
        (b"PK\x03\x04\x14\0\0\0\x08\0xl/workbook.xml", "xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xlsx"),
        (b'[{"a": 1}]', "json"),
        (b"\n {}", "json"),
        ("[]".encode("utf-16"), "json"),
        (CSV, "csv"),
        (CSV.decode().encode("utf-16"), "csv"),
        (CSV.decode().encode("utf-16-le"), "csv"),
        (b"\n\n" + CSV, "csv"),
    ],
)
@pytest.mark.parametrize("filename", ["", "statement.pdf", "x.csv"])
def test_the_content_decides_whatever_the_name(content, name, filename):
    assert identify(content, filename).name == name


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04\x14\x00,",
        b"%PDF-1.7\x00,",
        b"<html>,</html>",
        b"{not json}, really",
        b"plain words",
        b"RATES:100\nDATA:SGML",
    ],
)
def test_content_in_no_format_is_refused_with_those_there_are(content):
    with pytest.raises(UnknownFormat) as refused:
        identify(content, "statement.sta")

    assert "camt.053" in refused.value.remedy


def test_a_name_helps_where_the_first_line_says_nothing():
    assert identify(b"Statement of April\n" + CSV, "april.csv").name == "csv"


@pytest.mark.parametrize("content", [b"", b" \r\n\t", b" " * 10_000])
def test_an_empty_file_is_refused(content):
    with pytest.raises(EmptyFile):
        read(content, filename="x.csv")
    with pytest.raises(EmptyFile):
        identify(content, "x.csv")


def test_a_format_that_does_not_exist_is_refused():
    with pytest.raises(UnknownFormat) as refused:
        read(CSV, filename="x.csv", format="xls")

    assert ", ".join(one.name for one in FORMATS) in refused.value.remedy


def test_a_file_over_the_limit_of_its_format_is_refused(monkeypatch):
    monkeypatch.setattr(type(FORMATS[-1]), "max_bytes", 10)

    with pytest.raises(FileTooLarge):
        read(CSV, filename="x.csv")


def test_formats_have_names_of_their_own():
    assert len({one.name for one in FORMATS}) == len(FORMATS)
    assert all(one.title and one.max_bytes > 0 for one in FORMATS)


def test_refusals_are_facts_with_a_code_a_status_and_a_remedy():
    kinds = [
        kind
        for kind in vars(refusals).values()
        if isinstance(kind, type) and issubclass(kind, FileRefused)
    ]

    assert len({kind.code for kind in kinds}) == len(kinds) >= 10
    for kind in kinds:
        refusal = kind("What is wrong.", line=7, field="amount")
        assert isinstance(refusal, Refusal)
        assert refusal.status in (400, 413, 415, 422)
        assert refusal.remedy
        assert (refusal.line, refusal.field, refusal.details) == (7, "amount", {"line": 7})
    assert MappingInvalid("columns", "is missing.").status == 422


def test_a_reading_cannot_be_changed():
    reading = read(sample("mt940/wolph_citi_mt940.txt"), filename="x")

    with pytest.raises(dataclasses.FrozenInstanceError):
        reading.format = "other"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        reading.statements[0].total = 0  # type: ignore[misc]

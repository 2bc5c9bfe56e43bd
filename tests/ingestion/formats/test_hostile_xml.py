"""XML that attacks the reader is refused before it costs anything."""

from __future__ import annotations

import pytest

from apps.ingestion.formats import read
from apps.ingestion.formats.errors import (
    FileTooLarge,
    ForbiddenConstruct,
    MalformedFile,
    WrongEncoding,
)
from tests.ingestion.formats.documents import SAMPLES, camt, entry

PROLOG = b'<?xml version="1.0" encoding="UTF-8"?>\n'
LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10)
)
SOUND = camt(entry())


def with_prolog(extra: bytes) -> bytes:
    return SOUND.replace(PROLOG, PROLOG + extra)


@pytest.mark.parametrize(
    "content",
    [
        with_prolog(b"<!DOCTYPE Document>\n"),
        with_prolog(b'<!DOCTYPE Document SYSTEM "http://127.0.0.1/x.dtd">'),
        with_prolog(b'<!DOCTYPE Document [<!ENTITY l0 "ha">' + LAUGHS + b"]>"),
        with_prolog(b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        with_prolog(b"<!DOCTYPE d>").decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        SOUND.replace(b"10.00", b"<!ENTITY x>"),
    ],
)
def test_document_types_and_entities_are_refused(content):
    with pytest.raises(ForbiddenConstruct) as refused:
        read(content, filename="x.xml", format="camt")

    assert "declaration" in refused.value.message


@pytest.mark.parametrize(
    "content",
    [
        SOUND.replace(b"10.00", b"&lol;"),
        SOUND.replace(b"<Ntry>", b"<Ntry>" + b"<a>" * 300),
        SOUND.replace(b"</Ntry>", b""),
        SOUND.replace(b"10.00", b"\x00"),
        SOUND.replace(b"10.00", b"\xff"),
        SOUND + b"<more/>",
        SOUND.replace(b"10.00", b"x" * 11_000_000),
        SOUND.decode().encode("utf-32"),
        b"<",
    ],
)
def test_xml_that_is_not_well_formed_is_refused(content):
    with pytest.raises((MalformedFile, FileTooLarge)):
        read(content, filename="x.xml", format="camt")


def test_a_fault_is_placed_on_its_line():
    with pytest.raises(MalformedFile) as refused:
        read(SOUND.replace(b"</Ntry>", b"</Entry>"), filename="x.xml")

    assert refused.value.line == 4


@pytest.mark.parametrize(
    "content",
    [
        SOUND.replace(b"UTF-8", b"UTF-7"),
        SOUND.replace(b"UTF-8", b"EBCDIC-CP-US"),
        SOUND.decode().encode("cp037"),
    ],
)
def test_encodings_that_no_bank_uses_are_refused(content):
    with pytest.raises(WrongEncoding):
        read(content, filename="x.xml", format="camt")


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UTF-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
    ],
)
def test_encodings_that_banks_use_are_read(declared, codec):
    text = SOUND.decode().replace("UTF-8", declared)
    text = text.replace("</Ntry>", "<AddtlNtryInf>Größe</AddtlNtryInf></Ntry>")

    reading = read(text.encode(codec), filename="x.xml")

    assert reading.lines["narrative"].to_list() == ["Größe"]


@pytest.mark.parametrize(
    "content",
    [
        SOUND.replace(b"camt.053", b"camt.060"),
        SOUND.replace(b"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02", b"urn:other"),
        SOUND.replace(b' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"', b""),
        b"<html><body/></html>",
    ],
)
def test_another_root_or_namespace_is_refused(content):
    with pytest.raises(MalformedFile):
        read(content, filename="x.xml", format="camt")


def test_a_message_without_a_statement_is_refused():
    content = SOUND.replace(b"<Stmt>", b"<Other>").replace(b"</Stmt>", b"</Other>")

    with pytest.raises(MalformedFile, match="no statement"):
        read(content, filename="x.xml")


def test_a_bomb_of_many_small_elements_is_refused_before_it_fills_the_memory():
    content = SOUND.replace(b"<Stmt>", b"<GrpHdr>" + b"<a/>" * 2_000_000 + b"</GrpHdr><Stmt>")

    with pytest.raises(FileTooLarge):
        read(content, filename="x.xml")


def test_comments_and_processing_instructions_are_no_content():
    content = SOUND.replace(b"10.00", b"1<!-- 9 -->0<?pi?>.00")

    assert read(content, filename="x.xml").lines["amount"].to_list() == [100_000]


def test_a_namespace_that_lost_its_beginning_is_no_crash() -> None:
    content = (SAMPLES / "camt/bsp_camt.053.001.02.xml").read_bytes()
    cut = content.replace(b'"urn:iso', b'"}urn:iso', 1)
    assert cut != content
    with pytest.raises(MalformedFile) as refused:
        read(cut, filename="x", format="camt")
    assert refused.value.line


def test_a_prefix_that_nobody_declared_is_no_crash() -> None:
    content = (SAMPLES / "saft/own_no_1.30.xml").read_bytes()
    with pytest.raises(MalformedFile):
        read(content.replace(b"xmlns:n1=", b"xmlns:n2="), filename="x", format="saft")

"""A statement cut off anywhere is refused or read whole, never silently in part."""

from __future__ import annotations

import polars as pl
import pytest

from apps.ingestion.formats import FileRefused, Reading, read
from tests.ingestion.formats.documents import sample

MT940 = [
    "own_mt942_jpy.sta",
    "jejik_abnamro.txt",
    "jejik_ing-dos.txt",
    "jejik_sparkasse2.txt",
    "wolph_citi_mt940.txt",
    "wolph_mBank_mt942.sta",
    "wolph_self-provided_february_30.sta",
]
CAMT = [
    "own_camt.053.001.08.xml",
    "bsp_camt.053.001.02.xml",
    "bsp_camt053_duplicate_same_day.xml",
    "genkgo_camt052.v4.xml",
    "genkgo_camt053.v2.multi.statement.xml",
    "genkgo_camt054.v2.xml",
]

OFX = ["bsp_sample.ofx", "ofxparse_checking.ofx", "ofxparse_suncorp.ofx", "own_card_eur.qfx"]

BAI2 = [
    "moov_sample1.txt",
    "moov_sample4-continuations-newline-delimited.txt",
    "own_kwd_jpy.bai",
    "venturehacks_daily.bai2",
]


def whole_statements(reading: Reading, count: int) -> tuple[object, ...]:
    """The first statements of a reading with their lines and pending entries."""
    first = pl.col("statement") < count
    return (
        reading.statements[:count],
        reading.lines.filter(first).rows(),
        reading.pending.filter(first).rows(),
    )


def readings_of_cuts(content: bytes, kind: str, step: int = 1) -> list[tuple[int, Reading]]:
    """What is read of the cuts that are not refused; the last 100 bytes are cut one by one."""
    found = []
    lengths = {*range(0, len(content), step), *range(max(len(content) - 100, 0), len(content))}
    for length in sorted(lengths):
        try:
            found.append((length, read(content[:length], filename="cut", format=kind)))
        except FileRefused as refusal:
            assert refusal.message  # noqa: PT017  # any refusal will do
            assert refusal.remedy  # noqa: PT017  # any refusal will do
    return found


@pytest.mark.parametrize("name", MT940)
def test_mt940_cut_at_every_byte_is_refused_or_whole(name):
    content = sample(f"mt940/{name}")
    full = read(content, filename=name)

    for length, reading in readings_of_cuts(content, "mt940"):
        count = len(reading.statements)
        assert whole_statements(reading, count) == whole_statements(full, count), length
        ended = content[:length].count(b"\n:62") + content[:length].count(b"\n-")
        assert ended >= count > 0, length


@pytest.mark.parametrize("name", CAMT)
def test_camt_cut_anywhere_is_refused(name):
    content = sample(f"camt/{name}")
    end = content.rindex(b"</Document>") + len(b"</Document>")
    full = read(content, filename=name)

    for length, reading in readings_of_cuts(content, "camt", 1 + len(content) // 1400):
        assert length >= end
        assert whole_statements(reading, 99) == whole_statements(full, 99)


@pytest.mark.parametrize("name", OFX)
def test_ofx_cut_at_every_byte_is_refused(name):
    content = sample(f"ofx/{name}")
    end = content.rindex(b"</OFX>") + len(b"</OFX>")

    assert all(length >= end for length, _ in readings_of_cuts(content, "ofx"))


@pytest.mark.parametrize("name", BAI2)
def test_bai2_cut_at_every_byte_is_refused_or_whole(name):
    content = sample(f"bai2/{name}")
    full = read(content, filename=name)

    for length, reading in readings_of_cuts(content, "bai2"):
        assert length > content.rindex(b"\n99,")
        assert reading.lines.rows() == full.lines.rows()


def test_a_workbook_cut_at_every_byte_is_refused():
    """Its directory is its end, but for a comment that may follow it."""
    content = sample("xlsx/own_german_books.xlsx")

    assert readings_of_cuts(content, "xlsx") == []


def test_a_parquet_file_cut_at_every_byte_is_refused():
    """Its directory is its end."""
    content = sample("parquet/own_decimals.parquet")

    assert readings_of_cuts(content, "parquet") == []


def test_ndjson_cut_inside_a_record_is_refused():
    content = sample("json/own_records.ndjson")
    full = read(content, filename="x.ndjson").lines.rows()

    for length, reading in readings_of_cuts(content, "json"):
        assert content[:length].rstrip().endswith(b"}")
        assert reading.lines.rows() == full[: reading.lines.height]


@pytest.mark.parametrize("name", ["own_no_1.30.xml", "own_pt_1.04.xml"])
def test_saft_cut_anywhere_is_refused(name):
    content = sample(f"saft/{name}")
    end = content.rindex(b">") + 1

    assert all(length >= end for length, _ in readings_of_cuts(content, "saft", 7))


def test_fec_cut_anywhere_never_invents_a_line_and_says_what_does_not_balance():
    content = sample("fec/own_123456789FEC20261231.txt")
    full = read(content, filename="x.txt").lines.rows()

    for length, reading in readings_of_cuts(content, "fec", 5):
        found = reading.lines.rows()
        assert found[:-1] == full[: max(len(found) - 1, 0)]
        is_balanced = reading.lines["amount"].sum() == 0
        assert is_balanced or any("differ" in one.notes[-1] for one in reading.statements[-1:])
        assert is_balanced or length < len(content)


def test_csv_cut_at_every_byte_never_invents_a_line():
    """The last line of a table cannot be told from a shorter one; all before it are the same."""
    content = sample("csv/bsp_csv_french_headers.csv")
    full = read(content, filename="x.csv").lines.rows()

    for _, reading in readings_of_cuts(content, "csv"):
        found = reading.lines.rows()
        assert found[:-1] == full[: max(len(found) - 1, 0)]

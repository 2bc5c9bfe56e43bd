"""Parquet: types become the text they stand for; decimals exact, floats as they are."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest
from pyarrow import parquet as writer

from apps.ingestion.formats import FieldMapping, Reading, identify, parquet, read
from apps.ingestion.formats.errors import (
    AmbiguousNumbers,
    ColumnMissing,
    FileTooLarge,
    ForbiddenConstruct,
    MalformedFile,
    WrongEncoding,
)
from tests.ingestion.formats.documents import sample

DAY = date(2026, 4, 7)


def parquet_of(rows: int = 1, **columns: object) -> bytes:
    """A file of a date, an amount and a currency; `columns` replace them or stand beside them."""
    plain = {"date": [DAY] * rows, "amount": [Decimal("1.50")] * rows, "currency": ["EUR"] * rows}
    target = io.BytesIO()
    writer.write_table(pa.table({**plain, **columns}), target)
    return target.getvalue()


def read_parquet(content: bytes, **spec: object) -> Reading:
    mapping = FieldMapping.from_dict(spec) if spec else None
    return read(content, filename="x", format="parquet", mapping=mapping)


def amounts_of(values: object, **columns: object) -> list[int]:
    reading = read_parquet(parquet_of(len(values), amount=values, **columns))
    assert reading.rejected == ()
    return reading.lines["amount"].to_list()


def test_a_real_file():
    reading = read(sample("parquet/own_decimals.parquet"), filename="x")

    assert reading.lines["line"].to_list() == [1, 2, 3]
    assert reading.lines["narrative"].to_list() == ["Größe", "Größe", ""]
    assert [json.loads(text) for text in reading.lines["attributes"]] == [
        {"party.name": "Dora", "party.tags": '["a"]', "rate": "1.1"},
        {"party.name": "Dora", "party.tags": '["a"]'},
        {"rate": "0.30000000000000004"},
    ]
    assert reading.conventions == {"floats": "rate", "decimal": ".", "date_format": "%Y-%m-%d"}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (pa.array([1.25, 131_071.99, -131_072.0], pa.float32()), 3),
        (pa.array([None, 1_234_567.89, 2.0], pa.float32()), 2),
        (pa.array([1.5, 2.0, 8.0], pa.float16()), None),
        (pa.array([1.5, 16.0, 32.0], pa.float16()), 2),
    ],
)
def test_short_floats_that_cannot_hold_cents_are_refused(values, line):
    content = parquet_of(3, amount=values)
    if line is None:
        assert read_parquet(content).lines.height == 3
        return

    with pytest.raises(MalformedFile) as refused:
        read_parquet(content)

    assert (refused.value.line, refused.value.field) == (line, "amount")
    assert "decimal(20, 4)" in refused.value.remedy


def test_short_floats_that_are_no_amounts_may_have_any_size():
    reading = read_parquet(parquet_of(1, rate=pa.array([1e30], pa.float32())))

    assert reading.lines.height == 1


@pytest.mark.parametrize(
    "values",
    [
        pa.array([Decimal("1.50"), Decimal("-0.05")], pa.decimal128(20, 4)),
        pa.array([Decimal("1.50"), Decimal("-0.05")], pa.decimal256(60, 2)),
        pa.array([1.5, -0.05]),
        pa.array([1.5, -0.05], pa.float32()),
        pa.array(["1,50", "-0,05"]),
        pa.array([b"1.50", b"-0.05"]),
        pa.array(["1.50", "(0.05)"]).dictionary_encode(),
    ],
)
def test_amounts_of_any_type(values):
    assert amounts_of(values) == [15_000, -500]


def test_whole_numbers_and_the_largest_amount():
    assert amounts_of(pa.array([1e7, 1e13])) == [10**11, 10**17]
    assert amounts_of(pa.array([123_456_789_012.25])) == [1_234_567_890_122_500]
    assert amounts_of(pa.array([7, -(2**40)])) == [70_000, -(2**40) * 10_000]
    assert amounts_of(pa.array([Decimal("99999999999999.99")])) == [999_999_999_999_999_900]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.1 + 0.2, "more than four decimals"),
        (1e20, "more than 14 digits"),
        (float("nan"), "not an amount"),
        (1e-5, "more than four decimals"),
    ],
)
def test_floats_that_are_no_amounts_are_rejected(value, words):
    reading = read_parquet(parquet_of(2, amount=pa.array([1.0, value])))

    ((line, field, reason),) = [(one.line, one.field, one.reason) for one in reading.rejected]
    assert (line, field) == (2, "amount")
    assert words in reason
    assert reading.conventions["floats"] == "amount"


def test_numbers_beside_texts_are_read_one_way_or_refused():
    columns = {"date": "date", "debit": pa.array(["1.234,50", ""]), "credit": [None, 7]}
    content = parquet_of(2, **{name: columns[name] for name in ("debit", "credit")})
    spec = {"columns": {"booked_on": "date", "debit": "debit", "credit": "credit"}}
    spec["constants"] = {"currency": "EUR"}

    assert read_parquet(content, **spec).lines["amount"].to_list() == [-12_345_000, 70_000]
    mixed = parquet_of(2, debit=columns["debit"], credit=pa.array([None, 1.234]))
    with pytest.raises(AmbiguousNumbers):
        read_parquet(mixed, **spec)


def test_times_are_taken_as_their_own_clock_shows_them():
    late = datetime(2026, 4, 7, 22, 30)

    for kind in (pa.timestamp("ms"), pa.timestamp("ns"), pa.timestamp("us", tz="America/Lima")):
        values = pa.array([late], pa.timestamp("us")).cast(kind)
        found = read_parquet(parquet_of(date=values)).lines["booked_on"].to_list()
        assert found == [DAY]


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("ms"), pa.timestamp("us", tz="UTC")])
@pytest.mark.parametrize("number", [2**31 - 1, -(2**31)])
def test_dates_that_no_calendar_knows_are_rejected(kind, number):
    scale = 1 if kind == pa.date32() else 10**9
    storage = pa.int32() if kind == pa.date32() else pa.int64()
    days = pa.array([None, number * scale], storage).cast(kind)

    reading = read_parquet(parquet_of(2, date=[DAY] * 2, value_date=days))

    assert [(one.line, one.field) for one in reading.rejected] == [(2, "value_on")]


def test_names_that_are_no_text_are_refused():
    with pytest.raises(MalformedFile):
        read_parquet(parquet_of(needle=[1]).replace(b"needle", b"need\xffe"))


def test_other_types_are_kept_as_text():
    reading = read_parquet(
        parquet_of(
            at=pa.array([time(1, 2)]),
            flag=[True],
            map=pa.array([[("k", Decimal("1.5"))]], pa.map_(pa.string(), pa.decimal128(4, 2))),
            nothing=pa.nulls(1),
            number=pa.array([2**63], pa.uint64()),
        )
    )

    assert json.loads(reading.lines["attributes"][0]) == {
        "at": "01:02:00",
        "flag": "true",
        "map": '[["k", "1.50"]]',
        "number": str(2**63),
    }


def test_no_rows_are_an_empty_reading():
    empty = pa.array([], pa.string())

    reading = read_parquet(parquet_of(0, date=empty, amount=empty, currency=empty))

    assert (reading.lines.height, reading.statements) == (0, ())


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"PAR1", MalformedFile),
        (b"PARE" + b"\0" * 100 + b"PARE", MalformedFile),
        (b"PAR1" + b"\xff" * 100 + b"\x40\0\0\0PAR1", MalformedFile),
        (parquet_of(date=[b"\xff"]), WrongEncoding),
        (parquet_of(note=["a\0b"]), ForbiddenConstruct),
        (parquet_of(**{f"c{number}": [1] for number in range(500)}), FileTooLarge),
        (parquet_of(many=[{f"c{number}": 1 for number in range(500)}]), FileTooLarge),
        (parquet_of(date=[{"a": 1}]), ColumnMissing),
    ],
)
def test_what_cannot_be_trusted_is_refused(content, refusal):
    with pytest.raises(refusal):
        read_parquet(content)


def test_a_column_that_the_mapping_names_must_be_there():
    with pytest.raises(ColumnMissing) as refused:
        read_parquet(parquet_of(), columns={"booked_on": "date", "amount": "sum"})

    assert refused.value.field == "sum"


@pytest.mark.parametrize("limit", ["MAX_ROWS", "MAX_CELLS", "MAX_UNPACKED_BYTES"])
def test_a_bomb_is_refused_while_it_unfolds(monkeypatch, limit):
    content = parquet_of(50_000, note=["x" * 1000] * 50_000)
    assert len(content) < 20_000
    monkeypatch.setattr(parquet, limit, 40_000)

    with pytest.raises(FileTooLarge, match="unfolds"):
        read_parquet(content)


def test_pages_are_checked_against_their_sums():
    target = io.BytesIO()
    table = pa.table({"date": [DAY], "amount": [7], "currency": ["EUR"], "note": ["needle"]})
    writer.write_table(table, target, write_page_checksum=True, compression="none")
    content = target.getvalue().replace(b"needle", b"noodle")

    with pytest.raises(MalformedFile):
        read_parquet(content)


def test_a_parquet_file_is_known_by_its_mark():
    assert identify(parquet_of(), "x.csv").name == "parquet"

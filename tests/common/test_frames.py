"""Frames into PostgreSQL: many slices, texts that look like nothing, and faults on the way."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.common import frames

pytestmark = pytest.mark.django_db


@pytest.fixture
def table() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            'CREATE TEMPORARY TABLE pieces ("number" bigint, "text" text, "amount" numeric(20, 4))'
            " ON COMMIT DROP"
        )
    return "pieces"


def _stored() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, text, amount::text FROM pieces ORDER BY number")
        return list(cursor.fetchall())


def test_every_row_arrives_once_whatever_the_slices(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_ROWS_AT_ONCE", 7)
    monkeypatch.setattr(frames, "_BYTES_AT_ONCE", 16)
    rows = pl.DataFrame({"number": range(100), "units": [n * 1234 - 5000 for n in range(100)]})
    amount = frames.exact_decimal("units").alias("amount")
    frames.copy_in(table, rows, "number", pl.lit("row").alias("text"), amount)
    assert _stored() == [(n, "row", f"{(n * 1234 - 5000) / 10_000:.4f}") for n in range(100)]


@pytest.mark.parametrize("units", [0, 1, -1, 9_999, -9_999, 2**63 - 1, -(2**63)])
def test_ten_thousandths_are_exact_at_their_ends(table: str, units: int) -> None:
    rows = pl.DataFrame({"number": [units], "amount": [units]})
    frames.copy_in(table, rows, "number", frames.exact_decimal("amount"))
    sign, digits = "-" if units < 0 else "", f"{abs(units):05d}"
    assert _stored() == [(units, None, f"{sign}{digits[:-4]}.{digits[-4:]}")]


@pytest.mark.parametrize(
    "lists",
    [
        [[7], [8], [2**62]],
        [[7], [8, 9], []],
        [[7], None],
        [None, None],
        [[]],
        [[7, 8], [9, 2**62]],
    ],
)
def test_lists_arrive_as_arrays(lists: list[list[int] | None]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE held (ids bigint[]) ON COMMIT DROP")
        rows = pl.DataFrame({"ids": lists}, schema={"ids": pl.List(pl.Int64())})
        frames.copy_in("held", rows)
        cursor.execute("SELECT ids FROM held")
        assert [ids for (ids,) in cursor.fetchall()] == [ids or [] for ids in lists]


def test_bytes_arrive_as_they_are() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE held (bytes bytea) ON COMMIT DROP")
        frames.copy_in("held", pl.DataFrame({"bytes": [b"", b"\x00\xff\\", None]}))
        cursor.execute("SELECT bytes FROM held")
        found = [None if value is None else bytes(value) for (value,) in cursor.fetchall()]
    assert found == [b"", b"\x00\xff\\", None]


@given(
    st.lists(st.tuples(st.sampled_from([1, 2, None]), st.sampled_from([b"", b"a", b"b", None]))),
)
def test_rows_are_distinct_or_not(rows: list[tuple[int | None, bytes | None]]) -> None:
    schema = {"number": pl.Int64(), "bytes": pl.Binary()}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    assert frames.are_distinct(frame) == (len(set(rows)) == len(rows))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_any_text_arrives_as_it_is(table: str, texts: list[str | None]) -> None:
    marked = [None if text is None else f"{text}\\{text}\t" for text in texts]
    frame = pl.DataFrame({"text": [*texts, *marked]}, schema={"text": pl.String()})
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")
    frames.copy_in(table, frame.with_row_index("number"))
    assert [text for _, text, _ in _stored()] == frame["text"].to_list()


def test_an_empty_text_is_no_null(table: str) -> None:
    texts = ["", None, "NULL", "\\N", 'a "quoted" one', "two\nlines", "comma, here", "\\."]
    frames.copy_in(table, pl.DataFrame({"number": range(len(texts)), "text": texts}))
    assert [text for _, text, _ in _stored()] == texts


def test_nothing_is_copied_of_nothing(table: str) -> None:
    frames.copy_in(table, pl.DataFrame(schema={"number": pl.Int64()}))
    frames.copy_slices(table, iter(()))
    assert _stored() == []


def test_a_fault_while_a_slice_is_made_stores_none_of_them(table: str) -> None:
    def slices() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"number": [1]})
        yield pl.DataFrame({"number": [2]})
        raise ArithmeticError("the third slice could not be made")

    with pytest.raises(DatabaseError, match="the third slice"), transaction.atomic():
        frames.copy_slices(table, slices())
    assert _stored() == []

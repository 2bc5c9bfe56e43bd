"""A column of debits and credits that is not known must not make outflow into inflow."""

from __future__ import annotations

import json

import pytest

from apps.ingestion.formats import read
from apps.ingestion.formats.errors import AmbiguousSigns
from tests.ingestion.formats import workbooks
from tests.ingestion.formats.documents import read_csv

ROWS = (("2026-01-05", "100.00", "Debit"), ("2026-01-06", "40.00", "Credit"))


def table(name: str, *words: str, amounts: tuple[str, ...] = ("100.00", "40.00")) -> str:
    rows = zip(("2026-01-05", "2026-01-06"), amounts, words, strict=True)
    lines = [",".join((*row, "EUR")) for row in rows]
    return "\n".join([f"Date,Amount,{name},Currency", *lines])


@pytest.mark.parametrize("name", ["Transaction Type", "Type", "Art", "Flow", "D/C code"])
@pytest.mark.parametrize("words", [("Debit", "Credit"), ("D", "D"), ("", " dr "), ("-", "+")])
def test_amounts_without_a_sign_are_refused_until_the_column_is_mapped(name, words):
    with pytest.raises(AmbiguousSigns) as refused:
        read_csv(table(name, *words))

    assert refused.value.field == name
    assert "`indicator`" in refused.value.remedy


def test_the_remedy_settles_it():
    columns = {"booked_on": "Date", "amount": "Amount", "currency": "Currency"}
    text = table("Type", "Debit", "Credit")

    with_it = read_csv(text, columns=columns | {"indicator": "Type"})
    without = read_csv(text, columns=columns)

    assert with_it.lines["amount"].to_list() == [-1_000_000, 400_000]
    assert without.lines["amount"].to_list() == [1_000_000, 400_000]


@pytest.mark.parametrize("name", ["D/C Indicator", "Debit/Credit Flag", "Credit or debit", "DR/CR"])
def test_names_that_say_it_are_taken_for_the_indicator(name):
    assert read_csv(table(name, "D", "C")).lines["amount"].to_list() == [-1_000_000, 400_000]


@pytest.mark.parametrize(
    ("name", "words", "amounts"),
    [
        ("Type", ("Debit", "Credit"), ("-100.00", "40.00")),
        ("Type", ("Debit", "Credit"), ("(100.00)", "40.00")),
        ("Type", ("Debit", "Fee"), ("100.00", "40.00")),
        ("Type", ("Credit", "Credit"), ("100.00", "40.00")),
        ("Type", ("", ""), ("100.00", "40.00")),
        ("Note", ("-", "-"), ("100.00", "40.00")),
        ("Card type", ("debit", "credit"), ("100.00", "40.00")),
        ("Card_Funding", ("debit", "credit"), ("100.00", "40.00")),
    ],
)
def test_other_tables_are_read_as_they_stand(name, words, amounts):
    reading = read_csv(table(name, *words, amounts=amounts))

    assert (reading.lines.height, reading.rejected) == (2, ())


def test_a_column_is_looked_at_to_its_end():
    text = table("Type", "Debit", "Credit")
    body = text.splitlines()

    reading = read_csv("\n".join([*body, *[body[-1]] * 1_000, body[1].replace("Debit", "Fee")]))

    assert reading.lines.height == 1_003


def test_debit_and_credit_columns_need_no_sign():
    reading = read_csv("Date,Debit,Credit,Type,Currency\n2026-01-05,1.00,,Debit,EUR\n")

    assert reading.lines["amount"].to_list() == [-10_000]


def test_all_kinds_of_tables_are_looked_at():
    names = ("date", "amount", "type")
    records = [dict(zip(names, row, strict=True)) | {"currency": "EUR"} for row in ROWS]
    sheet = workbooks.workbook([tuple(records[0]), *(tuple(one.values()) for one in records)])

    for content in (json.dumps(records).encode(), sheet):
        with pytest.raises(AmbiguousSigns):
            read(content, filename="x")

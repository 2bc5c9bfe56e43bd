"""FEC, French accounting entries: debit positive, both ways to write a side, what is refused."""

from __future__ import annotations

import json
from datetime import date

import pytest

from apps.ingestion.formats import FieldMapping, Reading, identify, read
from apps.ingestion.formats.errors import AmbiguousNumbers, ColumnMissing, MalformedFile
from tests.ingestion.formats.documents import sample

HEADER = "JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|EcritureLib|Debit|Credit"
ROW = "VE|Ventes|1|20260407|411000|Facture"


def read_fec(*rows: str, header: str = HEADER, **spec: object) -> Reading:
    text = "\n".join([header, *rows]) + "\n"
    mapping = FieldMapping.from_dict(spec) if spec else None
    return read(text.encode(), filename="x", format="fec", mapping=mapping)


def test_all_fields_of_a_line():
    reading = read(sample("fec/own_123456789FEC20261231.txt"), filename="x.txt")

    (first, *_) = reading.lines.to_dicts()
    assert json.loads(first.pop("attributes")) == {
        "CompAuxNum": "C001",
        "CompteLib": "Clients",
        "DateLet": "20260410",
        "EcritureLet": "A",
        "JournalLib": "Ventes",
        "PieceDate": "20260405",
        "ValidDate": "20260430",
    }
    assert first == {
        "line": 2,
        "statement": 0,
        "external_id": "VE 1",
        "account": "411000",
        "booked_on": date(2026, 4, 7),
        "value_on": None,
        "amount": 12_000_000,
        "currency": "EUR",
        "reference": "F-7",
        "counterparty": "Café Élan",
        "narrative": "Facture n° 7",
    }
    assert [one.account for one in reading.statements] == ["411000", "706000", "445710", "512000"]
    assert all(one.notes == () for one in reading.statements)
    assert reading.conventions == {
        "encoding": "cp1252",
        "separator": "|",
        "sign": "debits are positive",
        "decimal": ",",
        "date_format": "%Y%m%d",
    }


@pytest.mark.parametrize(
    ("sides", "units"),
    [
        ("1,50|0,00", 15_000),
        ("0,00|1,50", -15_000),
        ("1,50|", 15_000),
        ("-1,50|0,00", -15_000),
        ("-1,50|", -15_000),
        ("|-1,50", 15_000),
        ("0|0", 0),
    ],
)
def test_debits_are_positive_and_negative_ones_change_sides(sides, units):
    reading = read_fec(f"{ROW}|{sides}", f"{ROW}|0,01|")

    assert reading.lines["amount"].to_list() == [units, 100]


@pytest.mark.parametrize("separator", ["|", "\t"])
@pytest.mark.parametrize(("side", "units"), [("D", 15_000), ("c", -15_000)])
def test_an_amount_with_its_side(separator, side, units):
    header = HEADER.replace("Debit|Credit", "MONTANT|sens").replace("|", separator)
    row = f"{ROW}|1,50|{side}".replace("|", separator)

    assert read_fec(row, header=header).lines["amount"].to_list() == [units]


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        (f"{ROW}|1,50|2,00", "amount", "Two amount columns"),
        (f"{ROW}|-1,50|2,00", "amount", "Two amount columns"),
        (f"{ROW}||", "amount", "missing"),
        (f"{ROW}|1,505|", "currency", "more decimals"),
        (f"{ROW}|1,5,0|", "amount", "not an amount"),
        (f"{ROW.replace('20260407', '07/04/2026')}|1,50|", "booked_on", "not a date"),
        (f"{ROW.replace('20260407', '')}|1,50|", "booked_on", "missing"),
        (f"{ROW}|1,50", "", "cells"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_by_line(row, field, words):
    reading = read_fec(f"{ROW}|0,01|", row)

    ((line, found, reason),) = [(one.line, one.field, one.reason) for one in reading.rejected]
    assert (line, found) == (3, field)
    assert words in reason


def test_a_side_that_is_neither_is_rejected():
    header = HEADER.replace("Debit|Credit", "Montant|Sens")

    reading = read_fec(f"{ROW}|1,50|X", header=header)

    assert [(one.line, one.field) for one in reading.rejected] == [(2, "indicator")]


def test_entries_that_do_not_balance_are_counted_beside_the_last_account():
    balanced = [f"{ROW}|1,50|", f"{ROW.replace('411', '706')}|0|1,50"]
    alone = f"{ROW.replace('|1|', '|2|')}|1,00|"

    reading = read_fec(*balanced, alone, alone.replace("|2|", "|3|"))

    assert [one.notes for one in reading.statements] == [
        (),
        ("Entries whose debits and credits differ: 2.",),
    ]


def test_a_header_alone_is_an_empty_reading():
    assert read_fec().statements == ()


def test_the_mapping_may_state_the_currency_and_the_encoding():
    reading = read_fec(f"{ROW}|150|", constants={"currency": "XPF"}, encoding="utf-8")

    assert reading.lines.select("amount", "currency").rows() == [(1_500_000, "XPF")]


def test_a_decimal_point_is_found_by_evidence_and_never_guessed():
    assert read_fec(f"{ROW}|1234.50|0.00").lines["amount"].to_list() == [12_345_000]
    with pytest.raises(AmbiguousNumbers):
        read_fec(f"{ROW}|1.234|")


@pytest.mark.parametrize(
    "name", ["JournalCode", "EcritureNum", "EcritureDate", "CompteNum", "Credit"]
)
def test_a_column_that_the_law_asks_for_is_missed_by_name(name):
    with pytest.raises(ColumnMissing) as refused:
        read_fec(header=HEADER.replace(name, "Other"))

    assert (refused.value.line, refused.value.field) == (1, name.lower())


def test_a_column_that_is_there_twice_is_refused():
    with pytest.raises(MalformedFile):
        read_fec(header=HEADER + "|debit")


@pytest.mark.parametrize(
    "head", [HEADER, HEADER.replace("|", "\t"), '"JournalCode"|x', "JournalLib|JournalCode|x"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_fec_is_known_by_its_header(head, encoding):
    assert identify(head.encode(encoding), "x.csv").name == "fec"

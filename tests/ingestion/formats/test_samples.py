"""Real files, with what reading them must give."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from apps.ingestion.formats import LINE_SCHEMA, Reading, read
from apps.ingestion.formats.errors import MalformedFile, UnknownFormat
from tests.ingestion.formats.documents import sample

# file, format, currency, amounts of the lines, (opening, closing, difference) per statement
GOLDEN = [
    (
        "mt940/jejik_abnamro.txt",
        "mt940",
        "EUR",
        "-9 -11.59 -11.63 -11.80 -13.45 -15.49 -107 -141.48 -9.49 -15",
        [("3236.28", "876.84", "-2038.00"), ("2876.84", "1849.75", "-1002.60")],
    ),
    (
        "mt940/jejik_ing-dos.txt",
        "mt940",
        "EUR",
        "-25.03 -3.03 -1.11 -20.00 -1.10 3.68 1.00",
        [("0", "3.47", "49.06")],
    ),
    (
        "mt940/jejik_sparkasse2.txt",
        "mt940",
        "EUR",
        "1027.25",
        [("931052.29", "931304.50", "-775.04")],
    ),
    (
        "mt940/wolph_citi_mt940.txt",
        "mt940",
        "USD",
        "-212.39 -369.28 0 0 -561.08",
        [("17376.67", "16233.92", "0")],
    ),
    (
        "mt940/wolph_self-provided_february_30.sta",
        "mt940",
        "EUR",
        "-6.00",
        [("1200", "1194", "0")],
    ),
    ("mt940/wolph_mBank_mt942.sta", "mt940", "PLN", "0.01 0.01 0.01", [(None, None, None)]),
    ("mt940/own_mt942_jpy.sta", "mt940", "JPY", "-1200 300 -300 -300", [(None, None, None)]),
    (
        "camt/own_camt.053.001.08.xml",
        "camt",
        "BHD",
        "-600 -399.995 -0.005 -25 -25 25.375",
        [("1000.125", "-24.5", "0")],
    ),
    (
        "camt/bsp_camt.053.001.02.xml",
        "camt",
        "SEK",
        "105678.50 -200000 30000",
        [("500000", "435678.50", "0")],
    ),
    (
        "camt/bsp_camt053_duplicate_same_day.xml",
        "camt",
        "EUR",
        "-4.50 -4.50",
        [(None, None, None)],
    ),
    (
        "camt/genkgo_camt053.v2.multi.statement.xml",
        "camt",
        "EUR",
        "8.85 -7.00",
        [("18.15", "27", "0"), ("27", "20", "0")],
    ),
    ("camt/genkgo_camt054.v2.xml", "camt", "SEK", "-200000", [(None, None, None)]),
    (
        "ofx/ofxparse_checking.ofx",
        "ofx",
        "USD",
        "0.01 -34.51 -25.00",
        [(None, "100.99", None)],
    ),
    (
        "bai2/moov_sample1.txt",
        "bai2",
        "CAD",
        "-25 -900 -5 2035 25 25 -200 -900 -20 -25 -10 115 1000 -1000 -90 -20 -5",
        [(None, None, None), (None, None, None)],
    ),
    (
        "bai2/moov_sample4-continuations-newline-delimited.txt",
        "bai2",
        "USD",
        "-600 1435 -9286.50 -2000 -555.55 19.12 -505 11.25 600 9.31 500.50 5.27 -101"
        " 3376.86 50 -442.50 -300000",
        [
            *[(None, None, None)] * 2,
            ("1595811.94", "1593811.94", "297031.74"),
            *[(None, None, None)] * 2,
        ],
    ),
    ("bai2/venturehacks_daily.bai2", "bai2", "USD", "250.01", [(None, None, None)]),
    ("ofx/ofxparse_suncorp.ofx", "ofx", "AUD", "-16.85", [(None, "1234.12", None)]),
    ("ofx/bsp_sample.ofx", "ofx", "EUR", "1250.50 -80.25", [(None, None, None)]),
    ("ofx/own_card_eur.qfx", "ofx", "EUR", "-12.50 -12.50 1000 0.07", [(None, "-45.5", None)]),
    (
        "saft/own_no_1.30.xml",
        "saft",
        "NOK",
        "1250 -1000 -250 300.25 300.25 -600.50",
        [
            ("1000", "2250", "0"),
            ("0", "-1000", "0"),
            ("0", "-250", "0"),
            ("0", "600.50", "0"),
            ("500", "-100.50", "0"),
        ],
    ),
    (
        "fec/own_123456789FEC20261231.txt",
        "fec",
        "EUR",
        "1200 -1000 -200 -120 120 1200 -1200",
        [(None, None, None)] * 4,
    ),
    (
        "parquet/own_decimals.parquet",
        "parquet",
        "EUR",
        "-1234.56 -1234.56 0.05",
        [(None, None, None)],
    ),
    ("json/own_records.ndjson", "json", "EUR", "-4.5 -4.5 0.1 1200", [(None, None, None)]),
    (
        "csv/own_utf16.tsv",
        "csv",
        "GBP",
        "-1234.56 0.05 0.05",
        [("10000", "8765.54", "0")],
    ),
    (
        "xlsx/own_german_books.xlsx",
        "xlsx",
        "EUR",
        "-1234.56 0.3 -19.99 -19.99 1000000000",
        [("10000", "1000008725.76", "0")],
    ),
    (
        "csv/bsp_csv_european_decimals.csv",
        "csv",
        "EUR",
        "-1234.56 3500.00 -4.50",
        [(None, None, None)],
    ),
    (
        "csv/bsp_csv_french_headers.csv",
        "csv",
        "EUR",
        "-1234.56 3500.00 -4.50",
        [(None, None, None)],
    ),
    (
        "csv/bsp_sample_split_amounts.csv",
        "csv",
        "EUR",
        "1250.50 -200.25",
        [("1000", "2050.25", "0")],
    ),
]


def units(text: str | None) -> int | None:
    return None if text is None else int(Decimal(text) * 10_000)


def lines_of(name: str) -> Reading:
    return read(sample(name), filename=name)


@pytest.mark.parametrize(("name", "kind", "currency", "amounts", "balances"), GOLDEN)
def test_real_files_give_their_lines_and_balances(name, kind, currency, amounts, balances):
    reading = lines_of(name)

    assert reading.format == kind
    assert reading.rejected == ()
    assert dict(reading.lines.schema) == LINE_SCHEMA
    assert reading.lines["amount"].to_list() == [units(amount) for amount in amounts.split()]
    assert reading.lines["currency"].unique().to_list() == [currency]
    found = [(one.opening, one.closing, one.difference) for one in reading.statements]
    assert found == [tuple(units(part) for part in balance) for balance in balances]
    for statement, (_, _, difference) in zip(reading.statements, balances, strict=True):
        assert statement.ties is (None if difference is None else units(difference) == 0)


@pytest.mark.parametrize("name", [row[0] for row in GOLDEN])
def test_statements_sum_up_their_own_lines(name):
    reading = lines_of(name)

    for index, statement in enumerate(reading.statements):
        own = reading.lines.filter(reading.lines["statement"] == index)
        assert statement.line_count == own.height
        assert statement.total == own["amount"].sum()
        assert set(own["account"]) <= {statement.account}


def test_a_file_that_only_has_the_name_of_a_statement_is_of_no_format():
    content = sample("mt940/wolph_self-provided_invalid_statement.sta")

    with pytest.raises(UnknownFormat) as refused:
        read(content, filename="invalid_statement.sta")
    assert "MT940" in refused.value.remedy
    with pytest.raises(MalformedFile):
        read(content, filename="invalid_statement.sta", format="mt940")


def test_a_garbled_amount_is_rejected_by_line_and_never_guessed():
    reading = lines_of("camt/bsp_camt053_garbled_amount.xml")

    assert reading.lines.height == 0
    (rejected,) = reading.rejected
    assert (rejected.line, rejected.field) == (16, "Amt")
    assert "12..34" not in rejected.reason


def test_lines_without_a_date_are_rejected_by_line_and_a_repeated_identifier_is_noted():
    reading = lines_of("ofx/ofxparse_date_missing.ofx")

    assert reading.lines.height == 0
    assert [(one.line, one.field) for one in reading.rejected] == [
        (33, "DTPOSTED"),
        (40, "DTPOSTED"),
        (48, "DTPOSTED"),
    ]
    assert "no date" in reading.rejected[0].reason
    assert "calendar" in reading.rejected[2].reason
    (statement,) = reading.statements
    assert (statement.line_count, statement.closing) == (0, 0)
    assert statement.notes == ("Identifiers (FITID) that are there more than once: 1.",)


def test_two_currencies_in_one_file_each_have_their_decimals():
    reading = lines_of("bai2/own_kwd_jpy.bai")

    expected = [("KWD", "0.05"), ("KWD", "0.01"), ("KWD", "-0.005"), ("JPY", "-300")]
    assert reading.lines.select("currency", "amount").rows() == [
        (currency, units(amount)) for currency, amount in expected
    ]
    assert [(one.opening, one.closing, one.ties) for one in reading.statements] == [
        (units("1000.125"), units("1000.18"), True),
        (units("500"), units("200"), True),
    ]


def test_control_totals_of_real_files_agree_unless_noted():
    for name, *_ in GOLDEN:
        for statement in lines_of(name).statements:
            broken = [total for total in statement.control_totals if not total.agrees]
            assert [total.note for total in broken] == [
                note for note in statement.notes if note.startswith("The control total")
            ]
            assert not broken or "moov_sample4" in name


def test_the_day_of_a_ledger_balance():
    (checking,) = lines_of("ofx/ofxparse_checking.ofx").statements
    (suncorp,) = lines_of("ofx/ofxparse_suncorp.ofx").statements

    assert (checking.opened_on, checking.closed_on) == (date(2000, 1, 1), date(2013, 5, 25))
    assert suncorp.closed_on == date(2013, 12, 15)


def test_a_pending_entry_is_not_booked_but_seen():
    reading = lines_of("camt/genkgo_camt052.v4.xml")

    assert reading.lines.height == 0
    assert reading.pending.select("amount", "currency").rows() == [(-2_000_000_000, "SEK")]
    (statement,) = reading.statements
    assert (statement.line_count, statement.total, statement.pending_count) == (0, 0, 1)
    assert statement.notes == ("Not booked and left out: 1 entries.",)


def test_a_value_date_of_30_february_is_the_last_day_and_noted():
    reading = lines_of("mt940/wolph_self-provided_february_30.sta")

    assert reading.lines["value_on"].to_list() == [date(2016, 2, 29)]
    assert reading.lines["booked_on"].to_list() == [date(2016, 3, 1)]
    assert '"value_date_written":"2016-02-30"' in reading.lines["attributes"][0]


def test_a_batch_without_amounts_stays_one_line_and_keeps_its_details():
    (line,) = lines_of("camt/genkgo_camt054.v2.xml").lines.to_dicts()

    assert (line["reference"], line["counterparty"]) == ("MUELL/FINP/RA12345", "MUELLER")
    assert line["attributes"].count('"narrative"') == 3


def test_line_numbers_are_those_of_an_editor():
    assert lines_of("mt940/jejik_ing-dos.txt").lines["line"].to_list() == [
        8, 12, 14, 16, 18, 20, 22,
    ]  # fmt: skip
    camt = lines_of("camt/genkgo_camt053.v2.multi.statement.xml")
    assert camt.lines["line"].to_list() == [66, 145]
    assert lines_of("csv/bsp_csv_french_headers.csv").lines["line"].to_list() == [2, 3, 4]


def test_a_structured_german_narrative_is_taken_apart():
    (line,) = lines_of("mt940/jejik_sparkasse2.txt").lines.to_dicts()

    assert line["narrative"] == "STORNO RECHNUNGSABSCHLUSS PER 01.02.2020"
    assert line["counterparty"] == "GEBÜHREN MANUELL GG UST-FREI"
    assert '"is_reversal":true' in line["attributes"]

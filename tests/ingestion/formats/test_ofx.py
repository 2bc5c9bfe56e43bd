"""OFX 1, OFX 2 and QFX: both mark-ups, amounts, dates, and what is refused."""

from __future__ import annotations

import json
from datetime import date

import pytest

from apps.ingestion.formats import FieldMapping, Reading, Rejected, read
from apps.ingestion.formats.errors import ForbiddenConstruct, MalformedFile, WrongEncoding
from tests.ingestion.formats.documents import sample

HEADER = "OFXHEADER:100\nDATA:OFXSGML\nCHARSET:1252\n\n"
PLAIN = "<TRNTYPE>POS<DTPOSTED>20260407<TRNAMT>-4.50<FITID>1<NAME>Shop"


def ofx(*transactions: str, before: str = "", after: str = "", currency: str = "EUR") -> str:
    """An OFX 1 statement; `transactions` are the insides of STMTTRN."""
    lines = "".join(f"<STMTTRN>{inside}</STMTTRN>\n" for inside in transactions)
    return (
        f"{HEADER}<OFX><BANKMSGSRSV1><STMTTRNRS>{before}<STMTRS><CURDEF>{currency}\n"
        f"<BANKACCTFROM><BANKID>7<ACCTID>77</BANKACCTFROM><BANKTRANLIST>\n{lines}"
        f"</BANKTRANLIST>{after}</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )


def read_ofx(*transactions: str, **how: str) -> Reading:
    return read(ofx(*transactions, **how).encode(), filename="x.ofx", format="ofx")


def refusal_of(content: str | bytes) -> MalformedFile:
    raw = content.encode() if isinstance(content, str) else content
    with pytest.raises(MalformedFile) as refused:
        read(raw, filename="x.ofx", format="ofx")
    return refused.value


def test_all_fields_of_a_card_statement():
    reading = read(sample("ofx/own_card_eur.qfx"), filename="x.qfx")

    _, second, payment, interest = reading.lines.to_dicts()
    assert second["counterparty"] == "Café & Crêpe"
    assert second["booked_on"] == date(2026, 4, 7)
    assert (payment["line"], payment["account"], payment["external_id"]) == (16, "4970-1", "2")
    assert (payment["counterparty"], payment["reference"]) == ("A <B>", "R-7")
    assert (payment["narrative"], payment["value_on"]) == ("merci & bravo", date(2026, 4, 10))
    assert json.loads(payment["attributes"]) == {"transaction_type": "PAYMENT"}
    assert json.loads(interest["attributes"]) == {
        "exchange_rate": "1.1",
        "original_currency": "USD",
        "transaction_type": "INT",
    }
    assert reading.pending.select("amount", "booked_on").rows() == [(-30_000, date(2026, 4, 30))]
    assert reading.conventions == {"encoding": "cp1252"}
    (statement,) = reading.statements
    assert statement.notes == (
        "Identifiers (FITID) that are there more than once: 1.",
        "Lines that are called an outflow without a negative amount: 1.",
        "Not booked and left out: 1 entries.",
    )


@pytest.mark.parametrize(
    "inside",
    [
        PLAIN,
        PLAIN.replace("<NAME>", "<MEMO><NAME>"),
        PLAIN + "<MEMO>",
        "<TRNTYPE>POS</TRNTYPE><DTPOSTED>20260407</DTPOSTED><TRNAMT>-4.50</TRNAMT>"
        "<FITID>1</FITID><NAME><![CDATA[Shop]]></NAME><MEMO></MEMO><EMPTY/>",
        PLAIN.replace("<", "\n\t<").lower().replace("shop", "Sho<!-- <x> -->p"),
        PLAIN + "<UNKNOWN><NAME>Other</UNKNOWN>",
        PLAIN + "<PAYEE><CITY>Lyon</PAYEE>",
    ],
)
def test_both_markups_and_what_lies_between(inside):
    (line,) = read_ofx(inside).lines.to_dicts()

    assert (line["amount"], line["external_id"]) == (-45_000, "1")
    assert (line["counterparty"], line["narrative"]) == ("Shop", "")


def test_two_accounts_in_one_file_are_two_statements():
    one = ofx(PLAIN)
    two = one.replace("</BANKMSGSRSV1></OFX>\n", "") + one[one.index("<STMTTRNRS>") :]

    reading = read(two.replace("<ACCTID>77", "<ACCTID>78", 1).encode(), filename="x")

    assert [one.account for one in reading.statements] == ["78", "77"]
    assert reading.lines["statement"].to_list() == [0, 1]


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("-4.50", "EUR", -45_000),
        ("+4,5", "EUR", 45_000),
        (".05", "EUR", 500),
        ("-,05", "EUR", -500),
        ("1200", "JPY", 12_000_000),
        ("0.005", "KWD", 50),
        ("-0", "EUR", 0),
        ("0.500", "EUR", 5_000),
        ("1234.500", "EUR", 12_345_000),
        ("1.234", "KWD", 12_340),
        ("1,000", "KWD", 10_000),
    ],
)
def test_amounts(amount, currency, units):
    reading = read_ofx(PLAIN.replace("-4.50", amount), currency=currency)

    assert reading.lines["amount"].to_list() == [units]


@pytest.mark.parametrize(("amount", "currency"), [("1.000", "CLP"), ("25,000", "JPY")])
def test_thousands_are_never_taken_for_decimals(amount, currency):
    reading = read_ofx(PLAIN.replace("-4.50", amount), currency=currency)

    assert (reading.lines.height, [one.field for one in reading.rejected]) == (0, ["TRNAMT"])


@pytest.mark.parametrize(
    "written",
    ["20260407", "202604072359", "20260407235959", "20260407235959.9[-5:EST]", "20260407 [0:GMT]"],
)
def test_a_date_is_taken_as_written(written):
    reading = read_ofx(PLAIN.replace("20260407", written))

    assert reading.lines["booked_on"].to_list() == [date(2026, 4, 7)]


@pytest.mark.parametrize(
    ("inside", "field", "words"),
    [
        (PLAIN.replace("-4.50", "12..34"), "TRNAMT", "plain amount"),
        (PLAIN.replace("-4.50", "1.234,50"), "TRNAMT", "plain amount"),
        (PLAIN.replace("-4.50", "1,234"), "TRNAMT", "in two ways"),
        (PLAIN.replace("-4.50", "-25.000"), "TRNAMT", "in two ways"),
        (PLAIN.replace("-4.50", "1234.567"), "TRNAMT", "more decimals than EUR"),
        (PLAIN.replace("-4.50", "1e3"), "TRNAMT", "plain amount"),
        (PLAIN.replace("-4.50", "--1"), "TRNAMT", "plain amount"),
        (PLAIN.replace("<TRNAMT>-4.50", ""), "TRNAMT", "plain amount"),
        (PLAIN.replace("<DTPOSTED>20260407", ""), "DTPOSTED", "no date"),
        (PLAIN.replace("20260407", "20260230"), "DTPOSTED", "calendar"),
        (PLAIN.replace("20260407", "2026-04-07"), "DTPOSTED", "OFX dates"),
        (PLAIN.replace("20260407", "18990407"), "DTPOSTED", "outside"),
        (PLAIN + "<DTAVAIL>soon", "DTAVAIL", "OFX dates"),
        (PLAIN + "<TRNAMT>-4.50", "TRNAMT", "twice"),
        (PLAIN + "<CORRECTFITID>0<CORRECTACTION>DELETE", "CORRECTFITID", "takes back"),
        (PLAIN + "<CURRENCY><CURRATE>1<CURSYM>USD</CURRENCY>", "CURRENCY", "another currency"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_by_line(inside, field, words):
    reading = read_ofx(PLAIN, inside, PLAIN)

    assert reading.lines["line"].to_list() == [7, 9]
    ((line, found, reason),) = [(one.line, one.field, one.reason) for one in reading.rejected]
    assert (line, found) == (8, field)
    assert words in reason


def test_a_line_in_the_currency_of_its_account_may_say_so():
    reading = read_ofx(PLAIN + "<CURRENCY><CURRATE>1<CURSYM>EUR</CURRENCY>")

    assert reading.rejected == ()


class TestBalances:
    def balance(self, inside: str) -> str:
        return f"<LEDGERBAL>{inside}</LEDGERBAL>"

    @pytest.mark.parametrize(
        ("inside", "closing", "day"),
        [
            ("<BALAMT>-1.50<DTASOF>20260430", -15_000, date(2026, 4, 30)),
            ("<BALAMT>1.50", 15_000, None),
        ],
    )
    def test_the_ledger_balance_closes(self, inside, closing, day):
        (statement,) = read_ofx(PLAIN, after=self.balance(inside)).statements

        assert (statement.opening, statement.closing, statement.ties) == (None, closing, None)
        assert statement.closed_on == day

    @pytest.mark.parametrize(
        "inside",
        [
            "<BALAMT>1..5",
            "<DTASOF>20260430",
            "<BALAMT>1.505",
            "<BALAMT>25,000",
            "<BALAMT>1<DTASOF>soon",
        ],
    )
    def test_a_balance_that_cannot_be_read_refuses_the_file(self, inside):
        refusal = refusal_of(ofx(PLAIN, after=self.balance(inside)))

        assert (refusal.line, refusal.field) == (8, "LEDGERBAL")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (HEADER, None),
        (ofx(PLAIN)[:-10], 8),
        (ofx(PLAIN).replace("</STMTTRN>", ""), 8),
        (ofx(PLAIN, PLAIN).replace("</STMTTRN>", "", 1), 9),
        (ofx(PLAIN).replace("<STMTTRN>", "<OTHER>"), 7),
        (ofx(PLAIN).replace("<STMTTRN>", "<STMTTRN>text"), 7),
        (ofx(PLAIN) + "more", 8),
        (ofx(PLAIN) + "<!-- more -->", 9),
        (ofx(PLAIN) + ofx(PLAIN), 8),
        (ofx(PLAIN.replace("Shop", "A <B")), 7),
        (ofx(PLAIN, currency="XYZ"), 5),
        (ofx(PLAIN, currency=""), 5),
        (ofx(PLAIN).replace("STMTRS>", "LOANS>"), 5),
        (ofx(PLAIN).replace("</OFX>", "<INVSTMTRS></INVSTMTRS></OFX>"), 8),
        (ofx(before="<STATUS><CODE>2000<SEVERITY>ERROR</STATUS>"), 5),
    ],
)
def test_what_cannot_be_trusted_is_refused_with_its_line(content, line):
    assert refusal_of(content).line == line


@pytest.mark.parametrize(
    "content",
    [
        ofx(PLAIN).replace("<OFX>", '<!DOCTYPE OFX [<!ENTITY a "b">]><OFX>'),
        ofx(PLAIN.replace("Shop", "<!entity x>")),
        ofx(PLAIN.replace("Shop", "&#0;")),
        ofx(PLAIN.replace("Shop", "&#xD800;")),
        ofx(PLAIN.replace("Shop", "&#x110000;")),
        ofx(PLAIN + "<A>" * 100),
    ],
)
def test_constructs_that_no_bank_needs_are_refused(content):
    with pytest.raises(ForbiddenConstruct) as refused:
        read(content.encode(), filename="x.ofx", format="ofx")

    assert refused.value.line in (5, 7)


def test_escapes_are_undone_and_ampersands_stay():
    (line,) = read_ofx(PLAIN.replace("Shop", "AT&T &amp; &#233;&#xE9; &lt;&gt;&nbsp;&copy;")).lines[
        "counterparty"
    ]

    assert line == "AT&T & éé <> &copy;"


class TestEncodings:
    TEXT = ofx(PLAIN.replace("Shop", "Größe"))

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_those_that_are_found(self, encoding):
        reading = read(self.TEXT.encode(encoding), filename="x.ofx")

        assert reading.lines["counterparty"].to_list() == ["Größe"]

    @pytest.mark.parametrize(
        "header", ["CHARSET:1250", '<?xml version="1.0" encoding="windows-1251"?>']
    )
    def test_one_that_is_declared_and_not_read_is_refused(self, header):
        content = self.TEXT.replace("CHARSET:1252", header).encode("cp1252")

        with pytest.raises(WrongEncoding):
            read(content, filename="x.ofx", format="ofx")

    def test_one_that_the_mapping_states(self):
        mapping = FieldMapping.from_dict({"encoding": "cp850"})
        content = self.TEXT.replace("1252", "850").encode("cp850")

        reading = read(content, filename="x.ofx", format="ofx", mapping=mapping)

        assert reading.lines["counterparty"].to_list() == ["Größe"]


def test_a_statement_of_which_nothing_can_be_read_is_refused():
    assert "10000 entries" in refusal_of(ofx(*["<FITID>1"] * 10_001)).message


def test_a_rejected_line_shows_no_value():
    assert read_ofx(PLAIN.replace("-4.50", "SECRET")).rejected == (
        Rejected(7, "TRNAMT", "The amount is not a plain amount; have the bank correct it."),
    )

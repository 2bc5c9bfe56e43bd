"""SWIFT statements: marks, dates, narratives, and what is refused."""

from __future__ import annotations

import json
from datetime import date

import pytest

from apps.ingestion.formats import FieldMapping, Rejected, read
from apps.ingestion.formats.errors import ForbiddenConstruct, MalformedFile
from tests.ingestion.formats.documents import mt940, read_mt940

PLAIN = ":61:2604070407D4,50NMSCNONREF"


def the_line(*lines: str) -> dict:
    (line,) = read_mt940(*lines).lines.to_dicts()
    return line | {"attributes": json.loads(line["attributes"])}


def test_all_fields_of_a_line():
    line = the_line(":61:2604080407CR1000,50NTRFREF1//BANK1", "shop", ":86:Two lines", "of text")

    assert line == {
        "line": 5,
        "statement": 0,
        "external_id": "BANK1",
        "account": "12345678/1020304050",
        "booked_on": date(2026, 4, 7),
        "value_on": date(2026, 4, 8),
        "amount": 10_005_000,
        "currency": "EUR",
        "reference": "REF1",
        "counterparty": "",
        "narrative": "Two lines of text",
        "attributes": {"funds_code": "R", "supplementary": "shop", "transaction_type": "NTRF"},
    }


@pytest.mark.parametrize(
    ("mark", "amount"),
    [
        ("C", 45_000),
        ("D", -45_000),
        ("RC", -45_000),
        ("RD", 45_000),
        ("CR", 45_000),
        ("DD", -45_000),
    ],
)
def test_marks_and_funds_codes(mark, amount):
    line = the_line(f":61:260407{mark}4,5NMSCNONREF")

    assert line["amount"] == amount
    assert ("is_reversal" in line["attributes"]) is mark.startswith("R")


@pytest.mark.parametrize(
    ("written", "booked_on", "value_on"),
    [
        ("260407", date(2026, 4, 7), date(2026, 4, 7)),
        ("260407    ", date(2026, 4, 7), date(2026, 4, 7)),
        ("2604080407", date(2026, 4, 7), date(2026, 4, 8)),
        ("2512310102", date(2026, 1, 2), date(2025, 12, 31)),
        ("2601021231", date(2025, 12, 31), date(2026, 1, 2)),
        ("991231", date(1999, 12, 31), date(1999, 12, 31)),
        ("240229", date(2024, 2, 29), date(2024, 2, 29)),
    ],
)
def test_value_and_entry_dates_across_the_turn_of_the_year(written, booked_on, value_on):
    line = the_line(f":61:{written}D4,50NMSCNONREF")

    assert (line["booked_on"], line["value_on"]) == (booked_on, value_on)


def test_days_past_the_end_of_a_month_are_its_last_day_and_noted():
    line = the_line(":61:2602300231D4,50NMSCNONREF")

    assert (line["booked_on"], line["value_on"]) == (date(2026, 2, 28), date(2026, 2, 28))
    assert line["attributes"]["value_date_written"] == "2026-02-30"
    assert line["attributes"]["entry_date_written"] == "2026-02-31"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (":61:2613070407D4,50NMSCNONREF", "calendar"),
        (":61:2604070431D4,,50NMSCNONREF", "plain amount"),
        (":61:260407D4.50NMSCNONREF", "plain amount"),
        (":61:260407D1.234,50NMSCNONREF", "plain amount"),
        (":61:260407D4,505NMSCNONREF", "more decimals than EUR"),
        (":61:2604071300D4,50NMSCNONREF", "calendar"),
        (":61:260407X4,50NMSCNONREF", "SWIFT layout"),
        (":61:260407D4,50", "SWIFT layout"),
        (":61:٢٦٠٤٠٧D4,50NMSCNONREF", "SWIFT layout"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_by_line(line, words):
    reading = read_mt940(PLAIN, line, PLAIN)

    assert reading.lines["line"].to_list() == [5, 7]
    (rejected,) = reading.rejected
    assert (rejected.line, rejected.field) == (6, "61")
    assert words in rejected.reason


def test_two_identical_lines_both_survive():
    assert read_mt940(PLAIN, ":86:x", PLAIN, ":86:x").lines["narrative"].to_list() == ["x", "x"]


class TestInformation:
    def test_numbered_german_fields_with_sepa_keywords(self):
        line = the_line(
            ":61:2604070407C4,50NTRFNONREF//B1",
            ":86:166?00GUTSCHRIFT?109310?20EREF+INV-2026-0000000000000?211?22KREF+K1",
            "?23MREF+M1?24CRED+DE98ZZZ?25SVWZ+Invoice 1 of Ap?26ril?30DEUTDEFF?31DE01",
            "?32Dora Debtor and the name go?33es on?34992?61 and more?99odd",
        )

        assert line["reference"] == "INV-2026-00000000000001"
        assert line["counterparty"] == "Dora Debtor and the name goes on"
        assert line["narrative"] == "Invoice 1 of Ap ril and more"
        assert line["attributes"] == {
            "bank_code": "166",
            "booking_text": "GUTSCHRIFT",
            "counterparty_account": "DE01",
            "counterparty_bank": "DEUTDEFF",
            "creditor_id": "DE98ZZZ",
            "customer_reference_86": "K1",
            "mandate_id": "M1",
            "primanota": "9310",
            "subfield_99": "odd",
            "text_key": "992",
            "transaction_type": "NTRF",
        }

    def test_slashes_as_dutch_banks_write_them(self):
        line = the_line(
            ":61:2604070407C4,50NTRFNONREF",
            ":86:/EREF/E1//CNTP/NL01INGB/INGBNL2A/Carl Creditor///REMI/USTD//Inv",
            "oice 1/PURP/OTHR/",
        )

        assert (line["reference"], line["counterparty"]) == ("E1", "Carl Creditor")
        assert line["narrative"] == "Invoice 1"
        assert line["attributes"]["counterparty_account"] == "NL01INGB"
        assert line["attributes"]["counterparty_bank"] == "INGBNL2A"
        assert line["attributes"]["purpose_code"] == "OTHR"

    def test_slashes_as_other_banks_write_them(self):
        line = the_line(
            PLAIN, ":86:/TRTP/SEPA/IBAN/NL01/BIC/ABNANL2A/NAME/Dora/REMI/Hello/EREF/NOTPROVIDED"
        )

        assert (line["reference"], line["counterparty"]) == ("", "Dora")
        assert line["narrative"] == "Hello"
        assert line["attributes"]["counterparty_account"] == "NL01"

    def test_slashes_without_a_remittance(self):
        line = the_line(PLAIN, ":86:/ORDP//NAME/Dora/EREF/E1")

        assert (line["narrative"], line["counterparty"]) == ("", "Dora")

    def test_the_references_of_line_and_information(self):
        line = the_line(":61:260407D4,50NTRFCUST1", ":86:/EREF/E1/REMI/x")

        assert line["reference"] == "E1"
        assert line["attributes"]["customer_reference"] == "CUST1"

    def test_text_that_looks_like_a_field_stays_text(self):
        line = the_line(PLAIN, ":86:Meeting", ":15: sharp", ":NS:22ignored")

        assert line["narrative"] == "Meeting :15: sharp"

    def test_without_information_the_supplementary_details_speak(self):
        line = the_line(PLAIN, "/ABC/DEF/MISC")

        assert line["narrative"] == "/ABC/DEF/MISC"
        assert "supplementary" not in line["attributes"]


class TestBalances:
    def test_an_overdrawn_balance_is_negative(self):
        reading = read_mt940(PLAIN, opening=":60M:C260401EUR4,", closing=":62M:D260430EUR0,50")

        (statement,) = reading.statements
        assert (statement.opening, statement.closing, statement.ties) == (40_000, -5_000, True)
        assert (statement.opened_on, statement.closed_on) == (date(2026, 4, 1), date(2026, 4, 30))

    @pytest.mark.parametrize(
        "balances",
        [
            {"opening": ":60F:C260401EUR1..0"},
            {"opening": ":60F:C260401EUR"},
            {"opening": ":60F:C261301EUR1,"},
            {"opening": ":60F:C260401XYZ1,"},
            {"opening": ":60F:C260401EUR1,005"},
            {"closing": ":62F:C260430USD1,"},
            {"closing": ":62F:X260430EUR1,"},
            {"opening": ""},
            {"closing": ""},
            {"opening": "", "closing": ""},
            {"opening": ":34F:EURO", "closing": ""},
            {"opening": ":34F:XYZ0,", "closing": ""},
        ],
    )
    def test_a_statement_without_two_sound_balances_is_refused(self, balances):
        with pytest.raises(MalformedFile) as refused:
            read_mt940(PLAIN, **balances)

        assert refused.value.line is not None

    def test_a_statement_without_account_is_refused(self):
        with pytest.raises(MalformedFile, match="account"):
            read(mt940(PLAIN).replace(b":25:", b":21:"), filename="x", format="mt940")


class TestInterimReports:
    def report(self, *lines: str):
        return read_mt940(*lines, opening=":34F:EURD0,00", closing="")

    def test_control_totals_that_agree(self):
        (statement,) = self.report(PLAIN, ":90D:1EUR4,50", ":90C:0EUR0,").statements

        assert statement.notes == ()
        assert (statement.currency, statement.ties) == ("EUR", None)

    def test_control_totals_that_do_not(self):
        (statement,) = self.report(PLAIN, ":90D:2EUR4,50", ":90C:oEUR0,").statements

        assert len(statement.notes) == 1
        assert "90D" in statement.notes[0]

    def test_expected_entries_are_pending(self):
        reading = self.report(PLAIN, ":61:260407EC7,00NTRFNONREF")

        assert reading.lines["amount"].to_list() == [-45_000]
        assert reading.pending["amount"].to_list() == [70_000]
        assert reading.statements[0].pending_count == 1
        assert reading.statements[0].notes == ("Not booked and left out: 1 entries.",)


class TestEnvelopes:
    def test_swift_blocks_headers_and_control_characters_are_no_text(self):
        one = mt940(PLAIN, end="").decode()
        content = (
            "\x01\r\n{1:F01INGBNL2AXXXX00001}\r\n{2:I940INGBNL2AXXXN}\r\n{4:\r\n"
            f"{one}-}}{{5:{{CHK:1}}}}\r\n{{1:F01}}{{4:\r\n{one}-\x03\r\n{{5:}}\r\n"
        )

        reading = read(content.encode(), filename="x.sta")

        assert len(reading.statements) == 2
        assert reading.lines["line"].to_list() == [9, 17]

    @pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
    def test_line_ends(self, line_end):
        content = mt940(PLAIN, ":86:a", "b").decode().replace("\r\n", line_end).encode()

        assert read(content, filename="x").lines["narrative"].to_list() == ["a b"]

    def test_a_message_may_end_with_its_closing_balance(self):
        content = mt940(PLAIN, end="") * 2

        assert len(read(content, filename="x").statements) == 2

    def test_a_header_may_follow_a_closing_balance(self):
        content = mt940(PLAIN, end="") + b"{1:F01}{4:\r\n" + mt940(PLAIN)

        assert len(read(content, filename="x").statements) == 2

    @pytest.mark.parametrize(
        "content",
        [
            mt940(PLAIN, closing="", end="") + mt940(PLAIN),
            mt940(PLAIN, closing="", end="") + b"{1:F01}\r\n" + mt940(PLAIN),
            mt940(PLAIN, closing="", end=""),
            mt940(PLAIN) + b"ABNANL2A\r\n940\r\n",
            mt940(PLAIN) + b"{1:F01",
            mt940(PLAIN, end="").rstrip(),
        ],
    )
    def test_a_message_that_is_not_whole_is_refused(self, content):
        with pytest.raises(MalformedFile) as refused:
            read(content, filename="x", format="mt940")

        assert refused.value.line is not None

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_encodings(self, encoding):
        content = mt940(PLAIN, ":86:Größe").decode().encode(encoding)

        reading = read(content, filename="x.sta")

        assert reading.lines["narrative"].to_list() == ["Größe"]

    def test_a_stated_encoding(self):
        mapping = FieldMapping.from_dict({"encoding": "cp850"})
        content = mt940(PLAIN, ":86:Größe").decode().encode("cp850")

        reading = read(content, filename="x", format="mt940", mapping=mapping)

        assert reading.lines["narrative"].to_list() == ["Größe"]

    def test_a_nul_is_refused(self):
        with pytest.raises(ForbiddenConstruct):
            read(mt940(PLAIN, ":86:x\x00y"), filename="x", format="mt940")


def test_a_statement_of_which_nothing_can_be_read_is_refused():
    with pytest.raises(MalformedFile, match="10000 entries"):
        read_mt940(*[":61:x"] * 10_001)


def test_a_rejected_line_shows_no_value():
    reading = read_mt940(":61:260407D12,,34NMSCSECRET")

    assert reading.rejected == (
        Rejected(5, "61", "The amount is not a plain amount; have the bank correct it."),
    )
    assert reading.statements[0].line_count == 0

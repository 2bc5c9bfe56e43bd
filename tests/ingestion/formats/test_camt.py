"""ISO 20022 statements: entries, batches, reversals, balances, and what is refused."""

from __future__ import annotations

import json
from datetime import date

import pytest

from apps.ingestion.formats import Rejected, read
from apps.ingestion.formats.errors import MalformedFile
from tests.ingestion.formats.documents import balance, camt, entry, read_camt

DETAIL = (
    "<TxDtls><Refs><AcctSvcrRef>B1</AcctSvcrRef><InstrId>I1</InstrId>"
    "<EndToEndId>E1</EndToEndId><TxId>T1</TxId><MndtId>M1</MndtId></Refs>"
    '<AmtDtls><InstdAmt><Amt Ccy="USD">12.00</Amt>'
    "<CcyXchg><XchgRate>0.9</XchgRate></CcyXchg></InstdAmt></AmtDtls>"
    "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>"
    "<Prtry><Cd>166</Cd></Prtry></BkTxCd>"
    "<RltdPties><Dbtr><Nm>Dora Debtor</Nm></Dbtr>"
    "<DbtrAcct><Id><IBAN>FR01</IBAN></Id></DbtrAcct>"
    "<Cdtr><Nm>Carl Creditor</Nm></Cdtr>"
    "<CdtrAcct><Id><Othr><Id>77</Id></Othr></Id></CdtrAcct></RltdPties>"
    "<RltdAgts><DbtrAgt><FinInstnId><BIC>DBTRFRPP</BIC></FinInstnId></DbtrAgt>"
    "<CdtrAgt><FinInstnId><BICFI>CDTRDEFF</BICFI></FinInstnId></CdtrAgt></RltdAgts>"
    "<RmtInf><Ustrd>Invoice 1</Ustrd><Ustrd>and 2</Ustrd></RmtInf></TxDtls>"
)


def part(amount: str = "", direction: str = "", reference: str = "", more: str = "") -> str:
    """A detail of a batch."""
    shown = f'<Amt Ccy="EUR">{amount}</Amt>' if amount else ""
    side = f"<CdtDbtInd>{direction}</CdtDbtInd>" if direction else ""
    refs = f"<Refs><EndToEndId>{reference}</EndToEndId>{more}</Refs>" if reference else ""
    return f"<TxDtls>{refs}{shown}{side}</TxDtls>"


def test_all_fields_of_an_incoming_payment():
    value = "<ValDt><Dt>2026-04-08</Dt></ValDt><AcctSvcrRef>S1</AcctSvcrRef>"

    reading = read_camt(entry("10.80", more=value, details=DETAIL))

    (line,) = reading.lines.to_dicts()
    attributes = json.loads(line.pop("attributes"))
    assert line == {
        "line": 4,
        "statement": 0,
        "external_id": "S1",
        "account": "DE89370400440532013000",
        "booked_on": date(2026, 4, 7),
        "value_on": date(2026, 4, 8),
        "amount": 108_000,
        "currency": "EUR",
        "reference": "E1",
        "counterparty": "Dora Debtor",
        "narrative": "Invoice 1 and 2",
    }
    assert attributes == {
        "bank_code": "PMNT/RCDT/ESCT",
        "bank_code_proprietary": "166",
        "counterparty_account": "FR01",
        "counterparty_bank": "DBTRFRPP",
        "exchange_rate": "0.9",
        "instructed_amount": "12.00",
        "instructed_currency": "USD",
        "instruction_id": "I1",
        "mandate_id": "M1",
        "servicer_reference": "B1",
        "transaction_id": "T1",
    }


def test_an_outgoing_payment_goes_to_the_creditor():
    (line,) = read_camt(entry("10.80", "DBIT", details=DETAIL)).lines.to_dicts()

    assert (line["amount"], line["counterparty"]) == (-108_000, "Carl Creditor")
    assert '"counterparty_account":"77"' in line["attributes"]
    assert '"counterparty_bank":"CDTRDEFF"' in line["attributes"]


@pytest.mark.parametrize("number", range(1, 14))
@pytest.mark.parametrize("family", ["camt.053", "camt.052", "camt.054"])
def test_every_version_is_read(family, number):
    reading = read_camt(entry(), version=f"{family}.001.{number:02d}")

    assert reading.lines["amount"].to_list() == [100_000]
    assert reading.conventions["message"] == f"{family}.001.{number:02d}"


def test_newer_versions_put_status_and_parties_one_level_deeper():
    details = "<TxDtls><RltdPties><Dbtr><Pty><Nm>Dora</Nm></Pty></Dbtr></RltdPties></TxDtls>"

    reading = read_camt(
        entry(status="<Sts><Cd>BOOK</Cd></Sts>", details=details),
        entry(status="<Sts><Cd>PDNG</Cd></Sts>"),
    )

    assert reading.lines["counterparty"].to_list() == ["Dora"]
    assert reading.pending.height == 1


@pytest.mark.parametrize("reference", ["NOTPROVIDED", "NotProvided", "NONREF"])
def test_a_reference_that_is_not_provided_is_blank(reference):
    reading = read_camt(entry(details=part(reference=reference)))

    assert reading.lines["reference"].to_list() == [""]


def test_the_creditor_reference_stands_in_for_the_end_to_end_reference():
    details = (
        "<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RmtInf><Strd>"
        "<CdtrRefInf><Ref>RF18</Ref></CdtrRefInf><AddtlRmtInf>your order</AddtlRmtInf>"
        "</Strd></RmtInf></TxDtls>"
    )

    (line,) = read_camt(entry(details=details)).lines.to_dicts()

    assert (line["reference"], line["narrative"]) == ("RF18", "your order")


@pytest.mark.parametrize(
    ("more", "details"),
    [
        ("<AddtlNtryInf>Fee</AddtlNtryInf>", ""),
        ("<AddtlNtryInf>Other</AddtlNtryInf>", "<TxDtls><AddtlTxInf>Fee</AddtlTxInf></TxDtls>"),
    ],
)
def test_the_text_of_the_bank_is_the_narrative_where_there_is_no_other(more, details):
    assert read_camt(entry(more=more, details=details)).lines["narrative"].to_list() == ["Fee"]


class TestBatches:
    def test_details_that_add_up_are_lines(self):
        reading = read_camt(
            entry("6.00", details=part("4.00", "", "A") + "\n" + part("2.00", "CRDT", "B"))
        )

        assert reading.lines.select("line", "amount", "reference").rows() == [
            (4, 40_000, "A"),
            (5, 20_000, "B"),
        ]
        assert reading.statements[0].line_count == 2

    def test_a_detail_may_go_the_other_way(self):
        reading = read_camt(
            entry("6.00", "DBIT", details=part("8.00", "DBIT") + part("2.00", "CRDT"))
        )

        assert reading.lines["amount"].to_list() == [-80_000, 20_000]

    def test_older_versions_state_the_amount_deeper(self):
        one = '<TxDtls><AmtDtls><TxAmt><Amt Ccy="EUR">3.00</Amt></TxAmt></AmtDtls></TxDtls>'

        assert read_camt(entry("6.00", details=one * 2)).lines["amount"].to_list() == [30_000] * 2

    @pytest.mark.parametrize(
        "details",
        [
            part("4.00") + part("1.00"),
            part("4.00") + part(),
            part("4.00") + part("2..00"),
            part("4.00") + part("2.00", "BOTH"),
            part("4.00") + '<TxDtls><Amt Ccy="USD">2.00</Amt></TxDtls>',
        ],
    )
    def test_details_that_do_not_add_up_stay_one_line(self, details):
        reading = read_camt(entry("6.00", details=details))

        assert reading.lines["amount"].to_list() == [60_000]
        assert json.loads(reading.lines["attributes"][0])["details"][0] == {"amount": "4.00"}
        assert reading.rejected == ()

    def test_what_all_details_share_describes_the_line(self):
        details = part("4.00", "", "A") + part("1.00", "", "A")

        assert read_camt(entry("6.00", details=details)).lines["reference"].to_list() == ["A"]

    def test_parts_have_external_ids_of_their_own(self):
        own = "<AcctSvcrRef>P2</AcctSvcrRef>"
        shared = "<AcctSvcrRef>S1</AcctSvcrRef>"
        details = part("1.00", "", "A", shared) + part("2.00", "", "B", own) + part("3.00")

        named = read_camt(entry("6.00", more="<AcctSvcrRef>S1</AcctSvcrRef>", details=details))
        nameless = read_camt(entry("3.00", details=part("1.00") + part("2.00")))

        assert named.lines["external_id"].to_list() == ["S1/1", "P2", "S1/3"]
        assert nameless.lines["external_id"].to_list() == ["", ""]


class TestReversals:
    REVERSAL = "<RvslInd>true</RvslInd>"

    def reading(self, closing: str):
        return read_camt(
            balance("OPBD", "100.00"),
            balance("CLBD", closing),
            entry("10.00"),
            entry("3.00", "DBIT", more=self.REVERSAL),
        )

    def test_the_direction_is_that_of_the_booking(self):
        reading = self.reading("107.00")

        assert reading.lines["amount"].to_list() == [100_000, -30_000]
        assert reading.statements[0].ties is True
        assert reading.statements[0].notes == ()
        assert '"is_reversal":true' in reading.lines["attributes"][1]

    def test_unless_the_balances_prove_the_original_direction(self):
        reading = self.reading("113.00")

        assert reading.lines["amount"].to_list() == [100_000, 30_000]
        (statement,) = reading.statements
        assert (statement.ties, statement.total) == (True, 130_000)
        assert "Reversals" in statement.notes[0]

    def test_balances_that_prove_neither_leave_it_and_do_not_tie(self):
        reading = self.reading("150.00")

        assert reading.lines["amount"].to_list() == [100_000, -30_000]
        assert reading.statements[0].difference == 430_000

    def test_without_balances_the_standard_holds(self):
        reading = read_camt(entry("3.00", "DBIT", more="<RvslInd>1</RvslInd>"))

        assert reading.lines["amount"].to_list() == [-30_000]


class TestBalances:
    def test_an_overdrawn_balance_is_negative_once(self):
        reading = read_camt(
            balance("OPBD", "5.00"), balance("CLBD", "5.00", "DBIT"), entry("10.00", "DBIT")
        )

        (statement,) = reading.statements
        assert (statement.opening, statement.closing, statement.ties) == (50_000, -50_000, True)

    def test_the_previous_closing_is_an_opening(self):
        reading = read_camt(balance("PRCD", "5.00"), balance("CLBD", "15.00"), entry())

        assert reading.statements[0].opening == 50_000
        assert reading.statements[0].opened_on == date(2026, 4, 7)

    def test_the_first_opening_and_the_last_closing_count(self):
        reading = read_camt(
            balance("OPBD", "5.00"),
            balance("OPBD", "7.00"),
            balance("CLBD", "9.00"),
            balance("CLBD", "15.00"),
            balance("ITAV", "x"),
            entry(),
        )

        assert reading.statements[0].ties is True

    def test_the_period_dates_a_statement_without_balances(self):
        period = "<FrToDt><FrDtTm>2026-04-01T00:00:00</FrDtTm><ToDtTm>soon</ToDtTm></FrToDt>"

        (statement,) = read_camt(period, entry()).statements

        assert (statement.opened_on, statement.closed_on) == (date(2026, 4, 1), None)

    def test_a_statement_that_states_no_currency_has_none(self):
        assert read_camt(entry("12..34")).statements[0].currency == "XXX"

    @pytest.mark.parametrize(
        "piece",
        [
            balance("ITAV", "1.00", currency="EURO"),
            "<Acct><Id><IBAN>DE01</IBAN></Id><Ccy>EURO</Ccy></Acct>",
        ],
    )
    def test_an_unknown_currency_of_an_account_refuses_the_file(self, piece):
        with pytest.raises(MalformedFile) as refused:
            read_camt(piece)

        assert (refused.value.line, refused.value.field) == (4, "Ccy")

    @pytest.mark.parametrize(
        "piece",
        [
            balance("OPBD", "-5.00", "DBIT"),
            balance("OPBD", "5..0"),
            balance("OPBD", "5.00", "BOTH"),
            balance("CLBD", "5.00").replace("2026-04-07", "7 April"),
        ],
    )
    def test_a_balance_that_cannot_be_read_refuses_the_file(self, piece):
        with pytest.raises(MalformedFile) as refused:
            read_camt(piece, entry())

        assert (refused.value.line, refused.value.field) == (4, "Bal")

    def test_a_balance_without_a_date_has_none(self):
        piece = balance("CLBD", "10.00").replace("<Dt><Dt>2026-04-07</Dt></Dt>", "")

        assert read_camt(piece).statements[0].closed_on is None

    def test_the_statement_counts_its_entries(self):
        summary = (
            "<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries>"
            "<TtlCdtNtries><NbOfNtries>01</NbOfNtries></TtlCdtNtries>"
            "<TtlDbtNtries><NbOfNtries>0</NbOfNtries></TtlDbtNtries></TxsSummry>"
        )

        right = read_camt(summary.replace(">2<", ">1<"), entry())
        wrong = read_camt(summary, entry())

        assert right.statements[0].notes == ()
        (note,) = wrong.statements[0].notes
        assert "TtlNtries" in note


class TestRejectedEntries:
    @pytest.mark.parametrize(
        ("piece", "field", "words"),
        [
            (entry("12..34"), "Amt", "plain amount"),
            (entry("-5.00"), "Amt", "plain amount"),
            (entry(""), "Amt", "plain amount"),
            (entry("1e3"), "Amt", "plain amount"),
            (entry("1.005"), "Amt", "more decimals than EUR"),
            (entry("5.50", currency="JPY"), "Amt", "more decimals than JPY"),
            (entry("5.0005", currency="KWD"), "Amt", "more decimals than KWD"),
            (entry(currency="XYZ"), "Amt", "ISO 4217"),
            (entry(direction="BOTH"), "CdtDbtInd", "neither"),
            (entry(status=""), "Sts", "no status"),
            (entry(booked=""), "BookgDt", "no date"),
            (entry(booked="<BookgDt><Dt>2026-02-30</Dt></BookgDt>"), "BookgDt", "calendar"),
            (entry(more="<ValDt><Dt>soon</Dt></ValDt>"), "ValDt", "not a date"),
            (entry(currency="USD"), "Ccy", "another currency"),
        ],
    )
    def test_an_entry_that_cannot_be_read_is_rejected_by_line(self, piece, field, words):
        reading = read_camt(balance("CLBD", "1.00"), entry(), piece, entry())

        assert reading.lines["line"].to_list() == [5, 7]
        ((line, found, reason),) = [(one.line, one.field, one.reason) for one in reading.rejected]
        assert (line, found) == (6, field)
        assert words in reason

    def test_amounts_follow_the_decimals_of_the_currency(self):
        account = "<Acct><Id><Othr><Id>1</Id></Othr></Id><Ccy>{}</Ccy></Acct>"

        for currency, amount in (("JPY", "500"), ("KWD", "0.005"), ("EUR", "1.2000")):
            reading = read_camt(entry(amount, currency=currency), account=account.format(currency))
            assert reading.rejected == ()
            assert reading.statements[0].currency == currency

    def test_the_value_date_books_where_there_is_no_booking_date(self):
        piece = entry(booked="", more="<ValDt><DtTm>2026-04-08T23:00:00-11:00</DtTm></ValDt>")

        assert read_camt(piece).lines["booked_on"].to_list() == [date(2026, 4, 8)]

    def test_pending_entries_are_held_apart(self):
        reading = read_camt(entry(), entry("5.00", status="<Sts>INFO</Sts>"))

        assert reading.pending["amount"].to_list() == [50_000]
        assert reading.statements[0].total == 100_000


def test_a_statement_of_which_nothing_can_be_read_is_refused():
    with pytest.raises(MalformedFile, match="10000 entries"):
        read_camt("<Ntry/>" * 10_001)


def test_two_identical_entries_in_a_file_without_line_ends_both_survive():
    content = camt(entry(), entry()).replace(b"\n", b"")

    reading = read(content, filename="x.xml")

    assert reading.lines.select("line", "amount").rows() == [(1, 100_000), (2, 100_000)]
    assert reading.conventions["numbering"] == "by entry"


def test_lines_beyond_65535_are_numbered():
    reading = read_camt("\n" * 70_000, entry("12..34"))

    assert reading.rejected == (
        Rejected(70_005, "Amt", "The amount is not a plain amount; have the bank correct it."),
    )


def test_a_statement_without_entries_ties_if_nothing_moved():
    (statement,) = read_camt(balance("OPBD", "5.00"), balance("CLBD", "5.00")).statements

    assert (statement.line_count, statement.ties) == (0, True)


def test_interest_periods_and_other_namesakes_are_not_the_statement():
    stray = "<Intrst><FrToDt><FrDtTm>2020-01-01</FrDtTm></FrToDt></Intrst>"

    assert read_camt(stray, entry()).statements[0].opened_on is None

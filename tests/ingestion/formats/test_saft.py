"""SAF-T ledgers: debit positive, a statement per account, totals of the file compared."""

from __future__ import annotations

import json
from datetime import date

import pytest

from apps.ingestion.formats import ControlTotal, Reading, Rejected, identify, read
from apps.ingestion.formats.errors import ForbiddenConstruct, MalformedFile
from tests.ingestion.formats.documents import sample

HEADER = "<Header><DefaultCurrencyCode>EUR</DefaultCurrencyCode></Header>"


def side(amount: str, name: str = "Debit") -> str:
    return f"<{name}Amount><Amount>{amount}</Amount></{name}Amount>"


def line(inside: str = "", account: str = "10", name: str = "Line") -> str:
    return f"<{name}><AccountID>{account}</AccountID>{inside or side('5.00')}</{name}>"


def transaction(*lines: str, head: str = "<GLPostingDate>2026-04-07</GLPostingDate>") -> str:
    return f"<Transaction>{head}\n" + "\n".join(lines) + "\n</Transaction>"


def saft(*transactions: str, header: str = HEADER, accounts: str = "", totals: str = "") -> bytes:
    body = "".join(transactions)
    return (
        f'<AuditFile xmlns="urn:any">{header}<MasterFiles><GeneralLedgerAccounts>{accounts}'
        f"</GeneralLedgerAccounts></MasterFiles><GeneralLedgerEntries>{totals}<Journal>"
        f"<JournalID>J</JournalID>\n{body}</Journal></GeneralLedgerEntries></AuditFile>"
    ).encode()


def read_saft(*transactions: str, **how: str) -> Reading:
    return read(saft(*transactions, **how), filename="x", format="saft")


def test_all_fields_of_a_norwegian_line():
    reading = read(sample("saft/own_no_1.30.xml"), filename="x.xml")

    first = reading.lines.to_dicts()[0]
    assert json.loads(first.pop("attributes")) == {
        "currency": "EUR",
        "currency_amount": "110.00",
        "document_date": "2026-04-05",
        "journal": "GL",
        "party_id": "C1",
        "period": "4",
    }
    assert first == {
        "line": 37,
        "statement": 0,
        "external_id": "GL/T1/1",
        "account": "1500",
        "booked_on": date(2026, 4, 7),
        "value_on": None,
        "amount": 12_500_000,
        "currency": "NOK",
        "reference": "INV-7",
        "counterparty": "Ola Nordmann",
        "narrative": "Invoice 7",
    }
    assert reading.conventions == {"sign": "debits are positive"}
    assert reading.lines["value_on"].to_list()[3] == date(2026, 5, 2)
    last = reading.statements[-1]
    assert (last.opened_on, last.closed_on) == (date(2026, 4, 1), date(2026, 4, 30))
    assert last.control_totals == (
        ControlTotal("NumberOfEntries", 2, 2, is_count=True),
        ControlTotal("TotalDebit", 18_505_000, 18_505_000),
        ControlTotal("TotalCredit", 18_505_000, 18_505_000),
    )


def test_a_portuguese_file_with_a_line_that_is_lost_says_so_thrice():
    reading = read(sample("saft/own_pt_1.04.xml"), filename="x.xml")

    assert reading.lines.select("account", "amount", "reference", "counterparty").rows() == [
        ("6221", 120_000, "17", "Café São João, Lda"),
        ("1201", -123_500, "17", "Café São João, Lda"),
    ]
    assert reading.rejected == (Rejected(23, "AccountID", "The line has no account."),)
    assert [(one.account, one.ties) for one in reading.statements] == [
        ("6221", True),
        ("1201", True),
        ("6222", False),
    ]
    assert reading.statements[-1].notes == (
        "The control total TotalDebit announces 12.35 where the file holds 12.00.",
        "Transactions whose debits and credits differ: 1.",
    )


@pytest.mark.parametrize("name", ["Line", "TransactionLine"])
def test_lines_as_different_countries_call_them(name):
    reading = read_saft(transaction(line(name=name)))

    assert reading.lines["amount"].to_list() == [50_000]


@pytest.mark.parametrize(
    ("inside", "units"),
    [
        (side("5.00"), 50_000),
        (side("5.00", "Credit"), -50_000),
        ("<DebitAmount>5.00</DebitAmount>", 50_000),
        ("<CreditAmount>5.00</CreditAmount>", -50_000),
        (side("-5"), -50_000),
        (side("-5", "Credit"), 50_000),
        (side("0") + side("5", "Credit"), -50_000),
        (side("0.00"), 0),
    ],
)
def test_debits_are_positive(inside, units):
    assert read_saft(transaction(line(inside))).lines["amount"].to_list() == [units]


@pytest.mark.parametrize(
    ("head", "day"),
    [
        ("<TransactionDate>2026-04-05</TransactionDate>", date(2026, 4, 5)),
        (
            "<TransactionDate>2026-04-05</TransactionDate>"
            "<GLPostingDate>2026-04-07T23:59:59-11:00</GLPostingDate>",
            date(2026, 4, 7),
        ),
    ],
)
def test_the_posting_date_books(head, day):
    reading = read_saft(transaction(line(), head=head))

    assert reading.lines["booked_on"].to_list() == [day]


def test_what_the_transaction_says_holds_for_lines_that_say_nothing():
    head = (
        "<TransactionID>T</TransactionID><GLPostingDate>2026-04-07</GLPostingDate>"
        "<Description>All</Description><SourceDocumentID>D</SourceDocumentID>"
    )

    (row,) = read_saft(transaction(line(), head=head)).lines.to_dicts()

    assert (row["external_id"], row["reference"], row["narrative"]) == ("J/T", "D", "All")


@pytest.mark.parametrize(
    ("piece", "field", "words"),
    [
        (line(side("5..0")), "Amount", "plain amount"),
        (line(side("5,00")), "Amount", "plain amount"),
        (line(side("5.005")), "Amount", "more decimals than EUR"),
        (line("<DebitAmount/>"), "Amount", "neither"),
        (line("<Description>x</Description>"), "Amount", "neither"),
        (line(side("5") + side("5", "Credit")), "Amount", "both"),
        (line(account=""), "AccountID", "no account"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_by_line(piece, field, words):
    reading = read_saft(transaction(line(), piece, line()))

    assert reading.lines["line"].to_list() == [3, 5]
    ((number, found, reason),) = [(one.line, one.field, one.reason) for one in reading.rejected]
    assert (number, found) == (4, field)
    assert words in reason


@pytest.mark.parametrize("head", ["", "<GLPostingDate>2026-02-30</GLPostingDate>"])
def test_a_transaction_without_a_date_rejects_its_lines(head):
    reading = read_saft(transaction(line(), line(), head=head))

    assert [(one.line, one.field) for one in reading.rejected] == [
        (3, "GLPostingDate"),
        (4, "GLPostingDate"),
    ]


class TestControlTotals:
    def totals(self, entries: str, debit: str = "5.00", credit: str = "5.00") -> list[str]:
        told = (
            f"<NumberOfEntries>{entries}</NumberOfEntries><TotalDebit>{debit}</TotalDebit>"
            f"<TotalCredit>{credit}</TotalCredit>"
        )
        pair = transaction(line(), line(side("5", "Credit"), "20"))
        statements = read_saft(pair, totals=told).statements
        assert all(one.control_totals == () for one in statements[:-1])
        return [total.name for total in statements[-1].control_totals if not total.agrees]

    @pytest.mark.parametrize("entries", ["1", "2", "many", ""])
    def test_entries_are_transactions_or_lines(self, entries):
        assert self.totals(entries) == []

    def test_what_does_not_agree_is_reported(self):
        assert self.totals("3", "5.01", "-5") == ["NumberOfEntries", "TotalDebit", "TotalCredit"]

    def test_a_total_that_is_no_amount_refuses_the_file(self):
        with pytest.raises(MalformedFile) as refused:
            self.totals("1", "5..0")

        assert refused.value.field == "TotalDebit"

    def test_transactions_that_do_not_balance_are_counted(self):
        (statement,) = read_saft(transaction(line()), transaction(line(side("0")))).statements

        assert statement.notes == ("Transactions whose debits and credits differ: 1.",)


class TestBalances:
    def account(self, inside: str) -> str:
        return f"<Account><AccountID>10</AccountID>{inside}</Account>"

    @pytest.mark.parametrize(
        ("inside", "opening", "closing"),
        [
            ("", None, None),
            ("<OpeningDebitBalance>2</OpeningDebitBalance>", 20_000, None),
            ("<ClosingCreditBalance>2.5</ClosingCreditBalance>", None, -25_000),
            (
                "<OpeningDebitBalance>-1</OpeningDebitBalance>"
                "<OpeningCreditBalance>0.00</OpeningCreditBalance>",
                -10_000,
                None,
            ),
        ],
    )
    def test_debit_balances_are_positive(self, inside, opening, closing):
        (statement,) = read_saft(transaction(line()), accounts=self.account(inside)).statements

        assert (statement.opening, statement.closing) == (opening, closing)

    def test_a_balance_that_cannot_be_read_refuses_the_file(self):
        broken = self.account("<OpeningDebitBalance>2..0</OpeningDebitBalance>")

        with pytest.raises(MalformedFile) as refused:
            read_saft(transaction(line()), accounts=broken)

        assert refused.value.field == "Account"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (saft(transaction(line()), header=""), "before its header"),
        (saft(header="<Header/>"), "currency"),
        (saft(header=HEADER.replace("EUR", "EURO")), "currency"),
        (saft().replace(b"GeneralLedgerEntries", b"Other"), "no general ledger"),
        (saft().replace(b"AuditFile", b"Other"), "another kind"),
        (saft()[:-5], "cut off"),
    ],
)
def test_what_cannot_be_trusted_is_refused(content, words):
    with pytest.raises(MalformedFile, match=words):
        read(content, filename="x", format="saft")


def test_a_document_type_is_refused():
    with pytest.raises(ForbiddenConstruct):
        read(b"<!DOCTYPE AuditFile>" + saft(), filename="x", format="saft")


def test_a_ledger_without_entries_is_an_empty_reading():
    reading = read_saft(totals="<NumberOfEntries>0</NumberOfEntries>")

    assert (reading.lines.height, reading.statements) == (0, ())


def test_invoices_beside_the_ledger_are_passed_over_in_bounded_memory():
    invoice = b"<Invoice>" + (b"<Line>" + b"x" * 1000 + b"</Line>") * 14 + b"</Invoice>"
    parts = b"<SourceDocuments><SalesInvoices>%s</SalesInvoices></SourceDocuments></AuditFile>"
    content = saft(transaction(line())).replace(b"</AuditFile>", parts % (invoice * 400))

    assert read(content, filename="x").lines.height == 1


def test_a_file_of_which_nothing_can_be_read_is_refused():
    with pytest.raises(MalformedFile, match="10000 entries"):
        read_saft(transaction(*[line(account="")] * 10_001))


@pytest.mark.parametrize(
    "head", [b"<AuditFile>", b'<?xml version="1.0"?>\n<n1:AuditFile xmlns:n1="urn:x">']
)
def test_a_ledger_is_known_by_its_root(head):
    assert identify(head, "x.csv").name == "saft"

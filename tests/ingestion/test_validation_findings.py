"""Whether the files of a period are whole, and how a finding is settled."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

import pytest

from apps.ingestion.models import Source
from apps.ingestion.selectors import Finding, validation_findings
from tests.ingestion.conftest import ACCOUNT, ANNA, BERT, BROKEN, CORA, MAPPING, statement, table

APRIL = {"starts_on": date(2023, 4, 1), "ends_on": date(2023, 4, 30)}


def findings(*sources: Source, **days: date) -> list[tuple[str, bool]]:
    found = validation_findings(source_ids=[source.pk for source in sources], **(days or APRIL))
    return [(finding.problem, finding.is_blocking) for finding in found]


def march(*movements: str, closing: str = "C100,00", account: str = ACCOUNT) -> str:
    return statement(
        *movements,
        account=account,
        opened="230228",
        opening="C80,00",
        closed="230331",
        closing=closing,
    )


@pytest.fixture
def books(bank: Source, bring: Any) -> Source:
    """The bank source with March in it, closing with 100.00."""
    bring(bank, march("230331C20,00NTRFX"))
    return bank


def test_whole_files_leave_nothing_to_say(books: Source, sales: Source, bring: Any) -> None:
    bring(books, statement("230407C10,00NTRFINV-1", closing="C110,00"))
    bring(sales, table(ANNA))
    assert findings(books, sales) == []


def test_a_source_without_a_file_is_a_finding(books: Source, sales: Source, bring: Any) -> None:
    bring(books, statement())
    found = validation_findings(source_ids=[books.pk, sales.pk], **APRIL)
    assert found == [Finding("Sales", "", "no file covers this period")]


def test_a_statement_without_movements_is_a_file(books: Source, bring: Any) -> None:
    bring(books, statement())
    assert findings(books) == []


def test_a_statement_that_does_not_tie_blocks(books: Source, bring: Any) -> None:
    batch = bring(books, statement("230407C10,00NTRFINV-1", closing="C111,00"), "april.sta").batch
    (found,) = validation_findings(source_ids=[books.pk], **APRIL)
    assert found == Finding(
        "Bank",
        "april.sta",
        "opening + movements differ from closing by 1.00 EUR",
        is_blocking=True,
        batch_id=batch.pk,
    )


def test_a_gap_between_statements_blocks(books: Source, bring: Any) -> None:
    bring(books, statement(opening="C99,00", closing="C99,00"))
    assert findings(books) == [
        ("opens with 99.00 EUR, but the statement before it closed with 100.00", True)
    ]


def test_rejected_lines_block(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA, BROKEN))
    assert findings(sales) == [("1 line was rejected", True)]
    bring(sales, table(CORA, BROKEN, BROKEN))
    assert ("2 lines were rejected", True) in findings(sales)


def test_notes_are_worth_a_look_and_block_nothing(books: Source, bring: Any) -> None:
    bring(
        books,
        statement("230407C10,00NTRFINV-1", closing="C110,00").replace(
            ":62F", ":90C:2EUR10,00\r\n:62F"
        ),
    )
    assert findings(books) == [
        ("The control total 90C number announces 2 where the file holds 1.", False)
    ]


def test_other_periods_are_not_looked_at(books: Source, sales: Source, bring: Any) -> None:
    bring(sales, table(BROKEN, ANNA))
    bring(books, statement(opening="C99,00", closing="C99,00"))
    assert findings(books, starts_on=date(2023, 3, 1), ends_on=date(2023, 3, 31)) == []


class TestSettledByACorrectedFile:
    def test_rejected_lines(self, sales: Source, bring: Any) -> None:
        bring(sales, table(ANNA, BROKEN, CORA))
        bring(sales, table(ANNA, BROKEN.replace("seven", "7.00"), CORA))
        assert findings(sales) == []

    def test_rejected_lines_are_not_settled_by_a_part(self, sales: Source, bring: Any) -> None:
        bring(sales, table(ANNA, BROKEN, CORA))
        bring(sales, table(BERT))
        assert findings(sales) == [("1 line was rejected", True)]

    def test_rejected_lines_read_again(self, define: Any, bring: Any, connie: Any) -> None:
        from apps.ingestion.services import change_mapping

        source = define("sales", format="csv", mapping={**MAPPING, "date_format": "%d-%m-%Y"})
        content = table(ANNA, BERT)
        bring(source, content)
        change_mapping(source_id=source.pk, mapping=MAPPING, actor=connie)
        bring(source, content)
        assert findings(source) == []

    def test_a_statement_that_did_not_tie(self, books: Source, bring: Any) -> None:
        bring(books, statement("230407C10,00NTRFINV-1", closing="C111,00"))
        bring(books, statement("230407C10,00NTRFINV-1", closing="C110,00"))
        assert findings(books) == []

    def test_the_same_statement_sent_twice_is_continuous(self, books: Source, bring: Any) -> None:
        april = statement("230407C10,00NTRFINV-1", closing="C110,00")
        bring(books, april)
        bring(books, april.replace("START", "AGAIN"))
        may = statement(opened="230430", opening="C110,00", closed="230531", closing="C110,00")
        bring(books, may)
        assert findings(books, starts_on=date(2023, 4, 1), ends_on=date(2023, 5, 31)) == []

    def test_a_gap(self, books: Source, bring: Any) -> None:
        bring(books, statement(opening="C99,00", closing="C99,00"))
        bring(books, statement())
        assert findings(books) == []


def test_statements_of_two_accounts_continue_each_their_own(define: Any, bring: Any) -> None:
    bank = define("both", format="mt940")
    other = "NL02ABNA0123456789"
    bring(bank, march() + march(closing="C80,00", account=other))
    bring(bank, statement() + statement(account=other, opening="C79,00", closing="C79,00"))
    assert [problem for problem, _ in findings(bank)] == [
        "opens with 79.00 EUR, but the statement before it closed with 80.00"
    ]


def test_accounts_with_the_same_ending_are_not_confused(define: Any, bring: Any) -> None:
    bank = define("both", format="mt940")
    bring(bank, march(closing="C80,00"))
    bring(bank, statement(account="NL02ABNA0000000200"))
    assert findings(bank) == []


def test_several_statements_of_one_day_continue_each_other(bank: Source, bring: Any) -> None:
    days = {"opened": "230403", "closed": "230403"}
    bring(bank, statement(opened="230402", closed="230402"))
    bring(bank, statement("230403C10,00NTRFA", closing="C110,00", **days))
    bring(bank, statement("230403C5,00NTRFB", opening="C110,00", closing="C115,00", **days))
    bring(
        bank,
        statement(opened="230404", opening="C115,00", closed="230404", closing="C115,00"),
    )
    assert findings(bank) == []


class TestTheNextStatementOfADaySettlesNothing:
    DAY: ClassVar = {"opened": "230403", "closed": "230403"}
    NEXT: ClassVar = {"opening": "C110,00", "closing": "C115,00", **DAY}

    def test_of_one_that_does_not_tie(self, bank: Source, bring: Any) -> None:
        bring(bank, statement("230403C9,00NTRFA", closing="C110,00", **self.DAY))
        bring(bank, statement("230403C5,00NTRFB", **self.NEXT))
        assert findings(bank) == [("opening + movements differ from closing by 1.00 EUR", True)]

    def test_of_one_with_a_rejected_line(self, bank: Source, bring: Any) -> None:
        broken = statement("230403C10,00NTRFA", "230433C1,00NTRFX", closing="C110,00", **self.DAY)
        bring(bank, broken)
        bring(bank, statement("230403C5,00NTRFB", **self.NEXT))
        assert findings(bank) == [("1 line was rejected", True)]

    def test_nor_does_it_stand_before_the_first(self, bank: Source, bring: Any) -> None:
        bring(bank, statement("230403C10,00NTRFA", closing="C110,00", **self.DAY))
        bring(bank, statement("230403C5,00NTRFB", **self.NEXT))
        bring(bank, statement(**{**self.DAY, "opening": "C115,00", "closing": "C115,00"}))
        assert findings(bank) == []
        bring(bank, statement(**{**self.DAY, "opening": "C117,00", "closing": "C117,00"}))
        assert findings(bank) == [
            (
                "opens with 117.00 EUR, but the statement before it closed with 110.00 or 115.00",
                True,
            )
        ]

    def test_of_one_that_is_sent_again_with_it(self, bank: Source, bring: Any) -> None:
        first = statement("230403C9,00NTRFA", closing="C110,00", **self.DAY)
        second = statement("230403C5,00NTRFB", **self.NEXT)
        bring(bank, statement("230403C9,00NTRFA", "230433C1,00NTRFX", **self.DAY) + second)
        bring(bank, first.replace("C9,00", "C10,00") + second)
        assert findings(bank) == []

    def test_but_a_statement_without_movements_may_get_some(self, bank: Source, bring: Any) -> None:
        bring(bank, statement("230403C9,00NTRFA", **self.DAY))
        bring(bank, statement("230403C9,00NTRFA", closing="C109,00", **self.DAY))
        assert findings(bank) == []


def test_a_statement_whose_account_changed_keys_is_still_known(
    bank: Source, bring: Any, settings: Any
) -> None:
    """A new key in front of the ring must not break the chain."""
    bring(bank, march(closing="C80,00"))
    settings.FINFLOW_KEY_RING = "2:" + "B" * 43 + "=," + settings.FINFLOW_KEY_RING
    bring(bank, statement())
    assert findings(bank) == [
        ("opens with 100.00 EUR, but the statement before it closed with 80.00", True)
    ]


def test_a_table_with_a_running_balance_is_checked_too(define: Any, bring: Any) -> None:
    columns = {"booked_on": "date", "amount": "amount", "balance": "left"}
    card = define(
        "card",
        format="csv",
        mapping={"columns": columns, "constants": {"currency": "EUR"}, "decimal": "."},
    )
    bring(card, "date,amount,left\n2023-03-30,10.00,110.00\n")
    bring(card, "date,amount,left\n2023-04-03,5.00,120.00\n")
    assert findings(card) == [
        ("opens with 115.00 EUR, but the statement before it closed with 110.00", True)
    ]


def test_a_statement_without_opening_continues_nothing(define: Any, bring: Any) -> None:
    bank = define("interim", format="mt940")
    bring(bank, march())
    report = [":20:X", ":25:NL91HRBR0417230200", ":28C:1", ":34F:EUR0,00", ":61:230407C1,00NTRFA"]
    bring(bank, "\r\n".join([*report, ":90C:2EUR1,00", "-"]) + "\r\n")
    assert [is_blocking for _, is_blocking in findings(bank)] == [False]

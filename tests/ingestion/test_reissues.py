"""Banks that count their references anew: nothing is lost, and a statement issued again amends."""

from __future__ import annotations

from typing import Any

import pytest

from apps.ingestion.models import Amendment, Source
from apps.ingestion.selectors import records_frame
from tests.ingestion.conftest import ACCOUNT, statement
from tests.ingestion.formats.documents import balance, camt, entry

DAY = {"opened": "230405", "closed": "230405"}
FIRST = ("230405C40,00NTRFINV-1//0001", "230405C10,00NTRFINV-2//0002")


def page(*movements: str, opening: str, closing: str) -> str:
    """A statement of 5 April."""
    return statement(*movements, opening=opening, closing=closing, **DAY)


ONE = page(*FIRST, opening="C100,00", closing="C150,00")
TWO = page("230405D30,00NTRFBILL-1//0001", opening="C150,00", closing="C120,00")
THREE = page(
    "230405C1,00NTRFINV-3//0001",
    "230405C2,00NTRFINV-4//0002",
    "230405C3,00NTRFINV-5//0003",
    opening="C120,00",
    closing="C126,00",
)


def standing(source: Source) -> list[int]:
    """The amounts that stand, in whole units."""
    return sorted(records_frame(source_ids=[source.pk])["amount"] // 10_000)


@pytest.mark.parametrize(
    "files", [(ONE, TWO, THREE), (THREE, TWO, ONE), (ONE, THREE, TWO), (TWO, ONE, THREE)]
)
def test_statements_of_a_day_that_count_anew_lose_no_line(
    files: tuple[str, ...], bank: Source, bring: Any
) -> None:
    for content in files:
        assert bring(bank, content).batch.amended_count == 0

    assert standing(bank) == [-30, 1, 2, 3, 10, 40]


REISSUES: list[Any] = [
    pytest.param(
        page(FIRST[0], FIRST[1].replace("INV-2", "INV-22"), opening="C100,00", closing="C150,00"),
        [10, 40],
        id="another text",
    ),
    pytest.param(
        page(FIRST[0], FIRST[1].replace("10,00", "11,00"), opening="C100,00", closing="C151,00"),
        [11, 40],
        id="another amount",
    ),
    pytest.param(
        page(FIRST[0], FIRST[1].replace("10,00", "11,00"), opening="C99,00", closing="C150,00"),
        [11, 40],
        id="another amount and another opening balance",
    ),
]


@pytest.mark.parametrize(("content", "amounts"), REISSUES)
def test_a_statement_issued_again_amends(
    content: str, amounts: list[int], bank: Source, bring: Any
) -> None:
    bring(bank, ONE)

    assert bring(bank, content).batch.amended_count == 1
    assert standing(bank) == amounts


IN_DOUBT: list[Any] = [
    pytest.param(
        page(FIRST[0], FIRST[1].replace("10,00", "11,00"), opening="C100,00", closing="C150,00"),
        id="it does not tie",
    ),
    pytest.param(
        page(FIRST[0].replace("INV-1", "INV-9"), opening="C500,00", closing="C540,00"),
        id="it has other balances",
    ),
]


@pytest.mark.parametrize("content", IN_DOUBT)
def test_where_it_is_not_beyond_doubt_lines_stand_side_by_side(
    content: str, bank: Source, bring: Any
) -> None:
    first = bring(bank, ONE).batch
    second = bring(bank, content).batch

    assert second.amended_count == 0
    assert len(standing(bank)) == first.added_count + second.added_count == 3


def test_lines_that_add_up_to_nothing_leave_it_open(bank: Source, bring: Any) -> None:
    nothing = ("230405C10,00NTRFINV-1//0001", "230405D10,00NTRFINV-1//0002")
    bring(bank, page(*nothing, opening="C100,00", closing="C100,00"))
    others = [one.replace("INV-1", "INV-2") for one in nothing]

    batch = bring(bank, page(*others, opening="C100,00", closing="C100,00")).batch

    assert batch.amended_count == 0
    assert standing(bank) == [-10, -10, 10, 10]


def test_a_line_booked_outside_its_statement_is_found_again(bank: Source, bring: Any) -> None:
    late = FIRST[0]
    days = {"opened": "230406", "closed": "230406", "opening": "C100,00", "closing": "C140,00"}
    bring(bank, statement(late, **days))

    assert bring(bank, statement(late.replace("INV-1", "INV-9"), **days)).batch.amended_count == 1


def test_each_statement_of_a_file_is_looked_at_for_itself(bank: Source, bring: Any) -> None:
    """The first is issued again, the second follows what is known."""
    bring(bank, ONE)
    again = ONE.replace("INV-2//0002", "INV-22//0002")
    other = TWO.replace("//0001", "//0009")

    assert bring(bank, again + other).batch.amended_count == 1
    assert standing(bank) == [-30, 10, 40]


def test_the_statement_of_a_day_is_told_from_the_next_one_in_its_file(
    bank: Source, bring: Any
) -> None:
    """Both opening balances are dated on the evening before."""
    fourth, fifth = (
        {"opened": "230403", "opening": "C100,00", "closed": "230404", "closing": "C140,00"},
        {"opened": "230404", "opening": "C140,00", "closed": "230405", "closing": "C150,00"},
    )
    line = "230404C40,00NTRFINV-1//0001"
    bring(bank, statement(line, **fourth) + statement("230405C10,00NTRFINV-2//0001", **fifth))

    batch = bring(bank, statement(line.replace("INV-1", "INV-9"), **fourth)).batch

    assert batch.amended_count == 1
    assert standing(bank) == [10, 40]


@pytest.fixture
def notices(define: Any) -> Source:
    return define("notices", format="camt")


def notice(reference: str, name: str, *balances: str) -> bytes:
    """Notifications have no balances."""
    own = f"{reference}<AddtlNtryInf>{name}</AddtlNtryInf>"
    return camt(*balances, entry("10.00").replace("</Ntry>", f"{own}</Ntry>"))


NOTICES: list[Any] = [
    ("<NtryRef>1</NtryRef>", 0),
    ("<AcctSvcrRef>B-77</AcctSvcrRef>", 1),
    ("<NtryRef>1</NtryRef><AcctSvcrRef>B-77</AcctSvcrRef>", 1),
    ("<NtryRef>B-77</NtryRef><AcctSvcrRef>B-77</AcctSvcrRef>", 1),
]


@pytest.mark.parametrize(("reference", "amended"), NOTICES)
def test_the_number_of_an_entry_is_no_reference_of_the_bank(
    reference: str, amended: int, notices: Source, bring: Any
) -> None:
    bring(notices, notice(reference, "Card"))

    assert bring(notices, notice(reference, "Fee")).batch.amended_count == amended
    assert len(standing(notices)) == 2 - amended


def test_a_camt_statement_issued_again_amends_by_the_number_of_its_entries(
    notices: Source, bring: Any
) -> None:
    balances = (balance("OPBD", "100.00"), balance("CLBD", "110.00"))
    for name in ("Card", "Fee"):
        bring(notices, notice("<NtryRef>1</NtryRef>", name, *balances))

    assert Amendment.objects.count() == 1
    assert standing(notices) == [10]


def test_bai2_counts_anew_too(define: Any, bring: Any) -> None:
    source = define("us", format="bai2")

    def report(opening: str, closing: str, amount: str, text: str) -> str:
        total = int(opening) + int(closing) + int(amount)
        return (
            f"01,BANK,{ACCOUNT},230405,0600,1,80,1,2/\n"
            f"02,{ACCOUNT},BANK,1,230405,0600,EUR,2/\n"
            f"03,{ACCOUNT},EUR,010,{opening},,,015,{closing},,/\n"
            f"16,195,{amount},Z,0001,,{text}\n"
            f"49,{total},3/\n98,{total},1,5/\n99,{total},1,7/\n"
        )

    bring(source, report("10000", "15000", "5000", "ONE"))
    assert bring(source, report("15000", "18000", "3000", "TWO")).batch.amended_count == 0
    assert standing(source) == [30, 50]

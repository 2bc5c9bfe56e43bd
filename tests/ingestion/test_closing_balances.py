"""What accounts close with, by their statements."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.ingestion.models import Batch, Source
from apps.ingestion.selectors import balanced_statements, closing_balances
from tests.ingestion.conftest import ACCOUNT, statement

OTHER = "NL02ABNA0123456789"
DAY = {"opened": "230430", "closed": "230430"}


@pytest.fixture
def both(define: Any, bring: Any) -> Source:
    source = define("both", format="mt940")
    bring(source, statement() + statement(account=OTHER, opening="C5007,00", closing="C5007,00"))
    return source


def closings(source: Source, *accounts: str) -> dict[str, Decimal]:
    batches = Batch.objects.filter(source=source).order_by("pk")
    return closing_balances(
        [facts for batch in batches for facts in balanced_statements(batch)], accounts
    )


@pytest.mark.parametrize(
    ("accounts", "amount"),
    [([ACCOUNT], 100), ([OTHER], 5007), ([ACCOUNT, OTHER, OTHER], 5107), ([], 5107)],
)
def test_each_account_has_its_own(accounts: list[str], amount: int, both: Source) -> None:
    assert closings(both, *accounts) == {"EUR": amount}


@pytest.mark.parametrize("accounts", [["NL55XXXX"], [ACCOUNT, "NL55XXXX"]])
def test_a_part_is_no_balance(accounts: list[str], both: Source) -> None:
    assert closings(both, *accounts) == {}


def test_without_statements_there_is_none() -> None:
    assert closing_balances([]) == {}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_one_day_the_last_in_the_chain_counts(
    order: tuple[int, ...], bank: Source, bring: Any
) -> None:
    pages = [
        statement(opening="C100,00", closing="C110,00", **DAY),
        statement(opening="C110,00", closing="C90,00", **DAY),
        statement(opening="C90,00", closing="C95,00", **DAY),
    ]
    for number in order:
        bring(bank, pages[number])
    assert closings(bank) == {"EUR": Decimal("95.00")}


def test_a_statement_issued_again_counts_as_it_came_last(bank: Source, bring: Any) -> None:
    for closing in ("C110,00", "C120,00"):
        bring(bank, statement(opening="C100,00", closing=closing, **DAY))
    assert closings(bank) == {"EUR": Decimal("120.00")}


def test_statements_that_lead_round_leave_the_last_that_came(bank: Source, bring: Any) -> None:
    for opening, closing in (("C1,00", "C2,00"), ("C2,00", "C1,00")):
        bring(bank, statement(opening=opening, closing=closing, **DAY))
    assert closings(bank) == {"EUR": Decimal("1.00")}

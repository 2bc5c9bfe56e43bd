"""Journal entries proposed for what a reconciliation found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.ledger.errors import AccountUnknown, PeriodMissing
from apps.ledger.models import JournalEntry
from apps.reconciliation.errors import MatchTypeInvalid, RunNotCompleted, RunSuperseded
from apps.reconciliation.models import MatchType, Run
from apps.reconciliation.services import (
    define_match_type,
    execute_run,
    propose_adjustment,
    start_run,
)
from tests.reconciliation.conftest import APRIL, RULES, Pair

Propose = Callable[..., JournalEntry | None]


@pytest.fixture
def propose(books: Any, alice: User) -> Propose:
    def make(run: Run, **changes: Any) -> JournalEntry | None:
        asked: dict[str, Any] = {
            "run_id": run.pk,
            "cause": "fee",
            "expense_account": "5400",
            "posted_on": date(2023, 4, 30),
            "actor": alice,
        }
        return propose_adjustment(**(asked | changes))

    return make


def booked(entry: JournalEntry) -> dict[str, Decimal]:
    """Debit less credit by account."""
    totals: dict[str, Decimal] = {}
    for line in entry.lines.select_related("account"):
        totals[line.account.code] = totals.get(line.account.code, Decimal(0)) + (
            line.debit - line.credit
        )
    return totals


def test_a_fee_that_the_bank_kept_is_an_expense(
    april: Run, broken: Any, propose: Propose, alice: User
) -> None:
    entry = propose(april)
    assert entry is not None
    assert (entry.status, entry.kind, entry.prepared_by) == ("draft", "adjustment", alice)
    assert entry.description == "Fee breaks: Bank to ledger, 2023-04-01 to 2023-04-30"
    assert booked(entry) == {"5400": Decimal("7.50"), "1000": Decimal("-7.50")}
    assert {line.reference for line in entry.lines.all()} == {"INV-4"}
    assert {line.narrative for line in entry.lines.all()} == {f"Break {broken('fee').number}: fee"}


def test_what_the_bank_has_more_goes_the_other_way(april: Run, propose: Propose) -> None:
    entry = propose(april, cause="amount")
    assert entry is not None
    assert booked(entry) == {"1000": Decimal("600.00"), "5400": Decimal("-600.00")}


def test_where_the_ledger_is_turned_round_it_is_booked_in_the_ledgers_sense(
    pair: Pair, entity: Any, connie: User, propose: Propose
) -> None:
    """Jobs against revenue, which is credit: more jobs than revenue is credited to revenue."""
    match_type = define_match_type(
        entity_id=entity.pk,
        code="jobs_revenue",
        name="Jobs to revenue",
        left_source_id=pair.left.pk,
        right_source_id=pair.right.pk,
        right_accounts=["4000"],
        rules={**RULES, "sides": {"right_sign": -1}},
        actor=connie,
    )
    pair.bring("left", ("JOB-1", "03", "110.00"))
    pair.bring("right", ("JOB-1", "03", "-100.00"), account="4000")
    started = start_run(match_type_id=match_type.pk, actor=pair.actor, **APRIL)
    run = execute_run(run_id=started.pk)
    entry = propose(run, cause="amount")
    assert entry is not None
    assert booked(entry) == {"4000": Decimal("-10.00"), "5400": Decimal("10.00")}


def test_proposing_again_returns_the_entry_of_the_first_time(
    april: Run, propose: Propose, table_counts: Any
) -> None:
    first = propose(april)
    before = table_counts()
    assert propose(april) == first
    assert table_counts() == before


@pytest.mark.parametrize("cause", ["rate_change", "split"])
def test_without_such_breaks_there_is_nothing_to_book(
    cause: str, april: Run, propose: Propose, table_counts: Any
) -> None:
    before = table_counts()
    assert propose(april, cause=cause) is None
    assert table_counts() == before


def test_a_reference_longer_than_a_journal_line_takes_is_cut(pair: Pair, propose: Propose) -> None:
    long = "R" * 190
    pair.bring("left", (long, "03", "92.50"))
    pair.bring("right", (long, "03", "100.00"))
    entry = propose(pair.run())
    assert entry is not None
    assert {line.reference for line in entry.lines.all()} == {"R" * 140}


REFUSALS: list[tuple[dict[str, Any], type[Refusal]]] = [
    ({"actor": "rita"}, NotPermitted),
    ({"actor": "bob"}, NotPermitted),
    ({"actor": "ivy"}, NotPermitted),
    ({"actor": "charlie"}, NotVisible),
    ({"expense_account": "9999"}, AccountUnknown),
    ({"posted_on": date(1990, 1, 1)}, PeriodMissing),
]


@pytest.mark.parametrize(("changes", "refusal"), REFUSALS)
def test_proposals_that_are_refused(
    changes: dict[str, Any],
    refusal: type[Refusal],
    request: Any,
    april: Run,
    propose: Propose,
    table_counts: Any,
) -> None:
    if "actor" in changes:
        changes = {"actor": request.getfixturevalue(changes["actor"])}
    before = table_counts()
    with pytest.raises(refusal):
        propose(april, **changes)
    assert table_counts() == before


def test_a_run_without_a_standing_outcome_proposes_nothing(
    april: Run, pair: Pair, propose: Propose
) -> None:
    pair.bring("left", ("INV-7", "09", "13.00"))
    queued = pair.start()
    with pytest.raises(RunNotCompleted):
        propose(queued)
    execute_run(run_id=queued.pk)
    with pytest.raises(RunSuperseded):
        propose(april)
    assert not JournalEntry.objects.exists()


def test_the_right_side_has_to_be_one_account(
    pair: Pair, entity: Any, connie: User, propose: Propose
) -> None:
    wide = MatchType.objects.get(
        pk=define_match_type(
            entity_id=entity.pk,
            code="wide",
            name="Wide",
            left_source_id=pair.left.pk,
            right_source_id=pair.right.pk,
            rules=RULES,
            actor=connie,
        ).pk
    )
    pair.bring("left", ("INV-1", "03", "92.50"))
    pair.bring("right", ("INV-1", "03", "100.00"))
    run = execute_run(run_id=start_run(match_type_id=wide.pk, actor=pair.actor, **APRIL).pk)
    with pytest.raises(MatchTypeInvalid, match="one ledger account"):
        propose(run)
    assert not JournalEntry.objects.exists()

"""Money that an entry books away is not booked away again, whatever run it shows up in."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.ledger.services import cancel_entry
from apps.reconciliation.errors import WrittenOff
from apps.reconciliation.models import Run, WriteOff
from apps.reconciliation.services import (
    change_rules,
    choose_carries,
    force_match,
    propose_adjustment,
    unmatch_group,
)
from tests.reconciliation.conftest import MAY, RULES, Pair
from tests.reconciliation.test_revisions import off, pair_ids

FEES: dict[str, Any] = {
    "cause": "fee",
    "expense_account": "5400",
    "posted_on": date(2023, 4, 30),
}


def drafted() -> list[Decimal]:
    return [write_off.amount for write_off in WriteOff.objects.order_by("pk")]


@pytest.fixture
def forced(april: Run, books: Any, connie: Any, pair: Pair) -> Any:
    """A match by hand whose difference is booked away; how it was made, to make it again."""
    how = {**FEES, "reason": "Same job", "actor": connie}
    del how["cause"]
    done = force_match(run_id=april.pk, break_ids=pair_ids(april), **how)
    return done.group, how


def test_a_match_whose_difference_is_booked_away_is_not_taken_back(
    forced: Any, april: Run, connie: Any, table_counts: Any
) -> None:
    group, how = forced
    before = table_counts()
    with pytest.raises(WrittenOff):
        unmatch_group(run_id=april.pk, number=group.number, reason="Oops", actor=connie)
    assert table_counts() == before

    cancel_entry(entry_id=WriteOff.objects.get().entry_id, reason="Oops", actor=connie)
    undone = unmatch_group(run_id=april.pk, number=group.number, reason="Oops", actor=connie)
    force_match(run_id=april.pk, break_ids=[one.pk for one in undone.breaks], **how)
    assert len(drafted()) == 2


def test_an_item_that_is_carried_over_is_not_written_off_again(
    april: Run, books: Any, alice: Any, pair: Pair, table_counts: Any
) -> None:
    off(april.breaks.get(items__record__reference="INV-9"), alice)
    may = pair.run(**MAY)
    again = may.breaks.get(items__record__reference="INV-9")
    before = table_counts()
    with pytest.raises(WrittenOff):
        off(again, alice)
    assert table_counts() == before


@pytest.mark.parametrize(
    "days",
    [MAY, {"starts_on": date(2023, 4, 1), "ends_on": date(2023, 4, 15)}],
    ids=["carried over", "a run over some of the days"],
)
def test_fees_are_proposed_once_whatever_run_they_show_up_in(
    days: dict[str, date], april: Run, books: Any, connie: Any, alice: Any, pair: Pair
) -> None:
    choose_carries(match_type_id=pair.match_type.pk, carries="open", actor=connie)
    propose_adjustment(run_id=april.pk, actor=alice, **FEES)
    once = drafted()

    other = pair.run(**days)

    assert propose_adjustment(run_id=other.pk, actor=alice, **FEES) is None
    assert drafted() == once


def test_another_cause_makes_it_no_other_money(
    april: Run, books: Any, connie: Any, alice: Any, broken: Any, pair: Pair
) -> None:
    made = off(broken("fee"), alice)
    rules = {**RULES, "version": "2", "fee_schedules": []}
    change_rules(match_type_id=pair.match_type.pk, rules=rules, actor=connie)
    newer = pair.run()
    same = newer.breaks.get(items__record__reference="INV-4", items__side="left")

    assert same.cause != "fee"
    with pytest.raises(WrittenOff):
        off(same, alice)
    propose_adjustment(run_id=newer.pk, actor=alice, **{**FEES, "cause": same.cause})
    assert WriteOff.objects.get(broken=same).entry == made.entry


def test_the_difference_of_a_match_by_hand_stays_booked_when_the_run_is_made_again(
    forced: Any, april: Run, pair: Pair
) -> None:
    group, _ = forced
    pair.bring("left", ("INV-77", "09", "13.00"))

    newer = pair.run()

    kept, taken_over = WriteOff.objects.order_by("pk")
    assert (kept.group, taken_over.run) == (group, newer)
    assert taken_over.entry == kept.entry
    assert taken_over.group.record_ids == group.record_ids
    assert taken_over.amount == taken_over.group.difference


def test_an_adjustment_that_was_cancelled_may_be_proposed_again(
    april: Run, books: Any, alice: Any
) -> None:
    first = propose_adjustment(run_id=april.pk, actor=alice, **FEES)
    assert first is not None
    assert propose_adjustment(run_id=april.pk, actor=alice, **FEES) == first
    cancel_entry(entry_id=first.pk, reason="The wrong account", actor=alice)

    second = propose_adjustment(run_id=april.pk, actor=alice, **FEES)

    assert second is not None
    assert (second.pk != first.pk, second.status) == (True, "draft")
    assert propose_adjustment(run_id=april.pk, actor=alice, **FEES) == second

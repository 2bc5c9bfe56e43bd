"""Several passes: each takes what is left, and what one leaves undecided others may settle."""

from __future__ import annotations

import pytest
from polars.testing import assert_frame_equal

from apps.reconciliation.matching import numbering
from tests.reconciliation.matching.making import causes, exact, item, near, outcome, paired, window


def test_passes_take_items_in_their_order():
    left = [item(1, "10.00", reference="A")]
    right = [item(1, "10.00"), item(2, "10.01", reference="A")]
    by_reference = near("0.05", "reference", name="reference")
    by_amount = exact("amount", "booked_on", name="amount")
    assert paired(outcome(left, right, by_reference, by_amount)) == {(1, 2)}
    assert paired(outcome(left, right, by_amount, by_reference)) == {(1, 1)}


def test_a_later_pass_may_decide_what_an_earlier_one_was_torn_over():
    left = [item(1, counterparty="Acme")]
    right = [item(1, counterparty="Acme"), item(2, counterparty="Zeta")]
    by_amount = exact("amount", "booked_on", name="amount")
    result = outcome(left, right, by_amount, exact("counterparty", name="counterparty"))
    assert paired(result) == {(1, 1)}
    assert result.ambiguous.is_empty()


def test_what_a_later_pass_takes_away_settles_the_tie_of_an_earlier_one():
    left = [item(1, narrative="x"), item(2, "55.00", reference="Z", booked=9)]
    right = [item(1, narrative="y"), item(2, narrative="z", reference="Z")]
    result = outcome(
        left,
        right,
        exact("amount", "booked_on", name="amount"),
        near("45.00", "reference", name="reference"),
    )
    assert paired(result) == {(1, 1), (2, 2)}
    assert result.groups["pass_name"].to_list() == ["amount", "reference"]
    assert causes(result) == {}


def test_a_tie_that_another_pass_shrinks_without_breaking_stays_a_tie():
    left = [item(1), item(2, "55.00", reference="Z", booked=9)]
    right = [
        item(1, narrative="a"),
        item(2, narrative="b"),
        item(3, narrative="c", reference="Z"),
    ]
    result = outcome(
        left,
        right,
        exact("amount", "booked_on", name="amount"),
        near("45.00", "reference", name="reference"),
    )
    assert paired(result) == {(2, 3)}
    assert causes(result) == {"ambiguous": [("mismatched", ["L1", "R1", "R2"])]}


def test_a_settled_tie_can_settle_another():
    left = [
        item(1, "1.00", narrative="p"),
        item(2, "1.00", booked=11, account="K", narrative="q"),
        item(3, "9.00", reference="Z", booked=25),
    ]
    right = [
        item(1, "1.00", narrative="r"),
        item(2, "1.00", narrative="s", booked=10, reference="Z"),
        item(3, "1.00", booked=11, account="K", narrative="t"),
    ]
    steps = [
        exact("amount", "booked_on", name="day"),
        near("8.50", "reference", name="reference"),
        exact("amount", name="amount", date_window=window(1, 1)),
    ]
    result = outcome(left, right, *steps)
    assert paired(result) == {(1, 1), (2, 3), (3, 2)}


def test_a_break_of_several_ties_belongs_to_the_first_pass_and_is_listed_once():
    left = [item(1), item(2, booked=12, narrative="n")]
    right = [item(1, narrative="a"), item(2, narrative="b")]
    result = outcome(
        left,
        right,
        exact("amount", "booked_on", name="day"),
        exact("amount", name="amount", date_window=window(5, 5)),
    )
    assert causes(result)["ambiguous"] == [
        ("mismatched", ["L1", "R1", "R2"]),
        ("mismatched", ["L2"]),
    ]
    assert (
        '"left_candidates": [1, 2], "left_count": 2, "pass": "amount"'
        in (result.ambiguous["evidence"][1])
    )


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 8])
def test_items_lie_by_group_side_and_id_however_many_are_sorted_at_once(monkeypatch, at_once):
    numbers = [5, 3, 7, 1, 6, 2, 4]
    left = [item(n, "2.00", reference=f"{n}") for n in numbers]
    right = [item(10 * n + half, "1.00", reference=f"{n}") for n in numbers for half in (1, 0)]
    sums = {"name": "sums", "kind": "aggregated", "keys": ["reference"]}
    whole = outcome(left, right, sums)
    monkeypatch.setattr(numbering, "_SORTED_AT_ONCE", at_once)
    found = outcome(left, right, sums)
    assert_frame_equal(found.items, whole.items)
    assert found.items.select("group_no", "side", "item_id").rows() == [
        row
        for n in range(1, 8)
        for row in ((n, "left", n), (n, "right", 10 * n), (n, "right", 10 * n + 1))
    ]

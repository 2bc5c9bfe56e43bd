"""Three sources: two legs with a source in common, and the chains that their groups make."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reconciliation.matching import ItemsInvalid, ThreeWay, reconcile_three
from tests.examples import slow
from tests.reconciliation.matching.making import AS_OF, exact, item, items, rules, window

SLOW = slow(15)
ORDERS = rules(exact("reference", "amount", name="order"))
PAYOUTS = rules(
    {
        "name": "payout",
        "kind": "aggregated",
        "keys": ["attributes.payout_id=reference"],
        "fee": {"gross": "left", "schedule": "card"},
    },
    fee_schedules=[{"name": "card", "fixed": "1.00"}],
)


def three(left: list[dict], middle: list[dict], right: list[dict], first, second) -> ThreeWay:
    result = reconcile_three(
        (items(*left), items(*middle), items(*right)), (first, second), as_of=AS_OF
    )
    assert result.proof_amount == 0
    return result


def chains(result: ThreeWay) -> list[tuple[str, str, str]]:
    """The items, reach and status of each chain."""
    held: dict[int, list[str]] = {}
    for number, source, identifier in result.chain_items.iter_rows():
        held.setdefault(number, []).append(f"{source[0].upper()}{identifier}")
    return [(" ".join(held[number]), *rest) for number, *rest in result.chains.iter_rows()]


def payment(number: int, amount: str, order: str, payout: str = "") -> dict:
    return item(number, amount, reference=order, attributes={"payout_id": payout})


def test_orders_charges_and_a_payout_are_one_chain():
    left = [
        item(1, "10.00", reference="A"),
        item(2, "20.00", reference="B"),
        item(3, reference="Z"),
    ]
    middle = [
        payment(1, "10.00", "A", "po"),
        payment(2, "20.00", "B", "po"),
        payment(3, "5.00", "C"),
    ]
    right = [item(1, "28.00", reference="po")]
    result = three(left, middle, right, ORDERS, PAYOUTS)
    assert chains(result) == [("L1 L2 M1 M2 R1", "complete", "automatic")]
    assert result.chain_groups.rows() == [(1, 1, 1), (1, 1, 2), (1, 2, 1)]
    assert result.first.breaks.height == 2
    assert result.second.breaks.height == 1


def test_what_only_two_sources_have_is_a_chain_that_says_so():
    left, middle = (
        [item(5, "10.00", reference="A")],
        [payment(1, "10.00", "A"), payment(2, "7.00", "B", "p")],
    )
    result = three(left, middle, [item(1, "6.00", reference="p")], ORDERS, PAYOUTS)
    assert chains(result) == [
        ("L5 M1", "left, middle", "automatic"),
        ("M2 R1", "middle, right", "automatic"),
    ]


def test_a_chain_is_suggested_if_any_group_in_it_is():
    one = [item(1, reference="A")]
    suggested = rules(exact("reference", status="suggested"))
    assert chains(three(one, one, one, ORDERS, suggested)) == [
        ("L1 M1 R1", "complete", "suggested")
    ]


def test_what_cancels_out_inside_one_source_is_a_chain_of_it_alone():
    own = rules({"name": "own", "kind": "offset", "keys": ["reference"], "side": "left"})
    left = [item(1, "5.00", reference="A"), item(2, "-5.00", reference="A")]
    assert chains(three(left, [], [], own, ORDERS)) == [("L1 L2", "left", "automatic")]


def test_nothing_makes_no_chain():
    result = three([], [], [], ORDERS, PAYOUTS)
    assert chains(result) == []
    assert result.chain_groups.is_empty()


def test_a_source_that_breaks_its_contract_is_refused():
    with pytest.raises(ItemsInvalid):
        reconcile_three((items(), items(item(1), item(1)), items()), (ORDERS, PAYOUTS), as_of=AS_OF)


@st.composite
def populations(draw: st.DrawFn) -> list[list[dict]]:
    return [
        [
            item(
                number,
                draw(st.sampled_from(["1.00", "2.00"])),
                draw(st.integers(1, 3)),
                reference=draw(st.sampled_from(["A", "B", "C", ""])),
            )
            for number in draw(st.permutations(range(1, 1 + draw(st.integers(0, 5)))))
        ]
        for _ in range(3)
    ]


@SLOW
@given(populations(), st.randoms())
def test_chains_hold_every_group_once_and_whatever_shares_a_middle_item(sides, random):
    step = {"name": "s", "kind": "aggregated", "keys": ["reference"]}
    by_day = exact("amount", name="day", date_window=window(0, 1))
    both = rules(step), rules(by_day)
    result = three(*sides, *both)
    groups = [(1, number) for number in result.first.groups["group_no"]]
    groups += [(2, number) for number in result.second.groups["group_no"]]
    assert Counter(result.chain_groups.select("leg", "group_no").iter_rows()) == Counter(groups)
    assert not result.chain_items.select("source", "item_id").is_duplicated().any()
    chain_of = {(leg, group): chain for chain, leg, group in result.chain_groups.iter_rows()}
    middles = [
        {
            identifier: chain_of[leg, number]
            for number, side, identifier, _ in outcome.items.iter_rows()
            if side == middle
        }
        for leg, outcome, middle in ((1, result.first, "right"), (2, result.second, "left"))
    ]
    for identifier in middles[0].keys() & middles[1].keys():
        assert middles[0][identifier] == middles[1][identifier]
    for side in sides:
        random.shuffle(side)
    again = three(*sides, *both)
    for name in ("chains", "chain_groups", "chain_items"):
        assert getattr(again, name).equals(getattr(result, name))
    assert isinstance(result.chains, pl.DataFrame)

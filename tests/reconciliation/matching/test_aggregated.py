"""Aggregated passes: what has equal keys is added up on both sides, and the sums are compared."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reconciliation.matching import Pass, reconcile
from tests.examples import slow
from tests.reconciliation.matching.making import (
    AS_OF,
    causes,
    exact,
    grouped,
    item,
    items,
    outcome,
    rules,
    window,
)
from tests.reconciliation.matching.oracle import Costs, allowed, best_of, compared, day, kind

SLOW = slow(20)


def sums(*keys: str, **given) -> dict:
    """An aggregated pass."""
    return {"name": "sums", "kind": "aggregated", "keys": list(keys), **given}


def test_many_to_one_one_to_many_and_many_to_many():
    left = [
        item(1, "60.00", reference="A"),
        item(2, "40.00", reference="A"),
        item(3, "90.00", reference="B"),
        item(4, "10.00", reference="C"),
        item(5, "20.00", reference="C"),
    ]
    right = [
        item(1, "100.00", reference="A"),
        item(2, "45.00", reference="B"),
        item(3, "45.00", reference="B"),
        item(4, "5.00", reference="C"),
        item(5, "25.00", reference="C"),
    ]
    result = outcome(left, right, sums("reference"))
    assert grouped(result) == ["L1 L2 R1", "L3 R2 R3", "L4 L5 R4 R5"]
    assert causes(result) == {}


def test_the_reasons_tell_keys_counts_sums_and_dates():
    left = [item(1, "100.00", reference="P"), item(2, "50.00", reference="P", booked=12)]
    right = [item(1, "149.98", reference="P", booked=13)]
    step = sums("reference", tolerance={"absolute": "0.05"}, date_window=window(0, 3))
    result = outcome(left, right, step)
    assert json.loads(result.groups["reasons"][0]) == [
        "reference equal: P",
        "2 left items of 150.00 EUR in all, 1 right item of 149.98 EUR",
        "amount differs by 0.02 EUR (tolerance 0.05)",
        "booked from 1 day later to 3 days later (window 0..3)",
    ]
    totals = result.groups.select("left_total", "right_total", "difference").row(0)
    assert totals == (150_0000, 149_9800, 200)
    assert result.items["allocated"].to_list() == [100_0000, 50_0000, 149_9800]


@pytest.mark.parametrize(
    ("step", "fits"),
    [
        (sums("reference", date_window=window(0, 3)), True),
        (sums("reference", date_window=window(0, 2)), False),
        (sums("reference", date_window=window(-2, 3)), False),
        (sums("reference", date_window=window(-1, 3)), True),
    ],
)
def test_every_item_lies_in_the_window_of_every_other(step, fits):
    left = [item(1, "100.00", reference="P"), item(2, "50.00", reference="P", booked=12)]
    right = [item(1, "150.00", reference="P", booked=13)]
    assert grouped(outcome(left, right, step)) == (["L1 L2 R1"] if fits else [])


def test_the_window_is_counted_in_business_days_without_holidays():
    # Friday 2 and Monday 5 January 2026; the 6th is a holiday, so the 7th is one day on.
    left = [item(1, "10.00", 2, reference="P"), item(2, "20.00", 5, reference="P")]
    right = [item(1, "30.00", 7, reference="P")]
    step = sums("reference", date_window=window(0, 2, "business"))
    calendar = {"holidays": ["2026-01-06"]}
    assert grouped(outcome(left, right, step, calendar=calendar)) == ["L1 L2 R1"]
    assert grouped(outcome(left, right, step)) == []


def test_deposits_take_the_days_of_ledger_lines_that_they_are():
    left = [item(1, "100.00", 11, account="1"), item(2, "150.00", 12, account="1")]
    right = [
        item(1, "70.00", 10, account="1"),
        item(2, "30.00", 10, account="1"),
        item(3, "150.00", 11, account="1"),
    ]
    step = sums("account", left_by=["id"], right_by=["booked_on"], date_window=window(2, 0))
    result = outcome(left, right, step)
    assert grouped(result) == ["L1 R1 R2", "L2 R3"]


def test_batches_that_fit_equally_well_are_refused_and_listed():
    left = [item(1, "100.00", 12, account="1")]
    right = [
        item(1, "70.00", 11, account="1"),
        item(2, "30.00", 11, account="1"),
        item(3, "60.00", 13, account="1"),
        item(4, "40.00", 13, account="1"),
    ]
    step = sums("account", left_by=["id"], right_by=["booked_on"], date_window=window(2, 2))
    result = outcome(left, right, step)
    assert grouped(result) == []
    assert causes(result) == {"ambiguous": [("mismatched", ["L1", "R1", "R2", "R3", "R4"])]}


def test_batches_of_the_same_content_are_interchangeable():
    left = [item(1, "100.00", 12, account="1")]
    right = [
        item(1, "70.00", 11, account="1", external_id="x"),
        item(2, "30.00", 11, account="1", external_id="x"),
        item(3, "70.00", 11, account="1", external_id="y"),
        item(4, "30.00", 11, account="1", external_id="y"),
    ]
    step = sums("account", left_by=["id"], right_by=["external_id"], date_window=window(2, 2))
    assert grouped(outcome(left, right, step)) == ["L1 R1 R2"]


def test_a_key_may_compare_different_fields_of_the_two_sides():
    left = [item(1, "96.40", reference="po-1")]
    right = [
        item(1, "60.00", reference="order 1", attributes={"payout_id": "po-1"}),
        item(2, "36.40", reference="order 2", attributes={"payout_id": "po-1"}),
        item(3, "36.40", reference="po-1"),
    ]
    result = outcome(left, right, sums("reference=attributes.payout_id"))
    assert grouped(result) == ["L1 R1 R2"]
    assert json.loads(result.groups["reasons"][0])[0] == "reference = payout_id equal: po-1"


def test_a_blank_key_or_batch_field_matches_nothing():
    left, right = [item(1, reference=" ", account="1")], [item(1, reference=" ", account="1")]
    assert grouped(outcome(left, right, sums("reference"))) == []
    assert grouped(outcome(left, right, sums("account", right_by=["narrative"]))) == []


def test_once_a_later_pass_has_taken_an_item_the_sums_are_looked_at_again():
    left = [item(1, "60.00", reference="A"), item(2, "40.00", reference="A", account="9")]
    right = [item(1, "60.00", reference="A"), item(2, "40.00", reference="B", account="9")]
    result = outcome(left, right, sums("reference"), exact("account", name="account"))
    assert grouped(result) == ["L1 R1", "L2 R2"]
    assert result.groups["pass_name"].to_list() == ["sums", "account"]


@pytest.mark.parametrize(
    ("sign", "amounts", "fits"),
    [
        ("same", ("-30.00", "-20.00"), False),
        ("opposite", ("-30.00", "-20.00"), True),
        ("unsigned", ("-30.00", "-20.00"), True),
        ("unsigned", ("30.00", "20.00"), True),
        ("unsigned", ("-30.00", "20.00"), False),
    ],
)
def test_signs_are_those_of_the_sums(sign, amounts, fits):
    left = [item(1, "50.00", reference="A")]
    right = [item(n, amount, reference="A") for n, amount in enumerate(amounts)]
    result = outcome(left, right, sums("reference", sign=sign))
    assert bool(grouped(result)) is fits


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict], list[dict], dict]:
    def side() -> list[dict]:
        return [
            item(
                number,
                draw(st.sampled_from(["10.00", "20.00", "30.00", "-10.00", "10.01"])),
                draw(st.integers(1, 3)),
                reference=draw(st.sampled_from(["A", "A", "B", ""])),
                account=draw(st.sampled_from(["1", "1", "2"])),
            )
            for number in draw(st.permutations(range(1, 1 + draw(st.integers(0, 6)))))
        ]

    step = sums(
        draw(st.sampled_from(["reference", "account"])),
        tolerance={"absolute": draw(st.sampled_from(["0", "0.02", "10"]))},
        left_by=draw(st.sampled_from([[], ["id"], ["booked_on"]])),
        right_by=draw(st.sampled_from([[], ["id"], ["account", "booked_on"]])),
        sign=draw(st.sampled_from(["same", "same", "opposite", "unsigned"])),
    )
    if draw(st.booleans()):
        step["date_window"] = window(draw(st.integers(-1, 2)), draw(st.integers(1, 2)))
    return side(), side(), step


def _batches(population: list[dict], step: Pass, side: str) -> dict[tuple, list[dict]]:
    batches: dict[tuple, list[dict]] = {}
    own = step.left_by if side == "left" else step.right_by
    for each in population:
        if all(str(each[name]).strip() for name in (*step.keys, *own)):
            batches.setdefault(tuple(each[name] for name in (*step.keys, *own)), []).append(each)
    return batches


def _total(batch: list[dict], step: Pass, side: str) -> dict:
    total = {**batch[0], "amount": sum(each["amount"] for each in batch)}
    return {**total, "amount": compared(total, step, side)}


def _costs(lefts: list[list[dict]], rights: list[list[dict]], step: Pass) -> Costs:
    costs: Costs = {}
    for one, left in enumerate(lefts):
        for other, right in enumerate(rights):
            if any(left[0][key] != right[0][key] for key in step.keys):
                continue
            total = _total(left, step, "left")
            gap = abs(total["amount"] - _total(right, step, "right")["amount"])
            apart = [day(b, step) - day(a, step) for a in left for b in right]
            low, high = (
                (-step.date_window.before_days, step.date_window.after_days)
                if step.date_window
                else (-9, 9)
            )
            if gap <= allowed(total, step) and all(low <= days <= high for days in apart):
                costs[one, other] = gap, max(map(abs, apart))
    return costs


@SLOW
@given(cases())
def test_batches_are_paired_as_trying_out_every_pairing_would(case):
    left, right, raw = case
    rule_set = rules(raw)
    step = rule_set.passes[0]
    result = reconcile(items(*left), items(*right), rule_set, as_of=AS_OF)
    assert result.proof_amount == 0
    lefts, rights = (
        list(_batches(population, step, side).values())
        for population, side in ((left, "left"), (right, "right"))
    )
    kinds = [[tuple(sorted(map(kind, batch))) for batch in side] for side in (lefts, rights)]
    expected = best_of(_costs(lefts, rights, step), *kinds)
    by_id = [{each["id"]: each for each in side} for side in (left, right)]
    made: dict[int, tuple[list, list]] = {}
    for number, side, identifier, allocated in result.items.iter_rows():
        at = 0 if side == "left" else 1
        assert allocated == by_id[at][identifier]["amount"]
        made.setdefault(number, ([], []))[at].append(kind(by_id[at][identifier]))
    assert Counter((tuple(sorted(a)), tuple(sorted(b))) for a, b in made.values()) == expected.sure
    torn = result.break_items.join(result.ambiguous, on="break_no", how="semi")
    for at, side in enumerate(("left", "right")):
        own = Counter(kind(by_id[at][i]) for i in torn.filter(pl.col("side") == side)["item_id"])
        batches = expected.torn[side].items()
        assert own == Counter(each for batch, count in batches for each in batch * count)
    again = reconcile(
        items(*(e for e in left if not _held(result, "left", e))),
        items(*(e for e in right if not _held(result, "right", e))),
        rule_set,
        as_of=date(2026, 1, 31),
    )
    assert again.groups.is_empty()


def _held(result, side: str, each: dict) -> bool:
    return not result.items.filter(
        (pl.col("side") == side) & (pl.col("item_id") == each["id"])
    ).is_empty()


@pytest.mark.parametrize("ids", [(1, 2), (2, 1)])
def test_of_equal_batches_that_with_the_smaller_external_ids_goes_first(ids):
    """Not the one that was stored first: the order in which files came in changes nothing."""
    first, second = ids
    left = [
        item(first, "10.00", reference="A", counterparty="x", external_id="E-1"),
        item(second, "10.00", reference="A", counterparty="x", external_id="E-2"),
    ]
    right = [item(9, "10.00", reference="A")]
    result = outcome(left, right, sums("reference", left_by=["external_id"]))
    assert grouped(result) == [f"L{first} R9"]

"""Offset passes: own transfers and reversals inside one side, paired by the best assignment."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
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
    units,
    window,
)
from tests.reconciliation.matching.oracle import Costs, best_of, day, kind

SLOW = slow(20)


def own(*keys: str, **given) -> dict:
    """An offset pass."""
    return {"name": "own", "kind": "offset", "keys": list(keys), **given}


def test_an_own_transfer_is_a_group_of_one_side():
    left = [
        item(1, "-100.00", account="1100"),
        item(2, "100.00", 11, account="1200"),
        item(3, "100.00", account="1100"),
    ]
    step = own(different="account", date_window=window(0, 2))
    result = outcome(left, [], step)
    assert grouped(result) == ["L1 L2"]
    assert json.loads(result.groups["reasons"][0]) == [
        "both on the left",
        "account differs: 1100 / 1200",
        "amount equal with the sign reversed",
        "booked 1 day later (window 0..2)",
    ]
    totals = result.groups.select("left_total", "right_total", "difference").row(0)
    assert totals == (0, 0, 0)
    assert result.items["allocated"].to_list() == [-100_0000, 100_0000]
    assert causes(result) == {"missing_right": [("missing", ["L3"])]}


@pytest.mark.parametrize(
    ("side", "expected"),
    [("left", ["L1 L2"]), ("right", ["R1 R2"]), ("both", ["L1 L2", "R1 R2"]), (None, None)],
)
def test_the_sides_asked_for_are_looked_at(side, expected):
    population = [item(1, "-5.00", reference="A"), item(2, "5.00", reference="A")]
    step = own("reference", side=side) if side else own("reference")
    result = outcome(population, population, step)
    assert grouped(result) == (expected or ["L1 L2", "R1 R2"])


def test_groups_of_one_side_are_numbered_after_those_with_a_left_item():
    right = [item(1, "-5.00", reference="A"), item(2, "5.00", reference="A"), item(9)]
    result = outcome([item(1)], right, own("reference"), exact("amount", "booked_on"))
    assert grouped(result) == ["L1 R9", "R1 R2"]


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"date_window": window(0, 3)}, True),
        ({"date_window": window(0, 2)}, False),
        ({"date_window": window(0, 1, "business")}, True),
        ({"different": "account"}, True),
        ({"different": "counterparty"}, False),
        ({"different": "narrative"}, False),
    ],
)
def test_window_and_differing_field(given, fits):
    left = [
        item(1, "-7.00", 9, reference="A", account="1", counterparty="us"),  # a Friday
        item(2, "7.00", 12, reference="A", account="2", counterparty="us", narrative="n"),
    ]
    assert bool(grouped(outcome(left, [], own("reference", **given)))) is fits


def test_a_tolerance_leaves_a_difference_that_the_proof_knows():
    left = [item(1, "-100.00", reference="A"), item(2, "99.50", reference="A")]
    step = own("reference", tolerance={"percent": "1"})
    result = outcome(left, [], step)
    assert result.groups["difference"].to_list() == [-5000]
    right = outcome([], left, step)
    assert right.groups["difference"].to_list() == [5000]
    assert (
        "amount differs by 0.50 EUR with the sign reversed (tolerance 1.00)"
        in (right.groups["reasons"][0])
    )


def test_two_that_cancel_out_equally_well_are_refused_on_each_side_by_itself():
    population = [
        item(1, "-5.00", reference="A"),
        item(2, "5.00", reference="A", narrative="x"),
        item(3, "5.00", reference="A", narrative="y"),
    ]
    result = outcome(population, population, own("reference"))
    assert causes(result) == {
        "ambiguous": [("mismatched", ["L1", "L2", "L3"]), ("mismatched", ["R1", "R2", "R3"])]
    }


def test_the_window_of_an_offset_pass_says_nothing_about_the_two_sides():
    left, right = [item(1, reference="A")], [item(1, reference="A", booked=20)]
    far = own("counterparty", date_window=window(30, 30))
    near = exact("reference", date_window=window(0, 1))
    assert causes(outcome(left, right, far, near)) == {"timing": [("mismatched", ["L1", "R1"])]}


def test_five_hundred_equal_amounts_are_no_problem():
    random = np.random.default_rng(3)
    population = [
        item(n, "0", int(random.integers(1, 29)), narrative=str(n))
        | {"amount": units("49.99") * (1 if n % 2 else -1)}
        for n in range(1_000)
    ]
    result = outcome(population, [], own("currency", date_window=window(3, 3)))
    assert result.proof_amount == 0


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict], dict]:
    population = [
        item(
            number,
            draw(st.sampled_from(["1.00", "1.01", "2.00", "-1.00", "-1.01", "-2.00", "0.00"])),
            draw(st.integers(1, 3)),
            reference=draw(st.sampled_from(["A", "A", "B", ""])),
            account=draw(st.sampled_from(["1", "2", "2", ""])),
        )
        for number in draw(st.permutations(range(1, 1 + draw(st.integers(0, 9)))))
    ]
    step = own(*draw(st.sampled_from([["reference"], ["reference", "account"], ["currency"]])))
    if "account" not in step["keys"] and draw(st.booleans()):
        step["different"] = "account"
    if draw(st.booleans()):
        step["tolerance"] = {"absolute": "0.01"}
    if draw(st.booleans()):
        step["date_window"] = window(draw(st.integers(-1, 2)), draw(st.integers(1, 2)))
    return population, step


def _costs(outgoing: list[dict], incoming: list[dict], step: Pass) -> Costs:
    costs: Costs = {}
    for one, out in enumerate(outgoing):
        for other, into in enumerate(incoming):
            gap = abs(out["amount"] + into["amount"])
            apart = day(into, step) - day(out, step)
            equal = all(out[key] == into[key] and out[key].strip() for key in step.keys)
            field = step.different
            is_apart = not field or (
                out[field] != into[field] and out[field].strip() and into[field].strip()
            )
            window = step.date_window
            is_near = not window or -window.before_days <= apart <= window.after_days
            if equal and is_apart and is_near and gap <= (step.tolerance.absolute or 0):
                costs[one, other] = gap, abs(apart)
    return costs


@SLOW
@given(cases(), st.booleans())
def test_pairs_are_those_of_trying_out_every_pairing(case, is_left):
    population, raw = case
    rule_set = rules(raw)
    outgoing = [each for each in population if each["amount"] < 0]
    incoming = [each for each in population if each["amount"] > 0]
    expected = best_of(
        _costs(outgoing, incoming, rule_set.passes[0]),
        [kind(each) for each in outgoing],
        [kind(each) for each in incoming],
    )
    frames = (items(*population), items()) if is_left else (items(), items(*population))
    result = reconcile(*frames, rule_set, as_of=AS_OF)
    assert result.proof_amount == 0
    by_id = {each["id"]: each for each in population}
    made: dict[int, list[dict]] = {}
    for number, _, identifier, _ in result.items.iter_rows():
        made.setdefault(number, []).append(by_id[identifier])
    pairs = [sorted(pair, key=lambda each: each["amount"]) for pair in made.values()]
    assert Counter((kind(out), kind(into)) for out, into in pairs) == expected.sure
    torn = result.break_items.join(result.ambiguous, on="break_no", how="semi")
    assert Counter(kind(by_id[i]) for i in torn["item_id"]) == (
        expected.torn["left"] + expected.torn["right"]
    )
    held = result.items["item_id"].to_list()
    still = items(*(each for each in population if each["id"] not in held))
    again = (still, items()) if is_left else (items(), still)
    assert reconcile(*again, rule_set, as_of=AS_OF).groups.is_empty()
    assert set(result.items["side"].cast(pl.String)) <= {"left" if is_left else "right"}

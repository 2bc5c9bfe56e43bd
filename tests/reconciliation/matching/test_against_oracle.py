"""One pass over a few items agrees with trying out every pairing; what holds for any rule set."""

from __future__ import annotations

from collections import Counter
from datetime import date

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from apps.reconciliation.matching import Outcome, RuleSet, reconcile
from tests.examples import slow
from tests.reconciliation.matching.making import AS_OF, exact, items, near, rules, window
from tests.reconciliation.matching.oracle import admits, kind, verdict

SLOW = slow(20)
SLOW_BUT_MANY = slow(40)

AMOUNTS = [100_0000, 100_0100, 100_0500, -100_0000, 99_9900]


@st.composite
def sides(draw: st.DrawFn, most: int = 5) -> tuple[list[dict], list[dict]]:
    """Two small sides with many near ties; ids are arbitrary."""

    def side() -> list[dict]:
        count = draw(st.integers(0, most))
        numbers = draw(st.permutations(range(1, count + 1)))
        return [_drawn_item(draw, number) for number in numbers]

    return side(), side()


def _drawn_item(draw: st.DrawFn, number: int) -> dict:
    booked = draw(st.integers(1, 4))
    value = draw(st.sampled_from([None, booked, booked + 1]))
    return {
        "id": number,
        "amount": draw(st.sampled_from(AMOUNTS)),
        "currency": draw(st.sampled_from(["EUR", "EUR", "EUR", "USD"])),
        "booked_on": date(2026, 1, booked),
        "value_on": value and date(2026, 1, value),
        "reference": draw(st.sampled_from(["", "A", "A", "B", " "])),
        "counterparty": draw(st.sampled_from(["", "Acme"])),
        "narrative": draw(st.sampled_from(["", "", "", "x"])),
        "account": draw(st.sampled_from(["1", "1", "1", "2"])),
        "external_id": draw(st.sampled_from(["", "e1", "e2"])),
        "attributes": "",
    }


@st.composite
def passes(draw: st.DrawFn) -> dict:
    """A pass of either kind."""
    text_keys = st.sampled_from(["reference", "counterparty", "account"])
    keys = draw(st.lists(text_keys, max_size=2, unique=True))
    extra = {
        "sign": draw(st.sampled_from(["same", "same", "same", "opposite", "unsigned"])),
        "date_field": draw(st.sampled_from(["booked_on", "value_on"])),
    }
    if not keys or draw(st.booleans()):
        extra["date_window"] = window(draw(st.integers(-1, 2)), draw(st.integers(1, 3)))
    if draw(st.booleans()):
        return exact(*keys, *draw(st.sampled_from([[], ["amount"], ["booked_on"]])), **extra)
    tolerance = {"combine": draw(st.sampled_from(["larger", "smaller"]))}
    tolerance["absolute"] = draw(st.sampled_from(["0", "0.01", "0.05"]))
    if draw(st.booleans()):
        tolerance["percent"] = draw(st.sampled_from(["0.01", "0.04", "2"]))
    return {**near("0", *keys, **extra), "tolerance": tolerance}


def open_side(outcome: Outcome, side: str, frame: pl.DataFrame) -> pl.DataFrame:
    matched = outcome.items.filter(pl.col("side") == side)["item_id"]
    return frame.filter(~pl.col("id").is_in(matched.implode()))


def kinds_of_pairs(outcome: Outcome, left: list[dict], right: list[dict]) -> Counter:
    by_id = {"left": {each["id"]: each for each in left}, "right": {r["id"]: r for r in right}}
    pairs: dict[int, list] = {}
    for number, side, identifier, _ in outcome.items.iter_rows():
        pairs.setdefault(number, []).append(kind(by_id[side][identifier]))
    return Counter(tuple(pair) for pair in pairs.values())


def kinds_in_doubt(outcome: Outcome, side: str, population: list[dict]) -> Counter:
    by_id = {each["id"]: each for each in population}
    torn = outcome.break_items.join(outcome.ambiguous, on="break_no", how="semi")
    return Counter(kind(by_id[i]) for i in torn.filter(pl.col("side") == side)["item_id"])


@SLOW_BUT_MANY
@given(sides(), passes())
def test_a_pass_pairs_what_every_best_pairing_shares_and_names_the_rest(sides, step):
    left, right = sides
    rule_set = rules(step)
    outcome = reconcile(items(*left), items(*right), rule_set, as_of=AS_OF)
    expected = verdict(left, right, rule_set.passes[0])
    assert kinds_of_pairs(outcome, left, right) == expected.sure
    for side, population in (("left", left), ("right", right)):
        assert kinds_in_doubt(outcome, side, population) == expected.torn[side]
    if not any(expected.torn.values()):
        assert outcome.groups.height == expected.size


@SLOW
@given(sides(most=7), st.lists(passes(), min_size=1, max_size=3), st.randoms())
def test_every_outcome_is_exclusive_admitted_complete_and_proved(sides, steps, random):
    left, right = (items(*side) for side in sides)
    rule_set = _named(steps)
    outcome = reconcile(left, right, rule_set, as_of=AS_OF)

    for side, frame in (("left", left), ("right", right)):
        matched = outcome.items.filter(pl.col("side") == side)["item_id"].to_list()
        explained = outcome.break_items.filter(pl.col("side") == side)["item_id"].to_list()
        assert sorted(matched + explained) == sorted(frame["id"])
    by_id = [{row["id"]: row for row in side} for side in sides]
    steps_by_name = {step.name: step for step in rule_set.passes}
    for number, name in outcome.groups.select("group_no", "pass_name").iter_rows():
        one, other = outcome.items.filter(pl.col("group_no") == number)["item_id"]
        assert admits(by_id[0][one], by_id[1][other], steps_by_name[name])
    assert outcome.proof_amount == 0
    assert outcome.breaks["break_no"].to_list() == list(range(1, outcome.breaks.height + 1))


@SLOW
@given(sides(most=7), st.lists(passes(), min_size=1, max_size=3))
def test_a_rerun_over_what_stayed_open_adds_nothing(sides, steps):
    left, right = (items(*side) for side in sides)
    rule_set = _named(steps)
    first = reconcile(left, right, rule_set, as_of=AS_OF)
    again = reconcile(
        open_side(first, "left", left), open_side(first, "right", right), rule_set, as_of=AS_OF
    )
    assert again.groups.is_empty()


@SLOW
@given(sides(most=7), st.lists(passes(), min_size=1, max_size=3), st.randoms())
def test_the_order_of_rows_is_of_no_consequence(sides, steps, random):
    rule_set = _named(steps)
    first = reconcile(*(items(*side) for side in sides), rule_set, as_of=AS_OF)
    for side in sides:
        random.shuffle(side)
    second = reconcile(*(items(*side) for side in sides), rule_set, as_of=AS_OF)
    for name in ("groups", "items", "breaks", "break_items", "proof"):
        assert_frame_equal(getattr(first, name), getattr(second, name))


@SLOW
@given(sides(most=7), st.lists(passes(), min_size=1, max_size=3), st.randoms())
def test_ids_decide_only_between_exact_copies(sides, steps, random):
    rule_set = _named(steps)
    before = reconcile(*(items(*side) for side in sides), rule_set, as_of=AS_OF)
    content = _content_of_pairs(before, sides)
    for side in sides:
        numbers = [row["id"] for row in side]
        random.shuffle(numbers)
        for row, number in zip(side, numbers, strict=True):
            row["id"] = number
    after = reconcile(*(items(*side) for side in sides), rule_set, as_of=AS_OF)
    assert _content_of_pairs(after, sides) == content


def _content_of_pairs(outcome: Outcome, sides: tuple[list[dict], list[dict]]) -> Counter:
    content = {
        name: {row["id"]: _content(row) for row in side}
        for name, side in zip(("left", "right"), sides, strict=True)
    }
    pairs: dict[int, list[str]] = {}
    for number, side, identifier, _ in outcome.items.iter_rows():
        pairs.setdefault(number, []).append(content[side][identifier])
    return Counter(tuple(pair) for pair in pairs.values())


def _content(row: dict) -> str:
    """What a copy shares; without a value date an item is valued on the day it is booked."""
    return repr({**row, "id": 0, "value_on": row["value_on"] or row["booked_on"]})


def _named(steps: list[dict]) -> RuleSet:
    return rules(*({**step, "name": f"pass {number}"} for number, step in enumerate(steps)))

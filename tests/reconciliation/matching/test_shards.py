"""Shards find what one run over everything finds, whatever the rules and the split."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from apps.reconciliation.matching import ItemsInvalid, Outcome, RuleSet, reconcile
from apps.reconciliation.matching.shards import (
    COPY_FACTS,
    ShardOutcome,
    finished,
    joined,
    match_shard,
)
from apps.reconciliation.matching.splitting import Split, obstacle, splits_of
from tests.examples import examples
from tests.reconciliation.matching.making import AS_OF, exact, item, items, near, rules, window

FIELDS = ("reference", "external_id", "account")
FRAMES = ("groups", "items", "breaks", "break_items", "proof")
SLOW = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    max_examples=examples(15),
)
WEIGHTS = {
    "prior": "-4",
    "counterparty": {"equal": "6", "close": "3", "alike": "1", "different": "-3"},
}
RATES = [{"id": "r1", "currency": "USD", "to": "EUR", "on": "2026-01-01", "rate": "0.5"}]


@st.composite
def sides(draw: st.DrawFn) -> tuple[list[dict], list[dict]]:
    """Two sides with few values in each field, so that much of it ties, adds up or cancels out."""
    return tuple(
        [_drawn(draw, first + number) for number in range(draw(st.integers(0, 10)))]
        for first in (1, 101)
    )


def _drawn(draw: st.DrawFn, identifier: int) -> dict:
    return item(
        identifier,
        draw(st.sampled_from(["1.00", "1.00", "2.00", "3.00", "-1.00", "1.01"])),
        draw(st.integers(1, 3)),
        currency=draw(st.sampled_from(["EUR", "EUR", "EUR", "USD"])),
        reference=draw(st.sampled_from(["A", "A", "B", "C", "", " "])),
        external_id=draw(st.sampled_from(["A", "B", "e", ""])),
        account=draw(st.sampled_from(["1", "1", "2"])),
        counterparty=draw(st.sampled_from(["Acme", "Acme Ltd", "Zeta", ""])),
        narrative=draw(st.sampled_from(["", "", "n"])),
        attributes=draw(st.sampled_from(["", {"payout": "P"}, {"payout": "Q", "fee": "0.10"}])),
    )


KEYS = st.sampled_from(
    [
        ("reference",),
        ("reference",),
        ("reference",),
        ("reference", "account"),
        ("reference", "counterparty"),
        ("account", "reference=external_id"),
        ("external_id",),
        ("account",),
        ("attributes.payout",),
        ("reference=attributes.payout",),
        (),
    ]
)


@st.composite
def passes(draw: st.DrawFn, keys: tuple[str, ...] | None = None) -> dict:
    """A pass of any kind; with these keys, and weights that are given, if keys are."""
    is_local = keys is not None
    keys = keys or draw(KEYS)
    kind = draw(
        st.sampled_from(["exact", "tolerance", "aggregated", "subset", "offset", "fuzzy", "fuzzy"])
    )
    step: dict = {"kind": kind, "keys": list(keys)}
    if kind == "offset":
        step["keys"] = [each for each in keys if "=" not in each]
        step |= {"side": draw(st.sampled_from(["left", "right", "both"]))}
        step |= draw(st.sampled_from([{}, {"different": "narrative"}]))
    elif kind != "subset":
        step["sign"] = draw(st.sampled_from(["same", "same", "same", "opposite", "unsigned"]))
    if not step["keys"] or draw(st.booleans()):
        step["date_window"] = window(draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    if kind == "tolerance" or (kind in {"aggregated", "offset", "fuzzy"} and draw(st.booleans())):
        step["tolerance"] = {"absolute": draw(st.sampled_from(["0.01", "1.00"]))}
    if kind == "aggregated":
        step |= draw(st.sampled_from([{}, {"right_by": ["booked_on"]}, {"left_by": ["id"]}]))
    if kind == "subset":
        step["cardinality"] = draw(
            st.sampled_from(["either", "one_to_many", "many_to_one", "many_to_many"])
        )
    if kind == "fuzzy":
        step["likeness"] = {"fields": ["counterparty"], "automatic": "0.9", "suggested": "0.6"}
        step["likeness"] |= {"weights": WEIGHTS} if is_local or draw(st.booleans()) else {}
    if kind != "offset":
        step |= draw(st.sampled_from([{}, {}, {}, {"fx": {"to": "EUR", "most_days": 9}}]))
        step |= draw(
            st.sampled_from([{}, {}, {}, {"fee": {"gross": "left", "stated": "attributes.fee"}}])
        )
    return step


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    """One to five passes, the first ones with the same keys."""
    front = draw(KEYS.filter(len))
    steps = [draw(passes(front)) for _ in range(draw(st.integers(1, 3)))]
    steps += [draw(passes()) for _ in range(draw(st.integers(0, 2)))]
    named = [{**step, "name": f"pass {number}"} for number, step in enumerate(steps)]
    sign = draw(st.sampled_from([1, 1, -1]))
    return rules(*named, sides={"right_sign": sign}, rates=RATES, causes={"duplicate_days": 3})


def in_shards(
    both: tuple[pl.DataFrame, pl.DataFrame],
    rule_set: RuleSet,
    split: Split,
    count: int,
    shard_of: dict,
) -> tuple[Outcome, list[ShardOutcome]]:
    """The outcome by way of shards.

    Args:
        shard_of: the shard of each value of the key; of a blank one, any.
    """
    sides = dict(zip(("left", "right"), both, strict=True))
    parts = []
    for number in range(count):
        chosen = [
            frame.filter(
                pl.col(split.field(side)).replace_strict(shard_of, return_dtype=pl.Int64) == number
            )
            for side, frame in sides.items()
        ]
        parts.append(match_shard(*chosen, rule_set, split))
    whole = joined(parts)
    copies = [
        whole.copies[side]
        if split.field(side) == "reference"
        else copies_of(frame, whole.sides[side])
        for side, frame in sides.items()
    ]
    found = finished(whole, tuple(copies), rule_set, split, as_of=AS_OF)
    return found.explained(), parts


def copies_of(frame: pl.DataFrame, open_items: pl.DataFrame) -> pl.DataFrame:
    """What the caller is to fetch."""
    told = open_items.filter(pl.col("reference").str.strip_chars() != "")
    matched = frame.join(open_items, on="id", how="anti")
    return matched.join(told, on=COPY_FACTS, how="semi")


def assert_same(one: Outcome, other: Outcome) -> None:
    for name in FRAMES:
        assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
        assert getattr(one, name).write_csv() == getattr(other, name).write_csv()
    assert one.learned == other.learned


@SLOW
@given(sides(), rule_sets(), st.integers(1, 5), st.data())
def test_shards_find_what_one_run_finds(both, rule_set, count, data):
    left, right = (items(*side) for side in both)
    expected = reconcile(left, right, rule_set, as_of=AS_OF)
    splits = splits_of(rule_set, FIELDS)
    event(f"{len(splits)} ways to split")
    if not splits:
        assert obstacle(rule_set, FIELDS)
        return
    split = data.draw(st.sampled_from(splits))
    event(f"{split.passes} of {len(rule_set.passes)} passes in shards")
    values = sorted({*left[split.field("left")], *right[split.field("right")]})
    shard_of = {value: data.draw(st.integers(0, count - 1)) for value in values} or {"": 0}
    found, _ = in_shards((left, right), rule_set, split, count, shard_of)
    assert_same(found, expected)


def test_a_pass_in_one_piece_settles_what_a_shard_was_torn_over():
    left = items(item(1, reference="A"), item(2, "7.00", reference="B", account="9"))
    right = items(
        item(11, reference="A", narrative="one"),
        item(12, reference="A", narrative="two", account="9"),
    )
    rule_set = rules(
        exact("reference", "amount", name="first"), near("93.00", "account", name="second")
    )
    expected = reconcile(left, right, rule_set, as_of=AS_OF)
    assert expected.groups["pass_name"].to_list() == ["first", "second"]
    found, (whole, *_) = in_shards(
        (left, right), rule_set, Split("reference", 1), 1, {"A": 0, "B": 0}
    )
    assert whole.groups.is_empty()
    assert set(whole.doubts["item_id"]) == {1, 11, 12}
    assert_same(found, expected)


def test_ties_of_several_shards_stay_apart():
    left = items(item(1, reference="A"), item(2, reference="B"))
    right = items(
        *(item(11 + at, reference=name, narrative=str(at)) for at, name in enumerate("AABB"))
    )
    rule_set = rules(exact("reference", "amount"))
    found, _ = in_shards((left, right), rule_set, Split("reference", 1), 2, {"A": 0, "B": 1})
    assert found.breaks["cause"].to_list() == ["ambiguous", "ambiguous"]
    assert_same(found, reconcile(left, right, rule_set, as_of=AS_OF))


def test_a_copy_of_what_another_shard_has_matched_is_known_as_a_duplicate():
    left = items(item(1, reference="A", account="1"), item(2, reference="A", account="2"))
    right = items(item(11, reference="A", account="1"))
    rule_set = rules(exact("account", "amount"))
    found, _ = in_shards((left, right), rule_set, Split("account", 1), 2, {"1": 0, "2": 1})
    assert found.breaks["cause"].to_list() == ["duplicate"]
    assert_same(found, reconcile(left, right, rule_set, as_of=AS_OF))


def _fuzzy(**likeness: object) -> dict:
    fields = {"fields": ["counterparty"], "automatic": "0.9", "suggested": "0.6", **likeness}
    return {"name": "alike", "kind": "fuzzy", "keys": ["reference"], "likeness": fields}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([exact("reference")], [("reference", 1)]),
        ([exact("account", "reference")], [("reference", 1), ("account", 1)]),
        (
            [exact("account", "reference"), exact("account", name="b")],
            [("account", 2), ("reference", 1)],
        ),
        (
            [exact("reference=external_id", "account")],
            [("reference=external_id", 1), ("account", 1)],
        ),
        ([exact("reference"), exact("reference=external_id", name="b")], [("reference", 1)]),
        (
            [exact("reference"), exact("account", name="b"), exact("reference", name="c")],
            [("reference", 1)],
        ),
        ([exact("reference"), _fuzzy()], [("reference", 1)]),
        ([exact("reference"), _fuzzy(weights=WEIGHTS)], [("reference", 2)]),
        ([exact("counterparty"), exact("reference", name="b")], []),
        ([exact("reference=attributes.x")], []),
        ([exact("amount", "booked_on")], []),
        ([_fuzzy()], []),
    ],
)
def test_the_first_passes_with_a_key_in_common_are_split_by_it(
    steps: list[dict], expected: list[tuple[str, int]]
):
    splits = splits_of(rules(*steps), FIELDS)
    assert [(split.key, split.passes) for split in splits] == expected


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            exact("counterparty"),
            "The first pass, 'exact', has none of reference, external_id, account among its keys.",
        ),
        (_fuzzy(), "The first pass, 'alike', learns its weights from all items at once."),
    ],
)
def test_what_cannot_be_split_says_why(step: dict, words: str):
    assert obstacle(rules(step), FIELDS) == words


def test_weights_that_were_learned_before_are_no_obstacle():
    rule_set = rules(_fuzzy())
    assert splits_of(rule_set.with_learned({"alike": WEIGHTS}), FIELDS) == (Split("reference", 1),)


def test_an_item_is_in_one_shard_only():
    rule_set, split = rules(exact("reference")), Split("reference", 1)
    shard = match_shard(items(item(1, reference="A")), items(item(1)), rule_set, split)
    with pytest.raises(ItemsInvalid, match="left items: an item is in two shards"):
        joined([shard, shard])


def test_shards_whose_amounts_are_too_large_together_are_refused():
    rule_set, split = rules(exact("reference")), Split("reference", 1)
    huge = "230584300921369.3952"  # 2**61 as the kernel counts
    shards = [
        match_shard(items(), items(item(number, huge, reference="A")), rule_set, split)
        for number in (1, 2)
    ]
    with pytest.raises(ItemsInvalid, match="right items: the amounts add up to more"):
        joined(shards)

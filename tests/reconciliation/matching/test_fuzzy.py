"""Fuzzy passes: alike texts weighed without labels, the most likely assignment, ties refused."""

from __future__ import annotations

import json
import time
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reconciliation.matching import RulesInvalid, assignment, candidates, reconcile
from apps.reconciliation.matching.likeness import LEVELS, MISSING, Texts, normalised
from apps.reconciliation.matching.weights import Candidacy, Weights, estimated, levels_by_chance
from tests.examples import slow
from tests.reconciliation.matching.making import (
    AS_OF,
    causes,
    exact,
    grouped,
    item,
    items,
    near,
    outcome,
    rules,
    window,
)
from tests.reconciliation.matching.oracle import Costs, kind, pairings

SLOW = slow(15)
NAMES = {"equal": "8", "close": "6", "alike": "2", "different": "-4"}
PINNED = {"prior": "-3", "counterparty": NAMES}
BOTH = {"prior": "-3", "counterparty": NAMES, "narrative": {**NAMES, "equal": "5"}}


def alike(*fields: str, keys: tuple[str, ...] = (), weights: dict | None = None, **given) -> dict:
    """A fuzzy pass."""
    likeness = {"fields": list(fields or ("counterparty",)), **given.pop("likeness", {})}
    if weights:
        likeness["weights"] = weights
    base = {"name": "names", "kind": "fuzzy", "keys": list(keys), "likeness": likeness}
    return {**base, "date_window": window(3, 3), **given}


def levels(name: str, left: str, right: str) -> str:
    texts = Texts(name, pl.Series([left]), pl.Series([right]))
    found, _ = texts.compared(np.array([0]), np.array([0]))
    return [*LEVELS, "missing"][int(found[0])]


@pytest.mark.parametrize(
    ("name", "left", "right", "level"),
    [
        ("counterparty", "MÜLLER, Karl", "Karl Muller", "equal"),
        ("counterparty", "Smith&Sons", "smith sons", "equal"),
        ("counterparty", "A.C.M.E. Ltd.", "acme ltd", "equal"),
        ("counterparty", "Acme Limited", "ACME Ltd", "equal"),
        ("counterparty", "Acme Lighting", "ACME Light", "close"),
        ("counterparty", "Acme Lights", "ACME Ltd", "alike"),
        ("counterparty", "Nerilo GmbH", "Talabi Pomesi Likibo GmbH", "different"),
        ("counterparty", "Grill on the Alley", "Grill, The", "close"),
        ("narrative", "747 9th Ave.", "747 Ninth Avenue", "equal"),
        ("counterparty", "Spago", "Spago (Los Angeles)", "close"),
        ("counterparty", "Acme Holdings", "Acme Holding", "close"),
        ("counterparty", "Acme", "Zenith", "different"),
        ("counterparty", "", "Acme", "missing"),
        ("counterparty", "--", "Acme", "missing"),
        ("reference", "310/246-1501", "310-246.1501", "equal"),
        ("reference", "310/246-1501", "3102461501", "alike"),
        ("reference", "INV-1/12", "INV-11/2", "alike"),
        ("reference", "A-1", "1-A", "different"),
        ("reference", "INV 7 PO 9", "INV 9 PO 7", "alike"),
        ("reference", "12.345", "123.45", "alike"),
        ("account", "SO-FIRST", "SO-1ST", "different"),
        ("external_id", "Ä-1'", "a 1", "equal"),
        ("reference", "INV-00123", "INV-00132", "close"),
        ("reference", "INV-00123", "INV 00124", "close"),
        ("reference", "INV-00123", "INV-00145", "alike"),
        ("reference", "INV-0", "INV-00000123", "different"),
        ("reference", "1234567000", "1234567999", "alike"),  # 70%: from the limit on
        ("reference", f"{'1' * 22}000", f"{'1' * 22}999", "close"),  # 88%
    ],
)
def test_how_alike_two_texts_are(name, left, right, level):
    assert levels(name, left, right) == level
    assert levels(name, right, left) == level


def test_a_text_is_normalised_once_for_all_its_rows():
    texts = pl.Series(["b A", "", "b A", "Ç"])
    assert normalised(texts).to_list() == ["a b", "", "a b", "c"]


@pytest.mark.parametrize("field", ["external_id", "attributes.order"])
def test_items_that_differ_in_what_is_compared_alone_are_told_apart(field):
    """Their amounts, days and texts are the same; neither stands for the other."""
    codes = {"left": ("ORDER-AAAA-1111", "XYZQ-9876543"), "right": ("KLMNO-7654", "XYZQ-9876543")}

    def told(code: str) -> dict[str, object]:
        name = field.partition(".")[2]
        return {"attributes": json.dumps({name: code})} if name else {field: code}

    sides = [[item(n, **told(code)) for n, code in enumerate(codes[side], 1)] for side in codes]
    for left, right in (sides, [each[::-1] for each in sides]):
        step = alike(field, weights={"prior": "-3", field: NAMES})
        assert grouped(outcome(left, right, step)) == ["L2 R2"]


def test_what_has_been_compared_is_remembered():
    texts = Texts("counterparty", pl.Series(["Acme", "Zen"]), pl.Series(["Acne", "Zen", "Xy"]))
    one = texts.compared(np.array([0, 1]), np.array([0, 1]))
    both = texts.compared(np.array([0, 1, 1, 0]), np.array([0, 1, 2, 0]))
    again = texts.compared(np.array([0]), np.array([0]))
    assert one[1].tolist() == both[1][:2].tolist()
    assert again[1][0] == both[1][3] == both[1][0]


def test_a_name_spelt_otherwise_is_matched_and_every_field_says_what_it_is_worth():
    left = [item(1, counterparty="Acme Trade", narrative="Rent January")]
    right = [item(1, counterparty="Acme Trading", narrative="rent, january", booked=11)]
    step = alike("counterparty", "narrative", "reference", weights={**BOTH, "reference": NAMES})
    result = outcome(left, right, step)
    assert grouped(result) == ["L1 R1"]
    assert json.loads(result.groups["reasons"][0]) == [
        "counterparty 85% alike: Acme Trade / Acme Trading (weight 2.0)",
        "narrative 100% alike: Rent January / rent, january (weight 5.0)",
        "reference is missing on one side",
        "match weight 4.0, probability 94.11%",
        "amount equal",
        "booked 1 day later (window -3..3)",
    ]
    assert result.groups["status"].to_list() == ["suggested"]


def test_fields_that_are_equal_or_differ_are_told_as_such():
    left = [item(1, counterparty="Acme", narrative="Rent")]
    right = [item(1, counterparty="Acme", narrative="Salary")]
    result = outcome(
        left, right, alike("counterparty", "narrative", weights={**BOTH, "prior": "5"})
    )
    assert json.loads(result.groups["reasons"][0])[:2] == [
        "counterparty equal: Acme (weight 8.0)",
        "narrative differs: Rent / Salary (weight -4.0)",
    ]


@pytest.mark.parametrize(
    ("needed", "expected"),
    [([], ["L1 R1", "L2 R2", "L3 R3"]), (["narrative"], ["L3 R3"])],
)
def test_what_is_needed_has_to_be_alike_at_least(needed, expected):
    """However much the rest says; what is blank is not alike."""
    words = [("rent", "salary"), ("", "rent"), ("rents", "rent")]
    both = [
        [
            item(n, f"{n}.00", counterparty="Acme", narrative=pair[side])
            for n, pair in enumerate(words, 1)
        ]
        for side in (0, 1)
    ]
    step = alike("counterparty", "narrative", weights={**BOTH, "prior": "9"})
    step["likeness"]["needed"] = needed
    assert grouped(outcome(*both, step)) == expected


@pytest.mark.parametrize(
    ("prior", "status", "expected"),
    [
        ("-1.3", "automatic", "automatic"),
        ("-1.4", "automatic", "suggested"),
        ("-4.9", "automatic", None),
        ("-1.3", "suggested", "suggested"),
    ],
)
def test_thresholds_decide_what_is_automatic_and_what_is_suggested(prior, status, expected):
    # 0.99 is 6.63 bits, 0.9 is 3.17 bits.
    both = [item(1, counterparty="Acme")]
    step = alike(weights={"prior": prior, "counterparty": NAMES}, status=status)
    assert outcome(both, both, step).groups["status"].to_list() == ([expected] if expected else [])


def test_the_most_likely_assignment_overall_counts_and_not_the_most_pairs():
    left = [item(1, counterparty="Acme Holding"), item(2, counterparty="Acme Holding Plc")]
    right = [item(1, counterparty="Acme Holding"), item(2, counterparty="Zenith")]
    assert grouped(outcome(left, right, alike(weights=PINNED))) == ["L1 R1"]


def test_equally_likely_candidates_are_refused_and_listed():
    left = [item(1, counterparty="Acme")]
    right = [item(n, counterparty="Acme", narrative=f"n{n}") for n in (1, 2)]
    result = outcome(left, right, alike(weights=PINNED))
    assert causes(result) == {"ambiguous": [("mismatched", ["L1", "R1", "R2"])]}


def test_the_nearer_date_decides_between_equally_likely_ones():
    left = [item(1, counterparty="Acme")]
    right = [item(1, counterparty="Acme", booked=12), item(2, counterparty="Acme", booked=11)]
    assert grouped(outcome(left, right, alike(weights=PINNED))) == ["L1 R2"]


def test_the_smaller_difference_in_amount_goes_before_the_nearer_date():
    left = [item(1, "10.00", counterparty="Acme")]
    right = [item(1, "10.02", counterparty="Acme"), item(2, "10.01", 12, counterparty="Acme")]
    step = alike(weights=PINNED, tolerance={"absolute": "0.05"})
    assert grouped(outcome(left, right, step)) == ["L1 R2"]


def test_keys_amount_and_window_limit_the_candidates():
    left = [item(1, counterparty="Acme", account="1")]
    step = alike(weights=PINNED, keys=("account",))
    for other in ({"account": "2"}, {"account": "1", "booked": 14}):
        assert grouped(outcome(left, [item(1, counterparty="Acme", **other)], step)) == []
    dearer = [item(1, "100.01", counterparty="Acme", account="1")]
    assert grouped(outcome(left, dearer, step)) == []


def _many(count: int, seed: int = 1) -> tuple[list[dict], list[dict]]:
    """Names of random syllables; the right ones with an ending or a letter that is wrong."""
    random = np.random.default_rng(seed)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    names = ["".join(random.choice(syllables, 4)) + " gmbh" for _ in range(count)]
    left = [item(n, counterparty=name, narrative=f"x{n % 7}") for n, name in enumerate(names)]
    spelt = [name[:-5] if n % 3 else name.replace("a", "e", 1) for n, name in enumerate(names)]
    right = [item(n, counterparty=name, narrative=f"x{n % 7}") for n, name in enumerate(spelt)]
    return left, right


def test_weights_are_estimated_from_the_items_and_can_be_pinned():
    left, right = _many(60)
    step = alike("counterparty", "narrative")
    result = outcome(left, right, step)
    pairs = grouped(result)
    assert sum(group == f"L{n} R{n}" for n, group in enumerate(pairs)) == len(pairs) > 50
    learned = result.learned["names"]
    assert float(learned["counterparty"]["equal"]) > 5 > float(learned["narrative"]["equal"])
    assert float(learned["counterparty"]["different"]) < 0
    pinned = outcome(left, right, alike("counterparty", "narrative", weights=learned))
    assert grouped(pinned) == pairs
    assert pinned.learned == {}
    turned = outcome(left[::-1], right[::-1], step)
    assert turned.learned == result.learned
    assert grouped(turned) == pairs


def test_estimated_weights_hold_for_the_whole_run():
    left, right = _many(30)
    left += [
        item(100, counterparty="twin", narrative="p"),
        item(101, account="9", counterparty="Q"),
    ]
    right += [
        item(100, counterparty="twin", narrative="q"),
        item(101, counterparty="twin", narrative="r", account="9"),
    ]
    result = outcome(left, right, alike(), exact("account", name="account"))
    assert "L100 R100" in grouped(result)
    assert "L101 R101" in grouped(result)


def test_what_was_learned_is_taken_under_the_same_digest():
    left, right = _many(60)
    estimating = rules(alike())
    first = reconcile(items(*left), items(*right), estimating, as_of=AS_OF)
    learned = estimating.with_learned(first.learned)
    assert learned.digest == estimating.digest
    assert learned.to_mapping() == estimating.to_mapping()
    again = reconcile(items(*left), items(*right), learned, as_of=AS_OF)
    assert again.learned == {}
    assert again.groups.equals(first.groups)
    few = [items(*side[:3]) for side in (left, right)]
    assert grouped(reconcile(*few, learned, as_of=AS_OF)) == ["L0 R0", "L1 R1", "L2 R2"]
    assert reconcile(*few, estimating, as_of=AS_OF).learned != first.learned


def test_weights_that_the_rules_give_are_not_replaced_by_learned_ones():
    sure = rules(alike(weights={**PINNED, "prior": "9"}), exact("reference", name="other"))
    learned = sure.with_learned({"names": PINNED, "other": PINNED, "gone": PINNED})
    left, right = items(item(1, counterparty="Acme")), items(item(1, counterparty="Acme"))
    result = reconcile(left, right, learned, as_of=AS_OF)
    assert "match weight 17.0" in result.groups["reasons"][0]


def test_what_was_learned_for_other_fields_is_refused():
    with pytest.raises(RulesInvalid, match=r"names\.narrative\.equal: must be"):
        rules(alike("counterparty", "narrative")).with_learned({"names": PINNED})


def test_without_a_candidate_nothing_is_learned():
    apart = [item(1, counterparty="Acme")], [item(1, "7.00", counterparty="Acme")]
    assert outcome(*apart, alike()).learned == {}
    assert outcome([], [], alike()).learned == {}


def test_random_pairs_of_large_sides_are_drawn_alike_in_any_order(monkeypatch):
    monkeypatch.setattr("apps.reconciliation.matching.weights.RANDOM_PAIRS", 500)
    left, right = _many(40)
    results = [outcome(*sides, alike()) for sides in ((left, right), (left[::-1], right[::-1]))]
    assert results[0].learned == results[1].learned


def test_what_is_simulated_is_found_again():
    """Levels drawn from known shares: the estimates are near what they were drawn from."""
    random = np.random.default_rng(7)
    m = np.array([[0.7, 0.2, 0.05, 0.05], [0.5, 0.2, 0.2, 0.1], [0.9, 0.02, 0.03, 0.05]])
    u = np.array([[0.01, 0.01, 0.03, 0.95], [0.05, 0.05, 0.1, 0.8], [0.2, 0.1, 0.2, 0.5]])
    matches, others = 400, 40_000
    drawn = np.vstack(
        [
            np.column_stack([random.choice(4, count, p=shares) for shares in table])
            for table, count in ((m, matches), (u, others))
        ]
    )
    patterns, counts = np.unique(drawn, axis=0, return_counts=True)
    by_chance = [shares * 100_000 for shares in u]
    weights = estimated(["a", "b", "c"], Candidacy(patterns, counts, 1_000), by_chance)
    assert weights.prior / 1000 == pytest.approx(np.log2(matches / others), abs=0.5)
    for name, own_m, own_u in zip("abc", m, u, strict=True):
        found = np.array(weights.fields[name]) / 1000
        assert found == pytest.approx(np.log2(own_m / own_u), abs=0.75)


def test_the_matches_are_set_aside_when_chance_is_measured():
    names = pl.Series([f"{chr(97 + n) * 6}" for n in range(10)])
    seen = levels_by_chance(Texts("counterparty", names, names))
    assert seen.tolist() == [0, 0, 0, 90]
    kinds = pl.Series(["rent", "salary"] * 5)
    assert levels_by_chance(Texts("narrative", kinds, kinds))[0] == 50 - 10


def test_nothing_to_compare_is_nothing_matched():
    assert grouped(outcome([], [], alike())) == []
    assert grouped(outcome([item(1)], [item(1)], alike())) == []


def test_a_block_with_too_many_candidates_is_refused(monkeypatch):
    monkeypatch.setattr(candidates, "CHAIN_PAIRS", 3)
    left = [item(n, counterparty="Acme", narrative=f"{n}") for n in range(2)]
    result = outcome(left, left, alike(weights=PINNED))
    assert "too many candidates" in result.ambiguous["reason"][0]


def test_a_component_that_takes_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(assignment, "ITEM_PAIRS", 0)
    monkeypatch.setattr("apps.reconciliation.matching.paths.SEARCH_STEPS", 1)
    left = [item(n, counterparty="Acme", narrative=f"{n}") for n in range(2)]
    step = alike("counterparty", "narrative", weights=BOTH, likeness={"suggested": "0.6"})
    result = outcome(left, left, step)
    assert "too many candidates" in result.ambiguous["reason"][0]


def test_large_amounts_count_in_whole_numbers_of_any_size():
    left = [item(1, counterparty="Acme"), item(2, counterparty="Acme", narrative="x")]
    for each in left:
        each["amount"] = 2**60
    right = [dict(each) for each in left]
    right[0]["amount"] -= 2**50 - 1
    step = alike("counterparty", "narrative", weights=BOTH, tolerance={"percent": "50"})
    assert grouped(outcome(left, right, step)) == ["L1 R1", "L2 R2"]


def test_five_hundred_equal_amounts_with_blank_texts_end_in_time():
    random = np.random.default_rng(5)
    sides = []
    for _ in range(2):
        amounts = random.integers(1, 5_000, 5_000) * 100
        amounts[:500] = 49_9900
        rows = [
            item(n, "0", int(random.integers(1, 29)), counterparty=f"C{n % 40}" if n % 2 else "")
            | {"amount": int(amount)}
            for n, amount in enumerate(amounts)
        ]
        sides.append(items(*rows))
    begin = time.perf_counter()
    result = reconcile(*sides, rules(alike("counterparty", "reference")), as_of=AS_OF)
    assert time.perf_counter() - begin < 5
    assert result.proof_amount == 0


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict], list[dict]]:
    names = ["Acme Holding", "Acme Holding Plc", "Acme Holdings", "Zenith", ""]

    def side() -> list[dict]:
        return [
            item(
                number,
                draw(st.sampled_from(["1.00", "1.00", "1.01"])),
                draw(st.integers(1, 3)),
                counterparty=draw(st.sampled_from(names)),
                narrative=draw(st.sampled_from(["", "rent", "rents"])),
            )
            for number in draw(st.permutations(range(1, 1 + draw(st.integers(0, 4)))))
        ]

    return side(), side()


def _worth(left: dict, right: dict) -> int:
    total = -3000
    for name, weights in (("counterparty", NAMES), ("narrative", BOTH["narrative"])):
        level = levels(name, left[name], right[name])
        total += 0 if level == "missing" else int(weights[level]) * 1000
    return total


@SLOW
@given(cases(), st.randoms())
def test_pairs_are_those_of_every_most_likely_assignment(sides, random):
    left, right = sides
    step = alike(
        "counterparty",
        "narrative",
        weights=BOTH,
        tolerance={"absolute": "0.01"},
        likeness={"suggested": "0.6"},
    )
    rule_set = rules(step)
    least = rule_set.passes[0].likeness.least
    costs: Costs = {}
    worths = {}
    for one, a in enumerate(left):
        for other, b in enumerate(right):
            worth = _worth(a, b)
            if worth >= least:
                worths[one, other] = worth
                apart = abs((a["booked_on"] - b["booked_on"]).days)
                costs[one, other] = abs(a["amount"] - b["amount"]), apart

    def rank(pairing) -> tuple[int, int, int]:
        return (
            -sum(worths[pair] for pair in pairing),
            sum(costs[pair][0] for pair in pairing),
            sum(costs[pair][1] for pair in pairing),
        )

    everything = list(pairings(costs, len(left), len(right)))
    best = min(map(rank, everything))
    flows = [
        Counter((kind(left[one]), kind(right[other])) for one, other in pairing)
        for pairing in everything
        if rank(pairing) == best
    ]
    sure = Counter(
        {pair: n for pair, n in flows[0].items() if all(flow[pair] == n for flow in flows)}
    )
    result = reconcile(items(*left), items(*right), rule_set, as_of=AS_OF)
    assert result.proof_amount == 0
    by_id = [{each["id"]: each for each in side} for side in sides]
    made: dict[int, list] = {}
    for number, name, identifier, _ in result.items.iter_rows():
        made.setdefault(number, []).append(kind(by_id[name == "right"][identifier]))
    assert Counter(tuple(pair) for pair in made.values()) == sure
    assert result.ambiguous.is_empty() == (set().union(*flows) == set(sure))

    for side in (left, right):
        random.shuffle(side)
    assert reconcile(items(*left), items(*right), rule_set, as_of=AS_OF).groups.equals(
        result.groups
    )
    held = {name: set() for name in ("left", "right")}
    for _, name, identifier, _ in result.items.iter_rows():
        held[name].add(identifier)
    still = [
        items(*(each for each in side if each["id"] not in held[name]))
        for name, side in (("left", left), ("right", right))
    ]
    assert reconcile(*still, rule_set, as_of=AS_OF).groups.is_empty()


@st.composite
def populations(draw: st.DrawFn) -> tuple[list[dict], list[dict]]:
    """Up to twelve items a side whose names, references and amounts are often alike."""
    names = ["Acme Holding", "Acme Holding Plc", "Acme Holdings", "Zenith Trade", "Zenit Trade", ""]

    def side() -> list[dict]:
        return [
            item(
                number,
                draw(st.sampled_from(["1.00", "1.00", "1.01", "2.00", "-1.00"])),
                draw(st.integers(1, 5)),
                counterparty=draw(st.sampled_from(names)),
                narrative=draw(st.sampled_from(["", "rent", "rents", "salary"])),
                reference=draw(st.sampled_from(["", "A1", "A2"])),
            )
            for number in draw(st.permutations(range(1, 1 + draw(st.integers(0, 12)))))
        ]

    return side(), side()


@SLOW
@given(
    populations(),
    st.sampled_from(["0.6", "0.9"]),
    st.permutations(["names", "texts", "exact", "near"]),
)
def test_running_again_over_what_stayed_open_finds_nothing(sides, suggested, order):
    """Two fuzzy passes that estimate their weights, among others, in any order."""
    likeness = {"suggested": suggested}
    steps = {
        "names": alike(tolerance={"absolute": "0.01"}, likeness=likeness),
        "texts": alike("counterparty", "narrative", name="texts", likeness=likeness),
        "exact": exact("reference", date_window=window(1, 1)),
        "near": near("0.01", "narrative", date_window=window(0, 2)),
    }
    rule_set = rules(*(steps[name] for name in order))
    first = reconcile(*(items(*side) for side in sides), rule_set, as_of=AS_OF)
    still = [
        items(*(each for each in side if each["id"] in set(open_ids)))
        for side, open_ids in zip(sides, _open_ids(first), strict=True)
    ]
    second = reconcile(*still, rule_set.with_learned(first.learned), as_of=AS_OF)
    assert second.groups.is_empty()
    assert second.learned == {}
    assert first.proof_amount == second.proof_amount == 0


def _open_ids(result) -> list[list[int]]:
    return [
        result.break_items.filter(pl.col("side") == side)["item_id"].to_list()
        for side in ("left", "right")
    ]


def test_the_weights_of_a_level_that_is_missing_are_none():
    weights = Weights(0, {"a": (1, 2, 3, 4)})
    assert weights.of("a", np.array([0, 3, MISSING])).tolist() == [1, 4, 0]

"""Subset passes: what adds up without a key is matched only if it is the one solution."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reconciliation.matching import Pass, bundles, packing, reconcile, subsets
from apps.reconciliation.matching.subsets import Allowance, TooMuch, in_reach, subsets_of
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
from tests.reconciliation.matching.oracle import compared, day, kind

SLOW = slow(15)
ACME = {"counterparty": "Acme"}


def parts(*keys: str, **given) -> dict:
    """A subset pass."""
    return {"name": "parts", "kind": "subset", "keys": list(keys or ("counterparty",)), **given}


def side(*amounts: str, booked: int = 10) -> list[dict]:
    """Items of one customer; each is told apart by its narrative."""
    return [
        item(number, amount, booked, narrative=f"n{number}", **ACME)
        for number, amount in enumerate(amounts, start=1)
    ]


def test_an_invoice_takes_the_part_payments_that_alone_add_up_to_it():
    result = outcome(side("300.00", "70.00"), side("100.00", "200.00", "55.00"), parts())
    assert grouped(result) == ["L1 R1 R2"]
    assert json.loads(result.groups["reasons"][0]) == [
        "counterparty equal: Acme",
        "1 left item of 300.00 EUR, 2 right items of 300.00 EUR in all",
        "no other subset of the 3 right items in reach adds up to it",
        "amount equal",
        "booked on the same day",
    ]
    assert causes(result) == {
        "missing_right": [("missing", ["L2"])],
        "missing_left": [("missing", ["R3"])],
    }


def test_two_subsets_that_add_up_are_refused_and_their_items_listed():
    result = outcome(side("300.00"), side("100.00", "200.00", "120.00", "180.00", "1.00"), parts())
    assert grouped(result) == []
    assert causes(result)["ambiguous"] == [("mismatched", ["L1", "R1", "R2", "R3", "R4"])]
    evidence = json.loads(result.ambiguous["evidence"][0])
    assert evidence["right_candidates"] == [1, 2, 3, 4]


def test_a_choice_that_leaves_fewer_groups_is_no_rival():
    result = outcome(side("300.00", "100.00"), side("100.00", "200.00", "300.00"), parts())
    assert grouped(result) == ["L1 R3", "L2 R1"]
    assert "3 subsets compete, any other choice makes fewer groups" in result.groups["reasons"][0]


def test_two_invoices_for_which_the_same_payment_is_needed_are_refused():
    result = outcome(side("300.00", "250.00"), side("100.00", "200.00", "150.00"), parts())
    assert causes(result)["ambiguous"] == [("mismatched", ["L1", "L2", "R1", "R2", "R3"])]


@pytest.mark.parametrize(
    ("cardinality", "expected"),
    [
        ("one_to_many", ["L1 R1 R2"]),
        ("many_to_one", ["L2 L3 R3"]),
        ("either", ["L1 R1 R2", "L2 L3 R3"]),
        ("many_to_many", ["L1 R1 R2", "L2 L3 R3", "L4 L5 R4 R5"]),
    ],
)
def test_which_side_may_have_several(cardinality, expected):
    left = side("30.01", "400.02", "600.03", "7000.01", "4000.05")
    right = side("10.00", "20.01", "1000.05", "3000.02", "8000.04")
    result = outcome(left, right, parts(cardinality=cardinality))
    assert grouped(result) == expected


def test_the_reasons_of_many_to_many_and_of_a_limit_say_so():
    many = outcome(
        side("60.00", "40.00"), side("70.00", "30.00"), parts(cardinality="many_to_many")
    )
    assert grouped(many) == ["L1 L2 R1 R2"]
    words = "no other subsets of the 2 left and 2 right items in reach that add up take any"
    assert words in many.groups["reasons"][0]
    limited = outcome(side("30.00"), side("10.00", "20.00"), parts(most_items=2))
    words = "no other subset of at most 2 of the 2 right items in reach adds up to it"
    assert words in limited.groups["reasons"][0]
    turned = outcome(side("10.00", "20.00"), side("30.00"), parts())
    assert "of the 2 left items in reach" in turned.groups["reasons"][0]


def test_a_limit_on_items_leaves_larger_subsets_out_of_sight():
    left, right = side("60.00"), side("10.00", "20.00", "30.00", "25.00", "35.00")
    assert grouped(outcome(left, right, parts())) == []
    assert grouped(outcome(left, right, parts(most_items=2))) == ["L1 R4 R5"]
    many = side("60.00"), side(*(f"{n}.01" for n in range(1, 60)), "35.00", "25.00")
    assert grouped(outcome(*many, parts(most_items=2))) == ["L1 R60 R61"]
    both = parts(most_items=2, cardinality="many_to_many")
    assert grouped(outcome(side("60.00"), side("10.00", "20.00", "30.00"), both)) == []


def test_a_part_that_cancels_out_is_superfluous():
    left, right = side("100.00"), side("60.00", "40.00", "7.00", "-7.00")
    assert grouped(outcome(left, right, parts())) == ["L1 R1 R2"]
    credit = outcome(side("90.00"), side("60.00", "40.00", "-10.00"), parts())
    assert grouped(credit) == ["L1 R1 R2 R3"]


def test_an_item_of_nothing_belongs_nowhere():
    assert grouped(outcome(side("100.00", "0.00"), side("100.00", "0.00"), parts())) == ["L1 R1"]


def test_interchangeable_parts_are_taken_in_order_and_are_no_ambiguity():
    left = [item(1, "300.00", **ACME)]
    right = [item(n, "100.00", external_id=f"e{9 - n}", **ACME) for n in range(5)]
    assert grouped(outcome(left, right, parts())) == ["L1 R2 R3 R4"]
    twice = [item(n, "300.00", **ACME) for n in (1, 2)]
    more = [item(n, "100.00", external_id=f"e{n}", **ACME) for n in range(7)]
    assert grouped(outcome(twice, more, parts())) == ["L1 R0 R1 R2", "L2 R3 R4 R5"]


@pytest.mark.parametrize(
    ("step", "fits"),
    [
        (parts(date_window=window(0, 3)), True),
        (parts(date_window=window(0, 2)), False),
        (parts(date_window=window(0, 2, "business")), True),
        (parts(date_window=window(0, 3), cardinality="many_to_many"), True),
        (parts(date_window=window(0, 2), cardinality="many_to_many"), False),
    ],
)
def test_every_part_lies_in_the_window(step, fits):
    left = [item(1, "300.00", 9, **ACME)]  # a Friday
    right = [item(1, "100.00", 9, **ACME), item(2, "200.00", 12, **ACME)]
    assert grouped(outcome(left, right, step)) == (["L1 R1 R2"] if fits else [])


def test_the_window_decides_what_competes():
    left = [item(1, "300.00", 5, **ACME), item(2, "300.00", 20, **ACME)]
    right = [
        item(1, "100.00", 6, **ACME),
        item(2, "200.00", 6, **ACME),
        item(3, "120.00", 21, **ACME),
        item(4, "180.00", 21, **ACME),
    ]
    result = outcome(left, right, parts(date_window=window(0, 3)))
    assert grouped(result) == ["L1 R1 R2", "L2 R3 R4"]


def test_opposite_signs():
    left, right = side("300.00"), side("-100.00", "-200.00")
    assert grouped(outcome(left, right, parts())) == []
    assert grouped(outcome(left, right, parts(sign="opposite"))) == ["L1 R1 R2"]


def test_what_a_later_pass_takes_may_leave_one_solution():
    left = [item(1, "300.00", **ACME), item(2, "120.00", account="9")]
    right = [
        item(1, "100.00", narrative="a", **ACME),
        item(2, "200.00", narrative="b", **ACME),
        item(3, "120.00", account="9", **ACME),
        item(4, "180.00", narrative="d", **ACME),
    ]
    result = outcome(left, right, parts(), exact("account", name="account"))
    assert grouped(result) == ["L1 R1 R2", "L2 R3"]


def test_more_than_can_be_worked_through_is_refused_and_says_so(monkeypatch):
    monkeypatch.setattr(subsets, "HALF_SUMS", 16)
    right = side(*(f"{2**n / 100:.2f}" for n in range(14)))
    left = side(f"{0b10101010101010 / 100:.2f}", "1000.00")
    result = outcome(left, right, parts())
    assert grouped(result) == []
    everything = ["L1", *(f"R{n}" for n in range(1, 15))]
    assert causes(result)["ambiguous"] == [("mismatched", everything)]
    assert "too many candidates" in result.ambiguous["reason"][0]
    monkeypatch.undo()
    assert grouped(outcome(left, right, parts())) == ["L1 R2 R4 R6 R8 R10 R12 R14"]


def test_what_is_within_reach_of_too_much_is_in_doubt_as_well(monkeypatch):
    monkeypatch.setattr(subsets, "KEPT_AT_MOST", 2)
    right = side("10.00", "20.00", "30.00", "40.00", "50.00", "60.00", "1000.00")
    result = outcome(side("100.00", "10.00", "1000.00"), right, parts())
    # 1000.00 is too large to be part of 100.00; 10.00 is not.
    assert grouped(result) == ["L3 R7"]
    assert causes(result)["ambiguous"] == [
        ("mismatched", ["L1", "L2", *(f"R{n}" for n in range(1, 7))])
    ]
    many = outcome(side("100.00"), right, parts(cardinality="many_to_many"))
    assert "too many candidates" in many.ambiguous["reason"][0]


def test_what_is_made_leaves_room_to_look_again(monkeypatch):
    """The sums of one round do for the first invoice; without its parts they do for the second."""
    left = [item(1, "1000.01", 2, **ACME), item(2, "100.03", 20, **ACME)]
    early = [item(n, f"{100 + n}.00", 2, narrative=f"{n}", **ACME) for n in range(1, 8)]
    early.append(item(8, "899.01", 2, **ACME))
    late = [item(10, "60.01", 20, **ACME), item(11, "40.02", 20, **ACME)]
    step = parts(date_window=window(0, 1), cardinality="one_to_many")
    monkeypatch.setattr(bundles, "BLOCK_SUMS", 150)
    result = outcome(left, early + late, step)
    assert grouped(result) == ["L1 R1 R8", "L2 R10 R11"]


@pytest.mark.parametrize("limit", ["SEARCH_NODES", "BUNDLES"])
def test_too_many_ways_to_pack_are_refused(monkeypatch, limit):
    monkeypatch.setattr(packing, limit, 2)
    left, right = side("300.00", "100.00"), side("100.00", "200.00", "300.00")
    result = outcome(left, right, parts())
    assert grouped(result) == []
    assert "too many candidates" in result.ambiguous["reason"][0]


def test_a_block_in_which_everything_is_possible_is_refused_as_a_whole(monkeypatch):
    monkeypatch.setattr(subsets, "KEPT_AT_MOST", 1)
    monkeypatch.setattr(bundles, "BLOCK_LINKS", 3)
    left, right = side("50.00", "900.00"), side("10.00", "20.00", "30.00", "40.00", "900.00")
    (cluster,) = causes(outcome(left, right, parts()))["ambiguous"]
    assert len(cluster[1]) == 7


def test_five_hundred_equal_amounts_without_reference_come_to_an_end():
    random = np.random.default_rng(5)
    sides = []
    for _ in range(2):
        amounts = random.integers(1, 500_000, 5_000) * 100
        amounts[:500] = 49_9900
        days = random.integers(1, 29, 5_000)
        sides.append(
            items(
                *(
                    item(n, "0", int(day)) | {"amount": int(amount)}
                    for n, (amount, day) in enumerate(zip(amounts, days, strict=True))
                )
            )
        )
    for cardinality in ("either", "many_to_many"):
        step = parts("currency", date_window=window(3, 3), cardinality=cardinality)
        result = reconcile(*sides, rules(step), as_of=AS_OF)
        assert result.proof_amount == 0


NUMBERS = st.integers(-30, 30).filter(bool)


@SLOW
@given(
    st.lists(st.tuples(NUMBERS, st.integers(1, 2)), max_size=7),
    st.integers(-60, 60),
    st.integers(1, 9),
)
def test_subsets_are_those_of_trying_all(given_amounts, target, most):
    amounts = np.array([amount for amount, _ in given_amounts], dtype=np.int64)
    counts = np.array([count for _, count in given_amounts], dtype=np.int64)
    everything = []
    for chosen in np.ndindex(*(counts + 1)):
        if 0 < sum(chosen) <= most and int(np.array(chosen, dtype=np.int64) @ amounts) == target:
            everything.append(tuple((n, times) for n, times in enumerate(chosen) if times))
    smallest = {
        one
        for one in everything
        if not any(
            other != one and all(dict(one).get(n, 0) >= times for n, times in other)
            for other in everything
        )
    }
    is_near = in_reach(amounts, counts, target)
    numbers = np.flatnonzero(is_near)
    found = [
        tuple((int(numbers[position]), times) for position, times in subset)
        for subset in subsets_of(amounts[is_near], counts[is_near], target, most, Allowance(10**6))
    ]
    assert len(found) == len(set(found))
    assert set(found) == smallest


def test_an_allowance_is_a_hard_bound():
    amounts = np.arange(1, 20, dtype=np.int64)
    with pytest.raises(TooMuch):
        subsets_of(amounts, np.ones_like(amounts), 90, 99, Allowance(50))
    for size in (20, 40):
        ones = np.ones(size, dtype=np.int64)
        with pytest.raises(TooMuch):
            subsets_of(ones, ones, size // 2, 99, Allowance(10**9))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict], list[dict], dict]:
    def population(most: int) -> list[dict]:
        return [
            item(
                number,
                draw(st.sampled_from(["1.00", "2.00", "3.00", "4.00", "5.00", "9.00", "-1.00"])),
                draw(st.integers(1, 3)),
                counterparty=draw(st.sampled_from(["Acme", "Acme", "Acme", "Zen", ""])),
                narrative=draw(st.sampled_from(["", "", "x"])),
            )
            for number in draw(st.permutations(range(1, 1 + draw(st.integers(0, most)))))
        ]

    step = parts(
        cardinality=draw(st.sampled_from(["one_to_many", "many_to_one", "either", "many_to_many"])),
        sign=draw(st.sampled_from(["same", "same", "opposite"])),
    )
    if draw(st.booleans()):
        step["most_items"] = draw(st.integers(2, 3))
    if draw(st.booleans()):
        step["date_window"] = window(draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    return population(4), population(5), step


def _solutions(left: list[dict], right: list[dict], step: Pass) -> set[tuple]:
    """Every admitted group without superfluous parts, as positions of either side."""
    shapes = {
        "one_to_many": lambda a, b: a == 1,
        "many_to_one": lambda a, b: b == 1,
        "either": lambda a, b: min(a, b) == 1,
        "many_to_many": lambda a, b: True,
    }
    found = set()
    for lefts in range(1, len(left) + 1):
        for rights in range(1, len(right) + 1):
            if max(lefts, rights) > step.most_items or not shapes[step.cardinality](lefts, rights):
                continue
            for one in combinations(range(len(left)), lefts):
                for other in combinations(range(len(right)), rights):
                    if _adds_up([left[n] for n in one], [right[n] for n in other], step):
                        found.add((one, other))
    return found


def _adds_up(lefts: list[dict], rights: list[dict], step: Pass) -> bool:
    names = {each["counterparty"] for each in (*lefts, *rights)}
    if len(names) > 1 or not next(iter(names)).strip():
        return False
    signed = [compared(each, step, "left") for each in lefts]
    signed += [-compared(each, step, "right") for each in rights]
    if sum(signed) or not all(signed):
        return False
    for size in range(1, len(signed)):
        if any(not sum(some) for some in combinations(signed, size)):
            return False
    window = step.date_window
    if window is None:
        return True
    apart = [day(b, step) - day(a, step) for a in lefts for b in rights]
    return all(-window.before_days <= days <= window.after_days for days in apart)


def _packings(solutions: list[tuple]):
    if not solutions:
        yield []
        return
    first, *rest = solutions
    yield from _packings(rest)
    free = [
        each
        for each in rest
        if not set(each[0]) & set(first[0]) and not set(each[1]) & set(first[1])
    ]
    for packed in _packings(free):
        yield [first, *packed]


@SLOW
@given(cases(), st.randoms())
def test_groups_are_those_of_every_best_packing(case, random):
    left, right, raw = case
    rule_set = rules(raw)
    result = reconcile(items(*left), items(*right), rule_set, as_of=AS_OF)
    assert result.proof_amount == 0
    assert result.groups["difference"].abs().sum() == 0 or raw["sign"] == "opposite"

    def kinds(solution: tuple) -> tuple:
        one, other = solution
        return (
            tuple(sorted(kind(left[n]) for n in one)),
            tuple(sorted(kind(right[n]) for n in other)),
        )

    packings = list(_packings(sorted(_solutions(left, right, rule_set.passes[0]))))
    best = max(map(len, packings))
    counted = [Counter(map(kinds, packed)) for packed in packings if len(packed) == best]
    sure = Counter(
        {
            each: count
            for each, count in counted[0].items()
            if all(other[each] == count for other in counted)
        }
    )
    by_id = [{each["id"]: each for each in population} for population in (left, right)]
    made: dict[int, tuple[list, list]] = {}
    for number, name, identifier, _ in result.items.iter_rows():
        at = 0 if name == "left" else 1
        made.setdefault(number, ([], []))[at].append(kind(by_id[at][identifier]))
    assert Counter((tuple(sorted(a)), tuple(sorted(b))) for a, b in made.values()) == sure
    if not set().union(*counted) - set(sure):
        assert result.ambiguous.is_empty()
    else:
        assert not result.ambiguous.is_empty()

    for population in (left, right):
        random.shuffle(population)
    shuffled = reconcile(items(*left), items(*right), rule_set, as_of=AS_OF)
    assert shuffled.groups.equals(result.groups)
    assert shuffled.items.equals(result.items)
    still = [
        [each for each in population if not _held(result, name, each["id"])]
        for name, population in (("left", left), ("right", right))
    ]
    assert reconcile(*(items(*each) for each in still), rule_set, as_of=AS_OF).groups.is_empty()


def _held(result, name: str, identifier: int) -> bool:
    own = result.items.filter(pl.col("side") == name)["item_id"]
    return identifier in own.to_list()

"""Which amounts hang together by candidate pairs, against a plain search of the graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reconciliation.matching import candidates
from apps.reconciliation.matching.candidates import Candidates
from apps.reconciliation.matching.classes import Classes
from tests.reconciliation.matching.making import near, rules, units

Node = tuple[str, int, int]  # side, block, amount in units
Pair = tuple[Node, Node]
nodes = st.sets(st.tuples(st.integers(0, 2), st.integers(-40, 40)), min_size=1, max_size=14)


def classes_of(chosen: list[tuple[int, int]]) -> Classes:
    size = len(chosen)
    blocks, amounts = np.array(chosen, dtype=np.int64).T
    nothing = np.zeros(size, dtype=np.int64)
    return Classes(
        blocks=blocks,
        amounts=amounts * units("1.00"),
        days=nothing,
        last_days=nothing,
        marks=None,
        worth=None,
        starts=np.arange(size),
        counts=np.ones(size, dtype=np.int64),
        is_mixed=nothing.astype(bool),
        rows=np.arange(size),
    )


def parts_of(pairs: list[Pair]) -> list[set[Pair]]:
    """The pairs, those together that share a node."""
    parts: list[set[Pair]] = []
    for pair in pairs:
        touching = [part for part in parts if any(set(pair) & set(other) for other in part)]
        parts = [part for part in parts if part not in touching]
        parts.append({pair}.union(*touching))
    return parts


@given(lefts=nodes, rights=nodes, tolerance=st.integers(0, 8), most=st.integers(0, 9))
def test_what_hangs_together_is_crowded_as_a_whole_and_nothing_else(lefts, rights, tolerance, most):
    left, right = sorted(lefts), sorted(rights)
    pairs = [
        (("L", *one), ("R", *other))
        for one in left
        for other in right
        if one[0] == other[0] and abs(one[1] - other[1]) <= tolerance
    ]
    crowded = {
        node for part in parts_of(pairs) if len(part) > most for pair in part for node in pair
    }
    (step,) = rules(near(f"{tolerance}.00", "account")).passes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "CHAIN_PAIRS", most)
        patch.setattr(candidates, "BATCH_PAIRS", 1)
        found = Candidates(classes_of(left), classes_of(right), step)
        batches = list(found.batches())

    told = {
        (side, *node)
        for side, chosen, chains in zip("LR", (left, right), found.crowded(), strict=True)
        for node, chain in zip(chosen, chains, strict=True)
        if chain >= 0
    }
    assert told == crowded
    looked_at = [
        (("L", *left[one]), ("R", *right[other]))
        for batch in batches
        for one, other in zip(batch.left, batch.right, strict=True)
    ]
    assert looked_at == [pair for pair in pairs if pair[0] not in crowded]

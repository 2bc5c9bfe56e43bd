"""Subset passes: items that add up to one of the other side, without a key that says which.

What makes up a group has equal keys and the window in common, nothing else. A group is made only if
it is proved that there is no other: ``subsets`` finds all subsets that add up, ``packing`` all ways
to have as many groups as possible beside each other, and what is not in all of them is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from apps.reconciliation.matching.batches import (
    Batches,
    added_up,
    batch_members,
    batched,
    sum_words,
)
from apps.reconciliation.matching.bundles import Block, Made, Verdict, judged
from apps.reconciliation.matching.classes import Classes, PassSide, kinds_of, may_pair, runs
from apps.reconciliation.matching.found import DOUBTS, NO_CLUSTER, Found
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.pairing import shared_blocks
from apps.reconciliation.matching.pairs import pair_groups
from apps.reconciliation.matching.pass_rules import MANY_TO_MANY, NO_LIMIT, SUBSET, Pass
from apps.reconciliation.matching.passes.kinds import pass_kind
from apps.reconciliation.matching.reasons import pair_reasons
from apps.reconciliation.matching.schemas import LEFT, RIGHT, SIDES, Ints


@pass_kind(SUBSET)
def match(left: PassSide, right: PassSide, step: Pass) -> Found:
    """Make the groups that are the only solution, of interchangeable items those first in order."""
    sides = {LEFT: left, RIGHT: right}
    keyed = [_not_zero(side) for side in sides.values()]
    blocks = shared_blocks(keyed[0], keyed[1], step.block_fields)
    lefts, rights = kinds_of(blocks[0], left), kinds_of(blocks[1], right)
    taking = _Taking({LEFT: lefts, RIGHT: rights})
    for pool in _pools(lefts, rights):
        taking.add(pool, judged(pool.block, step))
    batches = {name: taking.batches(name, side, step) for name, side in sides.items()}
    return _told(sides, batches, taking, step)


def _not_zero(side: PassSide) -> pl.DataFrame:
    """An item of nothing fits everywhere, and so belongs nowhere."""
    rows = side.keyed[ROW].to_numpy()
    return side.keyed.filter(side.amounts[rows] != 0)


@dataclass(frozen=True)
class _Pool:
    """A block with the class that each of its nodes is: a left or a right one."""

    block: Block
    classes: Ints

    def side_of(self, node: int) -> tuple[str, int]:
        """The side of a node and its class there."""
        return LEFT if node < self.block.lefts else RIGHT, int(self.classes[node])


def _pools(left: Classes, right: Classes) -> Iterator[_Pool]:
    """Every block in which something can add up, in no particular order."""
    numbers = _hopeful(left, right)
    cuts = [
        (np.searchsorted(side.blocks, numbers), np.searchsorted(side.blocks, numbers, "right"))
        for side in (left, right)
    ]
    for at in range(len(numbers)):
        ranges = [np.arange(begins[at], ends[at]) for begins, ends in cuts]
        both = list(zip((left, right), ranges, strict=True))
        amounts, days, room = (
            np.concatenate([getattr(side, name)[chosen] for side, chosen in both])
            for name in ("amounts", "days", "counts")
        )
        yield _Pool(Block(amounts, days, room, len(ranges[0])), np.concatenate(ranges))


def _hopeful(left: Classes, right: Classes) -> Ints:
    """The blocks in which the sums of either side can meet: most need no closer look.

    With one item on each side, these have to be equal.
    """
    if not len(left):
        return np.zeros(0, dtype=np.int64)
    count = int(max(left.blocks.max(), right.blocks.max())) + 1
    low, high = [], []
    for side in (left, right):
        totals = side.amounts * side.counts
        low.append(_added(side.blocks, np.minimum(totals, 0), count))
        high.append(_added(side.blocks, np.maximum(totals, 0), count))
    is_lone = np.ones(count, dtype=np.bool_)
    for side in (left, right):
        is_lone &= _added(side.blocks, side.counts, count) == 1
    meets = (np.maximum(*low) < 0) | (np.minimum(*high) > 0)
    same = (low[0] == low[1]) & (high[0] == high[1])
    has_both = np.isin(np.arange(count), left.blocks)
    return np.flatnonzero(has_both & np.where(is_lone, same, meets))


def _added(blocks: Ints, amounts: Ints, count: int) -> Ints:
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, blocks, amounts)
    return sums


class _Taking:
    """The items that the groups take, and what stays undecided."""

    def __init__(self, classes: dict[str, Classes]) -> None:
        self._classes = classes
        self._taken = {name: np.zeros(len(side), dtype=np.int64) for name, side in classes.items()}
        self._rows: dict[str, list[Ints]] = {LEFT: [], RIGHT: []}
        self._groups: dict[str, list[Ints]] = {LEFT: [], RIGHT: []}
        self._open: list[tuple[int, str, int, bool]] = []  # cluster, side, class, is crowded
        self._clusters = 0
        self.made: list[Made] = []

    def add(self, pool: _Pool, verdict: Verdict) -> None:
        """Take what is certain in a block, note what is not."""
        for made in verdict.made:
            for _ in range(made.copies):
                for node, times in made.bundle:
                    self._take(*pool.side_of(node), times)
                self.made.append(made)
        noted: set[int] = set()
        for is_crowded, clusters in ((False, verdict.torn), (True, verdict.crowded)):
            for nodes in clusters:
                noted |= nodes
                self._note(pool, nodes, self._clusters, is_crowded=is_crowded)
                self._clusters += 1
        # With less in a block more of it may be worked through, whatever it is that goes.
        everything = set(range(len(pool.classes))) if verdict.crowded else verdict.shaken
        self._note(pool, everything - noted, NO_CLUSTER, is_crowded=False)

    def _take(self, name: str, number: int, times: int) -> None:
        side, taken = self._classes[name], self._taken[name]
        begin = side.starts[number] + taken[number]
        taken[number] += times
        self._rows[name].append(side.rows[begin : begin + times])
        self._groups[name].append(np.full(times, len(self.made)))

    def _note(self, pool: _Pool, nodes: set[int], cluster: int, *, is_crowded: bool) -> None:
        self._open += ((cluster, *pool.side_of(node), is_crowded) for node in sorted(nodes))

    def batches(self, name: str, side: PassSide, step: Pass) -> Batches:
        """The items of each group on one side, in the order of groups."""
        none = np.zeros(0, dtype=np.int64)
        rows = pl.DataFrame(
            {
                ROW: np.concatenate([none, *self._rows[name]]).astype(np.uint32),
                "group": np.concatenate([none, *self._groups[name]]),
            }
        )
        keyed = rows.join(side.keyed, on=ROW)
        frame = added_up(side, keyed, ["group", *step.block_fields]).sort("group")
        return batched(side, frame, step, name)

    def doubts(self) -> pl.DataFrame:
        """DOUBTS of the items that no group has taken."""
        frames = [DOUBTS.to_frame()]
        for name, side in self._classes.items():
            own = [each for each in self._open if each[1] == name]
            chosen = np.array([number for _, _, number, _ in own], dtype=np.int64)
            taken = self._taken[name][chosen]
            sizes = side.counts[chosen] - taken
            rows = side.rows[runs(side.starts[chosen] + taken, sizes)]
            clusters = np.array([cluster for cluster, *_ in own], dtype=np.int64)
            crowded = np.array([each[3] for each in own], dtype=np.bool_)
            frames.append(
                pl.DataFrame(
                    {
                        "cluster": np.repeat(clusters, sizes),
                        "side": pl.repeat(name, len(rows), dtype=SIDES, eager=True),
                        ROW: rows.astype(np.uint32),
                        "is_crowded": np.repeat(crowded, sizes),
                    },
                    schema=DOUBTS,
                )
            )
        return pl.concat(frames)


def _told(
    sides: dict[str, PassSide], batches: dict[str, Batches], taking: _Taking, step: Pass
) -> Found:
    left, right = batches[LEFT].side, batches[RIGHT].side
    numbers = np.arange(len(taking.made))
    numbers = numbers[may_pair(left, right, numbers, numbers)]
    rows = numbers, numbers
    sums = sum_words(left, right, rows)
    made = [taking.made[number] for number in numbers]
    proofs = pl.Series([_proof_words(each, step) for each in made], dtype=pl.String)
    reasons = pair_reasons(step, left, right, rows, sums, proofs)
    members = [batch_members(name, side, batches[name], numbers) for name, side in sides.items()]
    return Found(pair_groups(step, left, right, rows, reasons), pl.concat(members), taking.doubts())


def _proof_words(made: Made, step: Pass) -> str:
    """``no other subset of the 7 right items in reach adds up to it``."""
    lefts, rights = made.candidates
    limit = f" of at most {step.most_items}" if step.most_items < NO_LIMIT else ""
    if made.rivals:
        return f"{made.rivals + 1} subsets{limit} compete, any other choice makes fewer groups"
    if step.cardinality == MANY_TO_MANY:
        among = f"{lefts} left and {rights} right items"
        return f"no other subsets{limit} of the {among} in reach that add up take any of these"
    among = f"{max(lefts, rights)} {LEFT if lefts > rights else RIGHT} items"
    return f"no other subset{limit} of the {among} in reach adds up to it"

"""Which items of a block could make up a group, and which of these groups are certain.

A bundle takes items of both sides whose amounts add up to the same, and none of it adds up to
nothing. Bundles compete for items: as many as possible are wanted, and those are made that every
best packing has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from apps.reconciliation.matching.candidates import day_gaps, in_window
from apps.reconciliation.matching.packing import Packing, best_packings
from apps.reconciliation.matching.pass_rules import (
    EITHER,
    MANY_TO_MANY,
    MANY_TO_ONE,
    ONE_TO_MANY,
    Pass,
)
from apps.reconciliation.matching.schemas import Ints
from apps.reconciliation.matching.subsets import (
    UNLIMITED,
    Allowance,
    Subset,
    TooMuch,
    in_reach,
    subsets_of,
)

BLOCK_SUMS = 2**21  # sums made for one block, about a third of a second
BLOCK_LINKS = 20_000_000  # candidates of all hopeless targets of one block


@dataclass
class Block:
    """The kinds of interchangeable items of one block; left ones first.

    Attributes:
        amounts: what is compared, none of them 0.
        room: how many items there are left of each kind.
        lefts: how many kinds are on the left.
    """

    amounts: Ints
    days: Ints
    room: Ints
    lefts: int

    @property
    def left(self) -> Ints:
        """The left nodes that have items."""
        return np.flatnonzero(self.room[: self.lefts])

    @property
    def right(self) -> Ints:
        """The right nodes that have items."""
        return self.lefts + np.flatnonzero(self.room[self.lefts :])


@dataclass
class Made:
    """A bundle that is certain.

    Attributes:
        copies: how often it is made, of interchangeable items.
        candidates: left and right items among which it was found.
        rivals: other bundles that compete with it for an item.
    """

    bundle: Subset
    copies: int
    candidates: tuple[int, int]
    rivals: int


@dataclass
class Verdict:
    """What is certain in a block, and what is open.

    Attributes:
        torn: sets of nodes that compete in bundles of which none is certain.
        crowded: sets of nodes with more possibilities than are worked through.
        shaken: nodes of which more may be decided once some of them are gone.
    """

    made: list[Made] = field(default_factory=list)
    torn: list[set[int]] = field(default_factory=list)
    crowded: list[set[int]] = field(default_factory=list)
    shaken: set[int] = field(default_factory=set)


def judged(block: Block, step: Pass) -> Verdict:
    """What is certain in the block; takes it out of the block's room.

    What is made leaves less to look at for what was too much, so that is then looked at again.
    """
    verdict = newest = _judged_once(block, step)
    while newest.crowded and newest.made:
        newest = _judged_once(block, step)
        verdict = replace(newest, made=verdict.made + newest.made)
    return verdict


def _judged_once(block: Block, step: Pass) -> Verdict:
    finder = _Finder(block, step)
    verdict = Verdict()
    for bundles, crowds in _components(finder.bundles, finder.crowds, len(block.room)):
        nodes = {node for bundle in bundles for node, _ in bundle}
        if crowds:
            nodes.update(np.unique(np.concatenate(crowds)).tolist())
        packing = None if crowds else _packed(bundles, block)
        if packing is None:
            verdict.crowded.append(nodes)
            verdict.shaken |= nodes
            continue
        undecided = []
        for bundle, least, most in zip(bundles, packing.least, packing.most, strict=True):
            if least != most:
                undecided.append(bundle)
            elif most:
                candidates = finder.bundles[bundle]
                verdict.made.append(Made(bundle, most, candidates, len(bundles) - 1))
        if undecided:
            verdict.torn += (
                {node for bundle in group for node, _ in bundle}
                for group, _ in _components(undecided, [], len(block.room))
            )
            verdict.shaken |= nodes
    for made in verdict.made:
        for node, times in made.bundle:
            block.room[node] -= made.copies * times
    return verdict


def _packed(bundles: list[Subset], block: Block) -> Packing | None:
    """None if that takes too long to decide."""
    room = {node: int(block.room[node]) for bundle in bundles for node, _ in bundle}
    if len(bundles) == 1:
        most = min(room[node] // times for node, times in bundles[0])
        return Packing([most], [most])
    try:
        return best_packings(bundles, room, block.lefts)
    except TooMuch:
        return None


def _components(
    bundles: Iterable[Subset], crowds: list[Ints], nodes: int
) -> list[tuple[list[Subset], list[Ints]]]:
    """Bundles and crowds that are connected by the nodes they take; each sorted."""
    ordered = sorted(bundles)
    linked = [*(np.array([node for node, _ in bundle]) for bundle in ordered), *crowds]
    if not linked:
        return []
    firsts = np.repeat([each[0] for each in linked], [len(each) for each in linked])
    links = (np.ones(len(firsts), dtype=np.bool_), (firsts, np.concatenate(linked)))
    _, labels = connected_components(coo_array(links, shape=(nodes, nodes)), directed=False)
    parts: dict[int, tuple[list[Subset], list[Ints]]] = {}
    for bundle in ordered:
        parts.setdefault(labels[bundle[0][0]], ([], []))[0].append(bundle)
    for crowd in crowds:
        parts.setdefault(labels[crowd[0]], ([], []))[1].append(crowd)
    return list(parts.values())


class _Finder:
    """Finds every bundle of a block.

    Attributes:
        bundles: each with the left and right items among which it was found.
        crowds: nodes with more possibilities than are worked through.
    """

    def __init__(self, block: Block, step: Pass) -> None:
        self._block, self._step = block, step
        self._allowance = Allowance(BLOCK_SUMS)
        self.bundles: dict[Subset, tuple[int, int]] = {}
        self.crowds: list[Ints] = []
        if step.cardinality == MANY_TO_MANY:
            self._find_many_to_many()
        else:
            self._find_one_to_many()

    def _find_one_to_many(self) -> None:
        targets: list[int] = []
        if self._step.cardinality in {ONE_TO_MANY, EITHER}:
            targets += self._block.left.tolist()
        if self._step.cardinality in {MANY_TO_ONE, EITHER}:
            targets += self._block.right.tolist()
        is_crowded = np.zeros(len(self._block.room), dtype=np.bool_)
        links = 0
        # The largest first: what may be part of too many subsets for it is in doubt for all others.
        for node in sorted(targets, key=lambda each: (-abs(int(self._block.amounts[each])), each)):
            parts = self._parts(node)
            is_hopeless = self._allowance.is_spent or is_crowded[parts].all()
            if len(parts) and (is_hopeless or not self._has_found(node, parts)):
                self.crowds.append(np.append(parts, node))
                is_crowded[self.crowds[-1]] = True
                links += len(parts)
            if links > BLOCK_LINKS:
                self.crowds = [np.concatenate([self._block.left, self._block.right])]
                return

    def _parts(self, node: int) -> Ints:
        """The nodes of the other side that can be part of this one: by date and by amount."""
        block = self._block
        is_left = node < block.lefts
        parts = block.right if is_left else block.left
        days, own = block.days[parts], np.full(len(parts), block.days[node])
        ends = ((own, own), (days, days)) if is_left else ((days, days), (own, own))
        parts = parts[in_window(day_gaps(*ends), self._step.date_window)]
        target = int(block.amounts[node])
        return parts[in_reach(block.amounts[parts], block.room[parts], target)]

    def _has_found(self, node: int, parts: Ints) -> bool:
        """Note every bundle of a node and parts of the other side, unless that is too much."""
        block = self._block
        room = block.room[parts]
        count = int(room.sum())
        try:
            subsets = subsets_of(
                block.amounts[parts],
                room,
                int(block.amounts[node]),
                self._step.most_items,
                self._allowance,
            )
        except TooMuch:
            return False
        for subset in subsets:
            taken = [(int(parts[position]), times) for position, times in subset]
            bundle = tuple(sorted([(node, 1), *taken]))
            self.bundles.setdefault(bundle, (1, count) if node < block.lefts else (count, 1))
        return True

    def _find_many_to_many(self) -> None:
        """Left amounts less right amounts that add up to nothing, with items of both sides."""
        block = self._block
        nodes = np.concatenate([block.left, block.right])
        signed = np.where(nodes < block.lefts, block.amounts[nodes], -block.amounts[nodes])
        is_near = in_reach(signed, block.room[nodes], 0)
        nodes, signed = nodes[is_near], signed[is_near]
        counts = int(block.room[block.left].sum()), int(block.room[block.right].sum())
        try:
            found = subsets_of(signed, block.room[nodes], 0, UNLIMITED, self._allowance)
        except TooMuch:
            self.crowds.append(nodes)
            return
        for subset in found:
            bundle = tuple((int(nodes[position]), times) for position, times in subset)
            if self._fits(bundle):
                self.bundles[bundle] = counts

    def _fits(self, bundle: Subset) -> bool:
        """Whether it takes of both sides, not more than it may, and every item in the window."""
        block = self._block
        nodes = np.array([node for node, _ in bundle])
        times = np.array([number for _, number in bundle])
        is_left = nodes < block.lefts
        sizes = times[is_left].sum(), times[~is_left].sum()
        if not min(sizes) or max(sizes) > self._step.most_items:
            return False
        left, right = block.days[nodes[is_left]], block.days[nodes[~is_left]]
        ends = [(days.min(keepdims=True), days.max(keepdims=True)) for days in (left, right)]
        return bool(in_window(day_gaps(*ends), self._step.date_window).all())

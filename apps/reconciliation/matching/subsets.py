"""All subsets of some amounts that add up to a target: exact, in int64, or refused as too much.

Meet in the middle (Horowitz and Sahni 1974, "Computing partitions with applications to the
knapsack problem"): the amounts are split into two halves, all sums of each half are made, and what
one half lacks to the target is looked up in the other. Thirty-six amounts take two tables of
262,144 sums instead of 69 thousand million subsets. Equal amounts are one entry with a count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from apps.reconciliation.matching.schemas import Flags, Ints

HALF_SUMS = 2**18  # sums of one half; a target that needs more is refused
FOUND_AT_MOST = 4_096  # subsets that add up, before those with a superfluous part are left out
KEPT_AT_MOST = 64  # alternatives that are weighed against each other
UNLIMITED = 2**31 - 1

Subset = tuple[tuple[int, int], ...]  # (position, how many of it), by position


class TooMuch(ArithmeticError):
    """More sums or more subsets than are worked through; the caller refuses to decide."""


class Allowance:
    """The sums that may still be made for a block: a hard bound on its work."""

    def __init__(self, sums: int) -> None:
        self.left = sums

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.left < 0

    def spend(self, sums: int) -> None:
        """Count sums made.

        Raises:
            TooMuch: there is no room for them.
        """
        self.left -= sums
        if self.left < 0:
            raise TooMuch


@dataclass(frozen=True)
class _Problem:
    """Positive amounts that are to add up to a target.

    Attributes:
        largest: the most items in a subset.
    """

    amounts: Ints
    counts: Ints
    wanted: int
    largest: int


@dataclass(frozen=True)
class _Half:
    """Sums of one half, each with the entry it grew from and what was added to that.

    Attributes:
        sizes: how many amounts are in each sum.
        parents: the sum without its last amount; the first sum, 0, is its own.
        positions, times: which amount came last, and how often.
    """

    sums: Ints
    sizes: Ints
    parents: Ints
    positions: Ints
    times: Ints

    def subset(self, entry: int) -> list[tuple[int, int]]:
        """What the sum is made of."""
        parts = []
        while entry:
            parts.append((int(self.positions[entry]), int(self.times[entry])))
            entry = int(self.parents[entry])
        return parts


def in_reach(amounts: Ints, counts: Ints, target: int) -> Flags:
    """Which of the amounts can be part of a subset that adds up to the target; a quick bound."""
    turned, wanted = _all_positive(amounts, counts, target)
    is_small = np.abs(amounts) <= wanted
    if wanted < 0 or wanted > int(np.abs(amounts[is_small]) @ counts[is_small]):
        return np.zeros(len(amounts), dtype=np.bool_)
    return is_small | turned


def subsets_of(
    amounts: Ints, counts: Ints, target: int, most_items: int, allowance: Allowance
) -> list[Subset]:
    """Every subset that adds up to the target and has no part that adds up to nothing.

    Args:
        amounts: none of them 0, each ``in_reach`` of the target.
        counts: how many there are of each amount.
        most_items: the largest subset that counts.

    Raises:
        TooMuch: the bounds on sums or subsets do not suffice.
    """
    turned, wanted = _all_positive(amounts, counts, target)
    sizes = np.abs(amounts)
    chosen = np.flatnonzero(sizes <= wanted)
    flipped = np.flatnonzero(turned)
    # Turned amounts count by their absence, so the size of a sum says nothing before the end.
    problem = _Problem(sizes, counts, wanted, UNLIMITED if len(flipped) else most_items)
    one, other = (_sums(problem, half, allowance) for half in _halves(chosen, counts))
    found = (_turned_back(parts, flipped, counts) for parts in _meeting(one, other, problem))
    return minimal(
        subset for subset in found if 0 < sum(times for _, times in subset) <= most_items
    )


def _all_positive(amounts: Ints, counts: Ints, target: int) -> tuple[Flags, int]:
    """Which amounts to count by their absence, and the target that this leaves.

    Leaving out -30 is adding 30 to a target that is 30 higher for it, so that all sums grow. Where
    the target is more than half of everything, what is left out is the smaller problem.
    """
    negative = amounts < 0
    low, high = int((amounts * counts)[negative].sum()), int((amounts * counts)[~negative].sum())
    if high - target < target - low:
        return ~negative, high - target
    return negative, target - low


def _halves(chosen: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """The positions in two parts that make about as many sums."""
    order = chosen[np.argsort(-counts[chosen], kind="stable")]
    weights = [0.0, 0.0]
    parts: tuple[list[int], list[int]] = ([], [])
    for position in order.tolist():
        lighter = int(weights[1] < weights[0])
        parts[lighter].append(position)
        weights[lighter] += float(np.log2(counts[position] + 1))
    return np.array(parts[0], dtype=np.int64), np.array(parts[1], dtype=np.int64)


def _sums(problem: _Problem, half: Ints, allowance: Allowance) -> _Half:
    """All sums of a half that are not above the target."""
    zero = np.zeros(1, dtype=np.int64)
    columns: list[Ints] = [zero] * 5
    for position in half.tolist():
        sums, sizes = columns[0], columns[1]
        grown = [columns]
        made, amount = len(sums), int(problem.amounts[position])
        for times in range(1, int(problem.counts[position]) + 1):
            fits = sums <= problem.wanted - times * amount
            entries = np.flatnonzero(fits & (sizes <= problem.largest - times))
            if not len(entries):
                break
            made += len(entries)
            allowance.spend(len(entries))
            if made > HALF_SUMS:
                raise TooMuch
            grown.append(
                [
                    sums[entries] + times * amount,
                    sizes[entries] + times,
                    entries,
                    np.full(len(entries), position),
                    np.full(len(entries), times),
                ]
            )
        columns = [np.concatenate(column) for column in zip(*grown, strict=True)]
    return _Half(*columns)


def _meeting(one: _Half, other: _Half, problem: _Problem) -> list[list[tuple[int, int]]]:
    """The pairs of entries that make up the target with no more items than there may be."""
    if problem.largest == UNLIMITED:
        return _lookup(one, other, problem.wanted, one.sizes >= 0, other.sizes >= 0)
    found = []
    for size in np.unique(one.sizes):
        is_small = other.sizes <= problem.largest - size
        found += _lookup(one, other, problem.wanted, one.sizes == size, is_small)
    return found


def _lookup(
    one: _Half, other: _Half, wanted: int, of_one: Flags, of_other: Flags
) -> list[list[tuple[int, int]]]:
    """The pairs of these entries that make up the target."""
    entries, others = np.flatnonzero(of_one), np.flatnonzero(of_other)
    order = others[np.argsort(other.sums[others], kind="stable")]
    lacking = wanted - one.sums[entries]
    begins = np.searchsorted(other.sums[order], lacking, side="left")
    ends = np.searchsorted(other.sums[order], lacking, side="right")
    if int((ends - begins).sum()) > FOUND_AT_MOST:
        raise TooMuch
    return [
        one.subset(int(entries[at])) + other.subset(match)
        for at in np.flatnonzero(ends > begins)
        for match in order[begins[at] : ends[at]].tolist()
    ]


def _turned_back(parts: list[tuple[int, int]], flipped: Ints, counts: Ints) -> Subset:
    """The subset itself, where some amounts were counted by their absence."""
    times = dict.fromkeys(flipped.tolist(), 0)
    times |= {position: int(counts[position]) for position in times}
    for position, number in parts:
        times[position] = times[position] - number if position in times else number
    return tuple(sorted((position, number) for position, number in times.items() if number))


def minimal(subsets: Iterable[Subset]) -> list[Subset]:
    """Those that contain none of the others, sorted by size and content.

    Raises:
        TooMuch: more than KEPT_AT_MOST.
    """
    kept: list[Subset] = []
    counted: list[dict[int, int]] = []
    for subset in sorted(subsets, key=lambda each: (sum(times for _, times in each), each)):
        own = dict(subset)
        if not any(
            all(own.get(position, 0) >= times for position, times in smaller.items())
            for smaller in counted
        ):
            if len(kept) == KEPT_AT_MOST:
                raise TooMuch
            kept.append(subset)
            counted.append(own)
    return kept

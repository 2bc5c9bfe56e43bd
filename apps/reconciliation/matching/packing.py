"""How many bundles fit beside each other, and which of them every best packing has."""

from __future__ import annotations

from dataclasses import dataclass

from apps.reconciliation.matching.subsets import Subset, TooMuch

SEARCH_NODES = 5_000  # of one search; each looks at the bundles that are left
BUNDLES = 400  # of one search


@dataclass(frozen=True)
class Packing:
    """For each bundle, how often it occurs in the best packings: at least and at most."""

    least: list[int]
    most: list[int]


def best_packings(bundles: list[Subset], room: dict[int, int], lefts: int) -> Packing:
    """What all packings of as many bundles as possible have in common, by trying all of them.

    Args:
        bundles: what each takes of which node.
        room: what there is of each node.
        lefts: the nodes below this number are the left ones; a bundle takes of both sides.

    Raises:
        TooMuch: too many bundles, or too many ways to pack them.
    """
    if len(bundles) > BUNDLES:
        raise TooMuch
    search = _Search(bundles, room, lefts)
    search.try_from(0, 0, [])
    return Packing(search.least, search.most)


class _Search:
    """Depth first; what cannot reach the best count found so far is not followed."""

    def __init__(self, bundles: list[Subset], room: dict[int, int], lefts: int) -> None:
        self._bundles = bundles
        self._room = dict(room)
        self._reach = _reaches(bundles, lefts)
        self._steps = 0
        self._best = -1
        self.least: list[int] = []
        self.most: list[int] = []

    def try_from(self, index: int, packed: int, taken: list[int]) -> None:
        """Try every number of this bundle and of those after it."""
        self._steps += 1
        if self._steps > SEARCH_NODES:
            raise TooMuch
        if index == len(self._bundles):
            self._note(packed, taken)
            return
        bundle = self._bundles[index]
        most = min(self._room[node] // times for node, times in bundle)
        for number in range(most, -1, -1):
            self._take(bundle, number)
            if packed + number + self._at_most(index + 1) >= self._best:
                self.try_from(index + 1, packed + number, [*taken, number])
            self._take(bundle, -number)

    def _take(self, bundle: Subset, number: int) -> None:
        for node, times in bundle:
            self._room[node] -= number * times

    def _at_most(self, index: int) -> int:
        """Each bundle takes at least one item of either side."""
        return min(sum(self._room[node] for node in side) for side in self._reach[index])

    def _note(self, packed: int, taken: list[int]) -> None:
        if packed > self._best:
            self._best, self.least, self.most = packed, list(taken), list(taken)
            return
        # Less than the best is never followed to the end.
        self.least = [min(pair) for pair in zip(self.least, taken, strict=True)]
        self.most = [max(pair) for pair in zip(self.most, taken, strict=True)]


def _reaches(bundles: list[Subset], lefts: int) -> list[tuple[frozenset[int], frozenset[int]]]:
    """For each bundle the left and right nodes of it and all after it; empty ones at the end."""
    reaches: list[tuple[frozenset[int], frozenset[int]]] = [(frozenset(), frozenset())]
    for bundle in reversed(bundles):
        nodes = {node for node, _ in bundle}
        left, right = reaches[-1]
        reaches.append(
            (
                left | {node for node in nodes if node < lefts},
                right | {node for node in nodes if node >= lefts},
            )
        )
    return reaches[::-1]

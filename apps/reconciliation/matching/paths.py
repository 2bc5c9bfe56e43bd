"""Cheapest flow by augmenting paths, in Python's integers: exact at any size of amount.

Slower per edge than a matrix, but a class with a hundred thousand items is one node here, and a
sparse component costs only what is looked at.
"""

from __future__ import annotations

import heapq

import numpy as np

from apps.reconciliation.matching.networks import Network
from apps.reconciliation.matching.schemas import Ints

# Arcs that may be looked at for one component (a few seconds); every edge is looked at once to
# begin with, and each of the searches that follow looks at several again.
SEARCH_STEPS = 3_000_000
_LOOKS_AT_LEAST = 8
_SOURCE, _SINK = 0, 1


class _Residual:
    """A flow network; arc ``i ^ 1`` is the way back along arc ``i``."""

    def __init__(self, nodes: int) -> None:
        self.arcs: list[list[int]] = [[] for _ in range(nodes)]
        self.heads: list[int] = []
        self.rooms: list[int] = []
        self.costs: list[int] = []
        # Potentials keep the reduced cost of every open arc at 0 or above, so Dijkstra applies.
        self.potentials = [0] * nodes
        self.steps = 0

    def connect(self, tail: int, head: int, room: int, cost: int) -> None:
        """Add an arc and its way back."""
        for start, end, free, price in ((tail, head, room, cost), (head, tail, 0, -cost)):
            self.arcs[start].append(len(self.heads))
            self.heads.append(end)
            self.rooms.append(free)
            self.costs.append(price)

    def cheapest_path(self) -> list[int]:
        """The arcs of a cheapest open path from sink back to source; none if there is no path."""
        best = {_SOURCE: 0}
        via: dict[int, int] = {}
        settled: dict[int, int] = {}
        queue = [(0, _SOURCE)]
        while queue:
            distance, node = heapq.heappop(queue)
            if node in settled:
                continue
            settled[node] = distance
            if node == _SINK:
                break
            for arc in self.arcs[node]:
                self.steps += 1
                head = self.heads[arc]
                if not self.rooms[arc] or head in settled:
                    continue
                reach = distance + self.costs[arc] + self.potentials[node] - self.potentials[head]
                if head not in best or reach < best[head]:
                    best[head], via[head] = reach, arc
                    heapq.heappush(queue, (reach, head))
        if _SINK not in settled:
            return []
        for node, distance in settled.items():
            self.potentials[node] += distance - settled[_SINK]
        return self._arcs_back(via)

    def _arcs_back(self, via: dict[int, int]) -> list[int]:
        path = []
        node = _SINK
        while node != _SOURCE:
            path.append(via[node])
            node = self.heads[via[node] ^ 1]
        return path

    def push(self, path: list[int]) -> None:
        """Send as much along the path as it has room for."""
        amount = min(self.rooms[arc] for arc in path)
        for arc in path:
            self.rooms[arc] -= amount
            self.rooms[arc ^ 1] += amount


def flow_by_paths(network: Network) -> Ints:
    """Items paired along each edge: as many as possible, at the least total weight.

    -1 on every edge if that takes more than SEARCH_STEPS.
    """
    too_much = np.full(len(network), -1, dtype=np.int64)
    if len(network) * _LOOKS_AT_LEAST > SEARCH_STEPS:
        return too_much
    residual = _residual(network)
    while path := residual.cheapest_path():
        residual.push(path)
        if residual.steps > SEARCH_STEPS:
            return too_much
    return np.array(residual.rooms[1 : 2 * len(network) : 2], dtype=np.int64)


def _residual(network: Network) -> _Residual:
    """Source, left classes, right classes, sink; the arcs of the edges come first."""
    lefts, left_first, left_at = np.unique(network.left, return_index=True, return_inverse=True)
    rights, right_first, right_at = np.unique(network.right, return_index=True, return_inverse=True)
    first_right = 2 + len(lefts)
    residual = _Residual(first_right + len(rights))
    rooms = np.minimum(network.supply, network.demand).tolist()
    ends = zip((left_at + 2).tolist(), (right_at + first_right).tolist(), strict=True)
    for (left, right), room, weight in zip(ends, rooms, network.weights.tolist(), strict=True):
        residual.connect(left, right, room, weight)
    for left, supply in enumerate(network.supply[left_first].tolist()):
        residual.connect(_SOURCE, 2 + left, supply, 0)
    for right, demand in enumerate(network.demand[right_first].tolist()):
        residual.connect(first_right + right, _SINK, demand, 0)
    return residual

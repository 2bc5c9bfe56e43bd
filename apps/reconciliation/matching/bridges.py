"""Bridges of a graph: the links that lie on no cycle (Tarjan 1974, "A note on finding the
bridges of a graph"), without recursion."""

from __future__ import annotations

import numpy as np

from apps.reconciliation.matching.schemas import Flags, Ints


def bridges(tails: Ints, heads: Ints) -> Flags:
    """Which links of a graph without parallel links are bridges.

    Args:
        tails, heads: the two ends of each link, as any node numbers.
    """
    links: dict[int, list[tuple[int, int]]] = {}
    for link, (tail, head) in enumerate(zip(tails.tolist(), heads.tolist(), strict=True)):
        links.setdefault(tail, []).append((head, link))
        links.setdefault(head, []).append((tail, link))
    is_bridge = np.zeros(len(tails), dtype=np.bool_)
    order: dict[int, int] = {}
    for root in links:
        if root not in order:
            is_bridge[_bridges_from(root, links, order)] = True
    return is_bridge


def _bridges_from(
    root: int, links: dict[int, list[tuple[int, int]]], order: dict[int, int]
) -> list[int]:
    """The bridges of the part that holds the root; numbers its nodes in ``order``."""
    found: list[int] = []
    order[root] = len(order)
    low = {root: order[root]}
    path = [(root, -1, iter(links[root]))]
    while path:
        node, arrival, rest = path[-1]
        for neighbour, link in rest:
            if link == arrival:
                continue
            if neighbour in order:
                low[node] = min(low[node], order[neighbour])
                continue
            order[neighbour] = low[neighbour] = len(order)
            path.append((neighbour, link, iter(links[neighbour])))
            break
        else:
            path.pop()
            if path:
                parent = path[-1][0]
                low[parent] = min(low[parent], low[node])
                if low[node] > order[parent]:
                    found.append(arrival)
    return found

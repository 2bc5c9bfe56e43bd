"""Cheapest flow item by item, by the sparse Jonker-Volgenant method of SciPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from apps.reconciliation.matching.classes import runs
from apps.reconciliation.matching.networks import Network
from apps.reconciliation.matching.schemas import Floats, Ints


def flow_by_items(network: Network, labels: Ints) -> Ints:
    """Items paired along each edge: as many as possible, at the least total weight.

    The method pairs every left item. Each has therefore a stand-in on the right, of its own and
    dearer than all real pairs of its component together: an item that gets it stays unpaired.

    Args:
        labels: the component of each edge; there may be several.
    """
    lefts = _Side.of(network.left, network.supply)
    rights = _Side.of(network.right, network.demand)
    pairs = network.supply * network.demand
    edge = np.repeat(np.arange(len(network)), pairs)
    nth_left, nth_right = np.divmod(runs(np.zeros_like(pairs), pairs), network.demand[edge])
    lines = lefts.first_item[edge] + nth_left
    columns = rights.first_item[edge] + nth_right
    # Costs start at 1: an explicit 0 would count as no pair.
    costs = network.weights.astype(float)[edge] + 1
    refusals = np.zeros(lefts.items)
    refusals[lines] = _refusals(network, labels)[edge]
    everyone = np.arange(lefts.items)
    graph = coo_array(
        (
            np.append(costs, refusals),
            (np.append(lines, everyone), np.append(columns, rights.items + everyone)),
        ),
        shape=(lefts.items, rights.items + lefts.items),
    )
    chosen_lines, chosen_columns = min_weight_full_bipartite_matching(graph.tocsr())
    real = chosen_columns < rights.items
    made = lefts.owner[chosen_lines[real]] * rights.classes + rights.owner[chosen_columns[real]]
    keys = lefts.positions * rights.classes + rights.positions
    order = np.argsort(keys)
    flow = np.zeros(len(network), dtype=np.int64)
    np.add.at(flow, order[np.searchsorted(keys, made, sorter=order)], 1)
    return flow


def _refusals(network: Network, labels: Ints) -> Floats:
    """For each edge, what it costs to leave out an item of its component."""
    _, component = np.unique(labels, return_inverse=True)
    peaks = np.zeros(component.max() + 1)
    np.maximum.at(peaks, component, network.weights.astype(float) + 1)
    return np.asarray((peaks * network.pairs_at_most(labels) + 1)[component])


@dataclass(frozen=True)
class _Side:
    """The items of one side, class after class.

    Attributes:
        positions: for each edge the number of its class.
        first_item: for each edge the first item of its class.
        owner: for each item the number of its class.
    """

    positions: Ints
    first_item: Ints
    owner: Ints
    classes: int
    items: int

    @classmethod
    def of(cls, classes: Ints, counts: Ints) -> _Side:
        """From the class and its number of items, edge by edge."""
        distinct, first, positions = np.unique(classes, return_index=True, return_inverse=True)
        sizes = counts[first]
        begins = np.cumsum(sizes) - sizes
        return cls(
            positions,
            begins[positions],
            np.repeat(np.arange(len(distinct)), sizes),
            len(distinct),
            int(sizes.sum()),
        )

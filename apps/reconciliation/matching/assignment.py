"""The best assignment of left to right classes: most items first, then least total cost.

Cost is the difference in amount, then the distance in days, compared one after the other. All
costs are whole numbers; the solver that counts in floating point is only used far below 2**53, up
to where it is exact. ``uniqueness`` proves every result again, in integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from apps.reconciliation.matching.candidates import Edges
from apps.reconciliation.matching.classes import Classes
from apps.reconciliation.matching.networks import Network
from apps.reconciliation.matching.paths import flow_by_paths
from apps.reconciliation.matching.schemas import Flags, Ints, Weights
from apps.reconciliation.matching.sparse import flow_by_items

EXACT_INT = 2**61
EXACT_FLOAT = 2**48
ITEM_PAIRS = 4_000_000  # pairs of single items that are solved in one piece
BATCH_ITEMS = 1_000  # small components are solved together, up to about this many left items


@dataclass(frozen=True)
class Solution:
    """How many items each edge pairs, in the order of the edges.

    Attributes:
        flow: items paired along each edge; -1 in components that took too long to decide.
        weights: one number for amount and day distance, comparable within a component.
        labels: the component of each edge.
    """

    flow: Ints
    weights: Weights
    labels: Ints


def component_labels(edges: Edges, left: Classes, right: Classes) -> Ints:
    """The connected component of each edge."""
    nodes = len(left) + len(right)
    links = (np.ones(len(edges), dtype=np.bool_), (edges.left, edges.right + len(left)))
    _, labels = connected_components(coo_array(links, shape=(nodes, nodes)), directed=False)
    return np.asarray(labels[edges.left], dtype=np.int64)


def solve(edges: Edges, left: Classes, right: Classes) -> Solution:
    """The best assignment inside each component.

    A component of a single edge needs no solver: it pairs what both sides have.
    """
    labels = component_labels(edges, left, right)
    flow = np.minimum(left.counts[edges.left], right.counts[edges.right])
    weights: Weights = np.zeros(len(edges), dtype=np.int64)
    order = sorted_shared(labels)
    if len(order):
        solved = _solve_shared(edges.only(order), labels[order], left, right)
        weights = weights.astype(solved.weights.dtype)
        flow[order], weights[order] = solved.flow, solved.weights
    return Solution(flow, weights, labels)


def sorted_shared(labels: Ints) -> Ints:
    """The edges that are not alone in their component, component by component."""
    shared = np.flatnonzero(np.bincount(labels)[labels] > 1)
    return np.asarray(shared[np.argsort(labels[shared], kind="stable")])


def _solve_shared(edges: Edges, labels: Ints, left: Classes, right: Classes) -> Solution:
    """``solve`` for edges sorted by component, each component with several edges."""
    weights = amount_and_day_costs(edges, labels)
    network = Network(
        edges.left, edges.right, weights, left.counts[edges.left], right.counts[edges.right]
    )
    return Solution(cheapest_flow(network, labels), weights, labels)


def cheapest_flow(network: Network, labels: Ints) -> Ints:
    """How many items each edge pairs; the edges are sorted by component.

    -1 on every edge of a component that takes too long to decide.
    """
    starts = _starts(labels)
    is_small = _fits_item_solver(network, labels, starts)
    flow = np.zeros(len(network), dtype=np.int64)
    for part in _batches(network, labels, starts, is_small):
        flow[part] = flow_by_items(network.only(part), labels[part])
    ends = np.append(starts[1:], len(network))
    for start, end in zip(starts[~is_small].tolist(), ends[~is_small].tolist(), strict=True):
        flow[start:end] = flow_by_paths(network.only(np.arange(start, end)))
    return flow


def _starts(labels: Ints) -> Ints:
    """Where each component begins, of sorted labels."""
    return np.flatnonzero(np.append(True, np.diff(labels) != 0)).astype(np.int64)


def amount_and_day_costs(edges: Edges, labels: Ints) -> Weights:
    """Amount and day distance as one integer in which no sum of days outweighs an amount.

    Two assignments differ along cycles that visit each node once, so a step in the amount has to
    be worth more than nodes x the largest day distance. Where int64 does not suffice, Python's
    integers are used.
    """
    starts = _starts(labels)
    sizes = np.diff(np.append(starts, len(edges)))
    nodes = _distinct(edges.left, labels) + _distinct(edges.right, labels)
    days = np.maximum.reduceat(edges.day_gaps, starts)
    coarseness = np.maximum(np.gcd.reduceat(edges.amount_gaps, starts), 1)
    steps = nodes * days + 1
    amounts = edges.amount_gaps // np.repeat(coarseness, sizes)
    peaks = np.maximum.reduceat(amounts, starts).astype(float) * steps + days
    kind = np.int64 if float((peaks * nodes).max()) < EXACT_INT else object
    spread = np.repeat(steps, sizes).astype(kind)
    return np.asarray(amounts.astype(kind) * spread + edges.day_gaps.astype(kind))


def _distinct(classes: Ints, labels: Ints) -> Ints:
    """How many classes each component has; a class is in one component only."""
    _, first = np.unique(classes, return_index=True)
    return np.unique(labels[first], return_counts=True)[1].astype(np.int64)


def _fits_item_solver(network: Network, labels: Ints, starts: Ints) -> Flags:
    """Which components are small enough, in items and in numbers, to be solved item by item.

    Leaving an item out costs that solver more than all pairs together, and no number it works
    with is larger than a few times that: every item can always be left out at this price.
    """
    pairs = np.add.reduceat(network.supply * network.demand, starts)
    peaks = np.maximum.reduceat(network.weights, starts).astype(float) + 1
    refusals = peaks * network.pairs_at_most(labels) + 1
    return np.asarray((pairs <= ITEM_PAIRS) & (refusals < EXACT_FLOAT))


def _batches(network: Network, labels: Ints, starts: Ints, is_small: Flags) -> list[Ints]:
    """The edges of the small components, in batches of whole components."""
    sizes = np.diff(np.append(starts, len(labels)))
    pairs = np.add.reduceat(network.supply * network.demand, starts)
    load = np.add.reduceat(network.supply, starts) + pairs // BATCH_ITEMS
    numbers = np.repeat(np.cumsum(np.where(is_small, load, 0)) // BATCH_ITEMS, sizes)
    chosen = np.flatnonzero(np.repeat(is_small, sizes))
    cuts = np.flatnonzero(np.diff(numbers[chosen])) + 1
    return [part for part in np.split(chosen, cuts) if len(part)]

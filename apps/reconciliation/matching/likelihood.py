"""The most likely assignment: the greatest total match weight.

Then the least difference in amount, then the least distance in days. An item may stay alone: that
costs what its best match would be worth, so that no pair is made only to have one more.
"""

from __future__ import annotations

import numpy as np

from apps.reconciliation.matching.assignment import (
    EXACT_INT,
    amount_and_day_costs,
    cheapest_flow,
    component_labels,
    sorted_shared,
)
from apps.reconciliation.matching.candidates import Edges
from apps.reconciliation.matching.classes import Classes
from apps.reconciliation.matching.decisions import Verdicts
from apps.reconciliation.matching.networks import Network
from apps.reconciliation.matching.schemas import Ints, Weights
from apps.reconciliation.matching.uniqueness import varying_edges


def most_likely(edges: Edges, worth: Ints, left: Classes, right: Classes) -> Verdicts:
    """What every most likely assignment pairs alike, of classes of interchangeable items.

    Args:
        worth: the match weight of each edge, above 0.
    """
    labels = component_labels(edges, left, right)
    made = np.minimum(left.counts[edges.left], right.counts[edges.right])
    is_torn = np.zeros(len(edges), dtype=np.bool_)
    is_crowded = np.zeros(len(edges), dtype=np.bool_)
    order = sorted_shared(labels)
    if len(order):
        flow, varies = _solved(edges.only(order), worth[order], labels[order], left, right)
        made[order] = np.where(varies | (flow < 0), 0, flow)
        is_torn[order], is_crowded[order] = varies, flow < 0
    return Verdicts(made, is_torn, is_crowded)


def _solved(
    edges: Edges, worth: Ints, labels: Ints, left: Classes, right: Classes
) -> tuple[Ints, np.ndarray]:
    """Flow of each edge, and whether it varies; the edges are sorted by component."""
    alone, first = np.unique(edges.left, return_index=True)
    costs, refusals = _costs(edges, worth, labels)
    everything = Network(
        np.append(edges.left, alone),
        np.append(edges.right, len(right) + alone),
        np.append(costs, refusals[first]),
        np.append(left.counts[edges.left], left.counts[alone]),
        np.append(right.counts[edges.right], left.counts[alone]),
    )
    every_label = np.append(labels, labels[first])
    order = np.argsort(every_label, kind="stable")
    network, ordered = everything.only(order), every_label[order]
    flow = cheapest_flow(network, ordered)
    varies = np.zeros(len(order), dtype=np.bool_)
    judged = np.flatnonzero(flow >= 0)
    if len(judged):
        varies[judged] = varying_edges(network.only(judged), ordered[judged], flow[judged])
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return flow[back[: len(edges)]], varies[back[: len(edges)]]


def _costs(edges: Edges, worth: Ints, labels: Ints) -> tuple[Weights, Weights]:
    """What each edge costs, and for each edge what it costs to leave its left item alone."""
    fine = amount_and_day_costs(edges, labels)
    # No sum of differences in amount and time outweighs a thousandth of a bit.
    step = (len(edges) + 1) * (int(fine.max()) + 1)
    best = int(worth.max()) + 1
    kind = np.int64 if float(step) * best * (len(edges) + 1) < EXACT_INT else object
    costs = (best - worth).astype(kind) * step + fine.astype(kind)
    return costs, np.full(len(edges), best * step, dtype=kind)

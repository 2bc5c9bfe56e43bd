"""Proves that an assignment is the cheapest, and finds the pairs on which cheapest ones differ.

Theory: Ahuja, Magnanti, Orlin, "Network Flows" (1993), chapter 9: a flow is the cheapest if there
are node potentials under which no residual arc has a negative cost; alternative optima are the
cycles of residual arcs whose cost is 0 under them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from apps.reconciliation.matching.bridges import bridges
from apps.reconciliation.matching.errors import NotOptimal
from apps.reconciliation.matching.networks import Network
from apps.reconciliation.matching.schemas import Flags, Ints, Weights


def varying_edges(network: Network, labels: Ints, flow: Ints) -> Flags:
    """The edges that carry different amounts in different cheapest assignments.

    Args:
        labels: the component of each edge.
        flow: how many items the assignment pairs along each edge.

    Raises:
        NotOptimal: the flow is not a cheapest one of its size.
    """
    arcs = _residual(network, labels, flow)
    potentials = _potentials(arcs)
    tight = arcs.only(potentials[arcs.tails] + arcs.costs == potentials[arcs.heads])
    on_cycle = _cyclic_links(tight)
    count = len(network)
    return np.isin(_links(arcs.tails[:count], arcs.heads[:count], arcs.nodes), on_cycle)


@dataclass(frozen=True)
class _Arcs:
    """Residual arcs: the ways in which one unit could go elsewhere; candidate pairs come first."""

    tails: Ints
    heads: Ints
    costs: Weights
    nodes: int

    def only(self, chosen: Flags) -> _Arcs:
        return _Arcs(self.tails[chosen], self.heads[chosen], self.costs[chosen], self.nodes)


def _residual(given: Network, labels: Ints, flow: Ints) -> _Arcs:
    """Pairs forward, made pairs back, and per component a source and a sink for free items.

    Through the source, an item without counterpart can take the place of one that has; no arc
    leads from sink to source, since the number of pairs is not up for change.
    """
    lefts = _ends(given.left, given.supply, flow, 0)
    rights = _ends(given.right, given.demand, flow, len(lefts.nodes))
    components, owner = np.unique(labels, return_inverse=True)
    first_source = len(lefts.nodes) + len(rights.nodes)
    sources = first_source + owner[lefts.first]
    sinks = first_source + len(components) + owner[rights.first]
    made = flow > 0
    links = [
        (lefts.at, rights.at, given.weights),
        (rights.at[made], lefts.at[made], -given.weights[made]),
        _free(sources, lefts.nodes, lefts.has_spare),
        _free(lefts.nodes, sources, lefts.is_used),
        _free(rights.nodes, sinks, rights.has_spare),
        _free(sinks, rights.nodes, rights.is_used),
    ]
    tails, heads, costs = (np.concatenate(column) for column in zip(*links, strict=True))
    return _Arcs(tails, heads, costs, first_source + 2 * len(components))


@dataclass(frozen=True)
class _Ends:
    """The classes of one side as nodes.

    Attributes:
        at: for each edge its node.
        first: for each node the first of its edges.
    """

    nodes: Ints
    at: Ints
    first: Ints
    has_spare: Flags
    is_used: Flags


def _ends(classes: Ints, counts: Ints, flow: Ints, first_node: int) -> _Ends:
    distinct, first, at = np.unique(classes, return_index=True, return_inverse=True)
    used = np.bincount(at, weights=flow)
    nodes = np.arange(first_node, first_node + len(distinct))
    return _Ends(nodes, at + first_node, first, counts[first] > used, used > 0)


def _free(tails: Ints, heads: Ints, chosen: Flags) -> tuple[Ints, Ints, Ints]:
    """Arcs that cost nothing."""
    return tails[chosen], heads[chosen], np.zeros(int(chosen.sum()), dtype=np.int64)


def _potentials(arcs: _Arcs) -> Weights:
    """Shortest distances to every node (Bellman-Ford, all nodes starting at 0)."""
    distances = np.zeros(arcs.nodes, dtype=arcs.costs.dtype)
    for _ in range(arcs.nodes + 1):
        before = distances.copy()
        np.minimum.at(distances, arcs.heads, before[arcs.tails] + arcs.costs)
        if (distances == before).all():
            return distances
    raise NotOptimal("the assignment found is not the cheapest one")


def _links(one: Ints, other: Ints, nodes: int) -> Ints:
    """A number for each pair of nodes, whatever its direction."""
    return np.minimum(one, other) * nodes + np.maximum(one, other)


def _cyclic_links(tight: _Arcs) -> Ints:
    """The links through which a cycle runs that is more than going there and back.

    A strongly connected part whose links form a tree has no such cycle. Otherwise it runs through
    every link of the part that is not a bridge: if all ways between the two ends of a link went
    over that link, the part would fall in two without it.
    """
    graph = coo_array(
        (np.ones(len(tight.tails), dtype=np.bool_), (tight.tails, tight.heads)),
        shape=(tight.nodes, tight.nodes),
    )
    count, parts = connected_components(graph, directed=True, connection="strong")
    inside = parts[tight.tails] == parts[tight.heads]
    links = np.unique(_links(tight.tails[inside], tight.heads[inside], tight.nodes))
    tails, heads = np.divmod(links, tight.nodes)
    size = np.bincount(parts, minlength=count)
    weight = np.bincount(parts[tails], minlength=count)
    suspect = (weight >= size)[parts[tails]]
    links = links[suspect]
    return links[~bridges(tails[suspect], heads[suspect])]

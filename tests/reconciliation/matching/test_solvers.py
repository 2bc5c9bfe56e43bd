"""The solvers agree with each other and with trying everything; the proof catches a bad answer."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.reconciliation.matching import NotOptimal, paths
from apps.reconciliation.matching.bridges import bridges
from apps.reconciliation.matching.networks import Network
from apps.reconciliation.matching.paths import flow_by_paths
from apps.reconciliation.matching.sparse import flow_by_items
from apps.reconciliation.matching.uniqueness import varying_edges


@st.composite
def networks(draw: st.DrawFn, largest_weight: int = 4) -> Network:
    """A few classes on each side with a few items each; not necessarily connected."""
    supply = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    demand = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    everything = list(product(range(len(supply)), range(len(demand))))
    edges = sorted(draw(st.lists(st.sampled_from(everything), min_size=1, unique=True)))
    kind = np.int64 if largest_weight < 2**40 else object
    return Network(
        np.array([left for left, _ in edges]),
        np.array([right for _, right in edges]),
        np.array([draw(st.integers(0, largest_weight)) for _ in edges], dtype=kind),
        np.array([supply[left] for left, _ in edges]),
        np.array([demand[right] for _, right in edges]),
    )


def every_flow(network: Network) -> list[tuple[int, ...]]:
    """All ways to pair within what the classes have."""
    rooms = np.minimum(network.supply, network.demand)

    def fits(flow: tuple[int, ...]) -> bool:
        used_left, used_right = (np.bincount(end, flow) for end in (network.left, network.right))
        return bool(
            (used_left[network.left] <= network.supply).all()
            and (used_right[network.right] <= network.demand).all()
        )

    return [flow for flow in product(*(range(room + 1) for room in rooms)) if fits(flow)]


def rank(network: Network, flow: Iterable[int]) -> tuple[int, int]:
    """Most pairs, then least cost."""
    made = [int(each) for each in flow]
    return -sum(made), sum(int(w) * f for w, f in zip(network.weights, made, strict=True))


def one_label(network: Network) -> np.ndarray:
    """Everything as one component, which it may be treated as."""
    return np.zeros(len(network), dtype=np.int64)


FEW = settings(max_examples=150)


@FEW
@given(networks())
def test_both_solvers_find_a_best_flow(network):
    best = min(rank(network, flow) for flow in every_flow(network))
    assert rank(network, flow_by_items(network, one_label(network))) == best
    assert rank(network, flow_by_paths(network)) == best


@FEW
@given(networks())
def test_the_edges_that_vary_are_those_on_which_best_flows_differ(network):
    flows = every_flow(network)
    best = min(rank(network, flow) for flow in flows)
    chosen = [flow for flow in flows if rank(network, flow) == best]
    differing = [len(set(values)) > 1 for values in zip(*chosen, strict=True)]
    labels = one_label(network)
    for flow in (flow_by_items(network, labels), flow_by_paths(network)):
        assert varying_edges(network, labels, flow).tolist() == differing


@FEW
@given(networks(largest_weight=10**30))
def test_amounts_beyond_every_machine_number_are_still_exact(network):
    best = min(rank(network, flow) for flow in every_flow(network))
    flow = flow_by_paths(network)
    assert rank(network, flow) == best
    varying_edges(network, one_label(network), flow)


@FEW
@given(networks())
def test_a_flow_that_is_not_the_cheapest_of_its_size_is_caught(network):
    flows = every_flow(network)
    size = max(map(sum, flows))
    of_size = [flow for flow in flows if sum(flow) == size]
    best = min(rank(network, flow) for flow in of_size)
    for flow in of_size:
        proof = network, one_label(network), np.array(flow)
        if rank(network, flow) == best:
            varying_edges(*proof)
        else:
            with pytest.raises(NotOptimal):
                varying_edges(*proof)


@pytest.mark.parametrize("steps", [1, 4])
def test_a_search_that_takes_too_long_is_given_up_before_or_in_the_middle(monkeypatch, steps):
    network = Network(*(np.array(column) for column in ([0, 0, 1], [0, 1, 1], [1, 2, 3])), *ONES)
    assert flow_by_paths(network).tolist() == [1, 0, 1]
    monkeypatch.setattr(paths, "SEARCH_STEPS", steps)
    monkeypatch.setattr(paths, "_LOOKS_AT_LEAST", 1)
    assert flow_by_paths(network).tolist() == [-1, -1, -1]


ONES = (np.ones(3, dtype=np.int64), np.ones(3, dtype=np.int64))


def plain_bridges(links: list[tuple[int, int]]) -> list[bool]:
    """A link is a bridge if its ends are apart without it."""

    def connects(rest: list[tuple[int, int]], start: int, goal: int) -> bool:
        seen, queue = {start}, [start]
        while queue:
            node = queue.pop()
            for one, other in rest:
                for here, there in ((one, other), (other, one)):
                    if here == node and there not in seen:
                        seen.add(there)
                        queue.append(there)
        return goal in seen

    return [
        not connects(links[:index] + links[index + 1 :], *link) for index, link in enumerate(links)
    ]


NODES = st.integers(0, 7)


@given(st.sets(st.tuples(NODES, NODES).filter(lambda link: link[0] < link[1])))
def test_bridges_are_the_links_that_hold_a_graph_together(links):
    listed = sorted(links)
    tails, heads = (np.array([link[end] for link in listed], dtype=np.int64) for end in (0, 1))
    assert bridges(tails, heads).tolist() == plain_bridges(listed)

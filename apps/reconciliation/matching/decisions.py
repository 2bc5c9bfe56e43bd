"""From the best assignment of classes to pairs of items, and to the items left undecided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from apps.reconciliation.matching.assignment import component_labels, solve
from apps.reconciliation.matching.candidates import Candidates, Edges
from apps.reconciliation.matching.classes import Classes, runs
from apps.reconciliation.matching.found import DOUBTS, NO_CLUSTER, Decision
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.networks import Network
from apps.reconciliation.matching.pass_rules import Pass
from apps.reconciliation.matching.schemas import LEFT, RIGHT, SIDES, Flags, Ints
from apps.reconciliation.matching.uniqueness import varying_edges


@dataclass(frozen=True)
class Verdicts:
    """Edge by edge: pairs made, whether it is torn between equals, whether it was too much."""

    made: Ints
    is_torn: Flags
    is_crowded: Flags


Judge: TypeAlias = Callable[[Edges, Classes, Classes], tuple[Edges, Verdicts]]


def decide(left: Classes, right: Classes, step: Pass, judge: Judge | None = None) -> Decision:
    """Pair what every best assignment pairs alike; name what they pair differently.

    Args:
        judge: says which of the candidates to look at, and what becomes of them; without it, the
            cheapest assignment of all of them decides.
    """
    judge = judge or _judged_by_cost
    pairs = [(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))]
    if not len(left):  # then right has no classes either: blocks hold items of both sides
        return Decision(*pairs[0], DOUBTS.to_frame())
    candidates = Candidates(left, right, step)
    doubts = [_crowded_chains(left, right, candidates)]
    first_cluster = len(left) + len(right)  # crowded chains come before
    for batch in candidates.batches():
        edges, verdicts = judge(batch, left, right)
        pairs.append(_rows_paired(edges, verdicts.made, left, right))
        doubts.append(_undecided(edges, verdicts, left, right, first_cluster))
        first_cluster += len(left) + len(right)
    left_rows, right_rows = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    return Decision(left_rows, right_rows, pl.concat(doubts))


def _judged_by_cost(edges: Edges, left: Classes, right: Classes) -> tuple[Edges, Verdicts]:
    """Which edges carry the same pairs in every best assignment, down to the single item.

    An edge is torn if the amount along it varies, or if it takes only some of a mixed class (or
    pairs two mixed classes): then which of the items it takes is open.
    """
    solution = solve(edges, left, right)
    supply, demand = left.counts[edges.left], right.counts[edges.right]
    flow = solution.flow
    varies = np.zeros(len(edges), dtype=np.bool_)
    judged = np.flatnonzero((np.bincount(solution.labels)[solution.labels] > 1) & (flow >= 0))
    if len(judged):
        network = Network(edges.left, edges.right, solution.weights, supply, demand)
        varies[judged] = varying_edges(network.only(judged), solution.labels[judged], flow[judged])
    left_mixed, right_mixed = left.is_mixed[edges.left], right.is_mixed[edges.right]
    is_whole = (~left_mixed | (flow == supply)) & (~right_mixed | (flow == demand))
    is_sure = ~varies & (flow > 0) & is_whole & ~(left_mixed & right_mixed)
    verdicts = Verdicts(
        made=np.where(is_sure, flow, 0),
        is_torn=varies | ((flow > 0) & ~is_sure),
        is_crowded=flow < 0,
    )
    return edges, verdicts


def _rows_paired(edges: Edges, made: Ints, left: Classes, right: Classes) -> tuple[Ints, Ints]:
    """The row numbers of the pairs; each class hands out its items in content order."""
    sure = np.flatnonzero(made)
    sizes = made[sure]
    left_rows, right_rows = (
        classes.rows[runs(classes.starts[chosen] + _handed_out_before(chosen, sizes), sizes)]
        for classes, chosen in ((left, edges.left[sure]), (right, edges.right[sure]))
    )
    return left_rows, right_rows


def _handed_out_before(chosen: Ints, sizes: Ints) -> Ints:
    """For each edge, how many items of its class the edges before it have taken."""
    order = np.argsort(chosen, kind="stable")
    before = np.cumsum(sizes[order]) - sizes[order]
    _, first, inverse = np.unique(chosen[order], return_index=True, return_inverse=True)
    result = np.empty_like(before)
    result[order] = before - before[first][inverse]
    return result


def _undecided(
    edges: Edges, verdicts: Verdicts, left: Classes, right: Classes, first_cluster: int
) -> pl.DataFrame:
    """The unpaired items of every component in which an edge is torn or crowded."""
    is_open = verdicts.is_torn | verdicts.is_crowded
    if not is_open.any():
        return DOUBTS.to_frame()
    labels = component_labels(edges, left, right)
    shaken = np.isin(labels, labels[is_open])
    torn = edges.only(is_open)
    cluster = component_labels(torn, left, right) + first_cluster
    sides = ((LEFT, left, edges.left, torn.left), (RIGHT, right, edges.right, torn.right))
    frames = []
    for side, classes, ends, torn_ends in sides:
        state = _ClassState.untouched(classes)
        state.made[:] = np.bincount(ends, verdicts.made, len(classes))
        state.clusters[torn_ends] = cluster
        state.is_crowded[ends[verdicts.is_crowded]] = True
        frames.append(_open_items(side, classes, np.unique(ends[shaken]), state))
    return pl.concat(frames)


def _crowded_chains(left: Classes, right: Classes, candidates: Candidates) -> pl.DataFrame:
    """All items of the chains that hold too many pairs; each chain is one cluster."""
    sides = zip((LEFT, RIGHT), (left, right), candidates.crowded(), strict=True)
    frames = []
    for side, classes, chains in sides:
        state = _ClassState.untouched(classes)
        state.clusters[:] = chains
        state.is_crowded[:] = chains >= 0
        frames.append(_open_items(side, classes, np.flatnonzero(chains >= 0), state))
    return pl.concat(frames)


@dataclass(frozen=True)
class _ClassState:
    """Class by class: pairs made, cluster of competitors, whether it was too much to decide."""

    made: Ints
    clusters: Ints
    is_crowded: Flags

    @classmethod
    def untouched(cls, classes: Classes) -> _ClassState:
        """Nothing made, nothing torn."""
        size = len(classes)
        return cls(
            np.zeros(size, dtype=np.int64),
            np.full(size, NO_CLUSTER, dtype=np.int64),
            np.zeros(size, dtype=np.bool_),
        )


def _open_items(side: str, classes: Classes, chosen: Ints, state: _ClassState) -> pl.DataFrame:
    """DOUBTS rows of the items of the chosen classes that no pair has taken."""
    made = state.made[chosen]
    sizes = classes.counts[chosen] - made
    rows = classes.rows[runs(classes.starts[chosen] + made, sizes)]
    return pl.DataFrame(
        {
            "cluster": np.repeat(state.clusters[chosen], sizes),
            "side": pl.repeat(side, len(rows), dtype=SIDES, eager=True),
            ROW: rows.astype(np.uint32),
            "is_crowded": np.repeat(state.is_crowded[chosen], sizes),
        },
        schema=DOUBTS,
    )

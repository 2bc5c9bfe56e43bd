"""Three sources: two reconciliations that meet in the middle, and the chains they make.

An order system, a payment provider and a bank: the provider's lines are matched with the orders
and with the bank, each under rules of its own. Groups of the two that share an item of the middle
are one chain. See docs/decisions/0011-three-sources-in-two-legs.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from apps.reconciliation.matching.kernel import reconcile
from apps.reconciliation.matching.outcome import Outcome
from apps.reconciliation.matching.pass_rules import AUTOMATIC, SUGGESTED
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.schemas import LEFT, RIGHT, Ints

MIDDLE = "middle"
SOURCES = pl.Enum([LEFT, MIDDLE, RIGHT])
COMPLETE = "complete"

CHAIN_SCHEMA = pl.Schema(
    {
        "chain_no": pl.Int64(),  # from 1, by smallest left, then middle, then right id
        "reach": pl.String(),  # complete, or the sources that it holds: "left, middle"
        "status": pl.String(),  # suggested if any group in it is
    }
)
CHAIN_GROUP_SCHEMA = pl.Schema(
    {"chain_no": pl.Int64(), "leg": pl.Int64(), "group_no": pl.Int64()}  # leg 1 or 2
)
CHAIN_ITEM_SCHEMA = pl.Schema({"chain_no": pl.Int64(), "source": SOURCES, "item_id": pl.Int64()})


@dataclass(frozen=True)
class ThreeWay:
    """What two legs found, and how their groups hang together.

    Attributes:
        first: left against middle; ``second``: middle against right.
        chains: CHAIN_SCHEMA, by number.
        chain_groups: CHAIN_GROUP_SCHEMA; every group of either leg in exactly one chain.
        chain_items: CHAIN_ITEM_SCHEMA, each item once.
    """

    first: Outcome
    second: Outcome
    chains: pl.DataFrame
    chain_groups: pl.DataFrame
    chain_items: pl.DataFrame

    @property
    def proof_amount(self) -> int:
        """What neither leg explains, without sign; must be 0.

        If left - middle and middle - right are each explained in full, so is left - right.
        """
        return self.first.proof_amount + self.second.proof_amount


def reconcile_three(
    sources: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
    rules: tuple[RuleSet, RuleSet],
    *,
    as_of: date,
    rates: pl.DataFrame | None = None,
) -> ThreeWay:
    """Reconcile left with middle and middle with right, and join what they match.

    Args:
        sources: left, middle and right items; each id is unique within its source.
        rules: for left against middle, and for middle against right.

    Raises:
        ItemsInvalid: a frame breaks its contract.
    """
    left, middle, right = sources
    first = reconcile(left, middle, rules[0], as_of=as_of, rates=rates)
    second = reconcile(middle, right, rules[1], as_of=as_of, rates=rates)
    groups = _groups(first, 1).vstack(_groups(second, 2))
    held = _held(first, 1, (LEFT, MIDDLE)).vstack(_held(second, 2, (MIDDLE, RIGHT)))
    numbered = groups.with_columns(pl.Series("chain", _chains(groups, held), dtype=pl.Int64))
    members = held.join(numbered, on=["leg", "group_no"]).select("chain", "source", "item_id")
    numbers = _numbers(members.unique())
    return ThreeWay(
        first,
        second,
        _told(numbered, numbers),
        _by_number(numbered.select("chain", "leg", "group_no"), numbers, CHAIN_GROUP_SCHEMA),
        _by_number(members.unique(), numbers, CHAIN_ITEM_SCHEMA),
    )


def _groups(outcome: Outcome, leg: int) -> pl.DataFrame:
    return outcome.groups.select(pl.lit(leg, dtype=pl.Int64).alias("leg"), "group_no", "status")


def _held(outcome: Outcome, leg: int, sources: tuple[str, str]) -> pl.DataFrame:
    """The items of the groups of one leg, by source."""
    names = pl.when(pl.col("side") == LEFT).then(pl.lit(sources[0])).otherwise(pl.lit(sources[1]))
    return outcome.items.select(
        pl.lit(leg, dtype=pl.Int64).alias("leg"),
        "group_no",
        names.cast(SOURCES).alias("source"),
        "item_id",
    )


def _chains(groups: pl.DataFrame, held: pl.DataFrame) -> Ints:
    """For each group the component that it is in: groups are linked by items of the middle."""
    rows = groups.select("leg", "group_no").with_row_index("at")
    shared = held.filter(pl.col("source") == MIDDLE).join(rows, on=["leg", "group_no"])
    links = shared.filter(pl.col("leg") == 1).join(
        shared.filter(pl.col("leg") == 2), on="item_id", suffix="_second"
    )
    ends = links["at"].to_numpy(), links["at_second"].to_numpy()
    weights = np.ones(links.height, dtype=np.bool_)
    graph = coo_array((weights, ends), shape=(groups.height, groups.height))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _numbers(members: pl.DataFrame) -> pl.DataFrame:
    """The number of each chain, and the sources that it holds."""
    least = [
        pl.col("item_id").filter(pl.col("source") == source).min().alias(source)
        for source in (LEFT, MIDDLE, RIGHT)
    ]
    ordered = members.group_by("chain").agg(
        *least, pl.col("source").unique().sort().cast(pl.String).alias("sources")
    )
    ordered = ordered.sort(LEFT, MIDDLE, RIGHT, nulls_last=True)
    return ordered.select(
        "chain",
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("chain_no"),
        pl.when(pl.col("sources").list.len() == len(SOURCES.categories))
        .then(pl.lit(COMPLETE))
        .otherwise(pl.col("sources").list.join(", "))
        .alias("reach"),
    )


def _told(groups: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    is_suggested = (pl.col("status") == SUGGESTED).any()
    status = pl.when(is_suggested).then(pl.lit(SUGGESTED)).otherwise(pl.lit(AUTOMATIC))
    statuses = groups.group_by("chain").agg(status.alias("status"))
    return numbers.join(statuses, on="chain").select(CHAIN_SCHEMA.names()).sort("chain_no")


def _by_number(frame: pl.DataFrame, numbers: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The frame with the number of the chain in the place of its component."""
    told = frame.join(numbers, on="chain").select(schema.names())
    return told.sort(schema.names())

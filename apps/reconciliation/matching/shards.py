"""A reconciliation in shards: the first passes shard by shard, all that follows in one piece.

The outcome is that of ``reconcile`` over all items at once. A shard holds all items of both sides
whose values in the key of the split are among its own, so the passes of the split find in it what
they find in the whole. What they leave open is joined, with what they doubted, and matched on by
the remaining passes, which may settle a doubt of the first ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from apps.reconciliation.matching.errors import ItemsInvalid
from apps.reconciliation.matching.found import NO_CLUSTER
from apps.reconciliation.matching.items import ROW, prepared, require_summable
from apps.reconciliation.matching.kernel import concluded, known_rates
from apps.reconciliation.matching.numbering import Told, merged, told
from apps.reconciliation.matching.outcome import Matched
from apps.reconciliation.matching.rates import RateTable
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.runs import Run
from apps.reconciliation.matching.schemas import ITEM_SCHEMA, LEFT, RIGHT, SIDES, Flags
from apps.reconciliation.matching.splitting import Split
from apps.reconciliation.matching.watching import Watch, unwatched

# What copies of an item agree in, of what is stored in the clear (causes/duplicates.py).
COPY_FACTS: Final = ("reference", "currency", "amount")


@dataclass(frozen=True)
class ShardOutcome:
    """What the passes of a split found in one shard, or in several.

    Attributes:
        groups, members: ``Told``.
        left, right: the open items, as they were given (ITEM_SCHEMA).
        left_copies, right_copies: items in groups that agree in COPY_FACTS with an open one of the
            shard that has a reference; all that there are, if the side is split by its reference.
        doubts: of the open items: ``pass_index``, ``cluster``, ``side``, ``item_id``,
            ``is_crowded``.
        totals: by ``side`` and ``currency``, of all items: ``amount`` in the left side's sense, and
            ``size``, the same without signs.
        converted: ``side``, ``id`` and ``currency`` of the items in groups of passes that convert.
    """

    groups: pl.DataFrame
    members: pl.DataFrame
    left: pl.DataFrame
    right: pl.DataFrame
    left_copies: pl.DataFrame
    right_copies: pl.DataFrame
    doubts: pl.DataFrame
    totals: pl.DataFrame
    converted: pl.DataFrame

    @property
    def told(self) -> Told:
        """The groups with their members."""
        return Told(self.groups, self.members)

    @property
    def sides(self) -> dict[str, pl.DataFrame]:
        """The open items by side."""
        return {LEFT: self.left, RIGHT: self.right}

    @property
    def copies(self) -> dict[str, pl.DataFrame]:
        """The copies by side."""
        return {LEFT: self.left_copies, RIGHT: self.right_copies}

    def ids(self, side: str) -> pl.Series:
        """The ids of all items of the side, matched and open ones, ascending."""
        is_own = pl.col("side") == side
        matched = self.members.select(pl.col("item_id").filter(is_own)).to_series()
        return pl.concat([matched.alias("id"), self.sides[side]["id"]]).sort()


SHARD_FRAMES: Final = tuple(each.name for each in fields(ShardOutcome))


def match_shard(
    left: pl.DataFrame,
    right: pl.DataFrame,
    rules: RuleSet,
    split: Split,
    *,
    rates: pl.DataFrame | None = None,
) -> ShardOutcome:
    """Run the passes of a split over the items of one shard.

    Raises:
        ItemsInvalid: a frame breaks its contract.
    """
    table = RateTable(known_rates(rules, rates))
    run = Run(prepared(left, LEFT, rules), prepared(right, RIGHT, rules), rules, table)
    run.match(range(split.passes))
    groups = told(run.found, run.items, rules)
    left_open, left_copies = _parted(left, run.is_open[LEFT])
    right_open, right_copies = _parted(right, run.is_open[RIGHT])
    return ShardOutcome(
        groups.groups,
        groups.members,
        left=left_open,
        right=right_open,
        left_copies=left_copies,
        right_copies=right_copies,
        doubts=pl.concat(_doubts(run, index) for index in range(split.passes)),
        totals=pl.concat(_totals(side, items) for side, items in run.items.items()),
        converted=pl.concat(_converted(run, groups, side) for side in (LEFT, RIGHT)),
    )


def _parted(items: pl.DataFrame, is_open: Flags) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The open items, and those of the others that may be copies of one."""
    items = items.select(ITEM_SCHEMA.names())
    left_open = items.filter(is_open)
    told = left_open.filter(pl.col("reference").str.strip_chars() != "")
    return left_open, items.filter(~is_open).join(told, on=COPY_FACTS, how="semi")


def _doubts(run: Run, index: int) -> pl.DataFrame:
    frames = []
    for side, items in run.items.items():
        own = run.doubts[index].filter(pl.col("side") == side)
        frames.append(
            own.select(
                pl.lit(index, dtype=pl.Int64).alias("pass_index"),
                "cluster",
                "side",
                items["id"].gather(own[ROW]).alias("item_id"),
                "is_crowded",
            )
        )
    return pl.concat(frames)


def _totals(side: str, items: pl.DataFrame) -> pl.DataFrame:
    sums = items.group_by("currency").agg(
        pl.col("amount").sum(), pl.col("amount").abs().sum().alias("size")
    )
    return sums.select(pl.lit(side, dtype=SIDES).alias("side"), pl.all())


def _converted(run: Run, groups: Told, side: str) -> pl.DataFrame:
    names = [step.name for step in run.rules.passes if step.fx]
    chosen = groups.groups.filter(pl.col("pass_name").is_in(names))
    held = groups.members.filter(pl.col("side") == side).join(chosen, on="group", how="semi")
    items = run.items[side].join(held, left_on="id", right_on="item_id", how="semi")
    return items.select(pl.lit(side, dtype=SIDES).alias("side"), "id", "currency")


def joined(shards: Sequence[ShardOutcome]) -> ShardOutcome:
    """What the shards found, as if it were one.

    Raises:
        ItemsInvalid: an item is in two shards, or the amounts are too large to be added up.
    """
    groups = merged(each.told for each in shards)
    doubts = []
    clusters = 0
    for each in shards:
        is_torn = pl.col("cluster") != NO_CLUSTER
        apart = pl.when(is_torn).then(pl.col("cluster") + clusters).otherwise(pl.col("cluster"))
        doubts.append(each.doubts.with_columns(apart))
        clusters += 1 + int(np.max(each.doubts["cluster"].to_numpy(), initial=NO_CLUSTER))
    whole = ShardOutcome(
        groups.groups,
        groups.members,
        left=pl.concat(each.left for each in shards),
        right=pl.concat(each.right for each in shards),
        left_copies=pl.concat(each.left_copies for each in shards),
        right_copies=pl.concat(each.right_copies for each in shards),
        doubts=pl.concat(doubts),
        totals=pl.concat(each.totals for each in shards),
        converted=pl.concat(each.converted for each in shards),
    )
    _require_once(whole)
    for side in (LEFT, RIGHT):
        own = whole.totals.filter(pl.col("side") == side)
        require_summable(sum(own["size"].to_list()), side)
    return whole


def _require_once(whole: ShardOutcome) -> None:
    for side in (LEFT, RIGHT):
        ids = whole.ids(side)
        if ids.n_unique() != len(ids):
            raise ItemsInvalid(f"{side} items: an item is in two shards")


def finished(
    shards: ShardOutcome,
    copies: tuple[pl.DataFrame, pl.DataFrame],
    rules: RuleSet,
    split: Split,
    *,
    as_of: date,
    rates: pl.DataFrame | None = None,
    watch: Watch = unwatched,
) -> Matched:
    """What all passes found: the groups of ``reconcile`` over all items at once.

    Args:
        shards: what all shards found, joined.
        copies: of either side the items in groups of the shards that agree in COPY_FACTS with an
            open one of the side that has a reference (ITEM_SCHEMA).
        watch: is told what is begun.

    Raises:
        ItemsInvalid: a frame breaks its contract.
    """
    items, is_open = {}, {}
    for (side, left_open), copied in zip(shards.sides.items(), copies, strict=True):
        both = pl.concat([left_open, copied.select(ITEM_SCHEMA.names())])
        items[side] = prepared(both, side, rules)
        is_open[side] = np.arange(both.height) < left_open.height
    known = known_rates(rules, rates)
    run = Run(items[LEFT], items[RIGHT], rules, RateTable(known), watch)
    run.resume(is_open, _doubts_by_row(shards.doubts, items, split))
    run.match(range(split.passes, len(rules.passes)))
    return concluded(
        run,
        as_of,
        known,
        elsewhere=shards.told,
        totals=totals(shards),
        currencies=currencies(shards),
    )


def totals(shards: ShardOutcome) -> dict[str, pl.DataFrame]:
    """By side, ``currency`` and ``amount`` (in the left side's sense) of all items, added up."""
    return {
        side: shards.totals.filter(pl.col("side") == side).select("currency", "amount")
        for side in shards.sides
    }


def currencies(shards: ShardOutcome) -> dict[str, pl.DataFrame]:
    """By side, ``id`` and ``currency`` of open items, and of those in groups that convert."""
    return {
        side: pl.concat(
            frame.select("id", "currency")
            for frame in (items, shards.converted.filter(pl.col("side") == side))
        )
        for side, items in shards.sides.items()
    }


def _doubts_by_row(
    doubts: pl.DataFrame, items: dict[str, pl.DataFrame], split: Split
) -> dict[int, pl.DataFrame]:
    """The doubts of each pass, with the rows that the items have now."""
    rows = pl.concat(
        side_items.select(
            pl.lit(side, dtype=SIDES).alias("side"), pl.col("id").alias("item_id"), ROW
        )
        for side, side_items in items.items()
    )
    placed = doubts.join(rows, on=["side", "item_id"])
    return {
        index: placed.filter(pl.col("pass_index") == index).select(
            "cluster", "side", ROW, "is_crowded"
        )
        for index in range(split.passes)
    }

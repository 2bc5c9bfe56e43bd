"""Aggregated passes: items of equal keys are added up, and the sums are compared.

All items of a side with equal keys (and equal ``left_by`` or ``right_by``) are one batch. Batches
are then paired one to one like single items: by sum within the tolerance, every item of the one in
the date window of every item of the other, the best assignment overall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from apps.reconciliation.matching.classes import LEVEL, PassSide
from apps.reconciliation.matching.compared import compared
from apps.reconciliation.matching.found import DOUBTS, NO_CLUSTER, Found
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.money import amount_words
from apps.reconciliation.matching.pairing import pair_off
from apps.reconciliation.matching.pairs import pair_groups
from apps.reconciliation.matching.pass_rules import AGGREGATED, Pass
from apps.reconciliation.matching.passes.kinds import pass_kind
from apps.reconciliation.matching.reasons import pair_reasons
from apps.reconciliation.matching.schemas import IDENTITY, LEFT, RIGHT, SIDES, Ints

_ROWS = "rows"  # the row numbers of a batch
_LEAST_ID = "least_id"
_CONTENT = "content"  # what its items are, without ids


@dataclass(frozen=True)
class _Batches:
    """The batches of one side, as items of a side; ``members``: ROW of a batch and of an item."""

    side: PassSide
    members: pl.DataFrame


@pass_kind(AGGREGATED)
def match(left: PassSide, right: PassSide, step: Pass) -> Found:
    """Pair batches of equal keys and currency, least total difference first."""
    frames = {LEFT: _added_up(left, step, LEFT), RIGHT: _added_up(right, step, RIGHT)}
    blocks = step.block_fields
    # A batch without counterpart in its block is of no interest, and of no consequence either.
    met = {
        LEFT: frames[LEFT].join(frames[RIGHT], on=blocks, how="semi"),
        RIGHT: frames[RIGHT].join(frames[LEFT], on=blocks, how="semi"),
    }
    lefts, rights = (
        _batches(side, met[name], step, name) for name, side in ((LEFT, left), (RIGHT, right))
    )
    decision = pair_off(lefts.side, rights.side, step, by=blocks)
    rows = decision.left_rows, decision.right_rows
    sums = _sum_words(lefts.side, rights.side, rows)
    reasons = pair_reasons(step, lefts.side, rights.side, rows, sums)
    members, doubts = [], []
    for name, items, batches, paired in (
        (LEFT, left, lefts, rows[0]),
        (RIGHT, right, rights, rows[1]),
    ):
        members.append(_members(name, items, batches, paired))
        doubts.append(_doubts(name, batches, paired, decision.doubts))
    groups = pair_groups(step, lefts.side, rights.side, rows, reasons)
    return Found(groups, pl.concat(members), pl.concat(doubts))


def _added_up(side: PassSide, step: Pass, name: str) -> pl.DataFrame:
    """One row for each batch of the side, in the order of its smallest id."""
    rows = side.keyed[ROW]
    facts = (
        side.items[rows]
        .select(pl.col("id").alias(_LEAST_ID), "amount")
        .hstack(
            [
                pl.Series("day", side.days[rows], dtype=pl.Int64),
                pl.Series("last_day", side.last_days[rows], dtype=pl.Int64),
            ]
        )
    )
    batches = (
        side.keyed.drop(LEVEL)
        .hstack(facts)
        .group_by(step.batch_fields(name))
        .agg(
            pl.col(_LEAST_ID).min(),
            pl.col("amount").sum(),
            pl.col("day").min(),
            pl.col("last_day").max(),
            pl.col(ROW).alias(_ROWS),
        )
    )
    return batches.sort(_LEAST_ID)


def _batches(side: PassSide, batches: pl.DataFrame, step: Pass, name: str) -> _Batches:
    amounts = compared(batches["amount"].to_numpy(), step.sign, name)
    members = batches.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("batch"), _ROWS)
    members = members.explode(_ROWS, empty_as_null=False).rename({_ROWS: ROW})
    contents = _contents(side, batches, members, step)
    items = batches.with_columns(pl.col(_LEAST_ID).alias("id"), contents)
    keyed = batches.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW),
        *step.block_fields,
        pl.Series(LEVEL, amounts, dtype=pl.Int64),
    )
    return _Batches(
        PassSide(
            items,
            keyed,
            amounts,
            batches["day"].to_numpy(),
            batches["last_day"].to_numpy(),
            identity=(_CONTENT,),
            content_order=(_CONTENT, "id"),
        ),
        members,
    )


def _contents(
    side: PassSide, batches: pl.DataFrame, members: pl.DataFrame, step: Pass
) -> pl.Series:
    """A text for each batch: the same for batches of items that are interchangeable one by one."""
    if step.left_by == step.right_by == ():  # one batch in each block: nothing to tell apart
        return pl.repeat("", batches.height, dtype=pl.String, eager=True).alias(_CONTENT)
    content = side.items[members[ROW]].select(pl.struct(IDENTITY).struct.json_encode())
    texts = members.select("batch").hstack(content.rename(lambda _: _CONTENT))
    joined = texts.group_by("batch").agg(pl.col(_CONTENT).sort().str.join(" / "))
    return joined.sort("batch")[_CONTENT]


def _sum_words(left: PassSide, right: PassSide, rows: tuple[Ints, Ints]) -> pl.Series:
    """``3 left items of 300.00 EUR in all, 1 right item of 300.00 EUR``."""
    currency = left.items["currency"][rows[0]]
    known = currency.unique().to_list()
    parts = []
    for name, side, side_rows in ((LEFT, left, rows[0]), (RIGHT, right, rows[1])):
        chosen = side.items[side_rows]
        count = chosen[_ROWS].list.len()
        plural = pl.when(count == 1).then(pl.lit("")).otherwise(pl.lit("s"))
        in_all = pl.when(count == 1).then(pl.lit("")).otherwise(pl.lit(" in all"))
        total = amount_words(pl.lit(chosen["amount"]), pl.lit(currency), known)
        form = f"{{}} {name} item{{}} of {{}} {{}}{{}}"
        parts.append(pl.format(form, count, plural, total, currency, in_all))
    return pl.select(pl.concat_str(parts, separator=", ")).to_series()


def _members(name: str, items: PassSide, batches: _Batches, paired: Ints) -> pl.DataFrame:
    """FOUND_MEMBERS of the side; the n-th paired batch belongs to group n."""
    numbers = pl.DataFrame(
        {"batch": paired.astype(np.uint32), "group": np.arange(len(paired), dtype=np.int64)}
    )
    rows = batches.members.join(numbers, on="batch")
    return rows.select(
        "group",
        pl.lit(name, dtype=SIDES).alias("side"),
        ROW,
        items.items["amount"].gather(rows[ROW]).alias("allocated"),
    )


def _doubts(name: str, batches: _Batches, paired: Ints, torn: pl.DataFrame) -> pl.DataFrame:
    """Every item of every batch that is not paired: once an item is gone, the sums are others."""
    is_left = np.ones(batches.side.items.height, dtype=np.bool_)
    is_left[paired] = False
    rest = batches.members.filter(is_left[batches.members["batch"].to_numpy()])
    own = torn.filter(pl.col("side") == name).select(
        pl.col(ROW).alias("batch"), "cluster", "is_crowded"
    )
    return (
        rest.join(own, on="batch", how="left")
        .select(
            pl.col("cluster").fill_null(NO_CLUSTER),
            pl.lit(name, dtype=SIDES).alias("side"),
            ROW,
            pl.col("is_crowded").fill_null(value=False),
        )
        .cast(DOUBTS)
    )

"""Several items of a side added up and looked at as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from apps.reconciliation.matching.classes import LEVEL, PassSide
from apps.reconciliation.matching.compared import compared
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.money import amount_words
from apps.reconciliation.matching.pass_rules import Pass
from apps.reconciliation.matching.reasons import RATE_WORDS
from apps.reconciliation.matching.schemas import LEFT, RIGHT, SIDES, Ints

_ROWS = "rows"  # the row numbers of a batch
_LEAST_ID = "least_id"
_CONTENT = "content"  # what its items are, without ids
_EXTERNAL = "external_ids"  # those of its items, in their order
_OWN, _MARK = "own", "mark"  # what a batch is in its own currency, and which that is
_SEVERAL = {LEFT: -1, RIGHT: -2}  # the mark of items of several currencies; no two are the same


@dataclass(frozen=True)
class Batches:
    """The batches of one side, as items of a side.

    Attributes:
        side: a row for each batch.
        members: ``batch`` and the ROW of each of its items.
    """

    side: PassSide
    members: pl.DataFrame


def added_up(side: PassSide, keyed: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """One row for each batch of items that agree in these columns, by its smallest id.

    Args:
        keyed: ROW and the columns.
    """
    rows = keyed[ROW]
    told = [RATE_WORDS] if RATE_WORDS in side.items.columns else []
    facts = side.items[rows].select(
        pl.col("id").alias(_LEAST_ID),
        "booked",
        pl.Series("net", side.net[rows], dtype=pl.Int64),
        *told,
    )
    days = [
        pl.Series("day", side.days[rows], dtype=pl.Int64),
        pl.Series("last_day", side.last_days[rows], dtype=pl.Int64),
    ]
    own = _own_of(side, rows)
    batches = keyed.select(ROW, *by).hstack(facts).hstack(days).hstack(own).group_by(by)
    return batches.agg(
        pl.col(_LEAST_ID).min(),
        pl.col("booked", "net").sum(),
        *([pl.col(_OWN).sum(), _if_one(_MARK)] if own else []),
        pl.col("day").min(),
        pl.col("last_day").max(),
        pl.col(ROW).alias(_ROWS),
        *(pl.col(name).filter(pl.col(name) != "").unique().sort().str.join(", ") for name in told),
    ).sort(_LEAST_ID)


def _if_one(name: str) -> pl.Expr:
    """The value that all have; null if there are several."""
    return pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first())


def _own_of(side: PassSide, rows: pl.Series) -> list[pl.Series]:
    if side.own is None or side.marks is None:
        return []
    return [
        pl.Series(_OWN, side.own[rows], dtype=pl.Int64),
        pl.Series(_MARK, side.marks[rows], dtype=pl.Int64),
    ]


def batched(side: PassSide, batches: pl.DataFrame, step: Pass, name: str) -> Batches:
    """The side with its batches in the place of items, in their order."""
    net = batches["net"].to_numpy()
    amounts = compared(net, step.sign, name)
    members = batches.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("batch"), _ROWS)
    members = members.explode(_ROWS, empty_as_null=False).rename({_ROWS: ROW})
    texts = _texts(side, batches, members, step)
    items = batches.with_columns(pl.col(_LEAST_ID).alias("id"), *texts)
    marks = worth = None
    if _OWN in batches.columns:
        marks = batches[_MARK].fill_null(_SEVERAL[name]).to_numpy()
        worth = compared(batches[_OWN].to_numpy(), step.sign, name)
    keyed = batches.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW),
        *step.block_fields,
        pl.Series(LEVEL, amounts, dtype=pl.Int64),
    )
    return Batches(
        PassSide(
            items,
            keyed,
            amounts,
            net,
            batches["day"].to_numpy(),
            batches["last_day"].to_numpy(),
            marks,
            worth,
            sizes=batches[_ROWS].list.len().cast(pl.Int64).to_numpy(),
            identity=(_CONTENT,),
            content_order=(_CONTENT, _EXTERNAL, "id"),
        ),
        members,
    )


def _texts(
    side: PassSide, batches: pl.DataFrame, members: pl.DataFrame, step: Pass
) -> list[pl.Series]:
    """Two texts for each batch: what its items are, and which they are.

    The first is the same for batches of items that are interchangeable one by one, the second says
    which of them is taken first.
    """
    if step.left_by == step.right_by == ():  # one batch in each block: nothing to tell apart
        nothing = pl.repeat("", batches.height, dtype=pl.String, eager=True)
        return [nothing.alias(_CONTENT), nothing.alias(_EXTERNAL)]
    texts = side.items[members[ROW]].select(
        pl.struct(side.identity).struct.json_encode().alias(_CONTENT),
        pl.col("external_id").alias(_EXTERNAL),
    )
    joined = members.select("batch").hstack(texts).group_by("batch")
    told = joined.agg(pl.col(_CONTENT, _EXTERNAL).sort().str.join(" / ")).sort("batch")
    return [told[_CONTENT], told[_EXTERNAL]]


def sum_words(left: PassSide, right: PassSide, rows: tuple[Ints, Ints]) -> pl.Series:
    """``3 left items of 300.00 EUR in all, 1 right item of 300.00 EUR``, for pairs of batches."""
    currency = left.items["currency"][rows[0]]
    known = currency.unique().to_list()
    parts = []
    for name, side, side_rows in ((LEFT, left, rows[0]), (RIGHT, right, rows[1])):
        chosen = side.items[side_rows]
        count = chosen[_ROWS].list.len()
        plural = pl.when(count == 1).then(pl.lit("")).otherwise(pl.lit("s"))
        in_all = pl.when(count == 1).then(pl.lit("")).otherwise(pl.lit(" in all"))
        total = amount_words(pl.lit(chosen["booked"]), pl.lit(currency), known)
        form = f"{{}} {name} item{{}} of {{}} {{}}{{}}"
        parts.append(pl.format(form, count, plural, total, currency, in_all))
    return pl.select(pl.concat_str(parts, separator=", ")).to_series()


def batch_members(name: str, items: PassSide, batches: Batches, paired: Ints) -> pl.DataFrame:
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

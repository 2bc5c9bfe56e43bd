"""What a pass hands back, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.schemas import LEFT, RIGHT, SIDES

NO_CLUSTER = -1

FOUND_GROUPS = pl.Schema(
    {
        "group": pl.Int64(),  # a number within this result
        "left_id": pl.Int64(),  # the smallest ids, for numbering
        "right_id": pl.Int64(),
        "currency": pl.String(),
        "left_total": pl.Int64(),
        "right_total": pl.Int64(),
        "reasons": pl.String(),  # JSON list of sentences
    }
)
FOUND_MEMBERS = pl.Schema(
    {"group": pl.Int64(), "side": SIDES, ROW: pl.UInt32(), "allocated": pl.Int64()}
)
DOUBTS = pl.Schema(
    {
        "cluster": pl.Int64(),  # items that compete for each other; NO_CLUSTER: open, not torn
        "side": SIDES,
        ROW: pl.UInt32(),
        "is_crowded": pl.Boolean(),  # not tied, but too many candidates to decide
    }
)


@dataclass(frozen=True)
class Found:
    """Groups made by one pass, and the items that it could not decide.

    Attributes:
        groups: FOUND_GROUPS.
        members: FOUND_MEMBERS; every item of every group once.
        doubts: DOUBTS; the open items of all components in which something was undecided. Only
            among these can the same pass find anything more, once others are gone.
    """

    groups: pl.DataFrame
    members: pl.DataFrame
    doubts: pl.DataFrame


def pairs_found(
    left: pl.DataFrame, right: pl.DataFrame, reasons: pl.Series, doubts: pl.DataFrame
) -> Found:
    """A result of groups of one left and one right item each.

    Args:
        left, right: the items of the groups, row by row (as ``items.prepared`` makes them).
        reasons: for each group a JSON list.
    """
    numbers = pl.int_range(left.height, dtype=pl.Int64, eager=True)
    groups = pl.DataFrame(
        {
            "group": numbers,
            "left_id": left["id"],
            "right_id": right["id"],
            "currency": left["currency"],
            "left_total": left["amount"],
            "right_total": right["amount"],
            "reasons": reasons,
        },
        schema=FOUND_GROUPS,
    )
    members = [
        items.select(
            numbers.alias("group"),
            pl.lit(side, dtype=SIDES).alias("side"),
            ROW,
            pl.col("amount").alias("allocated"),
        )
        for side, items in ((LEFT, left), (RIGHT, right))
    ]
    return Found(groups, pl.concat(members), doubts)

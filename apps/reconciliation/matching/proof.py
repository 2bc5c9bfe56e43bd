"""The proof: left total - right total = open left - open right + differences inside groups."""

from __future__ import annotations

import polars as pl

from apps.reconciliation.matching.schemas import LEFT, PROOF_SCHEMA


def proved(
    items: dict[str, pl.DataFrame], groups: pl.DataFrame, breaks: pl.DataFrame
) -> pl.DataFrame:
    """PROOF_SCHEMA, computed from what is handed out and not from how it was found.

    Args:
        items: both sides, in the left side's sense.
    """
    totals = [
        side_items.group_by("currency").agg(
            pl.col("amount").sum().alias("left_total" if side == LEFT else "right_total")
        )
        for side, side_items in items.items()
    ]
    opened = breaks.group_by("currency").agg(
        pl.col("left_total").sum().alias("open_left"),
        pl.col("right_total").sum().alias("open_right"),
    )
    differences = groups.group_by("currency").agg(pl.col("difference").sum().alias("differences"))
    proof = pl.concat([*totals, opened, differences], how="diagonal")
    proof = proof.group_by("currency").agg(pl.all().sum()).sort("currency")
    gap = pl.col("left_total") - pl.col("right_total")
    explained = pl.col("open_left") - pl.col("open_right") + pl.col("differences")
    return proof.with_columns((gap - explained).alias("proof_amount")).select(PROOF_SCHEMA.names())

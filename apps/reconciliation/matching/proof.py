"""The proof: left total - right total = open left - open right + differences inside groups.

By currency; in groups of several currencies, what was exchanged into or out of it comes on top.
"""

from __future__ import annotations

import polars as pl

from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.schemas import LEFT, PROOF_SCHEMA


def exchanged(
    items: dict[str, pl.DataFrame], groups: pl.DataFrame, held: pl.DataFrame, rules: RuleSet
) -> pl.DataFrame:
    """By currency: what groups of several currencies hold of it, less what is their difference.

    100 EUR against 110 USD is a difference of some cents in EUR; all else of the 100 EUR became 110
    USD. That is +100 EUR less the cents, and -110 USD.

    Args:
        held: the items of the groups.
    """
    names = [step.name for step in rules.passes if step.fx]
    own = groups.filter(pl.col("pass_name").is_in(names))
    legs = [
        held.filter(pl.col("side") == side)
        .join(own.select("group_no"), on="group_no", how="semi")
        .join(side_items.select("id", "currency"), left_on="item_id", right_on="id")
        .select("currency", pl.col("allocated") * (1 if side == LEFT else -1))
        for side, side_items in items.items()
    ]
    inside = own.select("currency", pl.col("difference").alias("allocated") * -1)
    everything = pl.concat([*legs, inside]).group_by("currency")
    return everything.agg(pl.col("allocated").sum().alias("exchanged"))


def proved(
    items: dict[str, pl.DataFrame],
    groups: pl.DataFrame,
    breaks: pl.DataFrame,
    exchange: pl.DataFrame,
) -> pl.DataFrame:
    """PROOF_SCHEMA, computed from what is handed out and not from how it was found.

    Args:
        items: both sides, in the left side's sense.
        exchange: what ``exchanged`` gives.
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
    proof = pl.concat([*totals, opened, differences, exchange], how="diagonal")
    proof = proof.group_by("currency").agg(pl.all().sum()).sort("currency")
    gap = pl.col("left_total") - pl.col("right_total")
    explained = pl.col("open_left") - pl.col("open_right") + pl.col("differences")
    explained += pl.col("exchanged")
    return proof.with_columns((gap - explained).alias("proof_amount")).select(PROOF_SCHEMA.names())

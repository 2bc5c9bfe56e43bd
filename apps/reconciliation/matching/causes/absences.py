"""timing (awaited), missing_right, missing_left: no counterpart at all.

What is booked so shortly before the as-of date that the other side may still follow is awaited,
and not yet a fault.
"""

from __future__ import annotations

import polars as pl

from apps.reconciliation.matching.causes.case import (
    AWAITED,
    BREAK_MEMBERS,
    FOUND_BREAKS,
    MISSING,
    Case,
    Finding,
)
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.money import amount_words
from apps.reconciliation.matching.schemas import LEFT

_AGE = pl.col("age_days")


def find_absences(case: Case) -> Finding:
    """One break for each item; explains everything that is left."""
    items = case.unexplained
    currency = pl.col("currency")
    frame = items.with_columns(
        (pl.lit(case.as_of) - pl.col("booked_on")).dt.total_days().alias("age_days"),
        amount_words(pl.col("amount"), currency, items["currency"].unique().to_list()).alias(
            "amount_text"
        ),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("break"),
    )
    is_awaited = case.rules.awaited_days >= _AGE
    missing = pl.when(pl.col("side") == LEFT).then(pl.lit("missing_right"))
    breaks = frame.select(
        "break",
        pl.when(is_awaited)
        .then(pl.lit("timing"))
        .otherwise(missing.otherwise(pl.lit("missing_left")))
        .alias("cause"),
        pl.when(is_awaited).then(pl.lit(AWAITED)).otherwise(pl.lit(MISSING)).alias("state"),
        _reason(is_awaited, case).alias("reason"),
        _evidence(case).alias("evidence"),
    )
    return Finding(
        breaks.cast(FOUND_BREAKS), frame.select("break", "side", ROW).cast(BREAK_MEMBERS)
    )


def _reason(is_awaited: pl.Expr, case: Case) -> pl.Expr:
    other = pl.when(pl.col("side") == LEFT).then(pl.lit("right")).otherwise(pl.lit("left"))
    reference = pl.col("reference").str.strip_chars()
    named = pl.when(reference == "").then(pl.lit("item without reference")).otherwise(reference)
    plural = pl.when(_AGE.abs() == 1).then(pl.lit("")).otherwise(pl.lit("s"))
    distance = pl.format(
        "{} day{} {} {}",
        _AGE.abs(),
        plural,
        pl.when(_AGE >= 0).then(pl.lit("before")).otherwise(pl.lit("after")),
        pl.lit(case.as_of.isoformat()),
    )
    still = pl.lit(f": still awaited, up to {case.rules.awaited_days} days")
    return pl.format(
        "no counterpart on the {} for {} of {} {}, booked {}, {}{}",
        other,
        named,
        "amount_text",
        "currency",
        pl.col("booked_on").dt.to_string("iso:strict"),
        distance,
        pl.when(is_awaited).then(still).otherwise(pl.lit("")),
    )


def _evidence(case: Case) -> pl.Expr:
    return pl.struct(
        pl.col("age_days"),
        pl.col("amount_text").alias("amount"),
        pl.lit(case.as_of.isoformat()).alias("as_of"),
        pl.lit(case.rules.awaited_days).alias("awaited_days"),
        pl.col("booked_on").dt.to_string("iso:strict"),
        pl.col("currency"),
        pl.col("reference"),
    ).struct.json_encode()

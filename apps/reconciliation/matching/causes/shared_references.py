"""unknown: several items on both sides share a reference, and no other cause explains them."""

from __future__ import annotations

import polars as pl

from apps.reconciliation.matching.causes.case import (
    MISMATCHED,
    Break,
    Case,
    Finding,
    Row,
    finding,
)
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.money import amount_text
from apps.reconciliation.matching.schemas import LEFT, RIGHT

_KEY = ["reference", "currency"]


def find_shared_references(case: Case) -> Finding:
    """One break for each reference that is open on both sides."""
    groups = (
        case.referenced()
        .group_by(_KEY)
        .agg(
            "side",
            ROW,
            *(
                pl.col("amount").filter(pl.col("side") == side).alias(side)
                for side in (LEFT, RIGHT)
            ),
        )
    )
    shared = groups.filter((pl.col(LEFT).list.len() > 0) & (pl.col(RIGHT).list.len() > 0))
    return finding(_judged(row) for row in shared.iter_rows(named=True))


def _judged(row: Row) -> Break:
    currency = row["currency"]
    totals = {side: amount_text(sum(row[side]), currency) for side in (LEFT, RIGHT)}
    reason = (
        f"{len(row[LEFT])} left and {len(row[RIGHT])} right items share the reference "
        f"{row['reference']}: {totals[LEFT]} against {totals[RIGHT]} {currency}"
    )
    evidence = {
        "reference": row["reference"],
        "currency": currency,
        "left_total": totals[LEFT],
        "right_total": totals[RIGHT],
        "left_count": len(row[LEFT]),
        "right_count": len(row[RIGHT]),
    }
    return Break(
        "unknown", MISMATCHED, reason, evidence, list(zip(row["side"], row[ROW], strict=True))
    )

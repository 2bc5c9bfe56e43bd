"""ambiguous: a pass could pair the items in several equally good ways, so it paired none."""

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
from apps.reconciliation.matching.outcome import AMBIGUOUS
from apps.reconciliation.matching.schemas import LEFT, RIGHT

LISTED_CANDIDATES = 100  # ids per side in the evidence; the items of the break are complete
_CLUSTER = ["pass_index", "cluster"]


def find_ambiguous(case: Case) -> Finding:
    """One break for the items that compete for each other in the first pass torn between them.

    Where amounts are converted, these can be of several currencies: then one for each.
    """
    torn = case.ties.join(case.unexplained.select("side", ROW, "id", "currency"), on=["side", ROW])
    owners = torn.sort("pass_index").unique(["side", ROW], keep="first", maintain_order=True)
    members = owners.group_by(*_CLUSTER, "currency").agg("side", ROW)
    clusters = torn.group_by(_CLUSTER).agg(
        pl.col("id").filter(pl.col("side") == LEFT).sort().alias(LEFT),
        pl.col("id").filter(pl.col("side") == RIGHT).sort().alias(RIGHT),
        pl.col("is_crowded").any(),
    )
    rows = members.join(clusters, on=_CLUSTER).iter_rows(named=True)
    return finding(_judged(row, case.rules.passes[row["pass_index"]].name) for row in rows)


def _judged(row: Row, pass_name: str) -> Break:
    counts = f"{len(row[LEFT])} left and {len(row[RIGHT])} right items"
    if row["is_crowded"]:
        reason = (
            f"pass {pass_name!r} leaves {counts} with too many candidates "
            "to prove one best pairing: give it another key or a closer tolerance"
        )
    else:
        reason = f"{counts} can be paired equally well in different ways in pass {pass_name!r}"
    return Break(
        cause=AMBIGUOUS,
        state=MISMATCHED,
        reason=reason,
        evidence={
            "pass": pass_name,
            "left_candidates": row[LEFT][:LISTED_CANDIDATES],
            "right_candidates": row[RIGHT][:LISTED_CANDIDATES],
            "left_count": len(row[LEFT]),
            "right_count": len(row[RIGHT]),
        },
        members=list(zip(row["side"], row[ROW], strict=True)),
    )

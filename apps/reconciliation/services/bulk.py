"""Outcomes into PostgreSQL by COPY."""

from __future__ import annotations

import polars as pl

from apps.common.frames import copy_in, decimal_text
from apps.reconciliation.matching import Outcome
from apps.reconciliation.models import Break, Run


def store_outcome(run: Run, outcome: Outcome) -> None:
    """Insert groups, items, breaks and break items of a run."""
    run_column = pl.lit(run.pk).alias("run_id")
    copy_in(
        "reconciliation_matchgroup",
        outcome.groups,
        run_column,
        pl.col("group_no").alias("number"),
        "pass_name",
        "status",
        "currency",
        *(decimal_text(name) for name in ("left_total", "right_total", "difference")),
        "reasons",
    )
    copy_in(
        "reconciliation_matchitem",
        outcome.items,
        run_column,
        pl.col("group_no").alias("group_number"),
        pl.col("item_id").alias("record_id"),
        pl.col("side").cast(pl.String),
        decimal_text("allocated"),
    )
    copy_in(
        "reconciliation_break",
        outcome.breaks,
        run_column,
        pl.col("break_no").alias("number"),
        "cause",
        "state",
        "currency",
        *(decimal_text(name) for name in ("left_total", "right_total", "amount")),
        "is_material",
        "reason",
        "evidence",
    )
    copy_in("reconciliation_breakitem", _with_break_ids(run, outcome.break_items))


def _with_break_ids(run: Run, break_items: pl.DataFrame) -> pl.DataFrame:
    """Numbers replaced by the ids that the database gave."""
    rows = list(Break.objects.filter(run=run).values_list("number", "id"))
    ids = pl.DataFrame(rows, schema={"break_no": pl.Int64(), "broken_id": pl.Int64()}, orient="row")
    return break_items.join(ids, on="break_no").select(
        "broken_id", pl.col("item_id").alias("record_id"), pl.col("side").cast(pl.String)
    )

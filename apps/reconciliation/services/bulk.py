"""Outcomes into PostgreSQL by COPY."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

from apps.common.frames import copy_in, exact_decimal
from apps.common.partitions import copy_rows
from apps.reconciliation.matching import Matched, Outcome
from apps.reconciliation.models import Break, MatchGroup, Run
from apps.reconciliation.services.phases import tell
from apps.reconciliation.states import RunPhase, Side

_GROUPS_PER_OPEN_ITEM: Final = 2.5
"""How many groups are stored in the time that one open item takes to be explained and stored."""


def store_outcome(run: Run, found: Matched, explained: Callable[[], Outcome]) -> None:
    """Insert groups, breaks and break items of a run.

    Args:
        explained: the whole outcome, waited for if need be; asked for once groups are under way.
    """
    groups, left_open = found.groups.height, found.open_count
    total = groups + left_open

    def store_breaks(stored: int) -> None:
        tell(run, RunPhase.STORING, done=stored, total=total)
        outcome = explained()
        _store_breaks(run, outcome.breaks)
        copy_in("reconciliation_breakitem", _with_break_ids(run, outcome.break_items))

    tell(run, RunPhase.STORING, done=0, total=total)
    copy_rows(
        MatchGroup,
        _with_ids(found),
        pl.col("group_no").alias("number"),
        *("pass_name", "status", "currency"),
        *map(exact_decimal, ("left_total", "right_total", "difference")),
        *("left_ids", "right_ids", "reasons"),
        same={"run_id": run.pk},
        hands=2,
        first=max(-(-groups // 4), (groups - round(_GROUPS_PER_OPEN_ITEM * left_open)) // 2),
        meanwhile=store_breaks,
    )


def _store_breaks(run: Run, breaks: pl.DataFrame) -> None:
    copy_in(
        "reconciliation_break",
        breaks,
        pl.lit(run.pk).alias("run_id"),
        pl.col("break_no").alias("number"),
        *("cause", "state", "currency"),
        *map(exact_decimal, ("left_total", "right_total", "amount")),
        *("is_material", "reason", "evidence"),
    )


def _with_ids(found: Matched) -> pl.DataFrame:
    """The groups, each with the records of either side, ascending."""
    groups = found.groups
    for side in Side:
        own = found.items.filter(pl.col("side") == side)
        ids = own.group_by("group_no", maintain_order=True).agg(pl.col("item_id"))
        # Joined to the numbers alone: a join makes all columns anew, and these are the smallest.
        numbers = groups.select("group_no")
        listed = numbers.join(ids, on="group_no", how="left", maintain_order="left")
        groups = groups.with_columns(listed["item_id"].alias(f"{side}_ids"))
    return groups


def _with_break_ids(run: Run, break_items: pl.DataFrame) -> pl.DataFrame:
    """Numbers replaced by the ids that the database gave."""
    rows = list(Break.objects.filter(run=run).values_list("number", "id"))
    ids = pl.DataFrame(rows, schema={"break_no": pl.Int64(), "broken_id": pl.Int64()}, orient="row")
    return break_items.join(ids, on="break_no").select(
        "broken_id", pl.col("item_id").alias("record_id"), pl.col("side").cast(pl.String)
    )

"""How far a run is while it is carried out, in one piece or in shards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from django.utils import timezone

from apps.common.phases import Phase, phases_of
from apps.reconciliation.models import Run, ShardPlan
from apps.reconciliation.states import RUN_AT_WORK, UNDER_WAY, RunPhase, RunStatus


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        phase: a RunPhase.
        shards_done, shards: None of a run in one piece.
        rows_done: records of the shards that are through; in one piece, and after the shards,
            the records matched so far, or the rows of the outcome stored so far.
        rows: how many there are of these; 0 while that is not known.
        left: the time that the other shards will take, if they are like the first ones; None
            before there is one to judge by, and of all other work.
        pass_name, pass_number, passes: the pass that is at work, outside shards.
    """

    phase: str
    shards_done: int | None
    shards: int | None
    rows_done: int
    rows: int
    left: timedelta | None
    pass_name: str = ""
    pass_number: int = 0
    passes: int = 0


def progress_of(run: Run) -> Progress | None:
    """How far the run is; None unless somebody is at work on it."""
    if run.status not in UNDER_WAY:
        return None
    plan = ShardPlan.objects.filter(run=run).first() if run.status == RunStatus.RUNNING else None
    shards = list(plan.shards.all()) if plan else []
    done = [shard for shard in shards if shard.finished_at]
    if plan is not None and len(done) < len(shards):
        rows = sum(shard.row_count for shard in shards)
        rows_done = sum(shard.row_count for shard in done)
        taken = max(timezone.now() - plan.planned_at, timedelta(0))  # clocks of two machines
        left = taken * ((rows - rows_done) / rows_done) if rows_done else None
        return Progress(RunPhase.MATCHING, len(done), len(shards), rows_done, rows, left)
    told = next(iter(phases_of(RUN_AT_WORK, run.pk)), None)
    if plan is not None:
        rows = sum(shard.row_count for shard in shards)
        waiting = Phase(RunPhase.FINISHING.value, done=rows, total=rows)
        return _told(run, told if told and told.total else waiting, len(shards))
    return _told(run, told, None) if told else None


def _told(run: Run, told: Phase, shards: int | None) -> Progress:
    """What the transaction at work tells; it alone has the run, and has all of it."""
    progress = Progress(told.name, shards, shards, told.done, told.total, None)
    if not told.step:
        return progress
    passes = run.rule_set.rules["passes"]
    name = passes[told.step - 1]["name"]
    return replace(progress, pass_name=name, pass_number=told.step, passes=len(passes))

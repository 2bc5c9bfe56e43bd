"""What a reopened period does to its close: what followed its books is stale, and done again."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse

from apps.audit.services import record
from apps.close.locks import run_for_update
from apps.close.models import CloseRun, CloseTask
from apps.close.registry import LOCK, follows_books
from apps.close.selectors import graph_of, latest_run_for
from apps.close.services.moves import advance_task, redo_task, start_next
from apps.close.states import DONE, RUN_MOVES, RunStatus, TaskStatus
from apps.common.transitions import advance
from apps.identity.selectors import system_user
from apps.ledger.models import Period, PeriodReopening
from apps.ledger.registry import Upon


def make_stale(reopening: PeriodReopening) -> None:
    """The period takes postings again: tasks that followed its books no longer count as done.

    A close that was complete is open again. Called in the transaction that opens the period.
    """
    run = _run_held(reopening.period)
    if run is None:
        return
    for task in _following(run):
        advance_task(
            task,
            TaskStatus.STALE,
            action="close.task.stale",
            note=f"{reopening}: to be done again once the period is closed.",
            reopening=reopening.pk,
        )
    if run.status == RunStatus.COMPLETED and run.tasks.filter(status=TaskStatus.STALE).exists():
        advance(run, to=RunStatus.OPEN, moves=RUN_MOVES)
        run.completed_at = None
        run.save(update_fields=["status", "completed_at"])
        record(actor=system_user(), action="close.run.reopen", subject=run, reopening=reopening.pk)


def do_again(reopening: PeriodReopening) -> None:
    """The period is closed again: what is stale waits for its turn.

    Called in the transaction that closes the period.
    """
    run = _run_held(reopening.period)
    stale = [] if run is None else list(run.tasks.filter(status=TaskStatus.STALE))
    for task in stale:
        redo_task(task)
    if stale:
        start_next(stale[0])


def tasks_upon(period: Period) -> list[Upon]:
    """What of the period's close would become stale, in words."""
    run = latest_run_for(period.pk)
    following = [] if run is None else _following(run)
    if run is None or not following:
        return []
    names = ", ".join(task.name for task in following)
    return [
        Upon(
            f"Close of {period}",
            f"these steps become stale, and are done again when the period is closed: {names}",
            reverse("close:run", args=[run.pk]),
        )
    ]


def _run_held(period: Period) -> CloseRun | None:
    """The newest close of the period, locked, unless it was cancelled."""
    found = latest_run_for(period.pk)
    if found is None:
        return None
    run = run_for_update(found.pk)
    return None if run.status == RunStatus.CANCELLED else run


def _following(run: CloseRun) -> Sequence[CloseTask]:
    """The done tasks whose handlers follow the books, and all that come after the lock."""
    graph = graph_of(run.pk)
    tasks = {task.key: task for task in run.tasks.select_related("run").order_by("position")}
    keys = {key for key, task in tasks.items() if follows_books(task.handler)}
    locks = [key for key, task in tasks.items() if task.handler == LOCK]
    keys |= {later for key in locks for later in graph.downstream(key)}
    return [
        task
        for key, task in tasks.items()
        if key in keys and task.status in DONE - {TaskStatus.SKIPPED}
    ]

"""Where the close of a period stands."""
# What needs the models is imported once Django is configured.
# ruff: noqa: PLC0415

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from finflow.books import entity_row
from finflow.environment import connect


@dataclass(frozen=True)
class TaskState:
    """One task of a close.

    Attributes:
        key: its name in the template, for example "gl_erp_reconciliation".
        status: pending, ready, in_progress, submitted, returned, completed,
            completed_with_warning, failed, blocked, skipped, stale or cancelled.
        note: warning, cause of a failure, or what was done by hand; else empty.
    """

    key: str
    name: str
    status: str
    due_at: datetime
    completed_at: datetime | None
    note: str


@dataclass(frozen=True)
class CloseStatus:
    """The newest close of a period, in numbers and task by task.

    Attributes:
        period_status: open, soft_closed, hard_closed, ... of the period itself.
        status: open, completed or cancelled: of the run that closes it.
        waiting: tasks that wait for an approval.
        late: tasks past their deadline and not done.
    """

    entity: str
    period: str
    period_status: str
    status: str
    opened_at: datetime
    completed_at: datetime | None
    done: int
    total: int
    failed: int
    waiting: int
    late: int
    tasks: tuple[TaskState, ...]


def close_status(entity_code: str, period_name: str) -> CloseStatus | None:
    """Where the newest close of the period stands.

    Args:
        entity_code: for example "HFS".
        period_name: for example "2023-04".

    Returns:
        None if nobody has begun to close the period.

    Raises:
        Refusal: NOT_FOUND, no such entity or period.
        Unavailable: there is no database to work with.
    """
    connect()
    from apps.close.selectors import latest_run_for, progress, tasks_of
    from apps.common.errors import NotVisible
    from apps.ledger.models import Period

    entity = entity_row(entity_code)
    period = Period.objects.filter(entity=entity, name=period_name).first()
    if period is None:
        raise NotVisible(f"{entity_code} has no period {period_name!r}.")
    run = latest_run_for(period.pk)
    if run is None:
        return None
    tasks = tasks_of(run.pk)
    counts = progress(tasks)
    return CloseStatus(
        entity=entity.code,
        period=period.name,
        period_status=period.status,
        status=run.status,
        opened_at=run.opened_at,
        completed_at=run.completed_at,
        done=counts.done,
        total=counts.total,
        failed=counts.failed,
        waiting=counts.waiting,
        late=counts.late,
        tasks=tuple(
            TaskState(task.key, task.name, task.status, task.due_at, task.completed_at, task.note)
            for task in tasks
        ),
    )

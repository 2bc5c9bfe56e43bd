"""Where a close stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.close.models import CloseRun, CloseTask, TaskAttempt, TaskDependency
from apps.close.scheduling import Dependency, DependencyKind, Task, TaskGraph
from apps.close.states import DONE, RunStatus, TaskStatus
from apps.common.access import Actor


@dataclass(frozen=True)
class Progress:
    """A run in numbers."""

    done: int
    total: int
    failed: int
    waiting: int
    late: int
    now_running: tuple[str, ...]
    ends_by: datetime

    @property
    def is_complete(self) -> bool:
        return self.done == self.total


def runs_visible_to(actor: Actor) -> Any:
    """Close runs of granted entities, newest first."""
    return (
        CloseRun.objects.visible_to(actor)
        .select_related("entity", "period", "template", "opened_by")
        .order_by("-id")
    )


def open_run_for(period_id: int) -> CloseRun | None:
    """The run that is closing the period, if one is."""
    return CloseRun.objects.filter(period_id=period_id, status=RunStatus.OPEN).first()


def latest_run_for(period_id: int) -> CloseRun | None:
    """The newest run of the period, whatever became of it."""
    return CloseRun.objects.filter(period_id=period_id).order_by("-id").first()


def tasks_of(run_id: int) -> list[CloseTask]:
    """The run's tasks in template order, with owners."""
    return list(
        CloseTask.objects.filter(run_id=run_id)
        .select_related("owner", "completed_by")
        .order_by("position")
    )


def progress(tasks: Sequence[CloseTask]) -> Progress:
    """Count a run's tasks; late is what is past its deadline and not done."""
    now = timezone.now()
    return Progress(
        done=sum(task.status in DONE for task in tasks),
        total=len(tasks),
        failed=sum(task.status == TaskStatus.FAILED for task in tasks),
        waiting=sum(task.status == TaskStatus.SUBMITTED for task in tasks),
        late=sum(task.status not in DONE and task.due_at < now for task in tasks),
        now_running=tuple(task.name for task in tasks if task.status == TaskStatus.IN_PROGRESS),
        ends_by=max(task.due_at for task in tasks),
    )


def graph_of(run_id: int) -> TaskGraph:
    """The run's tasks and dependencies for the scheduling kernel (two queries)."""
    links: dict[str, list[Dependency]] = {}
    rows = TaskDependency.objects.filter(task__run_id=run_id).values_list(
        "task__key", "predecessor__key", "kind", "lag_minutes", "is_hard"
    )
    for key, predecessor, kind, lag_minutes, is_hard in rows:
        links.setdefault(key, []).append(
            Dependency(predecessor, DependencyKind(kind), lag_minutes, is_hard)
        )
    tasks = CloseTask.objects.filter(run_id=run_id).order_by("position")
    return TaskGraph(
        Task(task.key, task.duration_estimate_minutes, tuple(links.get(task.key, ())))
        for task in tasks
    )


def attempts_at(task: CloseTask) -> list[TaskAttempt]:
    """Every try at the task, oldest first."""
    return list(task.attempts.all())


def latest_summary(task: CloseTask) -> dict[str, Any]:
    """The facts that the last successful attempt left."""
    attempt = task.attempts.filter(status="succeeded").order_by("-number").first()
    return dict(attempt.summary) if attempt else {}

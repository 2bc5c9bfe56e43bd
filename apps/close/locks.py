"""Row locks of this app, in this order: run, task."""

from __future__ import annotations

from typing import Final

from apps.close.models import CloseRun, CloseTask
from apps.common.access import Actor, one_visible
from apps.common.errors import NotVisible

AT_WORK: Final = "close.task"
"""Session lock held by the process that works on a task (see `apps.common.advisory`)."""


def run_for_update(run_id: int) -> CloseRun:
    """The run's row, locked until the transaction ends: all its tasks change under it.

    Raises:
        NotVisible: no such run.
    """
    return one_visible(CloseRun.objects.select_for_update().filter(pk=run_id))


def task_for_update(task_id: int) -> CloseTask:
    """The task with its run, both locked until the transaction ends.

    Raises:
        NotVisible: no such task.
    """
    run_id = one_visible(CloseTask.objects.filter(pk=task_id).values_list("run_id", flat=True))
    run_for_update(run_id)
    return (
        CloseTask.objects.select_for_update(of=("self",))
        .select_related("run__period", "run__entity", "owner")
        .get(pk=task_id)
    )


def visible_task_for_update(task_id: int, *, actor: Actor) -> CloseTask:
    """Like `task_for_update`, for what the actor may see.

    Raises:
        NotVisible: no such task for this actor.
    """
    if not CloseTask.objects.granted_to(actor).filter(pk=task_id).exists():
        raise NotVisible
    return task_for_update(task_id)

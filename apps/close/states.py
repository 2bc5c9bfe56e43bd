"""The life of a close task and of a close run (controls.md, "Close tasks")."""

from typing import Final

from django.db.models import TextChoices

from apps.common.transitions import Moves


class TaskStatus(TextChoices):
    PENDING = "pending", "Waiting"
    READY = "ready", "Ready"
    IN_PROGRESS = "in_progress", "In progress"
    SUBMITTED = "submitted", "Waiting for approval"
    RETURNED = "returned", "Returned"
    COMPLETED = "completed", "Completed"
    COMPLETED_WITH_WARNING = "completed_with_warning", "Completed with a warning"
    FAILED = "failed", "Failed"
    BLOCKED = "blocked", "Blocked"
    SKIPPED = "skipped", "Skipped"
    STALE = "stale", "Stale"
    CANCELLED = "cancelled", "Cancelled"


class RunStatus(TextChoices):
    OPEN = "open", "Open"
    COMPLETED = "completed", "Completed"
    CANCELLED = "cancelled", "Cancelled"


class AttemptStatus(TextChoices):
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    INTERRUPTED = "interrupted", "Interrupted"


DONE: Final = frozenset(
    {TaskStatus.COMPLETED, TaskStatus.COMPLETED_WITH_WARNING, TaskStatus.SKIPPED}
)

# A worker that died this often in a row on one task is not given it again: a person looks first.
MOST_INTERRUPTIONS: Final = 3

_FINISHES: Final = frozenset({TaskStatus.COMPLETED, TaskStatus.COMPLETED_WITH_WARNING})

TASK_MOVES: Final[Moves] = {
    TaskStatus.PENDING: frozenset({TaskStatus.READY, TaskStatus.BLOCKED, TaskStatus.CANCELLED}),
    TaskStatus.READY: frozenset({TaskStatus.IN_PROGRESS, TaskStatus.BLOCKED, TaskStatus.CANCELLED}),
    TaskStatus.IN_PROGRESS: _FINISHES
    | {TaskStatus.SUBMITTED, TaskStatus.FAILED, TaskStatus.READY, TaskStatus.CANCELLED},
    TaskStatus.SUBMITTED: _FINISHES | {TaskStatus.RETURNED, TaskStatus.FAILED},
    TaskStatus.RETURNED: frozenset({TaskStatus.READY, TaskStatus.CANCELLED}),
    TaskStatus.FAILED: frozenset({TaskStatus.READY, TaskStatus.CANCELLED}),
    TaskStatus.BLOCKED: frozenset({TaskStatus.PENDING, TaskStatus.CANCELLED}),
    # The period was reopened: what followed its books no longer counts, and is done again.
    TaskStatus.COMPLETED: frozenset({TaskStatus.STALE}),
    TaskStatus.COMPLETED_WITH_WARNING: frozenset({TaskStatus.STALE}),
    TaskStatus.STALE: frozenset({TaskStatus.PENDING}),
}

RUN_MOVES: Final[Moves] = {
    RunStatus.OPEN: frozenset({RunStatus.COMPLETED, RunStatus.CANCELLED}),
    RunStatus.COMPLETED: frozenset({RunStatus.OPEN}),
}

"""The words of the scheduling kernel: tasks, dependencies, states and events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .errors import MinutesNegative


class Event(StrEnum):
    """The two moments of a task that dependencies connect."""

    START = "start"
    FINISH = "finish"


class DependencyKind(StrEnum):
    """Which event of the predecessor the task waits for, and which of its own is held back.

    ``FINISH_START`` reads "the predecessor finishes before the task starts", and so on.
    """

    FINISH_START = "finish_start"
    START_START = "start_start"
    FINISH_FINISH = "finish_finish"
    START_FINISH = "start_finish"

    @property
    def awaited(self) -> Event:
        """The predecessor's event that is waited for."""
        return Event(self.value.split("_")[0])

    @property
    def held(self) -> Event:
        """The task's own event that is held back."""
        return Event(self.value.split("_")[1])


class TaskState(StrEnum):
    """The states of a close task; late and at-risk are derived, not states."""

    PENDING = "pending"
    READY = "ready"
    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    COMPLETED = "completed"
    COMPLETED_WITH_WARNING = "completed_with_warning"
    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    STALE = "stale"
    CANCELLED = "cancelled"


WAITING_STATES = frozenset({TaskState.PENDING, TaskState.READY, TaskState.BLOCKED})
"""Not begun, and may begin once nothing holds it."""

UNDER_WAY_STATES = frozenset({TaskState.IN_PROGRESS, TaskState.SUBMITTED, TaskState.RETURNED})
"""Begun and not finished."""

FINISHED_STATES = frozenset(
    {TaskState.COMPLETED, TaskState.COMPLETED_WITH_WARNING, TaskState.SKIPPED}
)
"""Finished; a skipped task has an approved waiver and counts as done."""

STARTED_STATES = UNDER_WAY_STATES | FINISHED_STATES | {TaskState.FAILED, TaskState.STALE}
"""Begun at some time. A stale task has begun, but its finish no longer counts."""

DEAD_STATES = frozenset({TaskState.FAILED, TaskState.CANCELLED})
"""Will not finish unless somebody acts on it (retry, waiver)."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """A task waits for an event of ``predecessor``.

    Args:
        predecessor: id of the task waited for.
        kind: which event waits for which.
        lag_minutes: business minutes that must pass after the awaited event, 0 or more.
        is_hard: a hard dependency holds the task back; a soft one only warns.

    Raises:
        MinutesNegative: the lag is below zero. (A negative lag would let a task start before an
            event that nobody can foresee.)
    """

    predecessor: str
    kind: DependencyKind = DependencyKind.FINISH_START
    lag_minutes: int = 0
    is_hard: bool = True

    def __post_init__(self) -> None:
        if self.lag_minutes < 0:
            raise MinutesNegative(f"The lag after {self.predecessor!r}", self.lag_minutes)


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a close run.

    Args:
        id: unique in its graph; ids of several entities may share one graph.
        duration_minutes: estimated effort in business minutes, 0 for a milestone.
        dependencies: what the task waits for.

    Raises:
        MinutesNegative: the duration is below zero.
    """

    id: str
    duration_minutes: int = 0
    dependencies: tuple[Dependency, ...] = ()

    def __post_init__(self) -> None:
        if self.duration_minutes < 0:
            raise MinutesNegative(f"The duration of {self.id!r}", self.duration_minutes)

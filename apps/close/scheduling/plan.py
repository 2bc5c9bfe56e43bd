"""What a schedule is computed from, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.common.calendar import BusinessCalendar, require_zone

from .errors import MinutesNegative, ProgressInvalid
from .graph import TaskGraph


@dataclass(frozen=True, slots=True)
class Progress:
    """What has happened to a task that has started.

    Args:
        started_at: when it started.
        finished_at: when it finished, if it has.
        remaining_minutes: business minutes that it needs, counted from its start; without it,
            the task's estimate.
    """

    started_at: datetime
    finished_at: datetime | None = None
    remaining_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is computed from.

    Args:
        graph: the tasks.
        calendar: the business calendar of the run.
        starts_at: when the run may start.
        now: what has not started cannot start before it.
        progress: of the tasks that have started. A task to be done again (stale, to be retried)
            is left out.

    Raises:
        UnknownTask: progress is given for a task that is not in the graph.
        ProgressInvalid: a task finished before it started, or something happens after ``now``.
        MinutesNegative: remaining minutes are below zero.
        InstantNaive: an instant has no time zone.
    """

    graph: TaskGraph
    calendar: BusinessCalendar
    starts_at: datetime
    now: datetime
    progress: Mapping[str, Progress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_zone(self.starts_at, self.now)
        for task_id, progress in self.progress.items():
            self.graph.task(task_id)
            finished_at = progress.finished_at or progress.started_at
            require_zone(progress.started_at, finished_at)
            if finished_at < progress.started_at:
                raise ProgressInvalid(task_id, "it finished before it started")
            if finished_at > self.now:
                raise ProgressInvalid(task_id, "it lies in the future")
            remaining = progress.remaining_minutes
            if remaining is not None and remaining < 0:
                raise MinutesNegative(f"What remains of {task_id!r}", remaining)


@dataclass(frozen=True, slots=True)
class TaskTiming:
    """When a task can and must happen.

    Attributes:
        earliest_start_at, earliest_finish_at: as soon as predecessors and the clock allow; what
            has happened is given as it happened.
        latest_start_at, latest_finish_at: the latest that does not delay the whole.
        total_slack: business time the task can slip before the whole slips.
        free_slack: business time it can slip before any other task slips.
        is_critical: it is unfinished and has no total slack.
    """

    task_id: str
    earliest_start_at: datetime
    earliest_finish_at: datetime
    latest_start_at: datetime
    latest_finish_at: datetime
    total_slack: timedelta
    free_slack: timedelta
    is_critical: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """The computed times.

    Attributes:
        timings: by task id, in the graph's order.
        finish_at: when the whole finishes at the earliest.
        driving: for each critical task, the critical tasks that would slip with it.
    """

    timings: Mapping[str, TaskTiming]
    finish_at: datetime
    driving: Mapping[str, tuple[str, ...]]

    @property
    def critical_tasks(self) -> tuple[str, ...]:
        """The critical tasks, in the graph's order."""
        return tuple(self.driving)

    def critical_paths(self) -> Iterator[tuple[str, ...]]:
        """Every chain of critical tasks, each driving the next, from first to last.

        Lazy: a close of many diamonds has exponentially many, so take what is shown with
        `itertools.islice`.
        """
        driven = {successor for successors in self.driving.values() for successor in successors}
        heads = [task_id for task_id in self.driving if task_id not in driven]
        stack: list[tuple[str, ...]] = [(task_id,) for task_id in reversed(heads)]
        while stack:
            path = stack.pop()
            onwards = self.driving[path[-1]]
            if not onwards:
                yield path
            stack.extend((*path, successor) for successor in reversed(onwards))


@dataclass(frozen=True, slots=True)
class DelayImpact:
    """What a delay does: the recomputed schedule minus the baseline.

    Attributes:
        finish_at: the whole's new earliest finish.
        finish_shift: business time that the whole finishes later.
        shifts: business time that each task finishes later, for those that do, the delayed task
            included, in the graph's order.
    """

    finish_at: datetime
    finish_shift: timedelta
    shifts: Mapping[str, timedelta]

"""The critical path of a close run on its business calendar.

The critical path method with the four precedence kinds and lags (Kelley and Walker 1959; PMI
Practice Standard for Scheduling). Times are kept as offsets, the business time since an origin, so
that nights, weekends and holidays cost nothing and slack is business time; only results become
instants. A task is worked on without a break: a predecessor that holds back its finish holds back
its start with it. Soft dependencies do not count. Finished tasks are facts and never critical.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .errors import MinutesNegative, TaskAlreadyFinished
from .plan import DelayImpact, Plan, Schedule, TaskTiming
from .tasks import Dependency, Event, Task

_NO_DELAYS: Mapping[str, timedelta] = {}


def schedule(plan: Plan) -> Schedule:
    """Compute earliest and latest times, slack and the critical tasks.

    An empty graph finishes when it may start.

    Raises:
        CalendarNeverOpen: see the calendar.
    """
    axis = _Axis(plan)
    early = _earliest(axis, _NO_DELAYS)
    end = _end(early)
    late = _latest(axis, early, end)
    timings = {task_id: _timing(axis, task_id, early, late[task_id], end) for task_id in early}
    critical = {task_id: None for task_id, timing in timings.items() if timing.is_critical}
    return Schedule(
        timings=timings,
        finish_at=_finish_at(axis, early),
        driving={task_id: _driven_by(axis, task_id, early, critical) for task_id in critical},
    )


def impact_of_delay(plan: Plan, task_id: str, delay_minutes: int) -> DelayImpact:
    """What happens if a task takes ``delay_minutes`` of business time longer than now expected.

    Raises:
        UnknownTask: there is no such task.
        TaskAlreadyFinished: it has finished, so it cannot take longer.
        MinutesNegative: the delay is below zero.
        CalendarNeverOpen: see the calendar.
    """
    if delay_minutes < 0:
        raise MinutesNegative(f"The delay of {task_id!r}", delay_minutes)
    axis = _Axis(plan)
    if axis.has_happened(plan.graph.task(task_id).id, Event.FINISH):
        raise TaskAlreadyFinished(task_id)
    before = _earliest(axis, _NO_DELAYS)
    after = _earliest(axis, {task_id: timedelta(minutes=delay_minutes)})
    shifts = {other: after[other].finish - span.finish for other, span in before.items()}
    return DelayImpact(
        finish_at=_finish_at(axis, after),
        finish_shift=_end(after) - _end(before),
        shifts={other: shift for other, shift in shifts.items() if shift},
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """Start and finish of a task as offsets."""

    start: timedelta
    finish: timedelta

    def of(self, event: Event) -> timedelta:
        return self.start if event is Event.START else self.finish


class _Axis:
    """The business time of a plan: instants to offsets and back, and what is already fact."""

    def __init__(self, plan: Plan) -> None:
        started = [progress.started_at for progress in plan.progress.values()]
        self.graph = plan.graph
        self.progress = plan.progress
        self.calendar = plan.calendar
        self.origin = min([plan.starts_at, *started]).astimezone(UTC)
        self.now = plan.now.astimezone(UTC)
        self.floor = max(plan.starts_at, plan.now).astimezone(UTC)
        self.now_offset = self.offset(self.now)
        self.floor_offset = self.offset(self.floor)

    def offset(self, at: datetime) -> timedelta:
        return self.calendar.business_time_between(self.origin, at)

    def instant(self, task_id: str, offset: timedelta) -> datetime:
        """The instant of an offset that lies ahead of a task.

        A whole weekend shares one offset, so the instant is kept from falling before now.
        """
        ahead_of = self.now if task_id in self.progress else self.floor
        return max(self.calendar.add_business_time(self.origin, offset), ahead_of)

    def has_happened(self, task_id: str, event: Event) -> bool:
        progress = self.progress.get(task_id)
        return progress is not None and (event is Event.START or progress.finished_at is not None)

    def links_ahead(self, task_id: str) -> Iterator[tuple[str, Dependency]]:
        """Hard links to successors, neither of whose two events has happened."""
        for successor, link in self.graph.successors(task_id):
            is_past = self.has_happened(task_id, link.kind.awaited) or self.has_happened(
                successor, link.kind.held
            )
            if link.is_hard and not is_past:
                yield successor, link


def _earliest(axis: _Axis, delays: Mapping[str, timedelta]) -> dict[str, _Span]:
    """Forward pass; ``delays`` lengthen tasks beyond what is expected of them."""
    spans: dict[str, _Span] = {}
    for task_id in axis.graph.order:
        task = axis.graph.task(task_id)
        delay = delays.get(task_id, timedelta(0))
        if task_id in axis.progress:
            spans[task_id] = _span_begun(axis, task, spans, delay)
        else:
            spans[task_id] = _span_ahead(axis, task, spans, delay)
    return spans


def _span_begun(axis: _Axis, task: Task, spans: Mapping[str, _Span], delay: timedelta) -> _Span:
    progress = axis.progress[task.id]
    start = axis.offset(progress.started_at)
    if progress.finished_at is not None:
        return _Span(start, axis.offset(progress.finished_at))
    minutes = progress.remaining_minutes
    length = timedelta(minutes=task.duration_minutes if minutes is None else minutes)
    expected = max(axis.now_offset, start + length) + delay
    return _Span(start, max([expected, *_held_until(task, Event.FINISH, spans)]))


def _span_ahead(axis: _Axis, task: Task, spans: Mapping[str, _Span], delay: timedelta) -> _Span:
    length = timedelta(minutes=task.duration_minutes) + delay
    starts = [axis.floor_offset, *_held_until(task, Event.START, spans)]
    starts += [finish - length for finish in _held_until(task, Event.FINISH, spans)]
    return _Span(max(starts), max(starts) + length)


def _held_until(task: Task, event: Event, spans: Mapping[str, _Span]) -> list[timedelta]:
    """The offsets before which hard dependencies do not let an event of a task happen."""
    return [
        spans[link.predecessor].of(link.kind.awaited) + timedelta(minutes=link.lag_minutes)
        for link in task.dependencies
        if link.is_hard and link.kind.held is event
    ]


def _latest(axis: _Axis, early: Mapping[str, _Span], end: timedelta) -> dict[str, _Span]:
    """Backward pass: the latest that does not delay the whole."""
    late: dict[str, _Span] = {}
    for task_id in reversed(axis.graph.order):
        span = early[task_id]
        if axis.has_happened(task_id, Event.FINISH):
            late[task_id] = span
            continue
        finishes = [end]
        for successor, link in axis.links_ahead(task_id):
            limit = late[successor].of(link.kind.held) - timedelta(minutes=link.lag_minutes)
            is_start = link.kind.awaited is Event.START
            finishes.append(limit + (span.finish - span.start) if is_start else limit)
        slack = min(finishes) - span.finish
        start = span.start if axis.has_happened(task_id, Event.START) else span.start + slack
        late[task_id] = _Span(start, span.finish + slack)
    return late


def _timing(
    axis: _Axis, task_id: str, early: Mapping[str, _Span], last: _Span, end: timedelta
) -> TaskTiming:
    soonest = early[task_id]
    total_slack = last.finish - soonest.finish
    return TaskTiming(
        task_id=task_id,
        earliest_start_at=_start_instant(axis, task_id, soonest),
        earliest_finish_at=_finish_instant(axis, task_id, soonest),
        latest_start_at=_start_instant(axis, task_id, last),
        latest_finish_at=_finish_instant(axis, task_id, last),
        total_slack=total_slack,
        free_slack=_free_slack(axis, task_id, early, end),
        is_critical=not total_slack and not axis.has_happened(task_id, Event.FINISH),
    )


def _free_slack(axis: _Axis, task_id: str, early: Mapping[str, _Span], end: timedelta) -> timedelta:
    if axis.has_happened(task_id, Event.FINISH):
        return timedelta(0)
    gaps = [_gap(task_id, successor, link, early) for successor, link in axis.links_ahead(task_id)]
    return min([end - early[task_id].finish, *gaps])


def _driven_by(
    axis: _Axis, task_id: str, early: Mapping[str, _Span], critical: Container[str]
) -> tuple[str, ...]:
    driven = {
        successor: None
        for successor, link in axis.links_ahead(task_id)
        if successor in critical and not _gap(task_id, successor, link, early)
    }
    return tuple(driven)


def _gap(task_id: str, successor: str, link: Dependency, early: Mapping[str, _Span]) -> timedelta:
    """Business time between the end of a link's lag and the event that it holds back."""
    waited_until = early[task_id].of(link.kind.awaited) + timedelta(minutes=link.lag_minutes)
    return early[successor].of(link.kind.held) - waited_until


def _end(early: Mapping[str, _Span]) -> timedelta:
    return max((span.finish for span in early.values()), default=timedelta(0))


def _finish_at(axis: _Axis, early: Mapping[str, _Span]) -> datetime:
    finishes = (_finish_instant(axis, task_id, span) for task_id, span in early.items())
    return max(finishes, default=axis.floor)


def _start_instant(axis: _Axis, task_id: str, span: _Span) -> datetime:
    if axis.has_happened(task_id, Event.START):
        return axis.progress[task_id].started_at.astimezone(UTC)
    if span.start == span.finish:  # a milestone starts when it finishes
        return axis.instant(task_id, span.start)
    return axis.calendar.next_opening(axis.instant(task_id, span.start))


def _finish_instant(axis: _Axis, task_id: str, span: _Span) -> datetime:
    progress = axis.progress.get(task_id)
    if progress is not None and progress.finished_at is not None:
        return progress.finished_at.astimezone(UTC)
    return axis.instant(task_id, span.finish)

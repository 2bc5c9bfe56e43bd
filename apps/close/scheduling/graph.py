"""The graph of close tasks: validated when built, then asked what may start and what is blocked.

States and dependency kinds follow the close-task semantics of Oracle Task Manager and SAP Advanced
Financial Closing: a hard dependency holds its task back, a soft one warns, a failed task blocks
its successors with the root cause while its siblings go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Protocol

from .errors import (
    DependencyCycle,
    DuplicateTask,
    LagUndecidable,
    StateMissing,
    StateUnknown,
    UnknownDependency,
    UnknownTask,
)
from .tasks import (
    DEAD_STATES,
    FINISHED_STATES,
    STARTED_STATES,
    UNDER_WAY_STATES,
    WAITING_STATES,
    Dependency,
    Event,
    Task,
    TaskState,
)


class LagTest(Protocol):
    """Tells whether the lag of a dependency whose awaited event has happened is over."""

    def is_over(self, dependency: Dependency) -> bool: ...


@dataclass(frozen=True, slots=True)
class Blockage:
    """Why a task cannot go on: it cannot ``prevents`` (start or finish) until causes are mended."""

    prevents: Event
    root_causes: tuple[str, ...]


class TaskGraph:
    """Tasks and their dependencies, free of cycles.

    Any mapping of states that the methods take is from task id to the value of a `TaskState` (or
    an equal string), with one entry for each task.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        """Check and keep the tasks.

        Raises:
            DuplicateTask: two tasks carry one id.
            UnknownDependency: a task waits for one that is not among the tasks.
            DependencyCycle: tasks wait for each other, over dependencies of any kind, hard or
                soft. (Soft ones too: a warning that can never be heeded is a mistake.)
        """
        self._tasks: dict[str, Task] = {}
        for task in tasks:
            if task.id in self._tasks:
                raise DuplicateTask(task.id)
            self._tasks[task.id] = task
        self._rank = {task_id: rank for rank, task_id in enumerate(self._tasks)}
        self._successors = _successors(self._tasks)
        self._levels = self._sort_into_levels()

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks by id, in the order in which they were given."""
        return self._tasks

    @property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """Task ids by level: those of a level wait only for tasks of earlier levels."""
        return self._levels

    @property
    def order(self) -> tuple[str, ...]:
        """All task ids, every task after those that it waits for."""
        return tuple(task_id for level in self._levels for task_id in level)

    def task(self, task_id: str) -> Task:
        """The task of this id.

        Raises:
            UnknownTask: there is none.
        """
        try:
            return self._tasks[task_id]
        except KeyError:
            raise UnknownTask(task_id) from None

    def successors(self, task_id: str) -> tuple[tuple[str, Dependency], ...]:
        """The tasks that wait directly for this one, each with the dependency."""
        return self._successors[self.task(task_id).id]

    def downstream(self, task_id: str) -> tuple[str, ...]:
        """All tasks that wait for this one, directly or not, in `order`."""
        found = {self.task(task_id).id}
        for other in self.order:
            if any(link.predecessor in found for link in self._tasks[other].dependencies):
                found.add(other)
        return tuple(other for other in self.order if other in found and other != task_id)

    def upstream(self, task_id: str) -> tuple[str, ...]:
        """All tasks that this one waits for, directly or not, in `order`."""
        found = {self.task(task_id).id}
        for other in reversed(self.order):
            if any(successor in found for successor, _ in self._successors[other]):
                found.add(other)
        return tuple(other for other in self.order if other in found and other != task_id)

    def unmet(
        self,
        task_id: str,
        event: Event,
        states: Mapping[str, str],
        lags: LagTest | None = None,
    ) -> tuple[Dependency, ...]:
        """The dependencies, hard and soft, that still stand before an event of a task.

        Args:
            task_id: the task.
            event: its start or its finish.
            states: state of each task.
            lags: judges lags; needed as soon as a lag has to be judged.

        Raises:
            UnknownTask, StateMissing, StateUnknown: see the errors.
            LagUndecidable: a lag has to be judged and ``lags`` is not given.
        """
        known = self._checked(states)
        return tuple(
            link
            for link in self.task(task_id).dependencies
            if link.kind.held is event and not _is_met(link, known, lags)
        )

    def ready(self, states: Mapping[str, str], lags: LagTest | None = None) -> tuple[str, ...]:
        """The tasks that may start now, in `order`.

        A task may start if it waits (pending, ready, or blocked by something since mended) and
        every hard finish-start and start-start dependency is met. Finish-finish and start-finish
        dependencies do not hold a start; see `finishable`.

        Raises: as `unmet`.
        """
        return self._free(WAITING_STATES, Event.START, states, lags)

    def finishable(self, states: Mapping[str, str], lags: LagTest | None = None) -> tuple[str, ...]:
        """The tasks under way whose finish no hard dependency holds back, in `order`.

        Raises: as `unmet`.
        """
        return self._free(UNDER_WAY_STATES, Event.FINISH, states, lags)

    def blocked(self, states: Mapping[str, str]) -> dict[str, Blockage]:
        """The tasks that a failed or cancelled task keeps from going on, in `order`.

        Follows hard dependencies only. ``root_causes`` are the failed or cancelled tasks at the
        head, not the blocked ones between. A task that may start but never finish (finish-finish
        on a failed task) is blocked from finishing.

        Raises:
            StateMissing, StateUnknown: see the errors.
        """
        known = self._checked(states)
        dead: dict[tuple[str, Event], frozenset[str]] = {}
        blocked = {}
        for task_id in self.order:
            state = known[task_id]
            if state in FINISHED_STATES:
                continue
            if state in DEAD_STATES:
                dead[task_id, Event.FINISH] = frozenset({task_id})
                if state not in STARTED_STATES:  # cancelled: it may never have begun
                    dead[task_id, Event.START] = frozenset({task_id})
                continue
            start = self._causes(task_id, Event.START, dead)
            if state in STARTED_STATES:
                start = frozenset()
            finish = start | self._causes(task_id, Event.FINISH, dead)
            dead[task_id, Event.START], dead[task_id, Event.FINISH] = start, finish
            if finish:
                event = Event.START if start else Event.FINISH
                blocked[task_id] = Blockage(event, tuple(sorted(start or finish)))
        return blocked

    def _causes(
        self, task_id: str, held: Event, dead: Mapping[tuple[str, Event], frozenset[str]]
    ) -> frozenset[str]:
        """Root causes that hard dependencies bring to one event of a task."""
        return frozenset[str]().union(
            *(
                dead.get((link.predecessor, link.kind.awaited), ())
                for link in self._tasks[task_id].dependencies
                if link.is_hard and link.kind.held is held
            )
        )

    def _free(
        self,
        among: frozenset[TaskState],
        event: Event,
        states: Mapping[str, str],
        lags: LagTest | None,
    ) -> tuple[str, ...]:
        """Tasks in one of the states ``among`` with no hard dependency before ``event``."""
        known = self._checked(states)
        return tuple(
            task_id
            for task_id in self.order
            if known[task_id] in among
            and all(
                _is_met(link, known, lags)
                for link in self._tasks[task_id].dependencies
                if link.is_hard and link.kind.held is event
            )
        )

    def _checked(self, states: Mapping[str, str]) -> dict[str, TaskState]:
        known = {}
        for task_id in self._tasks:
            if task_id not in states:
                raise StateMissing(task_id)
            try:
                known[task_id] = TaskState(states[task_id])
            except ValueError:
                raise StateUnknown(task_id, states[task_id]) from None
        return known

    def _sort_into_levels(self) -> tuple[tuple[str, ...], ...]:
        sorter = TopologicalSorter(
            {
                task.id: [link.predecessor for link in task.dependencies]
                for task in self._tasks.values()
            }
        )
        try:
            sorter.prepare()
        except CycleError as cycle:
            raise DependencyCycle(self._rotated(cycle.args[1])) from None
        levels = []
        while sorter.is_active():
            level = sorter.get_ready()
            levels.append(tuple(sorted(level, key=self._rank.__getitem__)))
            sorter.done(*level)
        return tuple(levels)

    def _rotated(self, path: list[str]) -> list[str]:
        """The same cycle, begun at the task given first, so that its name does not vary."""
        ring = path[:-1]
        first = ring.index(min(ring, key=self._rank.__getitem__))
        return [*ring[first:], *ring[:first], ring[first]]


def _successors(tasks: Mapping[str, Task]) -> dict[str, tuple[tuple[str, Dependency], ...]]:
    """Dependencies seen from the predecessor; refuses those on tasks that do not exist."""
    successors: dict[str, list[tuple[str, Dependency]]] = {task_id: [] for task_id in tasks}
    for task in tasks.values():
        for link in task.dependencies:
            if link.predecessor not in successors:
                raise UnknownDependency(task.id, link.predecessor)
            successors[link.predecessor].append((task.id, link))
    return {task_id: tuple(links) for task_id, links in successors.items()}


def _is_met(link: Dependency, states: Mapping[str, TaskState], lags: LagTest | None) -> bool:
    counting = STARTED_STATES if link.kind.awaited is Event.START else FINISHED_STATES
    if states[link.predecessor] not in counting:
        return False
    if link.lag_minutes == 0:
        return True
    if lags is None:
        raise LagUndecidable(link.predecessor)
    return lags.is_over(link)

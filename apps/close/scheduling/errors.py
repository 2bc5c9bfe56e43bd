"""What the scheduling kernel refuses, as facts."""

from __future__ import annotations

from collections.abc import Sequence


class SchedulingRefusal(ValueError):
    """Base of every refusal of this package."""


class DuplicateTask(SchedulingRefusal):
    """Two tasks carry the same id."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(f"Task {task_id!r} is defined more than once.")


class UnknownTask(SchedulingRefusal):
    """A task is named that the graph does not hold."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(f"There is no task {task_id!r}.")


class UnknownDependency(SchedulingRefusal):
    """A task waits for a task that does not exist."""

    def __init__(self, task_id: str, predecessor: str) -> None:
        self.task_id = task_id
        self.predecessor = predecessor
        super().__init__(f"Task {task_id!r} depends on {predecessor!r}, which does not exist.")


class DependencyCycle(SchedulingRefusal):
    """Tasks wait for each other; ``path`` starts and ends with the same task."""

    def __init__(self, path: Sequence[str]) -> None:
        self.path = tuple(path)
        super().__init__(f"Tasks wait for each other: {' → '.join(self.path)}.")


class MinutesNegative(SchedulingRefusal):
    """A duration, a lag or a remaining effort is below zero."""

    def __init__(self, what: str, minutes: int) -> None:
        self.minutes = minutes
        super().__init__(f"{what} is {minutes} minutes; it cannot be negative.")


class StateMissing(SchedulingRefusal):
    """A task of the graph has no state in the given states."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(f"The state of task {task_id!r} is not given.")


class StateUnknown(SchedulingRefusal):
    """A state is given that close tasks do not have."""

    def __init__(self, task_id: str, state: str) -> None:
        self.task_id = task_id
        self.state = state
        super().__init__(f"Task {task_id!r} is in state {state!r}, which does not exist.")


class LagUndecidable(SchedulingRefusal):
    """A lag has to be judged, but the clock or the instant it counts from is not given."""

    def __init__(self, predecessor: str) -> None:
        self.predecessor = predecessor
        super().__init__(f"Whether the lag after task {predecessor!r} is over cannot be told.")


class DeadlineNotUnderstood(SchedulingRefusal):
    """A deadline expression is in none of the known forms."""

    def __init__(self, expression: object) -> None:
        self.expression = expression
        super().__init__(
            f"The deadline {expression!r} is not understood; write it as "
            "'2023-04-30 + 3 business days' or "
            "{'business_days_after_period_end': 2, 'time': '17:00'}."
        )


class TaskAlreadyFinished(SchedulingRefusal):
    """A delay is asked of a task that has finished."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(f"Task {task_id!r} has finished and cannot be delayed.")


class ProgressInvalid(SchedulingRefusal):
    """What is reported about a task cannot have happened."""

    def __init__(self, task_id: str, why: str) -> None:
        self.task_id = task_id
        super().__init__(f"The progress of task {task_id!r} cannot be: {why}.")

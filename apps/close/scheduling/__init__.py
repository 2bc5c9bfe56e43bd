"""Scheduling of a close: task graph, deadlines, critical path.

Pure: no Django. Instants are aware datetimes (results in UTC), days are dates, effort and lags are
business minutes.
"""

from .critical_path import impact_of_delay, schedule
from .deadlines import Deadline, parse_deadline
from .errors import (
    DeadlineNotUnderstood,
    DependencyCycle,
    DuplicateTask,
    LagUndecidable,
    MinutesNegative,
    ProgressInvalid,
    SchedulingRefusal,
    StateMissing,
    StateUnknown,
    TaskAlreadyFinished,
    UnknownDependency,
    UnknownTask,
)
from .graph import Blockage, LagTest, TaskGraph
from .lags import LagClock
from .plan import DelayImpact, Plan, Progress, Schedule, TaskTiming
from .tasks import Dependency, DependencyKind, Event, Task, TaskState

__all__ = [
    "Blockage",
    "Deadline",
    "DeadlineNotUnderstood",
    "DelayImpact",
    "Dependency",
    "DependencyCycle",
    "DependencyKind",
    "DuplicateTask",
    "Event",
    "LagClock",
    "LagTest",
    "LagUndecidable",
    "MinutesNegative",
    "Plan",
    "Progress",
    "ProgressInvalid",
    "Schedule",
    "SchedulingRefusal",
    "StateMissing",
    "StateUnknown",
    "Task",
    "TaskAlreadyFinished",
    "TaskGraph",
    "TaskState",
    "TaskTiming",
    "UnknownDependency",
    "UnknownTask",
    "impact_of_delay",
    "parse_deadline",
    "schedule",
]

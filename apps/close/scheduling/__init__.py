"""Scheduling of a close: task graph, business calendar, deadlines, critical path.

Pure: no Django. Instants are aware datetimes (results in UTC), days are dates, effort and lags are
business minutes.
"""

from .calendar import BusinessCalendar, OpenHours, public_holidays_of, zone_named
from .critical_path import impact_of_delay, schedule
from .deadlines import Deadline, parse_deadline
from .errors import (
    CalendarNeverOpen,
    DeadlineNotUnderstood,
    DependencyCycle,
    DuplicateTask,
    HolidaysUnknown,
    InstantNaive,
    LagUndecidable,
    MinutesNegative,
    ProgressInvalid,
    SchedulingRefusal,
    StateMissing,
    StateUnknown,
    TaskAlreadyFinished,
    UnknownDependency,
    UnknownTask,
    ZoneUnknown,
)
from .graph import Blockage, LagTest, TaskGraph
from .lags import LagClock
from .plan import DelayImpact, Plan, Progress, Schedule, TaskTiming
from .tasks import Dependency, DependencyKind, Event, Task, TaskState

__all__ = [
    "Blockage",
    "BusinessCalendar",
    "CalendarNeverOpen",
    "Deadline",
    "DeadlineNotUnderstood",
    "DelayImpact",
    "Dependency",
    "DependencyCycle",
    "DependencyKind",
    "DuplicateTask",
    "Event",
    "HolidaysUnknown",
    "InstantNaive",
    "LagClock",
    "LagTest",
    "LagUndecidable",
    "MinutesNegative",
    "OpenHours",
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
    "ZoneUnknown",
    "impact_of_delay",
    "parse_deadline",
    "public_holidays_of",
    "schedule",
    "zone_named",
]

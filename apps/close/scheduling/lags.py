"""Judges whether the lag of a dependency is over, on a business calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from apps.common.calendar import BusinessCalendar

from .errors import LagUndecidable
from .tasks import Dependency, Event


@dataclass(frozen=True, slots=True)
class LagClock:
    """The lags of a close run at one instant.

    Args:
        calendar: the calendar whose business minutes lags are counted in.
        now: the instant to judge at.
        started_at: when each task that has started did so.
        finished_at: when each task that has finished did so; for a skipped task, when it was
            waived.
    """

    calendar: BusinessCalendar
    now: datetime
    started_at: Mapping[str, datetime]
    finished_at: Mapping[str, datetime]

    def is_over(self, dependency: Dependency) -> bool:
        """Whether the lag after the awaited event has passed.

        Raises:
            LagUndecidable: the instant of the awaited event is not given.
        """
        awaited = dependency.kind.awaited
        instants = self.started_at if awaited is Event.START else self.finished_at
        if dependency.predecessor not in instants:
            raise LagUndecidable(dependency.predecessor)
        happened_at = instants[dependency.predecessor]
        return self.calendar.add_business_minutes(happened_at, dependency.lag_minutes) <= self.now

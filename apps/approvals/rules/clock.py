"""By when a stage has to be decided: business hours, counted from its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


class BusinessTime(Protocol):
    """A calendar of working days and hours; holidays and clock changes are its affair."""

    def add_business_time(self, at: datetime, amount: timedelta) -> datetime:
        """The instant that lies `amount` of business time after `at`, in UTC."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The instants of one stage, all in UTC, frozen when it starts.

    Args:
        half_at: when half of the time has passed, for the first reminder.
        late_at: when three quarters have, for the second.
        due_at: when all of it has.
    """

    half_at: datetime
    late_at: datetime
    due_at: datetime


def clock(calendar: BusinessTime, started_at: datetime, hours: int) -> Clock:
    """The clock of a stage that starts now and has so many business hours.

    Raises:
        ValueError: the hours are not positive, or the start has no time zone.
    """
    if hours <= 0:
        raise ValueError("a stage needs at least one business hour")
    if started_at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    quarter = timedelta(hours=hours) / 4
    return Clock(
        half_at=calendar.add_business_time(started_at, 2 * quarter),
        late_at=calendar.add_business_time(started_at, 3 * quarter),
        due_at=calendar.add_business_time(started_at, 4 * quarter),
    )


def clock_of_stage(
    own: Mapping[int, Clock], company: Clock, needed: int
) -> tuple[int | None, Clock]:
    """When a stage is due on which several people could decide, each by a clock of his own.

    It is due as soon as so many people as it needs have each had all of the time in their own
    hours. A place for which nobody is there runs by the hours of the company. Reminders follow the
    clock of whoever's due instant it is.

    Args:
        own: person to the clock that he would have alone, all of them started together.
        company: the clock of the company's hours.
        needed: how many of them have to decide.

    Returns:
        Whose clock it is, and the clock; None: the company's.

    Raises:
        ValueError: nobody is needed.
    """
    if needed < 1:
        raise ValueError("a stage needs at least one person")
    vacant = [(None, company)] * (needed - len(own))
    places: list[tuple[int | None, Clock]] = [*sorted(own.items()), *vacant]
    return sorted(places, key=lambda place: place[1].due_at)[needed - 1]

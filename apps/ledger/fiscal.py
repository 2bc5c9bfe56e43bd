"""Fiscal calendars: the periods of a fiscal year, tiling it without gap or overlap.

Two families: calendars of months (the year starts on any day of any month) and calendars of weeks
(the 52/53-week year of 26 CFR 1.441-2, ending on the last given weekday of a month or on the one
nearest to the end of that month, cut into 4-4-5, 4-5-4, 5-4-4 or thirteen periods of four weeks).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from apps.ledger.errors import FiscalCalendarInvalid

_ONE_DAY = timedelta(days=1)
_WEEK_DAYS = 7
_LAST_SAFE_START_DAY = 28


class FiscalPeriod(NamedTuple):
    """A period of a fiscal year, both days included. The name is ``<fiscal year>-<number>``."""

    name: str
    starts_on: date
    ends_on: date


class WeekPattern(StrEnum):
    """How the weeks of a year fall into periods."""

    FOUR_FOUR_FIVE = "4-4-5"
    FOUR_FIVE_FOUR = "4-5-4"
    FIVE_FOUR_FOUR = "5-4-4"
    THIRTEEN = "13"

    @property
    def weeks(self) -> tuple[int, ...]:
        """Weeks of each period of a 52-week year."""
        if self is WeekPattern.THIRTEEN:
            return (4,) * 13
        return tuple(int(weeks) for weeks in self.value.split("-")) * 4


class YearEnd(StrEnum):
    """Which weekday ends a 52/53-week year."""

    LAST = "last"
    NEAREST = "nearest"


class CalendarRule(ABC):
    """What every rule of a fiscal calendar answers."""

    @abstractmethod
    def year_starts_on(self, year: int) -> date:
        """First day of the fiscal year that is called ``year``."""

    @abstractmethod
    def _period_starts(self, year: int) -> Sequence[date]:
        """First day of each period of a fiscal year, in order."""

    def year_ends_on(self, year: int) -> date:
        """Last day of the fiscal year that is called ``year``."""
        return self.year_starts_on(year + 1) - _ONE_DAY

    def periods(self, year: int) -> tuple[FiscalPeriod, ...]:
        """The periods of a fiscal year, in order; they tile it exactly."""
        starts = [*self._period_starts(year), self.year_starts_on(year + 1)]
        return tuple(
            FiscalPeriod(f"{year}-{number:02d}", start, following - _ONE_DAY)
            for number, (start, following) in enumerate(pairwise(starts), start=1)
        )

    def fiscal_year_of(self, day: date) -> int:
        """The fiscal year that a day belongs to."""
        year = day.year - 2  # a late year end and a name taken from the start add up
        while self.year_ends_on(year) < day:
            year += 1
        return year

    def period_of(self, day: date) -> FiscalPeriod:
        """The period that a day belongs to."""
        periods = self.periods(self.fiscal_year_of(day))
        return next(period for period in periods if period.ends_on >= day)


@dataclass(frozen=True, slots=True)
class MonthCalendar(CalendarRule):
    """Twelve periods of a month, from any day of the year on.

    Args:
        starts_month: month of the first day of the year, 1 to 12.
        starts_day: its day, 1 to 28, the days that every month has (6 April: the United Kingdom's
            tax year).
        is_named_by_start: the year bears the name of the calendar year it starts in, else of the
            one it ends in. The calendar year itself is the same by either.

    Raises:
        FiscalCalendarInvalid: no such month, or the day is not in every month.
    """

    starts_month: int = 1
    starts_day: int = 1
    is_named_by_start: bool = False

    def __post_init__(self) -> None:
        _require_month(self.starts_month)
        if not 1 <= self.starts_day <= _LAST_SAFE_START_DAY:
            raise FiscalCalendarInvalid(
                f"A year cannot start on day {self.starts_day}; not every month has it."
            )

    def year_starts_on(self, year: int) -> date:
        """First day of the fiscal year that is called ``year``."""
        is_calendar_year = (self.starts_month, self.starts_day) == (1, 1)
        starts_in = year if self.is_named_by_start or is_calendar_year else year - 1
        return date(starts_in, self.starts_month, self.starts_day)

    def _period_starts(self, year: int) -> Sequence[date]:
        first = self.year_starts_on(year)
        months = range(first.month - 1, first.month + 11)
        return [date(first.year + month // 12, month % 12 + 1, first.day) for month in months]


@dataclass(frozen=True, slots=True)
class WeekCalendar(CalendarRule):
    """A year of 52 or 53 whole weeks; the 53rd week lengthens the last period.

    Args:
        pattern: how the weeks fall into periods.
        ends_month: the month that the year nominally ends with, 1 to 12.
        ends_weekday: the weekday that every year ends on, Monday is 0.
        year_end: the last such weekday of the month, or the one nearest to the month's end
            (which may lie up to three days in the next month).
        is_named_by_start: the year bears the name of the calendar year before the one of its
            nominal end (as US retailers do: fiscal 2023 ends on 3 February 2024).

    Raises:
        FiscalCalendarInvalid: no such month or weekday.
    """

    pattern: WeekPattern = WeekPattern.FOUR_FOUR_FIVE
    ends_month: int = 12
    ends_weekday: int = 5
    year_end: YearEnd = YearEnd.LAST
    is_named_by_start: bool = False

    def __post_init__(self) -> None:
        _require_month(self.ends_month)
        if not 0 <= self.ends_weekday < _WEEK_DAYS:
            raise FiscalCalendarInvalid(f"There is no weekday {self.ends_weekday}; Monday is 0.")

    def year_starts_on(self, year: int) -> date:
        """First day of the fiscal year that is called ``year``."""
        ends_in = year if self.is_named_by_start else year - 1
        return self._end_in(ends_in) + _ONE_DAY

    def _end_in(self, calendar_year: int) -> date:
        """The year end that belongs to ``ends_month`` of a calendar year."""
        after = self.ends_month // 12
        month_end = date(calendar_year + after, self.ends_month % 12 + 1, 1) - _ONE_DAY
        last = month_end - timedelta(days=(month_end.weekday() - self.ends_weekday) % _WEEK_DAYS)
        gap_days = (month_end - last).days
        if self.year_end is YearEnd.NEAREST and gap_days > _WEEK_DAYS // 2:
            return last + timedelta(days=_WEEK_DAYS)
        return last

    def _period_starts(self, year: int) -> Sequence[date]:
        starts = [self.year_starts_on(year)]
        for weeks in self.pattern.weeks[:-1]:
            starts.append(starts[-1] + timedelta(weeks=weeks))
        return starts


def _require_month(month: int) -> None:
    if not 1 <= month <= 12:
        raise FiscalCalendarInvalid(f"There is no month {month}.")

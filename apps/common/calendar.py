"""Business time: which days and hours count, and arithmetic in business days and minutes.

Local hours become instants by RFC 5545, section 3.3.5: an hour that a clock change repeats means
its first occurrence, an hour that it skips is read with the offset before the change. Lengths are
real elapsed time, so a business day that a clock change shortens is shorter.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays as public_holidays

MONDAY_TO_FRIDAY = frozenset(range(5))
LONGEST_CLOSURE_DAYS = 366

_ONE_DAY = timedelta(days=1)
_NOTHING = timedelta(0)


class CalendarRefusal(ValueError):
    """Base of every refusal of this module."""


class InstantNaive(CalendarRefusal):
    """An instant without a time zone was given."""

    def __init__(self) -> None:
        super().__init__("An instant needs a time zone.")


class ZoneUnknown(CalendarRefusal):
    """The name is no IANA time zone."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        super().__init__(f"{zone!r} is not an IANA time zone.")


class HolidaysUnknown(CalendarRefusal):
    """No public holidays are known for a country or its subdivision."""

    def __init__(self, country: str, subdivision: str | None) -> None:
        self.country = country
        self.subdivision = subdivision
        place = country if subdivision is None else f"{country}-{subdivision}"
        super().__init__(f"No public holidays are known for {place!r}.")


class CalendarNeverOpen(CalendarRefusal):
    """The calendar has no business hours, or none within a year."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The business calendar is never open: {why}.")


@dataclass(frozen=True, slots=True)
class OpenHours:
    """One stretch of business time, from ``opens_at`` up to and without ``closes_at`` (UTC)."""

    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True)
class BusinessCalendar:
    """The working days and hours of an entity.

    Args:
        zone: the IANA time zone whose local days and hours are meant.
        weekdays: working weekdays, Monday is 0.
        holidays: days that do not count, anything that answers ``day in holidays``.
        opens_at: local opening time.
        closes_at: local closing time; 00:00 is the end of the day, so that 00:00 to 00:00 is
            around the clock.

    Raises:
        CalendarNeverOpen: there is no working weekday, or the closing is not after the opening.
    """

    zone: ZoneInfo
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    holidays: Container[date] = frozenset()
    opens_at: time = time(9)
    closes_at: time = time(17)
    _known: dict[date, OpenHours | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.weekdays & frozenset(range(7)):
            raise CalendarNeverOpen("it has no working weekday")
        if self.closes_at != time(0) and self.closes_at <= self.opens_at:
            raise CalendarNeverOpen("it closes before it opens")

    def is_business_day(self, day: date) -> bool:
        """Whether work is done on this local day."""
        return self.hours_on(day) is not None

    def hours_on(self, day: date) -> OpenHours | None:
        """The business hours of a local day as instants, or None if it is no business day."""
        if day not in self._known:
            self._known[day] = self._hours_on(day)
        return self._known[day]

    def local_instant(self, day: date, at: time) -> datetime:
        """A local day and time as an aware UTC instant."""
        return datetime.combine(day, at.replace(fold=0), self.zone).astimezone(UTC)

    def closing_of(self, day: date, at: time) -> datetime:
        """Like `local_instant`, but 00:00 is the end of the day."""
        return self.local_instant(day + _ONE_DAY if at == time(0) else day, at)

    def add_business_days(self, day: date, n: int) -> date:
        """The nth business day after ``day``, or before it if ``n`` is negative.

        ``day`` itself never counts, business day or not: the last day of a month and 3 business
        days is the third working day of the next month (as WORKDAY in spreadsheets). 0 business
        days are ``day`` if it is a business day, else the next one.
        """
        if n == 0:
            return day if self.is_business_day(day) else self.add_business_days(day, 1)
        step = _ONE_DAY if n > 0 else -_ONE_DAY
        for _ in range(abs(n)):
            day, _ = self._business_day_from(day + step, step)
        return day

    def business_time_between(self, start_at: datetime, end_at: datetime) -> timedelta:
        """Business time that passes from one instant to another, exact; negative if reversed."""
        start, end = _utc(start_at), _utc(end_at)
        if end < start:
            return -self.business_time_between(end, start)
        first, last = self._local_day(start), self._local_day(end)
        passed = _NOTHING
        for number in range((last - first).days + 1):
            hours = self.hours_on(first + timedelta(days=number))
            if hours is not None:
                passed += max(min(hours.closes_at, end) - max(hours.opens_at, start), _NOTHING)
        return passed

    def business_minutes_between(self, start_at: datetime, end_at: datetime) -> int:
        """Whole business minutes from one instant to another, rounded towards zero."""
        passed = self.business_time_between(start_at, end_at)
        whole = abs(passed) // timedelta(minutes=1)
        return whole if passed >= _NOTHING else -whole

    def add_business_time(self, at: datetime, amount: timedelta) -> datetime:
        """The instant that lies ``amount`` of business time after ``at`` (before, if negative).

        Of all such instants the nearest to ``at``: 8 hours from an opening at 09:00 is 17:00 of
        the same day, not 09:00 of the next, and no time at all is ``at`` itself.

        Raises:
            CalendarNeverOpen: a year passes without business time.
        """
        instant = _utc(at)
        if amount < _NOTHING:
            return self._subtract(instant, -amount)
        if amount == _NOTHING:
            return instant
        days = self._hours_from(self._local_day(instant), _ONE_DAY)
        while True:
            hours = next(days)
            start = max(hours.opens_at, instant)
            if start + amount <= hours.closes_at:
                return start + amount
            amount -= max(hours.closes_at - start, _NOTHING)

    def add_business_minutes(self, at: datetime, minutes: int) -> datetime:
        """`add_business_time` in minutes."""
        return self.add_business_time(at, timedelta(minutes=minutes))

    def next_opening(self, at: datetime) -> datetime:
        """The first instant of business time at or after ``at`` (``at`` itself when open).

        Raises:
            CalendarNeverOpen: a year passes without business time.
        """
        instant = _utc(at)
        days = self._hours_from(self._local_day(instant), _ONE_DAY)
        hours = next(hours for hours in days if hours.closes_at > instant)
        return max(hours.opens_at, instant)

    def previous_closing(self, at: datetime) -> datetime:
        """The last instant at or before ``at`` at which business time ends or is running.

        Raises:
            CalendarNeverOpen: a year passes without business time.
        """
        instant = _utc(at)
        days = self._hours_from(self._local_day(instant), -_ONE_DAY)
        hours = next(hours for hours in days if hours.opens_at < instant)
        return min(hours.closes_at, instant)

    def _subtract(self, instant: datetime, amount: timedelta) -> datetime:
        days = self._hours_from(self._local_day(instant), -_ONE_DAY)
        while True:
            hours = next(days)
            end = min(hours.closes_at, instant)
            if end - amount >= hours.opens_at:
                return end - amount
            amount -= max(end - hours.opens_at, _NOTHING)

    def _local_day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def _hours_on(self, day: date) -> OpenHours | None:
        if day.weekday() not in self.weekdays or day in self.holidays:
            return None
        opens_at = self.local_instant(day, self.opens_at)
        closes_at = self.closing_of(day, self.closes_at)
        # Clock changes can skip the hours, or (Samoa in 2011) the whole day.
        if closes_at <= opens_at or self._local_day(opens_at) != day:
            return None
        return OpenHours(opens_at, closes_at)

    def _hours_from(self, day: date, step: timedelta) -> Iterator[OpenHours]:
        """The hours of one business day after another, from ``day`` on, without end."""
        while True:
            day, hours = self._business_day_from(day, step)
            yield hours
            day += step

    def _business_day_from(self, day: date, step: timedelta) -> tuple[date, OpenHours]:
        for _ in range(LONGEST_CLOSURE_DAYS):
            hours = self.hours_on(day)
            if hours is not None:
                return day, hours
            day += step
        raise CalendarNeverOpen(f"no business day within {LONGEST_CLOSURE_DAYS} days")


def zone_named(name: str) -> ZoneInfo:
    """The IANA time zone of this name.

    Raises:
        ZoneUnknown: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder such as "Europe"
        raise ZoneUnknown(name) from None


def public_holidays_of(country: str, subdivision: str | None = None) -> Container[date]:
    """The public holidays of a country (ISO 3166-1) and, if given, its subdivision (3166-2).

    Source: the ``holidays`` package. Answers ``day in ...`` for any year.

    Raises:
        HolidaysUnknown: the package does not know the place.
    """
    try:
        days: Container[date] = public_holidays.country_holidays(country, subdiv=subdivision)
    except NotImplementedError:
        raise HolidaysUnknown(country, subdivision) from None
    return days


def require_zone(*instants: datetime) -> None:
    """Refuse instants without a time zone.

    Raises:
        InstantNaive: one has none.
    """
    if any(instant.tzinfo is None for instant in instants):
        raise InstantNaive


def _utc(instant: datetime) -> datetime:
    require_zone(instant)
    return instant.astimezone(UTC)

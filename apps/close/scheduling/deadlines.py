"""Deadlines: a reference date and n business days, at a local time, as an instant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from apps.common.calendar import BusinessCalendar

from .errors import DeadlineNotUnderstood

_EXPRESSION = re.compile(
    r"\s*(?P<day>\d{4}-\d{2}-\d{2})"
    r"\s*(?P<sign>[+-])\s*(?P<count>\d{1,4})\s+business\s+days?"
    r"(?:\s+at\s+(?P<time>\d{2}:\d{2}))?\s*",
    re.ASCII,
)
_DICT_KEYS = frozenset({"business_days_after_period_end", "time"})
_LONGEST_BUSINESS_DAYS = 9_999


@dataclass(frozen=True, slots=True)
class Deadline:
    """A deadline before it is put on a calendar.

    Args:
        business_days: business days after the reference date, or before it if negative.
        at: local time of day; without one, the calendar's closing time.
        reference_on: the date to count from; without one, the end of the period.
    """

    business_days: int
    at: time | None = None
    reference_on: date | None = None

    def instant(self, calendar: BusinessCalendar, period_ends_on: date) -> datetime:
        """The deadline as an aware UTC instant.

        Args:
            calendar: counts the business days and holds the time zone.
            period_ends_on: the reference date if the deadline names none.
        """
        reference_on = self.reference_on or period_ends_on
        day = calendar.add_business_days(reference_on, self.business_days)
        if self.at is None:
            return calendar.closing_of(day, calendar.closes_at)
        return calendar.local_instant(day, self.at)


def parse_deadline(expression: object) -> Deadline:
    """Read a deadline as close templates and workflows write it.

    Two forms are known: the text ``"2023-04-30 + 3 business days"`` (a date, plus or minus
    business days, optionally ``at 17:00``), and the mapping
    ``{"business_days_after_period_end": 2, "time": "17:00"}``, whose time may be left out.

    Raises:
        DeadlineNotUnderstood: the expression has neither form, or names a day, a time or a
            number that does not exist.
    """
    try:
        if isinstance(expression, str):
            return _from_text(expression)
        if isinstance(expression, Mapping):
            return _from_mapping(expression)
    except ValueError:
        raise DeadlineNotUnderstood(expression) from None
    raise DeadlineNotUnderstood(expression)


def _from_text(text: str) -> Deadline:
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    count = int(found["count"])
    return Deadline(
        business_days=-count if found["sign"] == "-" else count,
        at=None if found["time"] is None else time.fromisoformat(found["time"]),
        reference_on=date.fromisoformat(found["day"]),
    )


def _from_mapping(parts: Mapping[str, object]) -> Deadline:
    days, at = parts.get("business_days_after_period_end"), parts.get("time")
    if not parts.keys() <= _DICT_KEYS or type(days) is not int:
        raise ValueError(parts)
    if abs(days) > _LONGEST_BUSINESS_DAYS or not isinstance(at, str | None):
        raise ValueError(parts)
    if at is not None and re.fullmatch(r"\d{2}:\d{2}", at, re.ASCII) is None:
        raise ValueError(parts)
    return Deadline(business_days=days, at=None if at is None else time.fromisoformat(at))

"""Calendar months and the working days of the company and its bank (Netherlands, TARGET)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

CLOSED_ON = frozenset(
    {
        date(2022, 12, 26),
        date(2023, 4, 7),
        date(2023, 4, 10),
        date(2023, 4, 27),
        date(2023, 5, 1),
    }
)
"""Weekdays without business: Dutch public holidays and TARGET closing days of the months used."""

SUMMER_TIME_FROM = date(2023, 3, 26)
"""First day of summer time in Europe/Amsterdam; no month used lies after its end."""


@dataclass(frozen=True, order=True)
class Month:
    """One accounting period: a calendar month."""

    year: int
    number: int

    @property
    def label(self) -> str:
        """``2023-02``."""
        return f"{self.year}-{self.number:02d}"

    @property
    def tag(self) -> str:
        """``2302``, the form used inside references."""
        return f"{self.year % 100:02d}{self.number:02d}"

    @property
    def first_on(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_on(self) -> date:
        return self.next.first_on - timedelta(days=1)

    @property
    def next(self) -> Month:
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def days(self) -> list[date]:
        """Every day of the month."""
        return [self.first_on + timedelta(days=n) for n in range(self.last_on.day)]

    @property
    def workdays(self) -> list[date]:
        """The days on which the company and its bank work."""
        return [day for day in self.days if is_workday(day)]


def month_of(day: date) -> Month:
    """The period a day belongs to."""
    return Month(day.year, day.month)


def is_workday(day: date) -> bool:
    """True on Monday to Friday unless the company is closed."""
    return day.weekday() < 5 and day not in CLOSED_ON


def workday_from(day: date) -> date:
    """The day itself if it is a working day, otherwise the next one."""
    while not is_workday(day):
        day += timedelta(days=1)
    return day


def workday_until(day: date) -> date:
    """The day itself if it is a working day, otherwise the one before."""
    while not is_workday(day):
        day -= timedelta(days=1)
    return day


def workday_after(day: date) -> date:
    """The first working day later than ``day``."""
    return workday_from(day + timedelta(days=1))


def zone_offset(day: date) -> str:
    """The offset from UTC in Europe/Amsterdam at daytime, for the months used."""
    return "+02:00" if day >= SUMMER_TIME_FROM else "+01:00"


WARM_UP = (Month(2022, 12), Month(2023, 1))
"""Months lived through before the books open: they leave open invoices, bills and tax behind."""

MONTHS = (Month(2023, 2), Month(2023, 3), Month(2023, 4))
"""The months that are closed in practice."""

OPENING_ON = WARM_UP[-1].last_on
FISCAL_YEAR_FROM = date(2023, 1, 1)

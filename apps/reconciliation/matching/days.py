"""Distances between dates, in calendar or business days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from apps.reconciliation.matching.schemas import Ints

CALENDAR, BUSINESS = "calendar", "business"
_ORIGIN = np.datetime64("0001-01-01", "D")


@dataclass(frozen=True)
class Calendar:
    """The working week ("1111100" is Monday to Friday) and the holidays of an entity."""

    workdays: str = "1111100"
    holidays: tuple[date, ...] = ()

    def number(self, dates: pl.Series, unit: str) -> Ints:
        """Numbers whose differences are the days between the dates.

        In business days, a day off counts as the next business day: what is booked on a Saturday
        is as far from Tuesday as what is booked on Monday.

        Args:
            dates: a Date column without nulls.
            unit: ``calendar`` or ``business``.
        """
        if unit == CALENDAR:
            return dates.cast(pl.Int32).cast(pl.Int64).to_numpy()
        distinct, positions = np.unique(
            dates.to_numpy().astype("datetime64[D]"), return_inverse=True
        )
        holidays = np.array(self.holidays, dtype="datetime64[D]")
        worked = np.busday_count(_ORIGIN, distinct, weekmask=self.workdays, holidays=holidays)
        return worked.astype(np.int64)[positions]

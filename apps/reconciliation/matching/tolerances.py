"""How far two sides may be apart and still belong together: in amount and in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.reconciliation.matching.days import BUSINESS, CALENDAR
from apps.reconciliation.matching.money import DECIMALS, unscaled
from apps.reconciliation.matching.reading import PERCENT_DECIMALS, Settings
from apps.reconciliation.matching.schemas import Ints

LARGER, SMALLER = "larger", "smaller"
PERCENT_SCALE = 100 * 10**PERCENT_DECIMALS  # millionths of a percent in the whole


@dataclass(frozen=True)
class Tolerance:
    """How far two amounts may be apart. The percentage is of the left amount.

    Attributes:
        absolute: ten-thousandths; None if only the percentage counts.
        percent: millionths of a percent; None if only the absolute amount counts.
        combine: which of the two counts where both are given.
    """

    absolute: int | None = 0
    percent: int | None = None
    combine: str = LARGER

    @classmethod
    def read(cls, settings: Settings) -> Tolerance:
        """From ``{"absolute": "0.05", "percent": "1.5", "combine": "larger"}``."""
        absolute, percent = settings.amount("absolute"), settings.percent("percent")
        tolerance = cls(
            absolute=absolute if settings.has("absolute") else None,
            percent=percent if settings.has("percent") else None,
            combine=settings.choice("combine", (LARGER, SMALLER), LARGER),
        )
        if tolerance.absolute is None and tolerance.percent is None:
            settings.fault("", "needs absolute, percent or both")
        settings.finish()
        return tolerance

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        mapping: dict[str, Any] = {"combine": self.combine}
        if self.absolute is not None:
            mapping["absolute"] = unscaled(self.absolute, DECIMALS)
        if self.percent is not None:
            mapping["percent"] = unscaled(self.percent, PERCENT_DECIMALS)
        return mapping

    @property
    def is_some(self) -> bool:
        """Whether amounts may differ at all, of some size."""
        return bool(self.absolute or self.percent)

    def allowed(self, left_amounts: Ints) -> Ints:
        """The largest difference allowed for each left amount, rounded down, in exact integers."""
        fixed = np.full_like(left_amounts, self.absolute or 0)
        if self.percent is None:
            return fixed
        whole, rest = np.divmod(np.abs(left_amounts), PERCENT_SCALE)
        share = whole * self.percent + rest * self.percent // PERCENT_SCALE
        if self.absolute is None:
            return share
        pick = np.maximum if self.combine == LARGER else np.minimum
        return np.asarray(pick(share, fixed), dtype=np.int64)


@dataclass(frozen=True)
class DateWindow:
    """Where the right date may lie, seen from the left: ``-before_days .. after_days``."""

    before_days: int
    after_days: int
    unit: str = CALENDAR

    @classmethod
    def read(cls, settings: Settings) -> DateWindow:
        """From ``{"before_days": 0, "after_days": 3, "unit": "business"}``."""
        window = cls(
            before_days=settings.whole("before_days", 0, least=-36_600),
            after_days=settings.whole("after_days", 0, least=-36_600),
            unit=settings.choice("unit", (CALENDAR, BUSINESS), CALENDAR),
        )
        if -window.before_days > window.after_days:
            settings.fault("", "is empty: it ends before it begins")
        settings.finish()
        return window

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        return {
            "before_days": self.before_days,
            "after_days": self.after_days,
            "unit": self.unit,
        }

    def words(self) -> str:
        """``window -1..3``, in business days said so."""
        unit = " business days" if self.unit == BUSINESS else ""
        return f"window {-self.before_days}..{self.after_days}{unit}"

"""Fee schedules: what a provider keeps of a gross amount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.reconciliation.matching.money import DECIMALS, unscaled
from apps.reconciliation.matching.reading import PERCENT_DECIMALS, Settings


@dataclass(frozen=True)
class FeeSchedule:
    """What a provider keeps of a gross amount: fixed + percent of gross.

    Attributes:
        fixed: ten-thousandths.
        percent: millionths of a percent.
        currency: the only currency it holds for, or '' for any.
    """

    name: str
    fixed: int = 0
    percent: int = 0
    currency: str = ""

    @classmethod
    def read(cls, settings: Settings) -> FeeSchedule:
        """From ``{"name": "card", "fixed": "0.30", "percent": "2.9", "currency": "EUR"}``."""
        schedule = cls(
            name=settings.text("name"),
            fixed=settings.amount("fixed"),
            percent=settings.percent("percent"),
            currency=settings.text("currency", ""),
        )
        if not (schedule.fixed or schedule.percent):
            settings.fault("", "needs a fixed amount, a percent or both, above 0")
        settings.finish()
        return schedule

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        return {
            "name": self.name,
            "fixed": unscaled(self.fixed, DECIMALS),
            "percent": unscaled(self.percent, PERCENT_DECIMALS),
            "currency": self.currency,
        }

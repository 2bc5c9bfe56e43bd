"""Fee schedules: what a provider keeps of a gross amount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.reconciliation.matching.money import DECIMALS, unscaled
from apps.reconciliation.matching.reading import PERCENT_DECIMALS, Settings
from apps.reconciliation.matching.schemas import LEFT, RIGHT, Ints
from apps.reconciliation.matching.tolerances import PERCENT_SCALE


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
            currency=settings.currency("currency", ""),
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

    @property
    def words(self) -> str:
        """``schedule card (2.9% + 0.30)``."""
        parts = []
        if self.percent:
            parts.append(f"{unscaled(self.percent, PERCENT_DECIMALS)}%")
        if self.fixed:
            parts.append(unscaled(self.fixed, DECIMALS))
        return f"schedule {self.name} ({' + '.join(parts)})"

    def charged(self, gross: Ints, units: Ints) -> Ints:
        """The fee of each amount above 0, rounded half up to the minor unit of its currency.

        Nothing is charged on what goes back.

        Args:
            units: the minor unit of each amount, in ten-thousandths.
        """
        whole, rest = np.divmod(np.maximum(gross, 0), PERCENT_SCALE)
        share, remainder = np.divmod(rest * self.percent, PERCENT_SCALE)
        minor, above = np.divmod(self.fixed + whole * self.percent + share, units)
        rounds_up = 2 * (above * PERCENT_SCALE + remainder) >= units * PERCENT_SCALE
        return np.where(gross > 0, (minor + rounds_up) * units, 0)


@dataclass(frozen=True)
class FeeRule:
    """In a pass: one side is gross, the other net of a fee.

    Attributes:
        gross: the side whose amounts a fee is taken off before they are compared.
        schedule: the name of a fee schedule, or '' if the fee is stated.
        stated: the attribute in which each gross item states its fee, or ''.
    """

    gross: str
    schedule: str = ""
    stated: str = ""

    @classmethod
    def read(cls, settings: Settings) -> FeeRule:
        """From ``{"gross": "left", "schedule": "card"}``, or ``"stated": "attributes.fee"``."""
        rule = cls(
            gross=settings.choice("gross", (LEFT, RIGHT)),
            schedule=settings.text("schedule", ""),
            stated=settings.field("stated", r"attributes\.\w+"),
        )
        if settings.has("schedule") == settings.has("stated"):
            settings.fault("", "needs either a schedule or the attribute where it is stated")
        settings.finish()
        return rule

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        source = {"schedule": self.schedule} if self.schedule else {"stated": self.stated}
        return {"gross": self.gross, **source}

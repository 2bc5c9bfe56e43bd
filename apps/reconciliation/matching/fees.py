"""Fee schedules: what a provider keeps of a gross amount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.reconciliation.matching.money import DECIMALS, unscaled
from apps.reconciliation.matching.reading import PERCENT_DECIMALS, Settings
from apps.reconciliation.matching.schemas import LEFT, RIGHT, Ints
from apps.reconciliation.matching.tolerances import PERCENT_SCALE

# What becomes of the fee when an amount goes back (a refund, a chargeback: gross below 0).
KEPT, GIVEN_BACK, PERCENT_GIVEN_BACK = "kept", "given_back", "percent_given_back"
REFUNDS = (KEPT, GIVEN_BACK, PERCENT_GIVEN_BACK)


@dataclass(frozen=True)
class FeeSchedule:
    """What a provider keeps of a gross amount: fixed + percent of gross.

    Attributes:
        fixed: ten-thousandths.
        percent: millionths of a percent.
        currency: the only currency it holds for, or '' for any.
        refunds: of an amount below 0, whether the provider keeps the fee that it once charged,
            gives it back, or gives the percentage back and keeps the fixed part.
    """

    name: str
    fixed: int = 0
    percent: int = 0
    currency: str = ""
    refunds: str = KEPT

    @classmethod
    def read(cls, settings: Settings) -> FeeSchedule:
        """From ``{"name": "card", "fixed": "0.30", "percent": "2.9", "currency": "EUR"}``."""
        schedule = cls(
            name=settings.text("name"),
            fixed=settings.amount("fixed"),
            percent=settings.percent("percent"),
            currency=settings.currency("currency", ""),
            refunds=settings.choice("refunds", REFUNDS, KEPT),
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
            **({"refunds": self.refunds} if self.refunds != KEPT else {}),
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
        """The fee of each amount, rounded half away from zero to the minor unit of its currency.

        Above 0 for what is charged, below 0 for what is given back of an amount below 0.

        Args:
            units: the minor unit of each amount, in ten-thousandths.
        """
        fees = np.where(gross > 0, self._of(gross, self.fixed, units), 0)
        if self.refunds == KEPT:
            return fees
        back = self._of(-gross, self.fixed_of_refund, units)
        return np.where(gross < 0, -back, fees)

    @property
    def fixed_of_refund(self) -> int:
        """What of the fixed part is in the fee that goes back, in ten-thousandths."""
        return 0 if self.refunds == PERCENT_GIVEN_BACK else self.fixed

    def _of(self, gross: Ints, fixed: int, units: Ints) -> Ints:
        """The fixed part and the percentage of amounts; of those below 0 as if they were 0."""
        whole, rest = np.divmod(np.maximum(gross, 0), PERCENT_SCALE)
        share, remainder = np.divmod(rest * self.percent, PERCENT_SCALE)
        minor, above = np.divmod(fixed + whole * self.percent + share, units)
        rounds_up = 2 * (above * PERCENT_SCALE + remainder) >= units * PERCENT_SCALE
        return np.asarray((minor + rounds_up) * units)


@dataclass(frozen=True)
class FeeRule:
    """In a pass: one side is gross, the other net of a fee.

    Attributes:
        gross: the side whose amounts a fee is taken off before they are compared.
        schedule: the name of a fee schedule, or '' if the fee is stated.
        stated: the attribute in which each gross item states its fee, or ''. On an item below 0
            it may be below 0 too: given back.
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

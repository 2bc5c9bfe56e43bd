"""What a measure says of the lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from .population import BoolArray, FloatArray, IntArray

TOO_FEW_LINES = "too few lines"
NO_DISPERSION = "no dispersion"
NO_HISTORY = "no history"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a line is a hit: what the measure looked at, and a reason in plain words."""

    inputs: dict[str, object]
    reason: str


@dataclass(frozen=True, slots=True)
class Unscored:
    """Something that a measure could not score.

    Attributes:
        measure: the measure.
        account, currency: what it could not score; None if it is the whole population.
        count: lines in its base.
        reason: one of the constants of this module.
    """

    measure: str
    account: str | None
    currency: str | None
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class LineScores:
    """One measure's verdict on every line, in the population's order.

    Attributes:
        measure: the measure.
        raw: its own figure, NaN where it cannot tell.
        threshold: the value of ``raw`` that separates hits.
        normalised: 0 (ordinary) to 1, NaN where it cannot tell.
        is_hit: whether the line is beyond the threshold.
        explain: explains the lines of the given positions, which are hits.
        unscored: what it could not score.
    """

    measure: str
    raw: FloatArray
    threshold: float
    normalised: FloatArray
    is_hit: BoolArray
    explain: Callable[[IntArray], list[Explanation]]
    unscored: tuple[Unscored, ...] = ()


def unscored_accounts(
    measure: str, accounts: pl.DataFrame, counts: IntArray, reasons: dict[int, str]
) -> tuple[Unscored, ...]:
    """`Unscored` for the accounts (by number) that ``reasons`` names, in their order."""
    return tuple(
        Unscored(
            measure,
            accounts["account"][code],
            accounts["currency"][code],
            int(counts[code]),
            reasons[code],
        )
        for code in sorted(reasons)
    )

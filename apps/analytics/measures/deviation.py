"""Amounts that deviate from what their account usually sees: z-score and robust z.

Each account in each currency has a base: the history if it has enough lines of it, else its
history and the lines to score together (the first periods of a ledger have nothing else).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from .line_scores import (
    NO_DISPERSION,
    TOO_FEW_LINES,
    Explanation,
    LineScores,
    unscored_accounts,
)
from .moments import Spread, means, medians
from .parameters import ROBUST_Z, Z_SCORE, Parameters
from .population import BoolArray, FloatArray, IntArray, Population
from .wording import money, number, units

MAD_TO_SIGMA = 0.6745
"""The third quartile of the normal distribution: MAD / 0.6745 estimates its sigma."""


@dataclass(frozen=True, slots=True)
class Base:
    """What amounts of each account are held against.

    Attributes:
        spread: centre and scale by account number.
        is_enough: accounts with enough lines.
        is_history: accounts whose base is history alone.
    """

    spread: Spread
    is_enough: BoolArray
    is_history: BoolArray

    @property
    def is_usable(self) -> BoolArray:
        """Accounts whose base has enough lines that differ."""
        return self.is_enough & (self.spread.scale > 0)

    def deviations(self, values: FloatArray, codes: IntArray) -> FloatArray:
        """Distance from the centre in scales, NaN where the base is not usable."""
        scale = np.where(self.is_usable, self.spread.scale, np.nan)
        return (values - self.spread.centre[codes]) / scale[codes]


def amount_base(population: Population, minimum_lines: int) -> Base:
    """Mean and standard deviation of the signed amounts of each account, in ten-thousandths."""
    return _base(population, minimum_lines, signed_amounts, means)


def size_base(population: Population, minimum_lines: int) -> Base:
    """Median and MAD of the natural logarithm of |amount|; amounts of zero have none."""
    return _base(population, minimum_lines, _log_sizes, medians)


def z_score(population: Population, base: Base, parameters: Parameters) -> LineScores:
    """Score lines by their amount's distance from the account's mean in standard deviations.

    Args:
        population: the lines.
        base: from `amount_base` with ``z_minimum_lines``.
        parameters: ``z_threshold``.

    Returns:
        ``raw`` is z; a hit has |z| above the threshold. Normalised, z is |z| / (|z| + threshold):
        0 at the mean, 0.5 at the threshold, towards 1 beyond.
    """
    amounts = signed_amounts(population.lines)
    raw = base.deviations(amounts, account_codes(population.lines))

    def explain(positions: IntArray) -> list[Explanation]:
        return [
            _explain_z(row, z, base, parameters)
            for row, z in zip(_rows(population, positions), raw[positions].tolist(), strict=True)
        ]

    return _line_scores(
        Z_SCORE,
        population=population,
        base=base,
        raw=raw,
        threshold=parameters.z_threshold,
        explain=explain,
    )


def robust_z(population: Population, base: Base, parameters: Parameters) -> LineScores:
    """Score lines by 0.6745 (x - median) / MAD on x = ln |amount| (Iglewicz and Hoaglin 1993).

    Unlike the z-score it looks at sizes alone and is not swayed by outliers in the base. An
    amount of zero has no size and no score.

    Args:
        population: the lines.
        base: from `size_base` with ``robust_minimum_lines``.
        parameters: ``robust_threshold``.

    Returns:
        as `z_score`.
    """
    sizes = _log_sizes(population.lines)
    raw = MAD_TO_SIGMA * base.deviations(sizes, account_codes(population.lines))

    def explain(positions: IntArray) -> list[Explanation]:
        return [
            _explain_robust(row, z, base, parameters)
            for row, z in zip(_rows(population, positions), raw[positions].tolist(), strict=True)
        ]

    return _line_scores(
        ROBUST_Z,
        population=population,
        base=base,
        raw=raw,
        threshold=parameters.robust_threshold,
        explain=explain,
    )


def signed_amounts(frame: pl.DataFrame) -> FloatArray:
    """Amounts in ten-thousandths as float64, exact up to 900 billion currency units."""
    return frame["amount"].cast(pl.Float64).to_numpy()


def _log_sizes(frame: pl.DataFrame) -> FloatArray:
    """ln |amount|, NaN for zero."""
    size = np.abs(signed_amounts(frame))
    return np.log(size, out=np.full(size.shape, np.nan), where=size > 0)


def account_codes(frame: pl.DataFrame) -> IntArray:
    """The account number of each row."""
    return frame["code"].to_numpy()


def _base(
    population: Population,
    minimum_lines: int,
    values_of: Callable[[pl.DataFrame], FloatArray],
    spread_of: Callable[[FloatArray, IntArray, int], Spread],
) -> Base:
    groups = population.accounts.height
    earlier, earlier_codes = _with_values(population.history, values_of)
    present, present_codes = _with_values(population.lines, values_of)
    is_history = np.bincount(earlier_codes, minlength=groups) >= minimum_lines
    is_joining = ~is_history[present_codes]
    spread = spread_of(
        np.concatenate([earlier, present[is_joining]]),
        np.concatenate([earlier_codes, present_codes[is_joining]]),
        groups,
    )
    return Base(spread, spread.count >= minimum_lines, is_history)


def _with_values(
    frame: pl.DataFrame, values_of: Callable[[pl.DataFrame], FloatArray]
) -> tuple[FloatArray, IntArray]:
    """Values and account numbers of the rows that have a value."""
    values = values_of(frame)
    has_value = ~np.isnan(values)
    return values[has_value], account_codes(frame)[has_value]


def _line_scores(
    measure: str,
    *,
    population: Population,
    base: Base,
    raw: FloatArray,
    threshold: float,
    explain: Callable[[IntArray], list[Explanation]],
) -> LineScores:
    distance = np.abs(raw)
    unscored = {
        code: NO_DISPERSION if base.is_enough[code] else TOO_FEW_LINES
        for code in np.unique(account_codes(population.lines)).tolist()
        if not base.is_usable[code]
    }
    return LineScores(
        measure=measure,
        raw=raw,
        threshold=threshold,
        normalised=distance / (distance + threshold),
        is_hit=distance > threshold,
        explain=explain,
        unscored=unscored_accounts(measure, population.accounts, base.spread.count, unscored),
    )


def _rows(population: Population, positions: IntArray) -> Iterator[dict[str, Any]]:
    return population.lines[positions].iter_rows(named=True)


def _explain_z(row: dict[str, Any], z: float, base: Base, parameters: Parameters) -> Explanation:
    exponents, currency = parameters.currency_exponents, row["currency"]
    mean = round(base.spread.centre[row["code"]])
    count = int(base.spread.count[row["code"]])
    side = "above" if z > 0 else "below"
    reason = (
        f"{money(row['amount'], currency, exponents)} on account {row['account']} is {abs(z):.1f} "
        f"standard deviations {side} the account's mean of {number(mean, currency, exponents)} "
        f"(n = {count})"
    )
    deviation = round(base.spread.scale[row["code"]])
    inputs = {"mean": str(units(mean)), "standard_deviation": str(units(deviation))}
    return Explanation({**_inputs(row, base), **inputs}, reason)


def _explain_robust(
    row: dict[str, Any], z: float, base: Base, parameters: Parameters
) -> Explanation:
    exponents, currency = parameters.currency_exponents, row["currency"]
    median = float(base.spread.centre[row["code"]])
    typical = number(round(math.exp(median)), currency, exponents)
    reason = (
        f"{money(row['amount'], currency, exponents)} on account {row['account']} is unusually "
        f"{'large' if z > 0 else 'small'}: {abs(z):.1f} robust deviations from the account's "
        f"typical size of {typical} (n = {int(base.spread.count[row['code']])})"
    )
    inputs = {
        "log_median": round(median, 6),
        "log_mad": round(float(base.spread.scale[row["code"]]), 6),
    }
    return Explanation({**_inputs(row, base), **inputs}, reason)


def _inputs(row: dict[str, Any], base: Base) -> dict[str, object]:
    return {
        "account": row["account"],
        "currency": row["currency"],
        "amount": str(units(row["amount"])),
        "lines": int(base.spread.count[row["code"]]),
        "base": "history" if base.is_history[row["code"]] else "history and lines",
    }

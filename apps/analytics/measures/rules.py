"""Simple rules: posted at the weekend, a round amount, a seldom-used account.

After the journal-entry tests of AS 2401.61 and ISA 240. A rule's normalised score is 1 for a hit
and 0 otherwise.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from .line_scores import NO_HISTORY, Explanation, LineScores, Unscored
from .parameters import ROUND_AMOUNT, SELDOM_USED_ACCOUNT, WEEKEND_POSTING, Parameters
from .population import TEN_THOUSANDTHS, IntArray, Population
from .wording import counted, money, number, units, weekday_name

_POWERS = np.array([10**exponent for exponent in range(19)], dtype=np.uint64)
_MONTHS_A_YEAR = 12


def weekend_posting(population: Population, parameters: Parameters) -> LineScores:
    """Lines that somebody posted on a day of ``weekend``; ``raw`` is 1 for those, else 0."""
    posted_on = population.lines["posted_on"]
    is_attended = ~population.lines["source"].is_in(list(parameters.unattended_sources))
    on_weekend = np.isin(posted_on.dt.weekday().to_numpy() - 1, sorted(parameters.weekend))
    is_hit = on_weekend & is_attended.fill_null(value=True).to_numpy()

    def explain(positions: IntArray) -> list[Explanation]:
        return [
            Explanation(
                {"posted_on": day.isoformat()},
                f"posted on a {weekday_name(day)}, {day.isoformat()}",
            )
            for day in posted_on[positions]
        ]

    raw = is_hit.astype(np.float64)
    return LineScores(WEEKEND_POSTING, raw, 1.0, raw, is_hit, explain)


def round_amount(population: Population, parameters: Parameters) -> LineScores:
    """Lines whose amount has few significant digits for its size; ``raw`` is 1 for those, else 0.

    Which digits are few is said by ``round_magnitudes``; smaller amounts are never round.
    """
    amounts = population.lines["amount"].to_numpy()
    # The absolute value of the smallest integer is right only when read as unsigned.
    sizes = np.abs(amounts).view(np.uint64)
    steps = _round_steps(sizes, parameters)
    is_hit = (steps > 0) & (sizes % np.maximum(steps, 1) == 0)

    def explain(positions: IntArray) -> list[Explanation]:
        rows = population.lines[positions].iter_rows(named=True)
        pairs = zip(rows, steps[positions].tolist(), strict=True)
        return [_explain_round(row, step, parameters) for row, step in pairs]

    raw = is_hit.astype(np.float64)
    return LineScores(ROUND_AMOUNT, raw, 1.0, raw, is_hit, explain)


def seldom_used_account(population: Population, parameters: Parameters) -> LineScores:
    """Lines on an account with few postings in the months before the lines begin.

    ``raw`` is the account's postings in the history of the ``seldom_months`` calendar months
    before the month of the first line. A hit has ``seldom_postings`` or fewer, or, if the history
    holds only k of these months, k / ``seldom_months`` of that, rounded down. Without any history
    nothing can be told.
    """
    lines, accounts = population.lines, population.accounts
    first_on = lines.select(pl.col("posted_on").min()).item()
    earlier = population.history.filter(
        pl.col("posted_on") >= _months_before(first_on, parameters.seldom_months)
    )
    if earlier.is_empty():
        return _nothing_known(lines.height)
    months = min(earlier["posted_on"].dt.month_start().n_unique(), parameters.seldom_months)
    threshold = parameters.seldom_postings * months // parameters.seldom_months
    postings = np.bincount(earlier["code"].to_numpy(), minlength=accounts.height)
    raw = postings[lines["code"].to_numpy()].astype(np.float64)
    is_hit = raw <= threshold

    def explain(positions: IntArray) -> list[Explanation]:
        rows = zip(lines["account"][positions], raw[positions].tolist(), strict=True)
        return [_explain_seldom(account, int(found), months) for account, found in rows]

    return LineScores(
        SELDOM_USED_ACCOUNT, raw, float(threshold), is_hit.astype(np.float64), is_hit, explain
    )


def _round_steps(sizes: npt.NDArray[np.uint64], parameters: Parameters) -> npt.NDArray[np.uint64]:
    """What a round amount of this size is a multiple of, 0 where none is round."""
    magnitudes = parameters.round_magnitudes
    starts = np.array([start * TEN_THOUSANDTHS for start, _ in magnitudes], dtype=np.uint64)
    allowed = np.array([0, *(digits for _, digits in magnitudes)])
    significant = allowed[np.searchsorted(starts, sizes, side="right")]
    digits = np.searchsorted(_POWERS, sizes, side="right")
    steps = _POWERS[np.maximum(digits - significant, 0).clip(max=len(_POWERS) - 1)]
    return np.where(significant > 0, steps, np.uint64(0))


def _months_before(day: date, months: int) -> date:
    """First day of the month that lies ``months`` before the month of ``day``."""
    number = day.year * _MONTHS_A_YEAR + day.month - 1 - months
    return date(number // _MONTHS_A_YEAR, number % _MONTHS_A_YEAR + 1, 1)


def _nothing_known(lines: int) -> LineScores:
    nothing = np.full(lines, np.nan)
    return LineScores(
        measure=SELDOM_USED_ACCOUNT,
        raw=nothing,
        threshold=0.0,
        normalised=nothing,
        is_hit=np.zeros(lines, dtype=np.bool_),
        explain=lambda positions: [],
        unscored=(Unscored(SELDOM_USED_ACCOUNT, None, None, 0, NO_HISTORY),),
    )


def _explain_round(row: dict[str, Any], step: int, parameters: Parameters) -> Explanation:
    exponents, currency = parameters.currency_exponents, row["currency"]
    amount = money(row["amount"], currency, exponents)
    return Explanation(
        {"amount": str(units(row["amount"])), "multiple_of": str(units(step))},
        f"{amount} on account {row['account']} is a multiple of "
        f"{number(step, currency, exponents)}",
    )


def _explain_seldom(account: str, postings: int, months: int) -> Explanation:
    return Explanation(
        {"account": account, "postings": postings, "months": months},
        f"account {account} had {counted(postings, 'posting') if postings else 'no posting'} in "
        f"the {counted(months, 'month')} before",
    )

"""Lines that are easy to isolate from all others: an isolation forest over eight features.

Liu, Ting and Zhou, "Isolation Forest" (2008), as scikit-learn implements it, on features scaled to
mean 0 and variance 1. The forest is fitted on the base: the history if it has enough lines, else
history and lines together. Features of a line:

log_amount       ln(1 + |amount|), amount in currency units
deviation        the z-score of its amount on its account, 0 where there is none
day_of_month     1 to 31
preparer_rarity  -log2 of the preparer's share in the account's base
source_rarity    -log2 of the source's share in the account's base
account_rarity   -log2 of the account's share in the base
is_weekend       1 if posted at the weekend, else 0
is_debit         1 for a positive amount, else 0

A line beyond everything in the base is as isolated as the base's own extremes and no more, since
no tree cuts where it saw nothing; single huge amounts are for the z-scores to find.

Shares are smoothed by one line for each label that exists (Laplace), so that the unseen is rare
and not impossible.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn import config_context
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import StandardScaler

from .deviation import Base, account_codes, signed_amounts
from .line_scores import TOO_FEW_LINES, Explanation, LineScores, Unscored
from .parameters import ISOLATION_FOREST, Parameters
from .population import TEN_THOUSANDTHS, FloatArray, IntArray, Population
from .wording import money, weekday_name

FEATURES = (
    "log_amount",
    "deviation",
    "day_of_month",
    "preparer_rarity",
    "source_rarity",
    "account_rarity",
    "is_weekend",
    "is_debit",
)
ONE_SIDED = frozenset({"account_rarity", "preparer_rarity", "source_rarity", "is_weekend"})
"""Features of which only high values are unusual."""

NAMED_FEATURES = 2
"""How many features a reason names."""


def isolation_forest(population: Population, amounts: Base, parameters: Parameters) -> LineScores:
    """Score lines by how few random cuts isolate them from the base.

    Args:
        population: the lines.
        amounts: from `deviation.amount_base`, for the feature ``deviation``.
        parameters: those that begin with ``forest_``, and ``weekend``.

    Returns:
        ``raw`` is the anomaly score of the paper, in (0, 1]. The threshold is what
        ``forest_contamination`` of the base exceed. Normalised, it is 0.5 at the threshold and
        linear on either side, from 0 at 0 to 1 at 1.
    """
    base = _base(population, parameters.forest_minimum_lines)
    if base.height < parameters.forest_minimum_lines:
        return _nothing_known(population, base.height)
    tallies = _tallies(population, base)
    training = _features(_spread_sample(base, parameters), tallies, amounts, parameters)
    features = _features(population.lines, tallies, amounts, parameters)
    # Features are finite and parameters checked; 100 trees checking again costs a month a fifth.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        scaler = StandardScaler().fit(training)
        forest = IsolationForest(
            contamination=parameters.forest_contamination,
            n_estimators=parameters.forest_trees,
            random_state=parameters.forest_seed,
        ).fit(scaler.transform(training))
        scaled = scaler.transform(features)
        raw = _anomalies(forest, scaled)
    threshold = -float(forest.offset_)

    def explain(positions: IntArray) -> list[Explanation]:
        rows = population.lines[positions].iter_rows(named=True)
        lines = zip(rows, features[positions], scaled[positions], strict=True)
        return [_explain(*line, parameters) for line in lines]

    return LineScores(
        measure=ISOLATION_FOREST,
        raw=raw,
        threshold=threshold,
        normalised=np.interp(raw, [0.0, threshold, 1.0], [0.0, 0.5, 1.0]),
        is_hit=raw > threshold,
        explain=explain,
    )


def _anomalies(forest: IsolationForest, scaled: FloatArray) -> FloatArray:
    """The anomaly score of each line.

    Neighbours that resemble each other take the same way through a tree, which a processor
    foresees: sorted by the features of few values first, a million lines take half the time.
    """
    order = np.lexsort(scaled.T)
    found = np.empty(len(scaled))
    found[order] = -forest.score_samples(scaled[order])
    return found


@dataclass(frozen=True, slots=True)
class _Tallies:
    """How often things occur in the base.

    Attributes:
        lines: lines of the base.
        accounts: lines by account number.
        by_label: for ``source`` and ``prepared_by``, lines by account number and label.
        labels: how many different values each of the two has.
    """

    lines: int
    accounts: IntArray
    by_label: dict[str, pl.DataFrame]
    labels: dict[str, int]


def _base(population: Population, minimum_lines: int) -> pl.DataFrame:
    if population.history.height >= minimum_lines:
        return population.history
    return pl.concat([population.history, population.lines])


def _spread_sample(base: pl.DataFrame, parameters: Parameters) -> pl.DataFrame:
    """Evenly spaced lines of the base, all of it if it is small."""
    size = min(base.height, parameters.forest_training_lines)
    return base[np.arange(size) * base.height // size]


def _tallies(population: Population, base: pl.DataFrame) -> _Tallies:
    labels = ("source", "prepared_by")
    everything = pl.concat([population.history, population.lines])
    return _Tallies(
        lines=base.height,
        accounts=np.bincount(account_codes(base), minlength=population.accounts.height),
        by_label={
            label: base.group_by("code", label).agg(found=pl.len().cast(pl.Int64))
            for label in labels
        },
        labels={label: everything[label].n_unique() for label in labels},
    )


def _features(
    frame: pl.DataFrame, tallies: _Tallies, amounts: Base, parameters: Parameters
) -> FloatArray:
    """The features of each line, a column each, in the order of `FEATURES`."""
    values, codes = signed_amounts(frame), account_codes(frame)
    posted_on = frame["posted_on"]
    on_account = tallies.accounts[codes]
    columns = [
        np.log1p(np.abs(values) / TEN_THOUSANDTHS),
        np.nan_to_num(amounts.deviations(values, codes)),
        posted_on.dt.day().to_numpy(),
        _rarity(_found(frame, tallies, "prepared_by"), on_account, tallies.labels["prepared_by"]),
        _rarity(_found(frame, tallies, "source"), on_account, tallies.labels["source"]),
        _rarity(on_account, np.full(codes.shape, tallies.lines), tallies.accounts.size),
        np.isin(posted_on.dt.weekday().to_numpy() - 1, sorted(parameters.weekend)),
        values > 0,
    ]
    return np.column_stack(columns).astype(np.float64)


def _found(frame: pl.DataFrame, tallies: _Tallies, label: str) -> IntArray:
    """How many lines of the base have each line's account and label."""
    counted = frame.join(
        tallies.by_label[label], on=["code", label], how="left", maintain_order="left"
    )
    return counted["found"].fill_null(0).to_numpy()


def _rarity(found: IntArray, among: IntArray, labels: int) -> FloatArray:
    rarity: FloatArray = np.log2((among + labels) / (found + 1))
    return rarity


def _nothing_known(population: Population, count: int) -> LineScores:
    nothing = np.full(population.lines.height, np.nan)
    return LineScores(
        measure=ISOLATION_FOREST,
        raw=nothing,
        threshold=1.0,
        normalised=nothing,
        is_hit=np.zeros(nothing.shape, dtype=np.bool_),
        explain=lambda positions: [],
        unscored=(Unscored(ISOLATION_FOREST, None, None, count, TOO_FEW_LINES),),
    )


def _explain(
    row: dict[str, Any], features: FloatArray, scaled: FloatArray, parameters: Parameters
) -> Explanation:
    unusual = {
        name: max(value, 0.0) if name in ONE_SIDED else abs(value)
        for name, value in zip(FEATURES, scaled.tolist(), strict=True)
    }
    named = sorted(FEATURES, key=lambda name: -unusual[name])[:NAMED_FEATURES]
    values = dict(zip(FEATURES, features.tolist(), strict=True))
    phrases = [_PHRASES[name](row, values[name], parameters) for name in named]
    return Explanation(
        inputs={name: round(value, 6) for name, value in values.items()},
        reason=f"a rare combination, above all {' and '.join(phrases)}",
    )


_PHRASES: dict[str, Callable[[dict[str, Any], float, Parameters], str]] = {
    "log_amount": lambda row, value, parameters: (
        f"the amount {money(row['amount'], row['currency'], parameters.currency_exponents)}"
    ),
    "is_debit": lambda row, value, parameters: (
        "that it is a debit" if value else "that it is a credit"
    ),
    "deviation": lambda row, value, parameters: (
        f"an amount {abs(value):.1f} standard deviations from the mean of account {row['account']}"
    ),
    "account_rarity": lambda row, value, parameters: f"the little-used account {row['account']}",
    "preparer_rarity": lambda row, value, parameters: (
        f"{row['prepared_by'] or 'an unnamed preparer'} posting to account {row['account']}"
    ),
    "source_rarity": lambda row, value, parameters: (
        f"the source {row['source'] or 'without a name'} on account {row['account']}"
    ),
    "is_weekend": lambda row, value, parameters: f"a posting on a {weekday_name(row['posted_on'])}",
    "day_of_month": lambda row, value, parameters: f"a posting on day {value:.0f} of the month",
}
"""What each feature means on a line that it makes unusual."""

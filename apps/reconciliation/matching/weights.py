"""What agreement and disagreement in each field are worth, estimated without labels.

Fellegi and Sunter 1969, "A theory for record linkage": a level of a field that is m likely among
matches and u likely among other pairs is worth log2(m / u) bits. u is measured on pairs by chance;
m and the share of matches by expectation and maximisation over the candidates (Winkler 1988), kept
in bounds by pseudo-counts where there is little to learn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.reconciliation.matching.likeness import LEVELS, MISSING, Texts
from apps.reconciliation.matching.money import unscaled
from apps.reconciliation.matching.reading import Settings
from apps.reconciliation.matching.schemas import Floats, Ints

BIT_DECIMALS = 3
BIT = 10**BIT_DECIMALS  # weights are whole thousandths of a bit, so that sums and ties are exact
RANDOM_PAIRS = 200_000
_ROUNDS = 200
_SETTLED = 1e-9
_PSEUDO = 20.0  # pairs that the guesses below are worth
_M_GUESS = np.array([0.80, 0.10, 0.05, 0.05])
_U_GUESS = np.array([0.01, 0.01, 0.03, 0.95])
_LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class Weights:
    """What the levels of each field are worth, in thousandths of a bit.

    Attributes:
        prior: for any candidate, before its fields are looked at.
        fields: by field, for each of LEVELS.
    """

    prior: int
    fields: Mapping[str, tuple[int, ...]]

    @classmethod
    def neutral(cls, fields: Sequence[str]) -> Weights:
        """Weights that say nothing, where there is nothing to be weighed."""
        return cls(0, {name: (0,) * len(LEVELS) for name in fields})

    @classmethod
    def read(cls, settings: Settings, fields: Sequence[str]) -> Weights:
        """From ``{"prior": "-9.5", "counterparty": {"equal": "7.1", ...}, ...}``."""
        prior = settings.signed("prior", BIT_DECIMALS)
        found = {}
        for name in fields:
            levels = settings.below(name)
            found[name] = tuple(levels.signed(level, BIT_DECIMALS) for level in LEVELS)
            levels.finish()
        settings.finish()
        return cls(prior, found)

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        mapping: dict[str, Any] = {"prior": unscaled(self.prior, BIT_DECIMALS)}
        for name, weights in self.fields.items():
            texts = [unscaled(weight, BIT_DECIMALS) for weight in weights]
            mapping[name] = dict(zip(LEVELS, texts, strict=True))
        return mapping

    def of(self, field: str, levels: Ints) -> Ints:
        """What these levels of a field are worth; nothing, where one side says nothing."""
        return np.array([*self.fields[field], 0], dtype=np.int64)[levels]


def levels_by_chance(texts: Texts) -> Floats:
    """How often each level of a field occurs among pairs that are no match, in pairs.

    With few items all pairs are looked at, less the most alike one of each left item: an item has
    one match at most, and among few pairs the matches would hide how rare an agreement is by
    chance. With many items it is pairs taken at random, of which next to none is a match.
    """
    left, right = (np.sort(side) for side in (texts.left, texts.right))
    if len(left) * len(right) <= RANDOM_PAIRS:
        rows = np.divmod(np.arange(len(left) * len(right)), max(len(right), 1))
        levels, _ = texts.compared_codes(left[rows[0]], right[rows[1]])
        best = np.min(levels.reshape(len(left), len(right)), axis=1, initial=MISSING)
    else:
        # The same draw for the same texts, whatever the order of rows.
        random = np.random.default_rng(0)
        drawn = [side[random.integers(0, len(side), RANDOM_PAIRS)] for side in (left, right)]
        levels, _ = texts.compared_codes(*drawn)
        best = np.zeros(0, dtype=np.int64)
    seen = np.bincount(levels, minlength=MISSING + 1) - np.bincount(best, minlength=MISSING + 1)
    return seen[:MISSING].astype(np.float64)


@dataclass(frozen=True)
class Candidacy:
    """How often each combination of levels occurs among the candidates.

    Attributes:
        patterns: a row for each combination, a column for each field; sorted.
        counts: how many candidates have it.
        most_matches: how many of them can be matches, each item being matched once.
    """

    patterns: Ints
    counts: Ints
    most_matches: int


def estimated(fields: Sequence[str], candidacy: Candidacy, by_chance: Sequence[Floats]) -> Weights:
    """Weights under which the candidates are most likely what they are.

    Args:
        by_chance: for each field, what ``levels_by_chance`` gives.
    """
    patterns, counts = candidacy.patterns, candidacy.counts
    total = max(float(counts.sum()), 1.0)
    most = min(max(candidacy.most_matches / total, 2 * _LEAST_SHARE), 1 - _LEAST_SHARE)
    share = most / 2
    m = [_M_GUESS for _ in fields]
    u = [_shares(seen, _U_GUESS) for seen in by_chance]
    for _ in range(_ROUNDS):
        odds = np.full(len(patterns), np.log(share) - np.log1p(-share))
        for at in range(len(fields)):
            odds += np.append(np.log(m[at] / u[at]), 0.0)[patterns[:, at]]
        likely = counts / (1.0 + np.exp(-odds))
        before, share = share, min(max(likely.sum() / total, _LEAST_SHARE), most)
        for at in range(len(fields)):
            seen = np.bincount(patterns[:, at], likely, len(LEVELS) + 1)[: len(LEVELS)]
            m[at] = _shares(seen.astype(np.float64), _M_GUESS)
        if abs(share - before) < _SETTLED:
            break
    prior = np.log2(share) - np.log2(1 - share)
    weights = {
        name: tuple(_thousandths(each) for each in np.log2(m[at] / u[at]))
        for at, name in enumerate(fields)
    }
    return Weights(_thousandths(prior), weights)


def _shares(seen: Floats, guess: Floats) -> Floats:
    return np.asarray((seen + _PSEUDO * guess) / (seen.sum() + _PSEUDO))


def _thousandths(bits: float) -> int:
    return round(float(bits) * BIT)

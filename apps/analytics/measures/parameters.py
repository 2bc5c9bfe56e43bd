"""The parameters of the measures; they are stored with every run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from .errors import ParametersInvalid

Z_SCORE = "z_score"
ROBUST_Z = "robust_z"
ISOLATION_FOREST = "isolation_forest"
WEEKEND_POSTING = "weekend_posting"
ROUND_AMOUNT = "round_amount"
SELDOM_USED_ACCOUNT = "seldom_used_account"

VERSIONS: Mapping[str, str] = MappingProxyType(
    {
        Z_SCORE: "1",
        ROBUST_Z: "1",
        ISOLATION_FOREST: "1",
        WEEKEND_POSTING: "1",
        ROUND_AMOUNT: "1",
        SELDOM_USED_ACCOUNT: "1",
    }
)
"""Every measure with the version of its definition, to be raised when its results change."""

_LARGEST_UNITS = 10**14  # what int64 ten-thousandths can hold

_DEFAULT_WEIGHTS = {
    Z_SCORE: 3.0,
    ROBUST_Z: 3.0,
    ISOLATION_FOREST: 2.0,
    WEEKEND_POSTING: 1.0,
    ROUND_AMOUNT: 1.0,
    SELDOM_USED_ACCOUNT: 2.0,
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the measures work with.

    Args:
        z_threshold: standard deviations beyond which an amount is a hit. 2.5 is the figure of the
            product's specification; calibrate it per ledger.
        z_minimum_lines: lines an account needs for a z-score. In a base of n lines that holds the
            line itself no z-score exceeds sqrt(n - 1), so below 8 lines 2.5 cannot be reached.
        robust_threshold: robust z beyond which an amount is a hit (Iglewicz and Hoaglin 1993).
        robust_minimum_lines: lines an account needs for a robust z.
        forest_contamination: share of the base that counts as anomalous, above 0, up to 0.5.
        forest_trees: trees of the isolation forest.
        forest_seed: seed of the isolation forest.
        forest_minimum_lines: lines the base needs; 256 is the sample that each tree is grown on
            (Liu, Ting and Zhou 2008).
        forest_training_lines: most lines of the base that the forest is fitted on.
        weekend: weekdays on which nobody is expected to post, Monday is 0.
        unattended_sources: sources that post by themselves on any day, at weekends too.
        round_magnitudes: for amounts from so many currency units, the most significant digits
            that a round amount has: 5,000 but not 5,500; 12,000 but not 12,500.
        seldom_postings: an account with so many postings or fewer in ``seldom_months`` is seldom
            used. With a shorter history the number shrinks in proportion.
        seldom_months: calendar months looked back on.
        weights: weight of each measure in a line's score.
        deciding: measures of which one hit is enough to flag an entry. The isolation forest is
            not among them: by definition it marks a tenth of any base, suspicious or not.
        flag_threshold: entry score from which an entry is flagged without a deciding hit.
        currency_exponents: decimals of each currency in reasons, 2 where it is not named.

    Raises:
        ParametersInvalid: a value lies outside its range, or a measure is unknown.
    """

    z_threshold: float = 2.5
    z_minimum_lines: int = 10
    robust_threshold: float = 3.5
    robust_minimum_lines: int = 30
    forest_contamination: float = 0.1
    forest_trees: int = 100
    forest_seed: int = 42
    forest_minimum_lines: int = 256
    forest_training_lines: int = 20_000
    weekend: frozenset[int] = frozenset({5, 6})
    unattended_sources: frozenset[str] = frozenset()
    round_magnitudes: tuple[tuple[int, int], ...] = ((1_000, 1), (10_000, 2), (1_000_000, 3))
    seldom_postings: int = 6
    seldom_months: int = 12
    weights: Mapping[str, float] = field(default_factory=lambda: dict(_DEFAULT_WEIGHTS))
    deciding: frozenset[str] = frozenset({Z_SCORE, ROBUST_Z})
    flag_threshold: float = 0.5
    currency_exponents: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._require_numbers()
        self._require_measures()
        for units, digits in self.round_magnitudes:
            _require(
                1 <= units <= _LARGEST_UNITS and digits >= 1,
                "round_magnitudes",
                "is too small or too large",
            )
        starts = [units for units, _ in self.round_magnitudes]
        _require(starts == sorted(set(starts)), "round_magnitudes", "must ascend")

    def _require_numbers(self) -> None:
        for name in ("z_threshold", "robust_threshold"):
            _require(0 < getattr(self, name) < math.inf, name, "must be above 0")
        for name in ("z_minimum_lines", "robust_minimum_lines", "forest_minimum_lines"):
            _require(getattr(self, name) >= 2, name, "must be 2 or more")
        for name in ("forest_trees", "forest_training_lines", "seldom_months"):
            _require(getattr(self, name) >= 1, name, "must be 1 or more")
        for name in ("forest_seed", "seldom_postings"):
            _require(getattr(self, name) >= 0, name, "must not be negative")
        contamination = self.forest_contamination
        _require(0 < contamination <= 0.5, "forest_contamination", "must be in (0, 0.5]")
        _require(0 < self.flag_threshold <= 1, "flag_threshold", "must be in (0, 1]")
        _require(self.weekend <= frozenset(range(7)), "weekend", "must hold weekdays 0 to 6")

    def _require_measures(self) -> None:
        _require(self.deciding <= VERSIONS.keys(), "deciding", "names an unknown measure")
        _require(self.weights.keys() == VERSIONS.keys(), "weights", "must name every measure")
        weights = self.weights.values()
        are_weights = all(0 <= weight < math.inf for weight in weights) and any(weights)
        _require(are_weights, "weights", "must be 0 or more and not all 0")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Parameters:
        """The parameters that plain values describe; what is not named keeps its default.

        Raises:
            ParametersInvalid: a name is unknown, or a value has the wrong type or range.
        """
        given = dict(values)
        try:
            for name in ("weekend", "unattended_sources", "deciding"):
                if name in given:
                    given[name] = frozenset(given[name])
            if "round_magnitudes" in given:
                given["round_magnitudes"] = tuple(
                    (units, digits) for units, digits in given["round_magnitudes"]
                )
            return cls(**given)
        except (TypeError, ValueError) as error:
            raise ParametersInvalid(f"The parameters cannot be read: {error}") from None

    def as_json(self) -> dict[str, object]:
        """The parameters as plain values that `json` can write; sets become sorted lists."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            **values,
            "weekend": sorted(self.weekend),
            "unattended_sources": sorted(self.unattended_sources),
            "deciding": sorted(self.deciding),
            "round_magnitudes": [list(pair) for pair in self.round_magnitudes],
            "weights": dict(self.weights),
            "currency_exponents": dict(self.currency_exponents),
        }


def _require(is_valid: bool, name: str, why: str) -> None:
    if not is_valid:
        raise ParametersInvalid(f"The parameter {name} {why}.")

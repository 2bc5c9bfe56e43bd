"""Measures of how unusual journal entries are: statistics, an isolation forest and simple rules.

Pure: no Django. Frames of ledger lines in, scores and reasons out; the same rows give the same
result in any order.
"""

from .errors import LinesMalformed, MeasureRefusal, ParametersInvalid
from .parameters import (
    ISOLATION_FOREST,
    ROBUST_Z,
    ROUND_AMOUNT,
    SELDOM_USED_ACCOUNT,
    VERSIONS,
    WEEKEND_POSTING,
    Z_SCORE,
    Parameters,
)
from .scoring import Scores, score_entries

__all__ = [
    "ISOLATION_FOREST",
    "ROBUST_Z",
    "ROUND_AMOUNT",
    "SELDOM_USED_ACCOUNT",
    "VERSIONS",
    "WEEKEND_POSTING",
    "Z_SCORE",
    "LinesMalformed",
    "MeasureRefusal",
    "Parameters",
    "ParametersInvalid",
    "Scores",
    "score_entries",
]

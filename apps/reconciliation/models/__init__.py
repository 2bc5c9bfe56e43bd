"""Match types with their versioned rules; runs; what they found (facts); reviews of breaks."""

from apps.reconciliation.models.outcomes import (
    Break,
    BreakItem,
    MatchGroup,
    MatchItem,
    Run,
    RunQuerySet,
)
from apps.reconciliation.models.reviews import BreakReview
from apps.reconciliation.models.setup import MatchType, RuleSetAdoption, RuleSetVersion

__all__ = [
    "Break",
    "BreakItem",
    "BreakReview",
    "MatchGroup",
    "MatchItem",
    "MatchType",
    "RuleSetAdoption",
    "RuleSetVersion",
    "Run",
    "RunQuerySet",
]

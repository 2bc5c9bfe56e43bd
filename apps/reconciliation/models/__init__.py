"""Match types with their versioned rules; runs; what they found (facts); reviews of breaks."""

from apps.reconciliation.models.certifications import Certification
from apps.reconciliation.models.outcomes import (
    Break,
    BreakClosure,
    BreakItem,
    GroupRevocation,
    LearnedWeights,
    MatchGroup,
    Revision,
    Run,
    RunQuerySet,
)
from apps.reconciliation.models.resolutions import ResolutionRule
from apps.reconciliation.models.reviews import (
    BreakAssignment,
    BreakReview,
    Correction,
    RematchPermit,
    WriteOff,
)
from apps.reconciliation.models.setup import MatchType, RuleSetAdoption, RuleSetVersion
from apps.reconciliation.models.sharding import Shard, ShardPlan

__all__ = [
    "Break",
    "BreakAssignment",
    "BreakClosure",
    "BreakItem",
    "BreakReview",
    "Certification",
    "Correction",
    "GroupRevocation",
    "LearnedWeights",
    "MatchGroup",
    "MatchType",
    "RematchPermit",
    "ResolutionRule",
    "Revision",
    "RuleSetAdoption",
    "RuleSetVersion",
    "Run",
    "RunQuerySet",
    "Shard",
    "ShardPlan",
    "WriteOff",
]

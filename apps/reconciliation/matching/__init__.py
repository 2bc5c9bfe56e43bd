"""Matching of two sides of items: pure, deterministic, every match and every break explained.

>>> from apps.reconciliation.matching import RuleSet, reconcile
"""

from __future__ import annotations

from apps.reconciliation.matching.errors import ItemsInvalid, NotOptimal, RulesInvalid
from apps.reconciliation.matching.kernel import reconcile
from apps.reconciliation.matching.outcome import Outcome
from apps.reconciliation.matching.rules import (
    CauseRules,
    DateWindow,
    FeeSchedule,
    Pass,
    RuleSet,
    Tolerance,
)
from apps.reconciliation.matching.schemas import ITEM_SCHEMA

__all__ = [
    "ITEM_SCHEMA",
    "CauseRules",
    "DateWindow",
    "FeeSchedule",
    "ItemsInvalid",
    "NotOptimal",
    "Outcome",
    "Pass",
    "RuleSet",
    "RulesInvalid",
    "Tolerance",
    "reconcile",
]

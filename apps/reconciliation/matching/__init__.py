"""Matching of two sides of items: pure, deterministic, every match and every break explained.

>>> from apps.reconciliation.matching import RuleSet, reconcile
"""

from __future__ import annotations

from apps.reconciliation.matching.errors import ItemsInvalid, NotOptimal, RulesInvalid
from apps.reconciliation.matching.fees import FeeSchedule
from apps.reconciliation.matching.kernel import matched, reconcile
from apps.reconciliation.matching.outcome import Matched, Outcome
from apps.reconciliation.matching.pass_rules import Pass
from apps.reconciliation.matching.rules import CauseRules, RuleSet
from apps.reconciliation.matching.schemas import ITEM_SCHEMA, RATE_SCHEMA
from apps.reconciliation.matching.three import ThreeWay, reconcile_three
from apps.reconciliation.matching.tolerances import DateWindow, Tolerance
from apps.reconciliation.matching.watching import Step, Watch, unwatched

__all__ = [
    "ITEM_SCHEMA",
    "RATE_SCHEMA",
    "CauseRules",
    "DateWindow",
    "FeeSchedule",
    "ItemsInvalid",
    "Matched",
    "NotOptimal",
    "Outcome",
    "Pass",
    "RuleSet",
    "RulesInvalid",
    "Step",
    "ThreeWay",
    "Tolerance",
    "Watch",
    "matched",
    "reconcile",
    "reconcile_three",
    "unwatched",
]

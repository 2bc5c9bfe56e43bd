"""Writes: match types, runs, reviews of breaks, and what follows from a run."""

from apps.reconciliation.services.adjustments import propose_adjustment
from apps.reconciliation.services.approval import submit_run
from apps.reconciliation.services.match_types import define_match_type
from apps.reconciliation.services.preview import preview_rules
from apps.reconciliation.services.reviews import accept_break, explain_break, reopen_break
from apps.reconciliation.services.rule_sets import adopt_rules, change_rules, settle_rules
from apps.reconciliation.services.runs import execute_run, start_run

__all__ = [
    "accept_break",
    "adopt_rules",
    "change_rules",
    "define_match_type",
    "execute_run",
    "explain_break",
    "preview_rules",
    "propose_adjustment",
    "reopen_break",
    "settle_rules",
    "start_run",
    "submit_run",
]

"""Writes: match types, runs, reviews of breaks, and what follows from a run."""

from apps.reconciliation.services.adjustments import propose_adjustment
from apps.reconciliation.services.approval import submit_run
from apps.reconciliation.services.assignments import assign_break, set_terms
from apps.reconciliation.services.certifications import certify_run
from apps.reconciliation.services.learning import propose_learned
from apps.reconciliation.services.match_types import choose_carries, define_match_type
from apps.reconciliation.services.preview import preview_rules
from apps.reconciliation.services.resolutions import (
    propose_resolution,
    resolve_small_breaks,
    retire_resolution,
    settle_resolution,
)
from apps.reconciliation.services.reviews import accept_break, explain_break, reopen_break
from apps.reconciliation.services.revisions import (
    correct_cause,
    force_match,
    permit_rematch,
    split_break,
    unmatch_group,
)
from apps.reconciliation.services.rule_sets import adopt_rules, change_rules, settle_rules
from apps.reconciliation.services.runs import begin_run, execute_run, resume_queued, start_run
from apps.reconciliation.services.shard_files import forget_found
from apps.reconciliation.services.shards import finish_run, match_shard, resume_runs
from apps.reconciliation.services.write_offs import write_off_break

__all__ = [
    "accept_break",
    "adopt_rules",
    "assign_break",
    "begin_run",
    "certify_run",
    "change_rules",
    "choose_carries",
    "correct_cause",
    "define_match_type",
    "execute_run",
    "explain_break",
    "finish_run",
    "force_match",
    "forget_found",
    "match_shard",
    "permit_rematch",
    "preview_rules",
    "propose_adjustment",
    "propose_learned",
    "propose_resolution",
    "reopen_break",
    "resolve_small_breaks",
    "resume_queued",
    "resume_runs",
    "retire_resolution",
    "set_terms",
    "settle_resolution",
    "settle_rules",
    "split_break",
    "start_run",
    "submit_run",
    "unmatch_group",
    "write_off_break",
]

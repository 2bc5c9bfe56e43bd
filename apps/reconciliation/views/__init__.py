"""Pages of reconciliation."""

from apps.reconciliation.views.breaks import break_page, breaks_page, review
from apps.reconciliation.views.changing import assign, revise_break
from apps.reconciliation.views.groups import group_page, groups_page
from apps.reconciliation.views.queue import queue_page
from apps.reconciliation.views.revising import revise_group
from apps.reconciliation.views.rules import (
    change,
    learned,
    resolution,
    rules_page,
    terms,
)
from apps.reconciliation.views.runs import ask_for_approval, run_page, runs_page, start
from apps.reconciliation.views.statements import certify, statement_page

__all__ = [
    "ask_for_approval",
    "assign",
    "break_page",
    "breaks_page",
    "certify",
    "change",
    "group_page",
    "groups_page",
    "learned",
    "queue_page",
    "resolution",
    "review",
    "revise_break",
    "revise_group",
    "rules_page",
    "run_page",
    "runs_page",
    "start",
    "statement_page",
    "terms",
]

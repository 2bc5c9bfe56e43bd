from typing import Final

from apps.common.roles import (
    APPROVER,
    CONTROLLER,
    INTEGRATION,
    PREPARER,
    READERS,
    REVIEWER,
)

VIEW_RUNS: Final = "reconciliation.view_runs"
START_RUN: Final = "reconciliation.start_run"
EXPLAIN_BREAK: Final = "reconciliation.explain_break"
ACCEPT_BREAK: Final = "reconciliation.accept_break"
SUBMIT_RUN: Final = "reconciliation.submit_run"
PROPOSE_ADJUSTMENT: Final = "reconciliation.propose_adjustment"
MANAGE_MATCH_TYPES: Final = "reconciliation.manage_match_types"
PREVIEW_RULES: Final = "reconciliation.preview_rules"
REVISE_RUN: Final = "reconciliation.revise_run"
CORRECT_CAUSE: Final = "reconciliation.correct_cause"
WRITE_OFF: Final = "reconciliation.write_off"
CERTIFY_PREPARED: Final = "reconciliation.certify_prepared"
CERTIFY_REVIEWED: Final = "reconciliation.certify_reviewed"
ASSIGN_BREAK: Final = "reconciliation.assign_break"

HOLDERS = {
    VIEW_RUNS: (*READERS, INTEGRATION),
    START_RUN: (PREPARER, CONTROLLER, INTEGRATION),
    EXPLAIN_BREAK: (PREPARER, REVIEWER, CONTROLLER),
    ACCEPT_BREAK: (REVIEWER, CONTROLLER),
    SUBMIT_RUN: (PREPARER, CONTROLLER),
    PROPOSE_ADJUSTMENT: (PREPARER, CONTROLLER),
    MANAGE_MATCH_TYPES: (CONTROLLER,),
    REVISE_RUN: (PREPARER, REVIEWER, CONTROLLER),
    CORRECT_CAUSE: (PREPARER, REVIEWER, CONTROLLER),
    WRITE_OFF: (PREPARER, CONTROLLER),
    CERTIFY_PREPARED: (PREPARER, CONTROLLER),
    CERTIFY_REVIEWED: (REVIEWER, CONTROLLER),
    ASSIGN_BREAK: (PREPARER, REVIEWER, CONTROLLER),
    PREVIEW_RULES: (PREPARER, REVIEWER, APPROVER, CONTROLLER),
}

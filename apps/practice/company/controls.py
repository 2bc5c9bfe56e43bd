"""The controls that the company's close carries out."""

from __future__ import annotations

from typing import Any, Final

_ACTIVITIES: Final = "Principle 10: selects and develops control activities"
_POLICIES: Final = "Principle 12: deploys through policies and procedures"


def controls() -> dict[str, Any]:
    """The content of `controls.json`."""
    return {"controls": [*_RECONCILIATIONS, *_BOOKS]}


_RECONCILIATIONS: Final[tuple[dict[str, Any], ...]] = (
    {
        "identifier": "F-R3-GL-15",
        "name": "Monthly reconciliation of the general ledger to subsystems",
        "objective": (
            "Receivables, payables and payroll in the general ledger agree with the ERP's "
            "documents, and every difference is explained."
        ),
        "risk": (
            "Documents are missing from the ledger, recorded twice or with wrong amounts, and "
            "the statements are misstated."
        ),
        "assertions": ["existence", "completeness", "valuation"],
        "coso_principle": _ACTIVITIES,
        "nature": "detective",
        "automation": "it_dependent",
        "owner_role": "preparer",
        "task_keys": ["gl_erp_reconciliation", "break_classification", "reconciliation_approval"],
    },
    {
        "identifier": "F-R3-CA-02",
        "name": "Monthly bank reconciliation",
        "objective": (
            "The bank account in the ledger agrees with the bank's statement, and outstanding "
            "items are known."
        ),
        "risk": "Cash is misappropriated or misstated and nobody notices.",
        "assertions": ["existence", "completeness", "rights"],
        "coso_principle": _ACTIVITIES,
        "nature": "detective",
        "automation": "it_dependent",
        "owner_role": "preparer",
        "task_keys": [
            "bank_gl_reconciliation",
            "gateway_reconciliation",
            "reconciliation_approval",
        ],
    },
    {
        "identifier": "F-R2-RV-07",
        "name": "Revenue agrees with the jobs done for clients",
        "objective": "Every job is invoiced once, at the agreed rate, with a variance below 1%.",
        "risk": (
            "Revenue is recorded for work that was not done, or not recorded for work that was."
        ),
        "assertions": ["existence", "completeness", "valuation"],
        "coso_principle": _ACTIVITIES,
        "nature": "detective",
        "automation": "automated",
        "owner_role": "reviewer",
        "task_keys": ["job_revenue_reconciliation", "variance_check"],
    },
)

_BOOKS: Final[tuple[dict[str, Any], ...]] = (
    {
        "identifier": "F-R1-JE-04",
        "name": "Approval of adjusting journal entries",
        "objective": (
            "Entries outside the sub-ledgers are approved by somebody who did not prepare them."
        ),
        "risk": "Management overrides controls by manual entries.",
        "assertions": ["existence", "valuation", "presentation"],
        "coso_principle": _ACTIVITIES,
        "nature": "preventive",
        "automation": "it_dependent",
        "owner_role": "approver",
        "task_keys": ["adjusting_entries", "journal_approval", "anomaly_scoring"],
    },
    {
        "identifier": "F-R1-PC-01",
        "name": "The period is locked after review",
        "objective": "Nothing is posted to a period after its figures were reported.",
        "risk": "Reported figures change without notice.",
        "assertions": ["completeness", "presentation"],
        "coso_principle": _POLICIES,
        "nature": "preventive",
        "automation": "automated",
        "owner_role": "controller",
        "task_keys": ["final_trial_balance", "period_lock"],
    },
)

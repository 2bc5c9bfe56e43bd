"""The close template: seventeen tasks with handler, parameters, owner and deadline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .chart import FEES
from .facts import MatchType


@dataclass(frozen=True)
class Task:
    """A task of the close.

    Args:
        id: stable id.
        name: title.
        handler: the service that does the work, ``app.verb``.
        owner_role: the role that answers for it.
        dependencies: ids of the tasks that must be finished before.
        minutes: estimated duration.
        business_days: deadline, in business days after the end of the period.
        time: deadline, wall clock in the entity's zone.
        is_automatic: False where the task waits for a person's decision.
        parameters: arguments of the handler.
    """

    id: str
    name: str
    handler: str
    owner_role: str
    dependencies: tuple[str, ...]
    minutes: int
    business_days: int
    time: str
    is_automatic: bool = True
    parameters: dict[str, Any] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """The task as close_template.json has it."""
        return {
            "id": self.id,
            "name": self.name,
            "dependencies": list(self.dependencies),
            "automation": self.is_automatic,
            "duration_estimate": self.minutes,
            "handler": self.handler,
            "parameters": self.parameters,
            "deadline": {
                "business_days_after_period_end": self.business_days,
                "time": self.time,
            },
            "owner_role": self.owner_role,
        }


def _reconciliation(task_id: str, name: str, match_type: MatchType) -> Task:
    return Task(
        task_id,
        name,
        "reconciliation.run",
        "preparer",
        ("validation",),
        45,
        2,
        "12:00",
        parameters={"match_type": match_type.value},
    )


_RECONCILIATIONS = (
    _reconciliation("gl_erp_reconciliation", "Reconcile ledger and ERP", MatchType.GL_ERP),
    _reconciliation("bank_gl_reconciliation", "Reconcile bank and ledger", MatchType.BANK_GL),
    _reconciliation("gateway_reconciliation", "Reconcile gateway and ledger", MatchType.GATEWAY_GL),
    _reconciliation(
        "job_revenue_reconciliation", "Reconcile client jobs and revenue", MatchType.JOBS_REVENUE
    ),
)
_MATCH_TYPES = [match_type.value for match_type in MatchType]

TASKS = (
    Task(
        "data_collection", "Data Collection", "ingestion.collect", "integration",
        (), 30, 1, "09:00",
        parameters={
            "sources": [
                "gl_extract", "erp_extract", "bank_statement", "gateway_payouts", "client_jobs",
            ]
        },
    ),
    Task(
        "validation", "Data Validation", "ingestion.validate", "preparer",
        ("data_collection",), 45, 1, "12:00",
    ),
    Task(
        "ledger_posting", "Post the ledger extract", "ledger.post_extract", "preparer",
        ("validation",), 30, 1, "17:00", parameters={"source": "gl_extract"},
    ),
    Task(
        "preliminary_trial_balance", "Preliminary trial balance", "ledger.trial_balance",
        "preparer", ("ledger_posting",), 15, 2, "09:00", parameters={"stage": "preliminary"},
    ),
    *_RECONCILIATIONS,
    Task(
        "break_classification", "Classify the breaks", "reconciliation.classify", "preparer",
        tuple(task.id for task in _RECONCILIATIONS), 60, 2, "17:00",
        parameters={"match_types": _MATCH_TYPES},
    ),
    Task(
        "variance_check", "Revenue variance under 1%", "reconciliation.variance", "reviewer",
        ("job_revenue_reconciliation", "break_classification"), 15, 3, "10:00",
        parameters={"match_type": MatchType.JOBS_REVENUE.value, "threshold_percent": "1.00"},
    ),
    Task(
        "adjusting_entries", "Propose adjusting entries", "reconciliation.propose_adjustments",
        "preparer", ("break_classification", "preliminary_trial_balance"), 60, 3, "12:00",
        parameters={
            "cause": "fee",
            "match_types": [MatchType.BANK_GL.value, MatchType.GATEWAY_GL.value],
            "expense_account": FEES,
        },
    ),
    Task(
        "reconciliation_approval", "Approve the reconciliations", "reconciliation.request_approval",
        "approver", ("break_classification", "variance_check"), 120, 4, "17:00",
        is_automatic=False, parameters={"match_types": _MATCH_TYPES},
    ),
    Task(
        "anomaly_scoring", "Score unusual entries", "analytics.score", "reviewer",
        ("ledger_posting",), 10, 2, "12:00",
        parameters={
            "z_threshold": 2.5,
            "deciding": ["z_score", "robust_z", "weekend_posting", "round_amount"],
            "unattended_sources": ["gateway"],
        },
    ),
    Task(
        "journal_approval", "Approve the adjusting entries", "ledger.request_approval", "approver",
        ("adjusting_entries",), 120, 4, "17:00", is_automatic=False,
    ),
    Task(
        "final_trial_balance", "Final trial balance", "ledger.trial_balance", "controller",
        ("journal_approval",), 15, 5, "09:00", parameters={"stage": "final"},
    ),
    Task(
        "evidence_package", "Evidence package", "reporting.evidence", "controller",
        ("final_trial_balance", "reconciliation_approval", "anomaly_scoring"), 20, 5, "12:00",
    ),
    Task(
        "period_lock", "Lock the period", "ledger.lock_period", "controller",
        ("evidence_package",), 5, 5, "17:00",
    ),
)  # fmt: skip


def close_template() -> dict[str, Any]:
    """The content of close_template.json."""
    return {
        "code": "monthly_financial_close",
        "name": "Monthly financial close",
        "tasks": [task.described() for task in TASKS],
    }

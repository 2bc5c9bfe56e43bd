"""The close task that scores the period's entries."""

from __future__ import annotations

from apps.analytics.services import score_period
from apps.close.registry import TaskContext, TaskResult, register


def score(context: TaskContext) -> TaskResult:
    """Score the period; the task's parameters are those of `services.ADJUSTABLE`."""
    run = score_period(
        period_id=context.period.pk, parameters=context.parameters, actor=context.actor
    )
    return TaskResult(
        summary={
            "scoring": run.pk,
            "entries": run.entry_count,
            "lines": run.line_count,
            "flagged": run.flagged_count,
        }
    )


def register_handlers() -> None:
    """Offer the handler (called from `AnalyticsConfig.ready`)."""
    register("analytics.score", score)

"""The close task that makes the evidence package."""

from __future__ import annotations

from apps.close.registry import TaskContext, TaskResult, register
from apps.reporting.services import produce_evidence
from apps.reporting.states import EVIDENCE_HANDLER


def evidence(context: TaskContext) -> TaskResult:
    """Make the signed PDF of the close."""
    package = produce_evidence(close_run_id=context.task.run_id, actor=context.actor)
    return TaskResult(
        summary={
            "package": package.pk,
            "version": package.version,
            "sha256": package.document_sha256,
            "manifest_root": package.manifest_root,
        }
    )


def register_handlers() -> None:
    """Offer the handler (called from `ReportingConfig.ready`)."""
    register(EVIDENCE_HANDLER, evidence, follows_books=True)

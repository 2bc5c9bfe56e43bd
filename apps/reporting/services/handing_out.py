"""Reports for somebody who takes them out of the house."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize
from apps.identity.models import User
from apps.reconciliation.errors import RunNotCompleted
from apps.reconciliation.locks import run_for_update
from apps.reconciliation.models import Run
from apps.reconciliation.states import RunStatus
from apps.reporting.documents import (
    ReconciliationReport,
    render_reconciliation_pdf,
    render_workbook,
)
from apps.reporting.permissions import DOWNLOAD_REPORTS
from apps.reporting.services.run_report import run_report
from apps.reporting.states import ReportKind, ReportType

_RENDERERS: Final[dict[ReportType, Callable[[ReconciliationReport], bytes]]] = {
    ReportType.XLSX: render_workbook,
    ReportType.PDF: render_reconciliation_pdf,
}


@dataclass(frozen=True)
class ReportFile:
    """A report as a file; ``sha256`` of its bytes, hexadecimal."""

    name: str
    type: ReportType
    content: bytes
    sha256: str


@transaction.atomic
def hand_out_report(
    *, run_id: int, kind: ReportKind, report_type: ReportType, actor: User
) -> ReportFile:
    """The report on a run for somebody who takes it out of the house; who took it is on record.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunNotCompleted: there is no outcome to report on.
        ReportTooLong: more items than are listed while somebody waits.
    """
    authorize(actor, DOWNLOAD_REPORTS)
    run = run_for_update(run_id, actor=actor)  # so that figures and lists are of one outcome
    authorize(actor, DOWNLOAD_REPORTS, entity_id=run.entity_id)
    if run.status not in {RunStatus.COMPLETED, RunStatus.SUPERSEDED}:
        raise RunNotCompleted
    report = run_report(run, kind=kind, actor=actor, made_at=timezone.now())
    content = _RENDERERS[report_type](report)
    sha256 = hashlib.sha256(content).hexdigest()
    record(
        actor=actor,
        action="reporting.report.download",
        subject=run,
        kind=kind,
        type=report_type,
        document_sha256=sha256,
        outcome_digest=run.outcome_digest,
    )
    return ReportFile(_file_name(run, kind, report_type), report_type, content, sha256)


def _file_name(run: Run, kind: ReportKind, report_type: ReportType) -> str:
    """ "HFS-bank_gl-2023-04-01-2023-04-30-unmatched.xlsx"."""
    return (
        f"{run.entity.code}-{run.match_type.code}-{run.starts_on}-{run.ends_on}"
        f"-{kind}.{report_type}"
    )

"""Where the certification of an outcome stands."""

from __future__ import annotations

from dataclasses import dataclass

from apps.reconciliation.models import Break, Certification, Run
from apps.reconciliation.selectors.items import is_outdated
from apps.reconciliation.selectors.worklist import with_status
from apps.reconciliation.states import (
    BreakState,
    CertificationPart,
    CertificationStatus,
    ReviewStatus,
    RunStatus,
)


@dataclass(frozen=True)
class Certified:
    """Who certified the run's outcome as it is now.

    Attributes:
        earlier: certifications of outcomes that no longer stand.
        open_breaks: breaks that are neither awaited nor explained now.
        is_outdated: whether the run before leaves other items to it by now (`is_outdated`).
    """

    status: CertificationStatus
    prepared: Certification | None
    reviewed: Certification | None
    earlier: list[Certification]
    open_breaks: int
    is_outdated: bool


def certification_of(run: Run) -> Certified:
    """Where the run's certification stands; a break opened again takes it away."""
    every = list(
        Certification.objects.filter(run=run).select_related("certified_by").order_by("pk")
    )
    now = {each.part: each for each in every if each.outcome_digest == run.outcome_digest}
    prepared = now.get(CertificationPart.PREPARED)
    reviewed = now.get(CertificationPart.REVIEWED)
    open_breaks, outdated = open_break_count(run), is_outdated(run)
    status = _status(run, prepared, reviewed, bool(every), open_breaks)
    is_fallen = outdated and status in {CertificationStatus.PREPARED, CertificationStatus.CERTIFIED}
    return Certified(
        status=CertificationStatus.OUTDATED if is_fallen else status,
        prepared=prepared,
        reviewed=reviewed,
        earlier=[each for each in every if each.outcome_digest != run.outcome_digest],
        open_breaks=open_breaks,
        is_outdated=outdated,
    )


def open_break_count(run: Run) -> int:
    """How many breaks nobody explained, those still awaited left out."""
    standing = Break.objects.filter(run=run).exclude(state=BreakState.AWAITED)
    return with_status(standing, ReviewStatus.OPEN).count()


def _status(
    run: Run,
    prepared: Certification | None,
    reviewed: Certification | None,
    is_known: bool,
    open_breaks: int,
) -> CertificationStatus:
    if run.status != RunStatus.COMPLETED:
        return CertificationStatus.SUPERSEDED if is_known else CertificationStatus.NONE
    if prepared is None:
        return CertificationStatus.SUPERSEDED if is_known else CertificationStatus.NONE
    if open_breaks:
        return CertificationStatus.FALLEN
    return CertificationStatus.CERTIFIED if reviewed else CertificationStatus.PREPARED

"""Sign an account analysis, have it approved, and take it back.

What is signed is true only while the ledger and the supports still say the same: that is asked
again at every step.
"""

from __future__ import annotations

from decimal import Decimal

import structlog
from django.db import transaction
from django.urls import reverse

from apps.approvals.models import Policy, Request
from apps.approvals.selectors import latest_request_for, open_request_for
from apps.approvals.services import request_approval, supersede_approval, use_approval, withdraw
from apps.approvals.states import RequestStatus
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import IllegalMove, Refusal
from apps.common.money import plain
from apps.common.transitions import advance, require_move, require_version
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.ledger.errors import (
    ExplanationMissing,
    ExposureUnknown,
    FiguresMoved,
    NotThePreparer,
    ReasonMissing,
)
from apps.ledger.locks import analysis_for_update
from apps.ledger.models import AccountAnalysis
from apps.ledger.permissions import PREPARE_ANALYSIS
from apps.ledger.selectors import (
    ANALYSIS_ITEM,
    Analysed,
    analysed,
    analysis_hash,
    preparers_of_analysis,
)
from apps.ledger.states import ANALYSIS_MOVES, AnalysisStatus

NOTIFY_TASK = "apps.ledger.tasks.note_decided_analysis"
_TOO_LARGE = Decimal(10) ** 16  # NUMERIC(20,4)

logger = structlog.get_logger(__name__)

_STATUS_AFTER = {
    RequestStatus.REJECTED: AnalysisStatus.RETURNED,
    RequestStatus.RETURNED: AnalysisStatus.RETURNED,
    RequestStatus.WITHDRAWN: AnalysisStatus.DRAFT,
    RequestStatus.REVOKED: AnalysisStatus.DRAFT,
    RequestStatus.EXPIRED: AnalysisStatus.DRAFT,
}


@transaction.atomic
def submit_analysis(
    *, analysis_id: int, actor: User, expected_version: int | None = None
) -> AccountAnalysis:
    """Sign the newest version; if a policy asks for an approval, the request is made now.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        NotThePreparer: somebody else prepared this version.
        IllegalMove: it is no draft.
        StaleVersion: there is a newer version.
        FiguresMoved: the ledger or a support says something else by now.
        ExplanationMissing: something is above its threshold and nobody says why.
        ExposureUnknown: approval limits cannot be compared with its currency.
    """
    analysis = analysis_for_update(analysis_id, actor=actor)
    authorize(actor, PREPARE_ANALYSIS, entity_id=analysis.entity_id)
    require_move(analysis, to=AnalysisStatus.SUBMITTED, moves=ANALYSIS_MOVES)
    require_version(analysis, expected_version)
    found = analysed(analysis)
    _require_preparer(found, actor)
    _require_standing(found)
    _require_words(found)
    _require_comparable(found)
    request = _ask(found, actor)
    status = AnalysisStatus.SIGNED if request is None else AnalysisStatus.SUBMITTED
    _move(analysis, status, actor)
    record(
        actor=actor,
        action="ledger.analysis.submit",
        subject=analysis,
        version=analysis.version,
        content_hash=analysis_hash(found),
        unexplained=plain(found.unexplained, analysis.currency),
        request=request.pk if request is not None else None,
    )
    if request is not None and not request.is_open:  # approved before, and taken back since
        _approve(found, request, actor)
    return analysis


@transaction.atomic
def withdraw_analysis(*, analysis_id: int, reason: str, actor: User) -> AccountAnalysis:
    """Take back what waits for an approval: it is a draft again, and its open request ends.

    Raises:
        NotVisible, NotPermitted: not this actor.
        NotThePreparer: somebody else prepared this version.
        IllegalMove: it waits for nothing.
        ReasonMissing: no reason given.
    """
    analysis = analysis_for_update(analysis_id, actor=actor)
    authorize(actor, PREPARE_ANALYSIS, entity_id=analysis.entity_id)
    if analysis.status != AnalysisStatus.SUBMITTED:
        raise IllegalMove("This analysis waits for no approval.", status_now=analysis.status)
    _require_preparer(analysed(analysis), actor)
    if not reason.strip():
        raise ReasonMissing(field="reason")
    request = open_request_for(analysis)
    if request is not None:
        withdraw(request_id=request.pk, reason=reason, actor=actor)
    _move(analysis, AnalysisStatus.DRAFT, actor)
    record(actor=actor, action="ledger.analysis.withdraw", subject=analysis, reason=reason)
    return analysis


def settle_analysis(*, request_id: int) -> AccountAnalysis | None:
    """Take an approval, or give a returned, rejected, revoked or expired analysis back.

    Runs as the system after a decision; running it again changes nothing. Where the ledger or a
    support says something else than what was approved, the approval falls and a new version is
    needed.

    Returns:
        The analysis, or None if the request is not the newest about one that waits.
    """
    system = system_user()
    try:
        with transaction.atomic():
            return _settle(Request.objects.get(pk=request_id), system)
    except Refusal as refusal:  # it stays submitted, for people to withdraw
        logger.warning("approved_analysis_not_taken", request_id=request_id, code=refusal.code)
        return None


def _settle(request: Request, system: User) -> AccountAnalysis | None:
    analysis = analysis_for_update(int(request.subject_id), actor=system)
    newest = latest_request_for(analysis)
    is_settled = analysis.status != AnalysisStatus.SUBMITTED
    if is_settled or newest is None or newest.pk != request.pk:
        return None
    if request.status == RequestStatus.APPROVED:
        _approve(analysed(analysis), request, system)
        return analysis
    status = _STATUS_AFTER.get(RequestStatus(request.status))
    if status is None:
        return None
    _move(analysis, status, system)
    record(
        actor=system,
        action="ledger.analysis.settle",
        subject=analysis,
        request=request.pk,
        decision=request.status,
    )
    return analysis


def _approve(found: Analysed, request: Request, actor: User) -> None:
    """Take the approval of exactly what the books say now, or let it fall."""
    analysis, content_hash = found.analysis, analysis_hash(found)
    used = None
    if not found.has_moved:
        used = use_approval(subject=analysis, subject_hash=content_hash, actor=actor)
    if used is None:
        supersede_approval(request_id=request.pk, actor=actor)
        _move(analysis, AnalysisStatus.DRAFT, actor)
        record(actor=actor, action="ledger.analysis.outdate", subject=analysis, request=request.pk)
        return
    _move(analysis, AnalysisStatus.APPROVED, actor)
    record(
        actor=actor,
        action="ledger.analysis.approve",
        subject=analysis,
        version=analysis.version,
        content_hash=content_hash,
        request=used.pk,
    )


def _ask(found: Analysed, actor: User) -> Request | None:
    analysis = found.analysis
    return request_approval(
        entity_id=analysis.entity_id,
        item_type=ANALYSIS_ITEM,
        subject=analysis,
        subject_hash=analysis_hash(found),
        title=f"Account analysis: {analysis.period.name} {analysis.account}"[:200],
        url=reverse("ledger:analysis", args=[analysis.pk]),
        amount=abs(found.version.closing),
        currency=analysis.currency,
        maker=found.version.prepared_by,
        conflicted=User.objects.filter(pk__in=preparers_of_analysis(str(analysis.pk))),
        notify_task=NOTIFY_TASK,
        actor=actor,
    )


def _require_preparer(found: Analysed, actor: User) -> None:
    if found.version.prepared_by_id != actor.pk:
        raise NotThePreparer


def _require_standing(found: Analysed) -> None:
    if found.overtaken_by:
        raise FiguresMoved(found.overtaken_by)


def _require_words(found: Analysed) -> None:
    currency, version = found.analysis.currency, found.version
    if found.needs_difference_words and not version.difference_explanation.strip():
        raise ExplanationMissing(
            f"{plain(found.unexplained, currency)} {currency} is left unexplained.",
            field="difference_explanation",
        )
    if found.needs_change_words and not version.change_explanation.strip():
        raise ExplanationMissing(
            f"The balance moved by {plain(version.change, currency)} {currency}.",
            field="change_explanation",
        )


def _require_comparable(found: Analysed) -> None:
    """Limits that exist only in other currencies are no leave to go without an approval."""
    analysis, size = found.analysis, abs(found.version.closing)
    if size >= _TOO_LARGE:
        raise ExposureUnknown("The balance is too large for an approval.")
    asked = {"entity_id": analysis.entity_id, "item_type": ANALYSIS_ITEM}
    limited = set(Policy.objects.in_force().filter(**asked).values_list("currency", flat=True))
    if not limited or limited & {"", analysis.currency}:
        return
    raise ExposureUnknown(
        f"There are approval limits here, but none in {analysis.currency}.",
        remedy=f"Have an approval policy for {analysis.currency} defined.",
    )


def _move(analysis: AccountAnalysis, status: AnalysisStatus, actor: User) -> None:
    advance(analysis, to=status, moves=ANALYSIS_MOVES)
    analysis._history_user = actor
    analysis.save(update_fields=["status"])

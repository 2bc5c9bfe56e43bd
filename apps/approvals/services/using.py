"""Act upon approvals, and take them back before anybody does: one of the two, never both.

Whoever acts holds the request's row until his transaction ends, and so does whoever revokes.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Model

from apps.approvals.errors import (
    ApprovalOutgrown,
    ApproversTooFew,
    ApproverTookPart,
    CommentMissing,
)
from apps.approvals.locks import approved_for_update, request_for_update, requests_held
from apps.approvals.models import Request, Use
from apps.approvals.registry import floor_for
from apps.approvals.selectors import refusal_to_revoke, subject_key
from apps.approvals.selectors.conflicts import approvers_who_took_part, voters
from apps.approvals.services.ending import end_request
from apps.approvals.services.notices import notify
from apps.approvals.services.staffing import measure_anew
from apps.approvals.states import NoticeKind, RequestStatus, Verdict
from apps.audit.services import record
from apps.common.transitions import require_version
from apps.identity.models import User


@transaction.atomic
def use_approval(*, subject: Model, subject_hash: str, actor: User) -> Request | None:
    """Take the approval of exactly this content for what is done in the caller's transaction.

    Nobody revokes it meanwhile, nor afterwards. The caller has asked whether the actor may do it.
    Using it again changes nothing.

    Returns:
        The request, or None if exactly this content is not approved (any more).

    Raises:
        ApproverTookPart: somebody who approved it has had a hand in the subject since.
        ApprovalOutgrown: it counts as more now than its policy or an approver covers.
        ApproversTooFew: fewer people approved it than things of this kind take.
    """
    request = approved_for_update(**subject_key(subject), subject_hash=subject_hash)
    if request is not None:
        _use(request, actor)
    return request


@transaction.atomic
def use_requests(*, request_ids: Iterable[int], actor: User) -> bool:
    """`use_approval` for requests that somebody waited for: all of them, or none.

    Returns:
        Whether all of them are approved.
    """
    requests = requests_held(request_ids)
    if any(request.status != RequestStatus.APPROVED for request in requests):
        return False
    for request in requests:
        _use(request, actor)
    return True


@transaction.atomic
def revoke(
    *, request_id: int, reason: str, actor: User, expected_version: int | None = None
) -> Request:
    """Take an approval back before it is acted upon; the subject's app is told.

    Who decided on it may, and whoever may revoke approvals of the entity.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        CommentMissing: no reason given.
        IllegalMove: it is not approved.
        StaleVersion: it changed since the actor looked.
        ApprovalUsed: it was acted upon; names what undoes that.
    """
    request = request_for_update(request_id, actor=actor)
    refusal = refusal_to_revoke(request, actor)
    if refusal is not None:
        raise refusal
    require_version(request, expected_version)
    if not reason.strip():
        raise CommentMissing(field="reason")
    end_request(request, RequestStatus.REVOKED)
    event = record(actor=actor, action="approvals.request.revoke", subject=request, reason=reason)
    told = {request.maker_id, *voters(request)} - {actor.pk}
    notify(request, NoticeKind.REVOKED, told, occasion=f"event {event.pk}")
    return request


def _use(request: Request, actor: User) -> None:
    if request.is_used:
        return
    _require_to_hold(request, actor)
    Use.objects.create(request=request, used_by=actor)
    record(
        actor=actor,
        action="approvals.request.use",
        subject=request,
        subject_hash=request.subject_hash,
    )


def _require_to_hold(request: Request, actor: User) -> None:
    """What made it an approval still holds: nobody took part since, and nothing has grown."""
    if approvers_who_took_part(request):
        raise ApproverTookPart(
            "Somebody who approved this has taken part in it since.",
            remedy="Revoke the approval, and have it approved anew by others.",
        )
    _require_enough_people(request)
    measure_anew(request, actor=actor)
    exposure, below = request.exposure, request.policy.below_amount
    if exposure is None:
        return
    mosts = [
        decision.limit_amount
        for decision in request.decisions.all()
        if decision.verdict == Verdict.APPROVE and decision.limit_amount is not None
    ]
    if any(exposure > most for most in mosts) or (below is not None and exposure >= below):
        raise ApprovalOutgrown


def _require_enough_people(request: Request) -> None:
    """It may have been asked for before things of this kind took so many."""
    approvers = {
        decision.approver_id
        for decision in request.decisions.all()
        if decision.verdict == Verdict.APPROVE
    }
    least = floor_for(request.item_type)
    if len(approvers) < least:
        raise ApproversTooFew(
            f"{len(approvers)} approved this, and a {request.kind} takes {least} different people.",
            remedy="Revoke the approval, and have it approved anew by more people.",
        )

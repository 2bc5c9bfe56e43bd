"""Whether an approval can still be taken back."""

from __future__ import annotations

from apps.approvals.errors import ApprovalUsed
from apps.approvals.models import Request
from apps.approvals.permissions import DECIDE_REQUEST, REVOKE_APPROVAL
from apps.approvals.registry import remedy_for
from apps.approvals.selectors.conflicts import voters
from apps.approvals.states import RequestStatus
from apps.common.errors import IllegalMove, NotPermitted, Refusal
from apps.identity.models import User


def refusal_to_revoke(request: Request, actor: User) -> Refusal | None:
    """Why this actor may not revoke the approval now, or None if he may.

    Who decided on it may, as long as he decides there, and whoever may revoke approvals there.
    """
    is_own = actor.pk in voters(request) and actor.may(DECIDE_REQUEST, request.entity_id)
    if not is_own and not actor.may(REVOKE_APPROVAL, request.entity_id):
        return NotPermitted(
            "Only who decided on this can revoke the approval.",
            remedy="A controller of the entity can, too.",
            permission=REVOKE_APPROVAL,
        )
    if request.status != RequestStatus.APPROVED:
        return IllegalMove(
            "Only an approval is revoked, and this request is:"
            f" {request.get_status_display().lower()}.",
            status_now=request.status,
        )
    if request.is_used:
        return ApprovalUsed(remedy=remedy_for(request.subject_type))
    return None

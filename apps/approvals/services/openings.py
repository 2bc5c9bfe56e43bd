"""Keep who opened a request to decide on it."""

from __future__ import annotations

from apps.approvals.models import Opening, Request
from apps.approvals.permissions import DECIDE_REQUEST
from apps.approvals.states import RequestStatus
from apps.identity.models import User


def note_opening(request: Request, *, actor: User) -> None:
    """The actor has the request before him, as it is; kept once for each version.

    Only of those who decide there, while it waits: what others read is nobody's concern here.
    """
    is_waiting = request.status == RequestStatus.PENDING
    if is_waiting and actor.may(DECIDE_REQUEST, request.entity_id):
        Opening.objects.bulk_create(
            [Opening(request=request, person=actor, version=request.version)],
            ignore_conflicts=True,
        )

"""How a request ends, whatever ended it."""

from __future__ import annotations

from django.utils import timezone

from apps.approvals.models import Request
from apps.approvals.services.staffing import queue_recheck
from apps.approvals.states import MOVES, RequestStatus
from apps.common.transitions import advance
from apps.operations.services import enqueue


def end_request(request: Request, status: RequestStatus) -> None:
    """Move it to a terminal status and queue what its subject's app asked to be run then."""
    advance(request, to=status, moves=MOVES)
    request.ended_at = timezone.now()
    request.version += 1
    request.next_at = None
    request.save(update_fields=["status", "ended_at", "version", "next_at"])
    if request.split_key and status != RequestStatus.APPROVED:
        queue_recheck(request.entity_id)  # what belongs together with it is less now
    if request.notify_task:
        enqueue(request.notify_task, request_id=request.pk)

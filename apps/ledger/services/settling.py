"""What the decision on a request does to its entry."""

from __future__ import annotations

import structlog
from django.db import transaction

from apps.approvals.models import Request
from apps.approvals.selectors import latest_request_for
from apps.approvals.states import RequestStatus
from apps.audit.services import record
from apps.common.errors import Refusal
from apps.common.transitions import advance
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.ledger.locks import entry_for_update
from apps.ledger.models import JournalEntry
from apps.ledger.services.entries import save_entry
from apps.ledger.services.posting import post_entry
from apps.ledger.states import ENTRY_MOVES, EntryStatus

logger = structlog.get_logger(__name__)

_STATUS_AFTER = {
    RequestStatus.REJECTED: EntryStatus.CANCELLED,
    RequestStatus.RETURNED: EntryStatus.DRAFT,
    RequestStatus.WITHDRAWN: EntryStatus.DRAFT,
    RequestStatus.REVOKED: EntryStatus.DRAFT,
    RequestStatus.EXPIRED: EntryStatus.DRAFT,
}


def settle_request(*, request_id: int) -> JournalEntry | None:
    """Post an approved entry, cancel a rejected one, give a returned, revoked or expired one back.

    Runs as the system after a decision; running it again changes nothing. An approved entry that
    cannot be posted (its period was closed meanwhile) stays submitted, for people to withdraw.

    Returns:
        The entry, or None if the request is not the newest about a submitted entry.
    """
    system = system_user()
    with transaction.atomic():
        request = Request.objects.get(pk=request_id)
        entry = entry_for_update(int(request.subject_id), actor=system)
        newest = latest_request_for(entry)
        is_settled = entry.status != EntryStatus.SUBMITTED
        if is_settled or newest is None or newest.pk != request_id:
            return None
        if request.status != RequestStatus.APPROVED:
            return _put_back(entry, request, system)
    try:
        return post_entry(entry_id=entry.pk, actor=system)
    except Refusal as refusal:
        logger.warning("approved_entry_not_posted", entry_id=entry.pk, code=refusal.code)
        return entry


def _put_back(entry: JournalEntry, request: Request, actor: User) -> JournalEntry | None:
    status = _STATUS_AFTER.get(RequestStatus(request.status))
    if status is None:
        return None
    advance(entry, to=status, moves=ENTRY_MOVES)
    save_entry(entry, ["status"], actor)
    record(
        actor=actor,
        action="ledger.entry.settle",
        subject=entry,
        request=request.pk,
        decision=request.status,
    )
    return entry

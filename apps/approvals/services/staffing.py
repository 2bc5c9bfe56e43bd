"""Block requests that nobody can approve, and let them go on once somebody can."""

from __future__ import annotations

from django.db import transaction

from apps.approvals.locks import request_held
from apps.approvals.models import Conflict, Request
from apps.approvals.permissions import MANAGE_POLICIES
from apps.approvals.selectors.conflicts import conflicted_ids, noted_ids
from apps.approvals.selectors.splits import split_amount_of
from apps.approvals.selectors.staff import Staff, shortage_of, staff_of
from apps.approvals.services.notices import notify
from apps.approvals.states import MOVES, OPEN, NoticeKind, RequestStatus
from apps.audit.services import record
from apps.common.transitions import advance
from apps.identity.models import Entity, User
from apps.identity.selectors import people_who_may, system_user
from apps.operations.services import enqueue

RECHECK_TASK = "apps.approvals.tasks.recheck_requests"


def block_or_release(request: Request, *, actor: User, staff: Staff | None = None) -> bool:
    """Give an open, locked request the status that the people who are there allow.

    The version stays: an approver has nothing to read again.

    Args:
        staff: the people of the entity, if they were read a moment ago.

    Returns:
        Whether it changed.
    """
    missing = shortage_of(request, staff or staff_of(request.entity))
    status = RequestStatus.BLOCKED if missing else RequestStatus.PENDING
    if request.status == status:
        return False
    advance(request, to=status, moves=MOVES)
    request.save(update_fields=["status"])
    if missing:
        event = record(
            actor=actor,
            action="approvals.request.block",
            subject=request,
            stages=[number + 1 for number in missing.steps],
            missing=missing.missing,
        )
    else:
        event = record(actor=actor, action="approvals.request.release", subject=request)
    controllers = people_who_may(MANAGE_POLICIES, entity_id=request.entity_id)
    notify(
        request,
        NoticeKind.BLOCKED if missing else NoticeKind.REOPENED,
        [request.maker_id, *controllers.values_list("pk", flat=True)],
        occasion=f"event {event.pk}",
    )
    return True


def measure_anew(request: Request, *, actor: User) -> bool:
    """Bring what belongs together with a locked request up to date.

    Returns:
        Whether it changed.
    """
    beside = split_amount_of(request)
    if beside == request.split_amount:
        return False
    former, request.split_amount = request.split_amount, beside
    request.save(update_fields=["split_amount"])
    record(
        actor=actor,
        action="approvals.request.measure",
        subject=request,
        split_amount=beside,
        former=former,
    )
    return True


def note_participants(request: Request, *, actor: User) -> bool:
    """Put on record who has had a hand in the subject since the approval was asked for.

    Returns:
        Whether there is anybody new.
    """
    late = sorted(conflicted_ids(request) - noted_ids(request))
    if not late:
        return False
    Conflict.objects.bulk_create(Conflict(request=request, user_id=pk) for pk in late)
    request.forget("conflicts")
    record(actor=actor, action="approvals.request.exclude", subject=request, people=late)
    return True


def recheck_requests(*, entity_id: int) -> list[int]:
    """Ask of every open request of the entity how large it is and whether its steps can be filled.

    Safe to run at any time and twice at once: each request that seems to change is locked and
    asked again.

    Returns:
        The requests that changed.
    """
    system = system_user()
    changed = []
    for request_id in _suspects(entity_id):
        with transaction.atomic():
            request = request_held(request_id)
            if request.is_open:
                is_other = measure_anew(request, actor=system)
                is_other |= note_participants(request, actor=system)
                if block_or_release(request, actor=system) or is_other:
                    changed.append(request_id)
    return changed


def recheck_all() -> list[int]:
    """`recheck_requests` for every entity that has open ones; what begins by date is met so."""
    entity_ids = Request.objects.open().order_by("entity_id").values_list("entity_id", flat=True)
    return [
        request_id
        for entity_id in entity_ids.distinct()
        for request_id in recheck_requests(entity_id=entity_id)
    ]


def queue_recheck(entity_id: int) -> None:
    """Have open requests asked after the commit; a listener to changes of authority."""
    if Request.objects.filter(entity_id=entity_id, status__in=OPEN).exists():
        enqueue(RECHECK_TASK, entity_id=entity_id)


def _suspects(entity_id: int) -> list[int]:
    staff = staff_of(Entity.objects.get(pk=entity_id))
    open_ones = Request.objects.open().filter(entity_id=entity_id).with_participants()
    return [
        request.pk
        for request in open_ones.order_by("pk").iterator(chunk_size=500)
        if _seems_changed(request, staff)
    ]


def _seems_changed(request: Request, staff: Staff) -> bool:
    is_short = shortage_of(request, staff) is not None
    is_blocked = request.status == RequestStatus.BLOCKED
    is_other_size = split_amount_of(request) != request.split_amount
    return is_short != is_blocked or is_other_size or conflicted_ids(request) > noted_ids(request)

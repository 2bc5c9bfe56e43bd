"""Remind, escalate and expire, by beat: never decide.

Each instant is acted upon once: the request is locked, and `next_at` moved on with what was done.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.approvals.locks import request_held
from apps.approvals.models import Escalation, Request, StageClock
from apps.approvals.permissions import MANAGE_POLICIES
from apps.approvals.selectors.staff import deciders_at_work, staff_of
from apps.approvals.services.clocks import next_instant, start_clock
from apps.approvals.services.ending import end_request
from apps.approvals.services.notices import notify
from apps.approvals.services.staffing import block_or_release
from apps.approvals.states import NoticeKind, RequestStatus
from apps.audit.services import record
from apps.identity.selectors import people_who_may, system_user

_BATCH = 500


def tend_requests() -> list[int]:
    """Do what is due about open requests; safe to run at any time and twice at once.

    Returns:
        The requests about which something was done.
    """
    has_clock = Exists(StageClock.objects.filter(request=OuterRef("pk")))
    is_due = Q(next_at__lte=timezone.now()) | ~has_clock
    due = Request.objects.open().filter(is_due).order_by("next_at", "pk")
    ids = list(due.values_list("pk", flat=True)[:_BATCH])
    return [request_id for request_id in ids if tend_request(request_id=request_id)]


@transaction.atomic
def tend_request(*, request_id: int) -> bool:
    """Do what is due about one request now, if anything is.

    Returns:
        Whether something was done.
    """
    request, now = request_held(request_id), timezone.now()
    if request.is_open and not request.clocks.exists():
        _give_clock(request)
        return True
    if not request.is_open or request.next_at is None or request.next_at > now:
        return False
    if request.expires_at is not None and request.expires_at <= now:
        _expire(request)
        return True
    at_work: StageClock = request.clocks.latest("pk")
    if at_work.due_at <= now:
        _escalate(request, now)
    else:
        _remind(request, at_work, now)
    return True


def _give_clock(request: Request) -> None:
    """A request from before steps had clocks gets its first now, with all of the step's time."""
    made = start_clock(request, staff_of(request.entity))
    record(
        actor=system_user(),
        action="approvals.request.time",
        subject=request,
        stage=request.stage,
        due_at=made.due_at,
    )


def _remind(request: Request, at_work: StageClock, now: datetime) -> None:
    """Tell those who could decide that the time is running."""
    is_late = at_work.late_at <= now
    request.next_at = next_instant(request, at_work.due_at if is_late else at_work.late_at)
    request.save(update_fields=["next_at"])
    people = _able(request)
    notify(
        request,
        NoticeKind.REMINDER,
        people,
        occasion=f"clock {at_work.pk}, {'late' if is_late else 'half'}",
    )
    record(
        actor=system_user(),
        action="approvals.request.remind",
        subject=request,
        stage=request.stage,
        people=sorted(people),
    )


def _escalate(request: Request, now: datetime) -> None:
    """Add the next authority of the policy's path, or say that nobody is left to be added."""
    path = request.policy.escalation
    number = request.escalations.filter(stage=request.stage).count()
    if number == len(path):
        _tell_overdue(request)
        return
    before = _able(request)
    made = Escalation.objects.create(
        request=request,
        stage=request.stage,
        number=number + 1,
        added=path[number],
        escalated_at=now,
    )
    record(
        actor=system_user(),
        action="approvals.request.escalate",
        subject=request,
        stage=request.stage,
        added=made.added,
    )
    start_clock(request, staff_of(request.entity), round=number + 1)
    block_or_release(request, actor=system_user())
    told = {request.maker_id, *before, *_able(request)}
    notify(request, NoticeKind.ESCALATED, told, occasion=f"escalation {made.pk}")


def _tell_overdue(request: Request) -> None:
    request.next_at = next_instant(request, None)
    request.save(update_fields=["next_at"])
    event = record(
        actor=system_user(),
        action="approvals.request.overdue",
        subject=request,
        stage=request.stage,
    )
    controllers = people_who_may(MANAGE_POLICIES, entity_id=request.entity_id)
    told = {request.maker_id, *controllers.values_list("pk", flat=True), *_able(request)}
    notify(request, NoticeKind.OVERDUE, told, occasion=f"event {event.pk}")


def _expire(request: Request) -> None:
    """It ends undecided; whoever wants it asks anew."""
    told = {request.maker_id, *_able(request)}
    end_request(request, RequestStatus.EXPIRED)
    event = record(actor=system_user(), action="approvals.request.expire", subject=request)
    notify(request, NoticeKind.EXPIRED, told, occasion=f"event {event.pk}")


def _able(request: Request) -> set[int]:
    """Ids of those who could decide on the step at work."""
    return {one.person_id for one in deciders_at_work(request, staff_of(request.entity))}

"""Move an open seat of the step at work to somebody else who may decide."""

from __future__ import annotations

from django.db import transaction

from apps.approvals.errors import CommentMissing, NotEligible, SeatMissing, SeatsShort
from apps.approvals.locks import request_for_update
from apps.approvals.models import Reassignment, Request
from apps.approvals.selectors.reassigning import (
    open_seats,
    refusal_to_move,
    refusal_to_reassign,
    why_not_take,
)
from apps.approvals.selectors.staff import shortage_of, staff_of
from apps.approvals.services.notices import notify
from apps.approvals.services.staffing import block_or_release, measure_anew, note_participants
from apps.approvals.states import NoticeKind, RequestStatus
from apps.audit.services import record
from apps.common.access import require_distinct
from apps.common.transitions import raise_version, require_version
from apps.identity.models import User


@transaction.atomic
def reassign(
    *,
    request_id: int,
    from_person_id: int,
    to_person_id: int,
    reason: str,
    actor: User,
    expected_version: int | None = None,
) -> Reassignment:
    """Give somebody's seat at the step at work to somebody else who may decide here.

    One seat, one person: who has a seat at the step takes no second one, and whoever gives his up
    decides nothing at it any more. Everything that binds who decides binds who takes the seat.

    Args:
        from_person_id: whose seat it is, whether or not he could decide now.
        to_person_id: decides on the entity, took no part, has not decided, is here, and may
            approve so much.
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor; a controller gives no seat to himself.
        OwnWork: the actor has a hand in the subject.
        IllegalMove: the request is decided.
        StaleVersion: it changed since the actor looked.
        CommentMissing: no reason given.
        SeatMissing: the step asks nothing of this person, or his vote is given.
        NotEligible: names why the other cannot take it.
        SeatsShort: a later step could not be filled then.
    """
    request = request_for_update(request_id, actor=actor)
    refusal = refusal_to_move(request, from_person_id, actor) or refusal_to_reassign(request, actor)
    if refusal is not None:
        raise refusal
    require_version(request, expected_version)
    if not reason.strip():
        raise CommentMissing(field="reason")
    require_distinct(actor, [to_person_id], "You give no seat to yourself.")
    measure_anew(request, actor=actor)
    note_participants(request, actor=actor)
    _require_seats(request, from_person_id, to_person_id)
    moved: Reassignment = Reassignment.objects.create(
        request=request,
        stage=request.stage,
        from_person_id=from_person_id,
        to_person_id=to_person_id,
        reason=reason,
        reassigned_by=actor,
    )
    raise_version(request)
    record(
        actor=actor,
        action="approvals.request.reassign",
        subject=request,
        reassignment=moved.pk,
        stage=request.stage,
        from_person=from_person_id,
        to_person=to_person_id,
        reason=reason,
    )
    _require_no_stall(request)
    block_or_release(request, actor=actor)
    told = {request.maker_id, from_person_id, to_person_id} - {actor.pk}
    notify(request, NoticeKind.REASSIGNED, told, occasion=f"reassignment {moved.pk}")
    return moved


def _require_seats(request: Request, from_person_id: int, to_person_id: int) -> None:
    staff = staff_of(request.entity)
    if from_person_id not in open_seats(request, staff):
        raise SeatMissing(field="from_person")
    why_not = why_not_take(request, to_person_id, staff)
    if why_not:
        person = User.objects.filter(pk=to_person_id).first()
        raise NotEligible(f"{person or 'Nobody'} {why_not}.", field="to_person")


def _require_no_stall(request: Request) -> None:
    """What could be approved before still can: whoever takes the seat is missing at later steps."""
    is_short = shortage_of(request, staff_of(request.entity)) is not None
    if is_short and request.status == RequestStatus.PENDING:
        raise SeatsShort

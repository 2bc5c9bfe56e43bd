"""Which seats of the step at work can be moved, by whom, and to whom."""

from __future__ import annotations

from apps.approvals.errors import OwnWork
from apps.approvals.models import Request
from apps.approvals.permissions import DECIDE_REQUEST, REASSIGN_SEAT
from apps.approvals.rules import Decider
from apps.approvals.selectors.conflicts import conflicted_ids, voters
from apps.approvals.selectors.deadlocks import limit_in_words
from apps.approvals.selectors.staff import Staff
from apps.common.errors import IllegalMove, NotPermitted, Refusal
from apps.identity.models import User


def open_seats(request: Request, staff: Staff) -> frozenset[int]:
    """Ids of the people whom the step at work asks for and whose vote is not given.

    Who is away, took part or may not approve so much is among them: that is why seats are moved.
    """
    return staff.seats(request, request.stage) - voters(request)


def movable_seats(request: Request, actor: User, staff: Staff) -> frozenset[int]:
    """Those of them that this actor may move: his own, or all of them as a controller."""
    seats = open_seats(request, staff)
    if refusal_to_reassign(request, actor) is not None:
        return frozenset()
    if actor.may(REASSIGN_SEAT, request.entity_id):
        return seats
    return seats & {actor.pk} if actor.may(DECIDE_REQUEST, request.entity_id) else frozenset()


def refusal_to_reassign(request: Request, actor: User) -> Refusal | None:
    """What keeps the actor from moving any seat of the request; None if nothing does.

    Nobody chooses who decides on what he has a hand in.
    """
    if not request.is_open:
        return IllegalMove("This request is decided, and its seats stay where they were.")
    if actor.pk in conflicted_ids(request):
        return OwnWork(
            "You took part in preparing this, so somebody else has to say who decides on it.",
            remedy="Ask another controller of the entity.",
        )
    return None


def refusal_to_move(request: Request, from_person_id: int, actor: User) -> NotPermitted | None:
    """Why this very seat is not the actor's to move; None if it is."""
    permission = DECIDE_REQUEST if from_person_id == actor.pk else REASSIGN_SEAT
    if actor.may(permission, request.entity_id):
        return None
    return NotPermitted(
        "You may move your own seat, and a controller every other.", permission=permission
    )


def why_not_take(request: Request, person_id: int, staff: Staff) -> str:
    """Why the person cannot take a seat of the step at work, after his name; empty if he can."""
    if not staff.decides(person_id):
        return "decides nothing here"
    conflicted = conflicted_ids(request)
    bars = {
        "took part in preparing it": person_id in conflicted - staff.waived(request).keys(),
        "has decided on it already": person_id in voters(request),
        "has a seat at this step already": person_id in staff.asked(request, request.stage),
        "is away": staff.absences.is_away(person_id),
    }
    barred = next((words for words, is_so in bars.items() if is_so), None)
    if barred is not None:
        return barred
    decider = staff.decider_for(person_id, request, conflicted)
    if decider is None:
        return limit_in_words(request, staff, person_id)
    return "" if decider == Decider(person_id) else "has handed over what he would decide"


def people_to_take(request: Request, staff: Staff) -> frozenset[int]:
    """Ids of those who could take a seat of the step at work."""
    return frozenset(pk for pk in staff.roles if not why_not_take(request, pk, staff))

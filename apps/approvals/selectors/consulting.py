"""Whose opinion is asked about a request, and what they said."""

from __future__ import annotations

from typing import Any

from apps.approvals.models import Consultation, Request
from apps.approvals.permissions import DECIDE_REQUEST, VIEW_REQUESTS
from apps.approvals.selectors.conflicts import conflicted_ids, voters
from apps.approvals.selectors.deciders import refusal_to_decide
from apps.approvals.selectors.staff import Staff
from apps.approvals.states import OPEN
from apps.common.access import one_visible
from apps.common.errors import IllegalMove, NotPermitted, Refusal
from apps.identity.models import User


def is_consulted(request: Request, actor: User) -> bool:
    """Whether the actor's opinion was ever asked about the request."""
    return request.consultations.filter(person=actor).exists()


def open_questions(request: Request) -> list[Consultation]:
    """The questions about a request that nobody has answered, oldest first."""
    return [one for one in request.consultations.all() if not one.is_answered]


def questions_for(actor: User) -> Any:
    """What the actor is asked and has not answered, about what still waits (a queryset)."""
    return (
        Consultation.objects.filter(person=actor, opinion__isnull=True, request__status__in=OPEN)
        .select_related("request", "asked_by")
        .only("request__title", *(f"asked_by__{name}" for name in User.NAME_FIELDS))
        .order_by("id")
    )


def consultation_seen_by(actor: User, consultation_id: int) -> Consultation:
    """A question about a request that the actor may see.

    Raises:
        NotVisible: there is none of this number for this actor.
    """
    found: Consultation = one_visible(
        Consultation.objects.filter(
            pk=consultation_id, request__in=Request.objects.visible_to(actor)
        ).select_related("request", "person", "asked_by")
    )
    return found


def refusal_to_consult(request: Request, actor: User) -> Refusal | None:
    """Why the actor asks nobody about the request; None if he may: he could decide on it now."""
    if not actor.may(DECIDE_REQUEST, request.entity_id):
        return NotPermitted(permission=DECIDE_REQUEST)
    if not request.is_open:
        return IllegalMove("This request is decided, and nobody is asked about it any more.")
    return refusal_to_decide(request, actor)


def why_not_ask(request: Request, person: User, staff: Staff) -> str:
    """Why somebody is not asked for his opinion, after his name; empty if he is.

    Whoever has a seat now or later decides himself: asked, he would have taken part.
    """
    later = range(request.stage, len(request.policy.stages))
    taken = conflicted_ids(request)
    deciding = {one.person_id for number in later for one in staff.deciders(request, number, ())}
    asked = frozenset[int]().union(*(staff.asked(request, number) for number in later))
    bars = {
        "may not look at requests": not person.may(VIEW_REQUESTS),
        "has decided on it": person.pk in voters(request),
        "has a seat and decides himself": person.pk in (deciding | asked) - taken,
        "has not answered your last question": any(
            one.person_id == person.pk for one in open_questions(request)
        ),
    }
    return next((words for words, is_so in bars.items() if is_so), "")

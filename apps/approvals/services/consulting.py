"""Ask somebody without a seat for an opinion, and answer."""

from __future__ import annotations

from django.db import transaction

from apps.approvals.errors import CommentMissing, NotAsked
from apps.approvals.locks import request_for_update
from apps.approvals.models import Conflict, Consultation, Opinion
from apps.approvals.selectors.conflicts import noted_ids
from apps.approvals.selectors.consulting import (
    consultation_seen_by,
    refusal_to_consult,
    why_not_ask,
)
from apps.approvals.selectors.staff import staff_of
from apps.approvals.services.notices import notify
from apps.approvals.states import NoticeKind
from apps.audit.services import record
from apps.common.errors import IllegalMove, NotPermitted
from apps.common.transitions import raise_version, require_version
from apps.identity.models import User


@transaction.atomic
def consult(
    *,
    request_id: int,
    person_id: int,
    question: str,
    actor: User,
    expected_version: int | None = None,
) -> Consultation:
    """Ask somebody what he thinks, before one decides; the request stays decidable.

    From now on the person sees this request, whatever he sees otherwise, and took part in it: he
    never decides on it.

    Args:
        person_id: looks at requests somewhere, and has no seat at the steps that are left.
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted, OwnWork and the like: who cannot decide on it asks nobody.
        IllegalMove: it is decided.
        StaleVersion: it changed since the actor looked.
        CommentMissing: there is no question.
        NotAsked: names why this person is not.
    """
    request = request_for_update(request_id, actor=actor)
    refusal = refusal_to_consult(request, actor)
    if refusal is not None:
        raise refusal
    require_version(request, expected_version)
    if not question.strip():
        raise CommentMissing("Write what you would like to know.", field="question")
    person = User.objects.filter(pk=person_id, is_active=True).first()
    if person is None:
        raise NotAsked("There is nobody of this number.", field="person")
    why_not = why_not_ask(request, person, staff_of(request.entity))
    if why_not:
        raise NotAsked(f"{person} {why_not}.", field="person")
    asked: Consultation = Consultation.objects.create(
        request=request, stage=request.stage, person=person, question=question, asked_by=actor
    )
    if person.pk not in noted_ids(request):
        Conflict.objects.create(request=request, user=person)
    raise_version(request)
    record(
        actor=actor,
        action="approvals.request.consult",
        subject=request,
        consultation=asked.pk,
        person=person.pk,
        question=question,
    )
    notify(request, NoticeKind.CONSULTED, [person.pk], occasion=f"consultation {asked.pk}")
    return asked


@transaction.atomic
def answer(
    *, consultation_id: int, text: str, actor: User, expected_version: int | None = None
) -> Opinion:
    """Say what one thinks, once; whoever is about to decide looks again.

    Raises:
        NotVisible: no such question for this actor.
        NotPermitted: somebody else was asked.
        IllegalMove: it is answered, or the request is decided.
        StaleVersion: the request changed since the actor looked.
        CommentMissing: there is no answer.
    """
    seen = consultation_seen_by(actor, consultation_id)
    request = request_for_update(seen.request_id, actor=actor)
    if seen.person_id != actor.pk:
        raise NotPermitted(f"This was asked of {seen.person}.", remedy="")
    if not request.is_open:
        raise IllegalMove("This request is decided, and no opinion is needed any more.")
    if Opinion.objects.filter(consultation=seen).exists():
        raise IllegalMove("You have answered this already.", remedy="You may be asked again.")
    require_version(request, expected_version)
    if not text.strip():
        raise CommentMissing("Write what you think.", field="text")
    given: Opinion = Opinion.objects.create(consultation=seen, text=text)
    raise_version(request)
    record(
        actor=actor,
        action="approvals.request.answer",
        subject=request,
        consultation=seen.pk,
        text=text,
    )
    notify(request, NoticeKind.ANSWERED, [seen.asked_by_id], occasion=f"consultation {seen.pk}")
    return given

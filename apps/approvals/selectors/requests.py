"""Requests: which there are, how far they are, and what was done to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Model, prefetch_related_objects

from apps.approvals.models import Decision, Request
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.common.access import one_visible
from apps.identity.models import User

_PARTS = (
    "maker",
    "use__used_by",
    "decisions__approver",
    "decisions__on_behalf_of",
    "decisions__waiver__proposed_by",
    "decisions__waiver__signed_by",
    "attachments__attached_by",
    "reassignments__from_person",
    "reassignments__to_person",
    "consultations__person",
    "consultations__asked_by",
    "consultations__opinion",
)


def subject_key(subject: Model) -> dict[str, str]:
    """How a request names its subject."""
    return {"subject_type": subject._meta.label_lower, "subject_id": str(subject.pk)}


def is_approved(subject: Model, subject_hash: str) -> bool:
    """True if exactly this content is approved, and the approval has not fallen since."""
    return Request.objects.filter(
        **subject_key(subject), subject_hash=subject_hash, status=RequestStatus.APPROVED
    ).exists()


def open_request_for(subject: Model) -> Request | None:
    """The request about the subject that still waits, if there is one."""
    return Request.objects.open().filter(**subject_key(subject)).first()


def latest_request_for(subject: Model) -> Request | None:
    """The newest request about the subject, whatever became of it."""
    return Request.objects.filter(**subject_key(subject)).order_by("-id").first()


def decisions_on(request: Request) -> Sequence[Decision]:
    """The decisions on a request, oldest first, with their approvers."""
    return list(request.decisions.select_related("approver", "on_behalf_of"))


def stage_of(request: Request) -> dict[str, Any]:
    """The stage at work: its role and how many different people it needs."""
    stage: dict[str, Any] = request.policy.stages[request.stage]
    return stage


def requests_seen_by(actor: User) -> Any:
    """Every request that the actor may see, with what a list shows of it (a queryset)."""
    return Request.objects.visible_to(actor).with_parts()


def request_seen_by(actor: User, request_id: int) -> Request:
    """One of them.

    Raises:
        NotVisible: no such request for this actor.
    """
    seen = requests_seen_by(actor).with_evidence().with_reassignments().with_questions()
    request: Request = one_visible(seen.filter(pk=request_id))
    return request


def with_all_parts(request: Request) -> Request:
    """A request that a service just returned, with all that its page shows: what is there is kept.

    A few small queries instead of the wide ones of `request_seen_by`.
    """
    prefetch_related_objects([request], *_PARTS)
    return request


def earlier_rounds(request: Request, actor: User) -> list[Request]:
    """The ended requests about the same subject before this one that the actor sees, newest first.

    Whoever was asked about one request sees that one alone.
    """
    return list(
        Request.objects.visible_to(actor)
        .filter(
            subject_type=request.subject_type,
            subject_id=request.subject_id,
            entity_id=request.entity_id,
            pk__lt=request.pk,
        )
        .with_parts()
        .order_by("-pk")
    )


def seen_at_version(request: Request, version: int) -> Request | None:
    """The request as it was at an earlier version, from its history; None if it never was."""
    past = request.history.filter(version=version).order_by("-history_id").first()
    return past.instance if past is not None else None


def record_of(request: Request) -> list[Event]:
    """What was done to the request, newest first: asked, decided, withdrawn, superseded."""
    return list(
        Event.objects.filter(
            subject_type=request._meta.label_lower,
            subject_id=str(request.pk),
            action__startswith="approvals.request.",
        )
        .select_related("actor")
        .order_by("-id")
    )

"""Begin anew with what was there: a request that is decided on again, with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.utils import timezone

from apps.approvals.models import Attachment, Conflict, Request
from apps.approvals.selectors import policy_for
from apps.approvals.selectors.conflicts import noted_ids, voters
from apps.approvals.services.asking import begin, end_of
from apps.approvals.services.ending import end_request
from apps.approvals.services.notices import notify
from apps.approvals.states import NoticeKind, RequestStatus
from apps.audit.services import record
from apps.identity.models import User

_COPIED: Final = (
    "entity_id",
    "item_type",
    "subject_type",
    "subject_id",
    "subject_hash",
    "title",
    "url",
    "amount",
    "currency",
    "split_key",
    "split_amount",
    "maker_id",
    "notify_task",
)


def restart(former: Request, *, actor: User) -> Request:
    """End a locked request whose approvals would no longer cover all of it, and ask anew.

    Under the policy that is in force now, with the evidence that was added to it; what came with
    decisions stays with these. Whoever took part still did, and those who approved are told.
    """
    told = {former.maker_id, *voters(former)} - {actor.pk}
    end_request(former, RequestStatus.SUPERSEDED)
    policy = policy_for(
        entity_id=former.entity_id,
        item_type=former.item_type,
        amount=former.exposure,
        currency=former.currency,
    )
    request = Request.objects.create(
        **{name: getattr(former, name) for name in _COPIED},
        policy=policy or former.policy,
        due_at=timezone.now(),
        expires_at=end_of(policy or former.policy),
    )
    took_part = User.objects.filter(pk__in=noted_ids(former) - {former.maker_id})
    carried = carry(request, list(former.attachments.filter(decision=None)))
    record(
        actor=actor,
        action="approvals.request.supersede",
        subject=former,
        by=request.pk,
    )
    begin(request, set(took_part), actor)
    record(
        actor=actor,
        action="approvals.request.restart",
        subject=request,
        former=former.pk,
        attachments=[one.pk for one in carried],
    )
    notify(request, NoticeKind.RESTARTED, told, occasion=f"request {former.pk}")
    return request


def carry(request: Request, pieces: Sequence[Attachment]) -> list[Attachment]:
    """Add pieces of an earlier request about the same thing; their content lies where it lay."""
    return [
        Attachment.objects.create(
            request=request,
            kind=one.kind,
            filename=one.filename,
            content_type=one.content_type,
            size_bytes=one.size_bytes,
            sha256=one.sha256,
            stored_name=one.stored_name,
            subject_hash=request.subject_hash,
            carried_from=one,
            attached_by_id=one.attached_by_id,
        )
        for one in pieces
    ]


def note_who_attached(request: Request, pieces: Sequence[Attachment]) -> None:
    """Whoever brought evidence took part, in this request too."""
    people = {one.attached_by_id for one in pieces} - noted_ids(request)
    Conflict.objects.bulk_create(Conflict(request=request, user_id=pk) for pk in sorted(people))

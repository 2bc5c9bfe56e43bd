"""Attach evidence to requests, and hand its content out on record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from apps.approvals.errors import (
    AttachmentExists,
    AttachmentMissing,
    AttachmentsTooMany,
    AttachmentTooLarge,
    AttachmentUnfit,
    EvidenceMissing,
    ResolutionMissing,
)
from apps.approvals.locks import request_for_update
from apps.approvals.models import Attachment, Decision, Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.rules import ALL_TYPES, IMAGES, TEXTS, Evidence, Recognised, called, recognise
from apps.approvals.selectors.consulting import is_consulted
from apps.approvals.selectors.evidence import (
    attached_before,
    attachment_seen_by,
    content_of,
    evidence_digest,
    kinds_in_words,
    kinds_missing,
    refusal_to_attach,
)
from apps.approvals.services.rounds import carry, note_who_attached, restart
from apps.approvals.services.staffing import block_or_release
from apps.approvals.states import ATTACHMENT_LABEL, EvidenceKind, Verdict
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.transitions import raise_version, require_version
from apps.identity.models import User
from apps.privacy.services import keep_sealed

MOST_ATTACHMENTS: Final = 50
_FITTING: Final = {
    EvidenceKind.SCREENSHOT: (IMAGES, "A screenshot is a PNG or a JPEG"),
    EvidenceKind.RESOLUTION: (TEXTS, "A resolution is written as text"),
}


def bring(kind: str, given: UploadedFile[Any] | str, *, field: str = "") -> Evidence:
    """A file or words as evidence; a file is read only if it is not too large.

    Raises:
        AttachmentTooLarge: it is.
    """
    if isinstance(given, str):
        return Evidence.in_words(kind, given, field=field)
    _require_size(given.size or 0, field)
    return Evidence(kind, given.name or "", given.read(), field)


@transaction.atomic
def attach(
    *, request_id: int, evidence: Evidence, actor: User, expected_version: int | None = None
) -> Attachment:
    """Add evidence to an open request.

    It changes what is decided on: the version goes up, so that whoever was about to decide looks
    again. Where somebody has approved an earlier step, his approval would not cover it: the
    request is superseded, and the attachment is one of the request that takes its place. The actor
    took part, and cannot decide on it from here on.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted, AlreadyDecidedByActor: not this actor.
        IllegalMove: the request is decided.
        StaleVersion: it changed since the actor looked.
        AttachmentEmpty, AttachmentTooLarge, AttachmentTypeRefused, AttachmentMisnamed,
        AttachmentUnsound, AttachmentUnfit: not this content.
        AttachmentExists, AttachmentsTooMany: it is there, or no more is taken.
    """
    request = request_for_update(request_id, actor=actor)
    refusal = refusal_to_attach(request, actor)
    if refusal is not None:
        raise refusal
    require_version(request, expected_version)
    if request.attachments.filter(decision=None).count() >= MOST_ATTACHMENTS:
        raise AttachmentsTooMany(f"A request carries at most {MOST_ATTACHMENTS} attachments.")
    require_new(request, evidence)
    request = _open_to_more(request, actor)
    (attachment,) = keep_evidence(request, [evidence], actor)
    note_who_attached(request, [attachment])
    raise_version(request)
    record(
        actor=actor,
        action="approvals.request.attach",
        subject=request,
        attachment=attachment.pk,
        kind=attachment.kind,
        sha256=attachment.sha256,
    )
    block_or_release(request, actor=actor)  # whoever attached it is missing among the deciders
    return attachment


@transaction.atomic
def carry_evidence(
    *, request_id: int, actor: User, expected_version: int | None = None
) -> list[Attachment]:
    """Add what was added to the earlier request about the same thing, and is not here yet.

    Whoever brought it took part in this request too. What came with decisions is left out.

    Returns:
        The pieces as they lie on the request now, or on the one that took its place (see `attach`).

    Raises:
        NotVisible, NotPermitted, AlreadyDecidedByActor, IllegalMove, StaleVersion: see `attach`.
        AttachmentMissing: there is nothing to carry over.
    """
    request = request_for_update(request_id, actor=actor)
    refusal = refusal_to_attach(request, actor)
    if refusal is not None:
        raise refusal
    require_version(request, expected_version)
    pieces = attached_before(request)
    if not pieces:
        raise AttachmentMissing
    request = _open_to_more(request, actor)
    carried = carry(request, pieces)
    note_who_attached(request, carried)
    raise_version(request)
    record(
        actor=actor,
        action="approvals.request.carry",
        subject=request,
        attachments=[one.pk for one in carried],
    )
    block_or_release(request, actor=actor)
    return carried


def _open_to_more(request: Request, actor: User) -> Request:
    """The request itself, or, where somebody approved it already, the one that takes its place."""
    return restart(request, actor=actor) if request.decisions.exists() else request


@transaction.atomic
def hand_out_attachment(*, attachment_id: int, actor: User) -> tuple[Attachment, bytes]:
    """The content for somebody who looks at it; who looked is on record.

    Raises:
        NotVisible, NotPermitted: not this actor.
        AttachmentLost, AttachmentChanged: what is stored cannot be handed out.
    """
    attachment = attachment_seen_by(actor, attachment_id)
    if not is_consulted(attachment.request, actor):
        authorize(actor, VIEW_REQUESTS, entity_id=attachment.request.entity_id)
    content = content_of(attachment)
    record(
        actor=actor,
        action="approvals.attachment.read",
        subject=attachment,
        entity_id=attachment.request.entity_id,
        sha256=attachment.sha256,
    )
    return attachment, content


def require_evidence(request: Request, verdict: str, brought: Sequence[Evidence]) -> None:
    """An approval needs what the policy asks for, what comes along counted.

    Raises:
        EvidenceMissing, ResolutionMissing: it is not there; the refusal names the kinds.
    """
    missing = kinds_missing(request, (one.kind for one in brought))
    if verdict != Verdict.APPROVE or not missing:
        return
    named = [kind for kind in missing if kind != EvidenceKind.RESOLUTION]
    if not named:
        raise ResolutionMissing(field=EvidenceKind.RESOLUTION.value)
    raise EvidenceMissing(
        f"This cannot be approved without {kinds_in_words(missing)}.",
        field=named[0].value,
        kinds=[kind.value for kind in missing],
    )


def digest_with(request: Request, brought: Sequence[Evidence]) -> str:
    """SHA-256 over the subject's digest and all evidence, what comes along included."""
    there = [(one.kind, one.sha256) for one in request.attachments.all()]
    return evidence_digest(
        request.subject_hash, [*there, *((one.kind, one.sha256) for one in brought)]
    )


def require_new(request: Request, evidence: Evidence) -> None:
    """Exactly this is not on the request yet.

    Raises:
        AttachmentExists: it is.
    """
    if request.attachments.filter(kind=evidence.kind, sha256=evidence.sha256).exists():
        raise AttachmentExists(field=evidence.field)


def keep_evidence(
    request: Request, evidence: Sequence[Evidence], actor: User, *, decision: Decision | None = None
) -> list[Attachment]:
    """Look at each piece, then store them all; called under the request's lock.

    Raises:
        AttachmentEmpty, AttachmentTooLarge, AttachmentTypeRefused, AttachmentMisnamed,
        AttachmentUnsound, AttachmentUnfit, AttachmentExists: names the input field at fault.
    """
    there = {(one.kind, one.sha256) for one in request.attachments.all()}
    looked_at = []
    for one in evidence:
        looked_at.append((one, _require_acceptable(one)))
        if (one.kind, one.sha256) in there:
            raise AttachmentExists(field=one.field)
        there.add((one.kind, one.sha256))
    return [
        Attachment.objects.create(
            request=request,
            kind=one.kind,
            filename=known.name,
            content_type=known.content_type,
            size_bytes=len(one.content),
            sha256=one.sha256,
            stored_name=_keep(request, one),
            subject_hash=request.subject_hash,
            decision=decision,
            attached_by=actor,
        )
        for one, known in looked_at
    ]


def _keep(request: Request, evidence: Evidence) -> str:
    name = f"approvals/{request.entity_id}/{request.pk}/{evidence.sha256}"
    return keep_sealed(name, evidence.content, ATTACHMENT_LABEL)


def _require_acceptable(evidence: Evidence) -> Recognised:
    _require_size(len(evidence.content), evidence.field)
    try:
        known = recognise(evidence)
    except Refusal as refusal:
        refusal.field = evidence.field
        raise
    types, words = _FITTING.get(EvidenceKind(evidence.kind), (ALL_TYPES, ""))
    if known.content_type not in types:
        raise AttachmentUnfit(
            f"{words}; this is {called(known.content_type)}.",
            remedy="Send it as a document.",
            field=evidence.field,
        )
    return known


def _require_size(size_bytes: int, field: str) -> None:
    if size_bytes > settings.ATTACHMENT_MOST_BYTES:
        raise AttachmentTooLarge(
            f"Evidence has at most {settings.ATTACHMENT_MOST_BYTES:,} bytes a file.", field=field
        )

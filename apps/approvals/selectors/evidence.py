"""The evidence on a request: what there is, what the policy asks for besides, who may add to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from apps.approvals.errors import AlreadyDecidedByActor, AttachmentChanged, AttachmentLost
from apps.approvals.models import Attachment, Policy, Request
from apps.approvals.permissions import REQUEST_APPROVAL, VIEW_REQUESTS
from apps.approvals.states import ATTACHMENT_LABEL, EvidenceKind
from apps.audit.services import canonical_bytes
from apps.common.access import one_visible
from apps.common.errors import IllegalMove, NotPermitted, Refusal
from apps.identity.models import User
from apps.privacy.keyring import Unreadable
from apps.privacy.selectors import sealed_content


def kinds_asked(policy: Policy) -> list[EvidenceKind]:
    """What has to be there before a request under this policy is approved."""
    asked = [EvidenceKind(kind) for kind in policy.evidence_kinds]
    return [*asked, EvidenceKind.RESOLUTION] if policy.resolution_required else asked


def kinds_missing(request: Request, brought: Iterable[str] = ()) -> list[EvidenceKind]:
    """Those of them that nobody has attached yet.

    Args:
        brought: kinds that come along now.
    """
    there = {*brought, *(one.kind for one in request.attachments.all())}
    return [kind for kind in kinds_asked(request.policy) if kind not in there]


def attached_before(request: Request) -> list[Attachment]:
    """What was added to the newest earlier request about the same thing, and is not here.

    What came with a decision belongs to the decision, and is left out.
    """
    earlier = (
        Request.objects.filter(
            subject_type=request.subject_type,
            subject_id=request.subject_id,
            entity_id=request.entity_id,
            pk__lt=request.pk,
        )
        .order_by("-pk")
        .first()
    )
    if earlier is None:
        return []
    there = {(one.kind, one.sha256) for one in request.attachments.all()}
    pieces = earlier.attachments.filter(decision=None).select_related("request", "attached_by")
    return [one for one in pieces if (one.kind, one.sha256) not in there]


def kinds_in_words(kinds: Sequence[EvidenceKind]) -> str:
    """ "a screenshot", "a screenshot and an explanation"; empty for none."""
    words = [f"{'an' if kind.label[0] in 'AEIOU' else 'a'} {kind.label.lower()}" for kind in kinds]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def evidence_digest(subject_hash: str, evidence: Iterable[tuple[str, str]]) -> str:
    """SHA-256 of the canonical JSON of what somebody decides on: subject and evidence.

    Args:
        evidence: kind and SHA-256 of each piece, in whatever order.
    """
    pieces = [{"kind": str(kind), "sha256": sha256} for kind, sha256 in sorted(evidence)]
    facts = {"subject_hash": subject_hash, "evidence": pieces}
    return hashlib.sha256(canonical_bytes(facts)).hexdigest()


def refusal_to_attach(request: Request, actor: User) -> Refusal | None:
    """Why this actor may not add evidence to this request now, or None if he may.

    The maker may, and whoever may ask for approvals there. Who has decided may not: he would have
    taken part in what he decided on.
    """
    may_ask = request.maker_id == actor.pk or actor.may(REQUEST_APPROVAL, request.entity_id)
    if not may_ask or not actor.may(VIEW_REQUESTS, request.entity_id):
        return NotPermitted(
            "You may not add evidence here.",
            remedy="Its maker can, and whoever may ask for approvals here.",
        )
    if not request.is_open:
        return IllegalMove("This request is decided, and no evidence is added to it any more.")
    if request.decisions.filter(approver=actor).exists():
        return AlreadyDecidedByActor(
            "You have decided on this already, so somebody else has to add evidence.", remedy=""
        )
    return None


def attachments_seen_by(actor: User) -> Any:
    """Every attachment that the actor may see, with what is shown of it (a queryset)."""
    return Attachment.objects.visible_to(actor).select_related("request", "attached_by", "decision")


def attachment_seen_by(actor: User, attachment_id: int) -> Attachment:
    """One of them.

    Raises:
        NotVisible: no such attachment for this actor.
    """
    attachment: Attachment = one_visible(attachments_seen_by(actor).filter(pk=attachment_id))
    return attachment


def content_of(attachment: Attachment) -> bytes:
    """The bytes as they were attached.

    Raises:
        AttachmentLost: nothing is stored under its name.
        AttachmentChanged: what is stored is not what was attached.
    """
    try:
        content = sealed_content(attachment.stored_name, ATTACHMENT_LABEL)
    except FileNotFoundError:
        raise AttachmentLost from None
    except Unreadable:
        raise AttachmentChanged from None
    if hashlib.sha256(content).hexdigest() != attachment.sha256:
        raise AttachmentChanged
    return content

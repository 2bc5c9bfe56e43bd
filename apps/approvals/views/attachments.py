"""The evidence on the page of a request: what there is, and the form that adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from apps.approvals.forms.deciding import EvidenceForm
from apps.approvals.models import Attachment, Request
from apps.approvals.selectors import (
    attached_before,
    kinds_asked,
    kinds_in_words,
    kinds_missing,
    refusal_to_attach,
)
from apps.approvals.services import hand_out_attachment
from apps.common.errors import Refusal
from apps.identity.models import User

MOST_SHOWN_BYTES: Final = 10_000  # a longer text is opened on its own


@dataclass(frozen=True)
class Shown:
    """One piece of evidence.

    Attributes:
        text: what it says, if it is a text short enough to be read here.
        fault: why its text cannot be shown.
    """

    attachment: Attachment
    text: str = ""
    fault: str = ""


def evidence_on_page(
    asked: Request, actor: User, form: EvidenceForm | None, *, can_decide: bool
) -> dict[str, Any]:
    """What the section about evidence needs; `form` is one that was refused."""
    missing = kinds_missing(asked) if asked.is_open else []
    refusal = refusal_to_attach(asked, actor)
    can_attach = refusal is None
    fresh = EvidenceForm(policy=asked.policy, missing=missing) if can_attach else None
    return {
        "evidence": [_shown(one, actor) for one in asked.attachments.all()],
        "evidence_asked": kinds_in_words(kinds_asked(asked.policy)),
        "evidence_missing": kinds_in_words(missing),
        "evidence_form": form if form is not None and can_attach else fresh,
        "evidence_refusal": refusal if form is not None else None,
        "evidence_before": attached_before(asked) if can_attach else [],
        "begins_anew": can_attach and bool(asked.decisions.all()),
        # Whoever could decide is told what adding evidence costs him.
        "gives_up_deciding": can_attach and can_decide,
    }


def _shown(attachment: Attachment, actor: User) -> Shown:
    """A short text is read, on record like every reading; of the rest, only the facts."""
    if not attachment.is_text or attachment.size_bytes > MOST_SHOWN_BYTES:
        return Shown(attachment)
    try:
        _, content = hand_out_attachment(attachment_id=attachment.pk, actor=actor)
    except Refusal as refusal:
        return Shown(attachment, fault=refusal.words)
    return Shown(attachment, text=content.decode("utf-8-sig"))

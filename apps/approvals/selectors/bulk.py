"""Whether a request may be approved together with others: never where something warns."""

from __future__ import annotations

from apps.approvals.models import Attachment, Request
from apps.approvals.registry import overtaken_by
from apps.approvals.selectors.conflicts import conflicted_ids
from apps.approvals.selectors.consulting import open_questions
from apps.approvals.selectors.deciders import refusal_to_decide
from apps.approvals.selectors.evidence import kinds_in_words, kinds_missing
from apps.approvals.selectors.requests import earlier_rounds
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.identity.models import User

_ENDED_BY_SOMEBODY = {RequestStatus.REJECTED, RequestStatus.RETURNED, RequestStatus.REVOKED}


def why_one_by_one(request: Request, actor: User) -> str:
    """Why the actor has to look at this request on its own; empty if he has not.

    The first reason that there is, as a sentence.
    """
    refusal = refusal_to_decide(request, actor)
    if request.status != RequestStatus.PENDING:
        return f"{request.get_status_display()}."
    if refusal is not None:
        return refusal.message
    return next(filter(None, _warnings(request, actor)), "")


def _warnings(request: Request, actor: User) -> tuple[str, ...]:
    policy = request.policy
    missing = kinds_in_words(kinds_missing(request))
    unopened = ", ".join(one.filename for one in unopened_by(request, actor))
    before = next(iter(earlier_rounds(request, actor)), None)
    is_again = before is not None and before.status in _ENDED_BY_SOMEBODY
    return (
        "" if policy.bulk_allowed else "Its policy wants a decision on each.",
        "Its attestation is confirmed one by one." if policy.attestation_text else "",
        "Its policy wants a comment on each." if policy.needs_comment else "",
        f"It lacks {missing}." if missing else "",
        f"You have not opened its evidence: {unopened}." if unopened else "",
        "A question about it waits for an answer." if open_questions(request) else "",
        "An earlier request about it was not approved, or that was revoked." if is_again else "",
        overtaken_by(request.subject_type, request.subject_id),
        "Other requests belong together with it." if request.split_amount else "",
        "You have a hand in it." if actor.pk in conflicted_ids(request) else "",
    )


def unopened_by(request: Request, actor: User) -> list[Attachment]:
    """The evidence on a request whose content the actor never read, by the record of readings."""
    there = {str(one.pk): one for one in request.attachments.all()}
    read = Event.objects.filter(
        actor=actor,
        action="approvals.attachment.read",
        subject_type=Attachment._meta.label_lower,
        subject_id__in=list(there),
    ).values_list("subject_id", flat=True)
    return [there[pk] for pk in sorted(there.keys() - set(read), key=int)]

"""The life of an approval request. What is terminal stays so: clone it, never revive it."""

from typing import Final

from django.db.models import TextChoices

from apps.common.transitions import Moves


class RequestStatus(TextChoices):
    PENDING = "pending", "Waiting for a decision"
    BLOCKED = "blocked_no_approver", "Nobody can approve"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    RETURNED = "returned", "Returned for changes"
    WITHDRAWN = "withdrawn", "Withdrawn"
    REVOKED = "revoked", "Revoked"
    SUPERSEDED = "superseded", "Superseded by a newer version"
    EXPIRED = "expired", "Expired"


class Verdict(TextChoices):
    APPROVE = "approve", "Approve"
    REJECT = "reject", "Reject"
    RETURN = "return", "Return for changes"


class Door(TextChoices):
    """By what a decision came in; empty on those from before that was kept, or by a program."""

    PAGE = "page", "on its page"
    BULK = "bulk", "in bulk"
    REST = "rest", "over REST"


class NoticeKind(TextChoices):
    BLOCKED = "blocked", "Nobody can approve"
    REOPENED = "reopened", "It can be approved again"
    REMINDER = "reminder", "It waits for your decision"
    ESCALATED = "escalated", "Nobody decided in time: others may now"
    OVERDUE = "overdue", "Nobody decided in time"
    EXPIRED = "expired", "It expired"
    REVOKED = "revoked", "The approval was revoked"
    REASSIGNED = "reassigned", "A seat was given to somebody else"
    RESTARTED = "restarted", "Evidence was added: it is decided anew"
    CONSULTED = "consulted", "Your opinion is asked"
    ANSWERED = "answered", "Your question was answered"
    SIGNATURE = "signature", "A waiver waits for a second signature"


class WaivedConflict(TextChoices):
    """What can be waived; that nobody decides on what he made, or twice, cannot."""

    TOOK_PART = "took_part", "Had a hand in it, without having made it"


class WaiverState(TextChoices):
    PROPOSED = "proposed", "Waits for the second signature"
    SIGNED = "signed", "Signed"
    REVOKED = "revoked", "Revoked"


class EvidenceKind(TextChoices):
    SCREENSHOT = "screenshot", "Screenshot"
    EXPLANATION = "explanation", "Explanation"
    DOCUMENT = "document", "Document"
    CALCULATION = "calculation", "Calculation"
    # What a policy asks for by `resolution_required`: how what was open was resolved.
    RESOLUTION = "resolution", "Resolution"


ASKABLE_KINDS: Final = tuple(kind for kind in EvidenceKind if kind != EvidenceKind.RESOLUTION)
"""What a policy can ask for by name."""

ATTACHMENT_LABEL: Final = "approvals.attachment"

OPEN: Final = frozenset({RequestStatus.PENDING, RequestStatus.BLOCKED})

_ENDS: Final = frozenset(
    {
        RequestStatus.APPROVED,
        RequestStatus.REJECTED,
        RequestStatus.RETURNED,
        RequestStatus.WITHDRAWN,
        RequestStatus.SUPERSEDED,
        RequestStatus.EXPIRED,
    }
)
MOVES: Final[Moves] = {
    RequestStatus.PENDING: _ENDS | {RequestStatus.BLOCKED},
    RequestStatus.BLOCKED: frozenset(
        {
            RequestStatus.PENDING,
            RequestStatus.WITHDRAWN,
            RequestStatus.SUPERSEDED,
            RequestStatus.EXPIRED,
        }
    ),
    # An approval falls when its subject changes, and is revoked before it was acted upon.
    RequestStatus.APPROVED: frozenset({RequestStatus.SUPERSEDED, RequestStatus.REVOKED}),
}

STATUS_AFTER: Final = {
    Verdict.APPROVE: RequestStatus.APPROVED,
    Verdict.REJECT: RequestStatus.REJECTED,
    Verdict.RETURN: RequestStatus.RETURNED,
}

"""What has to be approved by whom, and what is."""

from apps.approvals.selectors.conflicts import conflicted_ids
from apps.approvals.selectors.consulting import (
    consultation_seen_by,
    open_questions,
    questions_for,
    refusal_to_consult,
    why_not_ask,
)
from apps.approvals.selectors.deadlocks import Deadlock, deadlock_of
from apps.approvals.selectors.deciders import (
    approval_so_far,
    backlog,
    eligible_approvers,
    inbox,
    outbox,
    read_waiting,
    refusal_to_decide,
    waiting_for,
)
from apps.approvals.selectors.evidence import (
    attached_before,
    attachments_seen_by,
    kinds_asked,
    kinds_in_words,
    kinds_missing,
    refusal_to_attach,
)
from apps.approvals.selectors.limits import Limits, limits_replaced_by, limits_seen_by
from apps.approvals.selectors.notices import notices_for, unread_notices
from apps.approvals.selectors.policies import policies_seen_by, policy_for
from apps.approvals.selectors.reassigning import (
    movable_seats,
    people_to_take,
    refusal_to_reassign,
)
from apps.approvals.selectors.requests import (
    decisions_on,
    earlier_rounds,
    is_approved,
    latest_request_for,
    open_request_for,
    record_of,
    request_seen_by,
    requests_seen_by,
    seen_at_version,
    stage_of,
    subject_key,
    with_all_parts,
)
from apps.approvals.selectors.staff import (
    Staff,
    approvals_missing,
    shortage_of,
    staff_of,
)
from apps.approvals.selectors.stages import stage_in_words
from apps.approvals.selectors.uses import refusal_to_revoke

__all__ = [
    "Deadlock",
    "Limits",
    "Staff",
    "approval_so_far",
    "approvals_missing",
    "attached_before",
    "attachments_seen_by",
    "backlog",
    "conflicted_ids",
    "consultation_seen_by",
    "deadlock_of",
    "decisions_on",
    "earlier_rounds",
    "eligible_approvers",
    "inbox",
    "is_approved",
    "kinds_asked",
    "kinds_in_words",
    "kinds_missing",
    "latest_request_for",
    "limits_replaced_by",
    "limits_seen_by",
    "movable_seats",
    "notices_for",
    "open_questions",
    "open_request_for",
    "outbox",
    "people_to_take",
    "policies_seen_by",
    "policy_for",
    "questions_for",
    "read_waiting",
    "record_of",
    "refusal_to_attach",
    "refusal_to_consult",
    "refusal_to_decide",
    "refusal_to_reassign",
    "refusal_to_revoke",
    "request_seen_by",
    "requests_seen_by",
    "seen_at_version",
    "shortage_of",
    "staff_of",
    "stage_in_words",
    "stage_of",
    "subject_key",
    "unread_notices",
    "waiting_for",
    "why_not_ask",
    "with_all_parts",
]

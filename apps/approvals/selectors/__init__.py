"""What has to be approved by whom, and what is."""

from apps.approvals.selectors.deciders import (
    conflicted_ids,
    eligible_approvers,
    inbox,
    outbox,
    refusal_to_decide,
    waiting_for,
)
from apps.approvals.selectors.policies import policies_seen_by, policy_for
from apps.approvals.selectors.requests import (
    approvals_missing,
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
)

__all__ = [
    "approvals_missing",
    "conflicted_ids",
    "decisions_on",
    "earlier_rounds",
    "eligible_approvers",
    "inbox",
    "is_approved",
    "latest_request_for",
    "open_request_for",
    "outbox",
    "policies_seen_by",
    "policy_for",
    "record_of",
    "refusal_to_decide",
    "request_seen_by",
    "requests_seen_by",
    "seen_at_version",
    "stage_of",
    "subject_key",
    "waiting_for",
]

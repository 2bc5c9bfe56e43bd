"""Which audit events go out as webhook events, and what they say: ids and statuses, nothing else.

Whatever a service records is told in the transaction that records it. A kind more is a row more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Facts = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of webhook event.

    Attributes:
        name: "app.noun.participle", as receivers know it.
        label: for people.
        action: the audit action that it follows from.
        facts: what the body says, from the changed row and the details of the audit event.
        applies: whether this very change is of the kind.
    """

    name: str
    label: str
    action: str
    facts: Callable[[Any, Mapping[str, Any]], Facts]
    applies: Callable[[Any], bool] = lambda subject: True


def _request(request: Any, details: Mapping[str, Any]) -> Facts:
    return {
        "request": request.pk,
        "item_type": request.item_type,
        "subject_type": request.subject_type,
        "subject_id": request.subject_id,
        "status": str(request.status),
        "stage": request.stage + 1,
        "version": request.version,
    }


def _decision(request: Any, details: Mapping[str, Any]) -> Facts:
    return {
        **_request(request, details),
        "decision": details["decision"],
        "verdict": details["verdict"],
        "decided_stage": details["stage"] + 1,
    }


def _policy(policy: Any, details: Mapping[str, Any]) -> Facts:
    return {
        "policy": policy.pk,
        "item_type": policy.item_type,
        "currency": policy.currency,
        "version": policy.version,
    }


def _ended_as(status: str) -> Callable[[Any], bool]:
    return lambda request: request.status == status


_DECIDE: Final = "approvals.request.decide"

KINDS: Final = (
    EventKind(
        "approvals.request.submitted",
        "Approval is asked for",
        "approvals.request.submit",
        _request,
    ),
    EventKind(
        "approvals.request.blocked",
        "Nobody can approve a request",
        "approvals.request.block",
        _request,
    ),
    EventKind(
        "approvals.request.released",
        "A blocked request can be approved again",
        "approvals.request.release",
        _request,
    ),
    EventKind(
        "approvals.request.evidence_added",
        "Evidence is attached to a request",
        "approvals.request.attach",
        _request,
    ),
    EventKind(
        "approvals.request.reassigned",
        "A seat was given to somebody else",
        "approvals.request.reassign",
        _request,
    ),
    EventKind(
        "approvals.request.consulted",
        "Somebody is asked for an opinion",
        "approvals.request.consult",
        _request,
    ),
    EventKind(
        "approvals.request.answered",
        "Somebody gave his opinion",
        "approvals.request.answer",
        _request,
    ),
    EventKind(
        "approvals.request.escalated",
        "Nobody decided in time: others may decide too",
        "approvals.request.escalate",
        _request,
    ),
    EventKind(
        "approvals.request.decided",
        "Somebody approved, rejected or returned",
        _DECIDE,
        _decision,
    ),
    EventKind(
        "approvals.request.approved",
        "A request ended: approved",
        _DECIDE,
        _request,
        _ended_as("approved"),
    ),
    EventKind(
        "approvals.request.rejected",
        "A request ended: rejected",
        _DECIDE,
        _request,
        _ended_as("rejected"),
    ),
    EventKind(
        "approvals.request.returned",
        "A request ended: returned for changes",
        _DECIDE,
        _request,
        _ended_as("returned"),
    ),
    EventKind(
        "approvals.request.withdrawn",
        "A request ended: withdrawn",
        "approvals.request.withdraw",
        _request,
    ),
    EventKind(
        "approvals.request.revoked",
        "An approval was revoked before it was acted upon",
        "approvals.request.revoke",
        _request,
    ),
    EventKind(
        "approvals.request.superseded",
        "A request ended: superseded by other content",
        "approvals.request.supersede",
        _request,
    ),
    EventKind(
        "approvals.request.expired",
        "A request ended: expired",
        "approvals.request.expire",
        _request,
    ),
    EventKind(
        "approvals.policy.proposed",
        "A policy waits for approval",
        "approvals.policy.propose",
        _policy,
    ),
    EventKind(
        "approvals.policy.in_force",
        "A policy is in force",
        "approvals.policy.define",
        _policy,
    ),
    EventKind(
        "approvals.policy.retired",
        "A policy is retired",
        "approvals.policy.retire",
        _policy,
    ),
    EventKind(
        "approvals.policy.dropped",
        "A proposed policy was not approved",
        "approvals.policy.drop",
        _policy,
    ),
)
KIND_LABELS: Final = tuple((kind.name, kind.label) for kind in KINDS)
WATCHED_ACTIONS: Final = frozenset(kind.action for kind in KINDS)


def kinds_of(action: str, subject: Any) -> list[EventKind]:
    """The kinds that a change is of; a final decision is one and an end."""
    return [kind for kind in KINDS if kind.action == action and kind.applies(subject)]

"""Locks of this app, in this order: policies of an entity, policy, subject, request."""

from __future__ import annotations

import hashlib

from apps.approvals.models import Policy, Request
from apps.common.access import Actor
from apps.common.advisory import lock_exclusive
from apps.common.errors import NotVisible


def request_for_update(request_id: int, *, actor: Actor) -> Request:
    """The request's row, locked until the transaction ends.

    Raises:
        NotVisible: no such request for this actor.
    """
    request: Request | None = (
        Request.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("policy")
        .filter(pk=request_id)
        .first()
    )
    if request is None:
        raise NotVisible
    return request


def request_held(request_id: int) -> Request:
    """Like `request_for_update`, for scheduled work, which sees everything."""
    request: Request = (
        Request.objects.select_for_update(of=("self",)).select_related("policy").get(pk=request_id)
    )
    return request


def open_requests_for_update(subject_type: str, subject_id: str) -> list[Request]:
    """The open or approved requests about a subject, locked, oldest first.

    Whoever asks about the same subject at the same moment waits, even if there is none yet.
    """
    name = hashlib.sha256(f"{subject_type}:{subject_id}".encode()).digest()
    lock_exclusive("approvals.subject", int.from_bytes(name[:7]))
    return list(
        Request.objects.select_for_update()
        .filter(subject_type=subject_type, subject_id=subject_id)
        .exclude(status__in=["rejected", "returned", "withdrawn", "superseded"])
        .order_by("id")
    )


def policies_for_update(*, entity_id: int, item_type: str, currency: str) -> list[Policy]:
    """The policies in force for one kind of thing, locked; nobody adds one meanwhile."""
    lock_exclusive("approvals.policies", entity_id)
    return list(
        Policy.objects.in_force()
        .select_for_update()
        .filter(entity_id=entity_id, item_type=item_type, currency=currency)
    )


def policy_for_update(policy_id: int, *, actor: Actor) -> Policy:
    """The policy's row, locked until the transaction ends.

    Raises:
        NotVisible: no such policy for this actor.
    """
    policy: Policy | None = (
        Policy.objects.visible_to(actor).select_for_update().filter(pk=policy_id).first()
    )
    if policy is None:
        raise NotVisible
    return policy

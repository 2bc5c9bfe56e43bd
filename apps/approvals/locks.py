"""Locks of this app, in this order: limits, delegations or policies of an entity, hours of a
person, policy, what belongs together, subject, request, waiver.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from apps.approvals.models import Delegation, Leave, Limit, Policy, Request, Waiver, WorkingHours
from apps.approvals.states import OPEN, RequestStatus
from apps.common.access import Actor, one_visible
from apps.common.advisory import lock_exclusive


def request_for_update(request_id: int, *, actor: Actor) -> Request:
    """The request's row, locked until the transaction ends.

    Raises:
        NotVisible: no such request for this actor.
    """
    request: Request = one_visible(
        Request.objects.granted_to(actor)
        .select_for_update(of=("self",))
        .select_related("policy", "entity", "maker")
        .filter(pk=request_id)
    )
    return request


def request_held(request_id: int) -> Request:
    """Like `request_for_update`, for scheduled work, which sees everything."""
    request: Request = (
        Request.objects.select_for_update(of=("self",))
        .select_related("policy", "entity")
        .get(pk=request_id)
    )
    return request


def approved_for_update(subject_type: str, subject_id: str, subject_hash: str) -> Request | None:
    """The approval of exactly this content, locked; None if there is none (any more)."""
    found: Request | None = (
        Request.objects.select_for_update(of=("self",))
        .select_related("policy", "entity")
        .filter(subject_type=subject_type, subject_id=subject_id, subject_hash=subject_hash)
        .filter(status=RequestStatus.APPROVED)
        .order_by("-id")
        .first()
    )
    return found


def requests_held(request_ids: Iterable[int]) -> list[Request]:
    """These requests, locked one after the other by id, for work that sees everything."""
    return list(
        Request.objects.select_for_update(of=("self",))
        .select_related("policy", "entity")
        .filter(pk__in=set(request_ids))
        .order_by("id")
    )


def open_requests_for_update(subject_type: str, subject_id: str) -> list[Request]:
    """The open or approved requests about a subject, locked, oldest first.

    Whoever asks about the same subject at the same moment waits, even if there is none yet.
    """
    lock_exclusive("approvals.subject", _number(f"{subject_type}:{subject_id}"))
    return list(
        Request.objects.select_for_update()
        .filter(subject_type=subject_type, subject_id=subject_id)
        .filter(status__in=[*OPEN, RequestStatus.APPROVED])
        .order_by("id")
    )


def hold_split(*, entity_id: int, maker_id: int, split_key: str) -> None:
    """Nobody else asks for what belongs together with it until the transaction ends."""
    lock_exclusive("approvals.split", _number(f"{entity_id}:{maker_id}:{split_key}"))


def limits_for_update(*, entity_id: int) -> list[Limit]:
    """The limits of an entity that nobody retired, locked; nobody adds one meanwhile."""
    lock_exclusive("approvals.limits", entity_id)
    return list(
        Limit.objects.standing().select_for_update(of=("self",)).filter(entity_id=entity_id)
    )


def policies_for_update(*, entity_id: int, item_type: str, currency: str) -> list[Policy]:
    """The policies in force for one kind of thing, locked; nobody adds one meanwhile."""
    lock_exclusive("approvals.policies", entity_id)
    return list(
        Policy.objects.in_force()
        .select_for_update()
        .filter(entity_id=entity_id, item_type=item_type, currency=currency)
    )


def policy_held(policy_id: int) -> Policy:
    """Like `policy_for_update`, for scheduled work, which sees everything."""
    policy: Policy = Policy.objects.select_for_update().get(pk=policy_id)
    return policy


def policy_for_update(policy_id: int, *, actor: Actor) -> Policy:
    """The policy's row, locked until the transaction ends.

    Raises:
        NotVisible: no such policy for this actor.
    """
    policy: Policy = one_visible(
        Policy.objects.granted_to(actor).select_for_update().filter(pk=policy_id)
    )
    return policy


def _number(name: str) -> int:
    """A lock number for a name; a clash costs a wait, never a result."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])


def limit_for_update(limit_id: int, *, actor: Actor) -> Limit:
    """The limit's row, locked until the transaction ends.

    Raises:
        NotVisible: no such limit for this actor.
    """
    limit: Limit = one_visible(
        Limit.objects.granted_to(actor).select_for_update(of=("self",)).filter(pk=limit_id)
    )
    return limit


def leave_for_update(leave_id: int, *, actor: Actor) -> Leave:
    """The leave's row, locked until the transaction ends.

    Raises:
        NotVisible: no such leave for this actor.
    """
    leave: Leave = one_visible(
        Leave.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=leave_id)
    )
    return leave


def hours_of_person_for_update(person_id: int) -> WorkingHours | None:
    """The hours of a person, locked; None without any. Nobody sets them meanwhile."""
    lock_exclusive("approvals.hours", person_id)
    found: WorkingHours | None = (
        WorkingHours.objects.standing()
        .select_for_update(of=("self",))
        .filter(person_id=person_id)
        .first()
    )
    return found


def hours_for_update(hours_id: int, *, actor: Actor) -> WorkingHours:
    """The row of these hours, locked until the transaction ends.

    Raises:
        NotVisible: no such hours for this actor.
    """
    hours: WorkingHours = one_visible(
        WorkingHours.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=hours_id)
    )
    return hours


def delegations_for_update(*, entity_id: int, delegator_id: int) -> list[Delegation]:
    """What somebody handed over and nobody revoked, locked; he hands over nothing meanwhile."""
    lock_exclusive("approvals.delegations", _number(f"{entity_id}:{delegator_id}"))
    return list(
        Delegation.objects.standing()
        .select_for_update(of=("self",))
        .filter(entity_id=entity_id, delegator_id=delegator_id)
    )


def delegation_for_update(delegation_id: int, *, actor: Actor) -> Delegation:
    """The delegation's row, locked until the transaction ends.

    Raises:
        NotVisible: no such delegation for this actor.
    """
    delegation: Delegation = one_visible(
        Delegation.objects.granted_to(actor)
        .select_for_update(of=("self",))
        .filter(pk=delegation_id)
    )
    return delegation


def waiver_for_update(waiver_id: int, *, actor: Actor) -> Waiver:
    """The waiver's row, locked until the transaction ends.

    Raises:
        NotVisible: no such waiver for this actor.
    """
    waiver: Waiver = one_visible(
        Waiver.objects.granted_to(actor)
        .select_for_update(of=("self",))
        .select_related("entity", "person", "proposed_by")
        .filter(pk=waiver_id)
    )
    return waiver


def hold_waiver(waiver_id: int) -> bool:
    """Keep a waiver as it is until the transaction ends.

    Returns:
        Whether it still stands.
    """
    held = Waiver.objects.standing().select_for_update(of=("self",)).filter(pk=waiver_id)
    return held.first() is not None

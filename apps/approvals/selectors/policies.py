"""Which policy an item falls under."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.approvals.models import Policy
from apps.common.access import one_visible
from apps.identity.models import User


def policy_for(
    *,
    entity_id: int,
    item_type: str,
    amount: Decimal | None = None,
    currency: str | None = None,
    at: datetime | None = None,
) -> Policy | None:
    """The policy in force for an item, or None if it needs no approval.

    A policy in the item's own currency goes before one for any currency. The range is inclusive
    below and exclusive above; an item without an amount counts as zero.

    Args:
        at: the policy that was in force at this instant; None: now.
    """
    there = Policy.objects.in_force(at).filter(entity_id=entity_id, item_type=item_type)
    return fitting(there, amount, currency)


def fitting(
    policies: Iterable[Policy], amount: Decimal | None, currency: str | None
) -> Policy | None:
    """Which of the policies for one kind of thing is for an item of this size; None if none is."""
    size = abs(amount) if amount is not None else Decimal(0)
    able = [
        policy
        for policy in policies
        if policy.currency in ("", currency or "")
        and policy.least_amount <= size
        and (policy.below_amount is None or size < policy.below_amount)
    ]
    return max(able, key=lambda one: (one.currency, one.least_amount), default=None)


def policy_seen_by(actor: User, policy_id: int) -> Policy:
    """One of the policies that the actor may see.

    Raises:
        NotVisible: no such policy for this actor.
    """
    policy: Policy = one_visible(policies_seen_by(actor).filter(pk=policy_id))
    return policy


def policy_in_place_of(policy: Policy) -> Policy | None:
    """The policy in force for the range that a proposed one is for."""
    found: Policy | None = (
        Policy.objects.in_force()
        .filter(
            entity_id=policy.entity_id,
            item_type=policy.item_type,
            currency=policy.currency,
            least_amount=policy.least_amount,
        )
        .exclude(pk=policy.pk)
        .first()
    )
    return found


def policies_seen_by(actor: User) -> Any:
    """Every policy that the actor may see, in force or retired (a queryset)."""
    return Policy.objects.visible_to(actor).select_related("entity", "created_by")

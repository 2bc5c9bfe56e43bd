"""Leaves and delegations, as people see them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from apps.approvals.models import Delegation, Leave
from apps.identity.models import User


def leaves_seen_by(actor: User) -> Any:
    """Every leave that the actor may see, standing or cancelled (a queryset)."""
    return Leave.objects.visible_to(actor).select_related("person", "created_by")


def delegations_seen_by(actor: User) -> Any:
    """Every delegation that the actor may see, standing or revoked (a queryset)."""
    return Delegation.objects.visible_to(actor).select_related(
        "entity", "delegator", "delegate", "created_by"
    )


def own_leaves(actor: User) -> Any:
    """The actor's leaves that are not over and that nobody cancelled."""
    return leaves_seen_by(actor).standing().filter(person=actor, ends_on__gte=_earliest_day())


def own_delegations(actor: User) -> Any:
    """What the actor handed over or takes over, as far as it is not over."""
    return (
        delegations_seen_by(actor)
        .standing()
        .filter(Q(delegator=actor) | Q(delegate=actor), ends_on__gte=_earliest_day())
    )


def _earliest_day() -> date:
    """No clock on earth is behind this day."""
    return timezone.now().date() - timedelta(days=1)

"""The waivers of entities."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.approvals.models import Delegation, Waiver
from apps.approvals.permissions import SIGN_WAIVERS
from apps.identity.models import User
from apps.identity.selectors import people_who_may


def waivers_seen_by(actor: User) -> Any:
    """Every waiver that the actor may see, whatever became of it (a queryset)."""
    return Waiver.objects.visible_to(actor).with_people()


def tied_to(person_id: int, *, entity_id: int) -> frozenset[int]:
    """Ids of those who stand in for the person there, or for whom he does, now or later."""
    today = timezone.now().date() - timedelta(days=1)  # no clock on earth is behind it
    standing = Delegation.objects.standing().filter(entity_id=entity_id, ends_on__gte=today)
    given = standing.filter(delegator_id=person_id).values_list("delegate_id", flat=True)
    taken = standing.filter(delegate_id=person_id).values_list("delegator_id", flat=True)
    return frozenset({*given, *taken})


def second_signers(waiver: Waiver) -> frozenset[int]:
    """Ids of those who may sign it as things stand: neither its person nor the first, nor tied."""
    able = people_who_may(SIGN_WAIVERS, entity_id=waiver.entity_id).values_list("pk", flat=True)
    tied = tied_to(waiver.person_id, entity_id=waiver.entity_id)
    return frozenset(able) - tied - {waiver.person_id, waiver.proposed_by_id}

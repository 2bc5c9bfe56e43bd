"""The waivers of entities."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from apps.approvals.models import Waiver
from apps.approvals.rules import WaiverTerms
from apps.identity.models import Entity, User


def waivers_on(
    entities: Collection[Entity], *, at: datetime | None = None
) -> dict[int, tuple[WaiverTerms, ...]]:
    """The waivers with both signatures, by entity (one query).

    Args:
        at: as they stood at this instant; None: now.
    """
    found: dict[int, list[WaiverTerms]] = {}
    for row in Waiver.objects.standing(at).filter(entity__in=entities):
        terms = WaiverTerms(row.pk, row.person_id, row.item_type, row.starts_on, row.ends_on)
        found.setdefault(row.entity_id, []).append(terms)
    return {entity.pk: tuple(found.get(entity.pk, ())) for entity in entities}


def waivers_seen_by(actor: User) -> Any:
    """Every waiver that the actor may see, whatever became of it (a queryset)."""
    return Waiver.objects.visible_to(actor).with_people()

"""Leaves and delegations as they stand, and which requests would stall without somebody."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from apps.approvals.models import Delegation, Leave
from apps.approvals.rules import Absence, Absences, LimitTerms, Mandate
from apps.identity.models import Entity, User


def absences_on(
    entities: Iterable[Entity], *, on: date | None = None, at: datetime | None = None
) -> dict[int, Absences]:
    """Who is away and who stands in, by entity (two queries).

    Args:
        on: the day; without it the day of `at`, by the clock of each entity.
        at: as it stood at this instant, by what was on record then; None: now.
    """
    days = {entity.pk: on or timezone.localdate(at, timezone=entity.zone) for entity in entities}
    if not days:
        return {}
    mandates = _mandates(days, at)
    leaves = tuple(
        Absence(person_id, starts_on, ends_on)
        for person_id, starts_on, ends_on in Leave.objects.standing(at)
        .filter(starts_on__lte=max(days.values()), ends_on__gte=min(days.values()))
        .values_list("person_id", "starts_on", "ends_on")
    )
    return {
        entity_id: Absences(day, leaves, tuple(mandates.get(entity_id, ())))
        for entity_id, day in days.items()
    }


def absences_of(entity: Entity) -> Absences:
    """`absences_on` for one entity."""
    return absences_on([entity])[entity.pk]


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


def _mandates(days: dict[int, date], at: datetime | None) -> dict[int, list[Mandate]]:
    found: dict[int, list[Mandate]] = {}
    rows = Delegation.objects.standing(at).filter(
        entity_id__in=list(days),
        starts_on__lte=max(days.values()),
        ends_on__gte=min(days.values()),
    )
    for row in rows.order_by("pk"):
        found.setdefault(row.entity_id, []).append(mandate_of(row))
    return found


def mandate_of(row: Delegation) -> Mandate:
    """What the rules know of a delegation."""
    cap = None
    if row.cap_amount is not None:
        cap = LimitTerms(
            item_type=row.item_type,
            amount=row.cap_amount,
            currency=row.cap_currency,
            starts_on=row.starts_on,
            user_id=row.delegate_id,
        )
    return Mandate(
        delegator_id=row.delegator_id,
        delegate_id=row.delegate_id,
        item_type=row.item_type,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        cap=cap,
    )

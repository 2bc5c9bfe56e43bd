"""Which open requests would stall if somebody were away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from apps.approvals.models import Request
from apps.approvals.rules import Absence
from apps.approvals.selectors.staff import shortage_of, staff_of
from apps.approvals.selectors.standing import standing_on
from apps.identity.models import Entity, User


@dataclass(frozen=True)
class Stall:
    """A request that goes on as things stand, and would not without the person.

    Attributes:
        steps: the steps that could not be filled, counted from 1.
        missing: how many more people they would take.
    """

    request: Request
    steps: tuple[int, ...]
    missing: int


def stalls_without(person: User, *, on: date, actor: User) -> list[Stall]:
    """The open requests that would stall if the person were away on a day, most urgent first.

    As things stand now, with the leaves and delegations that hold on that day; the actor is told
    of the requests that he may see.
    """
    seen = Request.objects.visible_to(actor).open().with_participants()
    entities = Entity.objects.filter(pk__in=person.granted_entity_ids()).order_by("pk")
    return [
        stall
        for entity in entities
        for stall in _stalls(entity, seen.filter(entity=entity).order_by("due_at"), person, on)
    ]


def _stalls(entity: Entity, requests: Iterable[Request], person: User, on: date) -> Iterable[Stall]:
    there = replace(staff_of(entity), absences=standing_on([entity], on=on)[entity.pk].absences)
    leaves = (*there.absences.leaves, Absence(person.pk, on, on))
    without = replace(there, absences=replace(there.absences, leaves=leaves))
    for request in requests:
        lack = shortage_of(request, without)
        if lack is not None and shortage_of(request, there) is None:
            yield Stall(request, tuple(step + 1 for step in lack.steps), lack.missing)

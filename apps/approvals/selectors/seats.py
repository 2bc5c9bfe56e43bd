"""What somebody could decide on, as conditions for the database: `Staff`, for whole lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from operator import or_
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from apps.approvals.models import Conflict, Decision, Escalation
from apps.approvals.permissions import DECIDE_REQUEST
from apps.approvals.rules import Absences, Mandate, converted, waived_kinds
from apps.approvals.selectors.limits import Limits
from apps.approvals.selectors.standing import Standing, standing_on
from apps.approvals.states import RequestStatus
from apps.identity.holders import roles_holding
from apps.identity.models import Entity, EntityUserObjectPermission, User

# A condition that nothing fits. It is left out where it changes nothing: an inbox is asked for on
# every page, and to compile a condition takes about as long as to carry it out.
_NOTHING = Q(pk__in=[])


def any_of(*conditions: Q) -> Q:
    """What fits one of the conditions at least."""
    return reduce(or_, [one for one in conditions if one is not _NOTHING] or [_NOTHING])


def _none_of(*conditions: Q) -> Q:
    """What fits none of the conditions."""
    barred = any_of(*conditions)
    return Q() if barred is _NOTHING else ~barred


def _among(ids: list[int]) -> Q:
    return Q(pk__in=ids) if ids else _NOTHING


def seats_of(actor: User, among: Sequence[Entity] | None = None) -> list[Q]:
    """A condition for each seat in which the actor could decide: his own, and those lent to him.

    They hold of requests annotated with the stage `at_work` and the amount `measured` (two
    queries, however many seats there are; one more for the roles of those whom delegations tie to
    him, and one without `among`).

    Args:
        among: the entities that the actor sees, where they were read already.
    """
    seen = Entity.objects.visible_to(actor) if among is None else among
    entities = [one for one in seen if actor.may(DECIDE_REQUEST, one.pk)]
    standing = standing_on(entities)
    mandates = chain.from_iterable(one.absences.in_force for one in standing.values())
    pairs = ({one.delegator_id, one.delegate_id} for one in mandates)
    tied = set[int]().union(*(pair for pair in pairs if actor.pk in pair)) - {actor.pk}
    others, moved = _roles(entities, tied), _moved(entities, {actor.pk, *tied})
    return [
        seat
        for entity in entities
        if not standing[entity.pk].absences.is_away(actor.pk)
        for seat in _House(
            entity.pk,
            standing[entity.pk],
            {actor.pk: _Person.of(actor, entity), **others.get(entity.pk, {})},
            moved,
        ).seats(actor.pk)
    ]


@dataclass(frozen=True)
class _Person:
    username: str
    roles: frozenset[str]

    @classmethod
    def of(cls, user: User, entity: Entity) -> _Person:
        return cls(user.username, user.roles_on(entity.pk))


@dataclass(frozen=True)
class _Moved:
    """Where seats went: request and person to whether he has the seat, by the last move."""

    last: dict[tuple[int, int], bool]

    def there(self, person_id: int) -> list[int]:
        """Ids of the requests at whose step at work the person was given a seat."""
        return [
            request for (request, person), has in self.last.items() if has and person == person_id
        ]

    def away(self, person_id: int) -> list[int]:
        """Ids of those at whose step at work his seat went to somebody else."""
        return [
            request
            for (request, person), has in self.last.items()
            if not has and person == person_id
        ]


@dataclass(frozen=True)
class _House:
    """One entity, with the people that matter."""

    entity_id: int
    standing: Standing
    people: dict[int, _Person]
    moved: _Moved

    @property
    def absences(self) -> Absences:
        return self.standing.absences

    @property
    def limits(self) -> Limits:
        return self.standing.limits

    def seats(self, person_id: int) -> Iterable[Q]:
        yield self._own_seat(person_id)
        for mandate in self.absences.in_force:
            if mandate.delegate_id == person_id:
                yield self._lent_seat(mandate)

    def _own_seat(self, person_id: int) -> Q:
        passed_on = (
            self._passed_on(mandate) & ~_took_part(person_id)
            for mandate in self.absences.in_force
            if mandate.delegator_id == person_id
        )
        seat = self._seat(person_id, self._barred(person_id))
        return seat & self._within(person_id) & _none_of(*passed_on)

    def _lent_seat(self, mandate: Mandate) -> Q:
        return (
            self._seat(mandate.delegator_id, _took_part(mandate.delegator_id))
            & self._passed_on(mandate)
            & ~_voted(mandate.delegate_id)
        )

    def _barred(self, person_id: int) -> Q:
        """What he made, or had a hand in without a waiver for it."""
        kinds = waived_kinds(self.standing.waivers, person_id=person_id, day=self.absences.day)
        took_part = _took_part(person_id)
        if not kinds:
            return took_part
        return Q(maker_id=person_id) | (took_part & ~Q(item_type__in=kinds))

    def _seat(self, person_id: int, barred: Q) -> Q:
        """The stage at work asks for this person, whose vote is not given, and who may."""
        return (
            Q(entity_id=self.entity_id) & self._asked_for(person_id) & ~barred & ~_voted(person_id)
        )

    def _asked_for(self, person_id: int) -> Q:
        person = self.people.get(person_id)
        if person is None:
            return _NOTHING
        roles = sorted(person.roles)
        own = [Q(at_work__role=role) for role in roles]
        added = [Q(added__role=role) for role in roles]
        received = _NOTHING
        if person.roles & roles_holding(DECIDE_REQUEST):
            own.append(Q(at_work__people__contains=[person.username]))
            added.append(Q(added__people__contains=[person.username]))
            received = _among(self.moved.there(person_id))
        late = Escalation.objects.filter(
            any_of(*added), request=OuterRef("pk"), stage=OuterRef("stage")
        )
        kept = any_of(*own) & _none_of(_among(self.moved.away(person_id)))
        return any_of(kept, received, Q(Exists(late)))

    def _passed_on(self, mandate: Mandate) -> Q:
        """What a delegator has handed over, as far as the delegate may act on it."""
        delegate = self.people.get(mandate.delegate_id)
        if delegate is None or not delegate.roles & roles_holding(DECIDE_REQUEST):
            return _NOTHING
        return (
            self._kinds(mandate)
            & ~_took_part(mandate.delegate_id)
            & self._within(mandate.delegator_id)
            & self._within(mandate.delegate_id)
            & self._below_cap(mandate)
        )

    def _kinds(self, mandate: Mandate) -> Q:
        if mandate.item_type:
            return Q(item_type=mandate.item_type)
        own = [
            other.item_type
            for other in self.absences.in_force
            if other.delegator_id == mandate.delegator_id and other.item_type
        ]
        return ~Q(item_type__in=own) if own else Q()

    def _below_cap(self, mandate: Mandate) -> Q:
        if mandate.cap is None:
            return Q()
        within = Q(amount__isnull=True)
        for currency in sorted(self.limits.rates.currencies(mandate.cap.currency)):
            most = converted(mandate.cap, currency, self.limits.day, self.limits.rates)
            if most is not None:
                within |= Q(currency=currency, measured__lte=most)
        return within

    def _within(self, person_id: int) -> Q:
        """The requests whose exposure this person may approve; at a review, all of them."""
        person = self.people.get(person_id)
        roles = frozenset[str]() if person is None else person.roles
        allowed = Q()
        for kind in sorted(self.limits.kinds()):
            within = Q(amount__isnull=True)
            for currency, most in self.limits.table_of(person_id, roles, kind).items():
                within |= Q(currency=currency, measured__lte=most)
            allowed &= ~Q(item_type=kind) | within
        return allowed | Q(at_work__contains={"within_limit": False}) if allowed else allowed


def _took_part(person_id: int) -> Q:
    noted = Conflict.objects.filter(request=OuterRef("pk"), user_id=person_id)
    return Q(maker_id=person_id) | Q(Exists(noted))


def _voted(person_id: int) -> Q:
    # A decision makes the next version: most of what waits is at its first and is not looked up.
    # That decisions are of steps up to the one at work is so anyway. It is said to keep the
    # database from reading all that he ever decided instead, which grows with the years.
    made = Decision.objects.filter(
        Q(approver_id=person_id) | Q(on_behalf_of_id=person_id),
        request=OuterRef("pk"),
        stage__lte=OuterRef("stage"),
    )
    return Q(version__gt=1) & Q(Exists(made))


# As text, like `standing_on`: to make it of a queryset takes ten times as long as to ask it.
_MOVED = """
SELECT moved.request_id, moved.from_person_id, moved.to_person_id
  FROM approvals_reassignment moved
  JOIN approvals_request request ON request.id = moved.request_id AND request.stage = moved.stage
 WHERE request.status = %(pending)s AND request.entity_id = ANY(%(entities)s)
   AND (moved.from_person_id = ANY(%(people)s) OR moved.to_person_id = ANY(%(people)s))
 ORDER BY moved.id
"""


def _moved(entities: Iterable[Entity], people: Iterable[int]) -> _Moved:
    """The seats of these people that were moved at the steps at work (one query)."""
    given: dict[str, Any] = {
        "pending": RequestStatus.PENDING.value,
        "entities": [one.pk for one in entities],
        "people": list(people),
    }
    last: dict[tuple[int, int], bool] = {}
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, given)
        for request_id, giver, taker in cursor.fetchall():
            last |= {(request_id, giver): False, (request_id, taker): True}
    return _Moved(last)


def _roles(entities: Iterable[Entity], people: Iterable[int]) -> dict[int, dict[int, _Person]]:
    """Entity to its people among these, with their roles there (one query; none for nobody)."""
    there = list(people)
    if not there:
        return {}
    found: dict[int, dict[int, tuple[str, set[str]]]] = {}
    rows = EntityUserObjectPermission.objects.filter(
        content_object__in=list(entities), user__in=there, user__is_active=True
    ).values_list("content_object_id", "user_id", "user__username", "permission__codename")
    for entity_id, user_id, username, role in rows:
        found.setdefault(entity_id, {}).setdefault(user_id, (username, set()))[1].add(role)
    return {
        entity_id: {pk: _Person(name, frozenset(roles)) for pk, (name, roles) in there.items()}
        for entity_id, there in found.items()
    }

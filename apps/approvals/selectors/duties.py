"""Who did both sides of a conflict in some days, and who could."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Abs
from django.utils import timezone

from apps.approvals.errors import DaysInvalid
from apps.approvals.models import Conflict, Decision, Limit, Policy, Request
from apps.approvals.permissions import (
    DECIDE_REQUEST,
    MANAGE_LIMITS,
    MANAGE_POLICIES,
    REQUEST_APPROVAL,
    VIEW_CONTROLS,
)
from apps.approvals.rules import Both, Pairing, could_do_both
from apps.approvals.selectors.roles import role_changes, role_spells
from apps.common.access import authorize
from apps.identity.holders import roles_holding
from apps.identity.models import Entity, User
from apps.identity.permissions import MANAGE_USERS

PREPARE, RULES, ROLES = "prepare_decide", "rules_decide", "roles_decide"


@cache
def pairings() -> tuple[Pairing, ...]:
    """The duties that are to lie with different people, by the permissions that roles hold."""
    deciding = roles_holding(DECIDE_REQUEST)
    return (
        Pairing(
            name=PREPARE,
            first="ask for approvals",
            second="decide on them",
            first_roles=roles_holding(REQUEST_APPROVAL),
            second_roles=deciding,
            risk="Work is approved by whoever prepared it.",
        ),
        Pairing(
            name=RULES,
            first="set policies and limits",
            second="decide under them",
            first_roles=roles_holding(MANAGE_POLICIES) | roles_holding(MANAGE_LIMITS),
            second_roles=deciding,
            risk="Somebody lowers what is asked for, and approves under it.",
        ),
        Pairing(
            name=ROLES,
            first="give roles",
            second="decide",
            first_roles=roles_holding(MANAGE_USERS),
            second_roles=deciding,
            risk="Somebody gives himself, or a friend, the role that approves.",
        ),
    )


@dataclass
class Tally:
    """How often somebody did something, and about how much of each currency."""

    number: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)

    def add(self, number: int, currency: str = "", amount: Decimal | None = None) -> None:
        """Count some more of it."""
        self.number += number
        if amount is not None:
            self.amounts[currency] = self.amounts.get(currency, Decimal(0)) + amount


@dataclass(frozen=True)
class Violation:
    """Somebody decided on what he had a hand in.

    Attributes:
        person: whose hand and whose vote it was; with a delegation perhaps not who clicked.
        part: what he had done with the subject, in words.
        is_later: he was noted as having taken part only after he had decided.
    """

    request: Request
    decision: Decision
    person: User
    part: str
    is_later: bool

    @property
    def is_breach(self) -> bool:
        """Nothing explains it."""
        return self.decision.waiver is None and not self.is_later

    @property
    def remark(self) -> str:
        """How it stands with it."""
        if self.decision.waiver is not None:
            return f"under waiver {self.decision.waiver.pk}, {self.decision.waiver.signers}"
        return "took part after he had decided" if self.is_later else "against the rule"


@dataclass(frozen=True)
class Pair:
    """One person and two duties that should not meet.

    Attributes:
        could: how he could do both; None if he could not in these days (he did one before).
        first, second: how often he did each, whatever the subject.
    """

    pairing: Pairing
    person: User
    could: Both | None
    first: Tally
    second: Tally

    @property
    def did(self) -> bool:
        """Whether he did both, on the same thing or not."""
        return bool(self.first.number and self.second.number)


@dataclass(frozen=True)
class DutiesReport:
    """What was found about one entity in some days, first and last included."""

    entity: Entity
    starts_on: date
    ends_on: date
    violations: tuple[Violation, ...]
    pairs: tuple[Pair, ...]


def duties_report(entity: Entity, starts_on: date, ends_on: date, *, actor: User) -> DutiesReport:
    """Who did both sides, and who could (a fixed number of queries).

    Args:
        starts_on, ends_on: first and last day, by the entity's clock.

    Raises:
        NotPermitted: the actor looks at no controls there.
        DaysInvalid: the last day is before the first.
    """
    authorize(actor, VIEW_CONTROLS, entity_id=entity.pk)
    span = days_between(entity, starts_on, ends_on)
    return DutiesReport(
        entity=entity,
        starts_on=starts_on,
        ends_on=ends_on,
        violations=tuple(_violations(entity, span)),
        pairs=tuple(_pairs(entity, span)),
    )


Span = tuple[datetime, datetime]


def days_between(entity: Entity, starts_on: date, ends_on: date) -> Span:
    """From the first instant of the first day to the first after the last, by the entity's clock.

    Raises:
        DaysInvalid: the last day is before the first.
    """
    if ends_on < starts_on:
        raise DaysInvalid(field="ends_on")
    first = datetime.combine(starts_on, time.min, entity.zone)
    return first, datetime.combine(ends_on + timedelta(days=1), time.min, entity.zone)


def _violations(entity: Entity, span: Span) -> Iterable[Violation]:
    """Decisions by, or for, somebody who had a hand in the subject, oldest first."""
    noted = Conflict.objects.filter(request=OuterRef("request"))
    decisions = (
        Decision.objects.filter(request__entity=entity, **_within("decided_at", span))
        .filter(
            Q(approver=F("request__maker"))
            | Q(on_behalf_of=F("request__maker"))
            | Exists(noted.filter(user=OuterRef("approver")))
            | Exists(noted.filter(user=OuterRef("on_behalf_of")))
        )
        .select_related("request", "approver", "on_behalf_of")
        .select_related("waiver__proposed_by", "waiver__signed_by")
        .prefetch_related("request__conflicts")
        .order_by("decided_at", "pk")
    )
    for decision in decisions:
        for person in filter(None, (decision.approver, decision.on_behalf_of)):
            found = _violation(decision, person)
            if found is not None:
                yield found


def _violation(decision: Decision, person: User) -> Violation | None:
    request: Request = decision.request
    if person.pk == request.maker_id:
        return Violation(request, decision, person, "made it", is_later=False)
    for conflict in request.conflicts.all():
        if conflict.user_id == person.pk:
            is_later = conflict.noted_at is not None and conflict.noted_at > decision.decided_at
            return Violation(request, decision, person, "had a hand in it", is_later=is_later)
    return None


def _pairs(entity: Entity, span: Span) -> list[Pair]:
    """Whoever could do both or did both, those who did first."""
    known = role_spells(entity)
    so_far = (span[0], min(span[1], timezone.now()))
    could = {
        (pairing.name, both.person_id): both
        for pairing in pairings()
        for both in could_do_both(known, pairing, *so_far)
    }
    firsts = {
        PREPARE: _asked(entity, span),
        RULES: _ruled(entity, span),
        ROLES: _gave(entity, span),
    }
    decided = _decided(entity, span)
    people = _people({pk for _, pk in could} | {*decided})
    pairs = [
        Pair(
            pairing=pairing,
            person=person,
            could=could.get((pairing.name, pk)),
            first=firsts[pairing.name].get(pk, Tally()),
            second=decided.get(pk, Tally()),
        )
        for pairing in pairings()
        for pk, person in people.items()
    ]
    return sorted(
        (pair for pair in pairs if pair.did or pair.could is not None),
        key=lambda pair: not pair.did,
    )


def _people(ids: Iterable[int]) -> Mapping[int, User]:
    found = User.objects.filter(pk__in=set(ids)).order_by("last_name", "first_name", "pk")
    return {person.pk: person for person in found}


def _asked(entity: Entity, span: Span) -> dict[int, Tally]:
    rows = (
        Request.objects.filter(entity=entity, **_within("requested_at", span))
        .order_by()
        .values_list("maker", "currency")
        .annotate(number=Count("pk"), size=Sum(Abs("amount")))
    )
    return _tallied(rows)


def _decided(entity: Entity, span: Span) -> dict[int, Tally]:
    """By whose vote it was: a stand-in's decision counts for both."""
    made = Decision.objects.filter(request__entity=entity, **_within("decided_at", span)).order_by()
    sums = {"number": Count("pk"), "size": Sum(Abs("request__amount"))}
    own = made.values_list("approver", "request__currency").annotate(**sums)
    lent = made.exclude(on_behalf_of=None).values_list("on_behalf_of", "request__currency")
    return _tallied([*own, *lent.annotate(**sums)])


def _ruled(entity: Entity, span: Span) -> dict[int, Tally]:
    policies = Policy.objects.filter(entity=entity, **_within("proposed_at", span))
    limits = Limit.objects.filter(entity=entity, **_within("defined_at", span))
    people = [*policies.values_list("created_by", flat=True)]
    people += limits.values_list("created_by", flat=True)
    return _counted(people)


def _gave(entity: Entity, span: Span) -> dict[int, Tally]:
    events = role_changes(entity).filter(**_within("occurred_at", span))
    return _counted(events.values_list("actor", flat=True))


def _within(name: str, span: Span) -> dict[str, Any]:
    return {f"{name}__gte": span[0], f"{name}__lt": span[1]}


def _tallied(rows: Iterable[tuple[Any, ...]]) -> dict[int, Tally]:
    found: dict[int, Tally] = {}
    for person, currency, number, size in rows:
        found.setdefault(person, Tally()).add(number, currency, size)
    return found


def _counted(people: Iterable[int]) -> dict[int, Tally]:
    found: dict[int, Tally] = {}
    for person in people:
        found.setdefault(person, Tally()).add(1)
    return found

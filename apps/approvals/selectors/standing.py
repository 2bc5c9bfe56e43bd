"""Limits, rates, leaves, delegations and waivers as they stand: all that bounds who may decide."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from apps.approvals.models.spans import standing_sql
from apps.approvals.rules import (
    LONGEST_RATE_AGE_DAYS,
    Absence,
    Absences,
    DatedRate,
    LimitTerms,
    Mandate,
    Rates,
    WaiverTerms,
)
from apps.approvals.selectors.limits import Limits
from apps.identity.models import Entity

# Every inbox and every decision asks for all of it. As one statement it takes a fifth of the time
# of five queries, most of which goes into making the text of each.
_FACTS = """
SELECT 'limit', entity_id, id, user_id, NULL::bigint, role, item_type, amount, currency, '',
       starts_on, ends_on
  FROM approvals_limit WHERE entity_id = ANY(%(entities)s) AND {limits}
UNION ALL
SELECT 'rate', entity_id, id, NULL, NULL, '', '', rate, currency, quote, quoted_on, NULL
  FROM approvals_exchangerate
 WHERE entity_id = ANY(%(entities)s) AND quoted_on >= %(oldest_rate)s AND {rates}
UNION ALL
SELECT 'leave', NULL, id, person_id, NULL, '', '', NULL, '', '', starts_on, ends_on
  FROM approvals_leave
 WHERE starts_on <= %(last_day)s AND ends_on >= %(first_day)s AND {leaves}
UNION ALL
SELECT 'delegation', entity_id, id, delegator_id, delegate_id, '', item_type, cap_amount,
       cap_currency, '', starts_on, ends_on
  FROM approvals_delegation
 WHERE entity_id = ANY(%(entities)s)
   AND starts_on <= %(last_day)s AND ends_on >= %(first_day)s AND {delegations}
UNION ALL
SELECT 'waiver', entity_id, id, person_id, NULL, '', item_type, NULL, '', '', starts_on, ends_on
  FROM approvals_waiver
 WHERE entity_id = ANY(%(entities)s) AND signed_at IS NOT NULL AND {waivers}
 ORDER BY 1, 3
"""


@dataclass(frozen=True)
class Standing:
    """What holds on one entity on one day.

    Attributes:
        limits: how much people may approve.
        absences: who is away, and who stands in for whom.
        waivers: with both signatures: who may decide though he had a hand in it.
    """

    limits: Limits
    absences: Absences
    waivers: tuple[WaiverTerms, ...]


class _Fact(NamedTuple):
    """A row of the statement; what is Any may be empty, by the kind of the fact."""

    kind: str
    entity_id: Any
    pk: int
    person_id: Any
    delegate_id: Any
    role: str
    item_type: str
    amount: Any
    currency: str
    quote: str
    starts_on: date
    ends_on: Any


def standing_on(
    entities: Collection[Entity], *, on: date | None = None, at: datetime | None = None
) -> dict[int, Standing]:
    """What holds on each of these entities (one query).

    Args:
        on: the day of the leaves and delegations; without it, and for all else, the day of `at`
            by the clock of each entity.
        at: as it stood at this instant, by what was on record then; None: now.
    """
    days = {entity.pk: timezone.localdate(at, timezone=entity.zone) for entity in entities}
    if not days:
        return {}
    facts: dict[str, list[_Fact]] = {}
    for fact in _read(days, on, at):
        facts.setdefault(fact.kind, []).append(fact)
    leaves = tuple(map(_leave, facts.get("leave", ())))
    return {
        entity_id: Standing(
            limits=Limits(
                day=day,
                terms=tuple(map(_limit, _of(entity_id, facts.get("limit", ())))),
                rates=Rates(tuple(map(_rate, _of(entity_id, facts.get("rate", ()))))),
            ),
            absences=Absences(
                on or day,
                leaves,
                tuple(map(_mandate, _of(entity_id, facts.get("delegation", ())))),
            ),
            waivers=tuple(map(_waiver, _of(entity_id, facts.get("waiver", ())))),
        )
        for entity_id, day in days.items()
    }


def _read(days: dict[int, date], on: date | None, at: datetime | None) -> Iterable[_Fact]:
    statement = _FACTS.format(
        limits=standing_sql("defined_at", "retired_at", at),
        rates="TRUE" if at is None else "entered_at <= %(at)s",
        leaves=standing_sql("planned_at", "cancelled_at", at),
        delegations=standing_sql("delegated_at", "revoked_at", at),
        waivers=standing_sql("signed_at", "revoked_at", at),
    )
    given: dict[str, Any] = {
        "entities": list(days),
        "first_day": on or min(days.values()),
        "last_day": on or max(days.values()),
        # No clock on earth is more than a day from that of the servers.
        "oldest_rate": (at or timezone.now()).date() - timedelta(days=LONGEST_RATE_AGE_DAYS + 1),
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(map(_Fact._make, cursor.fetchall()))


def _of(entity_id: int, facts: Iterable[_Fact]) -> Iterable[_Fact]:
    return (fact for fact in facts if fact.entity_id == entity_id)


def _limit(fact: _Fact) -> LimitTerms:
    return LimitTerms(
        item_type=fact.item_type,
        amount=fact.amount,
        currency=fact.currency,
        starts_on=fact.starts_on,
        user_id=fact.person_id,
        role=fact.role,
        ends_on=fact.ends_on,
    )


def _rate(fact: _Fact) -> DatedRate:
    return DatedRate(fact.currency, fact.quote, fact.starts_on, fact.amount)


def _leave(fact: _Fact) -> Absence:
    return Absence(fact.person_id, fact.starts_on, fact.ends_on)


def _mandate(fact: _Fact) -> Mandate:
    cap = None
    if fact.amount is not None:
        cap = LimitTerms(
            item_type=fact.item_type,
            amount=fact.amount,
            currency=fact.currency,
            starts_on=fact.starts_on,
            user_id=fact.delegate_id,
        )
    return Mandate(
        delegator_id=fact.person_id,
        delegate_id=fact.delegate_id,
        item_type=fact.item_type,
        starts_on=fact.starts_on,
        ends_on=fact.ends_on,
        cap=cap,
    )


def _waiver(fact: _Fact) -> WaiverTerms:
    return WaiverTerms(fact.pk, fact.person_id, fact.item_type, fact.starts_on, fact.ends_on)

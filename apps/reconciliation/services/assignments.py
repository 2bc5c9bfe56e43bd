"""Who works breaks, and by when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np
from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize
from apps.identity.models import Entity, User
from apps.identity.selectors import people_who_may
from apps.reconciliation.errors import BreakClosed, OwnerUnfit, TermsInvalid
from apps.reconciliation.locks import break_for_update, match_type_for_update
from apps.reconciliation.matching import RuleSet
from apps.reconciliation.models import Break, BreakAssignment, MatchType, Run
from apps.reconciliation.permissions import ASSIGN_BREAK, EXPLAIN_BREAK, MANAGE_MATCH_TYPES
from apps.reconciliation.services.revising import require_reason
from apps.reconciliation.services.standing import require_standing

_MOST_DAYS: Final = 365
_MOST_BUCKETS: Final = 6


@transaction.atomic
def set_terms(
    *,
    match_type_id: int,
    owner_id: int | None,
    sla_days: int,
    ageing_days: Sequence[int],
    actor: User,
) -> MatchType:
    """Say who works the breaks of a match type, by when, and how their age is grouped.

    Args:
        owner_id: None for nobody in particular.
        sla_days: business days of the rules' calendar, counted from the day of a run; runs that
            are there keep the day they have.
        ageing_days: upper ends of the buckets, ascending.

    Raises:
        NotVisible, NotPermitted: not this actor.
        OwnerUnfit: this person cannot work breaks here.
        TermsInvalid: days that make no sense.
    """
    match_type = match_type_for_update(match_type_id, actor=actor)
    authorize(actor, MANAGE_MATCH_TYPES, entity_id=match_type.entity_id)
    if not 0 <= sla_days <= _MOST_DAYS:
        raise TermsInvalid(f"Breaks are due in 0 to {_MOST_DAYS} business days.", field="sla_days")
    listed = list(ageing_days)
    if not 1 <= len(listed) <= _MOST_BUCKETS or listed[0] < 0 or listed != sorted(set(listed)):
        raise TermsInvalid("Ageing buckets end at ascending days.", field="ageing_days")
    owner = _fit(match_type.entity, owner_id) if owner_id is not None else None
    match_type.owner, match_type.sla_days, match_type.ageing_days = owner, sla_days, listed
    match_type.save(update_fields=["owner", "sla_days", "ageing_days"])
    record(
        actor=actor,
        action="reconciliation.match_type.set_terms",
        subject=match_type,
        owner=owner_id,
        sla_days=sla_days,
        ageing_days=listed,
    )
    return match_type


@transaction.atomic
def assign_break(*, break_id: int, owner_id: int, reason: str, actor: User) -> BreakAssignment:
    """Give a break to somebody, instead of whoever had it.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunNotCompleted, RunSuperseded: there is no outcome, or it no longer stands.
        ReasonMissing: no reason given.
        BreakClosed: something took its place.
        OwnerUnfit: this person cannot work breaks here.
    """
    broken = break_for_update(break_id, actor=actor)
    authorize(actor, ASSIGN_BREAK, entity_id=broken.run.entity_id)
    require_standing(broken.run)
    words = require_reason(reason)
    if not Break.objects.filter(pk=broken.pk).exists():
        raise BreakClosed
    made: BreakAssignment = BreakAssignment.objects.create(
        broken=broken,
        owner=_fit(broken.run.entity, owner_id),
        reason=words,
        assigned_by=actor,
    )
    record(
        actor=actor,
        action="reconciliation.break.assign",
        subject=broken,
        entity_id=broken.run.entity_id,
        owner=owner_id,
        reason=words,
    )
    return made


def due_day(run: Run, rules: RuleSet) -> date:
    """By when the run's breaks are due, counted from today in the entity's time zone."""
    today = timezone.now().astimezone(run.entity.zone).date()
    days_off = np.array(rules.calendar.holidays, dtype="datetime64[D]")
    due = np.busday_offset(
        np.datetime64(today, "D"),
        run.match_type.sla_days,
        roll="forward",
        weekmask=rules.calendar.workdays,
        holidays=days_off,
    )
    return date(1970, 1, 1) + timedelta(days=int(due.astype("int64")))


def _fit(entity: Entity, owner_id: int) -> User:
    owner: User | None = (
        people_who_may(EXPLAIN_BREAK, entity_id=entity.pk).filter(pk=owner_id).first()
    )
    if owner is None:
        raise OwnerUnfit(field="owner")
    return owner

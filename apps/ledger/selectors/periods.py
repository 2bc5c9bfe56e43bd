"""Periods: which one a day belongs to, and what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Sum

from apps.ledger.errors import PeriodMissing
from apps.ledger.models import JournalEntry, JournalLine, Period
from apps.ledger.selectors.entries import CurrencyTotal
from apps.ledger.states import CLOSED, EntryStatus

PERIOD_ITEM = "period_lock"


@dataclass(frozen=True, slots=True)
class PeriodSummary:
    """What is in a period: number of entries by progress, and what was posted per currency."""

    posted: int
    submitted: int
    drafts: int
    totals: Sequence[CurrencyTotal]


def period_for(entity_id: int, on: date) -> Period:
    """The entity's period that contains the day.

    Raises:
        PeriodMissing: no period contains it.
    """
    period: Period | None = Period.objects.filter(
        entity_id=entity_id, starts_on__lte=on, ends_on__gte=on
    ).first()
    if period is None:
        raise PeriodMissing(f"No period contains {on.isoformat()}.", field="posted_on")
    return period


def closed_periods(entity_id: int, starts_on: date, ends_on: date) -> list[Period]:
    """The entity's closed periods that touch these days (both included), oldest first."""
    return list(
        Period.objects.filter(
            entity_id=entity_id, status__in=CLOSED, starts_on__lte=ends_on, ends_on__gte=starts_on
        ).order_by("starts_on")
    )


def period_summary(period: Period) -> PeriodSummary:
    """What is in the period now (two queries)."""
    counts = dict(
        JournalEntry.objects.filter(period=period)
        .values_list("status")
        .annotate(Count("id"))
        .order_by()
    )
    rows = (
        JournalLine.objects.filter(entry__period=period, entry__status=EntryStatus.POSTED)
        .values_list("currency")
        .annotate(Sum("debit"), Sum("credit"))
        .order_by("currency")
    )
    return PeriodSummary(
        posted=counts.get(EntryStatus.POSTED, 0),
        submitted=counts.get(EntryStatus.SUBMITTED, 0),
        drafts=counts.get(EntryStatus.DRAFT, 0),
        totals=[CurrencyTotal(*row) for row in rows],
    )


def period_digest(period: Period) -> str:
    """SHA-256 over entity, period and the number and content of every posted entry.

    An approval to lock the period binds to it, and a closed period keeps it.
    """
    digest = hashlib.sha256(f"{period.entity.code} {period.name}\n".encode())
    posted = (
        JournalEntry.objects.filter(period=period, status=EntryStatus.POSTED)
        .order_by("number")
        .values_list("number", "content_hash")
    )
    for number, content_hash in posted.iterator():
        digest.update(f"{number} {content_hash}\n".encode())
    return digest.hexdigest()

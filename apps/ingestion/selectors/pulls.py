"""Pulls: what was fetched, what failed, and whether a source is left alone for a while."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from apps.common.access import Actor
from apps.common.models import ScopedQuerySet
from apps.identity.models import Entity
from apps.ingestion.connectors import Window
from apps.ingestion.models import Pull, PullAttempt, Source
from apps.ingestion.states import MOST_FAILURES, OPEN_PULLS, REST, AttemptStatus
from apps.ledger.models import Period

# Lines are booked late: for so many days after a period its days are fetched along.
LOOK_BACK: Final = timedelta(days=7)


def pulls_for(actor: Actor) -> ScopedQuerySet:
    """Pulls of granted entities, newest first."""
    return (
        Pull.objects.visible_to(actor)
        .select_related("source", "entity", "asked_by", "batch")
        .order_by("-id")
    )


def ended_pulls(sources: Iterable[Source]) -> dict[int, Pull]:
    """The last pull of each source that ended, or failed and waits for its next try."""
    found = (
        Pull.objects.filter(source__in=list(sources))
        .exclude(status__in=OPEN_PULLS, failure_code="")
        .order_by("source_id", "-id")
        .distinct("source_id")
    )
    return {pull.source_id: pull for pull in found}


@dataclass(frozen=True, slots=True)
class Circuit:
    """The circuit breaker of a source, as its attempts tell it.

    Closed, the source is pulled as asked. After MOST_FAILURES in a row it is open: nothing is
    tried until `rests_until`. Then it is half-open: one attempt is let through, and its outcome
    decides.

    Attributes:
        failure_count: failures in a row, up to MOST_FAILURES.
        rests_until: None while closed; in the past when half-open.
    """

    failure_count: int
    rests_until: datetime | None

    @property
    def is_open(self) -> bool:
        return self.rests_until is not None and timezone.now() < self.rests_until


def circuit_of(source: Source) -> Circuit:
    """What the last attempts say; those before the connector was changed do not count."""
    attempts = PullAttempt.objects.filter(pull__source=source).exclude(status=AttemptStatus.RUNNING)
    if source.connected_at is not None:
        attempts = attempts.filter(started_at__gte=source.connected_at)
    latest = list(attempts.order_by("-id").values_list("status", "ended_at")[:MOST_FAILURES])
    failed = {AttemptStatus.FAILED, AttemptStatus.INTERRUPTED}
    count = 0
    while count < len(latest) and latest[count][0] in failed:
        count += 1
    return Circuit(count, latest[0][1] + REST if count == MOST_FAILURES else None)


def window_of(entity: Entity, starts_on: date, ends_on: date) -> Window:
    """These days, under the name of the period that the first of them lies in."""
    return Window(_period(entity, starts_on)[0], starts_on, ends_on)


def window_now(entity: Entity) -> Window:
    """From the period of a week ago to the end of today's, in the entity's zone.

    In the first days of a period the one before is fetched along, since lines are booked late.
    """
    today = timezone.now().astimezone(ZoneInfo(entity.time_zone)).date()
    name, starts_on, _ = _period(entity, today - LOOK_BACK)
    return Window(name, starts_on, _period(entity, today)[2])


def _period(entity: Entity, on: date) -> tuple[str, date, date]:
    """Name, first and last day of the period; of the calendar month where there is none."""
    period = Period.objects.filter(entity=entity, starts_on__lte=on, ends_on__gte=on).first()
    if period is not None:
        return period.name, period.starts_on, period.ends_on
    next_month = (on.replace(day=1) + timedelta(days=32)).replace(day=1)
    return f"{on:%Y-%m}", on.replace(day=1), next_month - timedelta(days=1)

"""Reopenings of closed periods: which there are, what they take, and what rests on a period."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from apps.approvals.models import Request
from apps.approvals.selectors import latest_request_for
from apps.audit.services import canonical_bytes
from apps.common.access import Actor, one_visible
from apps.common.models import ScopedQuerySet
from apps.ledger.models import Period, PeriodReopening
from apps.ledger.registry import Upon
from apps.ledger.states import CLOSED, PeriodStatus, ReopeningStatus

REOPENING_ITEM = "period_reopening"


def reopenings_for(actor: Actor) -> ScopedQuerySet:
    """The reopenings that the actor may see, newest first."""
    return (
        PeriodReopening.objects.visible_to(actor)
        .select_related("period__entity", "asked_by", "opened_by", "ended_by")
        .order_by("-id")
    )


def reopening_seen_by(actor: Actor, reopening_id: int) -> PeriodReopening:
    """One reopening as `reopenings_for` gives it.

    Raises:
        NotVisible: no such reopening for this actor.
    """
    found: PeriodReopening = one_visible(reopenings_for(actor).filter(pk=reopening_id))
    return found


def open_reopening(period: Period) -> PeriodReopening | None:
    """Under which the period takes postings; None if it does not."""
    found: PeriodReopening | None = period.reopenings.filter(status=ReopeningStatus.OPEN).first()
    return found


def live_reopening(period: Period) -> PeriodReopening | None:
    """The one that waits for approval or is open."""
    found: PeriodReopening | None = PeriodReopening.objects.live().filter(period=period).first()
    return found


def expired_reopenings(now: datetime) -> list[int]:
    """Ids of the live ones whose time is over."""
    live = PeriodReopening.objects.live().filter(expires_at__lte=now).order_by("pk")
    return list(live.values_list("pk", flat=True))


def later_periods(period: Period) -> list[Upon]:
    """The periods whose opening balances are what this one closes with."""
    later = Period.objects.filter(entity_id=period.entity_id, starts_on__gt=period.ends_on)
    begun = list(later.exclude(status=PeriodStatus.PLANNED).values_list("status", flat=True))
    if not begun:
        return []
    closed = sum(status in CLOSED for status in begun)
    return [
        Upon(
            f"Opening balances of {len(begun)} later periods, {closed} of them closed"
            if len(begun) > 1
            else "Opening balances of the next period" + (", which is closed" if closed else ""),
            "carry what is posted here; what these periods hold themselves stays",
        )
    ]


def request_about(reopening: PeriodReopening) -> Request | None:
    """The newest request for its approval."""
    return latest_request_for(reopening)


def reopening_hash(reopening: PeriodReopening) -> str:
    """SHA-256 over what is approved: which period as it was closed, why, for what, until when."""
    return hashlib.sha256(
        canonical_bytes(
            {
                "entity": reopening.period.entity.code,
                "period": reopening.period.name,
                "digest": reopening.digest_before,
                "number": reopening.number,
                "reason": reopening.reason,
                "kinds": sorted(reopening.kinds),
                "accounts": sorted(reopening.accounts),
                "expires_at": reopening.expires_at.astimezone(UTC).isoformat(),
            }
        )
    ).hexdigest()

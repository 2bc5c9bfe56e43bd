"""The clock of a step: it starts with the step, and again for each authority that is added."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from apps.approvals.models import Request, StageClock
from apps.approvals.selectors.clocks import time_of_step
from apps.approvals.selectors.staff import Staff


def start_clock(
    request: Request,
    staff: Staff,
    *,
    round: int = 0,  # noqa: A002 - the field's name
) -> StageClock:
    """Freeze by when the step at work is to be decided, in the business hours of its people.

    Args:
        staff: the people of the entity, who took part noted already.
        round: how often the step was escalated before.
    """
    now = timezone.now()
    times, basis = time_of_step(request, staff, now)
    made: StageClock = StageClock.objects.create(
        request=request,
        stage=request.stage,
        round=round,
        started_at=now,
        half_at=times.half_at,
        late_at=times.late_at,
        due_at=times.due_at,
        basis=basis,
    )
    request.due_at = made.due_at
    request.next_at = next_instant(request, made.half_at)
    request.save(update_fields=["due_at", "next_at"])
    return made


def next_instant(request: Request, at: datetime | None) -> datetime | None:
    """When something is to be done next: at that instant, or earlier if the request expires."""
    return min(filter(None, (at, request.expires_at)), default=None)

"""Queue what is due and on no one's way: retries, and what got lost."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from apps.operations.services import enqueue
from apps.outbound.states import LOST_AFTER

_BATCH: Final = 500


@transaction.atomic
def queue_due(waiting: Any, *, task: str, argument: str) -> int:
    """Queue a task for each row that is due; two that look at once queue it once.

    Args:
        waiting: rows with `due_at` and `queued_until`, those that wait (a queryset).
        argument: the task's name for the row's id.

    Returns:
        How many were queued.
    """
    now = timezone.now()
    due = waiting.filter(due_at__lte=now, queued_until__lte=now)
    locked = due.select_for_update(no_key=True, skip_locked=True).order_by("due_at")
    ids = list(locked.values_list("pk", flat=True)[:_BATCH])
    waiting.filter(pk__in=ids).update(queued_until=now + LOST_AFTER)
    for row_id in ids:
        enqueue(task, **{argument: row_id})
    return len(ids)

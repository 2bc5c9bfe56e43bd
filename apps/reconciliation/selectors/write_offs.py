"""Which breaks a journal entry books away already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.ledger.states import EntryStatus
from apps.reconciliation.models import Break, Run, WriteOff


def standing_write_offs(breaks: Sequence[Break]) -> dict[int, WriteOff]:
    """By break: the write-off whose entry is neither cancelled nor reversed."""
    found = (
        _standing().filter(broken__in=list(breaks)).select_related("entry", "proposed_by", "broken")
    )
    return {write_off.broken_id: write_off for write_off in found.order_by("pk")}


def written_off_in(run: Run) -> Any:
    """The ids of the run's breaks that an entry books away already (for `pk__in`)."""
    return _standing().filter(run=run, broken__isnull=False).values("broken_id")


def _standing() -> Any:
    return WriteOff.objects.exclude(entry__status=EntryStatus.CANCELLED).exclude(
        entry__reversals__status=EntryStatus.POSTED
    )

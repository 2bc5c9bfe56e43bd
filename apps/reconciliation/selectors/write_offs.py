"""Which breaks a journal entry books away already."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from django.db.models import Q

from apps.ledger.states import EntryStatus
from apps.reconciliation.models import Break, BreakItem, MatchGroup, Run, WriteOff


def standing_write_offs(breaks: Sequence[Break]) -> dict[int, WriteOff]:
    """By break: the write-off whose entry is neither cancelled nor reversed."""
    found = (
        _standing().filter(broken__in=list(breaks)).select_related("entry", "proposed_by", "broken")
    )
    return {write_off.broken_id: write_off for write_off in found.order_by("pk")}


def written_off_in(run: Run) -> Any:
    """The ids of the run's breaks that an entry books away already (for `pk__in`).

    Whatever run it was proposed in: an item that is carried over, or lies in another run of the
    match type too, is the same money. So is one inside a match whose difference was booked away.
    """
    standing = _standing().filter(run__match_type=run.match_type_id)
    in_breaks = BreakItem.ever.filter(broken__in=standing.values("broken")).values("record")
    groups = MatchGroup.ever.filter(pk__in=standing.values("group"))
    in_groups = chain.from_iterable(group.record_ids for group in groups)
    items = BreakItem.objects.filter(Q(record__in=in_breaks) | Q(record__in=list(in_groups)))
    return items.filter(broken__run=run).values("broken")


def standing_group_write_offs(run: Run) -> dict[MatchGroup, WriteOff]:
    """The same for the differences inside the run's matches."""
    found = _standing().filter(run=run, group__isnull=False).select_related("group")
    return {write_off.group: write_off for write_off in found.order_by("pk")}


def group_is_written_off(group: MatchGroup) -> bool:
    """Whether an entry books the difference inside the match away."""
    return bool(_standing().filter(group=group).exists())


def _standing() -> Any:
    return WriteOff.objects.exclude(entry__status=EntryStatus.CANCELLED).exclude(
        entry__reversals__status=EntryStatus.POSTED
    )

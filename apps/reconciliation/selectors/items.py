"""Which records a run compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from apps.ingestion.models import Source
from apps.ingestion.selectors import record_ids, records_frame, records_named
from apps.reconciliation.matching.schemas import Ints
from apps.reconciliation.models import BreakItem, MatchGroup, Run
from apps.reconciliation.selectors.groups import held_ids
from apps.reconciliation.states import BreakState, Carries, ReviewStatus, RunStatus, Side


@dataclass(frozen=True)
class Population:
    """The items of both sides, with how many of them were carried in."""

    left: pl.DataFrame
    right: pl.DataFrame
    carried_left_count: int
    carried_right_count: int

    @property
    def ids(self) -> tuple[Ints, Ints]:
        """Record ids of either side, ascending."""
        return self.left["id"].sort().to_numpy(), self.right["id"].sort().to_numpy()


def population(run: Run) -> Population:
    """The records of the run's days, and what the run before left to it (carry-forward).

    By default that is what it left awaited; other open items stay breaks of the period that found
    them, unless the match type carries all that is open.
    """
    match_type = run.match_type
    carried = carried_over(run)
    left = _side(run, match_type.left_source, match_type.left_accounts, carried[Side.LEFT])
    right = _side(run, match_type.right_source, match_type.right_accounts, carried[Side.RIGHT])
    return Population(left, right, len(carried[Side.LEFT]), len(carried[Side.RIGHT]))


def population_ids(run: Run) -> tuple[Ints, Ints]:
    """`population(run).ids` without reading or unsealing the records."""
    match_type = run.match_type
    carried = carried_over(run)
    sides = (
        (match_type.left_source_id, match_type.left_accounts, carried[Side.LEFT]),
        (match_type.right_source_id, match_type.right_accounts, carried[Side.RIGHT]),
    )
    left, right = (
        np.union1d(
            np.asarray(carried_ids, dtype=np.int64),
            record_ids(
                source_id=source_id,
                starts_on=run.starts_on,
                ends_on=run.ends_on,
                accounts=accounts or None,
            ),
        )
        for source_id, accounts, carried_ids in sides
    )
    return left, right


def items_of_run(run: Run) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The very records that a completed run compared, left and right, whatever came in since."""
    match_type = run.match_type
    left, right = (
        records_named(source_ids=[source_id], record_ids=_ids_in(run, side))
        for side, source_id in (
            (Side.LEFT, match_type.left_source_id),
            (Side.RIGHT, match_type.right_source_id),
        )
    )
    return left, right


def _ids_in(run: Run, side: Side) -> list[int]:
    broken = BreakItem.objects.filter(broken__run=run, side=side)
    matched = held_ids(MatchGroup.objects.filter(run=run), side)
    return [*matched, *broken.values_list("record_id", flat=True)]


def _side(
    run: Run, source: Source, accounts: Sequence[str], carried_ids: Sequence[int]
) -> pl.DataFrame:
    current = records_frame(
        source_ids=[source.pk],
        starts_on=run.starts_on,
        ends_on=run.ends_on,
        accounts=accounts or None,
    )
    if not carried_ids:
        return current
    carried = records_named(source_ids=[source.pk], record_ids=carried_ids)
    return pl.concat([carried, current])


def run_before(run: Run) -> Run | None:
    """The longest of the live runs that ended the day before this one starts."""
    ended = Run.objects.live().filter(
        match_type=run.match_type, ends_on=run.starts_on - timedelta(days=1)
    )
    return ended.order_by("starts_on").first()


def is_outdated(run: Run) -> bool:
    """Whether the run before leaves other items to this one now than this one took up.

    What it matched may be matched in the days before as well then: the money would count twice.
    Only where the run before was carried out again, or changed by hand, it is looked at.
    """
    before = run_before(run) if run.status == RunStatus.COMPLETED else None
    if before is None or not _has_changed_since(before, run):
        return False
    carried = carried_over(run)
    counts = {Side.LEFT: run.carried_left_count, Side.RIGHT: run.carried_right_count}
    return any(
        len(ids) != counts[side] or not set(ids) <= {*_ids_in(run, side)}
        for side, ids in carried.items()
    )


def _has_changed_since(before: Run, run: Run) -> bool:
    # What a run takes up is read after it was asked for: what is older than that, it has seen.
    is_newer = before.finished_at is not None and before.finished_at > run.requested_at
    return is_newer or before.revisions.filter(revised_at__gt=run.requested_at).exists()


def carried_over(run: Run) -> dict[Side, list[int]]:
    """Records in breaks of the live run that ended the day before this one starts.

    Those in awaited breaks, or, where the match type carries all open items, in every break that
    nobody accepted.

    Where several ended on that day, the longest of them decides, and the others do not count.
    """
    before = run_before(run)
    carried: dict[Side, list[int]] = {Side.LEFT: [], Side.RIGHT: []}
    items = BreakItem.objects.filter(broken__run=before)
    if run.match_type.carries == Carries.OPEN:
        items = items.exclude(broken__review__status=ReviewStatus.ACCEPTED)
    else:
        items = items.filter(broken__state=BreakState.AWAITED)
    for side, record_id in items.order_by("record_id").values_list("side", "record_id"):
        carried[Side(side)].append(record_id)
    return carried

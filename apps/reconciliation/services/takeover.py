"""What people said of a break stays said when a newer run finds the same break again."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from apps.audit.services import record
from apps.reconciliation.models import Break, BreakAssignment, BreakItem, BreakReview, Run, WriteOff
from apps.reconciliation.selectors.write_offs import (
    standing_group_write_offs,
    standing_write_offs,
)
from apps.reconciliation.services.revising import FORCED
from apps.reconciliation.states import ReviewStatus

Likeness = tuple[str, Decimal, frozenset[int]]  # cause, amount, records


def take_over(former: Run, run: Run) -> None:
    """Give the run's breaks what the same breaks of the former run were given by people.

    The same break has the same cause, the same amount and the same records; for what is booked
    away, the cause does not matter.
    """
    _take_reviews_over(former, run)
    _take_write_offs_over(former, run)
    _take_assignments_over(former, run)


def _take_reviews_over(former: Run, run: Run) -> None:
    """Explanations and acceptances."""
    reviews = (
        BreakReview.objects.filter(broken__run=former, broken__closure__isnull=True)
        .exclude(status=ReviewStatus.OPEN)
        .select_related("broken")
    )
    review_of = {review.broken: review for review in reviews}
    found = _found_again(review_of, run)
    for old, new in found:
        review = review_of[old]
        BreakReview.objects.create(
            broken=new,
            status=review.status,
            comment=review.comment,
            explained_by_id=review.explained_by_id,
            accepted_by_id=review.accepted_by_id,
            taken_over_from=old,
        )
    if found:
        record(
            actor=run.requested_by,
            action="reconciliation.review.take_over",
            subject=run,
            from_run=former.pk,
            reviews=len(found),
        )


def _take_write_offs_over(former: Run, run: Run) -> None:
    """The entries that book money away count for the same money, whatever its cause is now."""
    booked = list(former.breaks.filter(write_offs__isnull=False).distinct())
    standing = standing_write_offs(booked)
    old = _by_money(broken for broken in booked if broken.pk in standing)
    names = {pk for _, records in old for pk in records}
    new = _by_money(run.breaks.filter(items__record__in=names).distinct()) if names else {}
    of_breaks = [(standing[old[same].pk], new[same], None) for same in old.keys() & new.keys()]
    forced = {(one.difference, one.record_ids): one for one in run.groups.filter(status=FORCED)}
    of_groups = [
        (write_off, None, forced[same])
        for group, write_off in standing_group_write_offs(former).items()
        if (same := (group.difference, group.record_ids)) in forced
    ]
    WriteOff.objects.bulk_create(
        WriteOff(
            run=run,
            broken=broken,
            group=group,
            entry_id=write_off.entry_id,
            rule_id=write_off.rule_id,
            currency=write_off.currency,
            amount=write_off.amount,
            reason=write_off.reason,
            proposed_by_id=write_off.proposed_by_id,
        )
        for write_off, broken, group in [*of_breaks, *of_groups]
    )


def _take_assignments_over(former: Run, run: Run) -> None:
    """Breaks stay with those whom they were given to."""
    given = former.breaks.filter(assignments__isnull=False).distinct()
    for old, new in _found_again(given, run):
        last = BreakAssignment.objects.filter(broken=old).latest("pk")
        BreakAssignment.objects.create(
            broken=new,
            owner_id=last.owner_id,
            reason=last.reason,
            assigned_by_id=last.assigned_by_id,
        )


def _found_again(breaks: Iterable[Break], run: Run) -> list[tuple[Break, Break]]:
    """Those of these breaks that the run has too: the former one, and the run's."""
    before = _by_likeness(breaks)
    if not before:
        return []
    now = _by_likeness(run.breaks.filter(cause__in={cause for cause, _, _ in before}))
    return [(before[same], now[same]) for same in before.keys() & now.keys()]


def _by_likeness(breaks: Iterable[Break]) -> dict[Likeness, Break]:
    return {(one.cause, *_money(one, records)): one for one, records in _with_records(breaks)}


def _by_money(breaks: Iterable[Break]) -> dict[tuple[Decimal, frozenset[int]], Break]:
    return {_money(one, records): one for one, records in _with_records(breaks)}


def _money(broken: Break, records: set[int]) -> tuple[Decimal, frozenset[int]]:
    return broken.amount, frozenset(records)


def _with_records(breaks: Iterable[Break]) -> list[tuple[Break, set[int]]]:
    listed = list(breaks)
    records: dict[int, set[int]] = {broken.pk: set() for broken in listed}
    items = BreakItem.objects.filter(broken__in=listed).values_list("broken_id", "record_id")
    for broken_id, record_id in items:
        records[broken_id].add(record_id)
    return [(broken, records[broken.pk]) for broken in listed]

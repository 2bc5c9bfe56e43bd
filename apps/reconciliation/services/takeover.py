"""What people said of a break stays said when a newer run finds the same break again."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from apps.audit.services import record
from apps.reconciliation.models import Break, BreakAssignment, BreakItem, BreakReview, Run, WriteOff
from apps.reconciliation.selectors.write_offs import standing_write_offs
from apps.reconciliation.states import ReviewStatus

Likeness = tuple[str, Decimal, frozenset[int]]  # cause, amount, records


def take_over(former: Run, run: Run) -> None:
    """Give the run's breaks what the same breaks of the former run were given by people.

    The same break has the same cause, the same amount and the same records.
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
    """The entries that book breaks away count for the same breaks."""
    booked = list(former.breaks.filter(write_offs__isnull=False).distinct())
    standing = standing_write_offs(booked)
    found = _found_again([broken for broken in booked if broken.pk in standing], run)
    write_offs = [(standing[old.pk], new) for old, new in found]
    WriteOff.objects.bulk_create(
        WriteOff(
            run=run,
            broken=broken,
            entry_id=write_off.entry_id,
            rule_id=write_off.rule_id,
            currency=write_off.currency,
            amount=write_off.amount,
            reason=write_off.reason,
            proposed_by_id=write_off.proposed_by_id,
        )
        for write_off, broken in write_offs
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
    listed = list(breaks)
    records: dict[int, set[int]] = {broken.pk: set() for broken in listed}
    items = BreakItem.objects.filter(broken__in=listed).values_list("broken_id", "record_id")
    for broken_id, record_id in items:
        records[broken_id].add(record_id)
    return {
        (broken.cause, broken.amount, frozenset(records[broken.pk])): broken for broken in listed
    }

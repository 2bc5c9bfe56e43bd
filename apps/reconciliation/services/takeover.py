"""What people said of a break stays said when a newer run finds the same break again."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from apps.audit.services import record
from apps.reconciliation.models import Break, BreakAssignment, BreakItem, BreakReview, Run, WriteOff
from apps.reconciliation.selectors.write_offs import standing_write_offs
from apps.reconciliation.states import ReviewStatus

Likeness = tuple[str, Decimal, frozenset[int]]  # cause, amount, records


def take_reviews_over(former: Run, run: Run) -> int:
    """Give the run's breaks the explanations and acceptances of the same breaks before.

    The same break has the same cause, the same amount and the same records.

    Returns:
        How many reviews were taken over.
    """
    reviews = list(
        BreakReview.objects.filter(broken__run=former, broken__closure__isnull=True)
        .exclude(status=ReviewStatus.OPEN)
        .select_related("broken")
    )
    if not reviews:
        return 0
    before = _by_likeness([review.broken for review in reviews])
    now = _by_likeness(run.breaks.filter(cause__in={review.broken.cause for review in reviews}))
    review_of = {review.broken_id: review for review in reviews}
    found = [(review_of[before[same].pk], now[same]) for same in before.keys() & now.keys()]
    for review, broken in found:
        BreakReview.objects.create(
            broken=broken,
            status=review.status,
            comment=review.comment,
            explained_by_id=review.explained_by_id,
            accepted_by_id=review.accepted_by_id,
            taken_over_from=review.broken,
        )
    if found:
        record(
            actor=run.requested_by,
            action="reconciliation.review.take_over",
            subject=run,
            from_run=former.pk,
            reviews=len(found),
        )
    return len(found)


def take_write_offs_over(former: Run, run: Run) -> int:
    """Let the entries that book breaks away count for the same breaks of the run.

    Returns:
        How many breaks they are.
    """
    booked = list(former.breaks.filter(write_offs__isnull=False).distinct())
    standing = standing_write_offs(booked)
    if not standing:
        return 0
    before = _by_likeness(broken for broken in booked if broken.pk in standing)
    now = _by_likeness(run.breaks.filter(cause__in={broken.cause for broken in booked}))
    found = [(standing[before[same].pk], now[same]) for same in before.keys() & now.keys()]
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
        for write_off, broken in found
    )
    return len(found)


def take_assignments_over(former: Run, run: Run) -> int:
    """Leave the same breaks of the run with those whom they were given to.

    Returns:
        How many breaks they are.
    """
    given = list(former.breaks.filter(assignments__isnull=False).distinct())
    if not given:
        return 0
    before = _by_likeness(given)
    now = _by_likeness(run.breaks.filter(cause__in={broken.cause for broken in given}))
    found = [(before[same], now[same]) for same in before.keys() & now.keys()]
    for old, new in found:
        last = BreakAssignment.objects.filter(broken=old).latest("pk")
        BreakAssignment.objects.create(
            broken=new,
            owner_id=last.owner_id,
            reason=last.reason,
            assigned_by_id=last.assigned_by_id,
        )
    return len(found)


def _by_likeness(breaks: Iterable[Break]) -> dict[Likeness, Break]:
    listed = list(breaks)
    records: dict[int, set[int]] = {broken.pk: set() for broken in listed}
    items = BreakItem.objects.filter(broken__in=listed).values_list("broken_id", "record_id")
    for broken_id, record_id in items:
        records[broken_id].add(record_id)
    return {
        (broken.cause, broken.amount, frozenset(records[broken.pk])): broken for broken in listed
    }

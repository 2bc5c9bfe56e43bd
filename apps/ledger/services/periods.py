"""Open and close periods. A closed period takes no posting; the database says the same."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from apps.approvals.models import Request
from apps.approvals.selectors import policy_for
from apps.approvals.services import request_approval, use_approval
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.transitions import advance, require_move
from apps.identity.models import User
from apps.ledger.errors import ApprovalMissing, EntriesWaiting, PeriodMissing
from apps.ledger.locks import hold_period
from apps.ledger.models import Period
from apps.ledger.permissions import CLOSE_PERIOD, OPEN_PERIOD
from apps.ledger.registry import closed_again
from apps.ledger.selectors import PERIOD_ITEM, PeriodSummary, period_digest, period_summary
from apps.ledger.services.scope import visible_entity
from apps.ledger.states import (
    PERIOD_MOVES,
    REOPENING_MOVES,
    PeriodStatus,
    ReopeningEnd,
    ReopeningStatus,
)


@transaction.atomic
def open_period(*, entity_id: int, name: str, actor: User) -> Period:
    """Let a planned period take postings.

    Raises:
        NotVisible, NotPermitted: not this actor.
        PeriodMissing: the entity's calendar has no period of this name.
        IllegalMove: it was opened before.
    """
    entity = visible_entity(entity_id, actor)
    authorize(actor, OPEN_PERIOD, entity_id=entity.pk)
    planned = Period.objects.filter(entity=entity, name=name).first()
    if planned is None:
        raise PeriodMissing("There is no period of this name.", field="name")
    period = hold_period(planned.pk, actor=actor)
    move_period(period, PeriodStatus.OPEN, actor)
    record(actor=actor, action="ledger.period.open", subject=period, name=period.name)
    return period


@transaction.atomic
def soft_close_period(*, period_id: int, actor: User) -> Period:
    """Let a period take adjustments and reversals only, by those who may post late.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not open.
    """
    period = hold_period(period_id, actor=actor)
    authorize(actor, CLOSE_PERIOD, entity_id=period.entity_id)
    move_period(period, PeriodStatus.SOFT_CLOSED, actor)
    record(actor=actor, action="ledger.period.soft_close", subject=period, name=period.name)
    return period


@transaction.atomic
def close_period(*, period_id: int, actor: User) -> Period:
    """Close a period: it takes no posting any more, and keeps a digest of what it has.

    Waits for the postings that have begun; those that come later are refused. Closing a reopened
    period ends its reopening.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not open, soft-closed or reopened.
        EntriesWaiting: submitted entries of the period are neither posted nor withdrawn.
        ApprovalMissing: a policy asks for an approval of exactly what the period holds now.
        ApproverTookPart: somebody who approved it has taken part since.
    """
    period = hold_period(period_id, actor=actor)
    authorize(actor, CLOSE_PERIOD, entity_id=period.entity_id)
    require_move(period, to=PeriodStatus.HARD_CLOSED, moves=PERIOD_MOVES)
    summary = _require_none_waiting(period)
    digest = period_digest(period)
    is_asked = policy_for(entity_id=period.entity_id, item_type=PERIOD_ITEM) is not None
    used = use_approval(subject=period, subject_hash=digest, actor=actor)
    if is_asked and used is None:
        raise ApprovalMissing
    if period.status == PeriodStatus.REOPENED:
        shut_again(period, summary, digest, actor, how=ReopeningEnd.CLOSED)
    else:
        _shut(period, summary, digest, actor)
    return period


def shut_again(
    period: Period, summary: PeriodSummary, digest: str, actor: User, *, how: ReopeningEnd
) -> None:
    """Close a reopened period that is held alone, and end its reopening with it."""
    reopening = period.reopenings.get(status=ReopeningStatus.OPEN)
    reopening.period = period
    advance(reopening, to=ReopeningStatus.ENDED, moves=REOPENING_MOVES)
    reopening.ended_by, reopening.ended_at, reopening.ended_how = actor, timezone.now(), how
    reopening.digest_after = digest
    reopening._history_user = actor
    reopening.save(update_fields=["status", "ended_by", "ended_at", "ended_how", "digest_after"])
    _shut(period, summary, digest, actor)
    record(
        actor=actor,
        action="ledger.reopening.end",
        subject=reopening,
        period=period.name,
        how=how,
        digest_before=reopening.digest_before,
        digest_after=digest,
        submitted=summary.submitted,
    )
    closed_again(reopening)


@transaction.atomic
def request_period_lock(
    *, period_id: int, url: str, actor: User, notify_task: str = ""
) -> Request | None:
    """Ask for approval to close the period as it is now; a later posting needs a new one.

    Args:
        url: the page that shows what is to be approved.
        notify_task: task to run with `request_id` after the decision.

    Returns:
        The request, or None if no policy asks for one.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: the period cannot be closed from where it is.
        EntriesWaiting: submitted entries are neither posted nor withdrawn.
    """
    period = hold_period(period_id, actor=actor)
    authorize(actor, CLOSE_PERIOD, entity_id=period.entity_id)
    require_move(period, to=PeriodStatus.HARD_CLOSED, moves=PERIOD_MOVES)
    summary = _require_none_waiting(period)
    return request_approval(
        entity_id=period.entity_id,
        item_type=PERIOD_ITEM,
        subject=period,
        subject_hash=period_digest(period),
        title=f"Close {period.name}: {summary.posted} posted entries",
        url=url,
        maker=actor,
        notify_task=notify_task,
        actor=actor,
    )


@transaction.atomic
def archive_period(*, period_id: int, actor: User) -> Period:
    """Put a closed period away; it can never be opened again.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not closed.
    """
    period = hold_period(period_id, actor=actor)
    authorize(actor, CLOSE_PERIOD, entity_id=period.entity_id)
    move_period(period, PeriodStatus.ARCHIVED, actor)
    record(actor=actor, action="ledger.period.archive", subject=period, name=period.name)
    return period


def _shut(period: Period, summary: PeriodSummary, digest: str, actor: User) -> None:
    period.digest = digest
    period.closed_by = actor
    period.closed_at = timezone.now()
    move_period(period, PeriodStatus.HARD_CLOSED, actor)
    record(
        actor=actor,
        action="ledger.period.close",
        subject=period,
        name=period.name,
        posted=summary.posted,
        drafts=summary.drafts,
        digest=digest,
    )


def _require_none_waiting(period: Period) -> PeriodSummary:
    summary = period_summary(period)
    if summary.submitted:
        raise EntriesWaiting(
            f"{summary.submitted} submitted entries of {period.name} wait to be posted.",
            submitted=summary.submitted,
        )
    return summary


def move_period(period: Period, status: PeriodStatus, actor: User) -> None:
    """Move a period that is held alone, and note who did it in the history."""
    advance(period, to=status, moves=PERIOD_MOVES)
    period._history_user = actor
    period.save(update_fields=["status", "closed_by", "closed_at", "digest"])

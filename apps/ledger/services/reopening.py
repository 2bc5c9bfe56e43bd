"""Let a closed period take postings again, as two others approve it, and close it again.

Everything here happens while the period is held alone: no posting is under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from apps.approvals.models import Request
from apps.approvals.selectors import latest_request_for
from apps.approvals.services import request_approval, supersede_requests, use_approval
from apps.approvals.states import RequestStatus
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import IllegalMove
from apps.common.transitions import advance, require_move
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.ledger.errors import (
    AccountUnknown,
    ApprovalMissing,
    ReasonMissing,
    ReopeningExists,
    ReopeningInvalid,
    ReopeningOver,
)
from apps.ledger.locks import hold_period, hold_reopening
from apps.ledger.models import Account, Period, PeriodReopening
from apps.ledger.permissions import CLOSE_PERIOD, REOPEN_PERIOD
from apps.ledger.registry import reopened
from apps.ledger.selectors import (
    REOPENING_ITEM,
    expired_reopenings,
    live_reopening,
    period_digest,
    period_summary,
    reopening_hash,
)
from apps.ledger.services.periods import close_period, move_period, shut_again
from apps.ledger.services.places import refused_in_words
from apps.ledger.states import (
    LONGEST_REOPENING,
    PERIOD_MOVES,
    REOPENING_MOVES,
    EntryKind,
    PeriodStatus,
    ReopeningEnd,
    ReopeningStatus,
)

SETTLE_TASK = "apps.ledger.tasks.settle_reopening"
LONGEST_REASON = 2_000

_NOT_APPROVED = frozenset(
    {
        RequestStatus.REJECTED,
        RequestStatus.RETURNED,
        RequestStatus.WITHDRAWN,
        RequestStatus.REVOKED,
        RequestStatus.EXPIRED,
    }
)


@transaction.atomic
def propose_reopening(
    *,
    period_id: int,
    reason: str,
    kinds: Sequence[str],
    expires_at: datetime,
    actor: User,
    accounts: Sequence[str] = (),
) -> PeriodReopening:
    """Ask that a closed period takes postings again; nothing changes until it is approved.

    Args:
        reason: why, for those who approve and for the auditor.
        kinds: which kinds of entries it is to take, values of `EntryKind`.
        expires_at: from when on nothing is posted any more; at most 14 days from now.
        accounts: codes of the accounts that these entries may use; none: all.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: the period is not closed, or is archived.
        ReasonMissing, ReopeningInvalid, AccountUnknown: says what is wrong with reason, scope or
            end.
        ReopeningExists: one waits for approval or is open.
        ApproversTooFew: no policy asks for the approval of at least two different people.
    """
    period = hold_period(period_id, actor=actor)
    authorize(actor, REOPEN_PERIOD, entity_id=period.entity_id)
    require_move(period, to=PeriodStatus.REOPENED, moves=PERIOD_MOVES)
    if live_reopening(period) is not None:
        raise ReopeningExists
    reopening = _drafted(
        period, actor, reason=reason, kinds=kinds, accounts=accounts, expires_at=expires_at
    )
    reopening.save()
    request = _ask(reopening, actor)
    record(
        actor=actor,
        action="ledger.reopening.propose",
        subject=reopening,
        period=period.name,
        kinds=reopening.kinds,
        accounts=reopening.accounts,
        expires_at=expires_at,
        request=request.pk if request else None,
        reason=reopening.reason,
    )
    return reopening


@transaction.atomic
def reopen_period(*, reopening_id: int, actor: User) -> PeriodReopening:
    """Act upon the approval: from now until its end the period takes what the reopening names.

    What rests on the closed period (its evidence, its close) is told in the same transaction.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not waiting, or the period is not closed any more.
        ReopeningOver: its time is over before it began.
        ApprovalMissing: it is not approved as it stands.
        ApproverTookPart, ApproversTooFew: the approval does not hold any more.
    """
    reopening = hold_reopening(reopening_id, actor=actor)
    period = reopening.period
    authorize(actor, REOPEN_PERIOD, entity_id=period.entity_id)
    require_move(reopening, to=ReopeningStatus.OPEN, moves=REOPENING_MOVES)
    require_move(period, to=PeriodStatus.REOPENED, moves=PERIOD_MOVES)
    _require_time(reopening)
    if use_approval(subject=reopening, subject_hash=reopening_hash(reopening), actor=actor) is None:
        raise ApprovalMissing
    _open(reopening, period, actor)
    record(
        actor=actor,
        action="ledger.reopening.open",
        subject=reopening,
        period=period.name,
        kinds=reopening.kinds,
        accounts=reopening.accounts,
        expires_at=reopening.expires_at,
        digest_before=reopening.digest_before,
        reason=reopening.reason,
    )
    reopened(reopening)
    return reopening


@transaction.atomic
def end_reopening(*, reopening_id: int, actor: User) -> PeriodReopening:
    """Close the period again, under the rules under which any period is closed.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not open.
        EntriesWaiting, ApprovalMissing, ApproverTookPart: see `close_period`.
    """
    reopening = hold_reopening(reopening_id, actor=actor)
    authorize(actor, CLOSE_PERIOD, entity_id=reopening.entity_id)
    if reopening.status != ReopeningStatus.OPEN:
        raise IllegalMove(
            "Only a reopening that is open can be ended.", status_now=reopening.status
        )
    close_period(period_id=reopening.period_id, actor=actor)
    reopening.refresh_from_db()
    return reopening


def end_expired_reopenings() -> list[int]:
    """Close what was reopened and whose time is over, and drop what was not opened in time.

    Entries that are submitted by then stay so: they cannot be posted, and wait to be withdrawn or
    for another reopening. No approval is asked: closing takes nobody's work, and the database has
    refused every posting since. Safe to call at any time and any number of times.

    Returns:
        Ids of the reopenings that were ended or dropped.
    """
    ended = []
    for reopening_id in expired_reopenings(timezone.now()):
        if _end_expired(reopening_id):
            ended.append(reopening_id)
    return ended


@transaction.atomic
def settle_reopening(*, request_id: int) -> PeriodReopening | None:
    """Drop a reopening whose request ended without an approval; a second call changes nothing.

    What was approved waits for somebody to open the period.

    Returns:
        The reopening, or None if there is nothing to do.
    """
    system = system_user()
    request = Request.objects.get(pk=request_id)
    reopening = hold_reopening(int(request.subject_id), actor=system)
    newest = latest_request_for(reopening)
    is_answered = reopening.status != ReopeningStatus.ASKED
    if is_answered or newest is None or newest.pk != request_id:
        return None
    if newest.status not in _NOT_APPROVED:
        return None
    _drop(reopening, system, decision=newest.status)
    return reopening


@transaction.atomic
def _end_expired(reopening_id: int) -> bool:
    """End or drop one of them; False if somebody was faster."""
    system = system_user()
    reopening = hold_reopening(reopening_id, actor=system)
    if reopening.status == ReopeningStatus.ASKED:
        supersede_requests(subject=reopening, actor=system)
        _drop(reopening, system, decision="expired")
        return True
    if reopening.status != ReopeningStatus.OPEN:
        return False
    period = reopening.period
    shut_again(
        period, period_summary(period), period_digest(period), system, how=ReopeningEnd.EXPIRED
    )
    return True


def _drafted(
    period: Period,
    actor: User,
    *,
    reason: str,
    kinds: Sequence[str],
    accounts: Sequence[str],
    expires_at: datetime,
) -> PeriodReopening:
    """What was asked for, checked and not yet stored."""
    now = timezone.now()
    _require_end(expires_at, now)
    reopening = PeriodReopening(
        period=period,
        number=(period.reopenings.aggregate(Max("number"))["number__max"] or 0) + 1,
        reason=_require_reason(reason),
        kinds=_require_kinds(kinds),
        accounts=_require_accounts(accounts, period.entity_id),
        expires_at=expires_at,
        asked_by=actor,
        asked_at=now,
        digest_before=period.digest,
    )
    reopening.content_hash = reopening_hash(reopening)
    reopening._history_user = actor
    return reopening


def _open(reopening: PeriodReopening, period: Period, actor: User) -> None:
    """Write both, unless the time ends before that."""
    advance(reopening, to=ReopeningStatus.OPEN, moves=REOPENING_MOVES)
    reopening.opened_by, reopening.opened_at = actor, timezone.now()
    reopening._history_user = actor
    period.closed_by, period.closed_at, period.digest = None, None, ""
    with refused_in_words(partial(_require_time, reopening)):
        reopening.save(update_fields=["status", "opened_by", "opened_at"])
        move_period(period, PeriodStatus.REOPENED, actor)


def _drop(reopening: PeriodReopening, actor: User, *, decision: str) -> None:
    advance(reopening, to=ReopeningStatus.DROPPED, moves=REOPENING_MOVES)
    reopening._history_user = actor
    reopening.save(update_fields=["status"])
    record(
        actor=actor,
        action="ledger.reopening.drop",
        subject=reopening,
        period=reopening.period.name,
        decision=decision,
    )


def _ask(reopening: PeriodReopening, actor: User) -> Request | None:
    """Ask for the approval; refused by approvals where fewer than two people would give it."""
    return request_approval(
        entity_id=reopening.entity_id,
        item_type=REOPENING_ITEM,
        subject=reopening,
        subject_hash=reopening.content_hash,
        title=f"Reopen {reopening.period.name}: {reopening.reason}"[:200],
        url=reverse("ledger:reopening", args=[reopening.pk]),
        maker=actor,
        notify_task=SETTLE_TASK,
        actor=actor,
    )


def _require_time(reopening: PeriodReopening) -> None:
    if reopening.expires_at <= timezone.now():
        raise ReopeningOver


def _require_reason(reason: str) -> str:
    text = reason.strip()
    if not text:
        raise ReasonMissing(field="reason")
    if len(text) > LONGEST_REASON or "\x00" in text:
        raise ReopeningInvalid(
            f"The reason is longer than {LONGEST_REASON} characters, or has one that cannot be"
            " stored.",
            field="reason",
        )
    return text


def _require_kinds(kinds: Sequence[str]) -> list[str]:
    wrong = [kind for kind in kinds if kind not in EntryKind.values]
    if wrong or not kinds or len(set(kinds)) < len(kinds):
        raise ReopeningInvalid(
            f"Kinds of entries: at least one of {', '.join(EntryKind.values)}, each at most once.",
            field="kinds",
        )
    return sorted(str(kind) for kind in kinds)


def _require_accounts(codes: Sequence[str], entity_id: int) -> list[str]:
    if len(set(codes)) < len(codes):
        raise ReopeningInvalid("An account is named twice.", field="accounts")
    known = set(
        Account.objects.filter(entity_id=entity_id, code__in=codes).values_list("code", flat=True)
    )
    unknown = sorted(set(codes) - known)
    if unknown:
        raise AccountUnknown(
            f"There is no account {unknown[0][:20]} in the chart of this entity.", field="accounts"
        )
    return sorted(codes)


def _require_end(expires_at: datetime, now: datetime) -> None:
    if not now < expires_at <= now + LONGEST_REOPENING:
        raise ReopeningInvalid(
            f"A reopening ends within {LONGEST_REOPENING.days} days from now.", field="expires_at"
        )

"""Submit, post, take back and reverse journal entries."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.approvals.selectors import open_request_for
from apps.approvals.services import request_approval, use_approval, withdraw
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import IllegalMove, Invalid
from apps.common.transitions import advance, require_move, require_version
from apps.identity.models import User
from apps.ledger.errors import ApprovalMissing, NotReversible, ReasonMissing
from apps.ledger.locks import entry_for_update, hold_numbering, hold_pieces, share_periods
from apps.ledger.models import JournalEntry, JournalLine, Period
from apps.ledger.permissions import POST_ENTRY, REVERSE_ENTRY, SUBMIT_ENTRY
from apps.ledger.selectors import (
    ENTRY_ITEM,
    Exposure,
    content_hash,
    editors_of,
    lines_of,
    period_for,
    required_approval,
    totals_of,
)
from apps.ledger.services.drafts import require_balanced, require_text
from apps.ledger.services.entries import save_entry, write_entry
from apps.ledger.services.places import require_place, require_taking, still_taking
from apps.ledger.states import ENTRY_MOVES, EntryKind, EntryStatus

NOTIFY_TASK = "apps.ledger.tasks.post_approved_entry"


@transaction.atomic
def submit_entry(
    *, entry_id: int, actor: User, expected_version: int | None = None
) -> JournalEntry:
    """Declare a draft finished. If a policy asks for an approval, the request is made now.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not a draft.
        StaleVersion: somebody changed it since.
        EntryUnbalanced: debits differ from credits in some currency.
        PeriodClosed, ReopeningOver, OutsideReopening: its period takes no such entry.
        ExposureUnknown: approval limits cannot be compared with its currencies.
    """
    entry = entry_for_update(entry_id, actor=actor)
    authorize(actor, SUBMIT_ENTRY, entity_id=entry.entity_id)
    require_move(entry, to=EntryStatus.SUBMITTED, moves=ENTRY_MOVES)
    require_version(entry, expected_version)
    lines = lines_of(entry)
    require_taking(entry.period, entry.kind, lines)
    _submit(entry, lines, actor)
    return entry


@transaction.atomic
def post_entry(*, entry_id: int, actor: User, expected_version: int | None = None) -> JournalEntry:
    """Post an entry: it gets its number and is final.

    A draft that needs no approval may be posted at once. Who prepared an entry may post it; where
    a policy asks for an approval, that is given by somebody else.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor, or not in a soft-closed or reopened period.
        IllegalMove: it is posted or cancelled.
        StaleVersion: somebody changed it since.
        EntryUnbalanced: debits differ from credits in some currency.
        PeriodClosed, ReopeningOver, OutsideReopening: its period takes no such entry.
        ApprovalMissing: the policy in force asks for an approval that is not there.
        ApproverTookPart, ApprovalOutgrown: the approval does not hold any more.
        ExposureUnknown: approval limits cannot be compared with its currencies.
    """
    entry = entry_for_update(entry_id, actor=actor)
    authorize(actor, POST_ENTRY, entity_id=entry.entity_id)
    require_move(entry, to=EntryStatus.POSTED, moves=ENTRY_MOVES)
    require_version(entry, expected_version)
    lines = lines_of(entry)
    require_place(entry.period, entry.kind, lines, actor)
    require_balanced(totals_of(lines))
    is_asked = _required(entry, lines)
    used = use_approval(subject=entry, subject_hash=content_hash(entry, lines), actor=actor)
    if is_asked and used is None:
        raise ApprovalMissing
    _post(entry, lines, actor)
    return entry


@transaction.atomic
def withdraw_entry(*, entry_id: int, reason: str, actor: User) -> JournalEntry:
    """Take a submitted entry back: it is a draft again, and its open request is withdrawn.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not submitted.
        ReasonMissing: no reason given.
    """
    entry = entry_for_update(entry_id, actor=actor)
    authorize(actor, SUBMIT_ENTRY, entity_id=entry.entity_id)
    _require_submitted(entry)
    _require_reason(reason)
    request = open_request_for(entry)
    if request is not None:
        withdraw(request_id=request.pk, reason=reason, actor=actor)
    advance(entry, to=EntryStatus.DRAFT, moves=ENTRY_MOVES)
    save_entry(entry, ["status"], actor)
    record(actor=actor, action="ledger.entry.withdraw", subject=entry, reason=reason)
    return entry


@transaction.atomic
def reverse_entry(*, entry_id: int, posted_on: date, reason: str, actor: User) -> JournalEntry:
    """Undo a posted entry by a new one with debits and credits swapped.

    Args:
        posted_on: accounting date of the reversal, not before that of the entry.

    Returns:
        The reversal: posted, or submitted where a policy asks for an approval first.

    Raises:
        NotVisible, NotPermitted: not this actor, or not in a soft-closed or reopened period.
        NotReversible: it is not posted, is a reversal, or is reversed (or about to be).
        Invalid: the date lies before the entry.
        PeriodMissing, PeriodClosed, ReopeningOver, OutsideReopening: there is no place for it on
            that day.
        ReasonMissing: no reason given.
        ExposureUnknown: approval limits cannot be compared with its currencies.
    """
    original = entry_for_update(entry_id, actor=actor)
    authorize(actor, REVERSE_ENTRY, entity_id=original.entity_id)
    _require_reversible(original)
    _require_reason(reason)
    if posted_on < original.posted_on:
        raise Invalid("A reversal is not dated before its entry.", field="posted_on")
    period = share_periods([period_for(original.entity_id, posted_on).pk]).popitem()[1]
    require_place(period, EntryKind.REVERSAL, lines_of(original), actor)
    entry, lines = _mirror(original, period, posted_on, reason, actor)
    write_entry(entry, lines, actor)
    record(
        actor=actor,
        action="ledger.entry.reverse",
        subject=original,
        reversal=entry.pk,
        posted_on=posted_on,
        reason=reason,
    )
    if _required(entry, lines):
        _submit(entry, lines, actor)
    else:
        _post(entry, lines, actor)
    return entry


def _submit(entry: JournalEntry, lines: list[JournalLine], actor: User) -> None:
    require_balanced(totals_of(lines))
    exposure = _required(entry, lines)
    advance(entry, to=EntryStatus.SUBMITTED, moves=ENTRY_MOVES)
    save_entry(entry, ["status"], actor)
    request_id = _ask(entry, lines, exposure, actor) if exposure else None
    record(
        actor=actor,
        action="ledger.entry.submit",
        subject=entry,
        request=request_id,
        version=entry.version,
    )


def _ask(
    entry: JournalEntry, lines: list[JournalLine], exposure: Exposure, actor: User
) -> int | None:
    """Ask for the approval of exactly this content; returns the request's id."""
    request = request_approval(
        entity_id=entry.entity_id,
        item_type=ENTRY_ITEM,
        subject=entry,
        subject_hash=content_hash(entry, lines),
        title=_title(entry, exposure),
        url=reverse("ledger:entry", args=[entry.pk]),
        amount=exposure.amount,
        currency=exposure.currency,
        maker=entry.prepared_by,
        conflicted=editors_of(entry),
        notify_task=NOTIFY_TASK,
        split_key=exposure.split_key,
        actor=actor,
    )
    return request.pk if request is not None else None


def _required(entry: JournalEntry, lines: list[JournalLine]) -> Exposure | None:
    """`required_approval`, while nobody else adds to what belongs together with the entry."""
    hold_pieces(entry.prepared_by_id)
    return required_approval(entry, lines)


def _title(entry: JournalEntry, exposure: Exposure) -> str:
    """What the approver reads; that the amount is of several entries, where it is."""
    others = f", with {exposure.others} more of {exposure.split_key}" if exposure.others else ""
    room = 200 - len(others)
    return f"Journal entry: {entry.description}"[:room] + others


def _post(entry: JournalEntry, lines: list[JournalLine], actor: User) -> None:
    """Number and seal an entry whose period is shared and whose content is in order."""
    advance(entry, to=EntryStatus.POSTED, moves=ENTRY_MOVES)
    entry.number = hold_numbering(entry.period_id) + 1
    entry.posted_by = actor
    entry.posted_at = timezone.now()
    entry.content_hash = content_hash(entry, lines)
    with still_taking(entry.period, entry.kind, lines):
        save_entry(entry, ["status", "number", "posted_by", "posted_at", "content_hash"], actor)
    record(
        actor=actor,
        action="ledger.entry.post",
        subject=entry,
        period=entry.period.name,
        number=entry.number,
        content_hash=entry.content_hash,
    )


def _mirror(
    original: JournalEntry, period: Period, posted_on: date, reason: str, actor: User
) -> tuple[JournalEntry, list[JournalLine]]:
    """The reversal as unsaved rows: the same lines on the other side."""
    entry = JournalEntry(
        entity=original.entity,
        period=period,
        posted_on=posted_on,
        kind=EntryKind.REVERSAL,
        description=require_text(
            JournalEntry, "description", f"Reversal of {original.label}: {reason.strip()}"
        ),
        reverses=original,
        prepared_by=actor,
    )
    lines = [
        JournalLine(
            entry=entry,
            line_number=line.line_number,
            account=line.account,
            debit=line.credit,
            credit=line.debit,
            currency=line.currency,
            reference=line.reference,
            counterparty=line.counterparty,
            narrative=line.narrative,
        )
        for line in lines_of(original)
    ]
    return entry, lines


def _require_reversible(original: JournalEntry) -> None:
    if original.status != EntryStatus.POSTED:
        raise NotReversible("Only a posted entry is reversed; cancel or withdraw this one.")
    if original.kind == EntryKind.REVERSAL:
        raise NotReversible("A reversal is not reversed.", remedy="Enter the entry again.")
    if original.reversals.exclude(status=EntryStatus.CANCELLED).exists():
        raise NotReversible("A reversal of this entry exists.")


def _require_submitted(entry: JournalEntry) -> None:
    if entry.status != EntryStatus.SUBMITTED:
        raise IllegalMove(
            f"This entry is {entry.get_status_display().lower()}; only a submitted one can be"
            " withdrawn.",
            status_now=entry.status,
        )


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing(field="reason")

"""Book a difference away: a journal entry is drafted here, and approved and posted elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize
from apps.identity.models import User
from apps.ledger.models import JournalEntry
from apps.ledger.services import draft_entry
from apps.ledger.states import EntryKind
from apps.reconciliation.errors import BreakClosed, NothingToWriteOff, WrittenOff
from apps.reconciliation.locks import break_for_update
from apps.reconciliation.models import Break, MatchGroup, Run, WriteOff
from apps.reconciliation.permissions import WRITE_OFF
from apps.reconciliation.selectors.write_offs import written_off_in
from apps.reconciliation.services.adjustments import SOURCE, Booked, adjusting_lines, booked_breaks
from apps.reconciliation.services.reviews import explain_break
from apps.reconciliation.services.revising import require_reason
from apps.reconciliation.services.standing import require_standing

_LONGEST_DESCRIPTION = JournalEntry._meta.get_field("description").max_length


@dataclass(frozen=True)
class Posting:
    """What is written off, why, and where and when it is booked."""

    what: str
    reason: str
    expense_account: str
    posted_on: date


@transaction.atomic
def write_off_break(
    *, break_id: int, expense_account: str, posted_on: date, reason: str, actor: User
) -> WriteOff:
    """Draft an entry that books a break's amount against an account, and explain the break so.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunNotCompleted, RunSuperseded: there is no outcome, or it no longer stands.
        ReasonMissing: no reason given.
        BreakClosed: something took its place.
        NothingToWriteOff: both sides are equal.
        WrittenOff: an entry books it already.
        MatchTypeInvalid: the right side is not exactly one ledger account.
        IllegalMove: the break is accepted.
        Refusals of `ledger.services.draft_entry`: the entry finds no place in the books.
    """
    broken = break_for_update(break_id, actor=actor)
    run = broken.run
    authorize(actor, WRITE_OFF, entity_id=run.entity_id)
    require_standing(run)
    words = require_reason(reason)
    if not Break.objects.filter(pk=broken.pk).exists():
        raise BreakClosed
    if not broken.amount:
        raise NothingToWriteOff
    if written_off_in(run).filter(broken=broken).exists():
        raise WrittenOff
    (booked,) = booked_breaks(run, [broken])
    posting = Posting(f"break {broken.number}", words, expense_account, posted_on)
    entry = _draft(run, booked, posting, actor)
    explain_break(break_id=broken.pk, comment=f"Written off: {words}", actor=actor)
    return _write_down(entry, booked, words, actor, broken)


def write_off_group(
    group: MatchGroup, run: Run, *, reason: str, expense_account: str, posted_on: date, actor: User
) -> WriteOff:
    """Draft an entry that books the difference inside a match by hand.

    Raises:
        NotPermitted: not this actor.
        MatchTypeInvalid: the right side is not exactly one ledger account.
        Refusals of `ledger.services.draft_entry`: the entry finds no place in the books.
    """
    authorize(actor, WRITE_OFF, entity_id=run.entity_id)
    posting = Posting(f"match {group.number}", reason, expense_account, posted_on)
    booked = Booked(group.difference, group.currency, "", f"Difference in {posting.what}")
    entry = _draft(run, booked, posting, actor)
    return _write_down(entry, booked, reason, actor, group)


def _draft(run: Run, booked: Booked, posting: Posting, actor: User) -> JournalEntry:
    name = f"run-{run.pk}-{posting.what}-"
    earlier = JournalEntry.objects.filter(
        entity_id=run.entity_id, source=SOURCE, external_id__startswith=name
    )
    words = f"Write-off of {posting.what}: {run.match_type.name}, {posting.reason}"
    return draft_entry(
        entity_id=run.entity_id,
        posted_on=posting.posted_on,
        description=words[:_LONGEST_DESCRIPTION],
        kind=EntryKind.ADJUSTMENT,
        source=SOURCE,
        external_id=f"{name}{earlier.count() + 1}",
        lines=adjusting_lines(run, [booked], posting.expense_account),
        actor=actor,
    )


def _write_down(
    entry: JournalEntry, booked: Booked, reason: str, actor: User, subject: Break | MatchGroup
) -> WriteOff:
    made: WriteOff = WriteOff.objects.create(
        run_id=subject.run_id,
        broken=subject if isinstance(subject, Break) else None,
        group=subject if isinstance(subject, MatchGroup) else None,
        entry=entry,
        currency=booked.currency,
        amount=booked.amount,
        reason=reason,
        proposed_by=actor,
    )
    record(
        actor=actor,
        action="reconciliation.write_off.propose",
        subject=subject,
        entity_id=entry.entity_id,
        entry=entry.pk,
        amount=booked.amount,
        currency=booked.currency,
        reason=reason,
    )
    return made

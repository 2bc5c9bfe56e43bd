"""Journal entries for what a reconciliation found: proposed here, approved and posted elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from apps.common.access import authorize
from apps.identity.models import User
from apps.ledger.models import JournalEntry, JournalLine
from apps.ledger.services import LineDraft, draft_entry
from apps.ledger.states import EntryKind, EntryStatus
from apps.reconciliation.errors import MatchTypeInvalid
from apps.reconciliation.locks import run_for_update
from apps.reconciliation.models import Break, BreakItem, Run, WriteOff
from apps.reconciliation.permissions import PROPOSE_ADJUSTMENT
from apps.reconciliation.selectors.outcomes import rows_of_records
from apps.reconciliation.selectors.write_offs import written_off_in
from apps.reconciliation.services.rule_sets import read_rules
from apps.reconciliation.services.standing import require_standing

SOURCE = "reconciliation"
_LONGEST_REFERENCE = JournalLine._meta.get_field("reference").max_length


@dataclass(frozen=True)
class Booked:
    """An amount to book (left less right, in the left side's sense) and how its lines read."""

    amount: Decimal
    currency: str
    reference: str
    narrative: str


@transaction.atomic
def propose_adjustment(
    *, run_id: int, cause: str, expense_account: str, posted_on: date, actor: User
) -> JournalEntry | None:
    """Draft one entry that books all breaks of a cause: the reconciled account against an expense.

    The ledger is the right side. Where the left side has less (in the ledger's sense), the
    reconciled account is credited and the expense debited; where it has more, the other way.
    Proposed once per outcome and cause: a second call returns the entry of the first, unless that
    was cancelled or reversed. What an entry books already, of whatever run, is left out.

    Args:
        cause: for example "fee".
        expense_account: code of the account that takes the other side.

    Returns:
        The draft, or None if the run has no break of the cause with an amount.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunNotCompleted, RunSuperseded: there is no outcome, or it no longer stands.
        MatchTypeInvalid: the right side is not exactly one ledger account.
        Refusals of `ledger.services.draft_entry`: the entry finds no place in the books.
    """
    run = run_for_update(run_id, actor=actor)
    authorize(actor, PROPOSE_ADJUSTMENT, entity_id=run.entity_id)
    require_standing(run)
    name = f"{run.outcome_digest[:16]}-{cause}"
    earlier = JournalEntry.objects.filter(entity_id=run.entity_id, source=SOURCE).filter(
        Q(external_id=name) | Q(external_id__startswith=f"{name}-")
    )
    taken_back = Q(status=EntryStatus.CANCELLED) | Q(reversals__status=EntryStatus.POSTED)
    known: JournalEntry | None = earlier.exclude(taken_back).first()
    open_ones = run.breaks.filter(cause=cause).exclude(amount=0).exclude(pk__in=written_off_in(run))
    breaks = list(open_ones.order_by("number"))
    if known is not None or not breaks:
        return known
    words = cause.replace("_", " ").capitalize()
    booked = booked_breaks(run, breaks)
    entry = draft_entry(
        entity_id=run.entity_id,
        posted_on=posted_on,
        description=f"{words} breaks: {run.match_type.name}, {run.starts_on} to {run.ends_on}",
        kind=EntryKind.ADJUSTMENT,
        source=SOURCE,
        external_id=f"{name}-{earlier.count() + 1}" if earlier.exists() else name,
        lines=adjusting_lines(run, booked, expense_account),
        actor=actor,
    )
    WriteOff.objects.bulk_create(
        WriteOff(
            run=run,
            broken=broken,
            entry=entry,
            currency=broken.currency,
            amount=broken.amount,
            reason=f"All breaks of the cause {cause.replace('_', ' ')}",
            proposed_by=actor,
        )
        for broken in breaks
    )
    return entry


def booked_breaks(run: Run, breaks: Sequence[Break]) -> list[Booked]:
    """What each break's entry lines say."""
    references = _references(run, breaks)
    return [
        Booked(
            broken.amount,
            broken.currency,
            references.get(broken.pk, ""),
            f"Break {broken.number}: {broken.cause.replace('_', ' ')}",
        )
        for broken in breaks
    ]


def adjusting_lines(run: Run, booked: Sequence[Booked], expense_account: str) -> list[LineDraft]:
    """Two lines for each amount: the reconciled account against the account that takes it.

    Raises:
        MatchTypeInvalid: the right side is not exactly one ledger account.
    """
    accounts = run.match_type.right_accounts
    if len(accounts) != 1:
        raise MatchTypeInvalid(
            "Adjustments need a match type whose right side is one ledger account.",
            field="right_accounts",
        )
    right_sign = read_rules(run.rule_set.rules).right_sign
    lines = []
    for each in booked:
        # Amounts are in the left side's sense; the ledger's is turned where right_sign is -1.
        missing = each.amount * right_sign
        for account, amount in ((expense_account, -missing), (accounts[0], missing)):
            lines.append(
                LineDraft(
                    account=account,
                    debit=max(amount, Decimal(0)),
                    credit=max(-amount, Decimal(0)),
                    currency=each.currency,
                    reference=each.reference,
                    narrative=each.narrative,
                )
            )
    return lines


def _references(run: Run, breaks: Sequence[Break]) -> dict[int, str]:
    """The reference of each break's records, no longer than a journal line takes."""
    break_of = dict(
        BreakItem.objects.filter(broken__in=breaks).values_list("record_id", "broken_id")
    )
    rows = rows_of_records(run, list(break_of))
    return {
        break_of[row["id"]]: row["reference"][:_LONGEST_REFERENCE]
        for row in rows
        if row["reference"]
    }

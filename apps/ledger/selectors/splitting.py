"""Entries that together may be one thing in pieces: they are measured by what they add up to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.approvals.models import Request
from apps.approvals.rules import WINDOW
from apps.ledger.models import JournalEntry, JournalLine
from apps.ledger.states import AccountType, EntryKind, EntryStatus

_KINDS = (EntryKind.MANUAL, EntryKind.ADJUSTMENT)  # imports were approved where they come from
_LONGEST_KEY = Request._meta.get_field("split_key").max_length
_OF_INCOME = (AccountType.REVENUE, AccountType.EXPENSE)


@dataclass(frozen=True)
class Together:
    """What belongs with an entry in one currency: gross debits of the others.

    Attributes:
        key: what they have in common, see `split_key`; empty for a kind that is not measured so.
        amount: of all others.
        unasked: of those that no request has counted yet.
        count: how many these are.
    """

    key: str = ""
    amount: Decimal = Decimal(0)
    unasked: Decimal = Decimal(0)
    count: int = 0


def together_with(entry: JournalEntry, lines: Sequence[JournalLine], currency: str) -> Together:
    """The entries of the same preparer within a week that are about the same thing.

    Drafts do not count; they are measured when they are submitted or posted.
    """
    if entry.kind not in _KINDS:
        return Together()
    key = split_key(lines, currency)
    others = [
        (other, debit) for other, own_key, debit in _others(entry, currency) if own_key == key
    ]
    asked_at = _asked_at(other for other, _ in others)
    latest = max(asked_at.values(), default=None)
    unasked = [
        debit
        for other, debit in others
        if other.pk not in asked_at and (latest is None or other.prepared_at > latest)
    ]
    return Together(
        key,
        sum((debit for _, debit in others), Decimal(0)),
        sum(unasked, Decimal(0)),
        len(unasked),
    )


def split_key(lines: Iterable[JournalLine], currency: str) -> str:
    """The account that an entry is about in a currency, with the counterparty that it names.

    That is the account of income or expense that moves most; without any, the one debited most.

    Args:
        lines: of a balanced entry that has some in the currency.
    """
    own = [line for line in lines if line.currency == currency]
    of_income = [line for line in own if line.account.type in _OF_INCOME]
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in of_income or [line for line in own if line.debit]:
        counterparty = " ".join(line.counterparty.split()).casefold()
        sums[line.account.code, counterparty] += line.debit + line.credit
    code, counterparty = min(sums, key=lambda name: (-sums[name], name))
    return (f"account {code}" + (f", {counterparty}" if counterparty else ""))[:_LONGEST_KEY]


def _others(entry: JournalEntry, currency: str) -> list[tuple[JournalEntry, str, Decimal]]:
    """Each with its key and its gross debits (two queries)."""
    near = (entry.prepared_at - WINDOW, entry.prepared_at + WINDOW)
    others = JournalEntry.objects.filter(
        entity_id=entry.entity_id,
        prepared_by_id=entry.prepared_by_id,
        kind__in=_KINDS,
        status__in=[EntryStatus.SUBMITTED, EntryStatus.POSTED],
        prepared_at__range=near,
        lines__currency=currency,
    ).exclude(pk=entry.pk)
    found = []
    for other in others.distinct().prefetch_related("lines__account"):
        lines = [line for line in other.lines.all() if line.currency == currency]
        debit = sum((line.debit for line in lines), Decimal(0))
        found.append((other, split_key(lines, currency), debit))
    return found


def _asked_at(entries: Iterable[JournalEntry]) -> dict[int, datetime]:
    """When an approval was asked for, of those that wait for one or have it."""
    ids = [str(entry.pk) for entry in entries]
    requests = Request.objects.counted().filter(
        subject_type=JournalEntry._meta.label_lower, subject_id__in=ids
    )
    return {int(subject): at for subject, at in requests.values_list("subject_id", "requested_at")}

"""Journal entries: which there are, what they weigh, what approvals bind to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef, Sum

from apps.approvals.models import Policy
from apps.approvals.selectors import policy_for
from apps.audit.services import canonical_bytes
from apps.common.access import Actor, one_visible
from apps.common.models import ScopedQuerySet
from apps.common.money import plain
from apps.identity.models import User
from apps.ledger.errors import ExposureUnknown
from apps.ledger.models import JournalEntry, JournalLine
from apps.ledger.selectors.splitting import Together, together_with
from apps.ledger.states import EntryStatus

ENTRY_ITEM = "journal_entry"


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """Debits and credits of one currency."""

    currency: str
    debit: Decimal
    credit: Decimal

    @property
    def difference(self) -> Decimal:
        """Debits less credits; zero when balanced."""
        return self.debit - self.credit

    @property
    def gap(self) -> Decimal:
        """How far debits and credits are apart, without a sign."""
        return abs(self.difference)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What an approval is asked for: the gross debits in one currency.

    Attributes:
        amount: with what belongs together with the entry and was never asked for.
        split_key: what they have in common, see `splitting`.
        others: how many entries are in the amount besides.
    """

    amount: Decimal
    currency: str
    split_key: str = ""
    others: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the life of an entry."""

    at: datetime
    who: str
    status: str
    is_first: bool


def entries_for(actor: Actor) -> ScopedQuerySet:
    """The entries that the actor may see, newest first, with `is_reversed`."""
    posted_reversals = JournalEntry.objects.filter(
        reverses_id=OuterRef("pk"), status=EntryStatus.POSTED
    )
    return (
        JournalEntry.objects.visible_to(actor)
        .select_related("entity", "period", "prepared_by", "posted_by", "reverses__period")
        .annotate(is_reversed=Exists(posted_reversals))
        .order_by("-id")
    )


def entry_seen_by(actor: Actor, entry_id: int) -> JournalEntry:
    """One entry as `entries_for` gives it.

    Raises:
        NotVisible: no such entry for this actor.
    """
    return one_visible(entries_for(actor).filter(pk=entry_id))


def lines_of(entry: JournalEntry) -> list[JournalLine]:
    """The entry's lines in order, with their accounts."""
    return list(entry.lines.select_related("account").order_by("line_number"))


def totals_of(lines: Iterable[JournalLine]) -> list[CurrencyTotal]:
    """Debits and credits per currency, by currency code."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for line in lines:
        debit, credit = sums.get(line.currency, (Decimal(0), Decimal(0)))
        sums[line.currency] = (debit + line.debit, credit + line.credit)
    return [CurrencyTotal(currency, *sums[currency]) for currency in sorted(sums)]


def totals_by_entry(entries: Iterable[JournalEntry]) -> dict[int, list[CurrencyTotal]]:
    """`totals_of` for many entries at once (one query)."""
    totals: dict[int, list[CurrencyTotal]] = {entry.pk: [] for entry in entries}
    rows = (
        JournalLine.objects.filter(entry_id__in=totals)
        .values_list("entry_id", "currency")
        .annotate(Sum("debit"), Sum("credit"))
        .order_by("entry_id", "currency")
    )
    for entry_id, currency, debit, credit in rows:
        totals[entry_id].append(CurrencyTotal(currency, debit, credit))
    return totals


def entry_hash(entry: JournalEntry) -> str:
    """SHA-256 of the entry's canonical content: what an approval binds to."""
    return content_hash(entry, lines_of(entry))


def content_hash(entry: JournalEntry, lines: Sequence[JournalLine]) -> str:
    """SHA-256 over everything the entry says, and nothing about its progress.

    Status, number, people of this system and versions are left out, so that the same content
    always has the same hash, whoever brings it in.
    """
    return hashlib.sha256(
        canonical_bytes(
            {
                "entity": entry.entity.code,
                "posted_on": entry.posted_on,
                "kind": str(entry.kind),
                "description": entry.description,
                "source": entry.source,
                "external_id": entry.external_id,
                "origin": entry.origin,
                "preparer": entry.preparer_name,
                "reverses": entry.reverses.content_hash if entry.reverses else "",
                "lines": [_line_content(line) for line in lines],
            }
        )
    ).hexdigest()


def required_approval(entry: JournalEntry, lines: Sequence[JournalLine]) -> Exposure | None:
    """What has to be approved before the entry may be posted, or None.

    The exposure is the gross debits, never a net amount (controls: approvals, limits), and those
    of what belongs together with the entry: pieces of one thing need the approval of the whole.

    Raises:
        ExposureUnknown: limits exist, but in none of the entry's currencies, or more than one
            policy would have to approve. There are no rates here to compare with, so it is
            refused instead of waved through.
    """
    limited = set(
        Policy.objects.in_force()
        .filter(entity_id=entry.entity_id, item_type=ENTRY_ITEM)
        .values_list("currency", flat=True)
    )
    exposures = []
    for total in totals_of(lines):
        pieces = together_with(entry, lines, total.currency) if limited else Together()
        policy = policy_for(
            entity_id=entry.entity_id,
            item_type=ENTRY_ITEM,
            amount=total.debit + pieces.amount,
            currency=total.currency,
        )
        if policy is not None:
            amount = total.debit + pieces.unasked
            exposures.append(Exposure(amount, total.currency, pieces.key, pieces.count))
        elif limited and total.currency not in limited:
            raise ExposureUnknown(
                f"There are approval limits here, but none in {total.currency}.",
                remedy=f"Have an approval policy for {total.currency} defined.",
            )
    if len(exposures) > 1:
        raise ExposureUnknown(
            "More than one currency of this entry needs an approval.",
            remedy="Enter it as one journal entry per currency.",
        )
    return exposures[0] if exposures else None


def steps_of(entry: JournalEntry) -> list[Step]:
    """What became of the entry, newest first: each change of status and who made it."""
    steps: list[Step] = []
    before = None
    for past in entry.history.select_related("history_user").order_by("history_id"):
        if past.status != before:
            who = str(past.history_user) if past.history_user else ""
            steps.append(Step(past.history_date, who, past.status, is_first=before is None))
        before = past.status
    return steps[::-1]


def editors_of(entry: JournalEntry) -> list[User]:
    """Everybody whose hand is in the entry's history, its preparer included."""
    hands = set(entry.history.values_list("history_user_id", flat=True)) - {None}
    return list(User.objects.filter(pk__in=hands | {entry.prepared_by_id}))


def _line_content(line: JournalLine) -> dict[str, str | int]:
    return {
        "line": line.line_number,
        "account": line.account.code,
        "debit": plain(line.debit, line.currency),
        "credit": plain(line.credit, line.currency),
        "currency": line.currency,
        "reference": line.reference,
        "counterparty": line.counterparty,
        "narrative": line.narrative,
    }

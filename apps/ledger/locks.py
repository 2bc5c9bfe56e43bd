"""Every lock of this app, taken in this order:

chart, extract (by entity) > period (by id) > reopening row, entry row > pieces (by preparer) >
numbering of a period (by id) > analyses of an account (by id) > analysis row.

Posting and submitting *share* a period, closing holds it alone. Who numbers entries of a period
holds its numbering until the commit, so that a rolled back posting leaves no gap.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Max

from apps.common.access import Actor, one_visible
from apps.common.advisory import lock_exclusive, lock_shared
from apps.common.errors import NotVisible, StaleVersion
from apps.ledger.models import (
    Account,
    AccountAnalysis,
    JournalEntry,
    Period,
    PeriodReopening,
)

# The triggers take the same two locks: see groundwork.
CHART = "ledger.chart"
PERIOD = "ledger.period"


def account_for_update(account_id: int, *, actor: Actor) -> Account:
    """The account's row, locked until the transaction ends.

    Raises:
        NotVisible: no such account for this actor.
    """
    return one_visible(Account.objects.granted_to(actor).select_for_update().filter(pk=account_id))


def hold_chart(entity_id: int) -> None:
    """Be the only one who adds accounts, calendars or years to the entity."""
    lock_exclusive(CHART, entity_id)


def hold_extract(*, entity_id: int, source: str) -> None:
    """Be the only one who brings in entries with external ids of this source."""
    lock_exclusive(f"ledger.extract:{source}", entity_id)


def hold_pieces(preparer_id: int) -> None:
    """Be the only one who submits or posts what this person prepared: it is measured together."""
    lock_exclusive("ledger.pieces", preparer_id)


def share_periods(period_ids: Iterable[int]) -> dict[int, Period]:
    """The periods as they are once nobody is closing them, and nobody will until we commit."""
    ordered = sorted(set(period_ids))
    for period_id in ordered:
        lock_shared(PERIOD, period_id)
    return {period.pk: period for period in Period.objects.filter(pk__in=ordered)}


def hold_period(period_id: int, *, actor: Actor) -> Period:
    """The period, held alone: every posting into it is committed or has not begun.

    Raises:
        NotVisible: no such period for this actor.
    """
    if not Period.objects.granted_to(actor).filter(pk=period_id).exists():
        raise NotVisible
    lock_exclusive(PERIOD, period_id)
    # no_key: drafts refer to the row and need not wait.
    period: Period = Period.objects.select_for_update(no_key=True).get(pk=period_id)
    return period


def hold_reopening(reopening_id: int, *, actor: Actor) -> PeriodReopening:
    """The reopening as it is while its period is held alone.

    Raises:
        NotVisible: no such reopening for this actor.
    """
    mine = PeriodReopening.objects.granted_to(actor).filter(pk=reopening_id)
    period = hold_period(one_visible(mine.values_list("period_id", flat=True)), actor=actor)
    reopening = PeriodReopening.objects.select_for_update(no_key=True).get(pk=reopening_id)
    reopening.period = period
    return reopening


def entry_for_update(entry_id: int, *, actor: Actor) -> JournalEntry:
    """The entry's row, locked, and its period shared, until the transaction ends.

    Raises:
        NotVisible: no such entry for this actor.
        StaleVersion: somebody moved it to another period at this moment.
    """
    mine = JournalEntry.objects.granted_to(actor).filter(pk=entry_id)
    period_id = one_visible(mine.values_list("period_id", flat=True))
    periods = share_periods([period_id])
    entry: JournalEntry = (
        JournalEntry.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "prepared_by")
        .get(pk=entry_id)
    )
    if entry.period_id != period_id:
        raise StaleVersion(version_now=entry.version)
    entry.period = periods[period_id]
    return entry


def hold_numbering(period_id: int) -> int:
    """Be the only one who numbers entries of the period; returns the highest number given."""
    lock_exclusive("ledger.numbering", period_id)
    highest = JournalEntry.objects.filter(period_id=period_id).aggregate(Max("number"))
    return highest["number__max"] or 0


def hold_analyses(account_id: int) -> None:
    """Be the only one who begins or renews analyses of the account."""
    lock_exclusive("ledger.analyses", account_id)


def analysis_for_update(analysis_id: int, *, actor: Actor) -> AccountAnalysis:
    """The analysis' row, locked until the transaction ends.

    Raises:
        NotVisible: no such analysis for this actor.
    """
    return one_visible(
        AccountAnalysis.objects.granted_to(actor)
        .select_for_update(of=("self",))
        .select_related("entity", "period", "account")
        .filter(pk=analysis_id)
    )

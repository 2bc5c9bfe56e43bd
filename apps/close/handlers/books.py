"""Close tasks on the ledger: post the extract, tie out, ask for approval, lock the period."""

from __future__ import annotations

from django.urls import reverse

from apps.approvals.selectors import latest_request_for
from apps.close.errors import HandlerUnknown
from apps.close.models import CloseTask
from apps.close.registry import TaskContext, TaskResult
from apps.close.selectors import latest_summary
from apps.close.services import post_source_lines
from apps.common.errors import Conflict
from apps.common.money import plain
from apps.identity.models import Entity
from apps.ingestion.models import Source
from apps.ledger.models import Account, JournalEntry
from apps.ledger.selectors import Covered, coverage_of, trial_balance, trial_balance_totals
from apps.ledger.services import (
    close_period,
    post_entry,
    request_period_lock,
    settle_request,
    submit_entry,
)
from apps.ledger.states import CLOSED, EntryStatus

NOTE_DECISION = "apps.close.tasks.note_decision"
PROPOSE = "reconciliation.propose_adjustments"
_NAMED = 3  # accounts in a note; the page of the analyses has them all


class BooksDoNotTie(Conflict):
    """The trial balance does not sum to zero."""

    code = "BOOKS_DO_NOT_TIE"


class EntryNotPosted(Conflict):
    """An approved entry could not be posted."""

    code = "ENTRY_NOT_POSTED"
    remedy = "Open the entry, see why, and retry the task."


def post_ledger_extract(context: TaskContext) -> TaskResult:
    """Post the period's lines of the source in `parameters["source"]` as journal entries."""
    source = Source.objects.filter(entity=context.entity, code=context.parameters["source"]).first()
    if source is None:
        raise HandlerUnknown("The task names a source that does not exist.", field="source")
    posted = post_source_lines(source=source, period=context.period, actor=context.actor)
    return TaskResult(
        summary={
            "entries": posted.created + posted.unchanged,
            "created": posted.created,
            "unchanged": posted.unchanged,
        }
    )


def tie_out(context: TaskContext) -> TaskResult:
    """Take the trial balance at the period's end and require that it sums to zero."""
    rows = trial_balance(entity_id=context.entity.pk, as_of=context.period.ends_on)
    totals = trial_balance_totals(rows)
    apart = [total for total in totals if total.closing]
    if apart:
        words = ", ".join(
            f"{plain(total.closing, total.currency)} {total.currency}" for total in apart
        )
        raise BooksDoNotTie(f"The trial balance is off by {words}.")
    return TaskResult(
        summary={
            "accounts": len(rows),
            "stage": context.parameters.get("stage", ""),
            "totals": {
                total.currency: {
                    "debit": plain(total.debit, total.currency),
                    "credit": plain(total.credit, total.currency),
                }
                for total in totals
            },
        }
    )


def request_entry_approvals(context: TaskContext) -> TaskResult:
    """Submit the entries that the run proposed; those that need no approval are posted at once."""
    waits_for = []
    entries = _proposed_entries(context)
    for entry in entries:
        if entry.status == EntryStatus.DRAFT:
            entry = submit_entry(entry_id=entry.pk, actor=entry.prepared_by)  # noqa: PLW2901
        request = latest_request_for(entry)
        if request is not None:
            waits_for.append(request.pk)
        elif entry.status == EntryStatus.SUBMITTED:
            post_entry(entry_id=entry.pk, actor=entry.prepared_by)
    return TaskResult(
        summary={"entries": [entry.pk for entry in entries]}, waits_for=tuple(waits_for)
    )


def post_approved_entries(context: TaskContext) -> TaskResult:
    """All requests are approved: see that every entry is posted."""
    for request_id in context.requests:
        settle_request(request_id=request_id)
    left = [str(entry) for entry in _proposed_entries(context) if entry.status != "posted"]
    if left:
        raise EntryNotPosted(f"Not posted: {', '.join(left)}.")
    return TaskResult(summary={"posted": len(context.requests)})


def _proposed_entries(context: TaskContext) -> list[JournalEntry]:
    """The entries that earlier tasks of the run drafted."""
    tasks = CloseTask.objects.filter(run=context.task.run, handler=PROPOSE)
    ids = [entry_id for task in tasks for entry_id in latest_summary(task).get("entries", [])]
    return list(
        JournalEntry.objects.filter(pk__in=ids)
        .exclude(status=EntryStatus.CANCELLED)
        .select_related("prepared_by")
        .order_by("pk")
    )


def await_analyses(context: TaskContext) -> TaskResult:
    """Wait until the balances of the period are analysed, and the analyses still hold.

    Those of the accounts in `parameters["accounts"]`, or else all that are to be analysed.
    """
    coverage = coverage_of(context.period)
    asked = coverage.asked
    if codes := set(context.parameters.get("accounts", ())):
        _require_accounts(context.entity, codes)
        asked = [row for row in coverage.rows if row.row.account.code in codes]
    left = [row for row in asked if not row.is_done]
    return TaskResult(
        summary={"asked": len(asked), "analysed": len(asked) - len(left)},
        awaits=_left_in_words(left, len(asked)) if left else "",
    )


def _require_accounts(entity: Entity, codes: set[str]) -> None:
    known = Account.objects.filter(entity=entity, code__in=codes).values_list("code", flat=True)
    if unknown := sorted(codes - set(known)):
        raise HandlerUnknown(f"There is no account {unknown[0]!r} here.", field="accounts")


def _left_in_words(left: list[Covered], asked: int) -> str:
    """How many are done, and which are not."""
    named = ", ".join(
        f"{one.row.account.code} {one.row.currency} ({one.state})" for one in left[:_NAMED]
    )
    more = f", and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    return f"{asked - len(left)} of {asked} balances are analysed; left: {named}{more}."


def request_lock(context: TaskContext) -> TaskResult:
    """Lock the period, or ask for the approval that the policy wants first."""
    if context.period.status in CLOSED:
        return TaskResult(summary={"period": context.period.name, "locked": True})
    request = request_period_lock(
        period_id=context.period.pk,
        url=reverse("close:run", args=[context.task.run_id]),
        actor=context.actor,
        notify_task=NOTE_DECISION,
    )
    if request is None:
        return lock(context)
    return TaskResult(summary={"period": context.period.name}, waits_for=(request.pk,))


def lock(context: TaskContext) -> TaskResult:
    """Lock the period: no posting after this."""
    period = close_period(period_id=context.period.pk, actor=context.actor)
    return TaskResult(summary={"period": period.name, "locked": True, "digest": period.digest})

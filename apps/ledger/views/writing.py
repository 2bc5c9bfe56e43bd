"""Write a journal entry by hand, or a draft anew."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.forms import complain_in_rows
from apps.identity.context import actor_of
from apps.identity.models import Entity
from apps.ledger.errors import EntryEmpty
from apps.ledger.models import JournalEntry, Period
from apps.ledger.permissions import PREPARE_ENTRY, SUBMIT_ENTRY, VIEW_LEDGER
from apps.ledger.selectors import CurrencyTotal, entry_seen_by, lines_of
from apps.ledger.services import LineDraft, draft_entry, revise_entry, submit_entry
from apps.ledger.states import EntryStatus, PeriodStatus
from apps.ledger.views.forms import (
    EMPTY_ROWS,
    MOST_ROWS,
    HeadForm,
    LineRows,
    NewHeadForm,
    account_choices,
)
from apps.ledger.views.scope import chosen_entity, permitted_entities


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new_entry(request: HttpRequest) -> HttpResponse:
    """A blank entry, or what was filled in."""
    entity = chosen_entity(request, permitted_entities(request, PREPARE_ENTRY))
    if request.method != "POST":
        head = NewHeadForm(initial={"posted_on": _likely_day(entity)})
        return _show(request, entity, head, _blank_rows([]), None)
    return _take(request, entity, None)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """A draft to change."""
    user = actor_of(request)
    authorize(user, VIEW_LEDGER)
    entry = entry_seen_by(user, entry_id)
    authorize(user, PREPARE_ENTRY, entity_id=entry.entity_id)
    if entry.status != EntryStatus.DRAFT:
        messages.info(request, f"{entry.label} is no draft any more.")
        return redirect("ledger:entry", entry.pk)
    if request.method == "POST":
        return _take(request, entry.entity, entry)
    head = HeadForm(
        initial={
            "posted_on": entry.posted_on,
            "description": entry.description,
            "version": entry.version,
        }
    )
    return _show(request, entry.entity, head, _blank_rows(_rows_of(entry)), entry)


@require_POST
@login_required
def rows_part(request: HttpRequest) -> HttpResponse:
    """The totals of the rows as they are filled in now (a part, for htmx)."""
    entity = chosen_entity(request, permitted_entities(request, PREPARE_ENTRY))
    rows = LineRows(request.POST, prefix="lines")
    context = {"totals": _running_totals(rows, entity)}
    return render(request, "ledger/_running_totals.html", context)


def _take(request: HttpRequest, entity: Entity, entry: JournalEntry | None) -> HttpResponse:
    """Save what was sent, or show it again with what stands in the way."""
    shape = NewHeadForm if entry is None else HeadForm
    head = shape(request.POST)
    rows = LineRows(request.POST, prefix="lines")
    if "more" in request.POST:
        return _show(request, entity, _unbound(head), _with_more_rows(rows), entry)
    are_valid = head.is_valid(), rows.is_valid()
    code = 422
    if all(are_valid):
        try:
            saved = _save(request, entity, entry, head.cleaned_data, _drafts(rows))
        except Refusal as refusal:
            code = refusal.status
            complain_in_rows(head, rows, refusal, "line")
        else:
            messages.success(request, _said(saved))
            return redirect("ledger:entry", saved.pk)
    return _show(request, entity, head, rows, entry, status=code)


@transaction.atomic
def _save(
    request: HttpRequest,
    entity: Entity,
    entry: JournalEntry | None,
    facts: dict[str, Any],
    lines: list[LineDraft],
) -> JournalEntry:
    """Draft or revise, and submit in the same transaction if that was asked."""
    actor = actor_of(request)
    content = {
        "posted_on": facts["posted_on"],
        "description": facts["description"],
        "lines": lines,
        "actor": actor,
    }
    if not lines:
        raise EntryEmpty
    if entry is None:
        saved = draft_entry(entity_id=entity.pk, kind=facts["kind"], **content)
    else:
        saved = revise_entry(entry_id=entry.pk, expected_version=facts["version"], **content)
    if "submit" in request.POST:
        saved = submit_entry(entry_id=saved.pk, actor=actor)
    return saved


def _said(entry: JournalEntry) -> str:
    if entry.status == EntryStatus.SUBMITTED:
        return f"{entry.label} is submitted."
    return f"{entry.label} is saved; it counts once it is posted."


def _drafts(rows: Any) -> list[LineDraft]:
    return [form.draft() for form in rows.forms if form.has_content()]


def _rows_of(entry: JournalEntry) -> list[dict[str, Any]]:
    own = entry.entity.functional_currency
    return [
        {
            "account": line.account.code,
            "debit": f"{line.debit.normalize():f}" if line.debit else None,
            "credit": f"{line.credit.normalize():f}" if line.credit else None,
            "reference": line.reference,
            "counterparty": line.counterparty,
            "narrative": line.narrative,
            "currency": "" if line.currency == own else line.currency,
        }
        for line in lines_of(entry)
    ]


def _blank_rows(filled: list[dict[str, Any]]) -> Any:
    empty: list[dict[str, Any]] = [{} for _ in range(EMPTY_ROWS)]
    return LineRows(initial=[*filled, *empty][:MOST_ROWS], prefix="lines")


def _with_more_rows(rows: Any) -> Any:
    """What was filled in, as typed, and some empty rows after it."""
    typed = [
        {name: form.data.get(form.add_prefix(name), "") for name in form.fields}
        for form in rows.forms
    ]
    return _blank_rows(typed)


def _unbound(head: HeadForm) -> HeadForm:
    return type(head)(initial={name: head.data.get(name, "") for name in head.fields})


def _running_totals(rows: Any, entity: Entity) -> list[CurrencyTotal]:
    """Debits and credits of the rows that can be read, per currency."""
    sums: dict[str, list[Decimal]] = {}
    for form in rows.forms:
        form.is_valid()
        currency = form.cleaned_data.get("currency") or entity.functional_currency
        total = sums.setdefault(currency, [Decimal(0), Decimal(0)])
        total[0] += form.cleaned_data.get("debit") or 0
        total[1] += form.cleaned_data.get("credit") or 0
    return [CurrencyTotal(currency, *sums[currency]) for currency in sorted(sums)]


def _likely_day(entity: Entity) -> date:
    """Today where the entity is, or the end of its last open period if today is in none."""
    today = timezone.localdate(timezone=entity.zone)
    latest = (
        Period.objects.filter(entity=entity, status=PeriodStatus.OPEN, starts_on__lte=today)
        .order_by("-starts_on")
        .first()
    )
    return min(today, latest.ends_on) if latest else today


def _others(request: HttpRequest, entity: Entity) -> list[Entity]:
    """The other entities for which this person may write an entry."""
    return [one for one in permitted_entities(request, PREPARE_ENTRY) if one != entity]


def _show(
    request: HttpRequest,
    entity: Entity,
    head: HeadForm,
    rows: Any,
    entry: JournalEntry | None,
    *,
    status: int = 200,
) -> HttpResponse:
    user = actor_of(request)
    context = {
        "page_title": f"Change {entry.label}" if entry else "New journal entry",
        "entity": entity,
        "others": _others(request, entity) if entry is None else [],
        "entry": entry,
        "head": head,
        "rows": rows,
        "totals": _running_totals(rows, entity) if rows.is_bound else [],
        "accounts": account_choices(entity),
        "is_submitter": user.may(SUBMIT_ENTRY, entity.pk),
    }
    return render(request, "ledger/entry_form.html", context, status=status)

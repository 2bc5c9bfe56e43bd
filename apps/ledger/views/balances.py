"""The trial balance."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.identity.models import Entity
from apps.ledger.errors import PeriodMissing
from apps.ledger.models import JournalEntry, Period
from apps.ledger.permissions import VIEW_LEDGER
from apps.ledger.selectors import period_for, trial_balance, trial_balance_totals
from apps.ledger.states import EntryStatus
from apps.ledger.views.forms import TrialBalanceFilter
from apps.ledger.views.scope import chosen_entity, permitted_entities


@require_safe
@login_required
def trial_balance_page(request: HttpRequest) -> HttpResponse:
    """Do debits equal credits, and what is on every account at the end of a day?"""
    entities = permitted_entities(request, VIEW_LEDGER)
    entity = chosen_entity(request, entities)
    form = TrialBalanceFilter(
        {
            "as_of": request.GET.get("as_of") or _latest_day(entity),
            "entity": entity.code,
        },
        entities=entities,
        auto_id="filter_%s",
    )
    context: dict[str, Any] = {
        "page_title": "Trial balance",
        "filters": form,
        "entity": entity,
        "period": None,
        "rows": [],
        "totals": [],
    }
    code = 422
    if form.is_valid():
        try:
            context |= _figures(entity, form.cleaned_data["as_of"])
            code = 200
        except PeriodMissing as refusal:
            form.add_error("as_of", refusal.message)
    return render(request, "ledger/trial_balance.html", context, status=code)


def _figures(entity: Entity, as_of: date) -> dict[str, Any]:
    rows = trial_balance(entity_id=entity.pk, as_of=as_of)
    totals = trial_balance_totals(rows)
    return {
        "as_of": as_of,
        "period": period_for(entity.pk, as_of),
        "rows": rows,
        "totals": totals,
        "is_balanced": all(total.debit == total.credit and not total.closing for total in totals),
    }


def _latest_day(entity: Entity) -> date | None:
    """The end of the last period with a posting, or of the first period; None without periods."""
    latest = (
        JournalEntry.objects.filter(entity=entity, status=EntryStatus.POSTED)
        .select_related("period")
        .order_by("-posted_on")
        .first()
    )
    if latest is not None:
        return latest.period.ends_on
    first = Period.objects.filter(entity=entity).order_by("starts_on").first()
    return first.ends_on if first else None

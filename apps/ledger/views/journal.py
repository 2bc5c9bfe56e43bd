"""The list of journal entries."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.common.paging import newest_first
from apps.identity.context import actor_of
from apps.ledger.permissions import PREPARE_ENTRY, VIEW_LEDGER
from apps.ledger.selectors import entries_for, totals_by_entry
from apps.ledger.states import EntryStatus
from apps.ledger.views.forms import JournalFilter
from apps.ledger.views.scope import asked_entity, permitted_entities

_BY_ID = newest_first(50)


@require_safe
@login_required
def entries_page(request: HttpRequest) -> HttpResponse:
    """Journal entries, newest first: what is there, and what waits."""
    user = actor_of(request)
    permitted = permitted_entities(request, VIEW_LEDGER)
    asked = asked_entity(request, permitted)
    entities = [asked] if asked else permitted
    query = request.GET.copy()
    query.setdefault("entity", asked.code if asked else "")
    filters = JournalFilter(query, entities=entities, auto_id="filter_%s")
    mine = entries_for(user).filter(entity__in=entities)
    page = _BY_ID.page(filters.narrow(mine), request.GET)
    totals = totals_by_entry(page.rows)
    context = {
        "page_title": "Journal",
        "filters": filters,
        "clear_url": f"{request.path}?entity={query['entity']}" if filters.is_narrowed else None,
        "rows": [{"entry": entry, "totals": totals[entry.pk]} for entry in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "drafts": mine.filter(status=EntryStatus.DRAFT).count(),
        "submitted": mine.filter(status=EntryStatus.SUBMITTED).count(),
        "entity": asked,
        "are_several": len(entities) > 1,
        "is_preparer": any(user.may(PREPARE_ENTRY, entity.pk) for entity in entities),
    }
    return render(request, "ledger/entries.html", context)

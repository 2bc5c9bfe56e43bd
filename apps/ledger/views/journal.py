"""The list of journal entries."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.common.models import ScopedQuerySet
from apps.ledger.models import JournalEntry
from apps.ledger.permissions import PREPARE_ENTRY, VIEW_LEDGER
from apps.ledger.selectors import entries_for, totals_by_entry
from apps.ledger.states import EntryStatus
from apps.ledger.views.forms import JournalFilter
from apps.ledger.views.scope import asked_entity, permitted_entities, person

_PAGE = 50


@require_safe
@login_required
def entries_page(request: HttpRequest) -> HttpResponse:
    """Journal entries, newest first: what is there, and what waits."""
    user = person(request)
    permitted = permitted_entities(request, VIEW_LEDGER)
    asked = asked_entity(request, permitted)
    entities = [asked] if asked else permitted
    query = request.GET.copy()
    query.setdefault("entity", asked.code if asked else "")
    filters = JournalFilter(query, entities=entities, auto_id="filter_%s")
    mine = entries_for(user).filter(entity__in=entities)
    entries, previous_url, next_url = _page_of(filters.narrow(mine), request.GET)
    totals = totals_by_entry(entries)
    context = {
        "page_title": "Journal",
        "filters": filters,
        "clear_url": f"{request.path}?entity={query['entity']}" if filters.is_narrowed else None,
        "rows": [{"entry": entry, "totals": totals[entry.pk]} for entry in entries],
        "previous_url": previous_url,
        "next_url": next_url,
        "drafts": mine.filter(status=EntryStatus.DRAFT).count(),
        "submitted": mine.filter(status=EntryStatus.SUBMITTED).count(),
        "entity": asked,
        "are_several": len(entities) > 1,
        "is_preparer": any(user.may(PREPARE_ENTRY, entity.pk) for entity in entities),
    }
    return render(request, "ledger/entries.html", context)


def _page_of(
    entries: ScopedQuerySet, query: QueryDict
) -> tuple[list[JournalEntry], str | None, str | None]:
    """One page by key, so that new entries move nothing: rows, and the way back and on."""
    before, after = _key(query, "before"), _key(query, "after")
    if after is not None:
        rows = list(entries.filter(pk__gt=after).order_by("pk")[: _PAGE + 1])
        has_newer, has_older = len(rows) > _PAGE, True
        rows = rows[:_PAGE][::-1]
    else:
        older = entries.filter(pk__lt=before) if before is not None else entries
        rows = list(older[: _PAGE + 1])
        has_newer, has_older = before is not None, len(rows) > _PAGE
        rows = rows[:_PAGE]
    if not rows:
        return [], None, None
    previous_url = _link(query, "after", rows[0].pk) if has_newer else None
    next_url = _link(query, "before", rows[-1].pk) if has_older else None
    return rows, previous_url, next_url


def _key(query: QueryDict, name: str) -> int | None:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _link(query: QueryDict, name: str, key: int) -> str:
    link = query.copy()
    link.pop("before", None)
    link.pop("after", None)
    link[name] = str(key)
    return f"?{link.urlencode()}"

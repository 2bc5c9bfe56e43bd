"""How far imports are: beside the upload while it is sent, and on the page of the source."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.common.access import authorize, one_visible
from apps.common.paging import row_id
from apps.identity.context import actor_of
from apps.ingestion.models import Source
from apps.ingestion.permissions import VIEW_SOURCES
from apps.ingestion.selectors import ImportProgress, imports_under_way, sources_for
from apps.ingestion.states import ImportPhase, PullStatus


@require_safe
@login_required
def upload_progress(request: HttpRequest) -> HttpResponse:
    """How far the imports into the chosen source are; asked again until the upload is answered."""
    wanted = row_id(request.GET.get("source", ""))
    if wanted is None:
        return HttpResponse(status=204)  # nothing was chosen: the upload is refused
    source = _source(request, wanted)
    words = imports_shown(source) or [{"sentence": "The file is on its way."}]
    context = {"works": words, "url": request.get_full_path(), "identifier": "upload-work"}
    return render(request, "ingestion/_work.html", context)


@require_safe
@login_required
def source_progress(request: HttpRequest, source_id: int) -> HttpResponse:
    """How far what comes into the source is; when nothing does, the page is shown anew."""
    work = work_of(_source(request, source_id))
    if work is None:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "ingestion/_work.html", work)


def work_of(source: Source) -> dict[str, Any] | None:
    """What `_work.html` shows of a source; None if nothing is imported or pulled."""
    words = imports_shown(source)
    if not words and _is_pulled(source):
        words = [{"sentence": "The source is being asked."}]
    if not words:
        return None
    url = reverse("ingestion:source-progress", args=[source.pk])
    return {"works": words, "url": url, "identifier": "source-work"}


def imports_shown(source: Source) -> list[dict[str, Any]]:
    """Each import under way, in words or counts."""
    return [_shown(work) for work in imports_under_way(source)]


def _shown(work: ImportProgress) -> dict[str, Any]:
    if work.phase != ImportPhase.STORING:
        return {"sentence": f"{ImportPhase(work.phase).label}."}
    return {"before": "Storing", "done": work.rows_done, "total": work.rows}


def _is_pulled(source: Source) -> bool:
    """Whether a pull is at work, or a worker is about to begin it."""
    if source.pulls.filter(status=PullStatus.RUNNING).exists():
        return True
    due = source.pulls.filter(status=PullStatus.WAITING, due_at__lte=timezone.now())
    return bool(due.exists())


def _source(request: HttpRequest, source_id: int) -> Source:
    actor = actor_of(request)
    authorize(actor, VIEW_SOURCES)
    return one_visible(sources_for(actor).filter(pk=source_id))

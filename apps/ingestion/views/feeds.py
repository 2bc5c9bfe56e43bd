"""Pages of the imports: the feeds, a source's files, one file, one refused file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.common.access import authorize, one_visible
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.common.paging import row_id
from apps.identity.context import actor_of, entity_in_view, show_times_of
from apps.ingestion.connectors import CONNECTORS
from apps.ingestion.forms import UploadForm
from apps.ingestion.models import Batch, FailedImport, Pull, Source
from apps.ingestion.permissions import IMPORT_FILE, MANAGE_SOURCES, VIEW_SOURCES
from apps.ingestion.selectors import (
    Feed,
    balanced_statements,
    batches_for,
    circuit_of,
    corrections_for,
    failed_imports_for,
    feeds,
    latest_reading,
    lines_shown,
    open_rejections,
    pulls_for,
    rejected_lines_for,
    sources_for,
    validation_findings,
)
from apps.ingestion.services import ask_pull, import_file, read_again, retry_pull
from apps.ingestion.states import EVERY_QUARTER_HOUR
from apps.ingestion.views.correcting import may_correct
from apps.ingestion.views.mapping import convention_words
from apps.ingestion.views.progress import work_of

_LINES_A_PAGE = 50
_REJECTED_A_PAGE = 50


@require_safe
@login_required
def sources_page(request: HttpRequest) -> HttpResponse:
    """Every feed: what came last, until when, and what is the matter with it."""
    return _sources_page(request, UploadForm(actor=actor_of(request), initial=_asked(request)))


@require_POST
@login_required
def upload(request: HttpRequest) -> HttpResponse:
    """Import a file; a refused one is answered with the form and the reason."""
    actor = actor_of(request)
    authorize(actor, IMPORT_FILE)
    form = UploadForm(request.POST, request.FILES, actor=actor)
    if form.is_valid():
        source, file = form.cleaned_data["source"], form.cleaned_data["file"]
        try:
            outcome = import_file(
                source_id=source.pk, filename=file.name, content=file.read(), actor=actor
            )
        except Refusal as refusal:
            form.add_error(None, refusal.words)
        else:
            if outcome.batch is not None:
                messages.success(request, _words(outcome.batch, is_new=outcome.is_new))
                return redirect("ingestion:batch", outcome.batch.pk)
            failure: Any = outcome.failure
            form.add_error("file", _why(failure))
    return _sources_page(request, form, status=422)


@require_safe
@login_required
def source_page(request: HttpRequest, source_id: int) -> HttpResponse:
    """One source: its last files, refused ones, and findings."""
    actor = actor_of(request)
    authorize(actor, VIEW_SOURCES)
    source = one_visible(sources_for(actor).filter(pk=source_id))
    show_times_of(source.entity)
    (feed,) = feeds(actor, [source])
    context = {
        "page_title": source.name,
        "breadcrumbs": [_home()],
        "source": source,
        "feed": feed,
        "batches": batches_for(actor).filter(source=source)[:_LINES_A_PAGE],
        "failures": failed_imports_for(actor).filter(source=source)[:10],
        "pulls": pulls_for(actor).filter(source=source)[:10],
        "work": work_of(source),
        "circuit": circuit_of(source),
        "schedule": schedule_words(source.schedule),
        "connector": connector_words(source),
        "is_importer": source.is_active and actor.may(IMPORT_FILE, source.entity_id),
        "is_manager": source.is_active and actor.may(MANAGE_SOURCES, source.entity_id),
    }
    return render(request, "ingestion/source.html", context)


@require_POST
@login_required
def pull(request: HttpRequest, source_id: int) -> HttpResponse:
    """Have the source pulled now."""
    return _asked_for(request, lambda actor: ask_pull(source_id=source_id, actor=actor), source_id)


@require_POST
@login_required
def retry(request: HttpRequest, pull_id: int) -> HttpResponse:
    """Try a failed pull again."""
    actor = actor_of(request)
    failed = one_visible(pulls_for(actor).filter(pk=pull_id))
    return _asked_for(
        request, lambda actor: retry_pull(pull_id=pull_id, actor=actor), failed.source_id
    )


@require_safe
@login_required
def batch_page(request: HttpRequest, batch_id: int) -> HttpResponse:
    """One file: totals, statements that tie or not, rejected lines, and its lines."""
    actor = actor_of(request)
    authorize(actor, VIEW_SOURCES)
    batch: Batch = one_visible(batches_for(actor).filter(pk=batch_id))
    show_times_of(batch.entity)
    after_id, from_line = _number(request, "after"), _number(request, "from")
    lines = lines_shown(
        batch, actor=actor, after_id=after_id, from_line=from_line, most=_LINES_A_PAGE + 1
    )
    has_more = len(lines) > _LINES_A_PAGE
    latest = latest_reading(batch.source, batch.sha256)
    later = latest if latest is not None and latest.reading > batch.reading else None
    lines = lines[:_LINES_A_PAGE]
    context = {
        "page_title": batch.filename,
        "breadcrumbs": [_home(), _link(batch.source)],
        "batch": batch,
        "statements": balanced_statements(batch),
        "conventions": convention_words(batch.conventions),
        "lines": lines,
        "first_url": request.path if after_id or from_line else None,
        "next_url": f"?after={lines[-1]['id']}" if has_more else None,
        "marked_line": from_line,
        **_rejected_page(request, batch),
        "open_count": open_rejections(batch).count(),
        "may_read_again": later is None
        and batch.source.is_active
        and batch.mapping != batch.source.mapping
        and actor.may(IMPORT_FILE, batch.entity_id),
        "may_correct": later is None and may_correct(actor, batch),
        "findings": _findings_of(batch),
        "later_reading": later,
        "correction": corrections_for(actor).filter(batch=batch).first(),
    }
    return render(request, "ingestion/batch.html", context)


def _rejected_page(request: HttpRequest, batch: Batch) -> dict[str, Any]:
    """The rejected lines of a page, and the way to the next."""
    after_id = _number(request, "rejected_after")
    lines = (
        rejected_lines_for(actor_of(request)).filter(batch=batch, pk__gt=after_id).order_by("pk")
    )
    rows = list(lines[: _REJECTED_A_PAGE + 1])
    shown = rows[:_REJECTED_A_PAGE]
    return {
        "rejected": shown,
        "rejected_first_url": request.path if after_id else None,
        "rejected_next_url": f"?rejected_after={shown[-1].pk}" if len(rows) > len(shown) else None,
    }


@require_POST
@login_required
def reread(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Read the rejected lines of a file again by the mapping of today."""
    actor = actor_of(request)
    authorize(actor, VIEW_SOURCES)
    try:
        outcome = read_again(batch_id=batch_id, actor=actor)
    except (NotVisible, NotPermitted):
        raise
    except Refusal as refusal:
        messages.error(request, refusal.words)
        return redirect("ingestion:batch", batch_id)
    if outcome.batch is None:
        failure: Any = outcome.failure
        messages.error(request, _why(failure))
        return redirect("ingestion:failure", failure.pk)
    messages.success(request, _words(outcome.batch, is_new=outcome.is_new))
    return redirect("ingestion:batch", outcome.batch.pk)


@require_safe
@login_required
def failure_page(request: HttpRequest, failure_id: int) -> HttpResponse:
    """One refused file: where, why, and what helps."""
    actor = actor_of(request)
    authorize(actor, VIEW_SOURCES)
    failure: FailedImport = one_visible(failed_imports_for(actor).filter(pk=failure_id))
    show_times_of(failure.source.entity)
    context = {
        "page_title": failure.filename,
        "breadcrumbs": [_home(), _link(failure.source)],
        "failure": failure,
    }
    return render(request, "ingestion/failure.html", context)


def _asked_for(request: HttpRequest, ask: Callable[[Any], Pull], source_id: int) -> HttpResponse:
    """Ask, say what came of it, and go back to the source; strangers find nothing there."""
    try:
        ask(actor_of(request))
    except (NotVisible, NotPermitted):
        raise
    except Refusal as refusal:
        messages.error(request, refusal.words)
    else:
        messages.success(request, "Asked for. What comes in appears here in a moment.")
    return redirect("ingestion:source", source_id)


def connector_words(source: Source) -> str:
    """How the source is fetched, for people."""
    return next((one.title for one in CONNECTORS if one.name == source.connector), "")


def schedule_words(schedule: str) -> str:
    """When the source is pulled by itself, for people."""
    known = {"": "only when somebody asks", EVERY_QUARTER_HOUR: "every 15 minutes"}
    if schedule in known:
        return known[schedule]
    minute, hour, *dates, weekday = schedule.split()
    if not (minute.isdigit() and hour.isdigit()) or dates != ["*", "*"]:
        return schedule
    days = "every day" if weekday == "*" else weekday.title().replace("-", " to ")
    return f"{days} at {int(hour):02}:{int(minute):02}"


def _sources_page(request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    authorize(actor, VIEW_SOURCES)
    sources = sources_for(actor)
    entity = entity_in_view(request)
    if entity is not None:
        sources = sources.filter(entity=entity)
    listed = feeds(actor, sources)
    context = {
        "page_title": "Sources",
        "feeds": listed,
        "in_order": _count(listed, "completed"),
        "refused": _count(listed, "failed"),
        "blocked": _count(listed, "blocked"),
        "unreachable": _count(listed, "unreachable"),
        "waiting": _count(listed, "pending"),
        "form": form if actor.may(IMPORT_FILE) else None,
        "are_several": entity is None,
    }
    return render(request, "ingestion/sources.html", context, status=status)


def _findings_of(batch: Batch) -> list[Any]:
    if batch.starts_on is None or batch.ends_on is None:
        return []
    found = validation_findings(
        source_ids=[batch.source_id], starts_on=batch.starts_on, ends_on=batch.ends_on
    )
    return [finding for finding in found if finding.batch_id == batch.pk]


def _count(listed: list[Feed], state: str) -> int:
    return sum(feed.state == state for feed in listed)


def _words(batch: Batch, *, is_new: bool) -> str:
    if not is_new:
        return f"{batch.filename} was imported before: nothing was changed."
    rejected = f" {batch.rejected_count} were rejected." if batch.rejected_count else ""
    late = f" {batch.closed_words}." if batch.closed_periods else ""
    told = f"{batch.filename}: {batch.line_count} lines, {batch.added_count} of them new."
    return f"{told}{rejected}{late}"


def _why(failure: FailedImport) -> str:
    """The refusal in one line: where, why, and what helps."""
    place = f"Line {failure.line}: " if failure.line else ""
    field = f" (field {failure.field})" if failure.field else ""
    return f"{place}{failure.message}{field} {failure.remedy}".strip()


def _asked(request: HttpRequest) -> dict[str, Any]:
    return {"source": _number(request, "source") or None}


def _number(request: HttpRequest, name: str) -> int:
    return row_id(request.GET.get(name, "")) or 0


def _home() -> dict[str, str]:
    return {"label": "Sources", "url": reverse("ingestion:sources")}


def _link(source: Source) -> dict[str, str]:
    return {"label": source.name, "url": reverse("ingestion:source", args=[source.pk])}

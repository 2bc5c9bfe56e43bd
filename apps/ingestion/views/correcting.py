"""One rejected line: corrected by a person, or as it was corrected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.common.access import authorize, one_visible
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.identity.context import actor_of, show_times_of
from apps.ingestion.errors import (
    LineCorrected,
    LineNotCorrectable,
    LineReadAgain,
    SourceRetired,
)
from apps.ingestion.formats import TABLES, FieldMapping
from apps.ingestion.formats.headers import completed_mapping
from apps.ingestion.forms import CorrectionForm
from apps.ingestion.models import Batch, LineCorrection, RejectedLine
from apps.ingestion.permissions import CORRECT_LINE, VIEW_SOURCES
from apps.ingestion.selectors import changes_shown, latest_reading, rejected_lines_for
from apps.ingestion.services import correct_lines, texts_together


@require_safe
@login_required
def rejected_line_page(request: HttpRequest, line_id: int) -> HttpResponse:
    """What is wrong with the line, and its texts to correct; or what was made of it."""
    line = _line(request, line_id)
    return _page(request, line)


@require_POST
@login_required
def correct(request: HttpRequest, line_id: int) -> HttpResponse:
    """Bring the line in as it was filled in; a refusal is answered with the form."""
    actor = actor_of(request)
    line = _line(request, line_id)
    try:
        form = _form(texts_together(line_id=line.pk, actor=actor), request.POST)
        if not form.is_valid():
            return _page(request, line, form, status=422)
        reason = form.cleaned_data["reason"]
        made = correct_lines(texts=form.texts, reason=reason, actor=actor)
    except (NotVisible, NotPermitted):
        raise
    except (LineCorrected, LineReadAgain, LineNotCorrectable, SourceRetired) as refusal:
        messages.error(request, refusal.words)
        return redirect("ingestion:rejected-line", line.pk)
    except Refusal as refusal:
        place = f"{refusal.field}: " if refusal.field else ""
        form.add_error(None, f"{place}{refusal.words}")
        return _page(request, line, form, status=refusal.status)
    messages.success(request, _words(made))
    return redirect("ingestion:batch", line.batch_id)


def _words(made: list[LineCorrection]) -> str:
    added = sum(one.batch.added_count for one in made)
    if len(made) > 1:
        lines = ", ".join(f"{one.rejected_line.line:,}" for one in made)
        return f"Lines {lines} are corrected; {added} of them came in."
    came = "came in" if added else "was known already: nothing was added"
    return f"Line {made[0].rejected_line.line:,} is corrected and {came}."


def _line(request: HttpRequest, line_id: int) -> RejectedLine:
    actor = actor_of(request)
    authorize(actor, VIEW_SOURCES)
    return one_visible(rejected_lines_for(actor).filter(pk=line_id))


def _form(texts: Mapping[RejectedLine, Mapping[str, str]], posted: Any = None) -> CorrectionForm:
    read_from = {line: _read_from(line, list(of_line)) for line, of_line in texts.items()}
    return CorrectionForm(posted, texts=texts, read_from=read_from)


def _read_from(line: RejectedLine, names: list[str]) -> Collection[str]:
    """The columns of the file that the field at fault is read from."""
    if line.batch.format not in TABLES:
        return [name for name in names if line.field in name]
    mapping = completed_mapping(FieldMapping.from_dict(line.batch.mapping), names)
    if mapping is None:
        return ()
    wanted = {line.field, *mapping.columns.get(line.field, ())}
    made = [mapping.transformations[name] for name in wanted & mapping.made_columns]
    return wanted.union(*(one.reads for one in made))


def _page(
    request: HttpRequest, line: RejectedLine, form: CorrectionForm | None = None, status: int = 200
) -> HttpResponse:
    actor = actor_of(request)
    batch = line.batch
    show_times_of(batch.source.entity)
    correction = getattr(line, "correction", None)
    obstacle = ""
    if form is None and correction is None:
        try:
            form = _form(texts_together(line_id=line.pk, actor=actor))
        except NotPermitted:
            obstacle = "Preparers and controllers correct lines."
        except Refusal as refusal:
            obstacle = refusal.words
    latest = latest_reading(batch.source, batch.sha256)
    context = {
        "page_title": f"Rejected line {line.line:,}",
        "breadcrumbs": [
            {"label": "Sources", "url": reverse("ingestion:sources")},
            {
                "label": batch.source.name,
                "url": reverse("ingestion:source", args=[batch.source_id]),
            },
            {"label": batch.filename, "url": reverse("ingestion:batch", args=[batch.pk])},
        ],
        "line": line,
        "correction": correction,
        "changes": changes_shown(correction, actor) if correction else [],
        "form": form,
        "obstacle": obstacle,
        "is_table": batch.format in TABLES,
        "latest": latest if latest != batch else None,
    }
    return render(request, "ingestion/rejected_line.html", context, status=status)


def may_correct(actor: Any, batch: Batch) -> bool:
    """Whether to show people the way to this page as something to do."""
    return bool(actor.may(CORRECT_LINE, batch.entity_id))

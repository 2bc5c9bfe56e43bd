"""The field mapping of a source: tried on a sample, seen, and only then saved."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.common.access import authorize, one_visible
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of, show_times_of
from apps.ingestion.formats.mapping import FIELDS
from apps.ingestion.forms import MappingForm
from apps.ingestion.models import Source
from apps.ingestion.permissions import MANAGE_SOURCES
from apps.ingestion.selectors import balanced, latest_original, reading_shown, sources_for
from apps.ingestion.services import MappingPreview, change_mapping, preview_mapping

_LINES = 20
_MOST_REJECTED = 50


@require_safe
@login_required
def mapping_page(request: HttpRequest, source_id: int) -> HttpResponse:
    """The mapping that is saved, to be changed, and what it would be tried on."""
    source = source_to_map(request, source_id)
    form = MappingForm(
        initial={"mapping": source.mapping, "version": source.version}, latest=latest_name(source)
    )
    return expert_page(request, source, form)


@require_POST
@login_required
def try_mapping(request: HttpRequest, source_id: int) -> HttpResponse:
    """Show what a mapping makes of a sample (`preview`), or save it."""
    actor = actor_of(request)
    source = source_to_map(request, source_id)
    form = MappingForm(request.POST, request.FILES, latest=latest_name(source))
    if not form.is_valid():
        return expert_page(request, source, form, status=422)
    mapping, sample = form.cleaned_data["mapping"], form.cleaned_data["sample"]
    try:
        if "preview" in request.POST:
            tried = preview_mapping(
                source_id=source.pk,
                mapping=mapping,
                content=sample.read() if sample else None,
                filename=sample.name if sample else "",
                actor=actor,
            )
            return expert_page(request, source, form, tried=tried)
        known = source.mapping
        saved = change_mapping(
            source_id=source.pk,
            mapping=mapping,
            expected_version=form.cleaned_data["version"],
            actor=actor,
        ).mapping
    except (NotVisible, NotPermitted):
        raise
    except Refusal as refusal:
        complain(form, refusal)
        for _, message in mapping_faults(refusal)[1:]:
            form.add_error("mapping", message)
        return expert_page(request, source, form, status=refusal.status)
    say_saved(request, is_new=saved != known)
    return redirect("ingestion:source", source.pk)


def source_to_map(request: HttpRequest, source_id: int) -> Source:
    """The source, for those who may change it."""
    actor = actor_of(request)
    source: Source = one_visible(sources_for(actor).filter(pk=source_id))
    authorize(actor, MANAGE_SOURCES, entity_id=source.entity_id)
    return source


def mapping_faults(refusal: Refusal) -> list[tuple[str, str]]:
    """Key and words of all that is wrong with the mapping that was refused, the first one first."""
    faults = refusal.details.get("faults")
    if faults is None:
        return [(str(refusal.details.get("key", "")), refusal.message)]
    return [(fault["key"], fault["message"]) for fault in faults]


def latest_name(source: Source) -> str:
    """The file that is tried where no sample is chosen; '' without any."""
    kept = latest_original(source)
    return kept.filename if kept else ""


def expert_page(
    request: HttpRequest,
    source: Source,
    form: MappingForm,
    *,
    tried: MappingPreview | None = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page, or for htmx the preview alone."""
    show_times_of(source.entity)
    is_part = request.headers.get("HX-Request") == "true"
    context = {
        **heading(source),
        "form": form,
        "fields": FIELDS,
        "is_part": is_part,
        **preview_seen(request, tried),
    }
    name = "ingestion/_preview.html" if is_part else "ingestion/mapping.html"
    return render(request, name, context, status=status)


def heading(source: Source) -> dict[str, Any]:
    """What both pages of a mapping begin with."""
    return {
        "page_title": f"Field mapping: {source.name}",
        "breadcrumbs": [
            {"label": "Sources", "url": reverse("ingestion:sources")},
            {"label": source.name, "url": reverse("ingestion:source", args=[source.pk])},
        ],
        "source": source,
    }


def say_saved(request: HttpRequest, *, is_new: bool) -> None:
    """Tell whether the mapping that was saved is another one than before."""
    if is_new:
        messages.success(request, "The mapping is saved. Files are read by it from now on.")
    else:
        messages.info(request, "This is the mapping that was saved before: nothing changed.")


def preview_seen(request: HttpRequest, tried: MappingPreview | None) -> dict[str, Any]:
    """What the template says of a preview."""
    reading = tried.reading if tried else None
    if tried is None or reading is None:
        return {"tried": tried}
    actor = actor_of(request)
    return {
        "tried": tried,
        "line_count": reading.lines.height,
        "lines": reading_shown(reading, actor=actor, source=tried.source, most=_LINES),
        "rejected": reading.rejected[:_MOST_REJECTED],
        "rejected_count": len(reading.rejected),
        "statements": balanced(tried.statements),
        "totals": tried.totals,
        "conventions": convention_words(reading.conventions),
    }


def convention_words(conventions: Any) -> list[tuple[str, str]]:
    """How a file was read, for people."""
    return [
        (name.replace("_", " ").capitalize(), value) for name, value in conventions.items() if value
    ]

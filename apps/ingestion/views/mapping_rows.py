"""The field mapping of a source as a form of rows; the JSON beside it is the expert's view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.identity.context import actor_of, show_times_of
from apps.ingestion.formats import MappingInvalid
from apps.ingestion.formats.mapping_faults import faults_of
from apps.ingestion.formats.mapping_rows import Rows, Unshowable, rows_of
from apps.ingestion.forms import MappingForm
from apps.ingestion.forms.rows import RowsForm, acted, rows_in
from apps.ingestion.models import Source
from apps.ingestion.services import MappingPreview, change_mapping, preview_mapping
from apps.ingestion.views.mapping import (
    expert_page,
    heading,
    latest_name,
    mapping_faults,
    preview_seen,
    say_saved,
    source_to_map,
)

_UNSHOWABLE = "This mapping holds something that the form cannot show; here it is as JSON."


@require_safe
@login_required
def rows_page(request: HttpRequest, source_id: int) -> HttpResponse:
    """The mapping that is saved, row by row."""
    source = source_to_map(request, source_id)
    try:
        rows = rows_of(source.mapping)
    except Unshowable:
        messages.info(request, _UNSHOWABLE)
        return redirect("ingestion:mapping", source.pk)
    return _page(request, source, rows, seen=str(source.version))


@require_POST
@login_required
def act_on_rows(request: HttpRequest, source_id: int) -> HttpResponse:
    """Do what the button says: change the rows, try them, save them, or show them as JSON."""
    source = source_to_map(request, source_id)
    act = request.POST.get("do", "")
    if act == "show-rows":
        return _from_json(request, source)
    rows = rows_in(request.POST)
    if act == "show-json":
        written = {"mapping": RowsForm.of(rows).built.mapping, "version": _seen(request)}
        form = MappingForm(initial=written, latest=latest_name(source))
        return expert_page(request, source, form)
    if act in ("preview", "save"):
        return _tried_or_saved(request, source, rows, is_preview=act == "preview")
    rows, focus = acted(rows, act)
    return _page(request, source, rows, focus=focus)


def _tried_or_saved(
    request: HttpRequest, source: Source, rows: Rows, *, is_preview: bool
) -> HttpResponse:
    form = RowsForm.of(rows)
    mapping, known = form.built.mapping, source.mapping
    sample = request.FILES.get("sample")
    actor = actor_of(request)
    try:
        if is_preview:
            tried = preview_mapping(
                source_id=source.pk,
                mapping=mapping,
                content=sample.read() if sample else None,
                filename=(sample.name or "") if sample else "",
                actor=actor,
            )
            return _page(request, source, rows, tried=tried)
        saved = change_mapping(
            source_id=source.pk,
            mapping=mapping,
            expected_version=_version_of(request),
            actor=actor,
        ).mapping
    except (NotVisible, NotPermitted):
        raise
    except Refusal as refusal:
        for key, message in mapping_faults(refusal):
            form.blame(key, message)
        return _page(request, source, rows, form=form, status=refusal.status)
    say_saved(request, is_new=saved != known)
    return redirect("ingestion:source", source.pk)


def _from_json(request: HttpRequest, source: Source) -> HttpResponse:
    """What was written as JSON, row by row; what is wrong with it stays with the expert."""
    form = MappingForm(request.POST, request.FILES, latest=latest_name(source))
    if not form.is_valid():
        return expert_page(request, source, form, status=422)
    mapping = form.cleaned_data["mapping"]
    try:
        return _page(request, source, rows_of(mapping))
    except MappingInvalid:
        form.add_error("mapping", [fault.message for fault in faults_of(mapping)])
    except Unshowable:
        form.add_error("mapping", "The form cannot show this mapping.")
    return expert_page(request, source, form, status=422)


def _page(
    request: HttpRequest,
    source: Source,
    rows: Rows,
    *,
    seen: str = "",
    form: RowsForm | None = None,
    tried: MappingPreview | None = None,
    focus: str = "",
    status: int = 200,
) -> HttpResponse:
    show_times_of(source.entity)
    shown = form or RowsForm.of(rows)
    context: dict[str, Any] = {
        **heading(source),
        "form": shown,
        "seen": seen or _seen(request),
        "fields": _rows_shown("f", shown.fields, focus),
        "steps": _rows_shown("s", shown.steps, focus),
        "latest": latest_name(source),
        **preview_seen(request, tried),
    }
    return render(request, "ingestion/mapping_form.html", context, status=status)


def _seen(request: HttpRequest) -> str:
    """The version of the source that the page was opened with, as it sent it."""
    return request.POST.get("version", "")


def _version_of(request: HttpRequest) -> int:
    """0, which no source has, where the page did not say what it was opened with."""
    text = _seen(request)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _rows_shown(part: str, forms: Sequence[Any], focus: str) -> list[dict[str, Any]]:
    """Each row with its name in buttons, and whether it was the last to be acted on."""
    named = ((f"{part}-{number}", form) for number, form in enumerate(forms))
    return [
        {"form": form, "name": name, "is_focused": focus == f"row-{name}"} for name, form in named
    ]

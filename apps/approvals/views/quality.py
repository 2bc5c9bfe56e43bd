"""How people review: time on it, evidence that nobody opened, approvals waved through."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.approvals.forms.controls import QualityForm, latest_days
from apps.approvals.permissions import VIEW_CONTROLS
from apps.approvals.rules import MEANINGS, Quality
from apps.approvals.selectors.quality import (
    QUICK_SECONDS,
    PersonQuality,
    QualityReport,
    quality_report,
)
from apps.approvals.states import Door
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.templatetags.finflow import duration, percent
from apps.identity.context import actor_of

_NOTHING = "–"
_DOORS = dict(Door.choices)


@require_safe
@login_required
def quality_page(request: HttpRequest) -> HttpResponse:
    """The figures of each approver of one entity in some days, the latest to begin with."""
    actor = actor_of(request)
    authorize(actor, VIEW_CONTROLS)
    asked = request.GET.dict() or latest_days(request, actor)
    form = QualityForm(asked or None, actor=actor, initial={"quick_seconds": QUICK_SECONDS})
    report: QualityReport | None = None
    if form.is_valid():
        try:
            report = quality_report(**form.cleaned_data, actor=actor)
        except Refusal as refusal:
            form.add_error(refusal.field or None, refusal.message)
    context = {
        "page_title": "How people review",
        "tab": "quality",
        "filters": form,
        "report": report,
        "everybody": in_words(report.everybody) if report else {},
        "rows": [_row(one) for one in report.people] if report else [],
        "bars": [_bar(one) for one in report.people if one.quality.waved_rate is not None]
        if report
        else [],
        "meanings": MEANINGS.items(),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "approvals/quality.html", context, status=status)


def in_words(quality: Quality) -> dict[str, str]:
    """The figures as they are written; a dash where there is nothing to tell them by."""
    return {
        "time": duration(quality.middle_time) or _NOTHING,
        "timed": f"{quality.timed} of {quality.decisions}",
        "unopened": f"{quality.unopened} of {quality.there}" if quality.there else _NOTHING,
        "waved": _waved(quality),
        "unseen": _unseen(quality),
    }


def _waved(quality: Quality) -> str:
    if not quality.timed_approvals:
        return _NOTHING
    share = Decimal(quality.waved_through) / quality.timed_approvals
    return f"{percent(share, 0)}, {quality.waved_through} of {quality.timed_approvals}"


def _unseen(quality: Quality) -> str:
    """ "3: 2 in bulk, 1 over REST"."""
    if not quality.unseen:
        return _NOTHING
    parts = [f"{number} {_DOORS.get(door, 'not on record how')}" for door, number in quality.unseen]
    return f"{quality.unseen_count}: {', '.join(parts)}"


def _row(one: PersonQuality) -> dict[str, Any]:
    return {"person": one.person, "quality": one.quality, **in_words(one.quality)}


def _bar(one: PersonQuality) -> dict[str, Any]:
    rate = float(one.quality.waved_rate or 0)
    return {"label": str(one.person), "value": rate, "figure": in_words(one.quality)["waved"]}

"""Entries that stand out: why, how much, and what people decide about them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.analytics.forms import AnomalyFilter, ReviewForm
from apps.analytics.models import AnomalyScore
from apps.analytics.permissions import REVIEW_ANOMALY, VIEW_ANOMALIES
from apps.analytics.selectors import (
    Cursor,
    anomalies_for,
    anomaly_seen_by,
    grounds_of,
    ranked_after,
    ranked_before,
    scored_periods,
    took_part,
)
from apps.analytics.services import review_anomaly
from apps.analytics.states import Disposition
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.common.models import ScopedQuerySet
from apps.common.paging import Leafing, row_id
from apps.identity.context import actor_of, entity_in_view, show_times_of
from apps.identity.selectors import people_who_may
from apps.ledger.selectors import lines_of, totals_by_entry, totals_of

_REASONS = 2  # the others unfold


@require_safe
@login_required
def anomalies_page(request: HttpRequest) -> HttpResponse:
    """The work list of reviewers: what stands out most comes first."""
    actor = _viewer(request)
    found = _in_view(request)
    periods = scored_periods(actor, entity_in_view(request))
    filters = AnomalyFilter(request.GET, periods=periods, auto_id="filter_%s")
    shown = filters.narrow(found)
    page = _BY_SCORE.page(shown, request.GET)
    context = {
        "page_title": "Anomalies",
        "filters": filters,
        "clear_url": request.path if filters.is_narrowed else None,
        "rows": _rows(page.rows),
        **_standing(request),
        "has_scoring": bool(periods),
        "is_reviewer": actor.may(REVIEW_ANOMALY),
        "are_several": entity_in_view(request) is None,
        "previous_url": page.previous_url,
        "next_url": page.next_url,
    }
    return render(request, "analytics/anomalies.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def anomaly_page(request: HttpRequest, score_id: int) -> HttpResponse:
    """One anomaly with its form; in place of its row for htmx, as a page otherwise."""
    actor = _viewer(request)
    anomaly = anomaly_seen_by(actor, score_id)
    if request.method != "POST":
        return _answer(request, anomaly, _blank_form(anomaly, actor), 200)
    form = ReviewForm(request.POST, auto_id=f"review-{score_id}-%s")
    code = 422
    if form.is_valid():
        facts = form.cleaned_data
        try:
            review_anomaly(
                score_id=score_id,
                disposition=facts["disposition"],
                comment=facts["comment"],
                expected_version=facts["version"],
                actor=actor,
            )
        except Refusal as refusal:
            code = 422 if _is_part(request) else refusal.status
            complain(form, refusal)
        else:
            return _decided(request, anomaly_seen_by(actor, score_id))
    return _answer(request, anomaly_seen_by(actor, score_id), form, code)


def _decided(request: HttpRequest, anomaly: AnomalyScore) -> HttpResponse:
    """The row as it now is, said aloud; without htmx back to the list."""
    words = f"{anomaly.entry.label}: {anomaly.review.get_disposition_display().lower()}."
    if not _is_part(request):
        messages.success(request, words)
        return redirect("analytics:anomalies")
    (row,) = _rows([anomaly])
    context = {
        "row": row,
        "is_reviewer": True,
        "are_several": entity_in_view(request) is None,
        "has_scoring": True,
        "is_just_decided": True,
        **_standing(request),
    }
    response = render(request, "analytics/_row.html", context)
    response["HX-Trigger"] = json.dumps({"announce": words})
    return response


def _answer(
    request: HttpRequest, anomaly: AnomalyScore, form: ReviewForm | None, code: int
) -> HttpResponse:
    (row,) = _rows([anomaly])
    context: dict[str, Any] = {
        "row": row,
        "form": form,
        "is_reviewer": form is not None,
        "are_several": entity_in_view(request) is None,
    }
    if _is_part(request):
        if form is not None:  # whoever asked for the form wants to fill it in
            form.fields["disposition"].widget.attrs["data-focus"] = ""
        return render(request, "analytics/_row.html", context, status=code)
    show_times_of(anomaly.run.entity)
    lines = lines_of(anomaly.entry)
    context |= {
        "page_title": f"{anomaly.entry.label} stands out",
        "breadcrumbs": [{"label": "Anomalies", "url": reverse("analytics:anomalies")}],
        "anomaly": anomaly,
        "lines": lines,
        "totals": totals_of(lines),
        "could_review": _others(anomaly, actor_of(request)),
        "is_own": took_part(anomaly.entry, actor_of(request)),
    }
    return render(request, "analytics/anomaly.html", context, status=code)


def _blank_form(anomaly: AnomalyScore, actor: Any) -> ReviewForm | None:
    """The form for who may decide here; None for who may not."""
    may_review = actor.may(REVIEW_ANOMALY, anomaly.run.entity_id)
    if not may_review or took_part(anomaly.entry, actor):
        return None
    review = getattr(anomaly, "review", None)
    known = {"disposition": review.disposition, "comment": review.comment} if review else {}
    initial = {**known, "version": review.version if review else 1}
    return ReviewForm(initial=initial, auto_id=f"review-{anomaly.pk}-%s")


def _others(anomaly: AnomalyScore, actor: Any) -> list[Any]:
    """Who else could decide."""
    people = people_who_may(REVIEW_ANOMALY, entity_id=anomaly.run.entity_id)
    return [one for one in people if one != actor and not took_part(anomaly.entry, one)]


def _rows(anomalies: list[AnomalyScore]) -> list[dict[str, Any]]:
    totals = totals_by_entry([anomaly.entry for anomaly in anomalies])
    return [
        {
            "anomaly": anomaly,
            "grounds": grounds_of(anomaly, most=_REASONS),
            "review": getattr(anomaly, "review", None),
            "totals": totals[anomaly.entry_id],
        }
        for anomaly in anomalies
    ]


def _in_view(request: HttpRequest) -> ScopedQuerySet:
    """The anomalies of the entity in view, or of all that the person sees."""
    found = anomalies_for(actor_of(request))
    entity = entity_in_view(request)
    return found if entity is None else found.filter(run__entity=entity)


def _standing(request: HttpRequest) -> dict[str, int]:
    """How many stand out, and how many of them nobody has decided about (one query)."""
    is_open = Count("pk", filter=Q(disposition=Disposition.OPEN))
    counts: dict[str, int] = _in_view(request).order_by().aggregate(open=is_open, total=Count("pk"))
    return counts


def _viewer(request: HttpRequest) -> Any:
    """Who looks, if he may look at anomalies at all."""
    actor = actor_of(request)
    authorize(actor, VIEW_ANOMALIES)
    return actor


def _is_part(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


# --- Pages by score -------------------------------------------------------------------------


def _cursor(text: str) -> Cursor | None:
    """A cursor is "score-id", the score in hundred-thousandths; anything else is none."""
    score, _, key = text.partition("-")
    steps, pk = row_id(score), row_id(key)
    return None if steps is None or pk is None else (Decimal(steps).scaleb(-5), pk)


_BY_SCORE = Leafing(
    size=25,
    read=_cursor,
    write=lambda anomaly: f"{int(anomaly.score.scaleb(5))}-{anomaly.pk}",
    beyond=ranked_after,
    ahead=ranked_before,
)

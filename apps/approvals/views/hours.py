"""Saying when one works."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from apps.approvals.forms.hours import HoursForm
from apps.approvals.permissions import PLAN_LEAVE
from apps.approvals.selectors.hours import hours_of
from apps.approvals.services import end_hours, set_hours
from apps.approvals.views.forms import version_seen
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of
from apps.identity.models import Entity, User


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def hours_page(request: HttpRequest) -> HttpResponse:
    """On which days and at which hours this person works."""
    actor = actor_of(request)
    authorize(actor, PLAN_LEAVE)
    form = HoursForm(request.POST or None, initial=_as_it_is(actor))
    if request.method == "POST" and form.is_valid():
        try:
            set_hours(person_id=actor.pk, **form.cleaned_data, actor=actor)
        except Refusal as refusal:
            complain(form, refusal)
        else:
            messages.success(request, "Your hours are kept. They count for steps that begin now.")
            return redirect("approvals:away")
    context = {
        "page_title": "Your working hours",
        "breadcrumbs": [{"label": "Away", "url": reverse("approvals:away")}],
        "form": form,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "approvals/hours.html", context, status=status)


@require_POST
@login_required
def end_hours_now(request: HttpRequest, hours_id: int) -> HttpResponse:
    """The button beside one's hours."""
    end_hours(hours_id=hours_id, actor=actor_of(request), expected_version=version_seen(request))
    messages.success(request, "You work as your company does again.")
    return redirect("approvals:away")


def _as_it_is(actor: User) -> dict[str, Any]:
    """The hours that hold; without any, those of a company of his."""
    hours = hours_of(actor)
    if hours is None:
        zones = Entity.objects.visible_to(actor).values_list("time_zone", flat=True)
        return {
            "time_zone": zones.first(),
            "weekdays": range(5),
            "opens_at": "09:00",
            "closes_at": "17:00",
            "expected_version": 0,
        }
    return {
        "time_zone": hours.time_zone,
        "weekdays": hours.weekdays,
        "opens_at": hours.opens_at,
        "closes_at": hours.closes_at,
        "country": hours.country,
        "expected_version": hours.version,
    }

"""What a proposed policy would have done, beside the policy."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.approvals.forms.controls import SpanForm
from apps.approvals.permissions import VIEW_POLICIES
from apps.approvals.selectors.policies import policy_seen_by
from apps.approvals.selectors.simulation import Load, Simulation, simulate
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.identity.context import actor_of, show_times_of

_MOST_SHOWN = 200
_QUARTER = timedelta(days=92)


@require_safe
@login_required
def simulation_page(request: HttpRequest, policy_id: int) -> HttpResponse:
    """The requests of some days, routed by what is in force and by what is proposed."""
    actor = actor_of(request)
    authorize(actor, VIEW_POLICIES)
    policy = policy_seen_by(actor, policy_id)
    show_times_of(policy.entity)
    today = timezone.localdate(timezone=policy.entity.zone)
    form = SpanForm(request.GET or {"starts_on": today - _QUARTER, "ends_on": today})
    found: Simulation | None = None
    if form.is_valid():
        try:
            found = simulate(policy, **form.cleaned_data, actor=actor)
        except Refusal as refusal:
            form.add_error(refusal.field or None, refusal.words)
    context = {
        "page_title": f"Try the proposed policy for {policy.kind}",
        "breadcrumbs": [
            {
                "label": f"Policy for {policy.kind}",
                "url": reverse("approvals:policy", args=[policy.pk]),
            }
        ],
        "filters": form,
        "found": found,
        "shown": found.rerouted[:_MOST_SHOWN] if found else (),
        "overloaded": [load.person for load in found.loads if load.is_overloaded] if found else [],
        "bars": [_bar(load) for load in found.loads] if found else [],
        "maximum": _maximum(found),
    }
    return render(request, "approvals/simulation.html", context, status=422 if form.errors else 200)


def _bar(load: Load) -> dict[str, Any]:
    """The work after as a bar, with what it is now as the line across it."""
    return {
        "label": str(load.person),
        "value": float(load.after),
        "figure": f"{figure(load.before)} now, {figure(load.after)} then",
        "expected": float(load.before),
        "tone": "warn" if load.is_overloaded else "",
    }


def _maximum(found: Simulation | None) -> float:
    loads = found.loads if found else ()
    return max((float(max(load.before, load.after)) for load in loads), default=0) or 1


def figure(work: Fraction) -> str:
    """ "2.5": decisions, to one decimal."""
    return f"{float(work):,.1f}"

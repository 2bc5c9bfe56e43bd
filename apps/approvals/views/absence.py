"""Being away: one's leave, and who decides meanwhile."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.approvals.forms.absence import DelegationForm, LeaveForm
from apps.approvals.models import Policy
from apps.approvals.permissions import DELEGATE, PLAN_LEAVE, VIEW_ABSENCES
from apps.approvals.selectors import policies_seen_by, unread_notices
from apps.approvals.selectors.absence import own_delegations, own_leaves
from apps.approvals.selectors.hours import hours_of
from apps.approvals.selectors.stalls import stalls_without
from apps.approvals.services import cancel_leave, delegate, plan_leave, revoke_delegation
from apps.approvals.views.forms import version_seen
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of


@require_safe
@login_required
def away_page(request: HttpRequest) -> HttpResponse:
    """When this person is away, what he handed over, and for whom he stands in."""
    actor = actor_of(request)
    authorize(actor, VIEW_ABSENCES)
    made = list(own_delegations(actor))
    context = {
        "page_title": "Away",
        "tab": "away",
        "unread": unread_notices(actor),
        "leaves": list(own_leaves(actor)),
        "hours": hours_of(actor),
        "given": [one for one in made if one.delegator_id == actor.pk],
        "taken": [one for one in made if one.delegate_id == actor.pk],
        "can_plan": actor.may(PLAN_LEAVE),
        "can_delegate": actor.may(DELEGATE),
    }
    return render(request, "approvals/away.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def leave_page(request: HttpRequest) -> HttpResponse:
    """Plan leave; what would stall is told before it is saved."""
    actor = actor_of(request)
    authorize(actor, PLAN_LEAVE)
    form = LeaveForm(request.POST or None)
    context: dict[str, Any] = {"stalls": None}
    if request.method == "POST" and form.is_valid():
        if "look" in request.POST:
            context["stalls"] = stalls_without(
                actor, on=_first_day(form.cleaned_data["starts_on"]), actor=actor
            )
            return _leave_form(request, form, context)
        try:
            plan_leave(person_id=actor.pk, **form.cleaned_data, actor=actor)
        except Refusal as refusal:
            complain(form, refusal)
        else:
            messages.success(request, "Your leave is planned.")
            return redirect("approvals:away")
    status = 422 if request.method == "POST" else 200
    return _leave_form(request, form, context, status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def delegate_page(request: HttpRequest) -> HttpResponse:
    """Hand over what one would decide."""
    actor = actor_of(request)
    authorize(actor, DELEGATE)
    form = DelegationForm(request.POST or None, actor=actor, kinds=_kinds(actor))
    if request.method == "POST" and form.is_valid():
        facts = dict(form.cleaned_data)
        entity, stand_in = facts.pop("entity"), facts.pop("delegate")
        try:
            delegate(entity_id=entity.pk, delegate_id=stand_in.pk, **facts, actor=actor)
        except Refusal as refusal:
            complain(form, refusal)
        else:
            messages.success(request, f"{stand_in} decides for you on those days.")
            return redirect("approvals:away")
    context = {"page_title": "Hand over your decisions", "breadcrumbs": _crumbs(), "form": form}
    status = 422 if request.method == "POST" else 200
    return render(request, "approvals/delegate.html", context, status=status)


@require_POST
@login_required
def cancel_leave_now(request: HttpRequest, leave_id: int) -> HttpResponse:
    """The button beside a leave."""
    cancel_leave(leave_id=leave_id, actor=actor_of(request), expected_version=version_seen(request))
    messages.success(request, "Your leave is cancelled.")
    return redirect("approvals:away")


@require_POST
@login_required
def revoke_delegation_now(request: HttpRequest, delegation_id: int) -> HttpResponse:
    """The button beside a delegation."""
    made = revoke_delegation(
        delegation_id=delegation_id,
        actor=actor_of(request),
        expected_version=version_seen(request),
    )
    messages.success(request, f"{made.delegate} does not decide for {made.delegator} any more.")
    return redirect("approvals:away")


def _leave_form(
    request: HttpRequest, form: LeaveForm, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context |= {"page_title": "Plan leave", "breadcrumbs": _crumbs(), "form": form}
    return render(request, "approvals/leave.html", context, status=status)


def _first_day(starts_on: date) -> date:
    """Leave that has begun is looked at as of today."""
    return max(starts_on, timezone.localdate())


def _kinds(actor: Any) -> list[tuple[str, str]]:
    """The kinds of things that policies in force are about, as choices."""
    found = policies_seen_by(actor).in_force().order_by("item_type")
    kinds = found.values_list("item_type", flat=True).distinct()
    return [(kind, Policy(item_type=kind).kind.capitalize()) for kind in kinds]


def _crumbs() -> list[dict[str, str]]:
    return [{"label": "Away", "url": reverse("approvals:away")}]

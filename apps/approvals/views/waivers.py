"""Waivers: which there are, and the two signatures."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.approvals.forms.listing import kinds_of
from apps.approvals.forms.waivers import RevokeForm, WaiverForm
from apps.approvals.models import Waiver
from apps.approvals.permissions import SIGN_WAIVERS, VIEW_CONTROLS, VIEW_REQUESTS
from apps.approvals.selectors import policies_seen_by
from apps.approvals.selectors.waivers import waivers_seen_by
from apps.approvals.services import propose_waiver, revoke_waiver, sign_waiver
from apps.approvals.states import WaiverState
from apps.approvals.views.forms import version_seen
from apps.common.access import authorize, one_visible
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of
from apps.identity.models import User

_MOST_SHOWN = 200


@require_safe
@login_required
def waivers_page(request: HttpRequest) -> HttpResponse:
    """Every waiver, the newest first, with what one may do about it."""
    actor = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    rows = [_row(waiver, actor) for waiver in waivers_seen_by(actor)[:_MOST_SHOWN]]
    context = {
        "page_title": "Waivers",
        "tab": "waivers",
        "rows": rows,
        "holding": sum(row["is_holding"] for row in rows),
        "can_sign": actor.may(SIGN_WAIVERS),
        "can_view_controls": actor.may(VIEW_CONTROLS),
    }
    return render(request, "approvals/waivers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def propose_page(request: HttpRequest) -> HttpResponse:
    """Sign first."""
    actor = actor_of(request)
    authorize(actor, SIGN_WAIVERS)
    kinds = kinds_of(policies_seen_by(actor).in_force())
    form = WaiverForm(request.POST or None, actor=actor, kinds=kinds)
    if request.method == "POST" and form.is_valid():
        facts = dict(form.cleaned_data)
        entity, person = facts.pop("entity"), facts.pop("person")
        try:
            propose_waiver(entity_id=entity.pk, person_id=person.pk, **facts, actor=actor)
        except Refusal as refusal:
            complain(form, refusal)
        else:
            messages.success(request, "You have signed. It holds once somebody else signs, too.")
            return redirect("approvals:waivers")
    return _form(request, form, "Propose a waiver", "Sign as the first")


@require_POST
@login_required
def sign_now(request: HttpRequest, waiver_id: int) -> HttpResponse:
    """The button beside a proposed waiver."""
    waiver = sign_waiver(
        waiver_id=waiver_id, actor=actor_of(request), expected_version=version_seen(request)
    )
    messages.success(request, f"Signed: {waiver}.")
    return redirect("approvals:waivers")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def revoke_page(request: HttpRequest, waiver_id: int) -> HttpResponse:
    """End a waiver, with a reason."""
    actor = actor_of(request)
    authorize(actor, SIGN_WAIVERS)
    waiver = one_visible(waivers_seen_by(actor).filter(pk=waiver_id))
    seen = {"expected_version": waiver.version}
    form = RevokeForm(request.POST or None, initial=seen)
    if request.method == "POST" and form.is_valid():
        try:
            revoke_waiver(waiver_id=waiver_id, **form.cleaned_data, actor=actor)
        except Refusal as refusal:
            complain(form, refusal)
        else:
            messages.success(request, f"Revoked: {waiver}.")
            return redirect("approvals:waivers")
    return _form(request, form, f"Revoke {waiver}?", "Revoke", is_danger=True)


def _row(waiver: Waiver, actor: User) -> dict[str, Any]:
    """A waiver with its state as of today, and whether this person may sign or revoke it."""
    today = timezone.localdate(timezone=waiver.entity.zone)
    is_over = waiver.ends_on < today
    is_signed = waiver.state == WaiverState.SIGNED
    may = actor.may(SIGN_WAIVERS, waiver.entity_id)
    can_revoke = may and not is_over and waiver.state != WaiverState.REVOKED
    signers = {waiver.person_id, waiver.proposed_by_id}
    return {
        "waiver": waiver,
        "state": "Over" if is_over and is_signed else waiver.state.label,
        "is_holding": is_signed and waiver.starts_on <= today <= waiver.ends_on,
        "can_sign": can_revoke and not is_signed and actor.pk not in signers,
        "can_revoke": can_revoke,
    }


def _form(
    request: HttpRequest, form: Any, title: str, submit_label: str, *, is_danger: bool = False
) -> HttpResponse:
    context = {
        "page_title": title,
        "breadcrumbs": [{"label": "Waivers", "url": reverse("approvals:waivers")}],
        "form": form,
        "submit_label": submit_label,
        "is_danger": is_danger,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "approvals/waiver_form.html", context, status=status)

"""Take back one's own request, or an approval before it is acted upon: each with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.approvals import selectors
from apps.approvals.forms.deciding import ReasonForm
from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_REQUESTS, WITHDRAW_REQUEST
from apps.approvals.services import revoke, withdraw
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of
from apps.identity.models import User

Act = Callable[..., Request]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def withdraw_page(request: HttpRequest, request_id: int) -> HttpResponse:
    """Take back one's own request, with a reason."""
    asked = _asked(request, request_id)
    form = _form(request, asked)
    status = _carried_out(form, withdraw, asked, actor_of(request))
    if status == 302:
        messages.success(request, f"{asked.title}: your request is withdrawn.")
        return redirect("approvals:mine")
    context = {"page_title": f"Withdraw {asked.title}?", "asked": asked, "form": form}
    return render(request, "approvals/withdraw.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def revoke_page(request: HttpRequest, request_id: int) -> HttpResponse:
    """Take an approval back before it is acted upon, with a reason."""
    asked = _asked(request, request_id)
    form = _form(request, asked)
    status = _carried_out(form, revoke, asked, actor_of(request))
    if status == 302:
        messages.success(request, f"{asked.title}: the approval is revoked.")
        return redirect(reverse("approvals:request", args=[asked.pk]))
    context = {
        "page_title": f"Revoke the approval of {asked.title}?",
        "asked": asked,
        "approvers": [one.approver for one in selectors.decisions_on(asked)],
        "form": form,
    }
    return render(request, "approvals/revoke.html", context, status=status)


def can_withdraw(asked: Request, actor: User) -> bool:
    """Whether the page offers it; the service asks again."""
    is_own = asked.maker_id == actor.pk
    return is_own and asked.is_open and actor.may(WITHDRAW_REQUEST, asked.entity_id)


def can_revoke(asked: Request, actor: User) -> bool:
    """Whether the page offers it; the service asks again."""
    return selectors.refusal_to_revoke(asked, actor) is None


def _asked(request: HttpRequest, request_id: int) -> Request:
    actor: User = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    return selectors.request_seen_by(actor, request_id)


def _form(request: HttpRequest, asked: Request) -> ReasonForm:
    initial = {"expected_version": asked.version}
    return ReasonForm(request.POST if request.method == "POST" else None, initial=initial)


def _carried_out(form: ReasonForm, act: Act, asked: Request, actor: User) -> int:
    """Do it if the form was sent and is in order; the status to answer with, 302 if it is done."""
    if not form.is_bound:
        return 200
    if not form.is_valid():
        return 422
    try:
        facts: dict[str, Any] = form.cleaned_data
        act(request_id=asked.pk, **facts, actor=actor)
    except Refusal as refusal:
        complain(form, refusal)
        return refusal.status
    return 302

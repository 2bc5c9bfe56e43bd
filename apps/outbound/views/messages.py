"""Pages: where and when a person is told, and the way from a message to its request."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from apps.approvals.permissions import VIEW_REQUESTS
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of
from apps.outbound.forms import PreferenceForm
from apps.outbound.selectors import messages_for, preference_of
from apps.outbound.services import choose_messages, request_behind

_SHOWN = 20


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def messages_page(request: HttpRequest) -> HttpResponse:
    """What the person has chosen, and his last messages; POST chooses."""
    actor = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    preference = preference_of(actor)
    if request.method != "POST":
        return _shown(request, PreferenceForm.of(preference), 200)
    form = PreferenceForm(request.POST, has_slack_url=bool(preference.slack_url))
    if form.is_valid():
        try:
            choose_messages(**form.choice, actor=actor)
        except Refusal as refusal:
            complain(form, refusal)
        else:
            messages.success(request, "That is how you are told from now on.")
            return redirect("outbound:messages")
    return _shown(request, form, 422)


@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """From a message to its request: whoever is not signed in comes to the sign-in first."""
    return redirect("approvals:request", request_behind(token))


def _shown(request: HttpRequest, form: PreferenceForm, status: int) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "page_title": "How you are told",
        "preference": preference_of(actor),
        "form": form,
        "sent": messages_for(actor)[:_SHOWN],
    }
    return render(request, "outbound/messages.html", context, status=status)

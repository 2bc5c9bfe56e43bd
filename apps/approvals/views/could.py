"""Who could have approved something at an instant, and why (not)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.approvals.forms.controls import ImaginedForm, InstantForm
from apps.approvals.forms.listing import kinds_of
from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_CONTROLS
from apps.approvals.selectors import policies_seen_by, request_seen_by
from apps.approvals.selectors.could import Answer, who_could, who_could_approve_such
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of, show_times_of

_NOTED = (
    "Who took part counts from when it was noted: at the asking, with evidence, at a decision,"
    " or at the check every ten minutes."
)


@require_safe
@login_required
def could_page(request: HttpRequest, request_id: int) -> HttpResponse:
    """Of one request: who could have approved it then."""
    actor = actor_of(request)
    authorize(actor, VIEW_CONTROLS)
    asked = request_seen_by(actor, request_id)
    show_times_of(asked.entity)
    form = InstantForm(request.GET or {"at": _just_before(asked)})
    context = {
        "page_title": f"Who could have approved {asked.title}",
        "breadcrumbs": [
            {"label": "Approvals", "url": reverse("approvals:inbox")},
            {"label": asked.title, "url": reverse("approvals:request", args=[asked.pk])},
        ],
    }

    def answer() -> Answer:
        return who_could(asked, form.cleaned_data["at"], actor=actor)

    return _answered(request, form, answer, context)


@require_safe
@login_required
def could_such_page(request: HttpRequest) -> HttpResponse:
    """Of a request that nobody made."""
    actor = actor_of(request)
    authorize(actor, VIEW_CONTROLS)
    kinds = kinds_of(policies_seen_by(actor))
    start = {"at": timezone.localtime()}
    form = ImaginedForm(request.GET or None, actor=actor, kinds=kinds, initial=start)
    context = {"page_title": "Who could have approved", "tab": "could"}

    def answer() -> Answer:
        facts = form.facts()
        show_times_of(facts["entity"])
        return who_could_approve_such(**facts, actor=actor)

    return _answered(request, form, answer, context)


def _just_before(asked: Request) -> str:
    """The instant of its last decision or its end, or now: as a browser takes it, whole
    milliseconds, so that what happened at this very instant had not happened yet.
    """
    decided = [one.decided_at for one in asked.decisions.all()]
    latest = max(decided, default=asked.ended_at or timezone.now())
    return timezone.localtime(latest).replace(tzinfo=None).isoformat(timespec="milliseconds")


def _answered(
    request: HttpRequest, form: InstantForm, answer: Any, context: dict[str, Any]
) -> HttpResponse:
    """The page, with the answer as soon as the question makes sense."""
    found = None
    if form.is_bound and form.is_valid():
        try:
            found = answer()
        except Refusal as refusal:
            complain(form, refusal)
    status = 422 if form.is_bound and form.errors else 200
    context |= {"filters": form, "found": found, "noted": _NOTED}
    return render(request, "approvals/could.html", context, status=status)

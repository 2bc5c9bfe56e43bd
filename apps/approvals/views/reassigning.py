"""Move a seat of the step at work to somebody else."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.approvals import selectors
from apps.approvals.forms.deciding import ReassignForm
from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.services import reassign
from apps.common.access import authorize
from apps.common.errors import NotPermitted, Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of
from apps.identity.models import User


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def reassign_page(request: HttpRequest, request_id: int) -> HttpResponse:
    """Give somebody's seat to somebody else, with a reason."""
    actor: User = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    asked = selectors.request_seen_by(actor, request_id)
    form = _form(request, asked, actor)
    status = 200
    if form.is_bound:
        status = _carried_out(form, asked, actor)
        if status == 302:
            facts = form.cleaned_data
            words = f"{facts['to_person']} has the seat of {facts['from_person']} now."
            messages.success(request, words)
            return redirect(reverse("approvals:request", args=[asked.pk]))
    context = {
        "page_title": f"Give a seat to somebody else: {asked.title}",
        "asked": asked,
        "stage": selectors.stage_in_words(selectors.stage_of(asked)),
        "form": form,
    }
    return render(request, "approvals/reassign.html", context, status=status)


def _form(request: HttpRequest, asked: Request, actor: User) -> ReassignForm:
    """With the seats that the actor may move.

    Raises:
        NotPermitted: there is none.
    """
    staff = selectors.staff_of(asked.entity)
    seats = selectors.movable_seats(asked, actor, staff)
    if not seats:
        raise NotPermitted("There is no seat here that you may give to somebody else.", remedy="")
    return ReassignForm(
        request.POST if request.method == "POST" else None,
        seats=seats,
        takers=selectors.people_to_take(asked, staff) - {actor.pk},
        initial={"expected_version": asked.version},
    )


def _carried_out(form: ReassignForm, asked: Request, actor: User) -> int:
    """Do it if the form is in order; the status to answer with, 302 if it is done."""
    if not form.is_valid():
        return 422
    facts = form.cleaned_data
    try:
        reassign(
            request_id=asked.pk,
            from_person_id=facts["from_person"].pk,
            to_person_id=facts["to_person"].pk,
            reason=facts["reason"],
            expected_version=facts["expected_version"],
            actor=actor,
        )
    except Refusal as refusal:
        complain(form, refusal)
        return refusal.status
    return 302

"""Ask somebody for an opinion, and answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.approvals import selectors
from apps.approvals.forms.consulting import AnswerForm, ConsultForm
from apps.approvals.models import Consultation, Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.services import answer, consult
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of
from apps.identity.models import User
from apps.identity.selectors import people_who_may


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def consult_page(request: HttpRequest, request_id: int) -> HttpResponse:
    """Ask somebody without a seat what he thinks."""
    actor = _viewer(request)
    asked = selectors.request_seen_by(actor, request_id)
    refusal = selectors.refusal_to_consult(asked, actor)
    if refusal is not None:
        raise refusal
    form = ConsultForm(
        request.POST if request.method == "POST" else None,
        colleagues=_colleagues(asked, actor),
        initial={"expected_version": asked.version},
    )

    def ask() -> None:
        facts = form.cleaned_data
        consult(
            request_id=asked.pk,
            person_id=facts["person"].pk,
            question=facts["question"],
            expected_version=facts["expected_version"],
            actor=actor,
        )
        messages.success(request, f"{facts['person']} is asked.")

    context = {"page_title": f"Ask somebody about {asked.title}", "asked": asked}
    return _answered(request, asked, form, ask, template="approvals/consult.html", context=context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def answer_page(request: HttpRequest, consultation_id: int) -> HttpResponse:
    """Say what one thinks."""
    actor = _viewer(request)
    question: Consultation = selectors.consultation_seen_by(actor, consultation_id)
    form = AnswerForm(
        request.POST if request.method == "POST" else None,
        initial={"expected_version": question.request.version},
    )

    def give() -> None:
        answer(consultation_id=question.pk, **form.cleaned_data, actor=actor)
        messages.success(request, f"{question.asked_by} reads your answer.")

    context = {"page_title": f"Your opinion on {question.request.title}", "question": question}
    return _answered(
        request, question.request, form, give, template="approvals/answer.html", context=context
    )


def _viewer(request: HttpRequest) -> User:
    actor: User = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    return actor


def _colleagues(asked: Request, actor: User) -> Any:
    """Who looks at requests of the entity and can be asked."""
    staff = selectors.staff_of(asked.entity)
    there = people_who_may(VIEW_REQUESTS, entity_id=asked.entity_id)
    able = [one.pk for one in there if not selectors.why_not_ask(asked, one, staff)]
    return there.filter(pk__in=able).exclude(pk=actor.pk)


def _answered(
    request: HttpRequest,
    asked: Request,
    form: Form,
    act: Callable[[], None],
    *,
    template: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Do it if the form was sent and is in order; otherwise the page with the form."""
    status = 200
    if form.is_bound:
        status = 422
        if form.is_valid():
            try:
                act()
                return redirect(reverse("approvals:request", args=[asked.pk]))
            except Refusal as refusal:
                complain(form, refusal)
                status = refusal.status
    return render(request, template, {**context, "form": form}, status=status)

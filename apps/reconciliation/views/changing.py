"""A break is changed by hand or given away; a refusal comes back with what was filled in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.common.forms import complain
from apps.reconciliation.services import assign_break
from apps.reconciliation.views.breaks import break_context, break_seen_by
from apps.reconciliation.views.queue import assign_form
from apps.reconciliation.views.revising import CHANGES, LABELS, form_of
from apps.reconciliation.views.scope import viewer


@require_POST
@login_required
def assign(request: HttpRequest, break_id: int) -> HttpResponse:
    """Give a break to somebody else."""
    actor = viewer(request)
    found = break_seen_by(actor, break_id)
    form = assign_form(found, request.POST)
    code = 422
    if form.is_valid():
        owner, reason = form.cleaned_data["owner"], form.cleaned_data["reason"]
        try:
            assign_break(break_id=found.pk, owner_id=owner.pk, reason=reason, actor=actor)
        except (NotVisible, NotPermitted):
            raise
        except Refusal as refusal:
            code = refusal.status
            form.add_error(None, refusal.words)
        else:
            messages.success(request, f"{owner} has break {found.number} now.")
            return redirect("reconciliation:break", found.pk)
    context = break_context(found, actor, {"assign": form})
    if not (context["assigned"] and context["assigned"]["way"]):
        _tell(request, form)
        return redirect("reconciliation:break", found.pk)
    return render(request, "reconciliation/break.html", context, status=code)


@require_POST
@login_required
def revise_break(request: HttpRequest, break_id: int, verb: str) -> HttpResponse:
    """Correct, match by hand, split or write off; then show what took the break's place."""
    actor = viewer(request)
    found = break_seen_by(actor, break_id)
    form = form_of(verb, found, request.POST)
    code = 422
    if form.is_valid():
        try:
            url = CHANGES[verb](found, form.cleaned_data, actor)
        except (NotVisible, NotPermitted):
            raise
        except Refusal as refusal:
            code = refusal.status
            complain(form, refusal)
        else:
            messages.success(request, f"{LABELS[verb]}: done.")
            return redirect(url)
    context = break_context(break_seen_by(actor, break_id), actor, {verb: form})
    is_shown = verb in {way["verb"] for way in context["changes"]} and not context["write_off"]
    if not is_shown:
        _tell(request, form)
        return redirect("reconciliation:break", found.pk)
    return render(request, "reconciliation/break.html", context, status=code)


def _tell(request: HttpRequest, form: Any) -> None:
    """What is wrong, where the dialog itself is no longer there to say it."""
    for name, problems in form.errors.items():
        label = form.fields[name].label if name in form.fields else ""
        messages.error(request, f"{label}: {' '.join(map(str, problems))}".strip(": "))

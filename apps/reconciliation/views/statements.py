"""The statement of a run, now or as of a moment, and its certification."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.common.errors import NotVisible, Refusal
from apps.identity.context import show_times_of
from apps.reconciliation.forms import AsOfForm, CertifyForm
from apps.reconciliation.models import Run
from apps.reconciliation.permissions import CERTIFY_PREPARED, CERTIFY_REVIEWED
from apps.reconciliation.selectors import (
    Certified,
    roll_forward,
    run_as_of,
    run_seen_by,
    statements_of,
)
from apps.reconciliation.services import certify_run
from apps.reconciliation.services.standing import require_outcome
from apps.reconciliation.states import CertificationPart, RunStatus
from apps.reconciliation.views.scope import cause_label, run_link, runs_link, viewer

_LABELS = {
    CertificationPart.PREPARED: "Certify as preparer",
    CertificationPart.REVIEWED: "Certify as reviewer",
}


@require_safe
@login_required
def statement_page(request: HttpRequest, run_id: int) -> HttpResponse:
    """Both balances with every item between them, and how the open items rolled forward.

    `?at=` shows it as things stood at that moment of the entity's clock.
    """
    actor = viewer(request)
    asked = run_seen_by(actor, run_id)
    show_times_of(asked.entity)
    form = AsOfForm(request.GET)
    at = form.cleaned_data["at"] if form.is_valid() else None
    if at is not None:
        at = timezone.make_aware(timezone.make_naive(at), asked.entity.zone)
    run = run_as_of(asked, at) if at else asked
    if run is None:
        raise NotVisible("Nothing had been reconciled for these days at that moment.")
    require_outcome(run)
    statements = statements_of(run, at)
    context = {
        "page_title": f"Statement: {run.match_type.name}",
        "breadcrumbs": [runs_link(), run_link(run)],
        "run": run,
        "at": at,
        "form": form,
        "statements": [(each, _listed(each)) for each in statements],
        "rolls": roll_forward(run, at),
    }
    return render(request, "reconciliation/statement.html", context)


@require_POST
@login_required
def certify(request: HttpRequest, run_id: str, part: str) -> HttpResponse:
    """Stand up for the outcome that was looked at."""
    actor = viewer(request)
    run = run_seen_by(actor, int(run_id))
    form = CertifyForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Nothing was certified. Comment: {form.errors['comment'][0]}")
        return redirect("reconciliation:run", run.pk)
    try:
        certify_run(
            run_id=run.pk,
            part=part,
            outcome_digest=request.POST.get("outcome_digest", ""),
            comment=form.cleaned_data["comment"],
            actor=actor,
        )
    except Refusal as refusal:
        messages.error(request, refusal.words)
    else:
        messages.success(request, "Certified.")
    return redirect("reconciliation:run", run.pk)


def certify_ways(run: Run, certified: Certified, actor: Any) -> list[dict[str, Any]]:
    """The dialog with which this person may certify now, if there is one."""
    if (
        run.status != RunStatus.COMPLETED
        or certified.open_breaks
        or certified.reviewed
        or certified.is_outdated
    ):
        return []
    part = CertificationPart.REVIEWED if certified.prepared else CertificationPart.PREPARED
    permission = CERTIFY_REVIEWED if certified.prepared else CERTIFY_PREPARED
    is_preparer = certified.prepared and certified.prepared.certified_by_id == actor.pk
    if is_preparer or not actor.may(permission, run.entity_id):
        return []
    return [
        {
            "verb": part.value,
            "label": _LABELS[part],
            "title": f"{_LABELS[part]}: {run.match_type.name}",
            "consequences": [
                "It stands for exactly this outcome; a change of it takes the certification away."
            ],
            "form": CertifyForm(auto_id=f"{part.value}_%s"),
            "hidden": [("outcome_digest", run.outcome_digest)],
            "action": reverse("reconciliation:certify", args=[run.pk, part.value]),
        }
    ]


def _listed(statement: Any) -> list[tuple[str, Any]]:
    """The items of a statement, added ones first, each with its cause in words."""
    items = [*statement.not_in_books, *statement.not_at_bank]
    return [(cause_label(item.cause), item) for item in items]

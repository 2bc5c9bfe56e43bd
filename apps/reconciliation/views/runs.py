"""Runs: the list, what one of them found, starting one, asking for its approval."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models.functions import Abs
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.approvals.selectors import approval_so_far, latest_request_for
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.common.paging import row_id
from apps.identity.context import actor_of, entity_in_view, show_times_of
from apps.reconciliation.forms import StartForm
from apps.reconciliation.models import Break, Run
from apps.reconciliation.permissions import START_RUN, SUBMIT_RUN
from apps.reconciliation.selectors import (
    causes,
    certification_of,
    learned_of,
    live_run,
    match_rate,
    match_rates,
    matches_by_pass,
    reasons_shown,
    run_before,
    run_seen_by,
    runs_for,
    standing_of,
    variance,
    variances,
)
from apps.reconciliation.services import start_run, submit_run
from apps.reconciliation.states import UNDER_WAY, VARIANCE_LIMIT_PERCENT, RunStatus
from apps.reconciliation.views.progress import work_shown
from apps.reconciliation.views.scope import cause_label, runs_link, viewer
from apps.reconciliation.views.statements import certify_ways

_PAGE = 50
_SAMPLE = 10


@require_safe
@login_required
def runs_page(request: HttpRequest) -> HttpResponse:
    """Runs, newest first, and the form that starts one."""
    actor = viewer(request)
    return _runs_page(request, StartForm(actor=actor))


@require_POST
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Start a run; where nothing changed, the run that stands is shown."""
    actor = viewer(request)
    authorize(actor, START_RUN)
    form = StartForm(request.POST, actor=actor)
    if form.is_valid():
        try:
            run = start_run(
                match_type_id=form.cleaned_data["match_type"].pk,
                starts_on=form.cleaned_data["starts_on"],
                ends_on=form.cleaned_data["ends_on"],
                actor=actor,
            )
        except Refusal as refusal:
            complain(form, refusal)
        else:
            if run.status not in UNDER_WAY:
                messages.info(request, "Items and rules are the same as before: this run stands.")
            return redirect("reconciliation:run", run.pk)
    return _runs_page(request, form, status=422)


@require_safe
@login_required
def run_page(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: items, matches, variance, proof, breaks by cause, approval.

    While it is under way, the page asks for itself again until it is done; `?part=status` answers
    its status in the list.
    """
    actor = viewer(request)
    found = run_seen_by(actor, run_id)
    show_times_of(found.entity)
    if request.GET.get("part", "") == "status":
        return render(request, "reconciliation/_status.html", work_shown(found))
    is_done = found.status in {RunStatus.COMPLETED, RunStatus.SUPERSEDED}
    is_under_way = found.status in UNDER_WAY
    context = {
        "page_title": found.match_type.name,
        "breadcrumbs": [runs_link()],
        **work_shown(found),
        "is_done": is_done,
        "is_under_way": is_under_way,
        **(_outcome(found, actor) if is_done else {}),
    }
    return render(request, "reconciliation/run.html", context)


@require_POST
@login_required
def ask_for_approval(request: HttpRequest, run_id: int) -> HttpResponse:
    """Ask for the approval of a run, as its preparer."""
    actor = viewer(request)
    found = run_seen_by(actor, run_id)
    asked = submit_run(run_id=found.pk, preparer=actor, actor=actor)
    if asked is None:
        messages.info(request, "No policy asks for an approval of this reconciliation.")
    else:
        messages.success(request, "Approval was asked for.")
    return redirect("reconciliation:run", found.pk)


def _runs_page(request: HttpRequest, form: StartForm, status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    found = runs_for(actor)
    entity = entity_in_view(request)
    if entity is not None:
        found = found.filter(entity=entity)
    before = row_id(request.GET.get("before", "")) or 0
    rows = list((found.filter(pk__lt=before) if before else found)[: _PAGE + 1])
    listed = rows[:_PAGE]
    rates = match_rates(listed)
    shown = [work_shown(run) for run in listed]
    begun = sum(
        each["run"].status == RunStatus.QUEUED and each["state"] == RunStatus.RUNNING
        for each in shown
    )
    context = {
        "page_title": "Reconciliations",
        "rows": [
            {**each, "rate": rates[run.pk] / 100} for run, each in zip(listed, shown, strict=True)
        ],
        "live": found.filter(status=RunStatus.COMPLETED).count(),
        "queued": found.filter(status=RunStatus.QUEUED).count() - begun,
        "running": found.filter(status=RunStatus.RUNNING).count() + begun,
        "first_url": request.path if before else None,
        "next_url": f"?before={listed[-1].pk}" if len(rows) > _PAGE else None,
        "form": form if actor.may(START_RUN) else None,
        "are_several": entity is None,
    }
    return render(request, "reconciliation/runs.html", context, status=status)


def _outcome(run: Run, actor: Any) -> dict[str, Any]:
    approval = latest_request_for(run)
    found = variance(run)
    return {
        "match_rate": match_rate(run) / 100,
        "variance": found,
        "over": [each for each in variances(run) if each.is_over],
        "limit": VARIANCE_LIMIT_PERCENT,
        "variance_ratio": found.percent / 100 if found else None,
        "gross_ratio": found.gross_percent / 100 if found else None,
        "proof": [_as_amounts(line) for line in run.proof],
        "is_proved": all(Decimal(line["proof_amount"]) == 0 for line in run.proof),
        "causes": [{"line": line, "words": cause_label(line.cause)} for line in causes(run)],
        "standing": standing_of(Break.objects.filter(run=run)),
        "days": f"{run.starts_on}_{run.ends_on}",
        "passes": matches_by_pass(run),
        "learned": learned_of(run),
        "samples": _samples(run, actor),
        **approval_so_far(approval),
        "may_submit": approval is None
        and run.status == RunStatus.COMPLETED
        and actor.may(SUBMIT_RUN, run.entity_id),
        "newer": _newer(run),
        "may_start": actor.may(START_RUN, run.entity_id),
        "certified": (certified := certification_of(run)),
        "before": run_before(run) if certified.is_outdated else None,
        "certify_ways": certify_ways(run, certified, actor),
    }


def _samples(run: Run, actor: Any) -> list[dict[str, Any]]:
    """The groups that are furthest apart, with their reasons."""
    apart = run.groups.select_related("run").exclude(difference=0)
    ordered = apart.annotate(gap=Abs("difference")).order_by("-gap", "number")
    return [
        {"group": group, "reasons": reasons_shown(group, actor=actor)}
        for group in ordered[:_SAMPLE]
    ]


def _newer(run: Run) -> Run | None:
    """The run that took the place of a superseded one."""
    if run.status != RunStatus.SUPERSEDED:
        return None
    return live_run(run.match_type, starts_on=run.starts_on, ends_on=run.ends_on)


def _as_amounts(line: dict[str, str]) -> dict[str, Any]:
    return {name: value if name == "currency" else Decimal(value) for name, value in line.items()}

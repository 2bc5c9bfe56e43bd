"""Periods and their reopenings: what is open, what is asked, and what may be done next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.approvals.selectors import approval_so_far
from apps.approvals.states import RequestStatus
from apps.common.access import authorize, one_visible
from apps.common.errors import NotVisible, Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of, show_times_of
from apps.identity.models import User
from apps.identity.selectors import people_who_may
from apps.ledger import services
from apps.ledger.models import Period, PeriodReopening
from apps.ledger.permissions import CLOSE_PERIOD, REOPEN_PERIOD, VIEW_LEDGER
from apps.ledger.registry import resting_on
from apps.ledger.selectors import (
    period_summary,
    reopening_seen_by,
    reopenings_for,
    request_about,
)
from apps.ledger.states import LIVE_REOPENINGS, EntryKind, PeriodStatus, ReopeningStatus
from apps.ledger.views.forms import ReopeningForm
from apps.ledger.views.scope import chosen_entity, permitted_entities

_USUAL = timedelta(days=2)
_MOST_SHOWN = 60


@require_safe
@login_required
def periods_page(request: HttpRequest) -> HttpResponse:
    """The periods of an entity, newest first, each with its state."""
    entities = permitted_entities(request, VIEW_LEDGER)
    entity = chosen_entity(request, entities)
    show_times_of(entity)
    periods = Period.objects.filter(entity=entity).select_related("closed_by")
    begun = periods.exclude(status=PeriodStatus.PLANNED)
    context = {
        "page_title": "Periods",
        "entity": entity,
        "others": [one for one in entities if one != entity],
        "periods": begun.order_by("-starts_on")[:_MOST_SHOWN],
        "planned": periods.filter(status=PeriodStatus.PLANNED).count(),
        "reopened": reopenings_for(actor_of(request)).filter(
            period__entity=entity, status__in=LIVE_REOPENINGS
        ),
    }
    return render(request, "ledger/periods.html", context)


@require_safe
@login_required
def period_page(request: HttpRequest, period_id: int) -> HttpResponse:
    """One period: what is in it, whether it takes postings, and its reopenings."""
    actor = actor_of(request)
    period = _period_seen_by(actor, period_id)
    reopenings = list(reopenings_for(actor).filter(period=period))
    is_live = any(one.status in LIVE_REOPENINGS for one in reopenings)
    is_reopenable = period.status == PeriodStatus.HARD_CLOSED and not is_live
    may_reopen = actor.may(REOPEN_PERIOD, period.entity_id)
    context = {
        "page_title": f"Period {period.name}",
        "breadcrumbs": [_all_periods(period)],
        "period": period,
        "summary": period_summary(period),
        "reopenings": reopenings,
        "standing": next((x for x in reopenings if x.status == ReopeningStatus.OPEN), None),
        "may_propose": is_reopenable and may_reopen,
        "could_propose": people_who_may(REOPEN_PERIOD, entity_id=period.entity_id)
        if is_reopenable and not may_reopen
        else [],
    }
    return render(request, "ledger/period.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def propose_page(request: HttpRequest, period_id: int) -> HttpResponse:
    """Ask that a closed period is reopened; first what that would touch."""
    actor = actor_of(request)
    period = _period_seen_by(actor, period_id)
    authorize(actor, REOPEN_PERIOD, entity_id=period.entity_id)
    form = ReopeningForm(
        request.POST or None,
        initial={
            "kinds": [EntryKind.ADJUSTMENT, EntryKind.REVERSAL],
            "expires_at": timezone.localtime(timezone.now() + _USUAL).strftime("%Y-%m-%dT%H:%M"),
        },
    )
    code = 200
    if request.method == "POST":
        code = 422
        if form.is_valid():
            try:
                asked = services.propose_reopening(
                    period_id=period.pk, actor=actor, **form.cleaned_data
                )
            except Refusal as refusal:
                code = refusal.status
                complain(form, refusal)
            else:
                messages.success(request, f"{asked} is asked for. Two others have to approve it.")
                return redirect("ledger:reopening", asked.pk)
    context = {
        "page_title": f"Reopen {period.name}?",
        "breadcrumbs": [_all_periods(period), _one_period(period)],
        "period": period,
        "summary": period_summary(period),
        "resting": resting_on(period),
        "form": form,
    }
    return render(request, "ledger/propose_reopening.html", context, status=code)


@require_safe
@login_required
def reopening_page(request: HttpRequest, reopening_id: int) -> HttpResponse:
    """One reopening: why, for what, until when, who approved it, and what it touches."""
    actor = actor_of(request)
    authorize(actor, VIEW_LEDGER)
    found = reopening_seen_by(actor, reopening_id)
    return render(request, "ledger/reopening.html", _context(request, found))


@require_POST
@login_required
def take_reopening_step(request: HttpRequest, reopening_id: int, step: str) -> HttpResponse:
    """Open the period, or close it again; a refusal is told on the page."""
    actor = actor_of(request)
    authorize(actor, VIEW_LEDGER)
    found = reopening_seen_by(actor, reopening_id)
    services_by_step: dict[str, Any] = {
        "open": services.reopen_period,
        "end": services.end_reopening,
    }
    if step not in services_by_step:
        raise NotVisible
    try:
        services_by_step[step](reopening_id=found.pk, actor=actor)
    except Refusal as refusal:
        context = _context(request, reopening_seen_by(actor, reopening_id))
        context["refused"] = refusal.words
        return render(request, "ledger/reopening.html", context, status=refusal.status)
    done = "takes postings again" if step == "open" else "is closed again"
    messages.success(request, f"Period {found.period.name} {done}.")
    return redirect("ledger:reopening", found.pk)


def _context(request: HttpRequest, reopening: PeriodReopening) -> dict[str, Any]:
    actor = actor_of(request)
    period = reopening.period
    show_times_of(period.entity)
    approval = request_about(reopening)
    is_asked = reopening.status == ReopeningStatus.ASKED
    resting = resting_on(period) if is_asked else []
    return {
        "page_title": str(reopening),
        "breadcrumbs": [_all_periods(period), _one_period(period)],
        "reopening": reopening,
        "period": period,
        "summary": period_summary(period),
        "kinds": [EntryKind(kind).label for kind in reopening.kinds],
        "resting": resting,
        "consequences_of_opening": [f"{one.what}: {one.effect}." for one in resting],
        "consequences_of_ending": [
            "It takes no posting after this; its digest is taken anew.",
            "Submitted entries have to be posted or withdrawn before.",
        ],
        **approval_so_far(approval),
        "may_open": is_asked
        and approval is not None
        and approval.status == RequestStatus.APPROVED
        and actor.may(REOPEN_PERIOD, period.entity_id),
        "may_end": reopening.status == ReopeningStatus.OPEN
        and actor.may(CLOSE_PERIOD, period.entity_id),
        "is_over": reopening.expires_at <= timezone.now(),
    }


def _period_seen_by(actor: User, period_id: int) -> Period:
    """The period; times on the page are those of its entity.

    Raises:
        NotPermitted: the actor may look at no books.
        NotVisible: no such period for this actor.
    """
    authorize(actor, VIEW_LEDGER)
    mine = Period.objects.filter(entity_id__in=actor.entity_ids(VIEW_LEDGER))
    period = one_visible(mine.select_related("entity", "closed_by").filter(pk=period_id))
    show_times_of(period.entity)
    return period


def _all_periods(period: Period) -> dict[str, str]:
    return {"label": "Periods", "url": f"{reverse('ledger:periods')}?entity={period.entity.code}"}


def _one_period(period: Period) -> dict[str, str]:
    return {"label": period.name, "url": reverse("ledger:period", args=[period.pk])}

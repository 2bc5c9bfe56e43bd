"""How far the balances of a period are analysed, and one analysis with what may be done next."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.approvals.selectors import approval_so_far, latest_request_for
from apps.common.access import authorize
from apps.common.errors import NotVisible, Refusal
from apps.common.forms import complain
from apps.common.money import plain
from apps.common.paging import row_id
from apps.common.tables import Cell, csv_of
from apps.identity.context import actor_of, show_times_of
from apps.identity.models import Entity
from apps.ledger import services
from apps.ledger.models import AccountAnalysis, JournalEntry, Period
from apps.ledger.permissions import PREPARE_ANALYSIS, VIEW_LEDGER
from apps.ledger.selectors import (
    Analysed,
    Coverage,
    Covered,
    analysed,
    analysis_seen_by,
    coverage_of,
    versions_of,
)
from apps.ledger.states import MISSING, OUTDATED, AnalysisStatus, EntryStatus
from apps.ledger.views.analysis_forms import ASKED, LEFT, PeriodFilter
from apps.ledger.views.forms import ConfirmForm, ReasonForm
from apps.ledger.views.scope import chosen_entity, permitted_entities

_HEAD = (
    "account",
    "name",
    "currency",
    "opening",
    "debit",
    "credit",
    "closing",
    "to be analysed",
    "state",
    "version",
    "explained",
    "unexplained",
)


@dataclass(frozen=True)
class Way:
    """A step that people take on the page of an analysis."""

    label: str
    status: str
    form: type[ConfirmForm]
    act: Callable[[AccountAnalysis, dict[str, Any], Any], AccountAnalysis]
    done: str
    consequences: tuple[str, ...]


def _submit(analysis: AccountAnalysis, facts: dict[str, Any], actor: Any) -> AccountAnalysis:
    return services.submit_analysis(
        analysis_id=analysis.pk, expected_version=facts["version"], actor=actor
    )


def _withdraw(analysis: AccountAnalysis, facts: dict[str, Any], actor: Any) -> AccountAnalysis:
    return services.withdraw_analysis(analysis_id=analysis.pk, reason=facts["reason"], actor=actor)


WAYS = {
    "submit": Way(
        "Sign",
        AnalysisStatus.DRAFT,
        ConfirmForm,
        _submit,
        "signed",
        (
            "You stand up for what it says, with the ledger's figures as they are now.",
            "Where a policy asks for an approval, it is asked for; you cannot give it yourself.",
        ),
    ),
    "withdraw": Way(
        "Withdraw",
        AnalysisStatus.SUBMITTED,
        ReasonForm,
        _withdraw,
        "withdrawn",
        ("It becomes a draft again; the request for its approval ends.",),
    ),
}


@require_safe
@login_required
def analyses_page(request: HttpRequest) -> HttpResponse:
    """Which balances of a period are analysed, which are not, and which no longer hold."""
    entities = permitted_entities(request, VIEW_LEDGER)
    entity = chosen_entity(request, entities)
    periods = _periods(entity)
    period = _chosen(periods, request.GET.get("period"), entity)
    show = request.GET.get("show") or ASKED
    filters = PeriodFilter(
        {"entity": entity.code, "period": period.name if period else "", "show": show},
        entities=entities,
        periods=periods,
        auto_id="filter_%s",
    )
    coverage = coverage_of(period) if period else None
    context = {
        "page_title": "Account analyses",
        "filters": filters,
        "entity": entity,
        "period": period,
        "coverage": coverage,
        "missing": coverage.counted(MISSING) if coverage else 0,
        "outdated": coverage.counted(OUTDATED) if coverage else 0,
        "rows": _shown(coverage, show) if coverage else [],
        "is_preparer": actor_of(request).may(PREPARE_ANALYSIS, entity.pk),
    }
    return render(request, "ledger/analyses.html", context)


@require_safe
@login_required
def export_analyses(request: HttpRequest) -> HttpResponse:
    """Every balance of the period with its analysis, as CSV."""
    entity = chosen_entity(request, permitted_entities(request, VIEW_LEDGER))
    period = _chosen(_periods(entity), request.GET.get("period"), entity)
    if period is None:
        raise NotVisible
    table = csv_of(_HEAD, _cells(coverage_of(period).rows))
    name = f"account-analyses-{entity.code}-{period.name}.csv"
    return HttpResponse(
        table,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_safe
@login_required
def analysis_page(request: HttpRequest, analysis_id: int) -> HttpResponse:
    """What the balance consists of, what is left, and where the approval stands."""
    authorize(actor_of(request), VIEW_LEDGER)
    analysis = analysis_seen_by(actor_of(request), analysis_id)
    found = analysed(analysis, row_id(request.GET.get("version", "")))
    return render(request, "ledger/analysis.html", _context(request, found, {}))


@require_POST
@login_required
def take_analysis_step(request: HttpRequest, analysis_id: int, step: str) -> HttpResponse:
    """Sign or withdraw; a refusal opens the dialog again."""
    authorize(actor_of(request), VIEW_LEDGER)
    analysis = analysis_seen_by(actor_of(request), analysis_id)
    way = WAYS.get(step)
    if way is None:
        raise NotVisible
    form = way.form(request.POST, auto_id=f"{step}_%s")
    code = 422
    if form.is_valid():
        try:
            way.act(analysis, form.cleaned_data, actor_of(request))
        except Refusal as refusal:
            code = refusal.status
            complain(form, refusal)
        else:
            messages.success(request, f"{analysis.label} {way.done}.")
            return redirect("ledger:analysis", analysis.pk)
    context = _context(request, analysed(analysis), {step: form})
    return render(request, "ledger/analysis.html", context, status=code)


def _context(
    request: HttpRequest, found: Analysed, bound: dict[str, ConfirmForm]
) -> dict[str, Any]:
    analysis = found.analysis
    show_times_of(analysis.entity)
    is_newest = found.version.number == analysis.version
    user = actor_of(request)
    return {
        "page_title": analysis.label,
        "analysis": analysis,
        "found": found,
        "rows": [
            {"item": item, "support": found.supports.get((item.support_type, item.support_id))}
            for item in found.items
        ],
        "fallen": found.fallen,
        "is_newest": is_newest,
        "state": found.state if is_newest else "superseded",
        "versions": versions_of(analysis),
        **approval_so_far(latest_request_for(analysis)),
        "ways": _ways(found, user, bound) if is_newest else [],
        "is_preparer": user.may(PREPARE_ANALYSIS, analysis.entity_id),
    }


def _ways(found: Analysed, user: Any, bound: dict[str, ConfirmForm]) -> list[dict[str, Any]]:
    """What this person may do next: what he may not is not shown."""
    analysis = found.analysis
    is_own = found.version.prepared_by_id == user.pk and user.may(
        PREPARE_ANALYSIS, analysis.entity_id
    )
    return [
        {
            "step": step,
            "label": way.label,
            "title": f"{way.label} {analysis.label}?",
            "form": bound.get(step)
            or way.form(auto_id=f"{step}_%s", initial={"version": analysis.version}),
            "consequences": way.consequences,
        }
        for step, way in WAYS.items()
        if step in bound
        or (is_own and analysis.status == way.status and not (step == "submit" and found.has_moved))
    ]


def _periods(entity: Entity) -> list[Period]:
    return list(Period.objects.filter(entity=entity).order_by("-starts_on"))


def _chosen(periods: list[Period], name: str | None, entity: Entity) -> Period | None:
    """The period of this name, else the last with a posting, else the first; None without any."""
    for period in periods:
        if period.name == name:
            return period
    latest = (
        JournalEntry.objects.filter(entity=entity, status=EntryStatus.POSTED)
        .order_by("-posted_on")
        .values_list("period_id", flat=True)
        .first()
    )
    posted = (period for period in periods if period.pk == latest)
    return next(posted, periods[-1] if periods else None)


def _shown(coverage: Coverage, show: str) -> list[Covered]:
    if show == LEFT:
        return coverage.left
    return coverage.asked if show == ASKED else list(coverage.rows)


def _cells(rows: Iterable[Covered]) -> Iterable[tuple[Cell, ...]]:
    for one in rows:
        row = one.row
        yield (
            row.account.code,
            row.account.name,
            row.currency,
            _exact(row.opening, row.currency),
            _exact(row.debit, row.currency),
            _exact(row.credit, row.currency),
            _exact(row.closing, row.currency),
            "yes" if one.is_asked else "no",
            one.state,
            one.analysis.version if one.analysis else "",
            _exact(one.explained, row.currency),
            _exact(one.unexplained, row.currency),
        )


def _exact(amount: Decimal | None, currency: str) -> Cell:
    """A number with its currency's decimals; empty where there is none."""
    return "" if amount is None else Decimal(plain(amount, currency))

"""Who did both sides of a conflict, and who could."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.approvals.forms.controls import DaysForm, latest_days
from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_CONTROLS
from apps.approvals.selectors.duties import DutiesReport, Pair, Tally, duties_report
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.money import plain
from apps.common.tables import Cell, csv_of
from apps.common.templatetags.finflow import amount
from apps.identity.context import actor_of, show_times_of

_HEAD = (
    "finding",
    "person",
    "first side",
    "second side",
    "document",
    "amount",
    "currency",
    "on",
    "remark",
)


@require_safe
@login_required
def duties_page(request: HttpRequest) -> HttpResponse:
    """The report of one entity and some days, the latest to begin with; `as=csv` as a file."""
    actor = actor_of(request)
    authorize(actor, VIEW_CONTROLS)
    asked = request.GET.dict() or latest_days(request, actor)
    form = DaysForm(asked or None, actor=actor)
    report = _report(form, actor)
    if report is not None and request.GET.get("as") == "csv":
        return as_file(report)
    if report is not None:
        show_times_of(report.entity)
    context = {
        "page_title": "Both sides",
        "tab": "duties",
        "filters": form,
        "report": report,
        "pairs": [_shown(pair) for pair in report.pairs] if report else [],
        "did": sum(pair.did for pair in report.pairs) if report else 0,
        "breaches": [one for one in report.violations if one.is_breach] if report else [],
        "csv_url": f"?{urlencode({**asked, 'as': 'csv'})}",
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "approvals/duties.html", context, status=status)


def as_file(report: DutiesReport) -> HttpResponse:
    """The report as CSV; text in it is never a formula."""
    name = f"both-sides-{report.entity.code}-{report.starts_on}-{report.ends_on}.csv"
    return HttpResponse(
        csv_of(_HEAD, [*_violation_rows(report), *_pair_rows(report)]),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


def _report(form: DaysForm, actor: Any) -> DutiesReport | None:
    """The report, as soon as the question makes sense."""
    if not form.is_valid():
        return None
    try:
        return duties_report(**form.cleaned_data, actor=actor)
    except Refusal as refusal:
        form.add_error(refusal.field or None, refusal.message)
        return None


def _shown(pair: Pair) -> dict[str, Any]:
    return {
        "pair": pair,
        "first": tally_in_words(pair.first),
        "second": tally_in_words(pair.second),
    }


def tally_in_words(tally: Tally) -> str:
    """ "3 times, 1,200.00 EUR"; "never"."""
    if not tally.number:
        return "never"
    sums = [
        f"{amount(total, currency)} {currency}" for currency, total in sorted(tally.amounts.items())
    ]
    return ", ".join(["once" if tally.number == 1 else f"{tally.number} times", *sums])


def _violation_rows(report: DutiesReport) -> Iterable[tuple[Cell, ...]]:
    for one in report.violations:
        decided = timezone.localtime(one.decision.decided_at, report.entity.zone)
        yield (
            "same document",
            one.person.username,
            one.part,
            f"{one.decision.verdict} as {one.decision.role_at_time}",
            one.request.title,
            _exact(one.request),
            one.request.currency,
            decided.isoformat(),
            one.remark,
        )


def _exact(request: Request) -> Cell:
    """The amount as a number, with its currency's decimals."""
    if request.amount is None:
        return ""
    return Decimal(plain(request.amount, request.currency))


def _pair_rows(report: DutiesReport) -> Iterable[tuple[Cell, ...]]:
    for pair in report.pairs:
        yield (
            "did both" if pair.did else "could do both",
            pair.person.username,
            f"{pair.pairing.first}: {tally_in_words(pair.first)}",
            f"{pair.pairing.second}: {tally_in_words(pair.second)}",
            "",
            "",
            "",
            "",
            f"by {', '.join(pair.could.roles)}" if pair.could else "",
        )

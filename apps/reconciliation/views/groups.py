"""What a run matched: the groups, and one of them side by side."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.common.access import one_visible
from apps.reconciliation.forms import GroupFilterForm
from apps.reconciliation.models import MatchGroup, Run
from apps.reconciliation.selectors import (
    groups_naming,
    items_shown,
    matches_by_pass,
    reasons_shown,
    run_seen_by,
    with_items,
)
from apps.reconciliation.states import RunStatus
from apps.reconciliation.views.comparing import compared, pair_of
from apps.reconciliation.views.revising import group_way
from apps.reconciliation.views.scope import run_link, runs_link, viewer

_PAGE = 50


@require_safe
@login_required
def groups_page(request: HttpRequest, run_id: int) -> HttpResponse:
    """The groups of a run by number."""
    actor = viewer(request)
    run = run_seen_by(actor, run_id)
    passes = [name for name, _ in matches_by_pass(run)]
    form = GroupFilterForm(request.GET, passes=passes)
    found = _narrowed(run, form.cleaned_data) if form.is_valid() else MatchGroup.objects.none()
    after = _number(request.GET, "after")
    rows = list(found.filter(number__gt=after)[: _PAGE + 1])
    listed = with_items(rows[:_PAGE])
    context = {
        "page_title": f"Matches: {run.match_type.name}",
        "breadcrumbs": [runs_link(), run_link(run)],
        "run": run,
        "filters": form,
        "clear_url": request.path if any(request.GET.values()) else None,
        "rows": [_row(group, actor) for group in listed],
        "first_url": _link(request.GET, None) if after else None,
        "next_url": _link(request.GET, listed[-1].number) if len(rows) > _PAGE else None,
    }
    return render(request, "reconciliation/groups.html", context)


@require_safe
@login_required
def group_page(request: HttpRequest, run_id: int, number: int) -> HttpResponse:
    """One group: both sides, which pass, and why."""
    actor = viewer(request)
    run = run_seen_by(actor, run_id)
    found: MatchGroup = one_visible(
        MatchGroup.ever.select_related(
            "run__match_type__left_source",
            "run__match_type__right_source",
            "run__rule_set",
            "revocation__revision__revised_by",
            "revocation__permit",
        ).filter(run=run, number=number)
    )
    sides = items_shown(found, actor=actor)
    context = {
        "page_title": f"Match {found.number}",
        "breadcrumbs": [
            runs_link(),
            run_link(run),
            {"label": "Matches", "url": reverse("reconciliation:groups", args=[run.pk])},
        ],
        "run": found.run,
        "group": found,
        "reasons": reasons_shown(found, actor=actor),
        "sides": sides,
        "revocation": getattr(found, "revocation", None),
        "way": group_way(found, actor) if run.status == RunStatus.COMPLETED else None,
        "compared": compared(*pair) if (pair := pair_of(sides)) else None,
    }
    return render(request, "reconciliation/group.html", context)


def _narrowed(run: Run, wanted: dict[str, Any]) -> Any:
    words = wanted.get("q")
    found: Any = groups_naming(run, words) if words else run.groups.all()
    if wanted.get("pass_name"):
        found = found.filter(pass_name=wanted["pass_name"])
    return found.select_related("run").order_by("number")


def _row(group: Any, actor: Any) -> dict[str, Any]:
    references = dict.fromkeys(
        item.record.reference for item in group.items if item.record.reference
    )
    return {
        "group": group,
        "references": ", ".join(list(references)[:3]) or "no reference",
        "left": sum(item.side == "left" for item in group.items),
        "right": sum(item.side == "right" for item in group.items),
        "reasons": reasons_shown(group, actor=actor),
    }


def _number(query: QueryDict, name: str) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _link(query: QueryDict, after: int | None) -> str:
    link = query.copy()
    link.pop("after", None)
    if after is not None:
        link["after"] = str(after)
    return f"?{link.urlencode()}"

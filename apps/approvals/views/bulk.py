"""Approve several requests of the inbox: looked at once more, then each for itself."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.selectors.bulk import why_one_by_one
from apps.approvals.selectors.requests import requests_seen_by
from apps.approvals.services import approve_many
from apps.common.access import authorize
from apps.common.errors import Invalid
from apps.common.templatetags.finflow import amount
from apps.identity.context import actor_of
from apps.identity.models import User


@require_POST
@login_required
def bulk_page(request: HttpRequest) -> HttpResponse:
    """What would be approved and what is left out, with the reasons; confirmed, it is done."""
    actor: User = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    versions = _versions(request.POST.getlist("chosen"))
    if not versions:
        messages.info(request, "Choose requests first.")
        return redirect("approvals:inbox")
    if request.POST.get("confirmed"):
        return _approved(request, versions, actor)
    rows = [(one, why_one_by_one(one, actor)) for one in _chosen(versions, actor)]
    ready = [one for one, why in rows if not why]
    context = {
        "page_title": f"Approve {len(ready)} requests?",
        "ready": ready,
        "left_out": [(one, why) for one, why in rows if why],
        "sums": _sums(ready),
        "versions": [f"{one.pk}:{versions[one.pk]}" for one in ready],
    }
    return render(request, "approvals/bulk.html", context)


def _approved(request: HttpRequest, versions: dict[int, int], actor: User) -> HttpResponse:
    outcomes = approve_many(versions=versions, actor=actor)
    done = sum(one.is_approved for one in outcomes)
    if done:
        messages.success(request, f"{done} approved.")
    for one in outcomes:
        if not one.is_approved:
            messages.warning(request, f"{one.title or 'A request'}: not approved. {one.why_not}")
    return redirect("approvals:inbox")


def _versions(chosen: list[str]) -> dict[int, int]:
    """Request to version, from "12:3".

    Raises:
        Invalid: it is something else.
    """
    pairs = [one.split(":") for one in chosen]
    if not all(len(pair) == 2 and all(part.isdecimal() for part in pair) for pair in pairs):
        raise Invalid("This form is incomplete. Open the inbox again.")
    return {int(pk): int(version) for pk, version in pairs}


def _chosen(versions: dict[int, int], actor: User) -> list[Request]:
    seen: Any = requests_seen_by(actor).with_evidence().with_questions()
    return list(seen.filter(pk__in=versions).order_by("due_at", "pk"))


def _sums(requests: list[Request]) -> list[str]:
    """ "12,450.00 EUR" for each currency."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for one in requests:
        if one.amount is not None:
            sums[one.currency] += abs(one.amount)
    return [f"{amount(sums[currency], currency)} {currency}" for currency in sorted(sums)]

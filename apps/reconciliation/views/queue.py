"""The review queue: what waits, for whom, since when and until when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.common.paging import Leafing
from apps.identity.context import entity_in_view
from apps.identity.models import User
from apps.identity.selectors import people_who_may
from apps.reconciliation.forms import AssignForm, QueueForm
from apps.reconciliation.models import Break
from apps.reconciliation.permissions import ACCEPT_BREAK, ASSIGN_BREAK, EXPLAIN_BREAK
from apps.reconciliation.selectors import (
    Queued,
    ageing,
    ageing_ends,
    of_age,
    of_owner,
    owner_of,
    queued_after,
    queued_before,
    references_of,
    review_queue,
    today_of,
    with_size,
)
from apps.reconciliation.views.scope import cause_label, viewer

_PLACE: Final = re.compile(r"([0-9]{8})_([01])_([0-9]{1,16}\.[0-9]{1,4})_([0-9]{1,18})")


@require_safe
@login_required
def queue_page(request: HttpRequest) -> HttpResponse:
    """Breaks that wait, the most urgent first, with their ages."""
    actor = viewer(request)
    entity = entity_in_view(request)
    found = review_queue(actor)
    if entity is not None:
        found = found.filter(run__entity=entity)
    owner_ids = {pk for pk in found.order_by().values_list("owner_id_now", flat=True) if pk}
    owners = {person.pk: person for person in User.objects.filter(pk__in=owner_ids)}
    today = today_of(entity)
    bare = QueueForm(request.GET, actor=actor, owners=[], ages=[])
    bare.is_valid()
    ends = ageing_ends(bare.cleaned_data.get("match_type"))
    ages = [(bucket.name, bucket.words) for bucket in ageing(found.none(), today, ends)]
    form = QueueForm(request.GET, actor=actor, owners=sorted(owners.values(), key=str), ages=ages)
    found = _narrowed(found, form.cleaned_data, actor, today) if form.is_valid() else found.none()
    page = _BY_URGENCY.page(found, request.GET)
    context = {
        "page_title": "Review queue",
        "breadcrumbs": [{"label": "Breaks", "url": reverse("reconciliation:breaks")}],
        "filters": form,
        "clear_url": request.path if any(request.GET.values()) else None,
        "rows": _rows(page.rows, owners, today),
        "is_reviewer": actor.may(ACCEPT_BREAK),
        "total": found.count(),
        "late": found.filter(run__due_on__lt=today).count(),
        "buckets": ageing(found, today, ends),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
    }
    return render(request, "reconciliation/queue.html", context)


def _rows(listed: list[Any], owners: Mapping[int, User], today: date) -> list[dict[str, Any]]:
    references = references_of(listed)
    return [
        {
            "item": broken,
            "cause": cause_label(broken.cause),
            "references": ", ".join(references[broken.pk][:3]) or "no reference",
            "owner": owners.get(broken.owner_id_now),
            "age_days": max((today - broken.since).days, 0),
            "is_late": broken.run.due_on is not None and broken.run.due_on < today,
        }
        for broken in listed
    ]


def assigning(found: Break, actor: Any, bound: Any = None) -> dict[str, Any]:
    """Who has the break, and the dialog that gives it to somebody else if this person may.

    Args:
        bound: the form that came back with errors.
    """
    owner_id = owner_of(found)
    way = None
    if actor.may(ASSIGN_BREAK, found.run.entity_id):
        way = {
            "verb": "assign",
            "label": "Give to somebody",
            "title": f"Give break {found.number} to somebody",
            "form": bound or assign_form(found, None),
            "action": reverse("reconciliation:assign", args=[found.pk]),
        }
    return {"owner": User.objects.filter(pk=owner_id).first() if owner_id else None, "way": way}


def assign_form(found: Break, posted: Any) -> AssignForm:
    """Who is to have the break, and why."""
    people = people_who_may(EXPLAIN_BREAK, entity_id=found.run.entity_id)
    return AssignForm(posted, auto_id="assign_%s", people=people)


def _narrowed(found: Any, wanted: dict[str, Any], actor: Any, today: Any) -> Any:
    owner = wanted.get("owner")
    if owner == "me":
        found = of_owner(found, actor.pk)
    elif owner:
        found = of_owner(found, None if owner == "nobody" else int(owner))
    if wanted.get("age"):
        found = of_age(found, wanted["age"], today)
    if wanted.get("cause"):
        found = found.filter(cause=wanted["cause"])
    if wanted.get("match_type"):
        found = found.filter(run__match_type=wanted["match_type"])
    return with_size(found, least=wanted.get("least"), most=wanted.get("most"))


# --- Pages by urgency -----------------------------------------------------------------------


def _place(text: str) -> Queued | None:
    """A place is "20230504_1_120.0000_7": due day, material, size, id; anything else is none."""
    found = _PLACE.fullmatch(text)
    if found is None:
        return None
    try:
        due = date.fromisoformat(found[1])
    except ValueError:
        return None
    return Queued(due, found[2] == "1", Decimal(found[3]), int(found[4]))


def _written(broken: Any) -> str:
    return f"{broken.due:%Y%m%d}_{int(broken.is_material)}_{broken.size:f}_{broken.pk}"


_BY_URGENCY = Leafing(
    size=50, read=_place, write=_written, beyond=queued_after, ahead=queued_before
)

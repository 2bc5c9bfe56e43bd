"""The list of breaks to work through, and one break side by side."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.common.access import one_visible
from apps.common.errors import Refusal
from apps.common.forms import complain
from apps.common.models import ScopedQuerySet
from apps.common.paging import Leafing
from apps.identity.context import entity_in_view, show_times_of
from apps.reconciliation.forms import (
    ALL_DAYS,
    AcceptForm,
    BreakFilterForm,
    ReopenForm,
    ReviewForm,
)
from apps.reconciliation.models import Break, MatchGroup
from apps.reconciliation.permissions import ACCEPT_BREAK, EXPLAIN_BREAK
from apps.reconciliation.selectors import (
    Days,
    breaks_for,
    days_with_breaks,
    evidence_shown,
    history_of,
    items_shown,
    largest_first,
    naming,
    next_open,
    original_shown,
    reason_shown,
    references_of,
    smallest_before,
    standing_of,
    standing_write_offs,
    with_status,
    without_handed_on,
)
from apps.reconciliation.services import accept_break, explain_break, reopen_break
from apps.reconciliation.states import Cause, ReviewStatus, RunStatus
from apps.reconciliation.views.comparing import compared, further_evidence, pair_of
from apps.reconciliation.views.queue import assigning
from apps.reconciliation.views.revising import changes_of
from apps.reconciliation.views.scope import cause_label, run_link, runs_link, viewer

Cursor = tuple[Decimal, int]
_CURSOR: Final = re.compile(r"([0-9]{1,16}(?:\.[0-9]{1,4})?)-([0-9]{1,18})")


@dataclass(frozen=True)
class Way:
    """What people may do with a break."""

    label: str
    form: type[ReviewForm]
    act: Callable[..., Any]
    done: str


WAYS = {
    "explain": Way("Explain", ReviewForm, explain_break, "explained"),
    "accept": Way("Accept", AcceptForm, accept_break, "accepted"),
    "reopen": Way("Open again", ReopenForm, reopen_break, "opened again"),
}


@require_safe
@login_required
def breaks_page(request: HttpRequest) -> HttpResponse:
    """The breaks of the runs that stand, the largest first; without a choice the latest days."""
    actor = viewer(request)
    entity = entity_in_view(request)
    days = days_with_breaks(actor, entity)
    form = BreakFilterForm(request.GET, actor=actor, days=days)
    found = breaks_for(actor).select_related(
        "run__match_type__left_source", "run__match_type__right_source"
    )
    if entity is not None:
        found = found.filter(run__entity=entity)
    found = _narrowed(found, form.cleaned_data, days) if form.is_valid() else found.none()
    page = _BY_SIZE.page(largest_first(found), request.GET)
    references = references_of(page.rows)
    context = {
        "page_title": "Breaks",
        "filters": form,
        "clear_url": request.path if any(request.GET.values()) else None,
        "rows": [
            {
                "item": broken,
                "cause": cause_words(broken),
                "references": ", ".join(references[broken.pk][:3]) or "no reference",
                "reason": reason_shown(broken, actor=actor),
            }
            for broken in page.rows
        ],
        "standing": standing_of(found),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "is_reviewer": actor.may(ACCEPT_BREAK),
        "has_runs": bool(days),
        "runs_url": reverse("reconciliation:runs"),
    }
    return render(request, "reconciliation/breaks.html", context)


@require_safe
@login_required
def break_page(request: HttpRequest, break_id: int) -> HttpResponse:
    """One break: both sides, the cause and its evidence, what people said, what may be done."""
    actor = viewer(request)
    context = break_context(break_seen_by(actor, break_id), actor, {})
    return render(request, "reconciliation/break.html", context)


@require_POST
@login_required
def review(request: HttpRequest, break_id: int, verb: str) -> HttpResponse:
    """Explain, accept or reopen a break; a refusal opens the dialog again."""
    actor = viewer(request)
    found = break_seen_by(actor, break_id)
    way = WAYS[verb]
    form = way.form(request.POST, auto_id=f"{verb}_%s")
    code = 422
    if form.is_valid():
        try:
            way.act(
                break_id=found.pk,
                comment=form.cleaned_data["comment"],
                expected_version=form.cleaned_data["version"],
                actor=actor,
            )
        except Refusal as refusal:
            code = refusal.status
            complain(form, refusal)
        else:
            messages.success(request, f"Break {found.number} is {way.done}.")
            return redirect("reconciliation:break", found.pk)
    context = break_context(break_seen_by(actor, break_id), actor, {verb: form})
    return render(request, "reconciliation/break.html", context, status=code)


def cause_words(broken: Break) -> str:
    """The cause for people, with the name of the side that lacks something."""
    match_type = broken.run.match_type
    if broken.cause == Cause.MISSING_LEFT:
        return f"Missing in {match_type.left_source.name}"
    if broken.cause == Cause.MISSING_RIGHT:
        return f"Missing in {match_type.right_source.name}"
    return cause_label(broken.cause)


def _narrowed(found: ScopedQuerySet, wanted: dict[str, Any], days: list[Days]) -> ScopedQuerySet:
    if wanted.get("days") == ALL_DAYS:
        found = without_handed_on(found)
    elif days:
        chosen = next((each for each in days if each.name == wanted.get("days")), days[0])
        found = found.filter(run__starts_on=chosen.starts_on, run__ends_on=chosen.ends_on)
    if wanted.get("match_type"):
        found = found.filter(run__match_type=wanted["match_type"])
    for name in ("cause", "state"):
        if wanted.get(name):
            found = found.filter(**{name: wanted[name]})
    if wanted.get("status"):
        found = with_status(found, wanted["status"])
    if wanted.get("q"):
        found = naming(found, wanted["q"])
    return found


def _cursor(text: str) -> Cursor | None:
    """A cursor is "size-id"; anything else is none."""
    found = _CURSOR.fullmatch(text)
    return (Decimal(found[1]), int(found[2])) if found else None


_BY_SIZE = Leafing(
    size=50,
    read=_cursor,
    write=lambda broken: f"{abs(broken.amount):f}-{broken.pk}",
    beyond=lambda breaks, last: largest_first(breaks, after=last),
    ahead=smallest_before,
)


def break_seen_by(actor: Any, break_id: int) -> Break:
    """The break, standing or closed.

    Raises:
        NotVisible: not for this actor.
    """
    return one_visible(
        Break.ever.visible_to(actor)
        .select_related(
            "closure__revision__revised_by",
            "run__match_type__left_source",
            "run__match_type__right_source",
            "run__rule_set",
            "run__entity",
            "review__explained_by",
            "review__accepted_by",
        )
        .filter(pk=break_id)
    )


def break_context(found: Break, actor: Any, bound: dict[str, Any]) -> dict[str, Any]:
    """What the page of a break shows; `bound` are forms that came back with errors, by verb."""
    show_times_of(found.run.entity)
    said = getattr(found, "review", None)
    sides = items_shown(found, actor=actor)
    closure = getattr(found, "closure", None)
    is_current = found.run.status == RunStatus.COMPLETED and closure is None
    return {
        "page_title": f"Break {found.number}: {cause_words(found)}",
        "breadcrumbs": [
            {"label": "Breaks", "url": reverse("reconciliation:breaks")},
            runs_link(),
            run_link(found.run),
        ],
        "item": found,
        "reason": reason_shown(found, actor=actor),
        "said": said,
        "status": said.status if said else ReviewStatus.OPEN.value,
        "sides": sides,
        "comparison": _comparison(found, sides, actor),
        "evidence": further_evidence(evidence_shown(found, actor=actor)),
        "events": _events(found),
        "ways": _ways(found, actor, bound) if is_current else [],
        "changes": changes_of(found, actor, bound) if is_current else [],
        "closure": closure,
        "assigned": assigning(found, actor, bound.get("assign")) if is_current else None,
        "successors": _successors(closure),
        "write_off": standing_write_offs([found]).get(found.pk),
        "is_current": is_current,
        "is_own": said is not None and said.explained_by_id == actor.pk,
        "next": next_open(found),
    }


def _successors(closure: Any) -> list[dict[str, str]]:
    """What took the place of a closed break: a match, or breaks."""
    if closure is None:
        return []
    revision = closure.revision
    groups = MatchGroup.ever.filter(revision=revision)
    breaks = Break.ever.filter(revision=revision).order_by("number")
    return [
        *(
            {
                "words": f"Match {group.number}",
                "url": reverse("reconciliation:group", args=[group.run_id, group.number]),
            }
            for group in groups
        ),
        *(
            {
                "words": f"Break {broken.number}",
                "url": reverse("reconciliation:break", args=[broken.pk]),
            }
            for broken in breaks
        ),
    ]


def _comparison(found: Break, sides: Any, actor: Any) -> dict[str, Any] | None:
    """What stands next to each other: both sides, or a duplicate and what it is a copy of."""
    match_type = found.run.match_type
    if pair := pair_of(sides):
        return {
            "caption": "Both sides of the break",
            "left_title": match_type.left_source.name,
            "right_title": match_type.right_source.name,
            "rows": compared(*pair),
        }
    original = original_shown(found, actor=actor)
    if original is None:
        return None
    (copy,) = sides["left"] or sides["right"]
    name = match_type.left_source.name if sides["left"] else match_type.right_source.name
    return {
        "caption": f"Two records of {name}",
        "left_title": "The first",
        "right_title": "The copy",
        "rows": compared(original, copy),
    }


def _ways(found: Break, actor: Any, bound: dict[str, Any]) -> list[dict[str, Any]]:
    """What this person may do now: what he may not is not shown."""
    said = getattr(found, "review", None)
    version = said.version if said else 1
    return [
        {
            "verb": verb,
            "label": way.label,
            "title": f"{way.label}: break {found.number}",
            "form": bound.get(verb) or way.form(auto_id=f"{verb}_%s", initial={"version": version}),
            "action": reverse("reconciliation:review", args=[found.pk, verb]),
        }
        for verb, way in WAYS.items()
        if verb in bound or _is_open_to(verb, found, actor)
    ]


def _is_open_to(verb: str, found: Break, actor: Any) -> bool:
    said = getattr(found, "review", None)
    status = said.status if said else ReviewStatus.OPEN
    entity_id = found.run.entity_id
    if verb == "explain":
        return status != ReviewStatus.ACCEPTED and actor.may(EXPLAIN_BREAK, entity_id)
    if not actor.may(ACCEPT_BREAK, entity_id):
        return False
    if verb == "reopen":
        return status != ReviewStatus.OPEN
    if status == ReviewStatus.EXPLAINED:
        return said is not None and said.explained_by_id != actor.pk
    return status == ReviewStatus.OPEN and not found.is_material


def _events(found: Break) -> list[dict[str, Any]]:
    """What was said, newest first."""
    words = {
        ReviewStatus.EXPLAINED: "explained it",
        ReviewStatus.ACCEPTED: "accepted it",
        ReviewStatus.OPEN: "opened it again",
    }
    events = []
    for past in history_of(found):
        person = {
            ReviewStatus.EXPLAINED: past.explained_by,
            ReviewStatus.ACCEPTED: past.accepted_by,
        }.get(past.status, past.history_user)
        what = words[ReviewStatus(past.status)]
        if past.history_type == "+":
            what += ", of the same break in the run before"
        events.append(
            {
                "at": past.history_date,
                "who": str(person or "Somebody"),
                "what": what,
                "state": past.status,
                "note": past.comment,
                "url": reverse("reconciliation:break", args=[past.taken_over_from_id])
                if past.history_type == "+" and past.taken_over_from_id
                else None,
            }
        )
    return events

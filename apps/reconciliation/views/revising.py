"""What people change by hand: forms in dialogs, one service call each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.common.errors import Refusal
from apps.common.money import plain
from apps.reconciliation.forms import (
    CorrectForm,
    ForceForm,
    ReasonForm,
    SplitForm,
    WriteOffForm,
)
from apps.reconciliation.models import Break, MatchGroup
from apps.reconciliation.permissions import CORRECT_CAUSE, REVISE_RUN, WRITE_OFF
from apps.reconciliation.selectors import candidates_for, run_seen_by
from apps.reconciliation.services import (
    correct_cause,
    force_match,
    permit_rematch,
    split_break,
    unmatch_group,
    write_off_break,
)
from apps.reconciliation.states import ReviewStatus
from apps.reconciliation.views.scope import viewer

LABELS = {
    "correct": "Correct the cause",
    "force": "Match by hand",
    "split": "Split",
    "write-off": "Write off",
}
_PERMISSIONS = {
    "correct": CORRECT_CAUSE,
    "force": REVISE_RUN,
    "split": REVISE_RUN,
    "write-off": WRITE_OFF,
}


def changes_of(found: Break, actor: Any, bound: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The dialogs with which this person may change the break now.

    Args:
        bound: forms that came back with errors, by verb.
    """
    said = getattr(found, "review", None)
    if said is not None and said.status == ReviewStatus.ACCEPTED:
        return []
    return [
        {
            "verb": verb,
            "label": label,
            "title": f"{label}: break {found.number}",
            "consequences": _consequences(verb, found),
            "form": bound.get(verb) or form_of(verb, found, None),
            "action": reverse("reconciliation:revise-break", args=[found.pk, verb]),
        }
        for verb, label in LABELS.items()
        if actor.may(_PERMISSIONS[verb], found.run.entity_id) and _makes_sense(verb, found)
    ]


@require_POST
@login_required
def revise_group(request: HttpRequest, run_id: int, number: int, verb: str) -> HttpResponse:
    """Take a match back, or permit the rules to make it again."""
    actor = viewer(request)
    run = run_seen_by(actor, run_id)
    form = ReasonForm(request.POST)
    act, done = {
        "unmatch": (unmatch_group, "The match is taken back; its items are open."),
        "permit": (permit_rematch, "The next run may make this match again."),
    }[verb]
    if not form.is_valid():
        messages.error(request, "Say why in a few words.")
        return redirect("reconciliation:group", run.pk, number)
    try:
        act(run_id=run.pk, number=number, reason=form.cleaned_data["reason"], actor=actor)
    except Refusal as refusal:
        messages.error(request, refusal.words)
    else:
        messages.success(request, done)
    return redirect("reconciliation:group", run.pk, number)


def group_way(group: MatchGroup, actor: Any) -> dict[str, Any] | None:
    """The dialog with which this person may take the match back, or permit it again."""
    if not actor.may(REVISE_RUN, group.run.entity_id):
        return None
    is_revoked = hasattr(group, "revocation")
    if is_revoked and hasattr(group.revocation, "permit"):
        return None
    verb, label = ("permit", "Permit again") if is_revoked else ("unmatch", "Take back")
    return {
        "verb": verb,
        "label": label,
        "title": f"{label}: match {group.number}",
        "form": ReasonForm(auto_id=f"{verb}_%s"),
        "action": reverse("reconciliation:revise-group", args=[group.run_id, group.number, verb]),
    }


def _makes_sense(verb: str, found: Break) -> bool:
    if verb == "split":
        return found.items.count() > 1
    return verb != "write-off" or bool(found.amount)


def _consequences(verb: str, found: Break) -> list[str]:
    """What will happen, where that is more than the button says."""
    if verb != "write-off":
        return []
    amount = f"{plain(abs(found.amount), found.currency)} {found.currency}"
    return [
        f"An entry of {amount} is drafted in your name; it is posted once it was submitted"
        " and approved.",
        "The break counts as explained by you.",
    ]


def form_of(verb: str, found: Break, posted: Any) -> Any:
    """The form of a change, filled with what was sent."""
    auto_id = f"{verb}_%s"
    if verb == "correct":
        return CorrectForm(posted, auto_id=auto_id, now=found.cause)
    if verb == "split":
        items = found.items.select_related("record").order_by("side", "record_id")
        return SplitForm(posted, auto_id=auto_id, items=items)
    if verb == "force":
        return ForceForm(
            posted, auto_id=auto_id, candidates=candidates_for(found), day=found.run.ends_on
        )
    return WriteOffForm(posted, auto_id=auto_id, day=found.run.ends_on)


def _correct(found: Break, facts: dict[str, Any], actor: Any) -> str:
    label = correct_cause(
        break_id=found.pk, cause=facts["cause"], reason=facts["reason"], actor=actor
    )
    return reverse("reconciliation:break", args=[label.successor_id])


def _force(found: Break, facts: dict[str, Any], actor: Any) -> str:
    done = force_match(
        run_id=found.run_id,
        break_ids=[found.pk, *(int(pk) for pk in facts["breaks"])],
        reason=facts["reason"],
        expense_account=facts["expense_account"],
        posted_on=facts["posted_on"],
        actor=actor,
    )
    assert done.group is not None
    return reverse("reconciliation:group", args=[found.run_id, done.group.number])


def _split(found: Break, facts: dict[str, Any], actor: Any) -> str:
    first = [int(pk) for pk in facts["records"]]
    every = found.items.values_list("record_id", flat=True)
    parts = [first, [pk for pk in every if pk not in first]]
    done = split_break(break_id=found.pk, parts=parts, reason=facts["reason"], actor=actor)
    return reverse("reconciliation:break", args=[done.breaks[0].pk])


def _write_off(found: Break, facts: dict[str, Any], actor: Any) -> str:
    write_off_break(
        break_id=found.pk,
        expense_account=facts["expense_account"],
        posted_on=facts["posted_on"],
        reason=facts["reason"],
        actor=actor,
    )
    return reverse("reconciliation:break", args=[found.pk])


CHANGES: dict[str, Callable[[Break, dict[str, Any], Any], str]] = {
    "correct": _correct,
    "force": _force,
    "split": _split,
    "write-off": _write_off,
}

"""The page of one request: what it is, why it is with you, and your decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.approvals import selectors
from apps.approvals.forms.deciding import DecisionForm, EvidenceForm
from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_CONTROLS, VIEW_REQUESTS
from apps.approvals.registry import overtaken_by
from apps.approvals.selectors.clocks import clock_at_work, reasons_for
from apps.approvals.selectors.limits import exposure_in_words
from apps.approvals.selectors.stages import people_needed
from apps.approvals.services import decide, note_opening
from apps.approvals.states import Door, EvidenceKind, RequestStatus, Verdict
from apps.approvals.views.attachments import evidence_on_page
from apps.approvals.views.ending import can_revoke, can_withdraw
from apps.approvals.views.lists import state_shown
from apps.approvals.views.words import (
    amount_in_words,
    changes_since,
    consequences,
    done_in_words,
    events,
    policy_in_words,
    steps,
)
from apps.common.access import authorize
from apps.common.errors import Refusal, StaleVersion
from apps.common.forms import complain
from apps.identity.context import actor_of, show_times_of
from apps.identity.models import User

# What people wrote and would not like to write again.
_KEPT = {"comment", EvidenceKind.EXPLANATION.value, EvidenceKind.RESOLUTION.value}


@dataclass(frozen=True)
class Attempt:
    """A decision that was refused: which verdict, what was typed, and what had changed."""

    verdict: Verdict
    form: DecisionForm
    status: int
    changes: list[dict[str, Any]]

    @property
    def is_about_fields(self) -> bool:
        """True if its form can be corrected; otherwise the page itself has to be read again."""
        return not self.form.non_field_errors()

    def can_be_corrected_in(self, ways: list[dict[str, Any]]) -> bool:
        """True if its form is about fields, and its verdict is still on offer."""
        return self.is_about_fields and any(way["verdict"] == self.verdict for way in ways)

    def form_again(self, fresh: DecisionForm) -> DecisionForm:
        """The form with its errors, or a fresh one that keeps the words but confirms nothing."""
        if self.is_about_fields:
            self.form.forget_files()
            return self.form
        typed = self.form.cleaned_data
        fresh.initial = {name: typed[name] for name in _KEPT & typed.keys()}
        return fresh


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def request_page(request: HttpRequest, request_id: int) -> HttpResponse:
    """Look at a request, and decide on it."""
    actor: User = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    asked = selectors.request_seen_by(actor, request_id)
    if request.method != "POST":
        return page_of(request, asked)
    attempt = _try(request, asked, actor)
    if attempt is None:
        return redirect("approvals:inbox")
    return page_of(request, selectors.request_seen_by(actor, request_id), attempt)


def _try(request: HttpRequest, asked: Request, actor: User) -> Attempt | None:
    """Carry out what was posted; None if it is done."""
    given = request.POST.get("verdict", "")
    verdict = Verdict(given) if given in Verdict.values else Verdict.APPROVE
    seen = request.POST.get("expected_version", "")
    form = DecisionForm(
        request.POST,
        request.FILES,
        verdict=verdict,
        policy=asked.policy,
        missing=selectors.kinds_missing(asked),
    )
    if given not in Verdict.values or not seen.isdecimal():
        form.add_error(None, "This form is incomplete. Open the page again.")
    if not form.is_valid():
        return Attempt(verdict, form, 422, [])
    try:
        decided = decide(
            request_id=asked.pk,
            verdict=verdict,
            comment=form.cleaned_data["comment"],
            attested=form.cleaned_data.get("attested", False),
            expected_version=int(seen),
            actor=actor,
            evidence=form.brought(),
            door=Door.PAGE,
        )
    except Refusal as refusal:
        complain(form, refusal)
        return Attempt(verdict, form, refusal.status, _changes(refusal, asked.pk, int(seen), actor))
    messages.success(request, done_in_words(decided, verdict))
    return None


def _changes(
    refusal: Refusal, request_id: int, seen_version: int, actor: User
) -> list[dict[str, Any]]:
    """What changed since the form was opened, if that is what stands in the way."""
    if not isinstance(refusal, StaleVersion):
        return []
    return changes_since(selectors.request_seen_by(actor, request_id), seen_version)


def page_of(
    request: HttpRequest,
    asked: Request,
    attempt: Attempt | None = None,
    *,
    form: EvidenceForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page, with a decision or a form of evidence that was refused."""
    actor: User = actor_of(request)
    if request.method == "GET" or (attempt is not None and attempt.changes):
        note_opening(asked, actor=actor)
    show_times_of(asked.entity)
    refusal = _refusal(asked, actor)
    can_decide = asked.status == RequestStatus.PENDING and refusal is None
    overtaken = overtaken_by(asked.subject_type, asked.subject_id) if asked.is_open else ""
    ways = _ways(asked, attempt, can_approve=not overtaken) if can_decide else []
    context = {
        "page_title": asked.title,
        "breadcrumbs": [{"label": "Approvals", "url": reverse("approvals:inbox")}],
        "asked": asked,
        "state": state_shown(asked, timezone.now()),
        "amount_in_words": amount_in_words(asked),
        "exposure_in_words": exposure_in_words(asked) if asked.split_amount else "",
        "steps": steps(asked),
        "stage": selectors.stage_in_words(selectors.stage_of(asked)),
        "due_reasons": reasons_for(clock_at_work(asked)),
        "needed": people_needed(selectors.stage_of(asked)) or "all",
        "role": selectors.stage_of(asked).get("role", ""),
        "refusal": refusal,
        "overtaken": overtaken,
        "deciders": selectors.eligible_approvers(asked) if asked.is_open else [],
        "deadlock": selectors.deadlock_of(asked) if asked.is_open else None,
        "can_decide": can_decide,
        "own_waiver": can_decide and actor.pk in selectors.conflicted_ids(asked),
        "can_withdraw": can_withdraw(asked, actor),
        "can_revoke": can_revoke(asked, actor),
        "can_reassign": _can_reassign(asked, actor),
        "can_view_controls": actor.may(VIEW_CONTROLS, asked.entity_id),
        "policy_in_words": policy_in_words(asked),
        "ways": ways,
        "attempt": attempt,
        "can_correct": attempt is not None and attempt.can_be_corrected_in(ways),
        "open_questions": selectors.open_questions(asked),
        "events": events(asked),
        "earlier": selectors.earlier_rounds(asked, actor),
        **evidence_on_page(asked, actor, form, can_decide=can_decide),
    }
    status = attempt.status if attempt is not None else status
    return render(request, "approvals/request.html", context, status=status)


def _refusal(asked: Request, actor: User) -> Refusal | None:
    if asked.status != RequestStatus.PENDING:
        return None
    return selectors.refusal_to_decide(asked, actor)


def _can_reassign(asked: Request, actor: User) -> bool:
    """Whether the page offers it; nobody is asked about who is there unless somebody might."""
    if selectors.refusal_to_reassign(asked, actor) is not None:
        return False
    return bool(selectors.movable_seats(asked, actor, selectors.staff_of(asked.entity)))


def _ways(asked: Request, attempt: Attempt | None, *, can_approve: bool) -> list[dict[str, Any]]:
    """The dialogs on offer; the one that was refused comes back with what was typed."""
    ways = [_approving(asked)] if can_approve else []
    ways += [_rejecting(asked), _returning(asked)]
    return [way | _dialog(asked, Verdict(way["verdict"]), attempt) for way in ways]


def _approving(asked: Request) -> dict[str, Any]:
    size = amount_in_words(asked)
    return {
        "verdict": Verdict.APPROVE.value,
        "label": "Approve",
        "key": "a",
        "icon": "check",
        "title": f"Approve {size}: {asked.title}?" if size else f"Approve {asked.title}?",
        "submit_label": f"Approve {size}".strip(),
    }


def _rejecting(asked: Request) -> dict[str, Any]:
    return {
        "verdict": Verdict.REJECT.value,
        "label": "Reject",
        "key": "r",
        "icon": "close",
        "title": f"Reject {asked.title}?",
        "submit_label": "Reject",
        "is_danger": True,
    }


def _returning(asked: Request) -> dict[str, Any]:
    return {
        "verdict": Verdict.RETURN.value,
        "label": "Return",
        "icon": "undo",
        "title": f"Return {asked.title} to {asked.maker}?",
        "submit_label": f"Return to {asked.maker}",
    }


def _dialog(asked: Request, verdict: Verdict, attempt: Attempt | None) -> dict[str, Any]:
    """What the dialogs share."""
    missing = selectors.kinds_missing(asked)
    fresh = DecisionForm(verdict=verdict, policy=asked.policy, missing=missing)
    is_again = attempt is not None and attempt.verdict == verdict
    return {
        "action": reverse("approvals:request", args=[asked.pk]),
        "consequences": consequences(asked, verdict),
        "hidden": [("verdict", verdict.value), ("expected_version", asked.version)],
        "form": attempt.form_again(fresh) if attempt is not None and is_again else fresh,
    }

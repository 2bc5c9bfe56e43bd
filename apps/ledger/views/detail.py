"""One journal entry: what it says, what became of it, and what may be done next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.views.decorators.http import require_POST, require_safe

from apps.approvals.selectors import approval_so_far, latest_request_for
from apps.common.access import authorize
from apps.common.errors import NotVisible, Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of, show_times_of
from apps.ledger import services
from apps.ledger.models import JournalEntry
from apps.ledger.permissions import (
    POST_ENTRY,
    PREPARE_ENTRY,
    REVERSE_ENTRY,
    SUBMIT_ENTRY,
    VIEW_LEDGER,
)
from apps.ledger.selectors import entry_seen_by, lines_of, steps_of, totals_of
from apps.ledger.states import EntryKind, EntryStatus
from apps.ledger.views.forms import ConfirmForm, ReasonForm, ReversalForm

_WORDS = {
    EntryStatus.DRAFT: "made it a draft again",
    EntryStatus.SUBMITTED: "submitted it",
    EntryStatus.POSTED: "posted it",
    EntryStatus.CANCELLED: "cancelled it",
}


@dataclass(frozen=True)
class Way:
    """A step that people take on this page."""

    label: str
    permission: str
    statuses: frozenset[str]
    form: type[ConfirmForm]
    act: Callable[[JournalEntry, dict[str, Any], Any], JournalEntry]
    done: str
    is_danger: bool = False


def _submit(entry: JournalEntry, facts: dict[str, Any], actor: Any) -> JournalEntry:
    return services.submit_entry(entry_id=entry.pk, expected_version=facts["version"], actor=actor)


def _post(entry: JournalEntry, facts: dict[str, Any], actor: Any) -> JournalEntry:
    return services.post_entry(entry_id=entry.pk, expected_version=facts["version"], actor=actor)


def _withdraw(entry: JournalEntry, facts: dict[str, Any], actor: Any) -> JournalEntry:
    return services.withdraw_entry(entry_id=entry.pk, reason=facts["reason"], actor=actor)


def _cancel(entry: JournalEntry, facts: dict[str, Any], actor: Any) -> JournalEntry:
    return services.cancel_entry(entry_id=entry.pk, reason=facts["reason"], actor=actor)


def _reverse(entry: JournalEntry, facts: dict[str, Any], actor: Any) -> JournalEntry:
    return services.reverse_entry(
        entry_id=entry.pk, posted_on=facts["posted_on"], reason=facts["reason"], actor=actor
    )


_DRAFT = frozenset({EntryStatus.DRAFT.value})
_SUBMITTED = frozenset({EntryStatus.SUBMITTED.value})
_POSTED = frozenset({EntryStatus.POSTED.value})
WAYS = {
    "submit": Way("Submit", SUBMIT_ENTRY, _DRAFT, ConfirmForm, _submit, "submitted"),
    "post": Way("Post", POST_ENTRY, _DRAFT | _SUBMITTED, ConfirmForm, _post, "posted"),
    "withdraw": Way("Withdraw", SUBMIT_ENTRY, _SUBMITTED, ReasonForm, _withdraw, "withdrawn"),
    "cancel": Way("Cancel", PREPARE_ENTRY, _DRAFT, ReasonForm, _cancel, "cancelled", True),
    "reverse": Way("Reverse", REVERSE_ENTRY, _POSTED, ReversalForm, _reverse, "reversed", True),
}


@require_safe
@login_required
def entry_page(request: HttpRequest, entry_id: int) -> HttpResponse:
    """The entry with its lines, history, approval, and the steps that this person may take."""
    authorize(actor_of(request), VIEW_LEDGER)
    entry = entry_seen_by(actor_of(request), entry_id)
    return render(request, "ledger/entry.html", _context(request, entry, {}))


@require_POST
@login_required
def take_step(request: HttpRequest, entry_id: int, step: str) -> HttpResponse:
    """Submit, post, withdraw, cancel or reverse; a refusal opens the dialog again."""
    authorize(actor_of(request), VIEW_LEDGER)
    entry = entry_seen_by(actor_of(request), entry_id)
    way = WAYS.get(step)
    if way is None:
        raise NotVisible
    form = way.form(request.POST, auto_id=f"{step}_%s")
    code = 422
    if form.is_valid():
        try:
            result = way.act(entry, form.cleaned_data, actor_of(request))
        except Refusal as refusal:
            code = refusal.status
            complain(form, refusal)
        else:
            messages.success(request, f"{entry.label} {way.done}.")
            return redirect("ledger:entry", result.pk)
    context = _context(request, entry, {step: form})
    return render(request, "ledger/entry.html", context, status=code)


def _context(
    request: HttpRequest, entry: JournalEntry, bound: dict[str, ConfirmForm]
) -> dict[str, Any]:
    show_times_of(entry.entity)
    lines = lines_of(entry)
    approval = latest_request_for(entry)
    is_waiting = approval is not None and approval.is_open
    return {
        "page_title": entry.label,
        "entry": entry,
        "lines": lines,
        "totals": totals_of(lines),
        "reversal": entry.reversals.exclude(status=EntryStatus.CANCELLED).first(),
        **approval_so_far(approval),
        "events": _events(entry),
        "ways": _ways(request, entry, bound, is_waiting=is_waiting),
        "is_editable": entry.status == EntryStatus.DRAFT
        and actor_of(request).may(PREPARE_ENTRY, entry.entity_id),
    }


def _ways(
    request: HttpRequest,
    entry: JournalEntry,
    bound: dict[str, ConfirmForm],
    *,
    is_waiting: bool,
) -> list[dict[str, Any]]:
    """What this person may do next: what he may not is not shown."""
    user = actor_of(request)
    ways = []
    for step, way in WAYS.items():
        is_possible = entry.status in way.statuses and user.may(way.permission, entry.entity_id)
        if step == "post" and is_waiting:
            is_possible = False
        if step == "reverse" and (entry.kind == EntryKind.REVERSAL or _has_reversal(entry)):
            is_possible = False
        if not is_possible and step not in bound:
            continue
        seen = {"posted_on": entry.posted_on, "version": entry.version}
        blank = way.form(auto_id=f"{step}_%s", initial=seen)
        ways.append(
            {
                "step": step,
                "label": way.label,
                "title": f"{way.label} {entry.label}?",
                "form": bound.get(step, blank),
                "is_danger": way.is_danger,
                "consequences": _consequences(step, entry),
            }
        )
    return ways


def _has_reversal(entry: JournalEntry) -> bool:
    return entry.reversals.exclude(status=EntryStatus.CANCELLED).exists()


def _consequences(step: str, entry: JournalEntry) -> list[str]:
    """What the step will do, said before it is done."""
    period = entry.period.name
    return {
        "submit": ["Its content can no longer be changed, only withdrawn as a whole."],
        "post": [
            f"It gets the next number of {period} and counts in every balance.",
            "It can never be changed or deleted, only reversed.",
        ],
        "withdraw": ["It becomes a draft again; a request for its approval ends."],
        "cancel": ["It stays on the record and is never posted."],
        "reverse": [
            "A new entry with debits and credits swapped is made.",
            f"This one stays as it was posted on {date_format(entry.posted_on, 'j M Y')}.",
        ],
    }[step]


def _events(entry: JournalEntry) -> list[dict[str, Any]]:
    return [
        {
            "at": step.at,
            "who": step.who or "FinFlow",
            "what": "wrote it"
            if step.is_first and step.status == EntryStatus.DRAFT
            else _WORDS[EntryStatus(step.status)],
            "state": step.status,
        }
        for step in steps_of(entry)
    ]

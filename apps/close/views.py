"""Pages of the close: the board of a run, a task, opening a run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.audit.models import Event
from apps.audit.selectors import events_about
from apps.close.forms import CompleteForm
from apps.close.models import CloseRun, CloseTask, CloseTemplate
from apps.close.permissions import COMPLETE_TASK, OPEN_RUN, RETRY_TASK, VIEW_CLOSE
from apps.close.selectors import attempts_at, progress, runs_visible_to, tasks_of
from apps.close.services import complete_task, open_run, retry_task
from apps.close.states import DONE, AttemptStatus, RunStatus, TaskStatus
from apps.common.access import authorize, one_visible
from apps.common.errors import NotVisible, Refusal
from apps.common.money import is_currency
from apps.common.templatetags.finflow import amount, count
from apps.identity.context import actor_of, entity_in_view, show_times_of
from apps.ledger.models import Period
from apps.ledger.states import PeriodStatus

_MOVING = frozenset({TaskStatus.READY, TaskStatus.IN_PROGRESS})
# What the audit trail calls it, what people call it, and the state whose icon it has.
_EVENTS = {
    "ready": ("found it ready to start", TaskStatus.READY),
    "start": ("started an attempt", TaskStatus.IN_PROGRESS),
    "submit": ("left it to people", TaskStatus.SUBMITTED),
    "wait": ("noted what it waits for", TaskStatus.SUBMITTED),
    "complete": ("finished it", TaskStatus.COMPLETED),
    "fail": ("could not finish it", TaskStatus.FAILED),
    "return": ("returned it", TaskStatus.RETURNED),
    "retry": ("gave it another try", TaskStatus.READY),
    "interrupt": ("was interrupted and queued it again", AttemptStatus.INTERRUPTED),
    "requeue": ("queued it again", TaskStatus.PENDING),
    "block": ("blocked it", TaskStatus.BLOCKED),
    "unblock": ("let it go on", TaskStatus.PENDING),
    "stale": ("found it stale: the period was reopened", TaskStatus.STALE),
    "redo": ("let it be done again", TaskStatus.PENDING),
}
_NAMES = frozenset({"run", "batch", "package", "scoring", "version"})  # numbers that count nothing
_DIGEST_LENGTH = 64


@require_safe
@login_required
def board(request: HttpRequest) -> HttpResponse:
    """The newest close, or the list of periods that could be closed."""
    actor = actor_of(request)
    authorize(actor, VIEW_CLOSE)
    runs = runs_visible_to(actor)
    entity = entity_in_view(request)
    newest = (runs.filter(entity=entity) if entity else runs).first()
    if newest is not None:
        return redirect("close:run", newest.pk)
    return render(request, "close/start.html", {"periods": _closable_periods(actor)})


@require_safe
@login_required
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """The board of one run; with `?part=board` only the part that refreshes itself."""
    actor = actor_of(request)
    authorize(actor, VIEW_CLOSE)
    found = one_visible(runs_visible_to(actor).filter(pk=run_id))
    show_times_of(found.entity)
    tasks = tasks_of(found.pk)
    whose = "" if entity_in_view(request) == found.entity else f"{found.entity.code} "
    context = {
        "run": found,
        "tasks": [_card(task) for task in tasks],
        "progress": progress(tasks),
        "stuck": [
            task for task in tasks if task.status in {TaskStatus.FAILED, TaskStatus.RETURNED}
        ],
        "waiting": [task for task in tasks if task.status == TaskStatus.SUBMITTED],
        "is_moving": found.status == RunStatus.OPEN,
        "page_title": f"Close of {whose}{found.period.name}",
        "runs": runs_visible_to(actor).filter(entity=found.entity)[:12],
        "periods": _closable_periods(actor),
    }
    part = request.GET.get("part") == "board"
    return render(request, "close/_board.html" if part else "close/board.html", context)


@require_safe
@login_required
def task(request: HttpRequest, task_id: int) -> HttpResponse:
    """One task: what it waits for, its attempts, its history, and what may be done."""
    return _task_page(request, _visible_task(request, task_id), CompleteForm())


@require_POST
@login_required
def complete(request: HttpRequest, task_id: int) -> HttpResponse:
    """Tick a manual task off."""
    actor = actor_of(request)
    found = _visible_task(request, task_id)
    form = CompleteForm(request.POST)
    if form.is_valid():
        try:
            complete_task(
                task_id=found.pk,
                comment=form.cleaned_data["comment"],
                expected_version=form.cleaned_data["version"],
                actor=actor,
            )
        except Refusal as refusal:
            form.add_error(None, refusal.words)
        else:
            messages.success(request, f"{found.name} is done.")
            return redirect("close:run", found.run_id)
    return _task_page(request, found, form, status=422)


@require_POST
@login_required
def retry(request: HttpRequest, task_id: int) -> HttpResponse:
    """Give a failed, returned or stale task another try."""
    actor = actor_of(request)
    retried = retry_task(task_id=task_id, actor=actor)
    messages.success(request, f"{retried.name} was queued again.")
    return redirect("close:run", retried.run_id)


@require_POST
@login_required
def start(request: HttpRequest, period_id: int) -> HttpResponse:
    """Open the close of a period with the entity's newest template."""
    actor = actor_of(request)
    period = Period.objects.visible_to(actor).filter(pk=period_id).first()
    template = (
        CloseTemplate.objects.filter(entity=period.entity).order_by("-id").first()
        if period
        else None
    )
    if period is None or template is None:
        raise NotVisible
    opened = open_run(template_id=template.pk, period_id=period.pk, actor=actor)
    messages.success(request, f"The close of {period.name} is open.")
    return redirect("close:run", opened.pk)


def _visible_task(request: HttpRequest, task_id: int) -> CloseTask:
    actor = actor_of(request)
    authorize(actor, VIEW_CLOSE)
    return one_visible(
        CloseTask.objects.visible_to(actor)
        .select_related("run__period", "run__entity", "owner", "completed_by")
        .filter(pk=task_id)
    )


def _task_page(
    request: HttpRequest, found: CloseTask, form: CompleteForm, status: int = 200
) -> HttpResponse:
    actor = actor_of(request)
    entity_id = found.run.entity_id
    show_times_of(found.run.entity)
    form.fields["version"].initial = found.version
    context = {
        "task": found,
        "form": form,
        "page_title": found.name,
        "breadcrumbs": [
            {"label": f"Close of {found.run.period.name}", "url": _run_url(found.run)},
        ],
        "attempts": [
            {"attempt": attempt, "facts": _facts(attempt.summary)} for attempt in attempts_at(found)
        ],
        "predecessors": [
            link.predecessor for link in found.dependencies.select_related("predecessor")
        ],
        "requests": [wait.request for wait in found.approvals.select_related("request")],
        "events": [_told(event) for event in events_about(found, actor=actor).reverse()],
        "may_retry": found.status in {TaskStatus.FAILED, TaskStatus.RETURNED, TaskStatus.STALE}
        and actor.may(RETRY_TASK, entity_id),
        "may_complete": found.status == TaskStatus.READY
        and not found.handler
        and found.owner_role in actor.roles_on(entity_id)
        and actor.may(COMPLETE_TASK, entity_id),
    }
    return render(request, "close/task.html", context, status=status)


def _told(event: Event) -> dict[str, Any]:
    """An event of the audit trail for the timeline."""
    verb = event.action.rpartition(".")[2]
    words, state = _EVENTS.get(verb, (verb, TaskStatus.PENDING))
    return {"at": event.occurred_at, "who": str(event.actor), "what": words, "state": state}


def _facts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """What an attempt found, a line for each; files and the like get a line each too."""
    facts: list[tuple[str, str]] = []
    for name, value in summary.items():
        if isinstance(value, dict) and all(isinstance(each, dict) for each in value.values()):
            facts += [
                (f"{_words(name)}, {key}", _written(key, each)) for key, each in value.items()
            ]
        else:
            facts.append((_words(name), _written(name, value)))
    return [(label[:1].upper() + label[1:], text) for label, text in facts]


def _written(name: str, value: Any) -> str:
    """A value of a summary (JSON) in words: "lines 2,707, rejected 0"."""
    if isinstance(value, dict):
        return ", ".join(f"{_words(key)} {_written(key, each)}" for key, each in value.items())
    if isinstance(value, list):
        return "; ".join(_written("", each) for each in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value) if name and name not in _NAMES else str(value)
    if is_currency(name):
        return amount(Decimal(value), name)
    text = str(value)
    return f"{text[:12]}…" if len(text) == _DIGEST_LENGTH else text


def _words(name: str) -> str:
    return name.replace("_", " ")


def _card(found: CloseTask) -> dict[str, Any]:
    """A task as the board shows it."""
    took = None
    if found.started_at and found.completed_at:
        took = found.completed_at - found.started_at
    return {
        "pk": found.pk,
        "key": found.key,
        "label": found.name,
        "url": reverse("close:task", args=[found.pk]),
        "state": found.status,
        "note": found.note,
        "who": str(found.owner) if found.owner else found.owner_role,
        "due_at": found.due_at,
        "estimate_minutes": found.duration_estimate_minutes,
        "took": took,
        "is_done": found.status in DONE,
        "is_moving": found.status in _MOVING,
    }


def _closable_periods(actor: Any) -> list[Period]:
    """Open periods without an open close, where the actor may open one."""
    return list(
        Period.objects.filter(
            entity_id__in=actor.entity_ids(OPEN_RUN),
            status__in=[PeriodStatus.OPEN, PeriodStatus.SOFT_CLOSED],
        )
        .exclude(close_runs__status=RunStatus.OPEN)
        .select_related("entity")
        .order_by("starts_on")
    )


def _run_url(found: CloseRun) -> str:
    return reverse("close:run", args=[found.pk])

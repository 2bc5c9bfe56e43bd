"""Templates and runs: define, open, and let tasks start as their turn comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.close.errors import RunAlreadyOpen, TemplateInvalid
from apps.close.locks import run_for_update
from apps.close.models import CloseRun, CloseTask, CloseTemplate, TaskDependency
from apps.close.permissions import MANAGE_TEMPLATES, OPEN_RUN
from apps.close.plan import PlannedTask, read_plan
from apps.close.selectors import graph_of, open_run_for
from apps.close.states import RUN_MOVES, TASK_MOVES, RunStatus, TaskStatus
from apps.common.access import authorize
from apps.common.errors import NotVisible
from apps.common.transitions import advance
from apps.identity.models import User
from apps.identity.selectors import business_calendar, people_with_role, system_user
from apps.ledger.models import Period
from apps.operations.services import enqueue


@transaction.atomic
def define_template(
    *,
    entity_id: int,
    code: str,
    name: str,
    tasks: Sequence[Mapping[str, Any]],
    actor: User,
) -> CloseTemplate:
    """Create a template, or give the one of this code a new version.

    Args:
        tasks: see `apps.close.plan.read_plan`.

    Raises:
        NotPermitted: the actor may not manage templates here.
        TemplateInvalid: names the task and key at fault; a cycle with its path.
    """
    authorize(actor, MANAGE_TEMPLATES, entity_id=entity_id)
    read_plan(tasks)
    template = (
        CloseTemplate.objects.select_for_update().filter(entity_id=entity_id, code=code).first()
    )
    if template is None:
        template = CloseTemplate(entity_id=entity_id, code=code)
    elif template.tasks == list(tasks) and template.name == name:
        return template
    else:
        template.version += 1
    template.name = name
    template.tasks = list(tasks)
    template.save()
    record(actor=actor, action="close.template.define", subject=template, version=template.version)
    return template


@transaction.atomic
def open_run(*, template_id: int, period_id: int, actor: User) -> CloseRun:
    """Start closing a period: create the tasks with owners and deadlines, and let the first go.

    Raises:
        NotVisible: template or period is not there for this actor.
        NotPermitted: the actor may not open a close here.
        TemplateInvalid: template and period belong to different entities.
        RunAlreadyOpen: the period is being closed.
    """
    template = CloseTemplate.objects.granted_to(actor).filter(pk=template_id).first()
    period = Period.objects.granted_to(actor).select_for_update().filter(pk=period_id).first()
    if template is None or period is None:
        raise NotVisible
    authorize(actor, OPEN_RUN, entity_id=template.entity_id)
    if template.entity_id != period.entity_id:
        raise TemplateInvalid("The template belongs to another entity than the period.")
    if open_run_for(period.pk) is not None:
        raise RunAlreadyOpen
    run = CloseRun.objects.create(
        entity_id=template.entity_id,
        template=template,
        template_version=template.version,
        period=period,
        opened_by=actor,
    )
    _create_tasks(run, read_plan(template.tasks))
    record(
        actor=actor,
        action="close.run.open",
        subject=run,
        period=period.name,
        template=template.code,
    )
    enqueue("apps.close.tasks.start_ready", run_id=run.pk)
    return run


@transaction.atomic
def start_ready_tasks(*, run_id: int) -> list[CloseTask]:
    """Bring every task whose turn has come to ready, block what cannot go on, end the run.

    Safe to call at any time and any number of times.

    Returns:
        The tasks that became ready.
    """
    run = run_for_update(run_id)
    if run.status != RunStatus.OPEN:
        return []
    tasks = {task.key: task for task in run.tasks.order_by("position")}
    graph = graph_of(run.pk)
    _follow_blockages(tasks, graph.blocked(_states(tasks)))
    started = []
    for key in graph.ready(_states(tasks)):
        if tasks[key].status == TaskStatus.PENDING:
            _make_ready(tasks[key])
            started.append(tasks[key])
    if all(task.is_done for task in tasks.values()):
        advance(run, to=RunStatus.COMPLETED, moves=RUN_MOVES)
        run.completed_at = timezone.now()
        run.save(update_fields=["status", "completed_at"])
        record(actor=system_user(), action="close.run.complete", subject=run)
    return started


def _create_tasks(run: CloseRun, plan: Sequence[PlannedTask]) -> None:
    calendar = business_calendar(run.entity)
    tasks = {}
    for position, planned in enumerate(plan, start=1):
        tasks[planned.key] = CloseTask.objects.create(
            run=run,
            key=planned.key,
            position=position,
            name=planned.name,
            handler=planned.handler,
            parameters=dict(planned.parameters),
            is_automated=planned.is_automated,
            duration_estimate_minutes=planned.duration_estimate_minutes,
            owner_role=planned.owner_role,
            owner=people_with_role(planned.owner_role, entity_id=run.entity_id).first(),
            due_at=planned.deadline.instant(calendar, run.period.ends_on),
        )
    TaskDependency.objects.bulk_create(
        TaskDependency(
            task=tasks[planned.key],
            predecessor=tasks[link.predecessor],
            kind=link.kind.value,
            lag_minutes=link.lag_minutes,
            is_hard=link.is_hard,
        )
        for planned in plan
        for link in planned.dependencies
    )


def _states(tasks: Mapping[str, CloseTask]) -> dict[str, str]:
    return {key: task.status for key, task in tasks.items()}


def _follow_blockages(tasks: Mapping[str, CloseTask], blockages: Mapping[str, Any]) -> None:
    """Block what hangs on a failed task, naming it; free what does so no more."""
    for key, task in tasks.items():
        is_blocked = key in blockages
        if is_blocked and task.status in {TaskStatus.PENDING, TaskStatus.READY}:
            causes = ", ".join(tasks[cause].name for cause in blockages[key].root_causes)
            advance(task, to=TaskStatus.BLOCKED, moves=TASK_MOVES)
            task.note = f"Blocked by: {causes}"
        elif not is_blocked and task.status == TaskStatus.BLOCKED:
            advance(task, to=TaskStatus.PENDING, moves=TASK_MOVES)
            task.note = ""
        else:
            continue
        _save_status(task, "close.task.block" if is_blocked else "close.task.unblock")


def _make_ready(task: CloseTask) -> None:
    advance(task, to=TaskStatus.READY, moves=TASK_MOVES)
    _save_status(task, "close.task.ready")
    if task.handler:
        enqueue("apps.close.tasks.run_task", task_id=task.pk)


def _save_status(task: CloseTask, action: str) -> None:
    task.version += 1
    task.save(update_fields=["status", "note", "version", "changed_at"])
    record(
        actor=system_user(),
        action=action,
        subject=task,
        entity_id=task.run.entity_id,
        status=task.status,
    )

"""Carrying out a task: claimed by one process, counted before the work, fenced afterwards.

The process at work holds a session advisory lock on the task. If it dies, the lock is gone at
once, `resume_interrupted` sees a task in progress that nobody holds, and queues it again; the
handler is idempotent, so a second run changes nothing that the first had finished.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.approvals.models import Request
from apps.approvals.states import RequestStatus
from apps.close.errors import CommentMissing, NotTheOwner, TaskIsAutomated
from apps.close.locks import AT_WORK, visible_task_for_update
from apps.close.models import CloseTask, TaskApproval, TaskAttempt
from apps.close.permissions import COMPLETE_TASK, RETRY_TASK
from apps.close.registry import Handler, TaskContext, TaskResult, Work, handler_named
from apps.close.services.moves import (
    advance_task,
    begin_attempt,
    complete_settled,
    fail_attempt,
    finish_attempt,
    interrupt_task,
    queue_again,
    queue_task,
    redo_task,
    requests_of,
    return_task,
    start_next,
)
from apps.close.states import TASK_MOVES, TaskStatus
from apps.common.access import authorize
from apps.common.advisory import is_held, session_lock
from apps.common.errors import IllegalMove, Refusal
from apps.common.transitions import require_move, require_version
from apps.identity.models import User
from apps.identity.selectors import system_user

logger = structlog.get_logger(__name__)

_LOST_AFTER = timedelta(seconds=30)


def run_task(*, task_id: int) -> None:
    """Carry out a ready task that has a handler; a no-op if it is not its turn or taken.

    A refusal of the handler fails the task with its message; anything else that goes wrong fails
    it as an internal error and is raised again for the log.
    """
    with session_lock(AT_WORK, task_id) as is_ours:
        attempt = begin_attempt(task_id) if is_ours else None
        if attempt is None:
            return
        logger.info("task_begun", task=attempt.task.key, attempt=attempt.number)
        _work(attempt, handler_named(attempt.task.handler).run, finish_attempt)


def settle_task(*, task_id: int) -> None:
    """Look at what a submitted task waits for; act when all of it is in or one is refused."""
    with session_lock(AT_WORK, task_id) as is_ours:
        if not is_ours:
            return
        task = CloseTask.objects.select_related("run__period", "run__entity", "owner").get(
            pk=task_id
        )
        if task.status != TaskStatus.SUBMITTED:
            return
        attempt = task.attempts.order_by("-number").first()
        requests = requests_of(attempt)
        refused = [request for request in requests if request.status in _REFUSED]
        if refused:
            return_task(task_id, refused)
        elif all(request.status == RequestStatus.APPROVED for request in requests):
            handler: Handler = handler_named(task.handler)
            _work(attempt, handler.settle or _nothing_left, complete_settled)


def note_decision(*, request_id: int) -> None:
    """An approval request ended: settle the tasks that wait for it, or for one it replaced."""
    ended = Request.objects.filter(pk=request_id)
    waiting = TaskApproval.objects.filter(
        request__subject_type__in=ended.values("subject_type"),
        request__subject_id__in=ended.values("subject_id"),
        task__status=TaskStatus.SUBMITTED,
    ).values_list("task_id", flat=True)
    for task_id in waiting:
        settle_task(task_id=task_id)


def resume_interrupted() -> list[int]:
    """Queue again what a dead process left: tasks in progress, or ready, that nobody works on.

    Also settles tasks whose decision was made while nobody listened.

    Returns:
        Ids of the tasks that were queued again.
    """
    lost_before = timezone.now() - _LOST_AFTER
    at_work = _with_handler(TaskStatus.IN_PROGRESS).values_list("pk", flat=True)
    ready = _with_handler(TaskStatus.READY).filter(changed_at__lt=lost_before)
    submitted = CloseTask.objects.filter(status=TaskStatus.SUBMITTED)
    resumed = [pk for pk in at_work if not is_held(AT_WORK, pk) and interrupt_task(pk)]
    for task_id in ready.values_list("pk", flat=True):
        if not is_held(AT_WORK, task_id) and queue_again(task_id):
            resumed.append(task_id)
    for task_id in submitted.values_list("pk", flat=True):
        settle_task(task_id=task_id)
    return resumed


@transaction.atomic
def retry_task(*, task_id: int, actor: User) -> CloseTask:
    """Give a failed, returned or stale task another try; its attempts stay on record.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it neither failed nor was returned, nor is it stale.
    """
    task = visible_task_for_update(task_id, actor=actor)
    authorize(actor, RETRY_TASK, entity_id=task.run.entity_id)
    if task.status == TaskStatus.STALE:
        redo_task(task, actor=actor)
        start_next(task)
        return task
    if task.status not in {TaskStatus.FAILED, TaskStatus.RETURNED}:
        raise IllegalMove("Only a task that failed, was returned or is stale can be retried.")
    advance_task(task, TaskStatus.READY, actor=actor, action="close.task.retry", note="")
    if task.handler:
        queue_task(task)
    start_next(task)
    return task


@transaction.atomic
def complete_task(
    *, task_id: int, comment: str, actor: User, expected_version: int | None = None
) -> CloseTask:
    """Tick off a manual task that is ready, with a word about what was done.

    Raises:
        NotVisible, NotPermitted, NotTheOwner: not this actor.
        TaskIsAutomated: its handler does it.
        CommentMissing: nothing said.
        IllegalMove: not its turn, or done already.
    """
    task = visible_task_for_update(task_id, actor=actor)
    authorize(actor, COMPLETE_TASK, entity_id=task.run.entity_id)
    if task.handler:
        raise TaskIsAutomated
    if task.owner_role not in actor.roles_on(task.run.entity_id):
        raise NotTheOwner(f"This task is done by a {task.owner_role}.")
    require_version(task, expected_version)
    if not comment.strip():
        raise CommentMissing(field="comment")
    require_move(task, to=TaskStatus.IN_PROGRESS, moves=TASK_MOVES)
    task.status = TaskStatus.IN_PROGRESS
    task.started_at = task.started_at or timezone.now()
    task.completed_by = actor
    advance_task(
        task, TaskStatus.COMPLETED, actor=actor, action="close.task.complete", note=comment
    )
    start_next(task)
    return task


# Superseded counts only where no request about the same subject took its place.
_REFUSED = frozenset(
    {
        RequestStatus.REJECTED,
        RequestStatus.RETURNED,
        RequestStatus.WITHDRAWN,
        RequestStatus.EXPIRED,
        RequestStatus.SUPERSEDED,
        RequestStatus.REVOKED,
    }
)


def _with_handler(status: TaskStatus) -> QuerySet[CloseTask]:
    return CloseTask.objects.filter(status=status, run__status="open").exclude(handler="")


def _work(attempt: TaskAttempt, work: Work, finish: Callable[[int, TaskResult], None]) -> None:
    """Call the handler; whatever happens, the attempt's end is written down."""
    context = _context(attempt)
    try:
        result = work(context)
        finish(attempt.pk, result)
    except Refusal as refusal:
        fail_attempt(attempt.pk, refusal.code, refusal.words)
    except BaseException as error:  # a worker told to stop, too: nobody has to wait for the beat
        fail_attempt(attempt.pk, "INTERNAL_ERROR", f"The task broke off ({type(error).__name__}).")
        raise


def _context(attempt: TaskAttempt) -> TaskContext:
    task = attempt.task
    actor = system_user()
    return TaskContext(
        task=task,
        entity=task.run.entity,
        period=task.run.period,
        parameters=task.parameters,
        actor=actor,
        preparer=task.owner or task.run.opened_by,
        requests=tuple(attempt.approvals.values_list("request_id", flat=True)),
    )


def _nothing_left(context: TaskContext) -> TaskResult:
    """The approvals were all that the task waited for."""
    return TaskResult()

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
from apps.audit.services import record
from apps.close.errors import CommentMissing, NotTheOwner, TaskIsAutomated
from apps.close.locks import AT_WORK, task_for_update, visible_task_for_update
from apps.close.models import CloseTask, TaskApproval, TaskAttempt
from apps.close.permissions import COMPLETE_TASK, RETRY_TASK
from apps.close.registry import Handler, TaskContext, TaskResult, Work, handler_named
from apps.close.states import MOST_INTERRUPTIONS, TASK_MOVES, AttemptStatus, TaskStatus
from apps.common.access import authorize
from apps.common.advisory import is_held, session_lock
from apps.common.errors import IllegalMove, Refusal
from apps.common.transitions import advance, require_move, require_version
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.operations.services import enqueue

logger = structlog.get_logger(__name__)


def run_task(*, task_id: int) -> None:
    """Carry out a ready task that has a handler; a no-op if it is not its turn or taken.

    A refusal of the handler fails the task with its message; anything else that goes wrong fails
    it as an internal error and is raised again for the log.
    """
    with session_lock(AT_WORK, task_id) as is_ours:
        attempt = _begin_attempt(task_id) if is_ours else None
        if attempt is None:
            return
        logger.info("task_begun", task=attempt.task.key, attempt=attempt.number)
        _work(attempt, handler_named(attempt.task.handler).run, _finish_attempt)


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
        requests = _requests_of(attempt)
        if any(request.status in _REFUSED for request in requests):
            _return_task(task_id, requests)
        elif all(request.status == RequestStatus.APPROVED for request in requests):
            handler: Handler = handler_named(task.handler)
            _work(attempt, handler.settle or _nothing_left, _complete_settled)


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
    resumed = []
    for task_id in _with_handler(TaskStatus.IN_PROGRESS).values_list("pk", flat=True):
        if not is_held(AT_WORK, task_id) and _interrupt(task_id):
            resumed.append(task_id)
    long_ready = timezone.now() - timedelta(seconds=30)
    for task_id in (
        _with_handler(TaskStatus.READY)
        .filter(changed_at__lt=long_ready)
        .values_list("pk", flat=True)
    ):
        if not is_held(AT_WORK, task_id) and _queue_again(task_id):
            resumed.append(task_id)
    for task_id in CloseTask.objects.filter(status=TaskStatus.SUBMITTED).values_list(
        "pk", flat=True
    ):
        settle_task(task_id=task_id)
    return resumed


@transaction.atomic
def retry_task(*, task_id: int, actor: User) -> CloseTask:
    """Give a failed or returned task another try; its attempts stay on record.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it neither failed nor was returned.
    """
    task = visible_task_for_update(task_id, actor=actor)
    authorize(actor, RETRY_TASK, entity_id=task.run.entity_id)
    if task.status not in {TaskStatus.FAILED, TaskStatus.RETURNED}:
        raise IllegalMove("Only a task that failed or was returned can be retried.")
    _advance(task, TaskStatus.READY, actor=actor, action="close.task.retry", note="")
    if task.handler:
        enqueue("apps.close.tasks.run_task", task_id=task.pk)
    enqueue("apps.close.tasks.start_ready", run_id=task.run_id)
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
    _advance(task, TaskStatus.COMPLETED, actor=actor, action="close.task.complete", note=comment)
    enqueue("apps.close.tasks.start_ready", run_id=task.run_id)
    return task


# Superseded counts only where no request about the same subject took its place.
_REFUSED = frozenset(
    {
        RequestStatus.REJECTED,
        RequestStatus.RETURNED,
        RequestStatus.WITHDRAWN,
        RequestStatus.SUPERSEDED,
    }
)


def _with_handler(status: TaskStatus) -> QuerySet[CloseTask]:
    return CloseTask.objects.filter(status=status, run__status="open").exclude(handler="")


@transaction.atomic
def _begin_attempt(task_id: int) -> TaskAttempt | None:
    """Count the attempt before the work; None if it is not the task's turn."""
    task = task_for_update(task_id)
    if task.status != TaskStatus.READY:
        return None
    task.started_at = task.started_at or timezone.now()
    number = task.attempts.count() + 1
    attempt = TaskAttempt.objects.create(task=task, number=number)
    _advance(task, TaskStatus.IN_PROGRESS, action="close.task.start", attempt=number)
    return attempt


def _work(attempt: TaskAttempt, work: Work, finish: Callable[[int, TaskResult], None]) -> None:
    """Call the handler; whatever happens, the attempt's end is written down."""
    context = _context(attempt)
    try:
        result = work(context)
        finish(attempt.pk, result)
    except Refusal as refusal:
        message = f"{refusal.message} {refusal.remedy}".strip()
        _fail_attempt(attempt.pk, refusal.code, message)
    except BaseException as error:
        _fail_attempt(attempt.pk, "INTERNAL_ERROR", f"The task broke off ({type(error).__name__}).")
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


@transaction.atomic
def _finish_attempt(attempt_id: int, result: TaskResult) -> None:
    attempt = _ours(attempt_id)
    if attempt is None:
        return
    attempt.status = AttemptStatus.SUCCEEDED
    attempt.summary = result.summary
    attempt.finished_at = timezone.now()
    attempt.save(update_fields=["status", "summary", "finished_at"])
    TaskApproval.objects.bulk_create(
        TaskApproval(task=attempt.task, attempt=attempt, request_id=request_id)
        for request_id in result.waits_for
    )
    task = attempt.task
    note = result.awaits or result.warning
    _advance(task, result.status, action=f"close.task.{_VERBS[result.status]}", note=note)
    if result.status == TaskStatus.SUBMITTED:
        enqueue("apps.close.tasks.settle", task_id=task.pk)  # a decision may be there already
    else:
        enqueue("apps.close.tasks.start_ready", run_id=task.run_id)


@transaction.atomic
def _complete_settled(attempt_id: int, result: TaskResult) -> None:
    attempt = TaskAttempt.objects.get(pk=attempt_id)
    task = task_for_update(attempt.task_id)
    if task.status != TaskStatus.SUBMITTED:
        return
    if result.status == TaskStatus.SUBMITTED:
        _note_what_is_awaited(task, result.awaits)
        return
    attempt.summary = {**attempt.summary, **result.summary}
    attempt.save(update_fields=["summary"])
    _advance(task, result.status, action=f"close.task.{_VERBS[result.status]}", note=result.warning)
    enqueue("apps.close.tasks.start_ready", run_id=task.run_id)


def _note_what_is_awaited(task: CloseTask, awaits: str) -> None:
    """Tell on the board what people still have to do; asked again and again, said once."""
    if task.note == awaits:
        return
    task.note = awaits
    task.version += 1
    task.save()
    record(
        actor=system_user(),
        action="close.task.wait",
        subject=task,
        entity_id=task.run.entity_id,
        awaits=awaits,
    )


_VERBS = {
    TaskStatus.COMPLETED: "complete",
    TaskStatus.COMPLETED_WITH_WARNING: "complete",
    TaskStatus.SUBMITTED: "submit",
}


@transaction.atomic
def _fail_attempt(attempt_id: int, code: str, message: str) -> None:
    attempt = TaskAttempt.objects.get(pk=attempt_id)
    task = task_for_update(attempt.task_id)
    if task.status not in {TaskStatus.IN_PROGRESS, TaskStatus.SUBMITTED}:
        return
    attempt.status = AttemptStatus.FAILED
    attempt.error_code, attempt.error_message = code, message
    attempt.finished_at = timezone.now()
    attempt.save(update_fields=["status", "error_code", "error_message", "finished_at"])
    _advance(task, TaskStatus.FAILED, action="close.task.fail", note=message, code=code)
    enqueue("apps.close.tasks.start_ready", run_id=task.run_id)


def _ours(attempt_id: int) -> TaskAttempt | None:
    """The attempt with its task locked, unless it was declared interrupted meanwhile (fencing)."""
    attempt = TaskAttempt.objects.get(pk=attempt_id)
    attempt.task = task_for_update(attempt.task_id)
    return attempt if attempt.status == AttemptStatus.RUNNING else None


@transaction.atomic
def _interrupt(task_id: int) -> bool:
    """Write down that the process died, and queue the task again unless it died too often."""
    task = task_for_update(task_id)
    if task.status != TaskStatus.IN_PROGRESS or is_held(AT_WORK, task_id):
        return False
    for attempt in task.attempts.filter(status=AttemptStatus.RUNNING):
        attempt.status = AttemptStatus.INTERRUPTED
        attempt.finished_at = timezone.now()
        attempt.save(update_fields=["status", "finished_at"])
    latest = list(task.attempts.order_by("-number").values_list("status", flat=True))
    if latest[:MOST_INTERRUPTIONS] == [AttemptStatus.INTERRUPTED] * MOST_INTERRUPTIONS:
        note = f"The worker died {MOST_INTERRUPTIONS} times in a row on this task."
        _advance(task, TaskStatus.FAILED, action="close.task.fail", note=note, code="POISON")
        enqueue("apps.close.tasks.start_ready", run_id=task.run_id)
        return False
    _advance(task, TaskStatus.READY, action="close.task.interrupt")
    enqueue("apps.close.tasks.run_task", task_id=task.pk)
    return True


@transaction.atomic
def _queue_again(task_id: int) -> bool:
    """A ready task whose message got lost (an emptied broker) is queued anew."""
    task = task_for_update(task_id)
    if task.status != TaskStatus.READY:
        return False
    task.save(update_fields=["changed_at"])
    record(
        actor=system_user(),
        action="close.task.requeue",
        subject=task,
        entity_id=task.run.entity_id,
    )
    enqueue("apps.close.tasks.run_task", task_id=task.pk)
    return True


def _requests_of(attempt: TaskAttempt) -> list[Request]:
    """The requests the attempt waits for; one superseded is replaced by its newest successor."""
    found = []
    for wait in attempt.approvals.select_related("request"):
        request = wait.request
        if request.status == RequestStatus.SUPERSEDED:
            request = (
                Request.objects.filter(
                    subject_type=request.subject_type, subject_id=request.subject_id
                )
                .order_by("-id")
                .first()
            )
        found.append(request)
    return found


@transaction.atomic
def _return_task(task_id: int, requests: list[Request]) -> None:
    task = task_for_update(task_id)
    if task.status != TaskStatus.SUBMITTED:
        return
    refused = [request for request in requests if request.status in _REFUSED]
    note = "; ".join(f"{request.title}: {request.get_status_display()}" for request in refused)
    _advance(task, TaskStatus.RETURNED, action="close.task.return", note=note)
    enqueue("apps.close.tasks.start_ready", run_id=task.run_id)


def _advance(
    task: CloseTask,
    status: TaskStatus,
    *,
    action: str,
    actor: User | None = None,
    note: str | None = None,
    **details: object,
) -> None:
    """Move the task, stamp it, save it, record it."""
    advance(task, to=status, moves=TASK_MOVES)
    if note is not None:
        task.note = note
    if task.is_done:
        task.completed_at = timezone.now()
    task.version += 1
    task.save()
    record(
        actor=actor or system_user(),
        action=action,
        subject=task,
        entity_id=task.run.entity_id,
        status=task.status,
        **details,
    )

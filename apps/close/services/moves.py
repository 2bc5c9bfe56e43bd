"""The moves of a task at work: under its lock, stamped, recorded, what comes next queued.

An attempt that was given up for dead meanwhile changes nothing any more (fencing).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from apps.approvals.models import Request
from apps.approvals.services import use_requests
from apps.approvals.states import RequestStatus
from apps.audit.services import record
from apps.close.locks import AT_WORK, task_for_update
from apps.close.models import CloseTask, TaskApproval, TaskAttempt
from apps.close.registry import TaskResult
from apps.close.states import MOST_INTERRUPTIONS, TASK_MOVES, AttemptStatus, TaskStatus
from apps.common.advisory import is_held
from apps.common.transitions import advance
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.operations.services import enqueue

_VERBS = {
    TaskStatus.COMPLETED: "complete",
    TaskStatus.COMPLETED_WITH_WARNING: "complete",
    TaskStatus.SUBMITTED: "submit",
}


@transaction.atomic
def begin_attempt(task_id: int) -> TaskAttempt | None:
    """Count the attempt before the work; None if it is not the task's turn."""
    task = task_for_update(task_id)
    if task.status != TaskStatus.READY:
        return None
    task.started_at = task.started_at or timezone.now()
    number = task.attempts.count() + 1
    attempt = TaskAttempt.objects.create(task=task, number=number)
    advance_task(task, TaskStatus.IN_PROGRESS, action="close.task.start", attempt=number)
    return attempt


@transaction.atomic
def finish_attempt(attempt_id: int, result: TaskResult) -> None:
    """The handler has done its work: the task is complete, or waits for approvals."""
    attempt = _locked(attempt_id)
    if attempt.status != AttemptStatus.RUNNING:
        return
    attempt.summary = result.summary
    _end(attempt, AttemptStatus.SUCCEEDED)
    TaskApproval.objects.bulk_create(
        TaskApproval(task=attempt.task, attempt=attempt, request_id=request_id)
        for request_id in result.waits_for
    )
    task = attempt.task
    note = result.awaits or result.warning
    advance_task(task, result.status, action=f"close.task.{_VERBS[result.status]}", note=note)
    if result.status == TaskStatus.SUBMITTED:
        enqueue("apps.close.tasks.settle", task_id=task.pk)  # a decision may be there already
    else:
        start_next(task)


@transaction.atomic
def complete_settled(attempt_id: int, result: TaskResult) -> None:
    """The approvals are in and the handler has looked again: complete, or more is awaited.

    Completing acts upon the approvals. If one was revoked at this moment, the task is left for
    whoever is told of that.

    Raises:
        ApproverTookPart, ApprovalOutgrown: an approval does not hold any more.
    """
    attempt = _locked(attempt_id)
    task = attempt.task
    if task.status != TaskStatus.SUBMITTED:
        return
    if result.status == TaskStatus.SUBMITTED:
        _note_what_is_awaited(task, result.awaits)
        return
    waited_for = [request.pk for request in requests_of(attempt)]
    if not use_requests(request_ids=waited_for, actor=system_user()):
        return
    attempt.summary = {**attempt.summary, **result.summary}
    attempt.save(update_fields=["summary"])
    note = result.warning
    advance_task(task, result.status, action=f"close.task.{_VERBS[result.status]}", note=note)
    start_next(task)


def requests_of(attempt: TaskAttempt) -> list[Request]:
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
def fail_attempt(attempt_id: int, code: str, message: str) -> None:
    """The work, or the look after the approvals, went wrong."""
    attempt = _locked(attempt_id)
    task = attempt.task
    is_given_up = attempt.status == AttemptStatus.INTERRUPTED
    if is_given_up or task.status not in {TaskStatus.IN_PROGRESS, TaskStatus.SUBMITTED}:
        return
    attempt.error_code, attempt.error_message = code, message
    _end(attempt, AttemptStatus.FAILED)
    advance_task(task, TaskStatus.FAILED, action="close.task.fail", note=message, code=code)
    start_next(task)


@transaction.atomic
def return_task(task_id: int, refused: Sequence[Request]) -> None:
    """Approvals that a submitted task waited for were refused."""
    task = task_for_update(task_id)
    if task.status != TaskStatus.SUBMITTED:
        return
    note = "; ".join(f"{request.title}: {request.get_status_display()}" for request in refused)
    advance_task(task, TaskStatus.RETURNED, action="close.task.return", note=note)
    start_next(task)


@transaction.atomic
def interrupt_task(task_id: int) -> bool:
    """Write down that the process died, and queue the task again unless it died too often."""
    task = task_for_update(task_id)
    if task.status != TaskStatus.IN_PROGRESS or is_held(AT_WORK, task_id):
        return False
    for attempt in task.attempts.filter(status=AttemptStatus.RUNNING):
        _end(attempt, AttemptStatus.INTERRUPTED)
    latest = list(task.attempts.order_by("-number").values_list("status", flat=True))
    if latest[:MOST_INTERRUPTIONS] == [AttemptStatus.INTERRUPTED] * MOST_INTERRUPTIONS:
        note = f"The worker died {MOST_INTERRUPTIONS} times in a row on this task."
        advance_task(task, TaskStatus.FAILED, action="close.task.fail", note=note, code="POISON")
        start_next(task)
        return False
    advance_task(task, TaskStatus.READY, action="close.task.interrupt")
    queue_task(task)
    return True


@transaction.atomic
def queue_again(task_id: int) -> bool:
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
    queue_task(task)
    return True


def advance_task(
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


def redo_task(task: CloseTask, *, actor: User | None = None) -> None:
    """A stale task waits for its turn as if it had not begun; its attempts stay on record."""
    task.started_at = task.completed_at = task.completed_by = None
    advance_task(task, TaskStatus.PENDING, action="close.task.redo", actor=actor, note="")


def queue_task(task: CloseTask) -> None:
    """Have a worker carry the task out, once the caller's transaction is committed."""
    enqueue("apps.close.tasks.run_task", task_id=task.pk)


def start_next(task: CloseTask) -> None:
    """See, once the caller's transaction is committed, which tasks of the run can go on."""
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


def _locked(attempt_id: int) -> TaskAttempt:
    """The attempt as it stands once its task is locked."""
    task = task_for_update(TaskAttempt.objects.values_list("task_id", flat=True).get(pk=attempt_id))
    attempt = TaskAttempt.objects.get(pk=attempt_id)
    attempt.task = task
    return attempt


def _end(attempt: TaskAttempt, status: AttemptStatus) -> None:
    attempt.status = status
    attempt.finished_at = timezone.now()
    attempt.save()

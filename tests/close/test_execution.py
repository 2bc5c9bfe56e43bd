"""Carrying tasks out: approvals waited for, crashes survived, nothing done twice."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction

from apps.approvals.errors import ApprovalUsed
from apps.approvals.services import (
    decide,
    define_policy,
    request_approval,
    revoke,
    supersede_requests,
)
from apps.close.errors import HandlerUnknown, TaskIsAutomated
from apps.close.locks import AT_WORK, task_for_update
from apps.close.models import CloseRun, CloseTask, TaskAttempt
from apps.close.registry import TaskResult, handler_named, register
from apps.close.services import (
    complete_task,
    note_decision,
    resume_interrupted,
    retry_task,
    run_task,
    settle_task,
)
from apps.close.services.moves import begin_attempt, finish_attempt, interrupt_task
from apps.common.advisory import session_lock
from apps.common.errors import IllegalMove, NotPermitted, NotVisible
from apps.operations.models import OutboxMessage
from tests.approvals.test_races import Call, race, sorted_out
from tests.close.conftest import Steps, deliver, states


@pytest.fixture
def asking(entity: Any, connie: Any, alice: Any, bob: Any, steps: Steps) -> None:
    """The task "bank" asks for an approval."""
    define_policy(
        entity_id=entity.pk,
        item_type="reconciliation",
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )

    def ask(context: Any) -> TaskResult:
        request = request_approval(
            entity_id=context.entity.pk,
            item_type="reconciliation",
            subject=context.task,
            subject_hash="c" * 64,
            title="Bank",
            url="/",
            maker=context.preparer,
            actor=context.actor,
            notify_task="apps.close.tasks.note_decision",
        )
        assert request is not None
        return TaskResult(summary={"rows": 1}, waits_for=(request.pk,))

    steps.by_key["bank"] = ask


def bank_of(run: CloseRun) -> CloseTask:
    return CloseTask.objects.get(run=run, key="bank")


def verdict_on(task: CloseTask, actor: Any, verdict: str) -> None:
    request = task.approvals.get().request
    decide(
        request_id=request.pk,
        verdict=verdict,
        comment="seen",
        attested=True,
        expected_version=request.version,
        actor=actor,
    )


def test_a_task_waits_for_its_approval_and_goes_on_with_it(
    asking: None, run: CloseRun, steps: Steps, bob: Any
) -> None:
    steps.settled["bank"] = lambda context: TaskResult(
        summary={"acted_on": list(context.requests)}, warning="one item is old"
    )
    deliver()
    assert states(run)["bank"] == "submitted"
    settle_task(task_id=bank_of(run).pk)
    assert states(run)["bank"] == "submitted"
    verdict_on(bank_of(run), bob, "approve")
    deliver()
    task = bank_of(run)
    assert (task.status, task.note) == ("completed_with_warning", "one item is old")
    assert set(task.attempts.get().summary) == {"rows", "acted_on"}
    assert states(run)["review"] == "ready"
    settle_task(task_id=task.pk)
    assert task.attempts.count() == 1


def test_a_returned_approval_returns_the_task_and_a_retry_asks_again(
    asking: None, run: CloseRun, bob: Any, alice: Any
) -> None:
    deliver()
    verdict_on(bank_of(run), bob, "return")
    deliver()
    task = bank_of(run)
    assert (task.status, task.note) == ("returned", "Bank: Returned for changes")
    retry_task(task_id=task.pk, actor=alice)
    deliver()
    assert states(run)["bank"] == "submitted"
    assert task.approvals.count() == 2


def test_a_task_whose_subject_no_longer_stands_is_returned(
    asking: None, run: CloseRun, bob: Any, system: Any
) -> None:
    deliver()
    supersede_requests(subject=bank_of(run), actor=system)
    deliver()
    task = bank_of(run)
    assert (task.status, task.note) == ("returned", "Bank: Superseded by a newer version")


def test_a_task_waits_for_the_request_that_took_the_place_of_its_own(
    asking: None, run: CloseRun, alice: Any, bob: Any
) -> None:
    deliver()
    first = bank_of(run).approvals.get().request
    newer = request_approval(
        entity_id=first.entity_id,
        item_type=first.item_type,
        subject=bank_of(run),
        subject_hash="d" * 64,
        title="Bank, once more",
        url="/",
        maker=alice,
        actor=alice,
        notify_task="apps.close.tasks.note_decision",
    )
    deliver()
    assert states(run)["bank"] == "submitted"
    assert newer is not None
    decide(
        request_id=newer.pk,
        verdict="approve",
        comment="seen",
        attested=True,
        expected_version=newer.version,
        actor=bob,
    )
    deliver()
    assert states(run)["bank"] == "completed"


def test_an_approval_revoked_before_the_task_went_on_returns_it(
    asking: None, run: CloseRun, bob: Any
) -> None:
    deliver()
    verdict_on(bank_of(run), bob, "approve")
    request = bank_of(run).approvals.get().request
    revoke(request_id=request.pk, reason="wrong file", actor=bob)
    deliver()
    task = bank_of(run)
    assert (task.status, task.note) == ("returned", "Bank: Revoked")


def test_an_approval_revoked_while_the_task_goes_on_leaves_it_for_whoever_is_told(
    asking: None, run: CloseRun, steps: Steps, bob: Any
) -> None:
    """After the task saw the approval, and before it took it."""
    deliver()
    request = bank_of(run).approvals.get().request

    def meanwhile(context: Any) -> TaskResult:
        revoke(request_id=request.pk, reason="wrong file", actor=bob)
        return TaskResult()

    steps.settled["bank"] = meanwhile
    verdict_on(bank_of(run), bob, "approve")
    settle_task(task_id=bank_of(run).pk)
    assert states(run)["bank"] == "submitted"
    deliver()
    assert states(run)["bank"] == "returned"


def test_a_completed_task_has_acted_upon_its_approval(
    asking: None, run: CloseRun, bob: Any
) -> None:
    deliver()
    verdict_on(bank_of(run), bob, "approve")
    deliver()
    assert states(run)["bank"] == "completed"
    request = bank_of(run).approvals.get().request
    with pytest.raises(ApprovalUsed):
        revoke(request_id=request.pk, reason="wrong file", actor=bob)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [2, 8])
def test_a_task_goes_on_or_its_approval_is_revoked(
    asking: None, run: CloseRun, bob: Any, size: int
) -> None:
    deliver()
    task = bank_of(run)
    verdict_on(task, bob, "approve")
    request = task.approvals.get().request
    half = size // 2
    settle: Call = lambda: settle_task(task_id=task.pk)  # noqa: E731
    take_back: Call = lambda: revoke(request_id=request.pk, reason="x", actor=bob)  # noqa: E731
    sorted_out(race([*[settle] * half, *[take_back] * half]))
    settle()
    request.refresh_from_db()
    expected = "returned" if request.status == "revoked" else "completed"
    assert states(run)["bank"] == expected


def test_a_decision_nobody_listened_to_is_found_by_the_sweep(
    asking: None, run: CloseRun, bob: Any
) -> None:
    deliver()
    verdict_on(bank_of(run), bob, "approve")
    OutboxMessage.objects.filter(delivered_at=None).delete()
    resume_interrupted()
    assert states(run)["bank"] == "completed"


def test_a_decision_on_something_else_disturbs_nothing(run: CloseRun) -> None:
    note_decision(request_id=12345)
    assert states(run)["collect"] == "pending"


def test_what_breaks_off_fails_the_task_and_is_raised_for_the_log(
    run: CloseRun, steps: Steps
) -> None:
    steps.by_key["collect"] = lambda context: 1 / 0  # type: ignore[return-value]
    deliver()
    task = CloseTask.objects.get(run=run, key="collect")
    attempt = task.attempts.get()
    assert (task.status, attempt.error_code) == ("failed", "INTERNAL_ERROR")
    assert "ZeroDivisionError" in attempt.error_message


def test_a_second_delivery_does_nothing(run: CloseRun, steps: Steps) -> None:
    deliver()
    run_task(task_id=bank_of(run).pk)
    assert steps.calls.count("bank") == 1


def test_what_a_dead_worker_left_is_taken_up_and_three_deaths_are_enough(
    run: CloseRun, steps: Steps
) -> None:
    from apps.close.services import start_ready_tasks

    start_ready_tasks(run_id=run.pk)
    task = CloseTask.objects.get(run=run, key="collect")
    for death in range(1, 4):
        OutboxMessage.objects.all().delete()
        assert begin_attempt(task.pk) is not None  # and then the process dies
        resumed = resume_interrupted()
        assert resumed == ([task.pk] if death < 3 else [])
    task.refresh_from_db()
    assert task.status == "failed"
    assert "died 3 times" in task.note
    assert steps.calls == []
    assert set(task.attempts.values_list("status", flat=True)) == {"interrupted"}


def test_a_worker_that_was_given_up_cannot_finish_any_more(run: CloseRun, steps: Steps) -> None:
    """Fencing: it was believed dead, its task was queued again, and now it wakes."""
    from apps.close.services import start_ready_tasks

    start_ready_tasks(run_id=run.pk)

    def sleepy(context: Any) -> TaskResult:
        TaskAttempt.objects.filter(task=context.task).update(status="interrupted")
        CloseTask.objects.filter(pk=context.task.pk).update(status="ready")
        return TaskResult(summary={"rows": 99})

    steps.by_key["collect"] = sleepy
    task = CloseTask.objects.get(run=run, key="collect")
    run_task(task_id=task.pk)
    task.refresh_from_db()
    assert task.status == "ready"
    assert task.attempts.get().summary == {}


def test_what_goes_wrong_in_a_worker_that_was_given_up_fails_nothing(
    run: CloseRun, steps: Steps
) -> None:
    """Another worker has the task by then, and its work counts."""
    from apps.close.services import start_ready_tasks

    start_ready_tasks(run_id=run.pk)
    task = CloseTask.objects.get(run=run, key="collect")

    def sleepy(context: Any) -> TaskResult:
        TaskAttempt.objects.filter(task=task).update(status="interrupted")
        CloseTask.objects.filter(pk=task.pk).update(status="ready")
        assert begin_attempt(task.pk) is not None
        raise NotVisible

    steps.by_key["collect"] = sleepy
    run_task(task_id=task.pk)
    task.refresh_from_db()
    assert task.status == "in_progress"
    statuses = task.attempts.order_by("number").values_list("status", flat=True)
    assert list(statuses) == ["interrupted", "running"]


def wait_until_somebody_waits_for_us() -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_fenced_by_what_was_decided_while_it_waited_for_the_lock(
    run: CloseRun,
) -> None:
    """It asks to finish while somebody holds the task and gives its attempt up."""
    from apps.close.services import start_ready_tasks

    start_ready_tasks(run_id=run.pk)
    task = CloseTask.objects.get(run=run, key="collect")
    attempt = begin_attempt(task.pk)
    assert attempt is not None
    holding = threading.Event()

    def give_up() -> None:
        try:
            with transaction.atomic():
                task_for_update(task.pk)
                holding.set()
                wait_until_somebody_waits_for_us()
                interrupt_task(task.pk)
        finally:
            connection.close()

    thread = threading.Thread(target=give_up)
    thread.start()
    assert holding.wait(timeout=20)
    finish_attempt(attempt.pk, TaskResult(summary={"rows": 99}))
    thread.join(timeout=20)
    task.refresh_from_db()
    assert task.status == "ready"
    assert task.attempts.get().summary == {}


def test_a_ready_task_whose_message_was_lost_is_queued_again(run: CloseRun) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from apps.close.services import start_ready_tasks

    start_ready_tasks(run_id=run.pk)
    OutboxMessage.objects.all().delete()
    assert resume_interrupted() == []
    CloseTask.objects.filter(run=run, key="collect").update(
        changed_at=timezone.now() - timedelta(minutes=1)
    )
    assert resume_interrupted() == [CloseTask.objects.get(run=run, key="collect").pk]
    assert OutboxMessage.objects.get().task == "apps.close.tasks.run_task"


@pytest.mark.parametrize(
    ("who", "refusal"), [("otto", NotPermitted), ("charlie", NotVisible), ("alice", IllegalMove)]
)
def test_who_may_not_retry(
    request: pytest.FixtureRequest, run: CloseRun, table_counts: Any, who: str, refusal: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        retry_task(task_id=bank_of(run).pk, actor=actor)
    assert table_counts() == before


def test_an_automated_task_is_not_ticked_off_by_hand(run: CloseRun, alice: Any) -> None:
    with pytest.raises(TaskIsAutomated):
        complete_task(task_id=bank_of(run).pk, comment="done", actor=alice)


def test_handlers_are_known_by_name(steps: Steps) -> None:
    with pytest.raises(HandlerUnknown, match="no handler 'nothing"):
        handler_named("nothing.like_it")
    with pytest.raises(ValueError, match="twice"):
        register("test.steps", steps.run)


@pytest.mark.django_db(transaction=True)
def test_eight_workers_given_one_task_carry_it_out_once(run: CloseRun, steps: Steps) -> None:
    from apps.close.services import start_ready_tasks

    start_ready_tasks(run_id=run.pk)
    task = CloseTask.objects.get(run=run, key="collect")
    barrier = threading.Barrier(8)

    def work() -> None:
        try:
            barrier.wait(timeout=20)
            run_task(task_id=task.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert steps.calls == ["collect"]
    assert task.attempts.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_task_held_by_a_living_process_is_left_alone(run: CloseRun, steps: Steps) -> None:
    from apps.close.services import start_ready_tasks

    start_ready_tasks(run_id=run.pk)
    task = CloseTask.objects.get(run=run, key="collect")
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with session_lock(AT_WORK, task.pk) as is_ours:
                assert is_ours
                begin_attempt(task.pk)
                holding.set()
                done.wait(timeout=20)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(timeout=20)
    run_task(task_id=task.pk)
    settle_task(task_id=task.pk)
    assert resume_interrupted() == []
    done.set()
    thread.join(timeout=20)
    assert steps.calls == []
    assert resume_interrupted() == [task.pk]  # it let go without finishing

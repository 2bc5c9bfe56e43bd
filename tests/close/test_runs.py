"""Opening a run, and tasks that start as their turn comes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.audit.models import Event
from apps.close.errors import RunAlreadyOpen, TemplateInvalid
from apps.close.models import CloseRun, CloseTask, CloseTemplate
from apps.close.selectors import progress, tasks_of
from apps.close.services import (
    complete_task,
    define_template,
    open_run,
    retry_task,
    start_ready_tasks,
)
from apps.close.states import RunStatus
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal
from tests.close.conftest import PLAN, Steps, deliver, planned, states


def test_opening_a_run_plans_owners_and_deadlines(run: CloseRun, alice: Any, rita: Any) -> None:
    tasks = {task.key: task for task in tasks_of(run.pk)}
    assert [task.key for task in tasks_of(run.pk)] == [task["id"] for task in PLAN]
    assert (tasks["collect"].owner, tasks["review"].owner) == (alice, rita)
    # The period ends on Sunday 30 April 2023; one business day later is Monday, 17:00 Amsterdam.
    assert tasks["lock"].due_at == datetime(2023, 5, 1, 15, 0, tzinfo=UTC)
    assert Event.objects.filter(action="close.run.open", subject_id=str(run.pk)).exists()


def test_a_run_goes_through_its_tasks_in_order(run: CloseRun, rita: Any, steps: Steps) -> None:
    deliver()
    assert states(run) == {
        "collect": "completed",
        "bank": "completed",
        "erp": "completed",
        "review": "ready",
        "approve": "pending",
        "lock": "pending",
    }
    review = CloseTask.objects.get(run=run, key="review")
    complete_task(task_id=review.pk, comment="Looked at all of it.", actor=rita)
    deliver()
    run.refresh_from_db()
    assert run.status == RunStatus.COMPLETED
    assert steps.calls == ["collect", "bank", "erp", "approve", "lock"]
    assert progress(tasks_of(run.pk)).is_complete


def test_starting_again_changes_nothing(run: CloseRun, table_counts: Any) -> None:
    deliver()
    before = table_counts()
    assert start_ready_tasks(run_id=run.pk) == []
    assert table_counts() == before


def test_a_failed_task_blocks_what_hangs_on_it_and_nothing_else(
    run: CloseRun, steps: Steps, alice: Any
) -> None:
    def refuse(context: Any) -> Any:
        raise Refusal("The statement does not tie.", remedy="Ask the bank for it again.")

    steps.by_key["bank"] = refuse
    deliver()
    assert states(run)["bank"] == "failed"
    assert states(run)["erp"] == "completed"
    blocked = CloseTask.objects.get(run=run, key="lock")
    assert (blocked.status, blocked.note) == ("blocked", "Blocked by: Bank")
    bank = CloseTask.objects.get(run=run, key="bank")
    assert bank.note == "The statement does not tie. Ask the bank for it again."
    del steps.by_key["bank"]
    retry_task(task_id=bank.pk, actor=alice)
    deliver()
    assert states(run) | {"review": "ready", "lock": "pending"} == states(run)
    assert list(bank.attempts.values_list("status", flat=True)) == ["failed", "succeeded"]


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("alice", NotPermitted),
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("victor", NotVisible),
        ("charlie", NotVisible),
        ("connie", RunAlreadyOpen),
    ],
)
def test_who_may_not_open_a_run_and_nothing_changes(
    request: pytest.FixtureRequest,
    run: CloseRun,
    template: CloseTemplate,
    period: Any,
    table_counts: Any,
    who: str,
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        open_run(template_id=template.pk, period_id=period.pk, actor=actor)
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "comment", "refusal"),
    [
        ("alice", "done", NotPermitted),
        ("charlie", "done", NotVisible),
        ("system", "done", NotPermitted),
        ("rita", " ", Refusal),
    ],
)
def test_who_may_not_tick_off_a_manual_task(
    request: pytest.FixtureRequest,
    run: CloseRun,
    table_counts: Any,
    who: str,
    comment: str,
    refusal: type[Refusal],
) -> None:
    deliver()
    review = CloseTask.objects.get(run=run, key="review")
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        complete_task(task_id=review.pk, comment=comment, actor=actor)
    assert table_counts() == before
    assert states(run)["review"] == "ready"


def test_a_task_whose_turn_has_not_come_cannot_be_ticked_off(run: CloseRun, rita: Any) -> None:
    review = CloseTask.objects.get(run=run, key="review")
    with pytest.raises(IllegalMove, match="is pending"):
        complete_task(task_id=review.pk, comment="done", actor=rita)


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([], "at least one task"),
        ([planned("a", "b"), planned("b", "a")], "a → b → a"),
        ([planned("a", "nowhere")], "nowhere"),
        ([planned("a"), planned("a")], "'a' is defined more than once"),
        ([planned("a", handler="")], "needs a handler"),
        ([planned("a", owner_role="king")], "owner_role is no role"),
        ([planned("a", duration_estimate=True)], "duration_estimate has the wrong type"),
        ([planned("a", surprise=1)], "surprise is not known"),
        ([{"id": "a"}], "automation is missing"),
        ([planned("a", deadline="soon")], "Task 1"),
        ([planned("b"), planned("a", {"predecessor": "b", "kind": "sideways"})], "Task 2"),
        ([planned("b"), planned("a", {"kind": "finish_start"})], "Task 2"),
    ],
)
def test_a_template_that_is_no_plan_is_refused_with_its_place(
    entity: Any, connie: Any, table_counts: Any, tasks: list[Any], words: str
) -> None:
    before = table_counts()
    with pytest.raises(TemplateInvalid, match=words):
        define_template(entity_id=entity.pk, code="m", name="M", tasks=tasks, actor=connie)
    assert table_counts() == before


def test_a_changed_template_gets_a_new_version_and_an_equal_one_does_not(
    template: CloseTemplate, entity: Any, connie: Any
) -> None:
    def again(tasks: list[Any]) -> CloseTemplate:
        return define_template(
            entity_id=entity.pk, code="month", name="Month end", tasks=tasks, actor=connie
        )

    assert again(PLAN).version == 1
    assert again(PLAN[:1]).version == 2
    linked = {"predecessor": "collect", "kind": "start_start", "lag_minutes": 5, "is_hard": False}
    assert again([planned("collect"), planned("late", linked)]).version == 3

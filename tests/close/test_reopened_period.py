"""A period is reopened after its close: what followed its books is stale, and done again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.approvals.services import define_policy
from apps.audit.models import Event
from apps.close.models import CloseRun, CloseTask
from apps.close.services import complete_task, define_template, open_run, retry_task
from apps.close.services.reopened import tasks_upon
from apps.common.errors import IllegalMove
from apps.ledger.models import Period, PeriodReopening
from apps.ledger.registry import resting_on
from apps.ledger.services import end_reopening, propose_reopening, reopen_period
from tests.close.conftest import Steps, deliver, planned, states
from tests.ledger.conftest import approve_both

PLAN = [
    planned("collect"),
    planned("tie", "collect", handler="ledger.trial_balance"),
    planned("report", "tie"),
    planned("lock", "report", handler="ledger.lock_period"),
    planned("file", "lock"),
    planned("sign", "file", automation=False, owner_role="controller", handler=""),
]


@pytest.fixture
def close(entity: Any, period: Any, steps: Steps, connie: Any) -> CloseRun:
    """A close of April, done to its end."""
    template = define_template(
        entity_id=entity.pk, code="month", name="Month end", tasks=PLAN, actor=connie
    )
    run = open_run(template_id=template.pk, period_id=period.pk, actor=connie)
    deliver()
    sign(run, connie)
    run.refresh_from_db()
    assert run.status == "completed"
    return run


def sign(run: CloseRun, actor: Any) -> None:
    complete_task(task_id=task(run, "sign").pk, comment="Unaffected.", actor=actor)
    deliver()


def task(run: CloseRun, key: str) -> CloseTask:
    return CloseTask.objects.get(run=run, key=key)


@pytest.fixture
def reopened(close: CloseRun, entity: Any, person: Any, connie: Any) -> PeriodReopening:
    """April, reopened after the close."""
    define_policy(
        entity_id=entity.pk,
        item_type="period_reopening",
        stages=[{"role": "approver", "count": 2}],
        actor=connie,
    )
    approvers = [person(name, "approver", on=entity) for name in ("bob", "beth")]
    asked = propose_reopening(
        period_id=close.period_id,
        reason="Late fee.",
        kinds=["adjustment"],
        expires_at=timezone.now() + timedelta(days=1),
        actor=connie,
    )
    approve_both(asked, *approvers)
    return reopen_period(reopening_id=asked.pk, actor=connie)


def test_it_is_told_before(close: CloseRun) -> None:
    (told,) = tasks_upon(close.period)
    assert told.what == "Close of 2023-04"
    assert told.effect.endswith("done again when the period is closed: Tie, Lock, File, Sign")
    assert told.url == f"/close/runs/{close.pk}/"
    assert told in resting_on(close.period)


def test_a_period_without_a_close_has_nothing_upon_it(period: Period) -> None:
    assert tasks_upon(period) == []


def test_what_followed_the_books_is_stale_and_the_close_open(
    close: CloseRun, reopened: PeriodReopening
) -> None:
    close.refresh_from_db()
    assert (close.status, close.completed_at) == ("open", None)
    assert states(close) == {
        "collect": "completed",
        "tie": "stale",
        "report": "completed",
        "lock": "stale",
        "file": "stale",
        "sign": "stale",
    }
    assert task(close, "lock").note.startswith("Reopening 1 of 2023-04: to be done again")
    assert Event.objects.filter(action="close.task.stale").count() == 4
    assert Event.objects.get(action="close.run.reopen").details == {"reopening": reopened.pk}
    deliver()
    assert states(close)["tie"] == "stale"  # it waits for the period to be closed


def test_closed_again_it_is_done_again_and_people_say_so_anew(
    close: CloseRun, reopened: PeriodReopening, steps: Steps, connie: Any
) -> None:
    steps.calls.clear()
    end_reopening(reopening_id=reopened.pk, actor=connie)
    deliver()
    assert states(close) == {
        "collect": "completed",
        "tie": "completed",
        "report": "completed",
        "lock": "completed",
        "file": "completed",
        "sign": "ready",
    }
    assert steps.calls == ["file"]
    assert [one.number for one in task(close, "lock").attempts.all()] == [1, 2]
    sign(close, connie)
    close.refresh_from_db()
    assert close.status == "completed"
    assert Event.objects.filter(action="close.run.complete").count() == 2


def test_a_stale_task_can_be_done_again_before_and_the_lock_closes_the_period(
    close: CloseRun, reopened: PeriodReopening, connie: Any
) -> None:
    retry_task(task_id=task(close, "lock").pk, actor=connie)
    deliver()
    reopened.refresh_from_db()
    assert (reopened.status, reopened.ended_how) == ("ended", "closed")
    assert Period.objects.get(pk=close.period_id).status == "hard_closed"
    assert states(close) == {
        "collect": "completed",
        "tie": "completed",
        "report": "completed",
        "lock": "completed",
        "file": "completed",
        "sign": "ready",
    }


def test_what_is_done_is_not_retried(close: CloseRun, connie: Any, table_counts: Any) -> None:
    before = table_counts()
    with pytest.raises(IllegalMove, match="failed, was returned or is stale"):
        retry_task(task_id=task(close, "lock").pk, actor=connie)
    assert table_counts() == before


def test_a_close_that_is_not_done_keeps_what_was_not(
    entity: Any, close: CloseRun, reopened: PeriodReopening, connie: Any
) -> None:
    """Opened again while some of it waits: only what was done becomes stale."""
    end_reopening(reopening_id=reopened.pk, actor=connie)
    deliver()
    assert states(close)["sign"] == "ready"
    (told,) = tasks_upon(close.period)
    assert told.effect.endswith(": Tie, Lock, File")

"""The code of docs/how-to/add-a-close-task-handler.md runs as it stands there."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apps.close import registry
from apps.close.models import CloseTask, CloseTemplate
from apps.close.registry import TaskContext
from apps.close.services import define_template, open_run
from apps.identity.models import User
from apps.ledger.fiscal import MonthCalendar
from apps.ledger.services import (
    LineDraft,
    define_account,
    define_calendar,
    draft_entry,
    open_period,
)
from tests.docs.test_pages import FENCE

pytestmark = pytest.mark.django_db


@pytest.fixture
def blocks(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The page's Python; what it registers is forgotten afterwards."""
    monkeypatch.setattr(registry, "_HANDLERS", dict(registry._HANDLERS))
    page = (root / "docs/how-to/add-a-close-task-handler.md").read_text("utf-8")
    return [code for language, code in FENCE.findall(page) if language == "python"]


@pytest.fixture
def registered(blocks: list[str]) -> dict[str, Any]:
    names: dict[str, Any] = {"register": registry.register}
    for code in blocks[:2]:
        exec(code, names)
    return names


@pytest.fixture
def period(entity: Any, connie: Any) -> Any:
    define_calendar(
        entity_id=entity.pk, name="Months", rule=MonthCalendar(), year=2023, actor=connie
    )
    return open_period(entity_id=entity.pk, name="2023-04", actor=connie)


def step(key: str, *after: str) -> dict[str, Any]:
    return {
        "id": key,
        "name": key,
        "dependencies": list(after),
        "automation": False,
        "duration_estimate": 5,
        "owner_role": "preparer",
    }


@pytest.fixture
def carla(person: Any, entity: Any) -> User:
    made: User = person("carla.controller", "controller", on=entity)
    return made


@pytest.fixture
def task(registered: Any, blocks: list[str], period: Any, carla: User, alice: Any) -> CloseTask:
    """The page's task in a close that was opened with the page's template."""
    define_template(
        entity_id=period.entity_id,
        code="monthly_financial_close",
        name="Month",
        tasks=[step("adjusting_entries"), step("final_trial_balance", "adjusting_entries")],
        actor=carla,
    )
    exec(blocks[2], {})
    template = CloseTemplate.objects.get()
    run = open_run(template_id=template.pk, period_id=period.pk, actor=carla)
    return run.tasks.get(key="no_drafts")


def context_of(task: CloseTask, system: Any, preparer: Any) -> TaskContext:
    return TaskContext(
        task=task,
        entity=task.run.entity,
        period=task.run.period,
        parameters=task.parameters,
        actor=system,
        preparer=preparer,
    )


def test_the_template_gets_the_task_and_a_new_version(task: CloseTask) -> None:
    assert task.handler == "ledger.require_no_drafts"
    assert task.run.template_version == 2
    last = task.run.tasks.get(key="final_trial_balance")
    assert task in [link.predecessor for link in last.dependencies.all()]


def test_without_drafts_it_says_so(task: CloseTask, system: Any, alice: Any) -> None:
    handler = registry.handler_named(task.handler)

    assert handler.run(context_of(task, system, alice)).summary == {"drafts": 0}


def test_a_draft_is_refused(task: CloseTask, registered: Any, system: Any, alice: Any) -> None:
    entity_id = task.run.entity_id
    for code, account_type, balance in (
        ("1000", "asset", "debit"),
        ("4000", "revenue", "credit"),
    ):
        define_account(
            entity_id=entity_id,
            code=code,
            name=code,
            account_type=account_type,
            normal_balance=balance,
            actor=User.objects.get(username="carla.controller"),
        )
    draft_entry(
        entity_id=entity_id,
        posted_on=date(2023, 4, 3),
        description="Not finished",
        kind="manual",
        lines=[
            LineDraft(account="1000", debit=Decimal(5), credit=Decimal(0), currency="EUR"),
            LineDraft(account="4000", debit=Decimal(0), credit=Decimal(5), currency="EUR"),
        ],
        actor=alice,
    )
    handler = registry.handler_named(task.handler)

    with pytest.raises(registered["DraftsLeft"], match="1 drafts are left in 2023-04"):
        handler.run(context_of(task, system, alice))

"""A small close to work with: six tasks, a period, and handlers that a test can steer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from importlib import import_module
from typing import Any

import pytest

from apps.close import registry
from apps.close.models import CloseRun, CloseTask
from apps.close.registry import TaskContext, TaskResult
from apps.close.services import define_template, open_run
from apps.operations.models import OutboxMessage


def planned(key: str, *after: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": key,
        "name": key.capitalize(),
        "dependencies": list(after),
        "automation": True,
        "duration_estimate": 30,
        "owner_role": "preparer",
        "handler": "test.steps",
        **changes,
    }


PLAN = [
    planned("collect"),
    planned("bank", "collect"),
    planned("erp", "collect"),
    planned("review", "bank", "erp", automation=False, owner_role="reviewer", handler=""),
    planned("approve", "review"),
    planned("lock", "approve"),
]


class Steps:
    """What the handlers of a test do, by task key; default: succeed."""

    def __init__(self) -> None:
        self.by_key: dict[str, Callable[[TaskContext], TaskResult]] = {}
        self.settled: dict[str, Callable[[TaskContext], TaskResult]] = {}
        self.calls: list[str] = []

    def run(self, context: TaskContext) -> TaskResult:
        self.calls.append(context.task.key)
        step = self.by_key.get(context.task.key)
        return step(context) if step else TaskResult(summary={"rows": 3})

    def settle(self, context: TaskContext) -> TaskResult:
        step = self.settled.get(context.task.key)
        return step(context) if step else TaskResult()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    made = Steps()
    monkeypatch.setitem(registry._HANDLERS, "test.steps", registry.Handler(made.run, made.settle))
    return made


@pytest.fixture
def period(entity: Any, connie: Any) -> Any:
    from django.db import transaction

    from apps.audit.services import record
    from apps.ledger.models import FiscalCalendar, Period

    with transaction.atomic():
        calendar = FiscalCalendar.objects.create(entity=entity, name="Months")
        made = Period.objects.create(
            entity=entity,
            calendar=calendar,
            fiscal_year=2023,
            name="2023-04",
            starts_on=date(2023, 4, 1),
            ends_on=date(2023, 4, 30),
        )
        made.status = "open"
        made.save()
        record(actor=connie, action="ledger.period.arrange", subject=made)
    return made


@pytest.fixture
def template(entity: Any, connie: Any, steps: Steps) -> Any:
    return define_template(
        entity_id=entity.pk, code="month", name="Month end", tasks=PLAN, actor=connie
    )


@pytest.fixture
def run(template: Any, period: Any, alice: Any, rita: Any, connie: Any) -> CloseRun:
    return open_run(template_id=template.pk, period_id=period.pk, actor=connie)


def deliver() -> int:
    """Carry out what waits in the outbox, oldest first, as the worker would; until it is empty."""
    carried_out = 0
    while True:
        message = OutboxMessage.objects.filter(delivered_at=None).order_by("id").first()
        if message is None:
            return carried_out
        OutboxMessage.objects.filter(pk=message.pk).update(delivered_at=message.queued_at)
        module, _, name = message.task.rpartition(".")
        with suppress(ZeroDivisionError):  # a handler that breaks off; the worker would log it
            getattr(import_module(module), name)(**message.arguments)
        carried_out += 1


def states(run: CloseRun) -> dict[str, str]:
    return dict(CloseTask.objects.filter(run=run).values_list("key", "status"))

"""Runs in shards: small ones that are split all the same, and workers to carry them out."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import default_storage

from apps.operations.models import OutboxMessage
from apps.reconciliation import tasks
from apps.reconciliation.models import Run, Shard
from apps.reconciliation.services import begin_run, forget_found, planning
from tests.reconciliation.conftest import Line, Pair

FOLDER = "reconciliation/shards"
LEFT: tuple[Line, ...] = (
    ("INV-1", "03", "100.00"),
    ("INV-2", "04", "50.00"),
    ("INV-3", "05", "1700.00"),
    ("INV-4", "06", "92.50"),
    ("INV-5", "07", "30.00"),
    ("INV-6", "08", "12.00"),
    ("INV-6", "08", "12.00"),
    ("INV-9", "28", "75.00"),
    ("", "10", "5.00"),
)
RIGHT: tuple[Line, ...] = (
    ("INV-1", "03", "100.00"),
    ("INV-2", "06", "50.03"),
    ("INV-3", "05", "1100.00"),
    ("INV-4", "06", "100.00"),
    ("INV-5", "07", "-30.00"),
    ("INV-6", "08", "12.00"),
    ("INV-7", "09", "13.00"),
    ("", "10", "5.00"),
)


@pytest.fixture(autouse=True)
def _empty_storage(db: None) -> None:
    forget_found(stored_files())


@pytest.fixture
def in_shards(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few the records are, and however they fall, a run is split into three."""
    monkeypatch.setattr(planning, "_MOST_UNEVEN", 2.9)
    settings.RECONCILE_SHARDS_FROM = 1
    settings.RECONCILE_SHARDS = 3


@pytest.fixture
def filled(pair: Pair) -> Pair:
    """Lines that match, nearly match, are copies, and have no reference."""
    pair.bring("left", *LEFT)
    pair.bring("right", *RIGHT)
    return pair


def work_off(*, most: int = 50) -> list[str]:
    """Carry out what the outbox holds, as workers would, until it is empty."""
    done = []
    while (message := OutboxMessage.objects.filter(delivered_at=None).order_by("id").first()) and (
        len(done) < most
    ):
        message.delete()
        name = message.task.removeprefix("apps.reconciliation.tasks.")
        if name != message.task:
            getattr(tasks, name)(**message.arguments)
            done.append(name)
    return done


def stored_files() -> list[str]:
    """The files of shards that the storage has."""
    if not default_storage.exists(FOLDER):
        return []
    return [
        f"{FOLDER}/{plan}/{name}"
        for plan in default_storage.listdir(FOLDER)[0]
        for name in default_storage.listdir(f"{FOLDER}/{plan}")[1]
    ]


@pytest.fixture
def running(filled: Pair, in_shards: None) -> Run:
    """A run whose three shards are handed out, and nothing else in the outbox."""
    OutboxMessage.objects.all().delete()
    run = begin_run(run_id=filled.start().pk)
    OutboxMessage.objects.filter(task__endswith="execute_run").delete()
    return run


def shard_ids() -> list[int]:
    return list(Shard.objects.order_by("number").values_list("pk", flat=True))


def queued_tasks() -> list[str]:
    tasks = OutboxMessage.objects.order_by("id").values_list("task", flat=True)
    return [name.rpartition(".")[2] for name in tasks]

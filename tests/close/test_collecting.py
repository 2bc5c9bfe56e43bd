"""The close collects: files from the drop folder, and what connected sources have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.close.models import CloseRun, CloseTask, TaskAttempt
from apps.close.services import define_template, open_run, retry_task
from apps.ingestion.connectors.drop import Drop
from apps.ingestion.connectors.errors import AccessRefused, Unreachable
from apps.ingestion.models import Batch, FailedImport, Pull, PullAttempt, Record, Source
from apps.ingestion.services import connect_source, define_source, retire_source
from apps.ingestion.services.pulling import resume_pulls
from tests.close.conftest import deliver, planned, states
from tests.ingestion.conftest import ANNA, BERT, MAPPING, table

Start = Callable[..., CloseRun]


@pytest.fixture
def folder(tmp_path: Path, settings: Any, entity: Any) -> Path:
    """Our entity's drop folder, with April's."""
    settings.FILE_DROP_DIR = str(tmp_path)
    made = tmp_path / entity.code / "2023-04"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def make(entity: Any, connie: Any, folder: Path) -> Callable[..., Source]:
    """Define a source, by default of the drop folder's `{period}/CODE.csv`."""

    def of(code: str, *, is_connected: bool = False) -> Source:
        path = f"{{period}}/{code}.csv"
        source = define_source(
            entity_id=entity.pk,
            code=code,
            name=code.capitalize(),
            format="csv",
            mapping=MAPPING,
            drop_path="" if is_connected else path,
            actor=connie,
        )
        if not is_connected:
            return source
        return connect_source(
            source_id=source.pk, connector="drop", connector_settings={"path": path}, actor=connie
        )

    return of


@pytest.fixture
def start(entity: Any, connie: Any, alice: Any, period: Any) -> Start:
    """Open a close that collects these sources and validates them."""

    def of(*codes: str) -> CloseRun:
        tasks = [
            planned("collect", handler="ingestion.collect", parameters={"sources": list(codes)}),
            planned("validate", "collect", handler="ingestion.validate"),
        ]
        template = define_template(
            entity_id=entity.pk, code="month", name="Month end", tasks=tasks, actor=connie
        )
        run = open_run(template_id=template.pk, period_id=period.pk, actor=connie)
        deliver()
        return run

    return of


def attempt_of(run: CloseRun) -> TaskAttempt:
    return TaskAttempt.objects.filter(task__run=run, task__key="collect").latest("number")


def try_again(run: CloseRun, actor: Any) -> None:
    retry_task(task_id=CloseTask.objects.get(run=run, key="collect").pk, actor=actor)
    deliver()


def failing(monkeypatch: Any, error: Exception) -> None:
    def pull(*arguments: Any) -> Any:
        raise error

    monkeypatch.setattr(Drop, "pull", pull)


def test_files_and_connected_sources_come_in_together(
    make: Any, start: Start, folder: Path, connie: Any
) -> None:
    make("till"), make("shop", is_connected=True)
    (folder / "till.csv").write_bytes(table(ANNA))
    (folder / "shop.csv").write_bytes(table(BERT))
    run = start("shop", "till")
    assert states(run) == {"collect": "completed", "validate": "completed"}
    summary = attempt_of(run).summary
    assert list(summary["files"]) == ["shop", "till"]
    assert summary["lines"] == 2
    pull = Pull.objects.get()
    assert (pull.status, pull.period, str(pull.starts_on), str(pull.ends_on)) == (
        "succeeded",
        "2023-04",
        "2023-04-01",
        "2023-04-30",
    )
    assert pull.batch_id == summary["files"]["shop"]["batch"]


def test_a_source_that_was_pulled_before_is_pulled_anew_and_nothing_doubles(
    make: Any, start: Start, folder: Path, connie: Any
) -> None:
    make("shop", is_connected=True), make("till")
    (folder / "shop.csv").write_bytes(table(ANNA))
    (folder / "till.csv").write_bytes(b"")
    run = start("shop", "till")
    assert attempt_of(run).error_code == "FILES_REFUSED"
    (folder / "till.csv").write_bytes(table(BERT))
    try_again(run, connie)
    assert states(run)["collect"] == "completed"
    assert [pull.status for pull in Pull.objects.all()] == ["succeeded", "succeeded"]
    assert Record.objects.filter(source__code="shop").count() == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AccessRefused("The user name is not known."), "shop: The user name is not known."),
        (Unreachable("db.example.com does not answer."), "shop: db.example.com does not answer."),
    ],
)
def test_the_task_fails_with_the_reason_of_the_pull_and_is_tried_again_at_once(
    error: Exception,
    words: str,
    make: Any,
    start: Start,
    folder: Path,
    monkeypatch: Any,
    connie: Any,
) -> None:
    make("shop", is_connected=True)
    (folder / "shop.csv").write_bytes(table(ANNA))
    with monkeypatch.context() as patch:
        failing(patch, error)
        run = start("shop")
    failed = attempt_of(run)
    assert (failed.status, failed.error_code) == ("failed", "SOURCES_NOT_PULLED")
    assert words in failed.error_message
    assert "retry the task" in failed.error_message
    assert states(run)["validate"] == "blocked"
    try_again(run, connie)
    assert states(run) == {"collect": "completed", "validate": "completed"}
    assert Record.objects.count() == 1
    assert {attempt.status for attempt in PullAttempt.objects.all()} == {"failed", "succeeded"}


def test_a_file_that_is_not_there_is_named(make: Any, start: Start, connie: Any) -> None:
    make("shop", is_connected=True)
    failed = attempt_of(start("shop"))
    assert "shop: shop.csv is not in the drop folder." in failed.error_message
    assert Pull.objects.get().status == "nothing_there"


def test_a_refused_file_of_a_pull_is_told(make: Any, start: Start, folder: Path) -> None:
    make("shop", is_connected=True)
    (folder / "shop.csv").write_bytes(b"")
    failed = attempt_of(start("shop"))
    assert "shop: The file is empty." in failed.error_message
    assert FailedImport.objects.count() == 1


def test_refused_files_and_failed_pulls_are_told_together(
    make: Any, start: Start, folder: Path
) -> None:
    make("shop", is_connected=True), make("till"), make("card", is_connected=True)
    (folder / "till.csv").write_bytes(b"")
    (folder / "card.csv").write_bytes(table(ANNA))
    failed = attempt_of(start("shop", "till", "card"))
    assert "till: The file is empty." in failed.error_message
    assert "shop: shop.csv is not in the drop folder." in failed.error_message
    assert Batch.objects.get().source.code == "card"  # what came in stays


def test_a_source_that_rests_or_is_retired_is_told(
    make: Any, start: Start, folder: Path, connie: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("apps.ingestion.selectors.pulls.MOST_FAILURES", 1)
    make("shop", is_connected=True)
    retired = make("card", is_connected=True)
    retire_source(source_id=retired.pk, actor=connie)
    with monkeypatch.context() as patch:
        failing(patch, AccessRefused())
        run = start("shop", "card")
    try_again(run, connie)
    failed = attempt_of(run)
    assert "shop: This source failed too often in a row" in failed.error_message
    assert "card: This source is retired." in failed.error_message


def test_what_another_process_pulls_is_left_to_it(
    make: Any, start: Start, folder: Path, connie: Any, monkeypatch: Any
) -> None:
    make("shop", is_connected=True)
    (folder / "shop.csv").write_bytes(table(ANNA))
    with monkeypatch.context() as patch:
        patch.setattr("apps.ingestion.services.pulling.perform_pull", lambda pull_id: None)
        run = start("shop")
    assert "shop: It is being pulled at this moment." in attempt_of(run).error_message
    assert Pull.objects.get().status == "waiting"
    try_again(run, connie)
    assert states(run)["collect"] == "completed"
    assert Pull.objects.count() == 1


def test_a_pull_that_nobody_finished_is_found(
    make: Any, start: Start, folder: Path, monkeypatch: Any
) -> None:
    make("shop", is_connected=True)
    (folder / "shop.csv").write_bytes(table(ANNA))
    with monkeypatch.context() as patch:
        patch.setattr("apps.ingestion.services.pulling.perform_pull", lambda pull_id: None)
        start("shop")
    pull = Pull.objects.get()
    monkeypatch.setattr("apps.ingestion.services.pulling._LOST_AFTER", pull.asked_at - pull.due_at)
    assert resume_pulls() == [pull.pk]
    deliver()
    pull.refresh_from_db()
    assert pull.status == "succeeded"

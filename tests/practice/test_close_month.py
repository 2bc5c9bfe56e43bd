"""The practice month closed in one process: what it finds is what was planted."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from rich.console import Console

from apps.approvals.models import Decision
from apps.close.models import CloseTask
from apps.close.registry import TaskResult
from apps.close.services import resume_interrupted
from apps.close.states import RunStatus
from apps.common.errors import Conflict
from apps.compliance.selectors import latest_package
from apps.ledger.models import Period
from apps.practice import report
from apps.practice.selectors import demo_result
from apps.practice.services import (
    DemoStuck,
    Watched,
    begin_close,
    load_company,
    loading,
    password_of,
    see_through,
)
from apps.reporting.services import export_document
from tests.close.conftest import deliver

pytestmark = pytest.mark.django_db


@pytest.fixture
def drop(tmp_path: Path, settings: Any) -> Path:
    settings.FILE_DROP_DIR = str(tmp_path)
    return tmp_path


def test_a_month_is_closed_and_every_number_is_that_of_the_truth(
    drop: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    loaded = load_company(told=told.append)
    assert loaded.is_new
    assert len(told) > 5
    run, is_new = begin_close(loaded.entity)
    assert is_new
    console = Console(file=io.StringIO(), width=140)
    with report.watching(console) as watch:

        def look(seen: Watched) -> None:
            watch(seen)
            _deliver(seen)

        see_through(run, told=look)
    result = demo_result(loaded.entity, run)
    wrong = [
        (check.name, check.expected, check.found) for check in result.checks if not check.holds
    ]
    assert wrong == []
    assert result.holds
    assert (result.tasks_done, result.tasks_total) == (17, 17)
    assert not Decision.objects.filter(approver__username="finflow").exists()
    package = latest_package(run.pk)
    assert package is not None
    assert export_document(package, tmp_path / "out").read_bytes().startswith(b"%PDF-")

    report.print_result(console, result)
    report.print_people(console, "http://127.0.0.1:8000/")
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "17 of 17 tasks done" in said
    assert password_of("alice.preparer") in said

    again = load_company()
    assert not again.is_new
    assert begin_close(again.entity) == (run, False)


def test_a_task_that_fails_ends_the_demo_with_its_reason_and_the_next_one_retries(
    drop: Path,
) -> None:
    entity = load_company().entity
    run, _ = begin_close(entity)
    missing = drop / "HFS" / "2023-04" / "client_jobs.json"
    content = missing.read_bytes()
    missing.unlink()
    with pytest.raises(DemoStuck, match="client_jobs"):
        see_through(run, told=_deliver)
    missing.write_bytes(content)
    begin_close(entity)
    deliver()
    assert CloseTask.objects.get(run=run, key="validation").is_done
    run.refresh_from_db()
    assert run.status == RunStatus.OPEN


def _deliver(seen: Watched) -> None:
    """The worker's and the beat's part, between two looks."""
    deliver()
    resume_interrupted()


def test_a_file_of_the_company_that_is_refused_loads_nothing(
    drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = loading.collect_files

    def spoil(**options: Any) -> Any:
        (drop / "HFS" / "2023-02" / "gl_extract.csv").write_bytes(b"\0")
        return original(**options)

    monkeypatch.setattr(loading, "collect_files", spoil)
    with pytest.raises(Conflict):
        load_company()
    assert not Period.objects.exists()


def test_the_loader_says_whether_it_loaded(drop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_practice")
    assert "loaded." in capsys.readouterr().out
    call_command("load_practice")
    assert "nothing changed" in capsys.readouterr().out


def test_a_close_that_never_ends_is_given_up(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.practice.services import demo

    entity = load_company().entity
    run, _ = begin_close(entity)
    monkeypatch.setattr(demo, "LONGEST_SECONDS", -1)
    with pytest.raises(DemoStuck, match="not done after"):
        see_through(run, told=lambda seen: None)
    assert TaskResult().status == "completed"

"""What is under way is seen while it goes on, and the page ends where the work ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Route, expect

from apps.ingestion.models import Source
from apps.ingestion.services import imports as imports_module
from apps.reconciliation.models import Run
from apps.reconciliation.services import completion, execute_run
from tests.ingestion.conftest import ANNA, BERT, table
from tests.ingestion.test_browser import browse, pytestmark
from tests.reconciliation.conftest import Pair, pair, sources
from tests.ui.looking import require_sound

__all__ = ["browse", "pair", "pytestmark", "sources"]
PATIENCE_SECONDS = 30
PHONE = {"width": 360, "height": 800}


@pytest.fixture
def go() -> Iterator[threading.Event]:
    """Lets the work go on; set in the end whatever happens."""
    event = threading.Event()
    yield event
    event.set()


def held(monkeypatch: Any, module: Any, name: str, go: threading.Event) -> None:
    """After `name` was called, the work waits."""
    original = getattr(module, name)

    def call_and_wait(*given: Any) -> None:
        original(*given)
        go.wait(PATIENCE_SECONDS)

    monkeypatch.setattr(module, name, call_and_wait)


def test_an_upload_tells_what_it_is_at(
    browse: Any, alice: Any, sales: Source, monkeypatch: Any, go: threading.Event
) -> None:
    held(monkeypatch, imports_module, "copy_records", go)
    page, other = browse(alice), browse(alice)
    page.goto(f"/sources/?source={sales.pk}")
    sample = {"name": "april.csv", "mimeType": "text/csv", "buffer": table(ANNA, BERT)}
    page.locator("#id_file").set_input_files(files=[sample])
    told: list[str] = []

    def pass_on(route: Route) -> None:
        answer = route.fetch()
        told.append(answer.text())
        route.fulfill(response=answer)

    page.route("**/sources/upload/progress/**", pass_on)
    page.get_by_role("button", name="Import the file").click(no_wait_after=True)
    page.wait_for_timeout(3000)
    assert len(told) > 1
    assert "Storing, 2 of 2 lines" in told[-1]
    other.set_viewport_size(PHONE)
    other.goto(f"/sources/{sales.pk}/")
    expect(other.locator("#source-work")).to_contain_text("Storing, 2 of 2 lines")
    require_sound(other)
    go.set()
    expect(page.get_by_text("april.csv: 2 lines, 2 of them new.")).to_be_visible()
    expect(other.locator("#batch-1, [id^=batch-]").first).to_contain_text("april.csv")
    expect(other.locator("#source-work")).to_have_count(0)


def test_a_run_tells_its_phase_and_ends_on_its_outcome(
    browse: Any, pair: Pair, alice: Any, monkeypatch: Any, go: threading.Event
) -> None:
    pair.bring("left", ("INV-1", "03", "100.00"), ("INV-2", "04", "50.00"))
    pair.bring("right", ("INV-1", "03", "100.00"))
    run = pair.start()
    page = browse(alice)
    page.set_viewport_size(PHONE)
    page.goto(f"/reconciliations/{run.pk}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Queued")
    held(monkeypatch, completion, "store_outcome", go)
    worker = threading.Thread(target=_executed, args=(run,))
    worker.start()
    try:
        expect(page.locator("#run")).to_contain_text("Storing, 1 of 2 rows", timeout=15_000)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Running")
        require_sound(page)
        go.set()
        expect(page.locator("#page-header")).to_contain_text("66.66% matched", timeout=15_000)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Completed")
    finally:
        go.set()
        worker.join(PATIENCE_SECONDS)


def _executed(run: Run) -> None:
    try:
        execute_run(run_id=run.pk)
    finally:
        connection.close()

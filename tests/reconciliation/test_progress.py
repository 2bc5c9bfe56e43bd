"""A run in one piece shows what it is at while it runs: to pages, REST and other processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.identity.models import User
from apps.reconciliation.matching import ItemsInvalid
from apps.reconciliation.models import Run
from apps.reconciliation.selectors import Progress, progress_of
from apps.reconciliation.services import completion, execute_run
from apps.reconciliation.services import runs as runs_module
from tests.faults import Trap, die_at
from tests.pages import text
from tests.phases import looking
from tests.reconciliation.conftest import Pair

PATIENCE_SECONDS = 20
RUNS = "apps.reconciliation.services.runs"
MOST_TOLD = 8  # reading, two passes, explaining, storing three tables, and one to spare


@pytest.fixture
def queued(pair: Pair) -> Run:
    pair.bring("left", ("INV-1", "03", "100.00"), ("INV-2", "04", "50.00"), ("X", "05", "7.00"))
    pair.bring("right", ("INV-1", "03", "100.00"), ("INV-2", "06", "50.03"))
    return pair.start()


def watched(run: Run, look: Callable[[], Any]) -> list[Any]:
    """What is seen at each phase of the run."""
    seen: list[Any] = []
    with looking(lambda: seen.append(look())):
        execute_run(run_id=run.pk)
    return seen


@pytest.mark.django_db
class TestPhases:
    def test_it_reads_passes_explains_and_stores(self, queued: Run) -> None:
        seen: list[Progress] = watched(queued, lambda: progress_of(queued))
        assert [(each.phase, each.pass_name, each.rows_done, each.rows) for each in seen] == [
            ("reading", "", 0, 0),
            ("matching", "Exact", 0, 5),
            ("matching", "Near", 2, 5),
            ("classifying", "", 4, 5),
            ("storing", "", 0, 3),
            ("storing", "", 2, 3),
        ]
        assert [(each.pass_number, each.passes) for each in seen[1:3]] == [(1, 2), (2, 2)]
        assert all((each.shards, each.shards_done, each.left) == (None,) * 3 for each in seen)
        queued.refresh_from_db()
        assert (queued.status, progress_of(queued)) == ("completed", None)

    def test_it_costs_a_handful_of_short_statements(self, queued: Run) -> None:
        assert len(watched(queued, lambda: None)) < MOST_TOLD

    def test_rest_tells_it(self, queued: Run, api: Any, alice: User) -> None:
        client = api(alice)
        page = f"/api/reconciliation/status?run={queued.pk}"
        assert client.get(page).json()["status"] == "queued"
        seen = watched(queued, lambda: client.get(page).json())
        assert {answer["status"] for answer in seen} == {"running"}
        assert seen[2]["progress"] == {
            "phase": "matching",
            "pass_name": "Near",
            "pass_number": 2,
            "passes": 2,
            "shards_done": None,
            "shards": None,
            "rows_done": 2,
            "rows": 5,
            "seconds_left": None,
        }
        after = client.get(page).json()
        assert (after["status"], after["progress"]) == ("completed", None)

    @pytest.mark.parametrize(("who", "status"), [("charlie", 404), ("victor", 403), (None, 401)])
    def test_strangers_are_told_nothing(
        self, who: str | None, status: int, queued: Run, api: Any, request: Any
    ) -> None:
        client = api(request.getfixturevalue(who) if who else None)
        seen = watched(queued, lambda: client.get(f"/api/reconciliation/status?run={queued.pk}"))
        assert {answer.status_code for answer in seen} == {status}
        assert not any("progress" in answer.json() for answer in seen)

    def test_pages_show_it_in_words(self, queued: Run, visit: Any, alice: User) -> None:
        client = visit(alice)
        page = f"/reconciliations/{queued.pk}/"

        def look() -> list[str]:
            paths = (page, f"{page}?part=status", "/reconciliations/")
            return [text(client.get(path)) for path in paths]

        words = (
            "Reading the records.",
            "Pass 1 of 2, Exact, 0 of 5 rows matched",
            "Pass 2 of 2, Near, 2 of 5 rows matched",
            "Explaining what stays open: 1 rows.",
            "Storing, 0 of 3 rows",
            "Storing, 2 of 3 rows",
        )
        for said, answers in zip(words, watched(queued, look), strict=True):
            for answer in answers:
                assert said in answer
                assert 'hx-trigger="every 2s"' in answer
            assert "<strong>1</strong> at work" in answers[-1]
            assert "queued" not in answers[-1].split('class="answer"')[1].split("</p>")[0]
        assert "hx-trigger" not in look()[1]

    def test_a_run_that_waits_shows_no_phase(self, queued: Run, visit: Any, alice: User) -> None:
        listed = text(visit(alice).get("/reconciliations/"))
        assert "<strong>1</strong> queued" in listed
        assert "<progress" not in listed
        assert progress_of(queued) is None

    def test_a_run_that_fails_shows_none_either(
        self, queued: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise ItemsInvalid("left items: amount is null in 1 rows")

        monkeypatch.setattr(runs_module, "reconciled", fail)
        failed = execute_run(run_id=queued.pk)
        assert (failed.status, progress_of(failed)) == ("failed", None)


@pytest.mark.django_db(transaction=True)
class TestAcrossProcesses:
    def test_others_see_it_before_anything_is_committed(
        self, queued: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stored, go = threading.Event(), threading.Event()
        store = completion.store_outcome

        def store_and_wait(*given: Any) -> None:
            store(*given)
            stored.set()
            go.wait(PATIENCE_SECONDS)

        monkeypatch.setattr(completion, "store_outcome", store_and_wait)
        worker = threading.Thread(target=_executed, args=(queued,))
        worker.start()
        try:
            assert stored.wait(PATIENCE_SECONDS)
            progress = progress_of(queued)
            assert progress is not None
            assert (progress.phase, progress.rows) == ("storing", 3)
            assert not queued.groups.exists()
        finally:
            go.set()
            worker.join(PATIENCE_SECONDS)
        queued.refresh_from_db()
        assert (queued.status, progress_of(queued)) == ("completed", None)

    def test_killed_it_is_at_nothing_and_the_next_one_tells_its_own(self, queued: Run) -> None:
        die_at(Trap(RUNS, "reconciled"), f"{RUNS}.execute_run", run_id=queued.pk)
        assert _gone(queued)
        seen = watched(queued, lambda: progress_of(queued))
        assert seen[0].phase == "reading"
        queued.refresh_from_db()
        assert (queued.status, progress_of(queued)) == ("completed", None)


def _executed(run: Run) -> None:
    try:
        execute_run(run_id=run.pk)
    finally:
        connection.close()


def _gone(run: Run) -> bool:
    """Whether no phase is told any more; the server notices the dead process in a moment."""
    for _ in range(100):
        if progress_of(run) is None:
            return True
        threading.Event().wait(0.05)
    return False

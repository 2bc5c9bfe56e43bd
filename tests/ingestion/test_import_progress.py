"""An import shows what it is at while it runs: on pages, over REST and on the terminal."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from django.db import connection
from rich.console import Console

from apps.ingestion.management.commands.import_file import progress_words
from apps.ingestion.models import Source
from apps.ingestion.selectors import ImportProgress, imports_under_way
from apps.ingestion.services import ask_pull, import_file
from apps.ingestion.services import imports as imports_module
from apps.operations.management.progress import shown_while
from tests.ingestion.conftest import ANNA, BERT, table
from tests.pages import text
from tests.phases import looking

PATIENCE_SECONDS = 20
STRANGERS = [("charlie", 404), ("victor", 403)]


def watched(bring: Any, source: Source, look: Any) -> list[Any]:
    seen: list[Any] = []
    with looking(lambda: seen.append(look())):
        bring(source, table(ANNA, BERT))
    return seen


@pytest.mark.django_db
class TestPhases:
    def test_it_reads_compares_and_stores(self, sales: Source, bring: Any) -> None:
        assert watched(bring, sales, lambda: imports_under_way(sales)) == [
            [ImportProgress("reading", 0, 0)],
            [ImportProgress("comparing", 0, 0)],
            [ImportProgress("storing", 0, 2)],
            [ImportProgress("storing", 2, 2)],
        ]

    def test_rest_tells_it(self, sales: Source, bring: Any, api: Any, alice: Any) -> None:
        client = api(alice)
        path = f"/api/ingestion/sources/{sales.pk}/progress"
        seen = watched(bring, sales, lambda: client.get(path).json())
        assert seen[0] == [{"phase": "reading", "rows_done": 0, "rows": 0}]
        assert seen[-1] == [{"phase": "storing", "rows_done": 2, "rows": 2}]

    @pytest.mark.parametrize(("who", "status"), [*STRANGERS, (None, 401)])
    def test_strangers_are_told_nothing_over_rest(
        self, who: str | None, status: int, sales: Source, api: Any, request: Any
    ) -> None:
        client = api(request.getfixturevalue(who) if who else None)
        answer = client.get(f"/api/ingestion/sources/{sales.pk}/progress")
        assert answer.status_code == status

    def test_the_upload_shows_it_until_it_is_answered(
        self, sales: Source, bring: Any, visit: Any, alice: Any
    ) -> None:
        client = visit(alice)
        path = f"/sources/upload/progress/?source={sales.pk}"
        seen = watched(bring, sales, lambda: text(client.get(path)))
        words = ("Reading the file.", "Comparing with the lines", "Storing, 0 of 2 lines")
        for said, part in zip((*words, "Storing, 2 of 2 lines"), seen, strict=True):
            assert said in part
            assert f'hx-get="{path}"' in part
            assert 'hx-trigger="every 1s"' in part
        assert client.get("/sources/upload/progress/?source=").status_code == 204

    def test_before_the_file_has_arrived_it_is_on_its_way(
        self, sales: Source, visit: Any, alice: Any
    ) -> None:
        part = text(visit(alice).get(f"/sources/upload/progress/?source={sales.pk}"))
        assert "The file is on its way." in part

    def test_the_page_of_the_source_shows_it_to_others(
        self, sales: Source, bring: Any, visit: Any, rita: Any
    ) -> None:
        client = visit(rita)
        page = f"/sources/{sales.pk}/"
        assert "source-work" not in text(client.get(page))
        for seen in watched(bring, sales, lambda: text(client.get(page))):
            assert f'hx-get="{page}progress/"' in seen

    def test_when_it_is_over_the_page_is_shown_anew(
        self, sales: Source, visit: Any, alice: Any
    ) -> None:
        answer = visit(alice).get(f"/sources/{sales.pk}/progress/")
        assert answer.headers["HX-Refresh"] == "true"
        assert answer.content == b""

    def test_a_pull_that_is_due_is_waited_for(self, feed: Source, visit: Any, alice: Any) -> None:
        ask_pull(source_id=feed.pk, actor=alice)
        part = text(visit(alice).get(f"/sources/{feed.pk}/progress/"))
        assert "The source is being asked." in part

    @pytest.mark.parametrize("path", ["{}/progress/", "upload/progress/?source={}"])
    @pytest.mark.parametrize(("who", "status"), STRANGERS)
    def test_strangers_see_nothing(
        self, path: str, who: str, status: int, sales: Source, visit: Any, request: Any
    ) -> None:
        client = visit(request.getfixturevalue(who))
        assert client.get(f"/sources/{path.format(sales.pk)}").status_code == status

    def test_the_command_says_it(self, sales: Source, bring: Any) -> None:
        assert progress_words(sales) == "Keeping the file"
        assert watched(bring, sales, lambda: progress_words(sales)) == [
            "Reading the file",
            "Comparing with the lines that are there",
            "Storing: 0 of 2 lines",
            "Storing: 2 of 2 lines",
        ]


@pytest.mark.django_db(transaction=True)
def test_others_see_it_before_anything_is_committed(
    sales: Source, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, go = threading.Event(), threading.Event()
    store = imports_module.copy_records

    def store_and_wait(*given: Any) -> None:
        store(*given)
        stored.set()
        go.wait(PATIENCE_SECONDS)

    def work() -> None:
        try:
            import_file(source_id=sales.pk, filename="a.csv", content=table(ANNA), actor=alice)
        finally:
            connection.close()

    monkeypatch.setattr(imports_module, "copy_records", store_and_wait)
    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert stored.wait(PATIENCE_SECONDS)
        assert [work.phase for work in imports_under_way(sales)] == ["storing"]
        assert not sales.batches.exists()
    finally:
        go.set()
        worker.join(PATIENCE_SECONDS)
    assert sales.batches.count() == 1
    assert imports_under_way(sales) == []


class TestTerminal:
    @pytest.mark.django_db(transaction=True)
    def test_a_terminal_shows_the_words_while_the_work_goes_on(self) -> None:
        out, asked = io.StringIO(), threading.Event()

        def words() -> str:
            asked.set()
            return "Storing: 1 of 2 lines"

        with shown_while(words, Console(file=out, force_terminal=True)):
            assert asked.wait(PATIENCE_SECONDS)
            threading.Event().wait(0.3)
        assert "Storing: 1 of 2 lines" in out.getvalue()

    def test_a_file_or_a_pipe_gets_nothing(self) -> None:
        out = io.StringIO()
        with shown_while(pytest.fail, Console(file=out)):
            pass
        assert out.getvalue() == ""

"""How far a run in shards is, in figures and words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.identity.models import User
from apps.reconciliation.models import Run, Shard
from apps.reconciliation.selectors import Progress, progress_of
from apps.reconciliation.services import finish_run, match_shard
from apps.reconciliation.views import progress as progress_words
from apps.reconciliation.views.progress import progress_shown
from tests.phases import looking
from tests.reconciliation.shards.conftest import shard_ids


class TestProgress:
    def test_counts_grow_shard_by_shard(self, running: Run) -> None:
        seen = [progress_of(running)]
        for shard_id in shard_ids():
            match_shard(shard_id=shard_id)
            seen.append(progress_of(running))
        found = [progress for progress in seen if progress is not None]
        assert [(each.phase, each.shards_done, each.shards) for each in found] == [
            ("matching", 0, 3),
            ("matching", 1, 3),
            ("matching", 2, 3),
            ("finishing", 3, 3),
        ]
        assert [each.rows for each in found] == [17] * 4
        assert (found[0].rows_done, found[-1].rows_done) == (0, 17)
        assert found[0].left is None
        assert found[-1].left is None
        finish_run(run_id=running.pk)
        running.refresh_from_db()
        assert progress_of(running) is None

    def test_what_follows_the_shards_tells_its_phases(self, running: Run) -> None:
        for shard_id in shard_ids():
            match_shard(shard_id=shard_id)
        seen: list[Progress | None] = []
        with looking(lambda: seen.append(progress_of(running))):
            finish_run(run_id=running.pk)
        found = [progress for progress in seen if progress is not None]
        assert [(each.phase, each.rows) for each in found] == [
            ("finishing", 17),
            ("classifying", 17),
            *[("storing", found[-1].rows)] * 2,
        ]
        assert {(each.shards_done, each.shards) for each in found} == {(3, 3)}
        assert found[2].rows_done == 0 < found[-1].rows_done

    def test_rest_tells_it(self, running: Run, api: Any, alice: User) -> None:
        match_shard(shard_id=shard_ids()[0])
        client = api(alice)
        rows = Shard.objects.get(number=0).row_count
        for answer in (
            client.get(f"/api/reconciliation/status?run={running.pk}").json(),
            client.get(f"/api/reconciliation/runs/{running.pk}").json(),
            client.get("/api/reconciliation/runs").json()["results"][0],
        ):
            assert answer["status"] == "running"
            told = answer["progress"]
            assert told.pop("seconds_left") >= 0
            assert told == {
                "phase": "matching",
                "pass_name": "",
                "pass_number": 0,
                "passes": 0,
                "shards_done": 1,
                "shards": 3,
                "rows_done": rows,
                "rows": 17,
            }

    @pytest.mark.parametrize(("who", "status"), [("charlie", 404), ("victor", 403), (None, 401)])
    def test_strangers_are_told_nothing(
        self, who: str | None, status: int, running: Run, api: Any, request: Any
    ) -> None:
        client = api(request.getfixturevalue(who) if who else None)
        answer = client.get(f"/api/reconciliation/status?run={running.pk}")
        assert answer.status_code == status
        assert "progress" not in answer.json()

    def test_pages_show_it_and_ask_again(self, running: Run, alice: User, client: Any) -> None:
        client.force_login(alice)
        match_shard(shard_id=shard_ids()[0])
        rows = Shard.objects.get(number=0).row_count
        words = f"1 of 3 shards, {rows} of 17 rows"
        page = client.get(f"/reconciliations/{running.pk}/").content.decode()
        listed = client.get("/reconciliations/").content.decode()
        status = client.get(f"/reconciliations/{running.pk}/?part=status").content.decode()
        assert "<strong>1</strong> at work" in listed
        for text in (page, listed, status):
            assert words in text
            assert 'hx-trigger="every 2s"' in text
            assert f'<progress max="17" value="{rows}"' in text
        assert "In 3 shards by reference: all passes." in page
        for shard_id in shard_ids():
            match_shard(shard_id=shard_id)
        text = client.get(f"/reconciliations/{running.pk}/").content.decode()
        assert "All 3 shards are through, 17 rows." in text
        finish_run(run_id=running.pk)
        status = client.get(f"/reconciliations/{running.pk}/?part=status").content.decode()
        assert "Completed" in status
        assert "hx-trigger" not in status

    @pytest.mark.parametrize(("who", "status"), [("charlie", 404), ("victor", 403)])
    def test_strangers_see_no_page(
        self, who: str, status: int, running: Run, client: Any, request: Any
    ) -> None:
        client.force_login(request.getfixturevalue(who))
        answer = client.get(f"/reconciliations/{running.pk}/?part=status")
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "about 1 s left"), (40, "about 40 s left"), (200, "about 3 min left")],
)
def test_the_time_left_is_told_roughly(
    seconds: int, words: str, running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Progress("matching", 1, 2, 5, 10, timedelta(seconds=seconds))
    monkeypatch.setattr(progress_words, "progress_of", lambda run: found)
    shown = progress_shown(running)
    assert shown is not None
    assert shown["left"] == words

"""`kill -9` while a run is at work in shards, and many hands at once: one outcome, and wholly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.audit.models import Event
from apps.operations.models import OutboxMessage
from apps.reconciliation.models import (
    Break,
    BreakItem,
    MatchGroup,
    Run,
    Shard,
    ShardPlan,
)
from apps.reconciliation.services import (
    begin_run,
    execute_run,
    finish_run,
    match_shard,
    planning,
    resume_runs,
)
from tests.faults import Trap, die_at
from tests.reconciliation.conftest import APRIL, MAY, Pair
from tests.reconciliation.shards.conftest import shard_ids, work_off

pytestmark = pytest.mark.django_db(transaction=True)

FACTS = (MatchGroup, Break, BreakItem)
RUNS = "apps.reconciliation.services.runs"
SHARDS = "apps.reconciliation.services.shards"
COMPLETION = "apps.reconciliation.services.completion"
PLANNING = {
    "shards are stored, none is handed out": Trap(RUNS, "planned"),
    "shards are handed out, nothing is committed": Trap(RUNS, "hand_out"),
}
MATCHING = {
    "the records are read": Trap(SHARDS, "shard_items"),
    "all is matched": Trap(SHARDS, "_matched"),
    "what was found is kept": Trap(SHARDS, "keep_found"),
    "the last one is about to hand over": Trap(SHARDS, "enqueue", is_after=False),
}
FINISHING = {
    "the attempt is counted": Trap(SHARDS, "_finish_attempted"),
    "copies are read": Trap(SHARDS, "copies_in_shards"),
    "people's work is put back": Trap(SHARDS, "put_back"),
    "facts are stored": Trap(COMPLETION, "store_outcome"),
    "nothing is committed": Trap(SHARDS, "_clear_away"),
}


@pytest.fixture(autouse=True)
def _files_on_disk(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    }


@pytest.fixture
def queued(pair: Pair, settings: Any) -> Run:
    settings.RECONCILE_SHARDS_FROM, settings.RECONCILE_SHARDS = 1, 2
    pair.bring("left", ("INV-1", "03", "100.00"), ("INV-2", "04", "40.00"))
    pair.bring("right", ("INV-1", "03", "100.00"), ("INV-3", "05", "7.00"))
    return pair.start()


@pytest.fixture
def running(queued: Run) -> Run:
    begin_run(run_id=queued.pk)
    OutboxMessage.objects.all().delete()
    return queued


@pytest.mark.parametrize("point", PLANNING)
def test_killed_while_planning_the_run_is_planned_anew(queued: Run, point: str) -> None:
    die_at(PLANNING[point], f"{RUNS}.begin_run", run_id=queued.pk)
    assert not Shard.objects.exists()
    work_off()
    _is_whole(queued)


@pytest.mark.parametrize("point", MATCHING)
def test_killed_at_a_shard_it_is_handed_out_again(running: Run, point: str) -> None:
    first, second = shard_ids()
    match_shard(shard_id=first)
    die_at(MATCHING[point], f"{SHARDS}.match_shard", shard_id=second)
    shard = Shard.objects.get(pk=second)
    assert (shard.attempt_count, shard.finished_at) == (1, None)
    assert not any(model.objects.exists() for model in FACTS)
    assert resume_runs() == [running.pk]
    assert work_off() == ["match_shard", "finish_run", "forget_shards"]
    _is_whole(running)


def test_killed_after_a_shard_is_through_nothing_is_done_twice(running: Run) -> None:
    first, second = shard_ids()
    match_shard(shard_id=first)
    die_at(Trap(SHARDS, "_noted"), f"{SHARDS}.match_shard", shard_id=second)
    assert not match_shard(shard_id=second)
    assert work_off() == ["finish_run", "forget_shards"]
    _is_whole(running)


@pytest.mark.parametrize("point", FINISHING)
def test_killed_while_finishing_the_end_is_tried_again(running: Run, point: str) -> None:
    for shard_id in shard_ids():
        match_shard(shard_id=shard_id)
    die_at(FINISHING[point], f"{SHARDS}.finish_run", run_id=running.pk)
    assert not any(model.objects.exists() for model in FACTS)
    assert ShardPlan.objects.get().attempt_count == 1
    assert finish_run(run_id=running.pk)
    _is_whole(running)


def test_killed_after_the_end_the_files_are_forgotten_all_the_same(
    running: Run, tmp_path: Path
) -> None:
    for shard_id in shard_ids():
        match_shard(shard_id=shard_id)
    die_at(Trap(SHARDS, "_finish"), f"{SHARDS}.finish_run", run_id=running.pk)
    files = [*(tmp_path / "media").rglob("reconciliation/shards/*/*")]
    assert len(files) == 2
    work_off()
    assert not any(file.exists() for file in files)
    _is_whole(running)


def in_threads(*acts: Callable[[], Any]) -> list[Any]:
    barrier = threading.Barrier(len(acts))
    results: list[Any] = []

    def one(act: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=30)
            results.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


def test_begun_by_several_at_once_there_is_one_plan(queued: Run) -> None:
    results = in_threads(*[lambda: begin_run(run_id=queued.pk)] * 3)
    assert [run.status for run in results] == ["running"] * 3
    assert (ShardPlan.objects.count(), Shard.objects.count()) == (1, 2)


def test_a_shard_in_several_hands_is_matched_once(running: Run) -> None:
    ids = shard_ids()
    acts = [lambda pk=pk: match_shard(shard_id=pk) for pk in ids for _ in range(3)]
    assert sorted(in_threads(*acts)) == [False] * 4 + [True] * 2
    assert set(Shard.objects.values_list("attempt_count", flat=True)) == {1}
    assert OutboxMessage.objects.filter(task__endswith="finish_run").count() == 1
    assert sorted(in_threads(*[lambda: finish_run(run_id=running.pk)] * 3)) == [False, False, True]
    _is_whole(running)


def test_carried_out_by_several_at_once_there_is_one_outcome(queued: Run) -> None:
    results = in_threads(*[lambda: execute_run(run_id=queued.pk)] * 3)
    assert [run.status for run in results] == ["completed"] * 3
    _is_whole(queued)


def test_runs_of_one_match_type_take_turns(
    queued: Run, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_MOST_UNEVEN", 2)  # one line in one of two shards
    pair.bring("left", ("INV-8", "03", "1.00"), month="2023-05")
    later = pair.start(**MAY)
    begun = in_threads(*[lambda pk=run.pk: begin_run(run_id=pk) for run in (queued, later)])
    assert sorted(run.status for run in begun) == ["queued", "running"]
    assert ShardPlan.objects.count() == 1
    ended = in_threads(*[lambda pk=run.pk: execute_run(run_id=pk) for run in (queued, later)])
    assert [run.status for run in ended] == ["completed"] * 2
    assert MatchGroup.objects.count() == 1


def test_started_at_once_while_it_works_it_stays_one_run(running: Run, pair: Pair) -> None:
    found = in_threads(*[lambda: pair.start(**APRIL)] * 3)
    assert {run.pk for run in found} == {running.pk}
    assert Run.objects.count() == 1


def _is_whole(run: Run) -> None:
    run.refresh_from_db()
    assert (run.status, run.group_count, run.break_count) == ("completed", 1, 2)
    assert [model.objects.count() for model in FACTS] == [1, 2, 2]
    assert len(MatchGroup.objects.get().members) == 2
    assert (
        Event.objects.filter(action="reconciliation.run.complete", subject_id=run.pk).count() == 1
    )
    assert not ShardPlan.objects.exists()

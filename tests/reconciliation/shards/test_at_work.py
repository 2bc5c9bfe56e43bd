"""What happens while shards are at work, and what is taken up when workers die."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import F
from django.utils import timezone

from apps.audit.models import Event
from apps.common.advisory import _key
from apps.identity.models import User
from apps.operations.models import OutboxMessage
from apps.reconciliation.locks import SHARD_AT_WORK
from apps.reconciliation.matching import ItemsInvalid, NotOptimal
from apps.reconciliation.matching import shards as kernel
from apps.reconciliation.models import Run, Shard, ShardPlan
from apps.reconciliation.services import (
    begin_run,
    execute_run,
    finish_run,
    match_shard,
    resume_runs,
    unmatch_group,
)
from tests.reconciliation.conftest import MAY, Pair
from tests.reconciliation.shards.conftest import (
    queued_tasks,
    shard_ids,
    stored_files,
    work_off,
)
from tests.reconciliation.shards.test_outcomes import FACTS, as_one_piece, found_by


class TestWhileShardsWork:
    def test_a_second_start_returns_the_same_run(
        self, running: Run, filled: Pair, table_counts: Any
    ) -> None:
        before = table_counts()
        assert filled.start() == running
        assert begin_run(run_id=running.pk) == running
        assert table_counts() == before

    def test_another_run_of_the_match_type_waits_and_begins_after_it(
        self, running: Run, filled: Pair
    ) -> None:
        later = filled.start(**MAY)
        assert begin_run(run_id=later.pk).status == "queued"
        work_off()
        later.refresh_from_db()
        running.refresh_from_db()
        assert (running.status, later.status) == ("completed", "completed")

    def test_whoever_needs_another_run_now_helps_the_first_one_out(
        self, running: Run, filled: Pair
    ) -> None:
        later = execute_run(run_id=filled.start(**MAY).pk)
        running.refresh_from_db()
        assert (running.status, later.status) == ("completed", "completed")

    def test_every_task_twice_changes_nothing(self, running: Run, table_counts: Any) -> None:
        ids = shard_ids()
        assert not finish_run(run_id=running.pk)
        for shard_id in ids:
            assert match_shard(shard_id=shard_id)
            before = table_counts()
            assert not match_shard(shard_id=shard_id)
            assert table_counts() == before
        assert len(stored_files()) == 3
        assert finish_run(run_id=running.pk)
        before = table_counts()
        assert not finish_run(run_id=running.pk)
        assert not any(match_shard(shard_id=shard_id) for shard_id in ids)
        assert table_counts() == before
        running.refresh_from_db()
        assert running.status == "completed"

    def test_the_last_shard_has_the_run_finished(self, running: Run) -> None:
        OutboxMessage.objects.all().delete()
        first, second, third = shard_ids()
        match_shard(shard_id=third)
        match_shard(shard_id=first)
        assert queued_tasks() == []
        match_shard(shard_id=second)
        assert queued_tasks() == ["finish_run"]

    def test_a_refusal_in_a_shard_fails_the_run(
        self, running: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second, _ = shard_ids()
        match_shard(shard_id=first)

        def refuse(*_: Any, **__: Any) -> None:
            raise ItemsInvalid("left items: amount is null in 1 rows")

        monkeypatch.setattr(kernel, "match_shard", refuse)
        assert match_shard(shard_id=second)
        running.refresh_from_db()
        assert (running.status, running.failure) == (
            "failed",
            "left items: amount is null in 1 rows",
        )
        assert not any(model.objects.exists() for model in (*FACTS, ShardPlan, Shard))
        work_off()
        assert not stored_files()
        assert not finish_run(run_id=running.pk)

    def test_records_that_are_not_those_of_the_plan_fail_the_run(self, running: Run) -> None:
        other = Shard.objects.get(number=0).digest  # as many, but other ones
        Shard.objects.filter(number=1).update(digest=other)
        work_off()
        running.refresh_from_db()
        assert running.status == "failed"
        assert "Shard 1 holds other records than when it was planned." in running.failure

    @pytest.mark.parametrize("damage", ["gone", "cut", "another frame", "no archive"])
    def test_what_cannot_be_read_any_more_fails_the_run(self, running: Run, damage: str) -> None:
        for shard_id in shard_ids():
            match_shard(shard_id=shard_id)
        name = Shard.objects.get(number=0).file_name(1)
        with default_storage.open(name) as stored:
            content = stored.read()
        default_storage.delete(name)
        damaged = {
            "cut": content[: len(content) // 2],
            "another frame": content.replace(b"groups", b"sdoubt"),
            "no archive": b"nothing",
        }
        if damage in damaged:
            default_storage.save(name, ContentFile(damaged[damage]))
        assert finish_run(run_id=running.pk)
        running.refresh_from_db()
        assert running.status == "failed"
        assert running.failure.startswith("What a part of this run found cannot be read")
        assert not any(model.objects.exists() for model in FACTS)

    def test_an_outcome_that_does_not_add_up_is_not_stored(
        self, running: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def wrong(*given: Any, **named: Any) -> Any:
            raise NotOptimal("the solver is wrong")

        monkeypatch.setattr(kernel, "finished", wrong)
        work_off()
        running.refresh_from_db()
        assert (running.status, running.failure) == ("failed", "the solver is wrong")

    def test_what_people_do_meanwhile_has_it_planned_anew(
        self, filled: Pair, rita: User, in_shards: None, settings: Any
    ) -> None:
        first = filled.run()
        Run.objects.filter(pk=first.pk).update(input_digest="other")
        OutboxMessage.objects.all().delete()
        run = begin_run(run_id=filled.start().pk)
        unmatch_group(run_id=first.pk, number=1, reason="Not theirs", actor=rita)
        done = work_off()
        assert done.count("execute_run") == 2  # asked for, and planned anew
        run.refresh_from_db()
        assert run.status == "completed"
        assert Event.objects.filter(action="reconciliation.run.replan").count() == 1
        assert found_by(run) == as_one_piece(filled, settings)

    def test_a_worker_that_wakes_up_late_changes_nothing(
        self, running: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (first, *_) = shard_ids()
        matched = kernel.match_shard

        def asleep(*given: Any) -> Any:
            Shard.objects.filter(pk=first).update(attempt_count=F("attempt_count") + 1)
            return matched(*given)

        monkeypatch.setattr(kernel, "match_shard", asleep)
        match_shard(shard_id=first)
        assert Shard.objects.get(pk=first).finished_at is None
        assert not [name for name in stored_files() if not name.endswith("-items")]


class TestResuming:
    """The beat looks every five seconds."""

    @pytest.fixture(autouse=True)
    def _nothing_queued(self, running: Run) -> None:
        OutboxMessage.objects.all().delete()

    def long_ago(self) -> None:
        ShardPlan.objects.update(handed_at=timezone.now() - timedelta(seconds=31))

    def test_what_was_just_handed_out_is_left_alone(self) -> None:
        assert resume_runs() == []
        assert queued_tasks() == []

    def test_lost_deliveries_are_handed_out_again_after_a_while(self, running: Run) -> None:
        match_shard(shard_id=shard_ids()[0])
        self.long_ago()
        assert resume_runs() == [running.pk]
        assert queued_tasks() == ["match_shard"] * 2
        assert resume_runs() == []

    def test_a_shard_that_a_dead_worker_left_is_handed_out_at_once(self, running: Run) -> None:
        Shard.objects.filter(number=1).update(started_at=timezone.now(), attempt_count=1)
        assert resume_runs() == [running.pk]
        (message,) = OutboxMessage.objects.all()
        assert message.arguments == {"shard_id": shard_ids()[1]}
        assert resume_runs() == []

    def test_while_one_is_at_work_the_others_wait_for_their_turn(self) -> None:
        self.long_ago()
        with held(shard_ids()[2]):
            assert resume_runs() == []
            assert not match_shard(shard_id=shard_ids()[2])

    def test_an_end_that_got_lost_is_asked_for_again(self, running: Run) -> None:
        for shard_id in shard_ids():
            match_shard(shard_id=shard_id)
        OutboxMessage.objects.all().delete()
        assert resume_runs() == []
        self.long_ago()
        assert resume_runs() == [running.pk]
        assert queued_tasks() == ["finish_run"]
        work_off()
        running.refresh_from_db()
        assert running.status == "completed"

    def test_what_kills_three_workers_fails_the_run(self, running: Run) -> None:
        Shard.objects.filter(number=1).update(attempt_count=3)
        match_shard(shard_id=shard_ids()[1])
        running.refresh_from_db()
        assert running.status == "failed"
        assert running.failure.startswith("Work on shard 1 broke off 3 times.")

    def test_an_end_that_kills_three_workers_fails_the_run(self, running: Run) -> None:
        for shard_id in shard_ids():
            match_shard(shard_id=shard_id)
        ShardPlan.objects.update(attempt_count=3)
        assert finish_run(run_id=running.pk)
        running.refresh_from_db()
        assert running.failure.startswith("Joining what the shards found broke off 3 times.")


@contextmanager
def held(shard_id: int) -> Iterator[None]:
    """Another process is at work on the shard."""
    other = connection.copy()
    key = SHARD_AT_WORK, shard_id
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_key(key[0]), key[1]])
        yield
    finally:
        other.close()

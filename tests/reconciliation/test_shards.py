"""Runs in shards: what one process finds, found by many, and nothing twice or in part."""

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
from apps.identity.models import Entity, User
from apps.ingestion.models import Source
from apps.ingestion.services import import_file
from apps.operations.models import OutboxMessage
from apps.reconciliation import tasks
from apps.reconciliation.locks import SHARD_AT_WORK
from apps.reconciliation.matching import ItemsInvalid, NotOptimal
from apps.reconciliation.matching import shards as kernel
from apps.reconciliation.models import (
    Break,
    BreakItem,
    MatchGroup,
    MatchItem,
    Run,
    Shard,
    ShardPlan,
)
from apps.reconciliation.selectors import Progress, progress_of
from apps.reconciliation.services import (
    begin_run,
    change_rules,
    correct_cause,
    define_match_type,
    execute_run,
    finish_run,
    force_match,
    forget_found,
    match_shard,
    permit_rematch,
    planning,
    resume_runs,
    unmatch_group,
)
from apps.reconciliation.views import progress as progress_words
from apps.reconciliation.views.progress import progress_shown
from tests.reconciliation.conftest import MAY, RULES, Line, Pair, lines

FACTS = (MatchGroup, MatchItem, Break, BreakItem)
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
def in_shards(settings: Any) -> None:
    """However few the records are, a run is split into three."""
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


def found_by(run: Run) -> dict[str, Any]:
    """Everything that a run stored, without the numbers that the database gave."""
    groups = MatchGroup.ever.filter(run=run).order_by("number")
    breaks = Break.ever.filter(run=run).order_by("number")
    return {
        "digests": (run.input_digest, run.outcome_digest, run.proof),
        "counts": (run.left_count, run.right_count, run.group_count, run.break_count),
        "carried": (run.carried_left_count, run.carried_right_count),
        "groups": list(
            groups.values_list("number", "pass_name", "status", "reasons", "difference")
        ),
        "items": sorted(
            MatchItem.ever.filter(run=run).values_list("group_number", "side", "record_id")
        ),
        "breaks": list(breaks.values_list("number", "cause", "state", "reason", "evidence")),
        "break_items": sorted(
            BreakItem.ever.filter(broken__run=run).values_list(
                "broken__number", "side", "record_id"
            )
        ),
    }


def as_one_piece(pair: Pair, settings: Any, **days: Any) -> dict[str, Any]:
    """What one process finds now; a run of the same days after it is carried out again."""
    shards, settings.RECONCILE_SHARDS = settings.RECONCILE_SHARDS, 1
    Run.objects.update(input_digest="other")
    whole = pair.run(**days)
    settings.RECONCILE_SHARDS = shards
    assert (whole.status, whole.division) == ("completed", "")
    Run.objects.filter(pk=whole.pk).update(input_digest="other")
    OutboxMessage.objects.all().delete()
    return found_by(whole)


def stored_files() -> list[str]:
    """The files of shards that the storage has."""
    if not default_storage.exists(FOLDER):
        return []
    return [
        f"{FOLDER}/{plan}/{name}"
        for plan in default_storage.listdir(FOLDER)[0]
        for name in default_storage.listdir(f"{FOLDER}/{plan}")[1]
    ]


MORE_PASSES = [
    *RULES["passes"],
    {
        "name": "Same day",
        "kind": "exact",
        "keys": ["amount", "booked_on"],
        "status": "suggested",
    },
]


@pytest.mark.parametrize(
    ("passes", "division"),
    [
        (RULES["passes"], "In 3 shards by reference: all passes."),
        (MORE_PASSES, "In 3 shards by reference: the first 2 passes."),
        (
            [RULES["passes"][0], {**MORE_PASSES[2], "keys": ["amount"]}],
            "In 3 shards by reference: the first pass.",
        ),
    ],
)
def test_workers_find_what_one_process_finds(
    passes: list[Any], division: str, filled: Pair, connie: User, in_shards: None, settings: Any
) -> None:
    change_rules(
        match_type_id=filled.match_type.pk,
        rules={**RULES, "version": "2", "passes": passes},
        actor=connie,
    )
    expected = as_one_piece(filled, settings)
    run = filled.start()
    assert work_off() == ["execute_run", *["match_shard"] * 3, "finish_run", "forget_shards"]
    run.refresh_from_db()
    assert found_by(run) == expected
    assert run.division == division
    assert not ShardPlan.objects.exists()
    assert not stored_files()
    assert Event.objects.filter(action="reconciliation.run.split").count() == 1


def test_one_process_works_the_shards_off_by_itself(
    filled: Pair, in_shards: None, settings: Any
) -> None:
    expected = as_one_piece(filled, settings)
    run = filled.run()
    assert run.status == "completed"
    assert found_by(run) == expected
    assert set(work_off()) == {"execute_run", "match_shard", "finish_run", "forget_shards"}
    run.refresh_from_db()
    assert found_by(run) == expected
    assert not stored_files()


def test_what_people_did_is_put_back(
    filled: Pair, rita: User, in_shards: None, settings: Any
) -> None:
    first = filled.run()
    by_reference = {
        item.record.reference: item.group_number
        for item in MatchItem.objects.filter(run=first).select_related("record")
    }
    unmatch_group(run_id=first.pk, number=by_reference["INV-1"], reason="Not theirs", actor=rita)
    unmatch_group(run_id=first.pk, number=by_reference["INV-2"], reason="Nor this", actor=rita)
    permit_rematch(run_id=first.pk, number=by_reference["INV-2"], reason="It was", actor=rita)
    ids = Break.objects.filter(run=first, items__record__reference="INV-1")
    force_match(
        run_id=first.pk, break_ids=list(ids.values_list("pk", flat=True)), reason="Is", actor=rita
    )
    broken = Break.objects.get(run=first, items__record__reference="INV-7")
    correct_cause(break_id=broken.pk, cause="timing", reason="Later", actor=rita)
    expected = as_one_piece(filled, settings)
    run = filled.start()
    OutboxMessage.objects.exclude(task__endswith="execute_run").delete()
    work_off()
    run.refresh_from_db()
    found = found_by(run)
    assert found == expected
    assert "forced" in {status for _, _, status, *_ in found["groups"]}


def test_what_the_month_before_left_over_is_carried_in(
    filled: Pair, in_shards: None, settings: Any
) -> None:
    filled.run()
    filled.bring("left", ("INV-20", "02", "5.00"), month="2023-05")
    filled.bring("right", ("INV-9", "02", "75.00"), ("INV-20", "02", "5.00"), month="2023-05")
    expected = as_one_piece(filled, settings, **MAY)
    assert expected["carried"] == (1, 0)
    run = filled.run(**MAY)
    assert run.division
    assert found_by(run) == expected


def test_records_that_come_in_meanwhile_belong_to_the_next_run(
    filled: Pair, in_shards: None, settings: Any
) -> None:
    filled.bring("left", ("INV-30", "03", "8.00"))
    expected = as_one_piece(filled, settings)
    run = filled.start()
    begin_run(run_id=run.pk)
    filled.bring("right", ("INV-30", "03", "8.00"), ("INV-9", "28", "75.00"))
    filled.bring("left", ("INV-1", "03", "101.00"))  # amends the first line
    run = execute_run(run_id=run.pk)
    assert found_by(run) == expected
    newer = filled.start()
    assert newer != run
    newer = execute_run(run_id=newer.pk)
    assert newer.status == "completed"
    assert found_by(newer) == as_one_piece(filled, settings)


def test_copies_in_other_shards_are_known(
    sources: tuple[Source, Source],
    entity: Entity,
    connie: User,
    alice: User,
    in_shards: None,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = {"name": "Account", "kind": "exact", "keys": ["account", "amount"]}
    match_type = define_match_type(
        entity_id=entity.pk,
        code="by_account",
        name="By account",
        left_source_id=sources[0].pk,
        right_source_id=sources[1].pk,
        rules={**RULES, "passes": [step]},
        actor=connie,
    )
    pair = Pair(match_type, *sources, alice)
    brought = [(number, sources[0]) for number in range(8)]
    for number, source in [*brought, *((number, sources[1]) for number in range(5))]:
        line = lines(("INV-1", "03", "10.00"), account=f"A{number}", prefix=f"{number}-")
        import_file(source_id=source.pk, filename="a.csv", content=line, actor=alice)
    monkeypatch.setattr(planning, "_MOST_UNEVEN", 3)
    expected = as_one_piece(pair, settings)
    run = pair.run()
    assert run.division == "In 3 shards by account: all passes."
    assert found_by(run) == expected
    assert "duplicate" in {cause for _, cause, *_ in expected["breaks"]}


@pytest.mark.parametrize(
    ("keys", "division"),
    [
        (
            ["counterparty"],
            "In one piece. The first pass, 'Only', has none of reference, external_id, account"
            " among its keys.",
        ),
        (["account"], "In one piece. By account, one shard had 100% of the records."),
    ],
)
def test_a_large_run_in_one_piece_says_why(
    keys: list[str], division: str, filled: Pair, connie: User, in_shards: None
) -> None:
    step = {"name": "Only", "kind": "exact", "keys": [*keys, "amount"]}
    change_rules(
        match_type_id=filled.match_type.pk,
        rules={**RULES, "version": "2", "passes": [step]},
        actor=connie,
    )
    run = filled.run()
    assert (run.status, run.division) == ("completed", division)
    assert not ShardPlan.objects.exists()


@pytest.mark.parametrize(
    ("least", "count", "is_split"), [(17, 2, True), (18, 2, False), (1, 1, False)]
)
def test_what_is_small_is_not_split(
    least: int, count: int, is_split: bool, filled: Pair, settings: Any
) -> None:
    settings.RECONCILE_SHARDS_FROM, settings.RECONCILE_SHARDS = least, count
    run = begin_run(run_id=filled.start().pk)
    assert (run.status == "running") is is_split
    assert bool(run.division) is is_split


def test_there_is_a_shard_for_each_core(
    filled: Pair, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RECONCILE_SHARDS_FROM, settings.RECONCILE_SHARDS = 1, 0
    monkeypatch.setattr(planning.os, "cpu_count", lambda: 2)
    begin_run(run_id=filled.start().pk)
    assert Shard.objects.count() == 2


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
        Shard.objects.filter(number=1).update(left_count=F("left_count") + 1)
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
        assert not stored_files()


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
        assert found[-1].left == timedelta(0)
        finish_run(run_id=running.pk)
        running.refresh_from_db()
        assert progress_of(running) is None

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
        part = client.get(f"/reconciliations/{running.pk}/?part=run").content.decode()
        listed = client.get("/reconciliations/").content.decode()
        status = client.get(f"/reconciliations/{running.pk}/?part=status").content.decode()
        assert "<strong>1</strong> at work" in listed
        for text in (page, part, listed, status):
            assert words in text
            assert 'hx-trigger="every 2s"' in text
            assert f'<progress max="17" value="{rows}"' in text
        assert "In 3 shards by reference: all passes." in page
        for shard_id in shard_ids():
            match_shard(shard_id=shard_id)
        text = client.get(f"/reconciliations/{running.pk}/?part=run").content.decode()
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

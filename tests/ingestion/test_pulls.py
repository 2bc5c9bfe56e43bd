"""Pulls: asked for, carried out, tried again, and what the circuit breaker does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.audit.models import Event
from apps.common.advisory import session_lock
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.ingestion.connectors.drop import Drop
from apps.ingestion.connectors.errors import AccessRefused, Unreachable
from apps.ingestion.errors import SourceNotConnected, SourceResting, SourceRetired, WindowInvalid
from apps.ingestion.locks import AT_WORK
from apps.ingestion.models import Batch, FailedImport, Pull, PullAttempt, Source
from apps.ingestion.selectors.pulls import circuit_of, window_now
from apps.ingestion.services import (
    ask_pull,
    connect_source,
    perform_pull,
    resume_pulls,
    retire_source,
    retry_pull,
)
from apps.operations.models import OutboxMessage
from tests.ingestion.conftest import ANNA, BERT, PATH, table

APRIL = {"starts_on": date(2023, 4, 1), "ends_on": date(2023, 4, 30)}
Ask = Callable[..., Pull]


@pytest.fixture
def ask(feed: Source, alice: Any) -> Ask:
    """Alice asks for April."""

    def make(**changes: Any) -> Pull:
        return ask_pull(**{"source_id": feed.pk, "actor": alice, **APRIL, **changes})

    return make


@pytest.fixture
def failing(monkeypatch: Any) -> Callable[[Exception], None]:
    """From now on the connector fails so."""

    def make(error: BaseException) -> None:
        def fail(*arguments: Any) -> Any:
            raise error

        monkeypatch.setattr(Drop, "pull", fail)

    return make


def again(pull: Pull) -> Pull:
    return Pull.objects.get(pk=pull.pk)


def make_due(pull: Pull) -> None:
    """As if its wait were over."""
    from apps.audit.services import record
    from apps.identity.selectors import system_user

    with transaction.atomic():
        Pull.objects.filter(pk=pull.pk).update(due_at=timezone.now())
        record(actor=system_user(), action="tests.pull.hasten", subject=pull)


def test_a_pull_imports_what_the_connector_brings(ask: Ask, drop: Path, alice: Any) -> None:
    (drop / "sales.csv").write_bytes(table(ANNA, BERT))
    pull = ask()
    assert (pull.status, pull.period, pull.asked_by) == ("waiting", "2023-04", alice)
    message = OutboxMessage.objects.get()
    assert message.task == "apps.ingestion.tasks.perform_pull"
    assert message.arguments == {"pull_id": pull.pk}
    perform_pull(pull_id=pull.pk)
    pull = again(pull)
    batch = Batch.objects.get()
    assert (pull.status, pull.batch, pull.failure_code) == ("succeeded", batch, "")
    assert (batch.query_text, batch.filename) == ("2023-04/sales.csv", "sales.csv")
    assert batch.parameters == {
        "period": "2023-04",
        "period_start": "2023-04-01",
        "period_end": "2023-04-30",
    }
    (attempt,) = pull.attempts.all()
    assert (attempt.number, attempt.status) == (1, "succeeded")
    assert attempt.started_at <= attempt.ended_at == pull.ended_at or attempt.ended_at
    actions = Event.objects.filter(subject_type="ingestion.pull").order_by("id")
    assert [event.action.rpartition(".")[2] for event in actions] == ["ask", "start", "finish"]


def test_carried_out_twice_it_is_done_once(ask: Ask, drop: Path, table_counts: Any) -> None:
    (drop / "sales.csv").write_bytes(table(ANNA))
    pull = ask()
    perform_pull(pull_id=pull.pk)
    before = table_counts()
    perform_pull(pull_id=pull.pk)
    assert table_counts() == before


def test_the_same_bytes_again_end_well_with_the_batch_that_is_there(ask: Ask, drop: Path) -> None:
    (drop / "sales.csv").write_bytes(table(ANNA))
    for _ in range(2):
        pull = ask()
        perform_pull(pull_id=pull.pk)
    assert (again(pull).status, again(pull).batch) == ("succeeded", Batch.objects.get())


def test_an_open_pull_of_the_same_days_is_not_asked_for_twice(ask: Ask) -> None:
    first = ask()
    assert ask().pk == first.pk
    assert ask(ends_on=date(2023, 4, 29)).pk != first.pk
    assert OutboxMessage.objects.count() == 2


def test_a_file_that_is_not_there_is_no_failure(ask: Ask) -> None:
    pull = ask()
    perform_pull(pull_id=pull.pk)
    pull = again(pull)
    assert (pull.status, pull.failure_code, pull.ended_at is None) == ("nothing_there", "", False)
    assert pull.attempts.get().failure_code == "NOTHING_THERE"


def test_a_refused_file_fails_the_pull_and_publishes_nothing(ask: Ask, drop: Path) -> None:
    (drop / "sales.csv").write_bytes(b"")
    pull = ask()
    perform_pull(pull_id=pull.pk)
    pull = again(pull)
    assert (pull.status, pull.failure_code) == ("failed", "EMPTY_FILE")
    assert pull.failed_import == FailedImport.objects.get()
    assert pull.attempts.get().status == "refused"
    assert not Batch.objects.exists()
    assert circuit_of(pull.source).failure_count == 0  # the other side answered
    alert = Event.objects.get(action="ingestion.pull.fail")
    assert (alert.details["code"], alert.entity_id) == ("EMPTY_FILE", pull.entity_id)


def test_a_passing_failure_is_tried_again_after_longer_and_longer_waits(
    ask: Ask, failing: Any
) -> None:
    failing(Unreachable())
    pull = ask()
    waits = []
    for number in range(1, 5):
        perform_pull(pull_id=pull.pk)
        pull = again(pull)
        assert (pull.failure_code, pull.try_count) == ("UNREACHABLE", number)
        waits.append(pull.due_at - timezone.now())
        perform_pull(pull_id=pull.pk)  # not due yet: nothing happens
        assert pull.attempts.count() == number
        make_due(pull)
    assert pull.status == "failed"
    for wait, minutes in zip(waits[:3], (1, 2, 4), strict=True):
        assert timedelta(minutes=minutes / 2.1) <= wait <= timedelta(minutes=minutes * 1.5)
    assert Event.objects.filter(action="ingestion.pull.fail").count() == 1
    assert Event.objects.filter(action="ingestion.pull.postpone").count() == 3


def test_a_lasting_failure_is_not_tried_again(ask: Ask, failing: Any) -> None:
    failing(AccessRefused())
    pull = ask()
    perform_pull(pull_id=pull.pk)
    assert (again(pull).status, again(pull).failure_code) == ("failed", "ACCESS_REFUSED")


def test_success_after_a_failure_clears_it(
    ask: Ask, failing: Any, drop: Path, monkeypatch: Any
) -> None:
    with monkeypatch.context() as patch:

        def fail(*arguments: Any) -> Any:
            raise Unreachable

        patch.setattr(Drop, "pull", fail)
        pull = ask()
        perform_pull(pull_id=pull.pk)
    (drop / "sales.csv").write_bytes(table(ANNA))
    make_due(pull)
    assert resume_pulls() == [pull.pk]
    perform_pull(pull_id=pull.pk)
    pull = again(pull)
    assert (pull.status, pull.failure_code, pull.failure_message) == ("succeeded", "", "")


def test_a_crash_fails_the_pull_and_is_raised_for_the_log(ask: Ask, failing: Any) -> None:
    failing(RuntimeError("with a secret"))
    pull = ask()
    with pytest.raises(RuntimeError):
        perform_pull(pull_id=pull.pk)
    pull = again(pull)
    assert (pull.status, pull.failure_code) == ("failed", "PULL_FAILED")
    assert pull.failure_message == "The pull broke off (RuntimeError)."


def test_a_failed_pull_is_retried_by_a_person(
    ask: Ask, failing: Any, alice: Any, drop: Path, monkeypatch: Any
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Drop, "pull", lambda *arguments: (_ for _ in ()).throw(AccessRefused()))
        pull = ask()
        perform_pull(pull_id=pull.pk)
    (drop / "sales.csv").write_bytes(table(ANNA))
    assert retry_pull(pull_id=pull.pk, actor=alice).pk == pull.pk
    perform_pull(pull_id=pull.pk)
    pull = again(pull)
    assert (pull.status, pull.try_count, pull.attempts.count()) == ("succeeded", 1, 2)
    with pytest.raises(IllegalMove):
        retry_pull(pull_id=pull.pk, actor=alice)


def test_a_retry_beside_an_open_pull_of_the_same_days_is_that_pull(
    ask: Ask, failing: Any, alice: Any
) -> None:
    failing(AccessRefused())
    failed = ask()
    perform_pull(pull_id=failed.pk)
    other = ask()
    assert retry_pull(pull_id=failed.pk, actor=alice).pk == other.pk
    assert again(failed).status == "failed"


def fail_often(ask: Ask, times: int) -> None:
    for day in range(1, times + 1):
        pull = ask(ends_on=date(2023, 4, day))
        perform_pull(pull_id=pull.pk)


def test_five_failures_in_a_row_open_the_circuit(
    ask: Ask, failing: Any, feed: Source, connie: Any
) -> None:
    failing(AccessRefused())
    waiting = ask(ends_on=date(2023, 4, 20))
    fail_often(ask, 5)
    assert circuit_of(feed).is_open
    with pytest.raises(SourceResting):
        ask()
    perform_pull(pull_id=waiting.pk)  # asked for before: waits until the rest is over
    assert (again(waiting).status, again(waiting).try_count) == ("waiting", 0)
    assert again(waiting).due_at == circuit_of(feed).rests_until
    connect_source(source_id=feed.pk, connector="drop", connector_settings=PATH, actor=connie)
    assert not circuit_of(Source.objects.get(pk=feed.pk)).is_open
    assert ask().status == "waiting"


def rest_over(feed: Source) -> None:
    """As if the last failure were long ago."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ingestion_pullattempt DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE ingestion_pullattempt SET ended_at = ended_at - interval '16 minutes'"
        )
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'ingestion_pullattempt'::regclass"
            " AND tgname LIKE 'finflow_guard_%'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE ingestion_pullattempt ENABLE ALWAYS TRIGGER "{name}"')


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_well", [True, False])
def test_half_open_one_attempt_decides(
    is_well: bool, ask: Ask, failing: Any, feed: Source, drop: Path, monkeypatch: Any
) -> None:
    original = Drop.pull
    failing(AccessRefused())
    fail_often(ask, 5)
    rest_over(feed)
    assert not circuit_of(feed).is_open
    if is_well:
        monkeypatch.setattr(Drop, "pull", original)
    pull = ask()
    perform_pull(pull_id=pull.pk)
    assert circuit_of(feed).is_open is not is_well
    assert circuit_of(feed).failure_count == (0 if is_well else 5)


def test_a_pull_whose_process_died_is_queued_again(ask: Ask, failing: Any) -> None:
    from apps.ingestion.services.attempts import begin_attempt

    pull = ask()
    OutboxMessage.objects.all().delete()
    assert resume_pulls() == []  # just asked for: its message is on the way
    for number in range(1, 5):
        assert begin_attempt(pull.pk)
        with session_lock(AT_WORK, pull.source_id):
            assert resume_pulls() == []  # somebody is at work on it
        expected = [pull.pk] if number < 4 else []
        assert resume_pulls()[:1] == expected
    pull = again(pull)
    assert (pull.status, pull.failure_code) == ("failed", "INTERRUPTED")
    assert set(pull.attempts.values_list("status", flat=True)) == {"interrupted"}


def test_what_a_stalled_process_brings_too_late_changes_nothing(ask: Ask) -> None:
    from apps.ingestion.connectors import NothingThere
    from apps.ingestion.services import ImportOutcome
    from apps.ingestion.services.attempts import begin_attempt, end_attempt, finish_attempt
    from apps.ingestion.states import AttemptStatus

    attempt: Any = begin_attempt(ask().pk)
    resume_pulls()
    end_attempt(attempt.pk, AttemptStatus.NOTHING_THERE, NothingThere())
    finish_attempt(attempt.pk, ImportOutcome(None))
    assert again(attempt.pull).status == "waiting"


def test_a_message_that_got_lost_is_sent_again(ask: Ask, monkeypatch: Any) -> None:
    pull = ask()
    later = timezone.now() + timedelta(minutes=3)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert resume_pulls() == [pull.pk]


def test_a_source_at_work_is_left_alone(ask: Ask) -> None:
    pull = ask()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    done = threading.Event()
    begun = threading.Event()

    def hold() -> None:
        try:
            with session_lock(AT_WORK, pull.source_id) as is_ours:
                assert is_ours
                begun.set()
                done.wait(timeout=30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert begun.wait(timeout=30)
        perform_pull(pull_id=pull.pk)
        assert (again(pull).status, again(pull).try_count) == ("waiting", 0)
    finally:
        done.set()
        thread.join(timeout=30)


@pytest.mark.django_db(transaction=True)
def test_four_workers_carry_a_pull_out_once(ask: Ask, drop: Path) -> None:
    (drop / "sales.csv").write_bytes(table(ANNA))
    pull = ask()
    barrier = threading.Barrier(4)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            barrier.wait(timeout=30)
            perform_pull(pull_id=pull.pk)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []
    assert (again(pull).status, PullAttempt.objects.count()) == ("succeeded", 1)


@pytest.mark.django_db(transaction=True)
def test_asked_for_by_four_at_once_it_is_one_pull(feed: Source, alice: Any) -> None:
    barrier = threading.Barrier(4)
    found: list[int] = []

    def work() -> None:
        try:
            actor = User.objects.get(pk=alice.pk)
            barrier.wait(timeout=30)
            found.append(ask_pull(source_id=feed.pk, actor=actor, **APRIL).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(found) == 4
    assert len(set(found)) == Pull.objects.count() == 1


def test_the_database_knows_one_pull_for_a_slot(ask: Ask) -> None:
    pull = ask()
    twins = [
        Pull(
            entity_id=pull.entity_id,
            source_id=pull.source_id,
            slot_at=datetime(2023, 4, 1, tzinfo=UTC),
            due_at=timezone.now(),
            asked_by=pull.asked_by,
            status="failed",
            **APRIL,
        )
        for _ in range(2)
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        Pull.objects.bulk_create(twins)


REFUSED: list[tuple[str, dict[str, Any], type[Refusal]]] = [
    ("rita", {}, NotPermitted),
    ("bob", {}, NotPermitted),
    ("otto", {}, NotPermitted),
    ("ada", {}, NotPermitted),
    ("victor", {}, NotVisible),
    ("charlie", {}, NotVisible),
    ("alice", {"source_id": 0}, NotVisible),
    ("alice", {"ends_on": None}, WindowInvalid),
    ("alice", {"starts_on": None}, WindowInvalid),
    ("alice", {"ends_on": date(2023, 3, 31)}, WindowInvalid),
    ("alice", {"ends_on": date(2024, 5, 30)}, WindowInvalid),
]


@pytest.mark.parametrize(("who", "changes", "refusal"), REFUSED)
def test_who_may_not_ask_changes_nothing(
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
    request: Any,
    feed: Source,
    table_counts: Any,
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        ask_pull(**{"source_id": feed.pk, "actor": actor, **APRIL, **changes})
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "refusal"), [("otto", NotPermitted), ("rita", NotPermitted), ("charlie", NotVisible)]
)
def test_who_may_not_retry_changes_nothing(
    who: str, refusal: type[Refusal], request: Any, ask: Ask, failing: Any, table_counts: Any
) -> None:
    failing(AccessRefused())
    pull = ask()
    perform_pull(pull_id=pull.pk)
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        retry_pull(pull_id=pull.pk, actor=actor)
    assert table_counts() == before


def test_a_source_without_connector_is_not_pulled(sales: Source, alice: Any) -> None:
    with pytest.raises(SourceNotConnected):
        ask_pull(source_id=sales.pk, actor=alice)


def test_a_source_that_is_retired_meanwhile_is_not_pulled(
    ask: Ask, feed: Source, connie: Any
) -> None:
    pull = ask()
    retire_source(source_id=feed.pk, actor=connie)
    with pytest.raises(SourceRetired):
        ask()
    perform_pull(pull_id=pull.pk)
    assert again(pull).failure_code == "SOURCE_RETIRED"


def test_who_lost_the_right_meanwhile_pulls_nothing(
    ask: Ask, drop: Path, alice: Any, entity: Any, system: Any
) -> None:
    from apps.identity.services import revoke_role

    (drop / "sales.csv").write_bytes(table(ANNA))
    pull = ask()
    revoke_role(user_id=alice.pk, role="preparer", entity_id=entity.pk, actor=system)
    perform_pull(pull_id=pull.pk)
    assert again(pull).failure_code == "NOT_PERMITTED"
    assert not Batch.objects.exists()


class TestWindows:
    @pytest.mark.parametrize(
        ("now", "period", "first", "last"),
        [
            # Amsterdam is two hours ahead: there it is May already.
            ("2023-04-30T22:30:00", "2023-04", "2023-04-01", "2023-05-31"),
            ("2023-04-30T21:30:00", "2023-04", "2023-04-01", "2023-04-30"),
            ("2023-05-07T12:00:00", "2023-04", "2023-04-01", "2023-05-31"),
            ("2023-05-08T12:00:00", "2023-05", "2023-05-01", "2023-05-31"),
            ("2024-01-03T12:00:00", "2023-12", "2023-12-01", "2024-01-31"),
        ],
    )
    def test_without_periods_it_is_about_months(
        self, now: str, period: str, first: str, last: str, entity: Any, monkeypatch: Any
    ) -> None:
        instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
        monkeypatch.setattr(timezone, "now", lambda: instant)
        window = window_now(entity)
        assert (window.period, str(window.starts_on), str(window.ends_on)) == (
            period,
            first,
            last,
        )

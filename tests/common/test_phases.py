"""What a transaction is at is seen from outside while it runs, and never longer."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import connection, transaction

from apps.common.phases import Phase, in_phase, phases_of, tell_phase

PATIENCE_SECONDS = 20


@contextmanager
def elsewhere(act: Any) -> Iterator[threading.Event]:
    """`act(told, go)` in another thread, over a connection of its own, until `go` is set."""
    told, go = threading.Event(), threading.Event()

    def work() -> None:
        try:
            act(told, go)
        finally:
            told.set()
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert told.wait(PATIENCE_SECONDS)
    try:
        yield go
    finally:
        go.set()
        thread.join(PATIENCE_SECONDS)


@pytest.mark.django_db(transaction=True)
class TestSeenFromOutside:
    def test_a_phase_is_seen_before_the_commit_and_gone_with_it(self) -> None:
        def work(told: threading.Event, go: threading.Event) -> None:
            with transaction.atomic():
                tell_phase("run", 7, Phase("matching", 2, 3, 10))
                told.set()
                go.wait(PATIENCE_SECONDS)

        with elsewhere(work):
            assert phases_of("run", 7) == [Phase("matching", 2, 3, 10)]
            assert phases_of("run", 71) == phases_of("run", 70) == phases_of("import", 7) == []
        assert phases_of("run", 7) == []

    def test_a_phase_goes_when_the_work_fails(self) -> None:
        def work(told: threading.Event, go: threading.Event) -> None:
            with suppress(LookupError), in_phase("import", 7, Phase("reading")):
                told.set()
                go.wait(PATIENCE_SECONDS)
                raise LookupError

        with elsewhere(work):
            assert phases_of("import", 7) == [Phase("reading")]
        assert phases_of("import", 7) == []

    def test_several_at_one_subject_are_told_in_the_order_of_their_beginning(self) -> None:
        def work(phase: str) -> Any:
            def act(told: threading.Event, go: threading.Event) -> None:
                with in_phase("import", 7, Phase(phase)):
                    told.set()
                    go.wait(PATIENCE_SECONDS)

            return act

        with elsewhere(work("storing")), elsewhere(work("reading")):
            assert phases_of("import", 7) == [Phase("storing"), Phase("reading")]

    def test_the_rows_of_a_copy_count_while_it_runs(self) -> None:
        class Rows(io.RawIOBase):
            """Fifty thousand rows, then a pause, then the end."""

            def __init__(self, told: threading.Event, go: threading.Event) -> None:
                self.told, self.go, self.rows = told, go, io.BytesIO(b"x\n" * 50_000)

            def read(self, size: int = -1) -> bytes:
                part = self.rows.read(size)
                if not part:
                    self.told.set()
                    self.go.wait(PATIENCE_SECONDS)
                return part

        def work(told: threading.Event, go: threading.Event) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("CREATE TEMP TABLE copied (name text) ON COMMIT DROP")
                tell_phase("run", 7, Phase("storing", 0, 5, 60_000))
                cursor.copy_expert("COPY copied FROM STDIN", Rows(told, go))

        with elsewhere(work):
            for _ in range(200):
                (phase,) = phases_of("run", 7)
                if phase.done > 5:
                    break
                threading.Event().wait(0.05)
            assert 5 < phase.done <= 50_005
            assert phase.total == 60_000

    def test_it_cannot_be_told_outside_a_transaction(self) -> None:
        with pytest.raises(transaction.TransactionManagementError):
            tell_phase("run", 7, Phase("reading"))
        assert phases_of("run", 7) == []


@pytest.mark.django_db
def test_what_postgresql_would_cut_off_is_no_name() -> None:
    with pytest.raises(ValueError, match="more than 63"):
        tell_phase("run", 7, Phase("a" * 60))
    assert phases_of("run", 7) == []


@pytest.mark.django_db
def test_a_phase_follows_the_one_before() -> None:
    tell_phase("run", 7, Phase("reading"))
    assert phases_of("run", 7) == [Phase("reading")]
    tell_phase("run", 7, Phase("storing", 0, 4, 4))
    assert phases_of("run", 7) == [Phase("storing", 0, 4, 4)]

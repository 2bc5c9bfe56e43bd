"""Runs at the same moment, and a run whose process is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from apps.audit.models import Event
from apps.reconciliation.locks import run_for_execution
from apps.reconciliation.models import Break, BreakItem, MatchGroup, Run
from apps.reconciliation.services import execute_run, resume_queued, runs, start_run
from tests.reconciliation.conftest import APRIL, Pair

pytestmark = pytest.mark.django_db(transaction=True)

# Carries a run out, and stops between storing the outcome and the run's own completion.
UNTIL_STORED = """
import json, sys, time
import django
from django.conf import settings
where = json.loads(sys.argv[1])
settings.DATABASES["default"] |= where
django.setup()
from apps.reconciliation.services import completion, runs
store = completion.store_outcome
def store_and_wait(*given):
    store(*given)
    print("stored", flush=True)
    time.sleep(120)
completion.store_outcome = store_and_wait
runs.execute_run(run_id=int(sys.argv[2]))
"""


def fill(pair: Pair) -> None:
    pair.bring("left", ("INV-1", "03", "100.00"), ("INV-2", "04", "1.00"))
    pair.bring("right", ("INV-1", "03", "100.00"), ("INV-3", "04", "2.00"))


def in_threads(count: int, act: Any) -> list[Any]:
    barrier = threading.Barrier(count)
    results: list[Any] = []

    def one() -> None:
        try:
            barrier.wait(timeout=30)
            results.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


def test_executing_one_run_several_times_at_once_gives_one_outcome(pair: Pair) -> None:
    fill(pair)
    run = pair.start()
    results = in_threads(3, lambda: execute_run(run_id=run.pk))
    assert [result.status for result in results] == ["completed"] * 3
    assert len(MatchGroup.objects.get().record_ids) == 2
    assert (Break.objects.count(), BreakItem.objects.count()) == (2, 2)
    assert Event.objects.filter(action="reconciliation.run.complete").count() == 1


def test_a_run_that_somebody_carries_out_is_not_handed_out_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_PATIENCE", timedelta(0))
    run = pair.start()
    with transaction.atomic():
        run_for_execution(run.pk)
        assert in_threads(1, resume_queued) == [[]]
    assert in_threads(1, resume_queued) == [[run.pk]]


def test_starting_at_once_queues_one_run(pair: Pair) -> None:
    fill(pair)

    def start() -> Run:
        return start_run(match_type_id=pair.match_type.pk, actor=pair.actor, **APRIL)

    results = in_threads(3, start)
    assert len({run.pk for run in results}) == 1
    assert Run.objects.count() == 1


def test_a_process_killed_in_the_middle_leaves_nothing_and_the_next_one_completes(
    pair: Pair,
) -> None:
    fill(pair)
    run = pair.start()
    # This test's own database and keys, wherever other tests have left the variables pointing.
    where = {name: connection.settings_dict[name] for name in ("NAME", "HOST", "USER", "PASSWORD")}
    variables = {
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "FINFLOW_KEY_RING": settings.FINFLOW_KEY_RING,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", UNTIL_STORED, json.dumps(where), str(run.pk)],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "stored"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    for model in (MatchGroup, Break, BreakItem):
        assert not model.objects.exists()
    run.refresh_from_db()
    assert run.status == "queued"
    done = execute_run(run_id=run.pk)
    assert (done.status, done.group_count, done.break_count) == ("completed", 1, 2)
    assert (MatchGroup.objects.count(), Break.objects.count()) == (1, 2)

"""`kill -9` in the middle of a reconciliation run: it is carried out once, and wholly."""

from __future__ import annotations

import pytest

from apps.audit.models import Event
from apps.operations.models import OutboxMessage
from apps.reconciliation.models import Break, BreakItem, MatchGroup, Run
from apps.reconciliation.services import execute_run
from tests.faults import Trap, die_at
from tests.reconciliation.conftest import APRIL, Pair

pytestmark = pytest.mark.django_db(transaction=True)

FACTS = (MatchGroup, Break, BreakItem)
RUNS = "apps.reconciliation.services.runs"
COMPLETION = "apps.reconciliation.services.completion"
BEFORE_COMMIT = {
    "the records are read": Trap(RUNS, "population"),
    "all is matched": Trap(RUNS, "reconciled"),
    "facts are stored, nothing is committed": Trap(COMPLETION, "store_outcome"),
    "the audit event is written": Trap(COMPLETION, "record"),
}


@pytest.fixture
def queued(pair: Pair) -> Run:
    pair.bring("left", ("INV-1", "03", "100.00"), ("INV-2", "04", "40.00"))
    pair.bring("right", ("INV-1", "03", "100.00"), ("INV-3", "05", "7.00"))
    return pair.start()


@pytest.mark.parametrize("point", BEFORE_COMMIT)
def test_killed_before_the_commit_the_run_waits_and_is_carried_out_whole(
    queued: Run, point: str
) -> None:
    die_at(BEFORE_COMMIT[point], f"{RUNS}.execute_run", run_id=queued.pk)
    queued.refresh_from_db()
    assert queued.status == "queued"
    assert not any(model.objects.exists() for model in FACTS)
    assert not Event.objects.filter(action="reconciliation.run.complete").exists()
    _is_whole(execute_run(run_id=queued.pk))


def test_killed_after_the_commit_the_run_is_done_once(queued: Run) -> None:
    die_at(Trap(RUNS, "execute_run"), f"{RUNS}.execute_run", run_id=queued.pk)
    queued.refresh_from_db()
    assert queued.status == "completed"
    _is_whole(execute_run(run_id=queued.pk))


def test_killed_while_asking_there_is_no_run_without_its_message(pair: Pair, queued: Run) -> None:
    execute_run(run_id=queued.pk)
    pair.bring("left", ("INV-9", "09", "9.00"))
    before = Run.objects.count(), OutboxMessage.objects.count()
    die_at(
        Trap(RUNS, "enqueue", is_after=False),
        f"{RUNS}.start_run",
        match_type_id=pair.match_type.pk,
        actor=pair.actor.pk,
        **APRIL,
    )
    assert (Run.objects.count(), OutboxMessage.objects.count()) == before
    pair.start(**APRIL)
    assert (Run.objects.count(), OutboxMessage.objects.count()) == (before[0] + 1, before[1] + 1)


def _is_whole(run: Run) -> None:
    assert (run.status, run.group_count, run.break_count) == ("completed", 1, 2)
    assert [model.objects.count() for model in FACTS] == [1, 2, 2]
    assert len(MatchGroup.objects.get().members) == 2
    assert Event.objects.filter(action="reconciliation.run.complete").count() == 1

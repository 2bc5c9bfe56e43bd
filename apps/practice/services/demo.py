"""Close the practice company's month: open the run, let people decide, watch until it is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from apps.approvals.models import Request
from apps.approvals.selectors import inbox
from apps.approvals.services import decide
from apps.approvals.states import Verdict
from apps.close.models import CloseRun, CloseTask, CloseTemplate
from apps.close.selectors import Progress, latest_run_for, progress, tasks_of
from apps.close.services import open_run, retry_task
from apps.close.states import RunStatus, TaskStatus
from apps.common.roles import APPROVER, CONTROLLER
from apps.identity.models import Entity, User
from apps.identity.selectors import people_with_role
from apps.ledger.models import Period
from apps.ledger.services import open_period
from apps.ledger.states import PeriodStatus
from apps.practice.fixtures import DEMO_MONTH
from apps.practice.services.reviewing import is_worked_through, work_on_breaks

STUCK = frozenset({TaskStatus.FAILED, TaskStatus.RETURNED})
LONGEST_SECONDS = 600
_POLL_SECONDS = 0.3
_COMMENT = "All reconciling items have been reviewed and explained."


class DemoStuck(Exception):
    """The close does not go on; the text names the task and why."""


@dataclass(frozen=True)
class Watched:
    """What the watcher sees at one look."""

    progress: Progress
    tasks: list[CloseTask]
    decided: int


@transaction.atomic
def begin_close(entity: Entity) -> tuple[CloseRun, bool]:
    """The run that closes the demo's month, opened by the controller if there is none.

    Tasks that failed in an earlier demo get another try.

    Returns:
        The run, and whether this call opened it.
    """
    period = Period.objects.get(entity=entity, name=DEMO_MONTH)
    controller = people_with_role(CONTROLLER, entity_id=entity.pk).get()
    known = latest_run_for(period.pk)
    if known is not None:
        for task in known.tasks.filter(status__in=STUCK):
            retry_task(task_id=task.pk, actor=controller)
        return known, False
    if period.status == PeriodStatus.PLANNED:
        open_period(entity_id=entity.pk, name=DEMO_MONTH, actor=controller)
    template = CloseTemplate.objects.get(entity=entity)
    return open_run(template_id=template.pk, period_id=period.pk, actor=controller), True


def see_through(run: CloseRun, *, told: Callable[[Watched], None]) -> None:
    """Wait until the run is completed; demo people explain breaks and decide on requests.

    The work itself is done by the Celery worker. The people use the services behind the web forms.

    Args:
        told: called at every look with what is seen.

    Raises:
        DemoStuck: a task failed or was returned, or nothing moved for ten minutes.
    """
    people = _deciders(run.entity)
    decided = 0
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        run.refresh_from_db()
        tasks = tasks_of(run.pk)
        told(Watched(progress(tasks), tasks, decided))
        if run.status == RunStatus.COMPLETED:
            return
        stuck = [task for task in tasks if task.status in STUCK]
        if stuck:
            raise DemoStuck(f"{stuck[0].name}: {stuck[0].note}")
        if time.monotonic() > deadline:
            raise DemoStuck(f"the close is not done after {LONGEST_SECONDS} seconds")
        work_on_breaks(run.period)
        decided += sum(_decide_all(person) for person in people)
        time.sleep(_POLL_SECONDS)


def _deciders(entity: Entity) -> list[User]:
    return [
        *people_with_role(APPROVER, entity_id=entity.pk),
        *people_with_role(CONTROLLER, entity_id=entity.pk),
    ]


def _decide_all(person: User) -> int:
    """Approve what waits for this person and is worked through; returns how many."""
    requests = [request for request in inbox(person) if is_worked_through(request)]
    for request in requests:
        _approve(request, person)
    return len(requests)


def _approve(request: Request, person: User) -> None:
    decide(
        request_id=request.pk,
        verdict=Verdict.APPROVE,
        comment=_COMMENT,
        attested=bool(request.policy.attestation_text),
        expected_version=request.version,
        actor=person,
    )

"""Run a reconciliation: in one piece and one transaction, or, if it is large, in shards."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.identity.models import User
from apps.operations.services import enqueue
from apps.reconciliation.errors import DatesInvalid
from apps.reconciliation.locks import match_type_for_update, run_for_execution
from apps.reconciliation.matching import ItemsInvalid, NotOptimal
from apps.reconciliation.models import Run
from apps.reconciliation.permissions import START_RUN
from apps.reconciliation.selectors.items import population, population_ids
from apps.reconciliation.services.by_hand import reconciled
from apps.reconciliation.services.completion import complete_run, fail_run
from apps.reconciliation.services.digests import input_digest
from apps.reconciliation.services.learning import rules_to_run
from apps.reconciliation.services.phases import tell, watching
from apps.reconciliation.services.planning import planned
from apps.reconciliation.services.rule_sets import require_rules
from apps.reconciliation.services.shards import EXECUTE_TASK, hand_out, help_out
from apps.reconciliation.states import UNDER_WAY, RunPhase, RunStatus

_FIRST_DAY: Final = date(1970, 1, 1)
_LAST_DAY: Final = date(2099, 12, 31)
_PATIENCE: Final = timedelta(minutes=5)  # until a queued run is handed out again


@transaction.atomic
def start_run(*, match_type_id: int, starts_on: date, ends_on: date, actor: User) -> Run:
    """Ask for a run over the days, both inclusive, under the rules in force; it is queued.

    If the items and rules are those of the run that stands, that run is returned and nothing is
    queued. A run that is queued already is returned too, and handed to the workers once more: its
    first delivery may have been lost, and carrying it out twice does nothing. So is one that is at
    work in shards.

    Raises:
        NotVisible, NotPermitted: not this actor.
        DatesInvalid: the wrong way round, or outside 1970 to 2099.
        RulesNotApproved: the first rules of the match type wait for approval.
    """
    match_type = match_type_for_update(match_type_id, actor=actor)
    authorize(actor, START_RUN, entity_id=match_type.entity_id)
    _require_days(starts_on, ends_on)
    of_these_days = match_type.runs.filter(starts_on=starts_on, ends_on=ends_on)
    under_way: Run | None = of_these_days.filter(status__in=UNDER_WAY).first()
    if under_way is not None:
        if under_way.status == RunStatus.QUEUED:
            _hand_to_workers(under_way)
        return under_way
    draft = Run(
        entity_id=match_type.entity_id,
        match_type=match_type,
        rule_set=require_rules(match_type),
        starts_on=starts_on,
        ends_on=ends_on,
        requested_by=actor,
    )
    live: Run | None = of_these_days.live().first()
    if live is not None and live.input_digest == input_digest(draft, population_ids(draft)):
        return live
    draft.save()
    record(
        actor=actor,
        action="reconciliation.run.start",
        subject=draft,
        match_type=match_type.code,
        rule_set=draft.rule_set.number,
    )
    _hand_to_workers(draft)
    return draft


def execute_run(*, run_id: int) -> Run:
    """Carry out a run to its end, here; a run that has ended is returned as it is.

    Everything the run finds appears together with its completion. A refusal (items that break
    their contract, a proof that fails) fails the run and stores nothing else. Of a large run the
    shards are worked off here, beside the workers; if another run of the match type is at work in
    shards, that one first.

    Raises:
        NotVisible: no such run.
    """
    run = begin_run(run_id=run_id)
    while run.status in UNDER_WAY:
        help_out(run)
        run = begin_run(run_id=run_id)
    return run


@transaction.atomic
def begin_run(*, run_id: int) -> Run:
    """Carry out a queued run, or, if it is large, split it and hand its shards to the workers.

    While another run of the match type is at work in shards it stays queued: the end of that one
    hands it over again. A run that is not queued is returned as it is.

    Raises:
        NotVisible: no such run.
    """
    run = run_for_execution(run_id)
    if run.status != RunStatus.QUEUED or _is_another_running(run):
        return run
    tell(run, RunPhase.READING)
    try:
        with transaction.atomic():
            plan = planned(run)
            if plan is None:
                _carry_out(run)
            else:
                hand_out(run, plan)
    except Refusal as refusal:
        fail_run(run, refusal.words)
    except (ItemsInvalid, NotOptimal) as error:
        fail_run(run, str(error))
    return run


@transaction.atomic
def resume_queued() -> list[int]:
    """Hand out once more the runs that are queued for minutes and that nobody carries out.

    The beat calls it: a delivery may be lost, or held back with a worker that died. Where it was
    only waiting for its turn, the run is carried out once all the same. Runs behind one that is at
    work in shards are left alone: its end hands them over.

    Returns:
        Ids of the runs.
    """
    at_work = Run.objects.filter(status=RunStatus.RUNNING).values("match_type")
    waiting = (
        Run.objects.select_for_update(skip_locked=True)
        .filter(status=RunStatus.QUEUED, requested_at__lt=timezone.now() - _PATIENCE)
        .exclude(match_type__in=at_work)
        .order_by("pk")
    )
    runs = list(waiting)
    for run in runs:
        _hand_to_workers(run)
    return [run.pk for run in runs]


def _is_another_running(run: Run) -> bool:
    return Run.objects.filter(match_type_id=run.match_type_id, status=RunStatus.RUNNING).exists()


def _hand_to_workers(run: Run) -> None:
    enqueue(EXECUTE_TASK, run_id=run.pk)


def _require_days(starts_on: date, ends_on: date) -> None:
    if ends_on < starts_on:
        raise DatesInvalid(field="ends_on")
    for name, day in (("starts_on", starts_on), ("ends_on", ends_on)):
        if not _FIRST_DAY <= day <= _LAST_DAY:
            raise DatesInvalid("A run covers days from 1970 to 2099.", field=name)


def _carry_out(run: Run) -> None:
    items = population(run)
    rules = rules_to_run(run.rule_set)
    count = items.left.height + items.right.height
    found = reconciled(run, items, rules, watching(run, count))
    counts = items.carried_left_count, items.carried_right_count
    complete_run(run, found, rules, ids=items.ids, carried_counts=counts)

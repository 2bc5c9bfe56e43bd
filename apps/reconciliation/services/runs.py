"""Run a reconciliation: take the items, match, prove, store all of it in one transaction."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Final

import polars as pl
from django.db import transaction
from django.utils import timezone

from apps.approvals.services import supersede_requests
from apps.audit.services import canonical_bytes, record
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.money import from_ten_thousandths, plain
from apps.common.transitions import advance
from apps.identity.models import User
from apps.operations.services import enqueue
from apps.reconciliation.errors import DatesInvalid, ProofFailed
from apps.reconciliation.locks import (
    live_run_for_update,
    match_type_for_update,
    run_for_execution,
)
from apps.reconciliation.matching import ItemsInvalid, NotOptimal, Outcome
from apps.reconciliation.matching.schemas import Ints
from apps.reconciliation.models import RematchPermit, Run
from apps.reconciliation.permissions import START_RUN
from apps.reconciliation.selectors.items import population, population_ids
from apps.reconciliation.selectors.learning import learned_under, weights_by_pass
from apps.reconciliation.services.assignments import due_day
from apps.reconciliation.services.bulk import store_outcome
from apps.reconciliation.services.by_hand import reconciled
from apps.reconciliation.services.learning import keep_learned, rules_to_run
from apps.reconciliation.services.resolutions import RESOLVE_TASK, rules_in_force_of
from apps.reconciliation.services.rule_sets import require_rules
from apps.reconciliation.services.takeover import (
    take_assignments_over,
    take_reviews_over,
    take_write_offs_over,
)
from apps.reconciliation.states import RUN_MOVES, RunStatus

_FIRST_DAY: Final = date(1970, 1, 1)
_LAST_DAY: Final = date(2099, 12, 31)


@transaction.atomic
def start_run(*, match_type_id: int, starts_on: date, ends_on: date, actor: User) -> Run:
    """Ask for a run over the days, both inclusive, under the rules in force; it is queued.

    If the items and rules are those of the run that stands, that run is returned and nothing is
    queued. A run that is queued already is returned too, and handed to the workers once more: its
    first delivery may have been lost, and carrying it out twice does nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        DatesInvalid: the wrong way round, or outside 1970 to 2099.
        RulesNotApproved: the first rules of the match type wait for approval.
    """
    match_type = match_type_for_update(match_type_id, actor=actor)
    authorize(actor, START_RUN, entity_id=match_type.entity_id)
    _require_days(starts_on, ends_on)
    of_these_days = match_type.runs.filter(starts_on=starts_on, ends_on=ends_on)
    queued: Run | None = of_these_days.filter(status=RunStatus.QUEUED).first()
    if queued is not None:
        _hand_to_workers(queued)
        return queued
    draft = Run(
        entity_id=match_type.entity_id,
        match_type=match_type,
        rule_set=require_rules(match_type),
        starts_on=starts_on,
        ends_on=ends_on,
        requested_by=actor,
    )
    live: Run | None = of_these_days.live().first()
    if live is not None and live.input_digest == _input_digest(draft, population_ids(draft)):
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


@transaction.atomic
def execute_run(*, run_id: int) -> Run:
    """Carry out a queued run; a run that is not queued is returned as it is.

    Everything the run finds appears together with its completion. A refusal (items that break
    their contract, a proof that fails) fails the run and stores nothing else.

    Raises:
        NotVisible: no such run.
    """
    run = run_for_execution(run_id)
    if run.status != RunStatus.QUEUED:
        return run
    try:
        with transaction.atomic():
            _carry_out(run)
    except Refusal as refusal:
        _fail(run, f"{refusal.message} {refusal.remedy}".strip())
    except (ItemsInvalid, NotOptimal) as error:
        _fail(run, str(error))
    return run


def _hand_to_workers(run: Run) -> None:
    enqueue("apps.reconciliation.tasks.execute_run", run_id=run.pk)


def _require_days(starts_on: date, ends_on: date) -> None:
    if ends_on < starts_on:
        raise DatesInvalid(field="ends_on")
    for name, day in (("starts_on", starts_on), ("ends_on", ends_on)):
        if not _FIRST_DAY <= day <= _LAST_DAY:
            raise DatesInvalid("A run covers days from 1970 to 2099.", field=name)


def _carry_out(run: Run) -> None:
    items = population(run)
    rules = rules_to_run(run.rule_set)
    outcome = reconciled(run, items, rules)
    if outcome.proof_amount != 0:
        raise ProofFailed(run=run.pk)
    former = _supersede_former(run)
    with ThreadPoolExecutor(1) as beside:  # the database is busy meanwhile
        digest = beside.submit(_outcome_digest, outcome)
        store_outcome(run, outcome)
    keep_learned(run, outcome)
    advance(run, to=RunStatus.COMPLETED, moves=RUN_MOVES)
    run.input_digest = _input_digest(run, items.ids)
    run.outcome_digest = digest.result()
    run.left_count, run.right_count = items.left.height, items.right.height
    run.carried_left_count = items.carried_left_count
    run.carried_right_count = items.carried_right_count
    run.group_count, run.break_count = outcome.groups.height, outcome.breaks.height
    run.proof = _proof_facts(outcome.proof)
    run.finished_at = timezone.now()
    run.due_on = former.due_on if former else due_day(run, rules)
    run.save()
    record(
        actor=run.requested_by,
        action="reconciliation.run.complete",
        subject=run,
        groups=run.group_count,
        breaks=run.break_count,
        input_digest=run.input_digest,
        outcome_digest=run.outcome_digest,
        proof=run.proof,
    )
    if former is not None:
        take_reviews_over(former, run)
        take_write_offs_over(former, run)
        take_assignments_over(former, run)
    if rules_in_force_of(run):
        enqueue(RESOLVE_TASK, run_id=run.pk)


def _supersede_former(run: Run) -> Run | None:
    former = live_run_for_update(run)
    if former is not None:
        advance(former, to=RunStatus.SUPERSEDED, moves=RUN_MOVES)
        former.save(update_fields=["status"])
        record(
            actor=run.requested_by,
            action="reconciliation.run.supersede",
            subject=former,
            by=run.pk,
        )
        supersede_requests(subject=former, actor=run.requested_by)
    return former


def _fail(run: Run, failure: str) -> None:
    run.refresh_from_db()
    advance(run, to=RunStatus.FAILED, moves=RUN_MOVES)
    run.failure = failure
    run.finished_at = timezone.now()
    run.save(update_fields=["status", "failure", "finished_at"])
    record(actor=run.requested_by, action="reconciliation.run.fail", subject=run, failure=failure)


def _input_digest(run: Run, ids: tuple[Ints, Ints]) -> str:
    """SHA-256 over what the outcome depends on: rules, dates, records, permits, learned weights.

    A run that learned some is asked after it learned: what the next one would go by.
    """
    facts: list[object] = [run.rule_set.digest, run.starts_on, run.ends_on]
    if learned := weights_by_pass(learned_under(run.rule_set)):
        facts.append(learned)
    permits = RematchPermit.objects.filter(
        revocation__revision__run__match_type_id=run.match_type_id
    )
    if permitted := list(permits.order_by("pk").values_list("pk", flat=True)):
        facts.append(permitted)  # what was taken back may be matched again
    digest = hashlib.sha256(canonical_bytes(facts))
    for side in ids:
        digest.update(side.tobytes())
        digest.update(b"|")
    return digest.hexdigest()


def _outcome_digest(outcome: Outcome) -> str:
    """SHA-256 over groups, items and breaks as canonical CSV: equal outcomes, equal digests."""
    digest = hashlib.sha256()
    for frame in (outcome.groups, outcome.items, outcome.breaks, outcome.break_items):
        digest.update(frame.write_csv().encode())
    return digest.hexdigest()


def _proof_facts(proof: pl.DataFrame) -> list[dict[str, str]]:
    """The proof by currency, amounts as text with the currency's decimals."""
    return [
        {
            name: value
            if name == "currency"
            else plain(from_ten_thousandths(value), row["currency"])
            for name, value in row.items()
        }
        for row in proof.iter_rows(named=True)
    ]

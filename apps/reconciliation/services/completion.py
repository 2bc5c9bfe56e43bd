"""How a run ends: with its outcome, which appears as a whole, or with the reason why it failed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import polars as pl
from django.utils import timezone

from apps.approvals.services import supersede_requests
from apps.audit.services import record
from apps.common.money import from_ten_thousandths, plain
from apps.common.transitions import advance
from apps.operations.services import enqueue
from apps.reconciliation.errors import ProofFailed
from apps.reconciliation.locks import live_run_for_update
from apps.reconciliation.matching import Matched, Outcome, RuleSet
from apps.reconciliation.matching.schemas import Ints
from apps.reconciliation.models import Run
from apps.reconciliation.services.assignments import due_day
from apps.reconciliation.services.bulk import store_outcome
from apps.reconciliation.services.digests import input_digest, outcome_digest
from apps.reconciliation.services.learning import keep_learned
from apps.reconciliation.services.resolutions import RESOLVE_TASK, rules_in_force_of
from apps.reconciliation.services.takeover import take_over
from apps.reconciliation.states import RUN_MOVES, RunStatus

_ROWS_AT_ONCE: Final = 100_000


def complete_run(
    run: Run,
    found: Matched,
    rules: RuleSet,
    *,
    ids: tuple[Ints, Ints],
    carried_counts: tuple[int, int],
) -> None:
    """Store what a run found; what the run before it was given by people goes over to it.

    What stayed open is explained while the groups are stored.

    Args:
        run: locked, with its match type.
        ids: the records of either side, ascending.
        carried_counts: how many of them the period before left over.

    Raises:
        ProofFailed: the outcome does not add up.
    """
    former = _supersede_former(run)
    with ThreadPoolExecutor(1) as beside:
        explained = beside.submit(_proved, run, found)
        digest = beside.submit(lambda: outcome_digest(explained.result()))
        store_outcome(run, found, explained.result)
    outcome = explained.result()
    keep_learned(run, outcome)
    advance(run, to=RunStatus.COMPLETED, moves=RUN_MOVES)
    run.input_digest = input_digest(run, ids)
    run.outcome_digest = digest.result()
    run.left_count, run.right_count = (len(side) for side in ids)
    run.carried_left_count, run.carried_right_count = carried_counts
    run.due_on = former.due_on if former else due_day(run, rules)
    _save_with_outcome(run, outcome)
    if former is not None:
        take_over(former, run)
    if rules_in_force_of(run):
        enqueue(RESOLVE_TASK, run_id=run.pk)


def fail_run(run: Run, failure: str) -> None:
    """End a locked run with the reason why there is no outcome."""
    run.refresh_from_db()
    advance(run, to=RunStatus.FAILED, moves=RUN_MOVES)
    run.failure = failure
    run.finished_at = timezone.now()
    run.save(update_fields=["status", "failure", "finished_at"])
    record(actor=run.requested_by, action="reconciliation.run.fail", subject=run, failure=failure)


def _proved(run: Run, found: Matched) -> Outcome:
    outcome = found.explained()
    if outcome.proof_amount != 0:
        raise ProofFailed(run=run.pk)
    return outcome


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


def _save_with_outcome(run: Run, outcome: Outcome) -> None:
    """Save a completed run with what its outcome comes to, and record that it is complete."""
    run.group_count, run.break_count = outcome.groups.height, outcome.breaks.height
    run.proof = _proof_facts(outcome.proof)
    run.finished_at = timezone.now()
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

"""How a run ends: with its outcome, which appears as a whole, or with the reason why it failed."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import polars as pl
from django.utils import timezone

from apps.approvals.services import supersede_requests
from apps.audit.services import canonical_bytes, record
from apps.common.money import from_ten_thousandths, plain
from apps.common.transitions import advance
from apps.operations.services import enqueue
from apps.reconciliation.errors import ProofFailed
from apps.reconciliation.locks import live_run_for_update
from apps.reconciliation.matching import Outcome, RuleSet
from apps.reconciliation.matching.schemas import Ints
from apps.reconciliation.models import RematchPermit, Run
from apps.reconciliation.selectors.learning import learned_under, weights_by_pass
from apps.reconciliation.services.assignments import due_day
from apps.reconciliation.services.bulk import store_outcome
from apps.reconciliation.services.learning import keep_learned
from apps.reconciliation.services.resolutions import RESOLVE_TASK, rules_in_force_of
from apps.reconciliation.services.takeover import take_over
from apps.reconciliation.states import RUN_MOVES, RunStatus

_ROWS_AT_ONCE: Final = 100_000


def complete_run(
    run: Run,
    outcome: Outcome,
    rules: RuleSet,
    *,
    ids: tuple[Ints, Ints],
    carried_counts: tuple[int, int],
) -> None:
    """Store what a run found; what the run before it was given by people goes over to it.

    Args:
        run: locked, with its match type.
        ids: the records of either side, ascending.
        carried_counts: how many of them the period before left over.

    Raises:
        ProofFailed: the outcome does not add up.
    """
    if outcome.proof_amount != 0:
        raise ProofFailed(run=run.pk)
    former = _supersede_former(run)
    with ThreadPoolExecutor(1) as beside:  # the database is busy meanwhile
        digest = beside.submit(_outcome_digest, outcome)
        store_outcome(run, outcome)
    keep_learned(run, outcome)
    advance(run, to=RunStatus.COMPLETED, moves=RUN_MOVES)
    run.input_digest = input_digest(run, ids)
    run.outcome_digest = digest.result()
    run.left_count, run.right_count = (len(side) for side in ids)
    run.carried_left_count, run.carried_right_count = carried_counts
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


def input_digest(run: Run, ids: tuple[Ints, Ints]) -> str:
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


def _outcome_digest(outcome: Outcome) -> str:
    """SHA-256 over groups, items and breaks as canonical CSV: equal outcomes, equal digests."""
    digest = hashlib.sha256()
    for frame in (outcome.groups, outcome.items, outcome.breaks, outcome.break_items):
        digest.update(frame.clear().write_csv().encode())
        for rows in frame.iter_slices(_ROWS_AT_ONCE):
            digest.update(rows.write_csv(include_header=False).encode())
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

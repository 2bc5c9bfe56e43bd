"""Close tasks on reconciliations: run, classify, measure, propose entries, approve, certify."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from apps.close.errors import HandlerUnknown
from apps.close.models import CloseTask
from apps.close.registry import TaskContext, TaskResult
from apps.common.errors import Conflict
from apps.identity.models import User
from apps.reconciliation.models import MatchType, Run
from apps.reconciliation.selectors import (
    Certified,
    causes,
    certification_of,
    live_run,
    match_rate,
    variances,
)
from apps.reconciliation.services import execute_run, propose_adjustment, start_run, submit_run
from apps.reconciliation.states import VARIANCE_LIMIT_PERCENT, CertificationStatus, RunStatus

RUN = "reconciliation.run"
NOTE_DECISION = "apps.close.tasks.note_decision"
UNEXPLAINED = frozenset({"unknown", "ambiguous"})


class RunFailed(Conflict):
    """A reconciliation of the period failed."""

    code = "RUN_FAILED"
    remedy = "Open the run, mend the cause, and retry the task."


class RunMissing(Conflict):
    """A reconciliation of the period has not been run."""

    code = "RUN_MISSING"
    remedy = "Retry the task that runs it."


def run(context: TaskContext) -> TaskResult:
    """Reconcile the period by the match type in `parameters["match_type"]`."""
    match_type = _match_type(context, context.parameters["match_type"])
    started = start_run(
        match_type_id=match_type.pk,
        starts_on=context.period.starts_on,
        ends_on=context.period.ends_on,
        actor=context.actor,
    )
    done = execute_run(run_id=started.pk)
    if done.status != RunStatus.COMPLETED:
        raise RunFailed(f"{match_type.name}: {done.failure}")
    return TaskResult(
        summary={
            "run": done.pk,
            "match_type": match_type.code,
            "left": done.left_count,
            "right": done.right_count,
            "groups": done.group_count,
            "breaks": done.break_count,
            "match_rate": str(match_rate(done)),
            "proof": done.proof,
        }
    )


def classify(context: TaskContext) -> TaskResult:
    """Sum up the causes over the match types; warn of breaks that have none."""
    counts: Counter[str] = Counter()
    for done in _live_runs(context):
        counts.update({line.cause: line.count for line in causes(done)})
    unexplained = sum(counts[cause] for cause in UNEXPLAINED)
    warning = f"{unexplained} breaks have no known cause." if unexplained else ""
    return TaskResult(
        summary={"breaks": counts.total(), "causes": dict(sorted(counts.items()))},
        warning=warning,
    )


def check_variance(context: TaskContext) -> TaskResult:
    """Compare the variance of a match type with `parameters["threshold_percent"]`, or else 1%.

    Each currency is held against it by itself.
    """
    threshold = Decimal(context.parameters.get("threshold_percent", VARIANCE_LIMIT_PERCENT))
    done = _live_run(context, context.parameters["match_type"])
    found = variances(done)
    if not found:
        return TaskResult(warning="There is nothing to measure.")
    over = [
        f"The variance of {each.percent}% in {each.currency} is above {threshold}%."
        for each in found
        if each.percent > threshold
    ]
    worst = max(found, key=lambda each: each.percent)
    return TaskResult(
        summary={
            "currency": worst.currency,
            "percent": str(worst.percent),
            "gross_percent": str(worst.gross_percent),
            "threshold_percent": str(threshold),
            "amount": str(worst.amount),
        },
        warning=" ".join(over),
    )


def propose_adjustments(context: TaskContext) -> TaskResult:
    """Draft an entry for the breaks of `parameters["cause"]`, one per match type."""
    entries = [
        propose_adjustment(
            run_id=done.pk,
            cause=context.parameters["cause"],
            expense_account=context.parameters["expense_account"],
            posted_on=context.period.ends_on,
            actor=context.preparer,
        )
        for done in _live_runs(context)
    ]
    return TaskResult(summary={"entries": [entry.pk for entry in entries if entry]})


def request_approvals(context: TaskContext) -> TaskResult:
    """Ask for approval of each reconciliation; its preparer may not give it."""
    requests = [
        submit_run(
            run_id=done.pk,
            preparer=_preparer_of(context, done.match_type.code),
            actor=context.actor,
            notify_task=NOTE_DECISION,
        )
        for done in _live_runs(context)
    ]
    return TaskResult(
        summary={"reconciliations": len(requests)},
        waits_for=tuple(request.pk for request in requests if request),
    )


def certify(context: TaskContext) -> TaskResult:
    """Wait until preparer and reviewer certified the outcomes of `parameters["match_types"]`.

    What counts is the outcome that stands: a newer run, a change by hand or a break that is open
    again has to be certified anew before the task is done.
    """
    found = [(done, certification_of(done)) for done in _live_runs(context)]
    missing = [
        f"{done.match_type.name}: {_missing(certified)}"
        for done, certified in found
        if certified.status != CertificationStatus.CERTIFIED
    ]
    return TaskResult(
        summary={"certified": {done.match_type.code: _signed(done, each) for done, each in found}},
        awaits=f"{'; '.join(missing)}." if missing else "",
    )


def _missing(certified: Certified) -> str:
    """What has to be done next, by whom."""
    if certified.is_outdated:
        return "the run before it leaves other items to it now: run it again"
    if certified.open_breaks:
        return f"{certified.open_breaks} breaks wait for an explanation"
    part = "reviewer" if certified.status == CertificationStatus.PREPARED else "preparer"
    return f"its {part} has to certify it"


def _signed(done: Run, certified: Certified) -> dict[str, object]:
    parts = {"prepared_by": certified.prepared, "reviewed_by": certified.reviewed}
    people = {name: str(part.certified_by) for name, part in parts.items() if part}
    return {"run": done.pk, "outcome_digest": done.outcome_digest, **people}


def _match_type(context: TaskContext, code: str) -> MatchType:
    found: MatchType | None = MatchType.objects.filter(entity=context.entity, code=code).first()
    if found is None:
        raise HandlerUnknown(f"There is no match type {code!r} here.", field="match_type")
    return found


def _live_run(context: TaskContext, code: str) -> Run:
    done = live_run(
        _match_type(context, code),
        starts_on=context.period.starts_on,
        ends_on=context.period.ends_on,
    )
    if done is None:
        raise RunMissing(f"{code} has not been run for {context.period.name}.")
    return done


def _live_runs(context: TaskContext) -> Sequence[Run]:
    return [_live_run(context, code) for code in context.parameters["match_types"]]


def _preparer_of(context: TaskContext, code: str) -> User:
    """The owner of the task that ran the reconciliation, or else who opened the close."""
    task = CloseTask.objects.filter(
        run=context.task.run, handler=RUN, parameters__match_type=code
    ).first()
    return (task.owner if task else None) or context.task.run.opened_by

"""What the close of the practice month found, beside what was planted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F

from apps.analytics.selectors import anomalies_of, latest_scoring
from apps.approvals.models import Decision
from apps.approvals.selectors import conflicted_ids
from apps.close.models import CloseRun
from apps.close.states import DONE
from apps.compliance.selectors import document_of, latest_package
from apps.identity.models import Entity
from apps.ingestion.models import Record
from apps.ledger.models import Period
from apps.ledger.selectors import trial_balance, trial_balance_totals
from apps.practice.fixtures import DEMO_MONTH, read
from apps.reconciliation.models import Break, BreakItem, MatchGroup, MatchType, Run
from apps.reconciliation.selectors import live_run, match_rate, variance
from apps.reconciliation.states import ReviewStatus
from apps.reporting.documents import verify_package


@dataclass(frozen=True)
class Check:
    """One comparison: what was expected, what was found."""

    name: str
    expected: str
    found: str

    @property
    def holds(self) -> bool:
        return self.expected == self.found


@dataclass(frozen=True)
class MatchTypeResult:
    """One reconciliation beside its truth."""

    name: str
    items: int
    groups: int
    match_rate: Decimal
    variance_percent: Decimal | None
    found: dict[str, int]
    planted: dict[str, int]


@dataclass(frozen=True)
class DemoResult:
    """The whole close beside its truth."""

    tasks_done: int
    tasks_total: int
    match_types: list[MatchTypeResult]
    anomalies: int
    anomalies_planted: int
    approvals: int
    checks: list[Check]

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)


def demo_result(entity: Entity, run: CloseRun) -> DemoResult:
    """Compare the month's close with `truth.json`, number by number."""
    truth = read(f"{DEMO_MONTH}/truth.json")
    period = run.period
    runs = _live_runs(entity, period)
    flagged, planted = _anomalies(period, truth)
    tasks = list(run.tasks.all())
    decisions = list(Decision.objects.filter(request__entity=entity))
    checks = [
        *(check for code, done in runs.items() for check in _run_checks(code, done, truth)),
        *_ledger_checks(entity, period, truth),
        Check("planted anomalies flagged", str(len(planted)), str(len(planted & flagged))),
        Check("breaks explained and accepted", *_breaks_worked(list(runs.values()))),
        Check("tasks done", str(len(tasks)), str(sum(task.status in DONE for task in tasks))),
        Check("period locked", "hard_closed", period.status),
        Check("approvals by people who took no part", str(len(decisions)), str(_clean(decisions))),
        Check("signed evidence PDF", "valid", _verdict(run)),
    ]
    return DemoResult(
        tasks_done=sum(task.status in DONE for task in tasks),
        tasks_total=len(tasks),
        match_types=[_match_type_result(code, done, truth) for code, done in runs.items()],
        anomalies=len(flagged),
        anomalies_planted=len(planted),
        approvals=len(decisions),
        checks=checks,
    )


def _breaks_worked(runs: list[Run]) -> tuple[str, str]:
    """How many breaks there are, and how many somebody explained and somebody else accepted."""
    breaks = Break.objects.filter(run__in=runs)
    accepted = breaks.filter(review__status=ReviewStatus.ACCEPTED).exclude(
        review__explained_by=F("review__accepted_by")
    )
    return str(breaks.count()), str(accepted.count())


def _live_runs(entity: Entity, period: Period) -> dict[str, Run]:
    runs = {}
    for match_type in MatchType.objects.filter(entity=entity):
        done = live_run(match_type, starts_on=period.starts_on, ends_on=period.ends_on)
        if done is not None:
            runs[match_type.code] = done
    return runs


def _match_type_result(code: str, done: Run, truth: dict[str, Any]) -> MatchTypeResult:
    found = variance(done)
    return MatchTypeResult(
        name=done.match_type.name,
        items=done.left_count + done.right_count,
        groups=done.group_count,
        match_rate=match_rate(done),
        variance_percent=found.percent if found else None,
        found=dict(Counter(done.breaks.values_list("cause", flat=True))),
        planted=truth["match_types"][code]["breaks_by_cause"],
    )


def _run_checks(code: str, done: Run, truth: dict[str, Any]) -> list[Check]:
    """Items, groups by pass, proof, and every single break by its cause and its items."""
    expected = truth["match_types"][code]
    passes = Counter(MatchGroup.objects.filter(run=done).values_list("pass_name", flat=True))
    planted = sorted(
        _signature(broken["cause"], broken["left"], broken["right"], broken["amount"])
        for broken in truth["breaks"]
        if broken["match_type"] == code
    )
    found = sorted(_found_breaks(done))
    carried = expected["carried_left_count"], expected["carried_right_count"]
    left, right = expected["left_count"] + carried[0], expected["right_count"] + carried[1]
    return [
        Check(
            f"{code}: items",
            f"{left} + {right}, {sum(carried)} carried in",
            f"{done.left_count} + {done.right_count},"
            f" {done.carried_left_count + done.carried_right_count} carried in",
        ),
        Check(
            f"{code}: groups, exact + tolerance",
            f"{expected['matched_exact']} + {expected['matched_tolerance']}",
            " + ".join(str(passes[name]) for name in _pass_names(done)),
        ),
        Check(f"{code}: breaks as planted", _told(planted, planted), _told(found, planted)),
        Check(f"{code}: proof amount", "0.00", done.proof[0]["proof_amount"]),
    ]


def _pass_names(done: Run) -> list[str]:
    return [step["name"] for step in done.rule_set.rules["passes"]]


def _signature(cause: str, left: list[str], right: list[str], amount: str) -> str:
    return f"{cause} {sorted(left)} {sorted(right)} {Decimal(amount):.2f}"


def _found_breaks(done: Run) -> list[str]:
    items: dict[int, dict[str, list[str]]] = {}
    rows = BreakItem.objects.filter(broken__run=done).values_list("broken_id", "side", "record_id")
    names = dict(
        Record.objects.filter(break_items__broken__run=done).values_list("pk", "external_id")
    )
    for break_id, side, record_id in rows:
        items.setdefault(break_id, {"left": [], "right": []})[side].append(names[record_id])
    return [
        _signature(broken.cause, items[broken.pk]["left"], items[broken.pk]["right"], broken.amount)
        for broken in done.breaks.all()
    ]


def _told(found: list[str], planted: list[str]) -> str:
    """A count if all agree; otherwise the first that does not."""
    surplus = sorted((Counter(found) - Counter(planted)).elements())
    lacking = sorted((Counter(planted) - Counter(found)).elements())
    if surplus or lacking:
        return f"{len(found)}, not planted: {surplus[:1]}, not found: {lacking[:1]}"
    return str(len(planted))


def _ledger_checks(entity: Entity, period: Period, truth: dict[str, Any]) -> list[Check]:
    """Posted lines of the extract, and balances that sum to zero."""
    imported = period.entries.filter(source="gl_extract", status="posted")
    totals = trial_balance_totals(trial_balance(entity_id=entity.pk, as_of=period.ends_on))
    return [
        Check("ledger: entries posted", str(truth["ledger"]["entry_count"]), str(imported.count())),
        Check("ledger: trial balance", "0.00", f"{totals[0].closing:.2f}"),
    ]


def _verdict(run: CloseRun) -> str:
    """What checking the newest package offline says."""
    package = latest_package(run.pk)
    if package is None:
        return "missing"
    report = verify_package(document_of(package), trusted_fingerprints={package.certificate_sha256})
    return "valid" if report.is_valid else report.signature.verdict.value


def _anomalies(period: Period, truth: dict[str, Any]) -> tuple[set[str], set[str]]:
    scoring = latest_scoring(period.pk)
    flagged = {score.entry.external_id for score in anomalies_of(scoring)} if scoring else set()
    return flagged, {anomaly["entry_id"] for anomaly in truth["anomalies"]}


def _clean(decisions: list[Decision]) -> int:
    """Decisions whose approver took no part in what was decided."""
    return sum(
        decision.approver_id not in conflicted_ids(decision.request) for decision in decisions
    )

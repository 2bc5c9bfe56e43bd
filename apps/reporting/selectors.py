"""Where everything stands: what the controller's dashboard shows, each part in few queries.

Each function takes the entities to look at; who may look at what is decided by the caller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import Count, Min, Q, QuerySet

from apps.analytics.models import AnomalyScore, ScoringRun
from apps.analytics.selectors import UNDECIDED
from apps.approvals.models import Request
from apps.approvals.states import RequestStatus
from apps.close.models import CloseRun, CloseTask
from apps.close.states import DONE, TaskStatus
from apps.ingestion.models import Batch, FailedImport, Source
from apps.reconciliation.models import Break, Run
from apps.reconciliation.selectors import (
    NetVariance,
    match_rates,
    net_variance,
    with_status,
    without_handed_on,
)
from apps.reconciliation.states import BreakState, ReviewStatus
from apps.reporting.states import VARIANCE_HANDLER

BREAK_AGES_DAYS: Final = (7, 30, 60)  # upper ends; what is older has a place of its own
REQUEST_AGES_DAYS: Final = (1, 3, 7)

EntityIds = Collection[int] | QuerySet[Any]  # what `__in` takes


@dataclass(frozen=True)
class CloseStanding:
    """The newest close of an entity in numbers of tasks."""

    run: CloseRun
    done: int
    total: int
    waiting: int
    failed: int
    late: int


def closes(entity_ids: EntityIds, now: datetime) -> list[CloseStanding]:
    """The newest close of each entity, by entity (two queries)."""
    listed = list(
        CloseRun.objects.filter(pk__in=_newest_closes(entity_ids))
        .select_related("entity", "period")
        .order_by("entity__code")
    )
    is_done = Q(status__in=DONE)
    counts = {
        row["run"]: row
        for row in CloseTask.objects.filter(run__in=listed)
        .order_by()
        .values("run")
        .annotate(
            done=Count("pk", filter=is_done),
            total=Count("pk"),
            waiting=Count("pk", filter=Q(status=TaskStatus.SUBMITTED)),
            failed=Count("pk", filter=Q(status__in=[TaskStatus.FAILED, TaskStatus.RETURNED])),
            late=Count("pk", filter=Q(due_at__lt=now) & ~is_done),
        )
    }
    nothing = {"done": 0, "total": 0, "waiting": 0, "failed": 0, "late": 0}
    return [
        CloseStanding(run, **{name: counts.get(run.pk, nothing)[name] for name in nothing})
        for run in listed
    ]


def _newest_closes(entity_ids: EntityIds) -> QuerySet[Any]:
    """The id of the newest close of each entity."""
    newest = CloseRun.objects.filter(entity_id__in=entity_ids).order_by("entity_id", "-id")
    return newest.distinct("entity_id").values("pk")


@dataclass(frozen=True)
class Reconciled:
    """The newest run of a match type.

    Attributes:
        match_rate: items matched, in percent of all.
        difference: None where there is nothing to compare, or more than one currency.
        limit_percent: what the newest close allows; None if it does not check.
    """

    run: Run
    match_rate: Decimal
    difference: NetVariance | None
    limit_percent: Decimal | None

    @property
    def is_over(self) -> bool:
        """Whether the variance is above its limit."""
        if self.difference is None or self.limit_percent is None:
            return False
        return self.difference.percent > self.limit_percent


def reconciled(entity_ids: EntityIds) -> list[Reconciled]:
    """The newest run of each match type, by its name (three queries)."""
    newest = (
        Run.objects.live()
        .filter(entity_id__in=entity_ids)
        .order_by("match_type_id", "-ends_on", "-id")
        .distinct("match_type_id")
    )
    runs = list(
        Run.objects.filter(pk__in=newest.values("pk"))
        .select_related("match_type", "entity")
        .order_by("entity__code", "match_type__name", "pk")
    )
    rates, limits = match_rates(runs), _limits(entity_ids)
    return [
        Reconciled(
            run,
            rates[run.pk],
            net_variance(run),
            limits.get((run.entity_id, run.match_type.code)),
        )
        for run in runs
    ]


def _limits(entity_ids: EntityIds) -> dict[tuple[int, str], Decimal]:
    """What the variance checks of each entity's newest close allow, by entity and match type."""
    checks = (
        CloseTask.objects.filter(run__in=_newest_closes(entity_ids), handler=VARIANCE_HANDLER)
        .order_by("run_id", "position")
        .values_list("run__entity_id", "parameters")
    )
    return {
        (entity_id, parameters["match_type"]): Decimal(parameters["threshold_percent"])
        for entity_id, parameters in checks
    }


@dataclass(frozen=True)
class Ages:
    """Things of one kind by age.

    Attributes:
        counts: how many are up to each of the ages, and last how many are older.
        apart: those that do not age: awaited breaks, requests that nobody can decide.
    """

    kind: str
    counts: tuple[int, ...]
    apart: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts) + self.apart


def open_breaks(entity_ids: EntityIds, today: date) -> list[Ages]:
    """Breaks that nobody explained, by cause and by the age of their oldest record (one query)."""
    found = Break.objects.filter(run__in=Run.objects.live().filter(entity_id__in=entity_ids))
    rows = (
        without_handed_on(with_status(found, ReviewStatus.OPEN))
        .annotate(since=Min("items__record__booked_on"))
        .values_list("cause", "since", "state")
    )
    return _by_age(
        (
            (cause, None if state == BreakState.AWAITED else (today - since).days)
            for cause, since, state in rows.order_by()
        ),
        BREAK_AGES_DAYS,
    )


@dataclass(frozen=True)
class Waiting:
    """Requests for approval that wait, by kind and age, and how many are overdue."""

    ages: list[Ages]
    overdue: int


def waiting_requests(entity_ids: EntityIds, now: datetime) -> Waiting:
    """Requests that wait for a decision (one query); those nobody can decide stand apart."""
    rows = list(
        Request.objects.open()
        .filter(entity_id__in=entity_ids)
        .order_by()
        .values_list("item_type", "requested_at", "due_at", "status")
    )
    ages = _by_age(
        (
            (kind, None if status == RequestStatus.BLOCKED else (now - asked) // timedelta(days=1))
            for kind, asked, _, status in rows
        ),
        REQUEST_AGES_DAYS,
    )
    return Waiting(ages, sum(due < now for _, _, due, _ in rows))


def _by_age(things: Iterable[tuple[str, int | None]], limits: Sequence[int]) -> list[Ages]:
    """Count (kind, days) into the ages, most things first; None stands apart."""
    counts: dict[str, Counter[int]] = {}
    apart: Counter[str] = Counter()
    for kind, days in things:
        own = counts.setdefault(kind, Counter())
        if days is None:
            apart[kind] += 1
        else:
            own[sum(days > limit for limit in limits)] += 1
    found = [
        Ages(kind, tuple(own[place] for place in range(len(limits) + 1)), apart[kind])
        for kind, own in counts.items()
    ]
    return sorted(found, key=lambda ages: (-ages.total, ages.kind))


@dataclass(frozen=True)
class Unusual:
    """Entries of a period that stand out in its newest scoring, and how many nobody looked at."""

    scoring: ScoringRun
    undecided: int


def unusual(entity_ids: EntityIds) -> list[Unusual]:
    """The newest scoring of each period, newest period first (two queries)."""
    newest = (
        ScoringRun.objects.filter(entity_id__in=entity_ids)
        .order_by("period_id", "-id")
        .distinct("period_id")
    )
    scorings = list(
        ScoringRun.objects.filter(pk__in=newest.values("pk"))
        .select_related("entity", "period")
        .order_by("-period__ends_on", "entity__code")
    )
    undecided = dict(
        AnomalyScore.objects.filter(UNDECIDED, run__in=scorings)
        .order_by()
        .values_list("run")
        .annotate(Count("pk"))
    )
    return [Unusual(scoring, undecided.get(scoring.pk, 0)) for scoring in scorings]


@dataclass(frozen=True)
class FeedStanding:
    """A source, the last file that came in whole, and a newer one that was refused."""

    source: Source
    batch: Batch | None
    failure: FailedImport | None


def feed_standings(entity_ids: EntityIds) -> list[FeedStanding]:
    """The active sources by entity and code (three queries)."""
    sources = list(
        Source.objects.filter(entity_id__in=entity_ids, is_active=True)
        .select_related("entity")
        .order_by("entity__code", "code")
    )
    batches = {
        batch.source_id: batch
        for batch in Batch.objects.filter(source__in=sources, correction__isnull=True)
        .order_by("source_id", "-id")
        .distinct("source_id")
    }
    failures = {
        failure.source_id: failure
        for failure in FailedImport.objects.filter(source__in=sources)
        .order_by("source_id", "-id")
        .distinct("source_id")
    }
    return [
        FeedStanding(source, batch, _newer(failures.get(source.pk), batch))
        for source in sources
        for batch in (batches.get(source.pk),)
    ]


def _newer(failure: FailedImport | None, batch: Batch | None) -> FailedImport | None:
    """The refused file, if nothing came in after it."""
    if failure is None or (batch is not None and batch.imported_at > failure.failed_at):
        return None
    return failure

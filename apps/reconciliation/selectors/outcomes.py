"""What a run found, in numbers and in rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db.models import Count, Prefetch, Sum
from django.db.models.functions import Abs

from apps.common.access import Actor, one_visible
from apps.common.errors import NotVisible
from apps.common.models import ScopedQuerySet
from apps.common.paging import row_id
from apps.ingestion.selectors import records_named
from apps.reconciliation.errors import MatchTypeAmbiguous
from apps.reconciliation.models import Break, BreakItem, MatchType, Run
from apps.reconciliation.states import VARIANCE_LIMIT_PERCENT


@dataclass(frozen=True)
class NetVariance:
    """How far the sides of a one-currency run are apart.

    Attributes:
        amount: left less right.
        percent: without its sign, of the right total, four decimals: what the close checks.
    """

    amount: Decimal
    currency: str
    percent: Decimal


@dataclass(frozen=True)
class Variance:
    """How far the sides are apart: `amount` = left - right, `percent` of the right total."""

    amount: Decimal
    percent: Decimal
    gross_percent: Decimal
    currency: str

    @property
    def is_over(self) -> bool:
        """Whether the net deviation is above the limit of 1%."""
        return self.percent > VARIANCE_LIMIT_PERCENT


@dataclass(frozen=True)
class CauseLine:
    """Breaks of one cause; `amounts` is their sum by currency."""

    cause: str
    count: int
    amounts: dict[str, Decimal]

    @property
    def amount(self) -> Decimal | None:
        """The sum where all are in one currency; None where amounts cannot be added up."""
        return next(iter(self.amounts.values())) if len(self.amounts) == 1 else None


def match_type_named(name: str, *, actor: Actor, entity_code: str = "") -> MatchType:
    """The match type of this code, or, where no code is so, of this id.

    Raises:
        NotVisible: there is none for this actor.
        MatchTypeAmbiguous: several entities have a match type of this code.
    """
    match_types = MatchType.objects.visible_to(actor)
    if entity_code:
        match_types = match_types.filter(entity__code=entity_code)
    found = list(match_types.filter(code=name)[:2])
    if not found:
        found = list(match_types.filter(pk=row_id(name)))
    if not found:
        raise NotVisible(field="match_type")
    if len(found) > 1:
        raise MatchTypeAmbiguous(field="entity")
    match_type: MatchType = found[0]
    return match_type


def match_types_for(actor: Actor) -> ScopedQuerySet:
    """Match types of granted entities by code."""
    return (
        MatchType.objects.visible_to(actor)
        .select_related("entity", "left_source", "right_source")
        .order_by("code")
    )


def runs_for(actor: Actor) -> ScopedQuerySet:
    """Runs of granted entities, newest first."""
    return (
        Run.objects.visible_to(actor)
        .select_related("match_type", "entity", "rule_set", "requested_by")
        .order_by("-id")
    )


def run_seen_by(actor: Actor, run_id: int) -> Run:
    """The run.

    Raises:
        NotVisible: there is none for this actor.
    """
    return one_visible(runs_for(actor).filter(pk=run_id))


def breaks_for(actor: Actor) -> ScopedQuerySet:
    """Breaks of live runs of granted entities, with their reviews; those of newer runs first."""
    return (
        Break.objects.visible_to(actor)
        .filter(run__in=Run.objects.live())
        .select_related("run__match_type", "run__entity", "review__explained_by")
        .order_by("-run_id", "number")
    )


def live_run(match_type: MatchType, *, starts_on: date, ends_on: date) -> Run | None:
    """The run whose outcome stands for these days."""
    run: Run | None = match_type.runs.live().filter(starts_on=starts_on, ends_on=ends_on).first()
    return run


def match_rate(run: Run) -> Decimal:
    """Matched items in percent of all items, two decimals; 100 when there is nothing to match.

    Cut, not rounded: 100.00 only when every item is matched.
    """
    return match_rates([run])[run.pk]


def match_rates(runs: Sequence[Run]) -> dict[int, Decimal]:
    """The match rate of each completed run by its id (one query).

    Each item is in one group or in one break, and the breaks hold by far the fewer.
    """
    items = BreakItem.objects.filter(broken__run__in=runs).order_by()
    open_counts = dict(items.values_list("broken__run").annotate(Count("id")))
    return {
        run.pk: _rate(open_counts.get(run.pk, 0), run.left_count + run.right_count) for run in runs
    }


def _rate(open_count: int, total: int) -> Decimal:
    if not total:
        return Decimal("100.00")
    return (Decimal(total - open_count) * 100 / total).quantize(Decimal("0.01"), ROUND_DOWN)


def matches_by_pass(run: Run) -> list[tuple[str, int]]:
    """The passes of the run's rules in their order, with the groups that each made."""
    counts = dict(run.groups.order_by().values_list("pass_name").annotate(Count("id")))
    names = [step["name"] for step in run.rule_set.rules["passes"]]
    return [(name, counts.get(name, 0)) for name in names]


def causes(run: Run) -> list[CauseLine]:
    """The run's breaks by cause, largest count first."""
    rows = run.breaks.values("cause", "currency").annotate(count=Count("id"), total=Sum("amount"))
    counts: dict[str, int] = {}
    amounts: dict[str, dict[str, Decimal]] = {}
    for row in rows.order_by("cause", "currency"):
        cause = row["cause"]
        counts[cause] = counts.get(cause, 0) + row["count"]
        amounts.setdefault(cause, {})[row["currency"]] = row["total"]
    lines = [CauseLine(cause, counts[cause], amounts[cause]) for cause in counts]
    return sorted(lines, key=lambda line: (-line.count, line.cause))


def variance(run: Run) -> Variance | None:
    """The deviation of a one-currency run; None if there is nothing or more than one currency.

    The net percentage is the difference, the gross one the sum of the breaks' absolute amounts,
    each in percent of the right total (four decimals).
    """
    found = variances(run)
    return found[0] if len(found) == 1 else None


def variances(run: Run) -> list[Variance]:
    """The deviation of a run in each of its currencies, as `variance` gives it."""
    breaks = run.breaks.order_by().values("currency").annotate(total=Sum(Abs("amount")))
    gross = dict(breaks.values_list("currency", "total"))
    found = []
    for proof in run.proof:
        currency = proof["currency"]
        left, right = Decimal(proof["left_total"]), Decimal(proof["right_total"])
        found.append(
            Variance(
                amount=left - right,
                percent=_percent(abs(left - right), right),
                gross_percent=_percent(gross.get(currency, Decimal(0)), right),
                currency=currency,
            )
        )
    return found


def net_variance(run: Run) -> NetVariance | None:
    """The net part of `variance`, without a query."""
    if len(run.proof) != 1:
        return None
    (proof,) = run.proof
    left, right = Decimal(proof["left_total"]), Decimal(proof["right_total"])
    return NetVariance(left - right, proof["currency"], _percent(abs(left - right), right))


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    if not whole:
        return Decimal(0) if not part else Decimal(100)
    return (part * 100 / abs(whole)).quantize(Decimal("0.0001"))


def break_items() -> Prefetch[Any]:
    """For `prefetch_related`: the items of breaks with their records."""
    return Prefetch("items", BreakItem.objects.select_related("record"))


def rows_of_records(run: Run, record_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Records of the run's two sources as rows."""
    match_type = run.match_type
    frame = records_named(
        source_ids=[match_type.left_source_id, match_type.right_source_id],
        record_ids=record_ids,
    )
    return frame.to_dicts()

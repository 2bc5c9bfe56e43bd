"""Which items are open as of a run: over all the runs that lead up to it, at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from apps.reconciliation.models import BreakItem, MatchGroup, Run
from apps.reconciliation.selectors.groups import held_ids, right_sign
from apps.reconciliation.states import RunStatus, Side

_HAS_OUTCOME = (RunStatus.COMPLETED, RunStatus.SUPERSEDED)


@dataclass(frozen=True)
class OpenItem:
    """A record that nothing is matched with yet; `amount` counts in the left side's sense."""

    record_id: int
    side: str
    reference: str
    external_id: str
    booked_on: date
    currency: str
    amount: Decimal
    cause: str
    break_id: int
    age_days: int

    @property
    def effect(self) -> Decimal:
        """What it adds to left less right."""
        return self.amount if self.side == Side.LEFT else -self.amount


def run_as_of(run: Run, at: datetime) -> Run | None:
    """The run that stood at that moment for the same match type and days."""
    found: Run | None = (
        Run.objects.filter(
            match_type_id=run.match_type_id,
            starts_on=run.starts_on,
            ends_on=run.ends_on,
            status__in=_HAS_OUTCOME,
            finished_at__lte=at,
        )
        .order_by("-finished_at", "-pk")
        .first()
    )
    return found


def runs_up_to(run: Run, at: datetime | None = None) -> list[Run]:
    """The run and the standing ones before it, without those inside the days of another.

    Args:
        at: what stood at that moment; None for now.
    """
    earlier = Run.objects.filter(match_type_id=run.match_type_id, ends_on__lt=run.starts_on)
    if at is None:
        standing = list(earlier.filter(status=RunStatus.COMPLETED))
    else:
        past = earlier.filter(status__in=_HAS_OUTCOME, finished_at__lte=at)
        newest = past.order_by("starts_on", "ends_on", "-finished_at", "-pk")
        standing = list(newest.distinct("starts_on", "ends_on"))
    apart = [one for one in standing if not any(_holds(other, one) for other in standing)]
    return sorted([*apart, run], key=lambda each: (each.ends_on, each.starts_on))


def open_items(runs: Sequence[Run], at: datetime | None = None) -> list[OpenItem]:
    """The items that some of the runs left open and none of them matched, oldest first.

    Args:
        runs: of one match type, in order; the last one's end is the day on which ages count.
        at: as things stood at that moment; None for now.
    """
    if not runs:
        return []
    matched = _matched(runs, at)
    sign = right_sign(runs[-1])
    found: dict[int, OpenItem] = {}
    rows = _broken(runs, at).select_related("record", "broken")
    for item in rows.order_by("broken__run__ends_on", "broken_id"):
        if item.record_id in matched:
            continue
        record = item.record
        found[item.record_id] = OpenItem(
            record_id=item.record_id,
            side=item.side,
            reference=record.reference,
            external_id=record.external_id,
            booked_on=record.booked_on,
            currency=record.currency,
            amount=record.amount * (sign if item.side == Side.RIGHT else 1),
            cause=item.broken.cause,
            break_id=item.broken_id,
            age_days=(runs[-1].ends_on - record.booked_on).days,
        )
    return sorted(found.values(), key=lambda each: (each.booked_on, each.record_id))


def differences_inside(runs: Sequence[Run], at: datetime | None = None) -> list[MatchGroup]:
    """The groups of the runs whose sides are not equal."""
    groups = MatchGroup.ever.filter(run__in=runs).exclude(difference=0)
    return list(groups.filter(_group_stood(at)).select_related("run").order_by("run", "number"))


def _holds(outer: Run, inner: Run) -> bool:
    is_longer = (outer.ends_on - outer.starts_on) > (inner.ends_on - inner.starts_on)
    return is_longer and outer.starts_on <= inner.starts_on and inner.ends_on <= outer.ends_on


def _broken(runs: Sequence[Run], at: datetime | None) -> Any:
    items = BreakItem.ever.filter(broken__run__in=runs)
    if at is None:
        return items.filter(broken__closure__isnull=True)
    made = Q(broken__revision__isnull=True) | Q(broken__revision__revised_at__lte=at)
    stood = Q(broken__closure__isnull=True) | Q(broken__closure__revision__revised_at__gt=at)
    return items.filter(made & stood)


def _matched(runs: Sequence[Run], at: datetime | None) -> set[int]:
    groups = MatchGroup.ever.filter(run__in=runs).filter(_group_stood(at))
    return {pk for side in Side for pk in held_ids(groups, side)}


def _group_stood(at: datetime | None) -> Q:
    if at is None:
        return Q(revocation__isnull=True)
    made = Q(revision__isnull=True) | Q(revision__revised_at__lte=at)
    return made & (Q(revocation__isnull=True) | Q(revocation__revision__revised_at__gt=at))

"""The list that preparers work through: breaks of live runs, the largest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, Sum
from django.db.models.functions import Abs
from django.utils.formats import date_format

from apps.common.access import Actor
from apps.common.models import ScopedQuerySet
from apps.identity.models import Entity
from apps.reconciliation.models import Break, BreakItem, Run
from apps.reconciliation.states import BreakState, ReviewStatus

_OPEN = Q(review__isnull=True) | Q(review__status=ReviewStatus.OPEN)


@dataclass(frozen=True)
class Days:
    """The days of a run, for people to choose from."""

    starts_on: date
    ends_on: date

    @property
    def name(self) -> str:
        """For addresses: "2023-04-01_2023-04-30"."""
        return f"{self.starts_on}_{self.ends_on}"

    @property
    def words(self) -> str:
        """For people: "April 2023", or "1 Apr 2023 to 15 Apr 2023"."""
        next_day = self.ends_on + timedelta(days=1)
        if self.starts_on.day == next_day.day == 1 and self.starts_on.month == self.ends_on.month:
            return date_format(self.starts_on, "F Y")
        return f"{date_format(self.starts_on, 'j M Y')} to {date_format(self.ends_on, 'j M Y')}"


@dataclass(frozen=True)
class Standing:
    """Where the work on some breaks stands.

    Attributes:
        awaited: of the breaks, those whose counterpart may still come; never counted as open.
        open: neither awaited nor explained nor accepted.
        unexplained: sum of the open breaks without their sign, by currency.
    """

    breaks: int
    awaited: int
    open: int
    explained: int
    accepted: int
    unexplained: list[tuple[str, Decimal]]


def days_with_breaks(actor: Actor, entity: Entity | None) -> list[Days]:
    """The days of live runs that the actor sees, the latest first."""
    runs = Run.objects.visible_to(actor).live()
    if entity is not None:
        runs = runs.filter(entity=entity)
    found = runs.order_by("-ends_on", "-starts_on").values_list("starts_on", "ends_on").distinct()
    return [Days(*days) for days in found]


def with_status(breaks: ScopedQuerySet, status: str) -> ScopedQuerySet:
    """The breaks whose review has the status; a break that nobody has looked at is open."""
    return breaks.filter(_OPEN if status == ReviewStatus.OPEN else Q(review__status=status))


def without_handed_on(breaks: ScopedQuerySet) -> ScopedQuerySet:
    """Without the awaited breaks whose records the live run of the days after has taken over.

    There they were matched or are a break again: over several periods they would count twice.
    """
    following = Run.objects.live().filter(
        match_type=OuterRef("run__match_type"),
        starts_on=OuterRef("run__ends_on") + timedelta(days=1),
    )
    is_reviewed = Q(review__status__in=[ReviewStatus.EXPLAINED, ReviewStatus.ACCEPTED])
    return breaks.filter(~Q(state=BreakState.AWAITED) | is_reviewed | ~Exists(following))


def with_size(
    breaks: ScopedQuerySet, *, least: Decimal | None = None, most: Decimal | None = None
) -> ScopedQuerySet:
    """The breaks whose amount without its sign lies in the range, both ends included."""
    sized = breaks.annotate(size=Abs("amount"))
    if least is not None:
        sized = sized.filter(size__gte=least)
    if most is not None:
        sized = sized.filter(size__lte=most)
    return sized


def naming(breaks: ScopedQuerySet, words: str) -> ScopedQuerySet:
    """The breaks with a record whose reference holds the words, or whose external id is so."""
    items = BreakItem.objects.filter(broken_id=OuterRef("pk")).filter(
        Q(record__reference__icontains=words) | Q(record__external_id=words)
    )
    return breaks.filter(Exists(items))


def standing_of(breaks: ScopedQuerySet) -> Standing:
    """Where the work on these breaks stands."""
    is_awaited = Q(state=BreakState.AWAITED)
    counted = breaks.order_by().aggregate(
        breaks=Count("pk"),
        awaited=Count("pk", filter=is_awaited & _OPEN),
        open=Count("pk", filter=~is_awaited & _OPEN),
        explained=Count("pk", filter=Q(review__status=ReviewStatus.EXPLAINED)),
        accepted=Count("pk", filter=Q(review__status=ReviewStatus.ACCEPTED)),
    )
    sums = (
        breaks.filter(_OPEN)
        .exclude(is_awaited)
        .order_by("currency")
        .values("currency")
        .annotate(total=Sum(Abs("amount")))
    )
    unexplained = [(row["currency"], row["total"]) for row in sums]
    return Standing(**counted, unexplained=unexplained)


def largest_first(
    breaks: ScopedQuerySet, *, after: tuple[Decimal, int] | None = None
) -> ScopedQuerySet:
    """The breaks by size, the largest first, those of one size by id.

    Args:
        after: size and id of the last one seen; what follows it.
    """
    sized = breaks.annotate(size=Abs("amount")).order_by("-size", "pk")
    if after is None:
        return sized
    size, pk = after
    return sized.filter(Q(size__lt=size) | Q(size=size, pk__gt=pk))


def smallest_before(breaks: ScopedQuerySet, before: tuple[Decimal, int]) -> ScopedQuerySet:
    """What precedes the break of this size and id in `largest_first`, nearest first."""
    size, pk = before
    sized = breaks.annotate(size=Abs("amount")).order_by("size", "-pk")
    return sized.filter(Q(size__gt=size) | Q(size=size, pk__lt=pk))


def next_open(broken: Break) -> Break | None:
    """The break of the same run to look at next: open, not awaited, the largest that is left."""
    breaks = (
        Break.objects.filter(run=broken.run).exclude(pk=broken.pk).exclude(state=BreakState.AWAITED)
    )
    found: Break | None = largest_first(with_status(breaks, ReviewStatus.OPEN)).first()
    return found


def references_of(breaks: Iterable[Break]) -> dict[int, list[str]]:
    """The distinct references of each break's records, in their order."""
    found: dict[int, list[str]] = {broken.pk: [] for broken in breaks}
    rows = (
        BreakItem.objects.filter(broken__in=list(found))
        .order_by("side", "record_id")
        .values_list("broken_id", "record__reference")
    )
    for broken_id, reference in rows:
        if reference and reference not in found[broken_id]:
            found[broken_id].append(reference)
    return found


def history_of(broken: Break) -> list[Any]:
    """Every state that the break's review had, newest first, with who brought it about."""
    review = getattr(broken, "review", None)
    if review is None:
        return []
    return list(
        review.history.exclude(history_type="+", status=ReviewStatus.OPEN)
        .select_related("explained_by", "accepted_by", "history_user")
        .order_by("-history_id")
    )


def candidates_for(broken: Break, *, most: int = 30) -> list[Any]:
    """Other open breaks of the run that could belong to it: those that even it out best first.

    Each has its items with their records as `chosen`.
    """
    others = (
        with_status(Break.objects.filter(run=broken.run), ReviewStatus.OPEN)
        .filter(currency=broken.currency)
        .exclude(pk=broken.pk)
        .annotate(gap=Abs(F("amount") + broken.amount))
        .order_by("gap", "number")
    )
    items = BreakItem.objects.select_related("record").order_by("side", "record_id")
    chosen = Prefetch("items", items, to_attr="chosen")
    return list(others.prefetch_related(chosen)[:most])

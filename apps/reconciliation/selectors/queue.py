"""The review queue: breaks that wait for somebody, the most urgent first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import BigIntegerField, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Abs, Coalesce
from django.utils import timezone

from apps.common.access import Actor
from apps.common.models import ScopedQuerySet
from apps.identity.models import Entity
from apps.reconciliation.models import Break, BreakAssignment, BreakItem, MatchType
from apps.reconciliation.selectors.outcomes import breaks_for
from apps.reconciliation.selectors.worklist import without_handed_on
from apps.reconciliation.states import BreakState, ReviewStatus

DEFAULT_AGEING: Final = (30, 60, 90)
AGE: Final = re.compile("[0-9]{1,5}-(?:[0-9]{1,5})?")  # name of a bucket


_URGENCY: Final = ("due", "-is_material", "-size", "pk")


@dataclass(frozen=True)
class Queued:
    """A place in the review queue: what is due first, then what is material, then what is large.

    Args:
        due: the latest day there is where nothing is due.
        key: id of the break; equals go by it.
    """

    due: date
    is_material: bool
    size: Decimal
    key: int


@dataclass(frozen=True)
class Bucket:
    """Breaks of one age: from `least` days to `most` (None: and older), with their sizes."""

    least: int
    most: int | None
    count: int
    amounts: dict[str, Decimal]

    @property
    def name(self) -> str:
        """For addresses: "0-30", "91-"."""
        return f"{self.least}-{'' if self.most is None else self.most}"

    @property
    def words(self) -> str:
        """For people: "0 to 30 days", "over 90 days"."""
        if self.most is None:
            return f"over {self.least - 1} days"
        return f"{self.least} to {self.most} days"


def review_queue(actor: Actor) -> Any:
    """Breaks of runs that stand, neither accepted nor awaited, the most urgent first.

    Each has `owner_id_now`, `since` (the booking date of its oldest record), `size` and `due`.
    """
    waiting = (
        without_handed_on(breaks_for(actor))
        .exclude(state=BreakState.AWAITED)
        .filter(Q(review__isnull=True) | ~Q(review__status=ReviewStatus.ACCEPTED))
    )
    due = Coalesce(F("run__due_on"), Value(date.max))
    return with_owner(waiting).annotate(due=due).order_by(*_URGENCY)


def queued_after(breaks: Any, last: Queued) -> Any:
    """Of the review queue what follows a place, the most urgent first."""
    later = Q(due__gt=last.due) | Q(due=last.due, is_material__lt=last.is_material)
    alike = Q(due=last.due, is_material=last.is_material)
    smaller = Q(size__lt=last.size) | Q(size=last.size, pk__gt=last.key)
    return breaks.filter(later | (alike & smaller))


def queued_before(breaks: Any, first: Queued) -> Any:
    """Of the review queue what precedes a place, the nearest first."""
    earlier = Q(due__lt=first.due) | Q(due=first.due, is_material__gt=first.is_material)
    alike = Q(due=first.due, is_material=first.is_material)
    larger = Q(size__gt=first.size) | Q(size=first.size, pk__lt=first.key)
    return breaks.filter(earlier | (alike & larger)).reverse()


def with_owner(breaks: ScopedQuerySet) -> Any:
    """Each break with `owner_id_now`, `since` and `size`."""
    newest = BreakAssignment.objects.filter(broken=OuterRef("pk")).order_by("-pk")
    oldest = BreakItem.objects.filter(broken=OuterRef("pk")).order_by("record__booked_on")
    return breaks.annotate(
        owner_id_now=Coalesce(
            Subquery(newest.values("owner_id")[:1]),
            F("run__match_type__owner_id"),
            output_field=BigIntegerField(),
        ),
        since=Subquery(oldest.values("record__booked_on")[:1]),
        size=Abs("amount"),
    )


def of_owner(breaks: Any, owner_id: int | None) -> Any:
    """Of breaks with owners those of one person; None for those of nobody."""
    return breaks.filter(owner_id_now=owner_id) if owner_id else breaks.filter(owner_id_now=None)


def of_age(breaks: Any, name: str, today: date) -> Any:
    """Of breaks with `since` those of a bucket by its name ("31-60", "91-").

    Raises:
        ValueError: the name is not one of a bucket.
    """
    if not AGE.fullmatch(name):
        raise ValueError(f"{name!r} is no bucket of days.")
    least, _, most = name.partition("-")
    if int(least):  # what is dated later than today counts as 0 days old
        breaks = breaks.filter(since__lte=today - timedelta(days=int(least)))
    return breaks.filter(since__gte=today - timedelta(days=int(most))) if most else breaks


def ageing(breaks: Any, today: date, ends: Sequence[int] = DEFAULT_AGEING) -> list[Bucket]:
    """Breaks with `since` by age in days; what is dated later than today counts as 0."""
    starts = [0, *(end + 1 for end in ends)]
    counts = [0] * len(starts)
    amounts: list[dict[str, Decimal]] = [{} for _ in starts]
    for since, currency, size in breaks.order_by().values_list("since", "currency", "size"):
        age = max((today - since).days, 0)
        place = sum(age > end for end in ends)
        counts[place] += 1
        amounts[place][currency] = amounts[place].get(currency, Decimal(0)) + size
    upper: list[int | None] = [*ends, None]
    return [
        Bucket(least, most, count, held)
        for least, most, count, held in zip(starts, upper, counts, amounts, strict=True)
    ]


def ageing_ends(match_type: MatchType | None) -> Sequence[int]:
    """Where the buckets end: as the match type says, or 30, 60 and 90 days."""
    return match_type.ageing_days if match_type is not None else DEFAULT_AGEING


def today_of(entity: Entity | None) -> date:
    """Today where the entity is; in UTC without one."""
    now = timezone.now()
    return (now.astimezone(entity.zone) if entity else now).date()


def owner_of(broken: Break) -> int | None:
    """Who has the break now: whom it was given to last, or the owner of its match type."""
    last = BreakAssignment.objects.filter(broken=broken).order_by("-pk").first()
    owner_id: int | None = last.owner_id if last else broken.run.match_type.owner_id
    return owner_id

"""The review queue: breaks that wait for somebody, the most urgent first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import BigIntegerField, F, OuterRef, Q, Subquery
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

    Urgent is what is due first, then what is material, then what is large. Each has `owner_id_now`,
    `since` (the booking date of its oldest record) and `size`.
    """
    waiting = (
        without_handed_on(breaks_for(actor))
        .exclude(state=BreakState.AWAITED)
        .filter(Q(review__isnull=True) | ~Q(review__status=ReviewStatus.ACCEPTED))
    )
    return with_owner(waiting).order_by(
        F("run__due_on").asc(nulls_last=True), "-is_material", "-size", "pk"
    )


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
    """Of breaks with `since` those of a bucket by its name ("31-60"); all if it is none."""
    least, _, most = name.partition("-")
    if not (_is_days(least) and (most == "" or _is_days(most))):
        return breaks
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


def _is_days(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6

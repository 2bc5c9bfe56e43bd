"""How people review: how long they look, what they do not open, what they wave through.

Every figure is defined in `MEANINGS`, in the words in which it is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import Final

MEANINGS: Final = {
    "Decisions": "What somebody decided himself in these days, whatever the verdict.",
    "Time on it": (
        "The middle one of the times from the first opening of the request, as it was when he"
        " decided, to the decision. Pauses are in it. Decisions without an opening on record are"
        " left out."
    ),
    "Not looked at": (
        "Decisions without an opening of the request on record, by what they came in: in bulk, over"
        " REST, or by a door that is not on record (a program, or before that was kept). What was"
        " looked at elsewhere is not known here."
    ),
    "Not opened": (
        "Of the evidence that was there when he decided, what he had never opened. What the page"
        " shows at once counts as opened; what he attached himself is left out."
    ),
    "Waved through": (
        "Of his approvals with an opening on record, those given within so many seconds of it and"
        " without opening any evidence, whether or not there was any."
    ),
}


@dataclass(frozen=True, slots=True)
class Review:
    """One decision, with what went before it.

    Args:
        opened_at: when he first opened the request as it was when he decided; None: not on record.
        there: how much evidence there was, by others.
        opened: how much of it he had opened.
        door: by what the decision came in; empty where that is not on record.
    """

    is_approval: bool
    decided_at: datetime
    opened_at: datetime | None
    there: int
    opened: int
    door: str = ""

    @property
    def time(self) -> timedelta | None:
        """From the opening to the decision; None if it is not on record."""
        return None if self.opened_at is None else self.decided_at - self.opened_at


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of some reviews; None where there is nothing to tell them by.

    Attributes:
        unseen: door to the decisions without an opening on record, those doors alone that have any.
    """

    decisions: int
    timed: int
    middle_time: timedelta | None
    there: int
    unopened: int
    timed_approvals: int
    waved_through: int
    unseen: tuple[tuple[str, int], ...] = ()

    @property
    def unseen_count(self) -> int:
        """The decisions without an opening on record."""
        return self.decisions - self.timed

    @property
    def waved_rate(self) -> Fraction | None:
        """The part of the approvals that were waved through."""
        if not self.timed_approvals:
            return None
        return Fraction(self.waved_through, self.timed_approvals)


def quality_of(reviews: Sequence[Review], quick: timedelta) -> Quality:
    """The figures; `quick` is the time within which an approval is waved through, inclusive."""
    times = [review.time for review in reviews if review.time is not None]
    approvals = [review for review in reviews if review.is_approval and review.time is not None]
    unseen = Counter(review.door for review in reviews if review.time is None)
    seconds = [time.total_seconds() for time in times]
    return Quality(
        decisions=len(reviews),
        timed=len(times),
        middle_time=timedelta(seconds=median(seconds)) if seconds else None,
        there=sum(review.there for review in reviews),
        unopened=sum(review.there - review.opened for review in reviews),
        timed_approvals=len(approvals),
        waved_through=sum(_is_waved(review, quick) for review in approvals),
        unseen=tuple(sorted(unseen.items())),
    )


def _is_waved(review: Review, quick: timedelta) -> bool:
    return review.opened == 0 and review.time is not None and review.time <= quick

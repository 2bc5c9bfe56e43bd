"""Named exceptions to "who had a hand in it does not decide", for one person and some days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class WaiverTerms:
    """What one waiver lets somebody do.

    Args:
        item_type: the kind of thing that it is for; never all of them.
        starts_on, ends_on: first and last day on which it holds.
    """

    waiver_id: int
    person_id: int
    item_type: str
    starts_on: date
    ends_on: date

    def holds_on(self, day: date) -> bool:
        """Whether it is in effect on this day, first and last day included."""
        return self.starts_on <= day <= self.ends_on


def waived(
    waivers: Iterable[WaiverTerms], *, item_type: str, day: date, maker_id: int
) -> dict[int, int]:
    """Person to the waiver under which he may decide on such a thing on the day; the oldest.

    Never the maker: that nobody approves his own work is waived for nobody.
    """
    found: dict[int, int] = {}
    for terms in sorted(waivers, key=lambda terms: terms.waiver_id):
        if terms.item_type == item_type and terms.holds_on(day) and terms.person_id != maker_id:
            found.setdefault(terms.person_id, terms.waiver_id)
    return found


def waived_kinds(waivers: Iterable[WaiverTerms], *, person_id: int, day: date) -> list[str]:
    """The kinds of things for which the person has a waiver on the day."""
    held = (one for one in waivers if one.person_id == person_id and one.holds_on(day))
    return sorted({one.item_type for one in held})

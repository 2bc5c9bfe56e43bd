"""From when until when people held their roles, told backwards from what they hold now.

What is held now is certain. Each change on record, the newest first, says what was held before it.
So the answer for now is what is held now, and what was never put on record shows as a beginning
that nobody knows, instead of being left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody was given a role, or it was taken from him."""

    person_id: int
    role: str
    at: datetime
    is_given: bool


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of time in which somebody held a role.

    Args:
        since: None: since when is not on record.
        until: the first instant at which he did not hold it any more; None: he holds it.
    """

    person_id: int
    role: str
    since: datetime | None = None
    until: datetime | None = None

    def holds_at(self, at: datetime) -> bool:
        """Whether he held it at this instant, as far as is known."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether he held it at some instant from `start` on and before `end`."""
        has_begun = self.since is None or self.since < end
        return has_begun and (self.until is None or self.until > start)


def spells(
    held_now: Iterable[tuple[int, str]], changes: Iterable[Change], now: datetime
) -> tuple[Spell, ...]:
    """Every spell of every role, in no order.

    Where the record does not add up, somebody counts as having held the role in doubt: one that is
    gone without having been taken on record, up to the next change of it; one that was taken twice
    in a row, from the first time on.

    Args:
        held_now: person and role.
        changes: oldest first.
    """
    going = {(person, role): Spell(person, role) for person, role in held_now}
    ended: list[Spell] = []
    last_known: dict[tuple[int, str], datetime] = {}
    for change in reversed(list(changes)):
        key = (change.person_id, change.role)
        later = going.pop(key, None)
        if change.is_given:
            gone = Spell(change.person_id, change.role, until=last_known.get(key, now))
            ended.append(replace(later or gone, since=change.at))
        else:
            if later is not None:  # held again, and nobody put on record since when
                ended.append(replace(later, since=change.at))
            going[key] = Spell(change.person_id, change.role, until=change.at)
        last_known[key] = change.at
    return (*ended, *going.values())

"""Who is away on a day, and who then decides in whose place.

A delegator's seat is taken by one person at a time: by the delegate where he may act, otherwise by
the delegator himself. So nobody gains a second vote by delegating, and nobody can pass on what was
passed to him: a mandate hands over what its delegator holds himself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from .limits import LimitTerms


@dataclass(frozen=True, slots=True)
class Absence:
    """Days on which a person is away, first and last included."""

    person_id: int
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Mandate:
    """One person's decisions in another's hands.

    Args:
        item_type: the kind of thing that it is about; empty: every kind.
        starts_on, ends_on: first and last day on which it holds.
        cap: the most that is handed over, besides the limits of both; None: those alone.
    """

    delegator_id: int
    delegate_id: int
    item_type: str
    starts_on: date
    ends_on: date
    cap: LimitTerms | None = None

    def is_about(self, item_type: str) -> bool:
        """Whether it hands over this kind of thing."""
        return self.item_type in ("", item_type)


@dataclass(frozen=True, slots=True)
class Decider:
    """Somebody who could decide, for himself or in somebody's place.

    Args:
        mandate: by what he stands in; None: he holds the role himself.
    """

    person_id: int
    mandate: Mandate | None = None

    @property
    def seat(self) -> int:
        """Whose seat it is: the delegator's, or his own."""
        return self.person_id if self.mandate is None else self.mandate.delegator_id

    @property
    def people(self) -> frozenset[int]:
        """Everybody whose vote it would be: each of them has one."""
        return frozenset({self.person_id, self.seat})


@dataclass(frozen=True)
class Absences:
    """Leaves and mandates as they stand on one day."""

    day: date
    leaves: tuple[Absence, ...] = ()
    mandates: tuple[Mandate, ...] = ()

    def is_away(self, person_id: int) -> bool:
        """Whether the person is away on the day."""
        return any(
            leave.person_id == person_id and leave.starts_on <= self.day <= leave.ends_on
            for leave in self.leaves
        )

    @cached_property
    def in_force(self) -> tuple[Mandate, ...]:
        """The mandates that hold on the day; one whose delegate is away has nobody to take it."""
        return tuple(
            mandate
            for mandate in self.mandates
            if mandate.starts_on <= self.day <= mandate.ends_on
            and not self.is_away(mandate.delegate_id)
        )

    def mandate_of(self, delegator_id: int, item_type: str) -> Mandate | None:
        """What the person has handed over of this kind; one for the kind goes before the rest."""
        held = [
            mandate
            for mandate in self.in_force
            if mandate.delegator_id == delegator_id and mandate.is_about(item_type)
        ]
        return max(held, key=lambda mandate: mandate.item_type != "", default=None)

"""Can a request be approved at all, all its stages together?

Distinct people across stages: a person who is needed at one stage is missing at the next. Asking
each stage on its own overlooks that, so all are asked at once, as a bipartite matching of places
(a stage that needs three people has three) with people. Source: Hall's marriage theorem; the
matching is Kuhn's augmenting paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True, slots=True)
class Step:
    """What one stage needs.

    Args:
        candidates: ids of the people who could decide on it, those in conflict left out.
        needed: how many different ones of them have to.
    """

    candidates: frozenset[int]
    needed: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """The smallest set of stages that cannot be filled together.

    Args:
        steps: their indexes, ascending; of several smallest sets the first.
        needed: how many people they need together.
        people: everybody who could decide on any of them.
    """

    steps: tuple[int, ...]
    needed: int
    people: frozenset[int]

    @property
    def missing(self) -> int:
        """How many more people it takes at least."""
        return self.needed - len(self.people)


def assignment(steps: Sequence[Step]) -> tuple[frozenset[int], ...] | None:
    """Who could decide where, nobody twice; None if that is impossible.

    The same steps always give the same answer.
    """
    places = [index for index, step in enumerate(steps) for _ in range(step.needed)]
    place_of: dict[int, int] = {}
    for place in range(len(places)):
        if not _seat(place, places, steps, place_of, set()):
            return None
    taken: list[set[int]] = [set() for _ in steps]
    for person, place in place_of.items():
        taken[places[place]].add(person)
    return tuple(frozenset(people) for people in taken)


def shortage(steps: Sequence[Step]) -> Shortage | None:
    """The smallest set of steps that cannot be filled together, or None if all can be.

    Work grows with 2 to the number of steps, once it is known that something is missing; policies
    have ten at most.
    """
    if assignment(steps) is not None:
        return None
    return next(found for found in _sets_of(steps) if found.missing > 0)


def _sets_of(steps: Sequence[Step]) -> list[Shortage]:
    """Every set of steps with the people it needs and has, small sets first."""
    return [
        Shortage(
            steps=chosen,
            needed=sum(steps[index].needed for index in chosen),
            people=frozenset().union(*(steps[index].candidates for index in chosen)),
        )
        for size in range(1, len(steps) + 1)
        for chosen in combinations(range(len(steps)), size)
    ]


def _seat(
    place: int,
    places: Sequence[int],
    steps: Sequence[Step],
    place_of: dict[int, int],
    asked: set[int],
) -> bool:
    """Give the place to somebody, moving others to other places where that helps."""
    for person in sorted(steps[places[place]].candidates - asked):
        asked.add(person)
        is_free = person not in place_of
        if is_free or _seat(place_of[person], places, steps, place_of, asked):
            place_of[person] = place
            return True
    return False

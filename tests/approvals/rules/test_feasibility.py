"""Who is missing, all stages together: against trying everything."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.rules import Shortage, Step, assignment, shortage

PEOPLE = st.frozensets(st.integers(1, 5), max_size=5)
STEPS = st.lists(st.builds(Step, PEOPLE, st.integers(1, 3)), max_size=4)


def step(*people: int, needed: int = 1) -> Step:
    return Step(frozenset(people), needed)


def can_be_filled(steps: list[Step], taken: frozenset[int] = frozenset()) -> bool:
    """The oracle: every choice of people for the first step, then the rest without them."""
    if not steps:
        return True
    free = sorted(steps[0].candidates - taken)
    return any(
        can_be_filled(steps[1:], taken | set(chosen))
        for chosen in combinations(free, steps[0].needed)
    )


@given(STEPS)
def test_it_says_what_trying_everything_says(steps: list[Step]) -> None:
    found = assignment(steps)
    assert (found is not None) == can_be_filled(steps)
    assert (shortage(steps) is None) == (found is not None)
    if found is not None:
        everybody = [person for people in found for person in people]
        assert len(everybody) == len(set(everybody)), "nobody twice"
        for people, one in zip(found, steps, strict=True):
            assert people <= one.candidates
            assert len(people) == one.needed


@given(STEPS)
def test_the_stages_named_cannot_be_filled_and_fewer_can(steps: list[Step]) -> None:
    found = shortage(steps)
    if found is None:
        return
    named = [steps[index] for index in found.steps]
    assert not can_be_filled(named)
    assert found.needed == sum(one.needed for one in named)
    assert found.people == frozenset().union(*(one.candidates for one in named))
    for size in range(1, len(named)):
        for fewer in combinations(steps, size):
            assert can_be_filled(list(fewer)), "no smaller set is short"


@given(STEPS, st.data())
def test_so_many_more_people_as_it_says_fill_the_named_stages(
    steps: list[Step], data: st.DataObject
) -> None:
    found = shortage(steps)
    if found is None:
        return
    anew = frozenset(range(100, 100 + found.missing))
    filled = [Step(steps[index].candidates | anew, steps[index].needed) for index in found.steps]
    assert can_be_filled(filled)
    one_less = [Step(one.candidates - {100}, one.needed) for one in filled]
    assert not can_be_filled(one_less)


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        ([], None),
        ([step(1)], None),
        ([step(1), step(1)], Shortage((0, 1), 2, frozenset({1}))),
        ([step(1, 2), step(1)], None),
        ([step(), step(1)], Shortage((0,), 1, frozenset())),
        ([step(1, 2), step(1, needed=2)], Shortage((1,), 2, frozenset({1}))),
        ([step(3), step(1, 2), step(1, 2, needed=2)], Shortage((1, 2), 3, frozenset({1, 2}))),
        ([step(1), step(2), step(1, 2)], Shortage((0, 1, 2), 3, frozenset({1, 2}))),
    ],
)
def test_the_smallest_set_is_named(steps: list[Step], named: Shortage | None) -> None:
    assert shortage(steps) == named


def test_moving_somebody_makes_room() -> None:
    assert assignment([step(1, 2), step(1)]) == (frozenset({2}), frozenset({1}))


def test_how_many_are_missing() -> None:
    found = shortage([step(1, needed=3)])
    assert found is not None
    assert found.missing == 2

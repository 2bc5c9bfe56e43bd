"""Who is away on a day, and what is handed over, against a plain list."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.rules import Absence, Absences, Decider, Mandate

DAY = date(2026, 4, 15)


def on(offset: int) -> date:
    return DAY + timedelta(days=offset)


def mandate(kind: str = "", start: int = 0, end: int = 0, **changes: Any) -> Mandate:
    facts = {"delegator_id": 1, "delegate_id": 2} | changes
    return Mandate(item_type=kind, starts_on=on(start), ends_on=on(end), **facts)


@pytest.mark.parametrize(
    ("start", "end", "away"),
    [(0, 0, True), (-3, 0, True), (0, 3, True), (-3, -1, False), (1, 3, False)],
)
def test_first_and_last_day_count(start: int, end: int, away: bool) -> None:
    there = Absences(DAY, leaves=(Absence(1, on(start), on(end)),))
    assert there.is_away(1) is away
    assert not there.is_away(2)
    assert (Absences(DAY, mandates=(mandate("", start, end),)).mandate_of(1, "x") is not None) is (
        away
    )


def test_a_mandate_for_the_kind_goes_before_one_for_everything() -> None:
    general, special = mandate(), mandate("write_off", delegate_id=3)
    there = Absences(DAY, mandates=(general, special))
    assert there.mandate_of(1, "write_off") == special
    assert there.mandate_of(1, "journal_entry") == general
    assert there.mandate_of(2, "journal_entry") is None


def test_a_delegate_who_is_away_takes_nothing_over() -> None:
    there = Absences(DAY, leaves=(Absence(2, DAY, DAY),), mandates=(mandate(),))
    assert there.mandate_of(1, "journal_entry") is None


def test_a_stand_in_uses_two_votes() -> None:
    assert Decider(2).people == {2}
    assert Decider(2, mandate()).people == {1, 2}


_DAYS = st.integers(-3, 3)
_PEOPLE = st.integers(1, 4)
_LEAVES = st.builds(lambda who, a, n: Absence(who, on(a), on(a + n)), _PEOPLE, _DAYS, _DAYS)
_MANDATES = st.builds(
    lambda giver, taker, kind, a, n: Mandate(giver, taker, kind, on(a), on(a + n)),
    _PEOPLE,
    _PEOPLE,
    st.sampled_from(["", "a", "b"]),
    _DAYS,
    _DAYS,
)


@given(st.lists(_LEAVES, max_size=4), st.lists(_MANDATES, max_size=5), st.sampled_from("ab"))
def test_as_a_plain_search_says(leaves: Any, mandates: Any, kind: str) -> None:
    there = Absences(DAY, tuple(leaves), tuple(mandates))
    away = {one.person_id for one in leaves if one.starts_on <= DAY <= one.ends_on}
    assert {who for who in range(1, 5) if there.is_away(who)} == away
    for giver in range(1, 5):
        usable = [
            one
            for one in mandates
            if one.delegator_id == giver
            and one.delegate_id not in away
            and one.starts_on <= DAY <= one.ends_on
            and one.item_type in ("", kind)
        ]
        special = [one for one in usable if one.item_type] or usable
        assert there.mandate_of(giver, kind) == (special[0] if special else None)

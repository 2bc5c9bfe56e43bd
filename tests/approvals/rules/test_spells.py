"""When people held their roles, told backwards: against a list that is kept while it happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.rules import Change, Spell, spells

START = datetime(2023, 4, 1, tzinfo=UTC)
ROLES = ("approver", "reviewer")
STEPS = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(ROLES), st.booleans()), max_size=20)


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def held_at(known: tuple[Spell, ...], at: datetime) -> set[tuple[int, str]]:
    return {(spell.person_id, spell.role) for spell in known if spell.holds_at(at)}


@given(before=st.sets(st.tuples(st.integers(1, 3), st.sampled_from(ROLES))), steps=STEPS)
def test_it_says_of_every_moment_what_was_held_then(
    before: set[tuple[int, str]], steps: list[tuple[int, str, bool]]
) -> None:
    held, changes, seen = set(before), [], [set(before)]
    for person, role, is_given in steps:
        if ((person, role) in held) != is_given:  # nothing is given twice, nor taken twice
            changes.append(Change(person, role, hour(len(seen)), is_given))
            (held.add if is_given else held.remove)((person, role))
            seen.append(set(held))
    known = spells(held, changes, hour(len(seen)))
    for number, there in enumerate(seen):
        assert held_at(known, hour(number)) == there
        assert held_at(known, hour(number + 0.5)) == there


@given(steps=STEPS, held=st.sets(st.tuples(st.integers(1, 3), st.sampled_from(ROLES))))
def test_whatever_is_missing_on_record_now_is_what_is_held(
    steps: list[tuple[int, str, bool]], held: set[tuple[int, str]]
) -> None:
    changes = [
        Change(person, role, hour(number), is_given)
        for number, (person, role, is_given) in enumerate(steps)
    ]
    known = spells(held, changes, hour(len(steps)))
    assert held_at(known, hour(len(steps) + 1)) == held
    for change in changes:  # in doubt somebody held it
        if change.is_given:
            assert (change.person_id, change.role) in held_at(known, change.at)


def test_a_role_that_nobody_put_on_record_has_no_beginning() -> None:
    assert spells([(1, "approver")], [], hour(0)) == (Spell(1, "approver"),)


def test_a_spell_touches_the_days_in_which_it_holds() -> None:
    spell = Spell(1, "approver", since=hour(2), until=hour(4))
    assert [spell.touches(hour(a), hour(b)) for a, b in ((0, 2), (0, 3), (3, 9), (4, 9))] == [
        False,
        True,
        True,
        False,
    ]
    assert Spell(1, "approver").touches(hour(0), hour(1))

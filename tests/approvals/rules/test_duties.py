"""Who could do both of two duties: against a look at every hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.rules import Both, Pairing, Spell, could_do_both

START = datetime(2023, 4, 1, tzinfo=UTC)
PAIRING = Pairing(
    "x", "prepare", "decide", frozenset({"preparer", "controller"}),
    frozenset({"approver", "controller"}), "risk",
)  # fmt: skip
HOURS = st.one_of(st.none(), st.integers(0, 12))


def hour(number: int | None) -> datetime | None:
    return None if number is None else START + timedelta(hours=number)


@given(
    rows=st.lists(
        st.tuples(
            st.integers(1, 2),
            st.sampled_from(["preparer", "approver", "controller", "auditor"]),
            HOURS,
            HOURS,
        ),
        max_size=6,
    ),
    first=st.integers(0, 12),
    hours=st.integers(1, 12),
)
def test_whoever_held_both_at_some_hour_is_found_with_the_hours(
    rows: list[tuple[int, str, int | None, int | None]], first: int, hours: int
) -> None:
    known = [Spell(person, role, hour(since), hour(until)) for person, role, since, until in rows]
    start, end = START + timedelta(hours=first), START + timedelta(hours=first + hours)
    expected = {}
    for person in (1, 2):
        both = []
        for number in range(hours):
            at = start + timedelta(hours=number)
            held = {one.role for one in known if one.person_id == person and one.holds_at(at)}
            if held & PAIRING.first_roles and held & PAIRING.second_roles:
                both.append(at)
        if both:
            expected[person] = (both[0], both[-1] + timedelta(hours=1))
    found = could_do_both(known, PAIRING, start, end)
    assert {one.person_id: (one.since, one.until) for one in found} == expected


def test_the_roles_are_named() -> None:
    known = [Spell(1, "preparer"), Spell(1, "approver"), Spell(1, "auditor"), Spell(2, "preparer")]
    end = START + timedelta(hours=1)
    assert could_do_both(known, PAIRING, START, end) == (
        Both(1, ("approver", "preparer"), START, end),
    )

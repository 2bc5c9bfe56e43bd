"""Figures of reviews: against plain counting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.rules import Quality, Review, quality_of

NOON = datetime(2023, 5, 2, 12, tzinfo=UTC)
QUICK = timedelta(seconds=30)
ROWS = st.lists(
    st.tuples(
        st.booleans(),
        st.one_of(st.none(), st.integers(0, 100)),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from(["page", "bulk", "rest", ""]),
    ),
    max_size=12,
)


def review(
    is_approval: bool, seconds: int | None, there: int, opened: int, door: str = ""
) -> Review:
    opened_at = None if seconds is None else NOON - timedelta(seconds=seconds)
    return Review(is_approval, NOON, opened_at, there, min(opened, there), door)


@given(rows=ROWS)
def test_every_figure_is_what_one_would_count(
    rows: list[tuple[bool, int | None, int, int, str]],
) -> None:
    found = quality_of([review(*row) for row in rows], QUICK)
    assert found.decisions == len(rows)
    times = sorted(seconds for _, seconds, _, _, _ in rows if seconds is not None)
    assert found.timed == len(times)
    if times:
        half = len(times) // 2
        middle = times[half] if len(times) % 2 else (times[half - 1] + times[half]) / 2
        assert found.middle_time == timedelta(seconds=middle)
    else:
        assert found.middle_time is None
    assert found.there == sum(there for _, _, there, _, _ in rows)
    assert found.unopened == sum(max(there - opened, 0) for _, _, there, opened, _ in rows)
    approvals = [row for row in rows if row[0] and row[1] is not None]
    waved = [row for row in approvals if (row[1] or 0) <= 30 and min(row[3], row[2]) == 0]
    assert (found.timed_approvals, found.waved_through) == (len(approvals), len(waved))
    rate = Fraction(len(waved), len(approvals)) if approvals else None
    assert found.waved_rate == rate
    unseen = [row[4] for row in rows if row[1] is None]
    assert dict(found.unseen) == {door: unseen.count(door) for door in unseen}
    assert found.unseen_count == len(unseen)


def test_nothing_is_told_of_nothing() -> None:
    assert quality_of([], QUICK) == Quality(0, 0, None, 0, 0, 0, 0)


def test_the_limit_is_inclusive() -> None:
    at, after = review(True, 30, 0, 0), review(True, 31, 0, 0)
    assert quality_of([at, after], QUICK).waved_through == 1

"""Frames of ledger lines for the tests of the measures."""

from datetime import date, timedelta

import polars as pl
from hypothesis import strategies as st

SCHEMA = {
    "line_id": pl.Int64,
    "entry_id": pl.Int64,
    "account": pl.String,
    "currency": pl.String,
    "amount": pl.Int64,
    "posted_on": pl.Date,
    "source": pl.String,
    "prepared_by": pl.String,
}
MONDAY = date(2026, 3, 2)


def line(line_id, amount=1_000_000, **values):
    """One ordinary line: 100.00 EUR on account 6100, posted on a Monday."""
    return {
        "line_id": line_id,
        "entry_id": line_id,
        "account": "6100",
        "currency": "EUR",
        "amount": amount,
        "posted_on": MONDAY,
        "source": "gl",
        "prepared_by": "alice",
        **values,
    }


def frame(rows=()):
    return pl.DataFrame(list(rows), schema=SCHEMA)


AMOUNTS = st.integers(-(10**15), 10**15) | st.sampled_from([0, 10_000, -10_000, 50_000_000])
ACCOUNTS = st.sampled_from([("6100", "EUR"), ("6100", "USD"), ("4000", "EUR"), ("1200", "EUR")])


@st.composite
def lines_and_history(draw, max_lines=12, max_history=30):
    """Two frames with ids of their own, in any order, of few accounts and labels."""

    def rows(count, first_id, last_on):
        return [
            line(
                first_id + number,
                draw(AMOUNTS),
                entry_id=first_id + draw(st.integers(0, 4)),
                **dict(zip(("account", "currency"), draw(ACCOUNTS), strict=True)),
                posted_on=last_on - timedelta(days=draw(st.integers(0, 30))),
                source=draw(st.sampled_from(["gl", "manual", None])),
                prepared_by=draw(st.sampled_from(["alice", "bob", None])),
            )
            for number in range(count)
        ]

    present = rows(draw(st.integers(1, max_lines)), 1_000, date(2026, 3, 31))
    earlier = rows(draw(st.integers(0, max_history)), 1, date(2026, 2, 28))
    return frame(draw(st.permutations(present))), frame(draw(st.permutations(earlier)))

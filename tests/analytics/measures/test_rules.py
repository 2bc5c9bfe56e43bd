"""The simple rules against plain readings of them."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.measures import Parameters
from apps.analytics.measures.population import read_population
from apps.analytics.measures.rules import round_amount, seldom_used_account, weekend_posting
from tests.analytics.measures.frames import frame, line, lines_and_history


def scores(rule, lines, history=(), **parameters):
    return rule(read_population(frame(lines), frame(history)), Parameters(**parameters))


def reason(found, position=0):
    (told,) = found.explain(np.array([position]))
    return told


# Weekend


@pytest.mark.parametrize(
    ("day", "weekend", "is_hit"),
    [
        (date(2026, 3, 6), {5, 6}, False),
        (date(2026, 3, 7), {5, 6}, True),
        (date(2026, 3, 8), {5, 6}, True),
        (date(2026, 3, 9), {5, 6}, False),
        (date(2026, 3, 6), {4, 5}, True),
        (date(2026, 3, 8), set(), False),
    ],
)
def test_a_weekend_posting_is_one_on_a_day_of_the_weekend(day, weekend, is_hit):
    found = scores(weekend_posting, [line(1, posted_on=day)], weekend=frozenset(weekend))
    assert found.is_hit.tolist() == [is_hit]
    assert found.raw.tolist() == found.normalised.tolist() == [float(is_hit)]


def test_a_weekend_posting_names_the_day():
    found = scores(weekend_posting, [line(1, posted_on=date(2026, 3, 7))])
    assert reason(found).reason == "posted on a Saturday, 2026-03-07"
    assert reason(found).inputs == {"posted_on": "2026-03-07"}


def test_a_source_that_posts_by_itself_may_do_so_at_the_weekend():
    saturday = date(2026, 3, 7)
    lines = [
        line(1, posted_on=saturday, source="gateway"),
        line(2, posted_on=saturday, source="manual"),
    ]
    found = scores(weekend_posting, lines, unattended_sources=frozenset({"gateway"}))
    assert found.is_hit.tolist() == [False, True]


# Round amounts


def is_round(amount, magnitudes):
    """From the decimal digits of the amount, as one would look at it."""
    fitting = [digits for start, digits in magnitudes if abs(amount) >= start * 10_000]
    return bool(fitting) and len(str(abs(amount)).rstrip("0")) <= fitting[-1]


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (999, False),
        (500, False),
        (1_000, True),
        (5_000, True),
        (5_500, False),
        (10_000, True),
        (12_000, True),
        (12_500, False),
        (120_000, True),
        (125_000, False),
        (1_250_000, True),
        (1_255_000, False),
        (-12_000, True),
        (0, False),
    ],
)
def test_an_amount_is_round_by_its_magnitude(units, expected):
    assert scores(round_amount, [line(1, units * 10_000)]).is_hit.tolist() == [expected]


MAGNITUDES = st.dictionaries(st.integers(1, 10**14), st.integers(1, 25), max_size=4).map(
    lambda found: tuple(sorted(found.items()))
)
LARGEST = 2**63


@given(
    st.lists(
        st.integers(-LARGEST, LARGEST - 1)
        | st.builds(
            lambda digits, zeros: digits * 10**zeros, st.integers(-99, 99), st.integers(0, 16)
        ),
        min_size=1,
    ),
    MAGNITUDES,
)
def test_round_amounts_are_those_with_few_digits(amounts, magnitudes):
    found = scores(
        round_amount,
        [line(n, amount) for n, amount in enumerate(amounts)],
        round_magnitudes=magnitudes,
    )
    assert found.is_hit.tolist() == [is_round(amount, magnitudes) for amount in amounts]
    assert found.normalised.tolist() == [float(is_hit) for is_hit in found.is_hit]


def test_a_round_amount_names_what_it_is_a_multiple_of():
    found = scores(round_amount, [line(1, 12_500_000_000)])
    told = reason(found)
    assert told.reason == "1,250,000.00 EUR on account 6100 is a multiple of 10,000.00"
    assert told.inputs == {"amount": "1250000.0000", "multiple_of": "10000.0000"}


def test_amounts_have_the_decimals_of_their_currency():
    found = scores(
        round_amount,
        [line(1, 50_000_000, currency="JPY"), line(2, 50_000_000, currency="KWD")],
        currency_exponents={"JPY": 0, "KWD": 3},
    )
    assert reason(found, 0).reason == "5,000 JPY on account 6100 is a multiple of 1,000"
    assert reason(found, 1).reason == "5,000.000 KWD on account 6100 is a multiple of 1,000.000"


# Seldom-used accounts


def postings(*days, account="4000"):
    return [line(1_000 + n, posted_on=day, account=account) for n, day in enumerate(days)]


def a_year_of(account, count):
    days = [date(2025, 3 + n % 10, 1 + n // 10) for n in range(count)]
    return [line(5_000 + n, posted_on=day, account=account) for n, day in enumerate(days)]


BUSY = a_year_of("6100", 120) + [
    line(9_000 + month, posted_on=date(2026, month, 1)) for month in (1, 2)
]


@pytest.mark.parametrize(("count", "is_hit"), [(0, True), (6, True), (7, False), (12, False)])
def test_an_account_is_seldom_used_up_to_a_number_of_postings_a_year(count, is_hit):
    days = [date(2025, 3 + n % 10, 1 + n // 10) for n in range(count)]
    found = scores(seldom_used_account, [line(1, account="4000")], postings(*days) + BUSY)
    assert (found.is_hit.tolist(), found.raw.tolist()) == ([is_hit], [float(count)])
    assert found.threshold == 6


def test_only_the_months_looked_back_on_count():
    long_ago = [date(2025, 2, n) for n in range(1, 20)]
    found = scores(seldom_used_account, [line(1, account="4000")], postings(*long_ago) + BUSY)
    assert found.raw.tolist() == [0.0]


@pytest.mark.parametrize(
    ("months", "count", "is_hit"),
    [(1, 0, True), (1, 1, False), (2, 1, True), (2, 2, False), (4, 2, True), (4, 3, False)],
)
def test_a_short_history_allows_in_proportion(months, count, is_hit):
    history = [line(n, posted_on=date(2025, 10 + n, 5)) for n in range(min(months, 3))]
    history += [line(50, posted_on=date(2026, 1, 5))] * (months == 4)
    days = [date(2025, 10, n + 1) for n in range(count)]
    found = scores(
        seldom_used_account,
        [line(700, posted_on=date(2026, 2, 3), account="4000")],
        history + postings(*days),
    )
    assert found.is_hit.tolist() == [is_hit]
    assert found.threshold == 6 * months // 12


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([], "account 4000 had no posting in the 2 months before"),
        ([date(2026, 2, 1)], "account 4000 had 1 posting in the 2 months before"),
    ],
)
def test_a_seldom_used_account_is_told_with_its_postings(days, words):
    history = [line(n, posted_on=date(2026, n, 5)) for n in (1, 2)] + postings(*days)
    found = scores(seldom_used_account, [line(700, account="4000")], history)
    assert reason(found).reason == words
    assert reason(found).inputs == {"account": "4000", "postings": len(days), "months": 2}


def test_without_history_no_account_is_called_seldom_used():
    found = scores(seldom_used_account, [line(1), line(2)])
    assert np.isnan(found.normalised).all()
    assert not found.is_hit.any()
    assert [(each.account, each.reason) for each in found.unscored] == [(None, "no history")]
    assert found.explain(np.array([], dtype=np.int64)) == []


@given(lines_and_history(), st.integers(0, 30), st.integers(1, 24))
def test_postings_are_counted_on_the_account_in_its_currency(frames, allowed, months):
    lines, history = frames
    found = seldom_used_account(
        read_population(lines, history),
        Parameters(seldom_postings=allowed, seldom_months=months),
    )
    first = min(lines["posted_on"])
    since = first.year * 12 + first.month - 1 - months
    earlier = [
        row
        for row in history.iter_rows(named=True)
        if row["posted_on"].year * 12 + row["posted_on"].month - 1 >= since
    ]
    held = len({(row["posted_on"].year, row["posted_on"].month) for row in earlier})
    for row, count, is_hit in zip(
        lines.sort("line_id").iter_rows(named=True), found.raw, found.is_hit, strict=True
    ):
        same = [
            other
            for other in earlier
            if (other["account"], other["currency"]) == (row["account"], row["currency"])
        ]
        if not earlier:
            assert np.isnan(count)
            continue
        assert count == len(same)
        assert is_hit == (len(same) <= allowed * min(held, months) // months)

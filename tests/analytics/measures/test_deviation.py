"""z-score and robust z against the statistics module."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.measures import Parameters
from apps.analytics.measures.deviation import amount_base, robust_z, size_base, z_score
from apps.analytics.measures.population import read_population
from tests.analytics.measures.frames import frame, line, lines_and_history


def z_scores(lines, history, **parameters):
    used = Parameters(**parameters)
    population = read_population(lines, history)
    return z_score(population, amount_base(population, used.z_minimum_lines), used)


def robust_scores(lines, history, **parameters):
    used = Parameters(**parameters)
    population = read_population(lines, history)
    return robust_z(population, size_base(population, used.robust_minimum_lines), used)


def base_of(row, lines, history, minimum, value_of):
    """The values that a line is held against, by plain search."""

    def values(frame):
        return [
            value_of(other["amount"])
            for other in frame.iter_rows(named=True)
            if (other["account"], other["currency"]) == (row["account"], row["currency"])
            and value_of(other["amount"]) is not None
        ]

    earlier = values(history)
    return earlier if len(earlier) >= minimum else earlier + values(lines)


def plain_z(row, lines, history, minimum):
    base = base_of(row, lines, history, minimum, float)
    if len(base) < minimum or len(set(base)) == 1:
        return math.nan
    return (row["amount"] - statistics.fmean(base)) / statistics.pstdev(base)


def log_size(amount):
    return math.log(abs(amount)) if amount else None


def plain_robust_z(row, lines, history, minimum):
    base = base_of(row, lines, history, minimum, log_size)
    if len(base) < minimum or row["amount"] == 0:
        return math.nan
    median = statistics.median(base)
    mad = statistics.median([abs(value - median) for value in base])
    return 0.6745 * (log_size(row["amount"]) - median) / mad if mad else math.nan


@given(lines_and_history(), st.integers(2, 8), st.sampled_from([0.5, 1.0, 2.5]))
@pytest.mark.parametrize(
    ("scores", "plain", "prefix"),
    [(z_scores, plain_z, "z"), (robust_scores, plain_robust_z, "robust")],
)
def test_every_line_has_the_score_of_the_definition(
    scores, plain, prefix, frames, minimum, threshold
):
    lines, history = frames
    found = scores(
        lines, history, **{f"{prefix}_minimum_lines": minimum, f"{prefix}_threshold": threshold}
    )
    rows = lines.sort("line_id").iter_rows(named=True)
    expected = [plain(row, lines, history, minimum) for row in rows]
    assert found.raw == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True)
    normalised = [abs(z) / (abs(z) + threshold) for z in expected]
    assert found.normalised == pytest.approx(normalised, rel=1e-6, abs=1e-9, nan_ok=True)
    assert found.threshold == threshold
    for z, is_hit in zip(found.raw, found.is_hit, strict=True):
        assert is_hit == (abs(z) > threshold)


def steady(count, first_id=1_000, **values):
    """Amounts that alternate between 90.00 and 110.00."""
    return [
        line(first_id + number, 900_000 + 200_000 * (number % 2), **values)
        for number in range(count)
    ]


def test_a_hit_is_told_with_its_figures_in_plain_words():
    history = frame(steady(214))
    found = z_scores(frame([line(1, 12_500_000_000)]), history)
    mean, deviation = 1_000_000, 100_000
    assert found.raw[0] == pytest.approx((12_500_000_000 - mean) / deviation)
    (told,) = found.explain(np.array([0]))
    assert told.reason == (
        "1,250,000.00 EUR on account 6100 is 124990.0 standard deviations above the account's "
        "mean of 100.00 (n = 214)"
    )
    assert told.inputs == {
        "account": "6100",
        "currency": "EUR",
        "amount": "1250000.0000",
        "mean": "100.0000",
        "standard_deviation": "10.0000",
        "lines": 214,
        "base": "history",
    }


def test_an_amount_below_the_mean_is_told_as_below():
    found = z_scores(frame([line(1, 500_000)]), frame(steady(20)))
    (told,) = found.explain(np.array([0]))
    assert told.reason.startswith("50.00 EUR on account 6100 is 5.0 standard deviations below")


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (12_500_000_000, "1,250,000.00 EUR on account 6100 is unusually large"),
        (100, "0.01 EUR on account 6100 is unusually small"),
        (-12_500_000_000, "-1,250,000.00 EUR on account 6100 is unusually large"),
    ],
)
def test_an_unusual_size_is_told_with_the_typical_size(amount, words):
    history = frame(line(1_000 + n, 1_000_000 + 20_000 * (n % 9 - 4)) for n in range(45))
    found = robust_scores(frame([line(1, amount)]), history)
    (told,) = found.explain(np.array([0]))
    z = abs(found.raw[0])
    assert told.reason == (
        f"{words}: {z:.1f} robust deviations from the account's typical size of 100.00 (n = 45)"
    )
    assert told.inputs["lines"] == 45
    assert told.inputs["log_median"] == pytest.approx(math.log(1_000_000))


def test_history_is_the_base_where_it_is_long_enough():
    lines = frame([line(1, 2_000_000), *steady(9, first_id=2)])
    with_history = z_scores(lines, frame(steady(10)))
    without = z_scores(lines, frame(steady(9)))
    assert with_history.raw[0] == pytest.approx(10.0)
    assert without.raw[0] < 5
    assert with_history.explain(np.array([0]))[0].inputs["base"] == "history"
    (told,) = without.explain(np.array([0]))
    assert told.inputs["base"] == "history and lines"
    assert told.inputs["lines"] == 19


@pytest.mark.parametrize("scores", [z_scores, robust_scores])
def test_what_cannot_be_scored_is_said_with_the_reason(scores):
    constant = [line(1_000 + n, 500) for n in range(40)]
    lines = frame([line(1, 900), line(2, account="4000"), line(3, account="4000", currency="USD")])
    found = scores(lines, frame(constant))
    assert [(each.account, each.currency, each.count, each.reason) for each in found.unscored] == [
        ("4000", "EUR", 1, "too few lines"),
        ("4000", "USD", 1, "too few lines"),
        ("6100", "EUR", 40, "no dispersion"),
    ]
    assert {each.measure for each in found.unscored} == {found.measure}
    assert np.isnan(found.raw).all()
    assert not found.is_hit.any()


def test_accounts_that_only_history_knows_are_not_reported():
    found = z_scores(frame(steady(20, first_id=1)), frame([line(5_000, account="9999")]))
    assert found.unscored == ()


def test_amounts_of_zero_have_no_size():
    history = frame([line(500 + n, 0) for n in range(20)] + steady(29))
    found = robust_scores(frame([line(1, 0), line(2)]), history)
    assert np.isnan(found.raw[0])
    assert [each.count for each in found.unscored] == []
    thin = robust_scores(frame([line(1, 0)]), history)
    assert [each.count for each in thin.unscored] == [29]

"""The isolation forest against the specification's detector and plainly computed features."""

import math
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import StandardScaler

from apps.analytics.measures import Parameters, forest
from apps.analytics.measures.deviation import amount_base, z_score
from apps.analytics.measures.population import read_population
from tests.analytics.measures.frames import MONDAY, frame, line, lines_and_history


class FinancialAnomalyDetector:
    """The detector as the product's specification writes it."""

    def __init__(self, contamination=0.1, random_state=42):
        self.model = IsolationForest(
            contamination=contamination, random_state=random_state, n_estimators=100
        )
        self.scaler = StandardScaler()

    def fit(self, x):
        self.model.fit(self.scaler.fit_transform(x))

    def predict(self, x):
        scaled = self.scaler.transform(x)
        return self.model.predict(scaled), self.model.score_samples(scaled)


def ordinary(count, first_id=1, seed=5):
    """Lines of a quiet ledger: weekdays, two preparers, amounts around 100.00."""
    random = np.random.default_rng(seed)
    amounts = (random.normal(1_000_000, 100_000, count)).astype(int).tolist()
    return [
        line(
            first_id + n,
            amount if n % 2 else -amount,
            account=("6100", "4000")[n % 2],
            prepared_by=("alice", "anna")[n // 2 % 2],
            posted_on=MONDAY + timedelta(days=n % 5 + 7 * (n % 3)),
        )
        for n, amount in enumerate(amounts)
    ]


def scored(lines, history=(), **parameters):
    used = Parameters(**parameters)
    population = read_population(frame(lines), frame(history))
    return forest.isolation_forest(population, amount_base(population, used.z_minimum_lines), used)


def plain_features(rows, base, everything, deviations):
    """The features as the module's text says them, line by line."""
    accounts = Counter((row["account"], row["currency"]) for row in base)
    numbered = {(row["account"], row["currency"]) for row in everything}
    features = []
    for row, deviation in zip(rows, deviations, strict=True):
        key = (row["account"], row["currency"])

        def rarity(label, row=row, key=key):
            found = sum(
                (other["account"], other["currency"]) == key
                and (other[label] or "") == (row[label] or "")
                for other in base
            )
            labels = len({other[label] or "" for other in everything})
            return -math.log2((found + 1) / (accounts[key] + labels))

        features.append(
            [
                math.log(1 + abs(row["amount"]) / 10_000),
                0.0 if math.isnan(deviation) else deviation,
                row["posted_on"].day,
                rarity("prepared_by"),
                rarity("source"),
                -math.log2((accounts[key] + 1) / (len(base) + len(numbered))),
                row["posted_on"].weekday() in (5, 6),
                row["amount"] > 0,
            ]
        )
    return np.array(features, dtype=float)


def rows_of(given_frame):
    return list(given_frame.sort("line_id").iter_rows(named=True))


@settings(max_examples=40)
@given(lines_and_history(max_lines=10, max_history=12))
def test_features_are_what_the_text_says(frames):
    lines, history = frames
    used = Parameters(z_minimum_lines=3, forest_minimum_lines=6)
    population = read_population(lines, history)
    amounts = amount_base(population, used.z_minimum_lines)
    base = forest._base(population, used.forest_minimum_lines)
    found = forest._features(population.lines, forest._tallies(population, base), amounts, used)
    present, earlier = rows_of(lines), rows_of(history)
    plain_base = earlier if len(earlier) >= 6 else earlier + present
    deviations = z_score(population, amounts, used).raw
    expected = plain_features(present, plain_base, present + earlier, deviations)
    assert found == pytest.approx(expected)


def test_scores_and_verdicts_are_those_of_the_specifications_detector():
    history, lines = ordinary(400, first_id=1_000), ordinary(300, seed=6)
    lines[7] |= {"amount": 90_000_000_000, "posted_on": date(2026, 3, 8), "prepared_by": "eve"}
    found = scored(lines, history)
    used = Parameters()
    population = read_population(frame(lines), frame(history))
    amounts = amount_base(population, used.z_minimum_lines)
    tallies = forest._tallies(population, population.history)
    detector = FinancialAnomalyDetector()
    detector.fit(forest._features(population.history, tallies, amounts, used))
    predictions, scores = detector.predict(
        forest._features(population.lines, tallies, amounts, used)
    )
    assert found.raw == pytest.approx(-scores, rel=1e-12)
    assert found.is_hit.tolist() == (predictions == -1).tolist()
    assert found.is_hit[7]
    assert (found.raw > found.raw[7]).sum() < 9  # among the three most unusual in a hundred


def test_the_normalised_score_is_a_half_at_the_threshold():
    found = scored(ordinary(400))
    assert ((found.normalised > 0) & (found.normalised < 1)).all()
    assert ((found.normalised > 0.5) == found.is_hit).all()
    below = found.raw <= found.threshold
    assert found.normalised[below] == pytest.approx(found.raw[below] / found.threshold / 2)
    above = (1 - found.raw[~below]) / (1 - found.threshold)
    assert found.normalised[~below] == pytest.approx(1 - above / 2)


def test_the_contamination_is_the_share_of_the_base_that_is_marked():
    lines = ordinary(1_000)
    for contamination in (0.05, 0.2):
        found = scored(lines, forest_contamination=contamination)
        assert found.is_hit.mean() == pytest.approx(contamination, abs=0.01)


@pytest.mark.parametrize(
    ("history", "present", "is_told"),
    [(256, 1, True), (255, 1, True), (200, 55, False), (0, 256, True)],
)
def test_the_base_is_history_or_everything_and_must_be_large_enough(history, present, is_told):
    found = scored(ordinary(present), ordinary(history, first_id=10_000))
    assert np.isnan(found.raw).any() != is_told
    assert found.is_hit.any() <= is_told
    reports = [(each.measure, each.account, each.count, each.reason) for each in found.unscored]
    expected = [("isolation_forest", None, history + present, "too few lines")]
    assert reports == ([] if is_told else expected)
    assert found.explain(np.array([], dtype=np.int64)) == []


def test_a_large_base_is_fitted_on_lines_spread_over_it():
    history = ordinary(1_000, first_id=10_000)
    sample = forest._spread_sample(
        read_population(frame(), frame(history)).history, Parameters(forest_training_lines=300)
    )
    assert sample.height == 300
    ids = sample["line_id"].to_list()
    assert ids[0] == 10_000
    assert {later - earlier for earlier, later in pairwise(ids)} == {3, 4}
    assert scored(ordinary(5), history, forest_training_lines=300).raw.shape == (5,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"posted_on": date(2026, 3, 8)}, "a posting on a Sunday"),
        ({"prepared_by": "eve"}, "eve posting to account 6100"),
        ({"prepared_by": None}, "an unnamed preparer posting to account 6100"),
        ({"source": "manual"}, "the source manual on account 6100"),
        ({"source": None}, "the source without a name on account 6100"),
        ({"account": "9000"}, "the little-used account 9000"),
        ({"amount": -90_000_000}, "standard deviations from the mean of account 6100"),
        ({"amount": 90_000_000_000}, "the amount 9,000,000.00 EUR"),
        ({"posted_on": date(2026, 3, 31)}, "a posting on day 31 of the month"),
    ],
)
def test_a_reason_names_what_is_unusual(changes, words):
    lines = ordinary(400)
    lines[20] |= changes
    found = scored(lines)
    (told,) = found.explain(np.array([20]))
    assert told.reason.startswith("a rare combination, above all ")
    assert words in told.reason
    assert tuple(told.inputs) == forest.FEATURES


@pytest.mark.parametrize(
    ("sign", "words"), [(1, "that it is a debit"), (-1, "that it is a credit")]
)
def test_a_side_that_is_rare_is_named(sign, words):
    lines = [
        row | {"amount": -sign * abs(row["amount"]), "account": "6100"} for row in ordinary(400)
    ]
    lines[20]["amount"] *= -1
    (told,) = scored(lines).explain(np.array([20]))
    assert words in told.reason


def test_what_is_common_is_never_named_as_rare():
    lines = ordinary(400)
    for number, row in enumerate(lines[40:]):
        row["account"] = f"7{number:03d}"
    told = scored(lines).explain(np.arange(40))
    assert not any("little-used" in each.reason for each in told)

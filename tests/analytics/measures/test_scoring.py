"""The score of entries: the formula, the flag, the reasons, and that row order does not matter."""

import json
import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from apps.analytics.measures import VERSIONS, LinesMalformed, Parameters, score_entries
from apps.analytics.measures.population import read_population
from apps.analytics.measures.scoring import _measures
from tests.analytics.measures.frames import frame, line, lines_and_history

SMALL = Parameters(
    z_minimum_lines=3, robust_minimum_lines=4, forest_minimum_lines=8, forest_trees=5
)


def steady(count, first_id=1_000):
    """Amounts around 100.00, none of them round, on two accounts."""
    return [
        line(first_id + n, 1_000_100 + 10_300 * (n % 7 - 3), account=("6100", "4000")[n % 2])
        for n in range(count)
    ]


PARAMETERS = st.builds(
    lambda weights, deciding, flag_threshold: Parameters(
        z_minimum_lines=3,
        robust_minimum_lines=4,
        forest_minimum_lines=8,
        forest_trees=5,
        weights=weights,
        deciding=deciding,
        flag_threshold=flag_threshold,
    ),
    st.fixed_dictionaries(dict.fromkeys(VERSIONS, st.sampled_from([0.0, 1.0, 2.5]))).filter(
        lambda weights: any(weights.values())
    ),
    st.frozensets(st.sampled_from(sorted(VERSIONS))),
    st.sampled_from([0.2, 0.5, 1.0]),
)


@settings(max_examples=60)
@given(lines_and_history(), PARAMETERS)
def test_an_entry_scores_the_highest_weighted_mean_of_its_lines(frames, parameters):
    lines, history = frames
    measures = _measures(read_population(lines, history), parameters)
    score, deciding, hits = {}, set(), {}
    for place, row in enumerate(lines.sort("line_id").iter_rows(named=True)):
        told = [each for each in measures if not math.isnan(each.normalised[place])]
        total = sum(parameters.weights[each.measure] for each in told)
        weighted = [parameters.weights[each.measure] * each.normalised[place] for each in told]
        own = sum(weighted) / total if total else 0.0
        score[row["entry_id"]] = max(score.get(row["entry_id"], 0.0), own)
        for each in measures:
            if each.is_hit[place]:
                hits.setdefault(row["entry_id"], []).append((row["line_id"], each.measure))
                deciding |= {row["entry_id"]} if each.measure in parameters.deciding else set()

    found = score_entries(lines, history, parameters)
    flagged = {e for e in score if e in deciding or score[e] >= parameters.flag_threshold}
    entries = found.entries
    assert entries["entry_id"].to_list() == sorted(score)
    assert entries["score"].to_list() == pytest.approx([score[e] for e in sorted(score)])
    assert entries["score"].is_between(0, 1).all()
    assert set(entries.filter("is_flagged")["entry_id"]) == flagged
    expected = [(e, *hit) for e in sorted(flagged) for hit in sorted(hits.get(e, []))]
    assert found.hits.select("entry_id", "line_id", "measure").rows() == expected


@settings(max_examples=30)
@given(lines_and_history(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(frames, random):
    shuffled = [each[random.sample(range(each.height), each.height)] for each in frames]
    one, other = score_entries(*frames, SMALL), score_entries(*shuffled, SMALL)
    assert_frame_equal(one.entries, other.entries, check_exact=True)
    assert_frame_equal(one.hits, other.hits, check_exact=True)
    assert_frame_equal(one.unscored, other.unscored, check_exact=True)


def test_the_order_of_rows_does_not_matter_with_the_defaults_either():
    lines, history = frame(steady(300, first_id=1)), frame(steady(600))
    one = score_entries(lines, history)
    other = score_entries(lines.reverse(), history.reverse())
    assert_frame_equal(one.entries, other.entries, check_exact=True)


@settings(max_examples=30)
@given(lines_and_history())
def test_a_normalised_score_exceeds_a_half_exactly_when_it_is_a_hit(frames):
    for each in _measures(read_population(*frames), SMALL):
        told = ~np.isnan(each.normalised)
        assert ((each.normalised[told] > 0.5) == each.is_hit[told]).all()
        assert not each.is_hit[~told].any()
        assert ((each.normalised[told] >= 0) & (each.normalised[told] <= 1)).all()


def test_a_flagged_entry_has_its_reasons_and_an_ordinary_one_none():
    lines = frame(
        [
            line(1, 12_500_000_000, entry_id=70, posted_on=date(2026, 3, 7)),
            line(2, -1_000_500, entry_id=70, account="4000"),
            line(3, 1_000_100, entry_id=71),
            line(4, 1_000_100, entry_id=72, posted_on=date(2026, 3, 7)),
        ]
    )
    found = score_entries(lines, frame(steady(300)))
    assert found.entries.select("entry_id", "is_flagged").rows() == [
        (70, True),
        (71, False),
        (72, False),
    ]
    assert found.entries["score"][0] > 0.5 > found.entries["score"][2] > found.entries["score"][1]
    assert found.entries["reasons"].to_list()[1:] == ["[]", "[]"]
    reasons = json.loads(found.entries["reasons"][0])
    assert [(each["line_id"], each["measure"], each["version"]) for each in reasons] == (
        found.hits.select("line_id", "measure", "version").rows()
    )
    by_measure = {each["measure"]: each["reason"] for each in reasons if each["line_id"] == 1}
    assert by_measure.keys() == {"z_score", "robust_z", "round_amount", "weekend_posting"}
    assert by_measure["weekend_posting"] == "posted on a Saturday, 2026-03-07"
    assert by_measure["z_score"].startswith("1,250,000.00 EUR on account 6100 is ")
    hit = found.hits.row(
        by_predicate=(pl.col("line_id") == 1) & (pl.col("measure") == "z_score"), named=True
    )
    assert hit["reason"] == by_measure["z_score"]
    assert hit["score"] > hit["threshold"] == 2.5
    assert hit["normalised"] == pytest.approx(hit["score"] / (hit["score"] + 2.5))
    assert json.loads(hit["inputs"])["lines"] == 150


@pytest.mark.parametrize("flag_threshold", [0.5, 1.0])
def test_an_entry_flagged_by_its_score_alone_says_so_first(flag_threshold):
    lines = frame([line(1, 50_000_000, entry_id=70, posted_on=date(2026, 3, 7))])
    only_rules = dict.fromkeys(VERSIONS, 0.0) | {"weekend_posting": 1.0, "round_amount": 1.0}
    found = score_entries(
        lines, frame(), Parameters(weights=only_rules, flag_threshold=flag_threshold)
    )
    assert found.entries["score"].to_list() == [1.0]
    assert [each["measure"] for each in json.loads(found.entries["reasons"][0])] == [
        "score",
        "round_amount",
        "weekend_posting",
    ]
    assert json.loads(found.entries["reasons"][0])[0] == {
        "measure": "score",
        "reason": f"the score 1.00 reaches {flag_threshold:.2f}",
    }


def test_an_entry_that_no_weighted_measure_can_judge_scores_zero():
    only_z = dict.fromkeys(VERSIONS, 0.0) | {"z_score": 1.0}
    found = score_entries(frame([line(1)]), frame(), Parameters(weights=only_z))
    assert found.entries.rows() == [(1, 0.0, False, "[]")]


def test_what_could_not_be_scored_is_listed():
    found = score_entries(frame([line(1)]), frame())
    assert found.unscored.rows() == [
        ("z_score", "6100", "EUR", 1, "too few lines"),
        ("robust_z", "6100", "EUR", 1, "too few lines"),
        ("isolation_forest", None, None, 1, "too few lines"),
        ("seldom_used_account", None, None, 0, "no history"),
    ]


def test_no_lines_have_no_scores_but_the_same_columns():
    some = score_entries(frame([line(1)]), frame())
    none = score_entries(frame(), frame([line(1)]))
    for one, other in zip(
        (some.entries, some.hits, some.unscored),
        (none.entries, none.hits, none.unscored),
        strict=True,
    ):
        assert one.schema == other.schema
        assert other.is_empty()


def test_malformed_lines_are_refused():
    with pytest.raises(LinesMalformed):
        score_entries(frame([line(1), line(1)]), frame())


def test_string_ids_come_back_as_they_are():
    texts = {"line_id": pl.String, "entry_id": pl.String}
    lines = frame([line(1, 12_500_000_000)]).cast(texts)
    found = score_entries(lines, frame(steady(30)).cast(texts))
    assert found.entries["entry_id"].to_list() == ["1"]
    assert found.hits["line_id"].unique().to_list() == ["1"]

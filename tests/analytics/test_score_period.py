"""Scoring a period: what is found, when it is found anew, what is refused."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.analytics import errors
from apps.analytics.models import AnomalyReview, AnomalyScore, ScoringRun
from apps.analytics.selectors import (
    anomalies_for,
    anomalies_of,
    anomaly_seen_by,
    latest_scoring,
    open_count,
    scorings_for,
)
from apps.analytics.services import review_anomaly, score_period
from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible

from .stage import ODD, ordinary_sales, period_of, post, sale


def test_a_scoring_says_what_it_looked_at_and_finds_what_is_odd(april: Any, alice: Any) -> None:
    run = score_period(period_id=april.pk, actor=alice)
    assert (run.entry_count, run.line_count, run.history_count) == (41, 82, 80)
    assert run.flagged_count == run.scores.count()
    assert run.scored_by == alice
    odd = run.scores.get(entry__external_id=ODD)
    assert odd == anomalies_of(run)[0], "the highest score comes first"
    assert Decimal("0.5") < odd.score <= 1
    measures = {reason["measure"] for reason in odd.reasons}
    assert {"z_score", "weekend_posting"} <= measures


def test_what_each_measure_saw_is_kept_with_exact_amounts(odd: AnomalyScore) -> None:
    by_measure = {
        (reason["measure"], reason.get("inputs", {}).get("account")): reason
        for reason in odd.reasons
    }
    seen = by_measure["z_score", "1000"]
    assert seen["threshold"] == 2.5
    assert seen["score"] > 2.5
    assert seen["inputs"]["amount"] == "670.0000"
    assert seen["version"] == "1"
    assert "670.00 EUR" in seen["reason"]
    assert odd.entry.lines.filter(pk=seen["line_id"], account__code="1000").exists()


def test_the_parameters_are_kept_in_full(scoring: ScoringRun) -> None:
    assert scoring.parameters["z_threshold"] == 2.5
    assert scoring.parameters["forest_seed"] == 42
    assert scoring.parameters["currency_exponents"] == {"EUR": 2}
    assert scoring.versions["z_score"] == "1"
    json.dumps(scoring.unscored)


def test_reasons_write_amounts_with_the_decimals_of_their_currency(
    foreign_odd: AnomalyScore,
) -> None:
    words = " ".join(reason["reason"] for reason in foreign_odd.reasons)
    assert "670 JPY" in words
    assert "670.00" not in words


def test_a_task_may_say_which_sources_post_by_themselves(april: Any, system: Any) -> None:
    run = score_period(
        period_id=april.pk,
        actor=system,
        parameters={"unattended_sources": ["sales"], "deciding": ["weekend_posting"]},
    )
    assert run.parameters["unattended_sources"] == ["sales"]
    assert run.parameters["deciding"] == ["weekend_posting"]
    reasons = [reason for found in run.scores.all() for reason in found.reasons]
    assert "weekend_posting" not in {reason["measure"] for reason in reasons}


def test_the_scoring_is_on_record(april: Any, alice: Any) -> None:
    run = score_period(period_id=april.pk, actor=alice)
    event = Event.objects.get(action="analytics.period.score")
    assert (event.actor, event.subject_id, event.entity_id) == (alice, str(run.pk), april.entity_id)
    assert event.details["flagged"] == run.flagged_count


# --- Again ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "again",
    [{}, {"z_threshold": 2.5}, {"z_threshold": "2.5"}, {"z_threshold": Decimal("2.50")}],
)
def test_the_same_input_gives_the_same_run(
    scoring: ScoringRun, alice: Any, again: dict[str, Any], table_counts: Any
) -> None:
    before = table_counts()
    assert score_period(period_id=scoring.period_id, actor=alice, parameters=again) == scoring
    assert table_counts() == before


def test_a_new_posting_gives_a_new_run(scoring: ScoringRun, books: Any, system: Any) -> None:
    post(books, [sale("late", date(2023, 4, 20), "100.00")], system)
    again = score_period(period_id=scoring.period_id, actor=system)
    assert again != scoring
    assert again.entry_count == scoring.entry_count + 1
    assert latest_scoring(scoring.period_id) == again


def test_a_posting_in_an_earlier_period_gives_a_new_run(
    scoring: ScoringRun, books: Any, system: Any
) -> None:
    post(books, [sale("late", date(2023, 3, 20), "100.00")], system)
    again = score_period(period_id=scoring.period_id, actor=system)
    assert (again.entry_count, again.history_count) == (41, 82)


def test_a_posting_in_a_later_period_changes_nothing(
    scoring: ScoringRun, books: Any, system: Any
) -> None:
    post(books, [sale("may", date(2023, 5, 2), "100.00")], system)
    assert score_period(period_id=scoring.period_id, actor=system) == scoring


def test_other_parameters_give_a_new_run_and_the_former_ones_another(
    scoring: ScoringRun, system: Any
) -> None:
    loose = score_period(
        period_id=scoring.period_id,
        actor=system,
        parameters={"z_threshold": 1000, "robust_threshold": 1000, "flag_threshold": 1},
    )
    assert loose.flagged_count == 0
    assert latest_scoring(scoring.period_id) == loose
    back = score_period(period_id=scoring.period_id, actor=system)
    assert back not in {scoring, loose}, "the newest scoring is the one that counts"
    assert back.input_digest == scoring.input_digest
    assert latest_scoring(scoring.period_id) == back


def test_decisions_are_taken_over_if_an_entry_is_found_for_the_same_reasons(
    odd: AnomalyScore, books: Any, connie: Any, system: Any
) -> None:
    said = review_anomaly(
        score_id=odd.pk, disposition="legitimate", comment="A yearly contract.", actor=connie
    )
    post(books, [sale("late", date(2023, 4, 20), "100.00")], system)
    again = score_period(period_id=odd.run.period_id, actor=system)
    review = AnomalyReview.objects.get(score__run=again, score__entry=odd.entry)
    assert review.taken_over_from == odd
    assert (review.disposition, review.comment) == ("legitimate", "A yearly contract.")
    assert (review.reviewed_by, review.reviewed_at) == (connie, said.reviewed_at)
    assert review.history.get().history_user == system
    event = Event.objects.filter(action="analytics.period.score").latest("id")
    assert event.details["taken_over"] == 1
    assert open_count(again) == again.flagged_count - 1


def test_a_decision_is_not_taken_over_when_the_reasons_are_others(
    odd: AnomalyScore, connie: Any, system: Any
) -> None:
    review_anomaly(score_id=odd.pk, disposition="legitimate", comment="A contract.", actor=connie)
    again = score_period(
        period_id=odd.run.period_id, actor=system, parameters={"z_threshold": 1000}
    )
    assert again.scores.filter(entry=odd.entry).exists()
    assert not AnomalyReview.objects.filter(score__run=again).exists()


# --- Refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"forest_trees": 10**9}, "There is no parameter 'forest_trees' to set"),
        ({"weights": {}}, "There is no parameter 'weights' to set"),
        ({"": 1}, "There is no parameter '' to set"),
        ({"deciding": ["guess"]}, "deciding names an unknown measure"),
        ({"deciding": "z_score"}, "deciding is a list"),
        ({"deciding": [["z_score"]]}, "deciding is a list"),
        ({"unattended_sources": [1]}, "unattended_sources is a list"),
        ({"unattended_sources": ["x"] * 101}, "up to 100 words"),
        ({"z_threshold": "much"}, "z_threshold is a number"),
        ({"z_threshold": None}, "z_threshold is a number"),
        ({"z_threshold": True}, "z_threshold is a number"),
        ({"z_threshold": [2]}, "z_threshold is a number"),
        ({"z_threshold": 0}, "above 0"),
        ({"z_threshold": -2.5}, "above 0"),
        ({"z_threshold": float("nan")}, "above 0"),
        ({"z_threshold": "sNaN"}, "above 0"),
        ({"z_threshold": "Infinity"}, "above 0"),
        ({"z_threshold": 10**400}, "up to 1000"),
        ({"forest_contamination": 0.9}, "forest_contamination must be in (0, 0.5]"),
        ({"flag_threshold": 1.5}, "flag_threshold must be in (0, 1]"),
    ],
)
def test_parameters_that_are_refused(
    april: Any, alice: Any, parameters: dict[str, Any], told: str, unchanged: None
) -> None:
    with pytest.raises(errors.ParametersRefused) as refused:
        score_period(period_id=april.pk, actor=alice, parameters=parameters)
    assert told in refused.value.message


def test_a_period_without_postings_is_not_scored(books: Any, alice: Any, unchanged: None) -> None:
    with pytest.raises(errors.NothingPosted):
        score_period(period_id=period_of(books, "2023-05").pk, actor=alice)


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("rita", NotPermitted),
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ada", NotPermitted),
        ("victor", NotVisible),
        ("charlie", NotVisible),
    ],
)
def test_who_may_not_score(
    april: Any, who: str, refusal: type[Exception], request: Any, table_counts: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        score_period(period_id=april.pk, actor=actor)
    assert table_counts() == before


@pytest.mark.parametrize("who", ["alice", "connie", "ivy"])
def test_who_may_score(april: Any, who: str, request: Any) -> None:
    assert score_period(period_id=april.pk, actor=request.getfixturevalue(who)).pk


# --- Reads ----------------------------------------------------------------------------------


def test_anomalies_are_those_of_the_newest_scoring_of_each_period(
    odd: AnomalyScore, books: Any, system: Any, otto: Any, foreign_odd: AnomalyScore
) -> None:
    march = score_period(period_id=period_of(books, "2023-03").pk, actor=system)
    assert set(anomalies_for(otto)) == {*odd.run.scores.all(), *march.scores.all()}
    post(books, [sale("late", date(2023, 4, 20), "100.00")], system)
    again = score_period(period_id=odd.run.period_id, actor=system)
    assert set(anomalies_for(otto)) == {*again.scores.all(), *march.scores.all()}
    with pytest.raises(NotVisible):
        anomaly_seen_by(otto, odd.pk)
    scores = [found.score for found in anomalies_for(otto)]
    assert scores == sorted(scores, reverse=True)


def test_an_anomaly_carries_its_disposition(odd: AnomalyScore, connie: Any, otto: Any) -> None:
    assert anomaly_seen_by(otto, odd.pk).disposition == "open"
    review_anomaly(score_id=odd.pk, disposition="escalated", comment="Ask the CFO.", actor=connie)
    assert anomaly_seen_by(otto, odd.pk).disposition == "escalated"


def test_strangers_see_no_anomaly(odd: AnomalyScore, victor: Any, charlie: Any) -> None:
    for stranger in (victor, charlie):
        assert not anomalies_for(stranger).exists()
        assert not scorings_for(stranger).exists()
        with pytest.raises(NotVisible):
            anomaly_seen_by(stranger, odd.pk)


def test_a_list_of_anomalies_takes_a_fixed_number_of_queries(
    scoring: ScoringRun, otto: Any
) -> None:
    def read() -> int:
        with CaptureQueriesContext(connection) as queries:
            for found in anomalies_for(otto):
                str(found)
                assert found.run.period.name
                assert found.run.entity.code
        return len(queries)

    otto.entity_ids()
    assert scoring.flagged_count >= 1
    assert read() == 1


def test_ordinary_sales_alone_are_not_flagged(books: Any, system: Any) -> None:
    """The odd sale is found because it is odd, not because something always is."""
    post(books, ordinary_sales(date(2023, 5, 1), 30, "Y"), system)
    run = score_period(period_id=period_of(books, "2023-05").pk, actor=system)
    assert run.flagged_count == 0
    assert open_count(run) == 0

"""REST of anomalies and scorings: who gets what, filters, idempotency, bad input."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import transaction

from apps.analytics.models import AnomalyReview, AnomalyScore, ScoringRun
from apps.analytics.services import review_anomaly, score_period

from .stage import period_of

ANOMALIES, SCORINGS = "/api/analytics/anomalies", "/api/analytics/scorings"
SCORE = "/api/analytics/score"
DECISION = {"disposition": "legitimate", "comment": "A yearly contract."}
ASKED = {"entity": "HFS", "period": "2023-04"}
ACTORS = ("anonymous", "victor", "ivy", "alice", "rita", "bob", "connie", "otto", "ada", "charlie")

# Verdicts in the order of ACTORS. Rita prepared the odd sale; Charlie is a stranger here.
TABLE = {
    "list anomalies": (401, 403, 403, 200, 200, 200, 200, 200, 403, 200),
    "see anomaly": (401, 403, 403, 200, 200, 200, 200, 200, 403, 404),
    "review": (401, 403, 403, 403, 403, 403, 200, 403, 403, 404),
    "list scorings": (401, 403, 403, 200, 200, 200, 200, 200, 403, 200),
    "see scoring": (401, 403, 403, 200, 200, 200, 200, 200, 403, 404),
    "score": (401, 404, 200, 200, 403, 403, 200, 403, 403, 404),
}
READS = {verb for verb in TABLE if verb.startswith(("list", "see"))}


@pytest.fixture
def stage(odd: AnomalyScore, foreign_odd: AnomalyScore) -> dict[str, tuple[str, str, Any]]:
    """Method, address and body of every verb, with real ids."""
    return {
        "list anomalies": ("get", ANOMALIES, None),
        "see anomaly": ("get", f"{ANOMALIES}/{odd.pk}", None),
        "review": ("post", f"{ANOMALIES}/{odd.pk}/review", DECISION),
        "list scorings": ("get", SCORINGS, None),
        "see scoring": ("get", f"{SCORINGS}/{odd.run_id}", None),
        "score": ("post", SCORE, {**ASKED, "parameters": {"z_threshold": 3}}),
    }


@pytest.mark.parametrize("position", range(len(ACTORS)), ids=ACTORS)
def test_every_actor_gets_the_verdict_of_the_table(
    request: pytest.FixtureRequest, api: Any, stage: Any, table_counts: Any, position: int
) -> None:
    """All verbs of one actor, each tried on the same stage and undone."""
    name = ACTORS[position]
    client = api(None if name == "anonymous" else request.getfixturevalue(name))
    assert set(stage) == set(TABLE)
    for verb, (method, url, sent) in stage.items():
        before = table_counts()
        with transaction.atomic():
            response = getattr(client, method)(url, sent, format="json")
            verdict = TABLE[verb][position]
            assert response.status_code == verdict, (verb, response.json())
            if verdict >= 400 or verb in READS:
                assert table_counts() == before, verb
            transaction.set_rollback(True)


def test_what_others_have_looks_like_what_does_not_exist(
    api: Any, stage: Any, charlie: Any
) -> None:
    client = api(charlie)
    asked = [entry for entry in stage.values() if re.search(r"/\d+", entry[1])]
    assert len(asked) == 3
    for method, url, sent in asked:
        told = []
        for address in (url, re.sub(r"/\d+", "/987654321", url)):
            response = getattr(client, method)(address, sent, format="json")
            error = response.json()["error"]
            told.append((response.status_code, error["code"], error["message"], error["details"]))
        assert told[0] == told[1]
        assert told[0][0] == 404


def test_lists_show_nothing_of_others(api: Any, stage: Any, charlie: Any, otto: Any) -> None:
    for who, entity in ((charlie, "TKO"), (otto, "HFS")):
        for path in (ANOMALIES, SCORINGS):
            rows = api(who).get(path).json()["results"]
            assert {row["entity"] for row in rows} == {entity}


# --- Anomalies ------------------------------------------------------------------------------


def test_an_anomaly_tells_what_where_and_why(api: Any, odd: AnomalyScore, otto: Any) -> None:
    shown = api(otto).get(f"{ANOMALIES}/{odd.pk}").json()
    assert (shown["entity"], shown["period"], shown["scoring"]) == ("HFS", "2023-04", odd.run_id)
    assert (shown["entry"], shown["external_id"]) == (odd.entry_id, "odd")
    assert shown["score"] == str(odd.score)
    assert shown["reasons"] == odd.reasons
    assert (shown["disposition"], shown["review"]) == ("open", None)


def test_from_open_to_decided_to_decided_again(api: Any, odd: AnomalyScore, connie: Any) -> None:
    client, url = api(connie), f"{ANOMALIES}/{odd.pk}/review"
    decided = client.post(url, {**DECISION, "version": 1}, format="json")
    assert decided.status_code == 200
    assert decided.json()["disposition"] == "legitimate"
    review = decided.json()["review"]
    assert (review["reviewed_by"], review["comment"], review["version"]) == (
        "connie",
        "A yearly contract.",
        2,
    )
    stale = client.post(url, {**DECISION, "version": 1}, format="json")
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "STALE_VERSION")
    again = client.post(
        url, {"disposition": "escalated", "comment": "Odd.", "version": 2}, format="json"
    )
    assert again.json()["review"]["version"] == 3


def test_a_repeated_decision_is_made_once(api: Any, odd: AnomalyScore, connie: Any) -> None:
    client, url = api(connie), f"{ANOMALIES}/{odd.pk}/review"
    answers = [
        client.post(url, DECISION, format="json", HTTP_IDEMPOTENCY_KEY="decided") for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[1]["Idempotent-Replay"] == "true"
    assert AnomalyReview.objects.get().version == 2


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("", True),
        ("?period=2023-04", True),
        ("?period=2023-03", False),
        ("?entity=HFS", True),
        ("?entity=TKO", False),
        ("?disposition=legitimate", True),
        ("?disposition=open", False),
        ("?disposition=open&disposition=legitimate", True),
        ("?min_score=0", True),
        ("?min_score=0.5", True),
        ("?min_score=1", False),
    ],
)
def test_anomalies_are_filtered(
    api: Any, odd: AnomalyScore, connie: Any, otto: Any, query: str, is_found: bool
) -> None:
    review_anomaly(score_id=odd.pk, actor=connie, **DECISION)
    rows = api(otto).get(f"{ANOMALIES}{query}").json()["results"]
    assert (odd.pk in {row["id"] for row in rows}) is is_found


def test_anomalies_come_by_score_page_by_page(api: Any, books: Any, system: Any, otto: Any) -> None:
    """With a low threshold many entries stand out, some with equal scores."""
    run = score_period(
        period_id=period_of(books).pk, actor=system, parameters={"flag_threshold": "0.00001"}
    )
    assert run.flagged_count > 5
    client, url, seen = api(otto), f"{ANOMALIES}?page_size=2", []
    while url:
        page = client.get(url).json()
        seen += [(row["score"], row["id"]) for row in page["results"]]
        url = page["next"]
    assert len(seen) == run.flagged_count
    assert seen == sorted(seen, reverse=True)


BAD_REVIEWS = [
    ("nothing", {}, "disposition"),
    ("no comment", {"disposition": "legitimate"}, "comment"),
    ("a blank comment", {**DECISION, "comment": "  "}, "comment"),
    ("a NUL character", {**DECISION, "comment": "a\x00"}, "comment"),
    ("an endless comment", {**DECISION, "comment": "x" * 4_001}, "comment"),
    ("open", {**DECISION, "disposition": "open"}, "disposition"),
    ("an invented decision", {**DECISION, "disposition": "fine"}, "disposition"),
    ("a list", {**DECISION, "disposition": ["legitimate"]}, "disposition"),
    ("another key", {**DECISION, "score": 1}, "score"),
    ("version zero", {**DECISION, "version": 0}, "version"),
    ("no version", {**DECISION, "version": "new"}, "version"),
    ("a huge version", {**DECISION, "version": 10**40}, "version"),
]


@pytest.mark.parametrize(("what", "sent", "field"), BAD_REVIEWS, ids=[b[0] for b in BAD_REVIEWS])
def test_bad_decisions_are_told_and_change_nothing(
    api: Any,
    odd: AnomalyScore,
    connie: Any,
    what: str,
    sent: Any,
    field: str,
    table_counts: Any,
) -> None:
    before = table_counts()
    response = api(connie).post(f"{ANOMALIES}/{odd.pk}/review", sent, format="json")
    assert 400 <= response.status_code < 500, response.content
    assert field in str(response.json()["error"]["details"])
    assert table_counts() == before


@pytest.mark.parametrize(
    "query",
    [
        "min_score=x",
        "min_score=-1",
        "min_score=2",
        "min_score=NaN",
        "min_score=1e-99999",
        "min_score=0.1234567",
        "disposition=fine",
        "entry=x",
        "period=%00",
    ],
)
def test_filters_that_cannot_be_read(api: Any, odd: AnomalyScore, otto: Any, query: str) -> None:
    response = api(otto).get(f"{ANOMALIES}?{query}")
    assert response.status_code == 422, response.content


# --- Scoring --------------------------------------------------------------------------------


def test_scoring_answers_with_the_scoring(api: Any, books: Any, ivy: Any) -> None:
    answer = api(ivy).post(SCORE, {**ASKED, "parameters": {"z_threshold": 3.5}}, format="json")
    assert answer.status_code == 200
    run = ScoringRun.objects.get()
    shown = answer.json()
    assert (shown["id"], shown["entry_count"], shown["flagged_count"]) == (
        run.pk,
        41,
        run.flagged_count,
    )
    assert shown["parameters"]["z_threshold"] == 3.5
    assert (shown["period"], shown["scored_by"]) == ("2023-04", "ivy")


def test_scoring_the_same_again_changes_nothing(
    api: Any, scoring: ScoringRun, alice: Any, table_counts: Any
) -> None:
    before = table_counts()
    assert api(alice).post(SCORE, ASKED, format="json").json()["id"] == scoring.pk
    assert table_counts() == before


def test_a_repeated_scoring_is_answered_from_the_first(api: Any, books: Any, alice: Any) -> None:
    answers = [
        api(alice).post(SCORE, ASKED, format="json", HTTP_IDEMPOTENCY_KEY="scored")
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[1]["Idempotent-Replay"] == "true"


BAD_SCORINGS = [
    ("nothing", {}, 422),
    ("no period", {"entity": "HFS"}, 422),
    ("a period that is not there", {**ASKED, "period": "1999-01"}, 404),
    ("an entity that is not there", {**ASKED, "entity": "XYZ"}, 404),
    ("another key", {**ASKED, "sigma": 2}, 422),
    ("parameters as a list", {**ASKED, "parameters": [1]}, 422),
    ("an unknown parameter", {**ASKED, "parameters": {"forest_trees": 10**9}}, 422),
    ("a parameter as text", {**ASKED, "parameters": {"z_threshold": "high"}}, 422),
    ("a nested parameter", {**ASKED, "parameters": {"z_threshold": {"a": 1}}}, 422),
    ("a null parameter", {**ASKED, "parameters": {"z_threshold": None}}, 422),
    ("an endless parameter", {**ASKED, "parameters": {"z_threshold": 10**300}}, 422),
    ("a NUL character", {**ASKED, "entity": "H\x00"}, 422),
    ("an empty period", {**ASKED, "period": "2023-05"}, 409),
]


@pytest.mark.parametrize(("what", "sent", "code"), BAD_SCORINGS, ids=[b[0] for b in BAD_SCORINGS])
def test_bad_scorings_are_told_and_change_nothing(
    api: Any, books: Any, connie: Any, what: str, sent: Any, code: int, table_counts: Any
) -> None:
    before = table_counts()
    response = api(connie).post(SCORE, sent, format="json")
    assert response.status_code == code, response.content
    assert set(response.json()["error"]) >= {"code", "message", "details"}
    assert table_counts() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nothing_is_changed_or_deleted(
    api: Any, stage: Any, connie: Any, method: str, table_counts: Any
) -> None:
    before = table_counts()
    for verb in ("see anomaly", "list anomalies", "see scoring", "score"):
        assert getattr(api(connie), method)(stage[verb][1], {}).status_code == 405
    assert table_counts() == before

"""The pages of anomalies: what they say, what they offer to whom; bad input changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.analytics.models import AnomalyReview, AnomalyScore
from apps.analytics.services import review_anomaly, score_period
from tests.pages import text

from .stage import period_of, post_by_hand

HTMX = {"HTTP_HX_REQUEST": "true"}
FORM = {"disposition": "legitimate", "comment": "A yearly contract.", "version": "1"}


# --- The list -------------------------------------------------------------------------------


def test_the_list_says_how_many_wait_and_why_each_stands_out(
    visit: Any, odd: AnomalyScore, connie: Any
) -> None:
    response = visit(connie).get("/anomalies/")
    shown = text(response)
    assert response.status_code == 200
    total = odd.run.flagged_count
    assert f"<strong>{total} of {total}</strong> unusual" in shown
    assert f'href="/journal/{odd.entry_id}/"' in shown
    assert "Posted on a Sunday, 2023-04-16." in shown
    assert "670.00" in shown
    assert f'href="/anomalies/{odd.pk}/"' in shown
    assert 'aria-current="page">Anomalies' in shown


@pytest.mark.parametrize("who", ["alice", "bob", "otto"])
def test_readers_see_the_list_without_a_way_to_decide(
    visit: Any, odd: AnomalyScore, who: str, request: Any
) -> None:
    response = visit(request.getfixturevalue(who)).get("/anomalies/")
    assert f'href="/journal/{odd.entry_id}/"' in text(response)
    assert f'href="/anomalies/{odd.pk}/"' not in text(response)


@pytest.mark.parametrize(
    ("who", "code"), [("victor", 403), ("ivy", 403), ("ada", 403), ("charlie", 200)]
)
def test_who_sees_nothing_of_ours(
    visit: Any, odd: AnomalyScore, who: str, code: int, request: Any
) -> None:
    browser = visit(request.getfixturevalue(who))
    response = browser.get("/anomalies/")
    assert response.status_code == code
    assert "Sale odd" not in text(response)
    assert browser.get(f"/anomalies/{odd.pk}/").status_code == (404 if code == 200 else 403)


def test_whoever_is_not_signed_in_is_asked_to(odd: AnomalyScore) -> None:
    for path in ("/anomalies/", f"/anomalies/{odd.pk}/"):
        response = Client().get(path)
        assert response.status_code == 302
        assert "login" in response["Location"]


@pytest.mark.parametrize(
    ("query", "is_shown"),
    [
        ("", False),
        ("disposition=open", False),
        ("disposition=legitimate", True),
        ("disposition=all", True),
        ("disposition=all&period=2023-04", True),
        ("disposition=all&q=SALE ODD", True),
        ("disposition=all&q=nothing", False),
        ("disposition=all&period=1999-01", False),
        ("disposition=fine", False),
        ("disposition=all&before=x&after=-1", True),
        ("disposition=all&after=99999999999999999-1", True),
        ("disposition=all&after=0-1", False),
        ("disposition=all&after=²-1", True),
        ("q=%00", False),
    ],
)
def test_filters(visit: Any, odd: AnomalyScore, connie: Any, query: str, is_shown: bool) -> None:
    review_anomaly(score_id=odd.pk, disposition="legitimate", comment="Fine.", actor=connie)
    response = visit(connie).get(f"/anomalies/?{query}")
    assert response.status_code == 200
    assert ("Sale odd" in text(response)) is is_shown
    is_unclear = any(word in query for word in ("1999", "=fine", "%00"))
    assert ("Nothing is listed: a filter was not understood" in text(response)) is is_unclear


def test_the_list_says_when_everything_is_reviewed(
    visit: Any, odd: AnomalyScore, connie: Any
) -> None:
    for found in odd.run.scores.all():
        review_anomaly(score_id=found.pk, disposition="legitimate", comment="Fine.", actor=connie)
    shown = text(visit(connie).get("/anomalies/"))
    assert "unusual entries are reviewed." in shown
    assert "Everything is reviewed" in shown


def test_the_list_says_when_nothing_was_scored_or_nothing_stands_out(
    visit: Any, books: Any, system: Any, otto: Any
) -> None:
    assert "Nothing has been scored yet" in text(visit(otto).get("/anomalies/"))
    score_period(
        period_id=period_of(books).pk,
        actor=system,
        parameters={"z_threshold": 1000, "robust_threshold": 1000, "flag_threshold": 1},
    )
    assert "No entry stands out" in text(visit(otto).get("/anomalies/"))


@pytest.fixture
def many(books: Any, system: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A scoring with many anomalies, two to a page."""
    from apps.analytics import views

    monkeypatch.setattr(views, "_BY_SCORE", replace(views._BY_SCORE, size=2))
    return score_period(
        period_id=period_of(books).pk, actor=system, parameters={"flag_threshold": "0.00001"}
    )


def test_pages_of_the_list_by_score(visit: Any, many: Any, otto: Any) -> None:
    ranked = list(many.scores.order_by("-score", "-id").values_list("pk", flat=True))
    assert len(ranked) > 5
    browser, query, seen = visit(otto), "", []
    while query is not None:
        context = browser.get(f"/anomalies/{query}").context
        seen += [row["anomaly"].pk for row in context["rows"]]
        previous, query = context["previous_url"], context["next_url"]
    assert seen == ranked
    back: list[int] = []
    while previous is not None:
        context = browser.get(f"/anomalies/{previous}").context
        back = [row["anomaly"].pk for row in context["rows"]] + back
        previous = context["previous_url"]
    assert back == ranked[: len(back)]
    assert len(back) >= len(ranked) - 2


def test_a_list_takes_a_fixed_number_of_queries(
    visit: Any, many: Any, otto: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.analytics import views

    browser = visit(otto)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get("/anomalies/")
        return len(queries)

    few = count()
    monkeypatch.setattr(views, "_BY_SCORE", replace(views._BY_SCORE, size=20))
    assert count() == few


# --- One anomaly ----------------------------------------------------------------------------


def test_the_page_tells_every_reason_the_lines_and_who_prepared_it(
    visit: Any, odd: AnomalyScore, connie: Any
) -> None:
    shown = text(visit(connie).get(f"/anomalies/{odd.pk}/"))
    for reason in odd.reasons:
        words = reason["reason"].replace("'", "&#x27;")
        assert words[:1].upper() + words[1:] in shown
    assert "1000 Bank" in shown
    assert "<dd>rita</dd>" in shown
    assert 'name="disposition"' in shown


def test_who_may_not_decide_reads_who_could(
    visit: Any, odd: AnomalyScore, alice: Any, connie: Any, rita: Any
) -> None:
    for who in (alice, rita):
        shown = text(visit(who).get(f"/anomalies/{odd.pk}/"))
        assert 'name="disposition"' not in shown
        assert "Connie can review it." in shown
    assert "You took part in this entry" in shown


def test_somebody_alone_reads_that_nobody_else_can(
    visit: Any, books: Any, connie: Any, system: Any
) -> None:
    entry = post_by_hand(books, connie, "64321.00")
    run = score_period(
        period_id=entry.period_id, actor=system, parameters={"flag_threshold": "0.01"}
    )
    found = run.scores.get(entry=entry)
    shown = text(visit(connie).get(f"/anomalies/{found.pk}/"))
    assert "Nobody else can review it at the moment." in shown


def test_a_decision_on_the_page_leads_back_to_the_list(
    visit: Any, odd: AnomalyScore, connie: Any
) -> None:
    response = visit(connie).post(f"/anomalies/{odd.pk}/", FORM, follow=True)
    assert response.redirect_chain == [("/anomalies/", 302)]
    assert "legitimate." in text(response)
    assert AnomalyReview.objects.get().comment == "A yearly contract."


def test_an_earlier_decision_is_filled_in_to_be_changed(
    visit: Any, odd: AnomalyScore, connie: Any
) -> None:
    review_anomaly(score_id=odd.pk, disposition="escalated", comment="Ask.", actor=connie)
    form = visit(connie).get(f"/anomalies/{odd.pk}/").context["form"]
    assert form.initial == {"disposition": "escalated", "comment": "Ask.", "version": 2}


# --- In the row (htmx) ----------------------------------------------------------------------


def test_the_form_comes_in_place_of_the_row(
    visit: Any, odd: AnomalyScore, connie: Any, alice: Any
) -> None:
    shown = text(visit(connie).get(f"/anomalies/{odd.pk}/", **HTMX))
    assert shown.count("<tr") == 1
    assert f'<tr id="anomaly-{odd.pk}"' in shown
    assert f'hx-post="/anomalies/{odd.pk}/"' in shown
    assert shown.count("data-focus") >= 1
    assert "<html" not in shown
    assert "hx-post" not in text(visit(alice).get(f"/anomalies/{odd.pk}/", **HTMX))


def test_the_decided_row_comes_back_with_the_new_answer_and_is_said_aloud(
    visit: Any, odd: AnomalyScore, connie: Any
) -> None:
    response = visit(connie).post(f"/anomalies/{odd.pk}/", FORM, **HTMX)
    shown = text(response)
    assert response.status_code == 200
    assert "Legitimate" in shown
    assert "A yearly contract." in shown
    assert 'hx-swap-oob="true"' in shown
    assert "<form" not in shown
    announced = json.loads(response["HX-Trigger"])["announce"]
    assert announced == f"{odd.entry.label}: legitimate."


BAD = [
    ("nothing", {}, "This field is required."),
    ("no comment", {**FORM, "comment": " "}, "This field is required."),
    ("an invented decision", {**FORM, "disposition": "fine"}, "Select a valid choice."),
    ("open", {**FORM, "disposition": "open"}, "Select a valid choice."),
    ("an endless comment", {**FORM, "comment": "x" * 4_001}, "at most 4000 characters"),
    ("a NUL character", {**FORM, "comment": "a\x00"}, "Null characters are not allowed."),
    ("no version", {**FORM, "version": "x"}, "Enter a whole number."),
    ("another version", {**FORM, "version": "7"}, "This has changed since you opened it."),
]


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
@pytest.mark.parametrize(("what", "sent", "told"), BAD, ids=[each[0] for each in BAD])
def test_bad_input_is_told_on_the_form_and_changes_nothing(
    visit: Any,
    odd: AnomalyScore,
    connie: Any,
    headers: dict[str, Any],
    what: str,
    sent: dict[str, str],
    told: str,
    table_counts: Any,
) -> None:
    browser = visit(connie)
    before = table_counts()
    response = browser.post(f"/anomalies/{odd.pk}/", sent, **headers)
    assert response.status_code in ({422} if headers else {409, 422})
    assert told in text(response)
    assert "<form" in text(response)
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "code"),
    [("alice", 403), ("otto", 403), ("rita", 403), ("charlie", 404), ("victor", 403)],
)
def test_who_may_not_decide_changes_nothing(
    visit: Any, odd: AnomalyScore, who: str, code: int, request: Any, table_counts: Any
) -> None:
    browser = visit(request.getfixturevalue(who))
    before = table_counts()
    assert browser.post(f"/anomalies/{odd.pk}/", FORM).status_code == code
    assert table_counts() == before


@pytest.mark.parametrize("path", ["/anomalies/", "/anomalies/{}/"])
@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(
    visit: Any, odd: AnomalyScore, connie: Any, path: str, method: str
) -> None:
    response = getattr(visit(connie), method)(path.format(odd.pk))
    assert response.status_code == 405


@pytest.mark.parametrize("key", ["0", "987654321", "9" * 30])
def test_anomalies_that_are_not_there(visit: Any, odd: AnomalyScore, connie: Any, key: str) -> None:
    assert visit(connie).get(f"/anomalies/{key}/").status_code == 404

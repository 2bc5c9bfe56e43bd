"""Scorings, anomalies and reviews in the admin."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from apps.analytics.models import AnomalyReview, AnomalyScore, ScoringRun
from apps.analytics.services import review_anomaly
from tests.pages import text

from .stage import post, sale

MODELS = (ScoringRun, AnomalyScore, AnomalyReview)


@pytest.fixture
def reviewed(odd: AnomalyScore, connie: Any) -> AnomalyScore:
    review_anomaly(score_id=odd.pk, disposition="legitimate", comment="A contract.", actor=connie)
    return odd


def url(model: Any, page: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:analytics_{model._meta.model_name}_{page}", args=arguments)


def test_every_model_of_the_app_is_registered() -> None:
    ours = {model for model in admin.site._registry if model._meta.app_label == "analytics"}
    assert ours == set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_list_and_a_page(
    visit: Any, reviewed: AnomalyScore, connie: Any, otto: Any, model: Any
) -> None:
    row = model.objects.first()
    for who in (connie, otto):
        client = visit(who)
        assert url(model, "change", row.pk) in text(client.get(url(model)))
        assert client.get(url(model, "change", row.pk)).status_code == 200


def test_lists_lead_to_the_pages_where_work_is_done(
    visit: Any, reviewed: AnomalyScore, otto: Any
) -> None:
    listed = text(visit(otto).get(url(AnomalyScore)))
    assert f'href="/anomalies/{reviewed.pk}/"' in listed
    assert "Legitimate" in listed
    scorings = text(visit(otto).get(url(ScoringRun)))
    assert f"{url(AnomalyScore)}?run__id__exact={reviewed.run_id}" in scorings
    page = text(visit(otto).get(url(ScoringRun, "change", reviewed.run_id)))
    assert "&quot;z_threshold&quot;: 2.5" in page


@pytest.mark.parametrize("model", MODELS)
def test_rows_of_other_entities_are_not_there(
    visit: Any, reviewed: AnomalyScore, foreign_odd: AnomalyScore, charlie: Any, model: Any
) -> None:
    client = visit(charlie)
    seen = set(client.get(url(model)).context["cl"].queryset)
    assert seen == set(model.objects.visible_to(charlie))
    ours = model.objects.exclude(pk__in=[row.pk for row in seen]).first()
    assert client.get(url(model, "change", ours.pk)).status_code == 302


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_changed_or_deleted(
    visit: Any, reviewed: AnomalyScore, connie: Any, model: Any, table_counts: Any
) -> None:
    client, row = visit(connie), model.objects.first()
    before = table_counts()
    assert client.get(url(model, "add")).status_code == 403
    assert client.post(url(model, "change", row.pk), {"disposition": "open"}).status_code == 403
    assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert table_counts() == before
    assert AnomalyReview.objects.get().disposition == "legitimate"


def again(client: Client, *runs: ScoringRun) -> list[str]:
    sent = {"action": "score_again", "_selected_action": [str(run.pk) for run in runs]}
    response = client.post(url(ScoringRun), sent)
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_a_period_is_scored_again_through_the_service(
    visit: Any, scoring: ScoringRun, books: Any, system: Any, connie: Any
) -> None:
    client = visit(connie)
    assert again(client, scoring) == ["1 scored."]
    assert ScoringRun.objects.count() == 1, "nothing has changed"
    post(books, [sale("late", date(2023, 4, 20), "100.00")], system)
    again(client, scoring)
    assert ScoringRun.objects.latest("id").entry_count == 42


def test_those_who_may_not_score_are_not_offered_it(
    visit: Any, scoring: ScoringRun, otto: Any, books: Any, system: Any
) -> None:
    client = visit(otto)
    assert "score_again" not in text(client.get(url(ScoringRun)))
    post(books, [sale("late", date(2023, 4, 20), "100.00")], system)
    again(client, scoring)
    assert ScoringRun.objects.count() == 1


def test_strangers_get_nowhere(visit: Any, scoring: ScoringRun, ada: Any) -> None:
    for model in MODELS:
        assert visit(ada).get(url(model)).status_code == 403

"""Webhooks in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.urls import reverse

from apps.approvals.services.notices import notify
from apps.approvals.states import NoticeKind
from apps.outbound.models import (
    Delivery,
    DeliveryAttempt,
    Endpoint,
    EndpointNotice,
    Message,
    MessageLine,
    MessagePreference,
    WebhookEvent,
)
from apps.outbound.services import choose_messages
from tests.outbound.conftest import SUBMITTED, Receiver, attempt
from tests.outbound.test_deliver import MOST_TRIES, tried
from tests.outbound.test_pages import text, visit

pytestmark = pytest.mark.django_db

OWN = (Message, MessageLine, MessagePreference)
MODELS = (Delivery, DeliveryAttempt, Endpoint, EndpointNotice, WebhookEvent)


def url(model: Any, page: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:outbound_{model._meta.model_name}_{page}", args=arguments)


def act(client: Any, model: Any, action: str, *rows: Any) -> Any:
    given = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(url(model), given)


def told(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


@pytest.fixture
def lively(delivery: Delivery, receiver: Receiver, ada: Any, connie: Any, otto: Any) -> Delivery:
    """Something in every table."""
    receiver.status = 500
    return tried(delivery, MOST_TRIES)


def test_every_model_of_the_app_is_registered() -> None:
    ours = {model for model in admin.site._registry if model._meta.app_label == "outbound"}
    assert ours == {*MODELS, *OWN}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("who", ["ada", "connie", "otto"])
def test_every_model_has_a_list_and_a_page_without_secrets(
    request: pytest.FixtureRequest, lively: Delivery, who: str, model: Any
) -> None:
    client = visit(request.getfixturevalue(who))
    secret = Endpoint.objects.get().secret
    for page in (url(model), url(model, "change", model.objects.first().pk)):
        answer = client.get(page)
        assert answer.status_code == 200
        assert secret not in answer.content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_others_find_nothing(lively: Delivery, alice: Any, charlie: Any, model: Any) -> None:
    ours = model.objects.first()
    assert visit(alice).get(url(model)).status_code in (302, 403)
    assert visit(charlie).get(url(model, "change", ours.pk)).status_code == 302
    assert f"/{ours.pk}/change/" not in visit(charlie).get(url(model)).content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_deleted_and_facts_are_not_changed(
    lively: Delivery, ada: Any, otto: Any, model: Any
) -> None:
    row = model.objects.first()
    client = visit(ada)
    assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert visit(otto).get(url(model, "add")).status_code == 403
    assert visit(otto).post(url(model, "change", row.pk), {"name": "x"}).status_code == 403
    if model is not Endpoint:
        assert client.get(url(model, "add")).status_code == 403
        assert client.post(url(model, "change", row.pk), {"kind": "x"}).status_code == 403


def test_registering_shows_the_secret_once(
    ada: Any, entity: Any, receiver: Receiver, egress: None
) -> None:
    client = visit(ada)
    given = {"entity": entity.pk, "name": "ERP", "url": receiver.url, "kinds": [SUBMITTED]}
    assert client.get(url(Endpoint, "add")).status_code == 200
    page = client.post(url(Endpoint, "add"), given)
    made = Endpoint.objects.get()
    assert made.secret in text(page)
    assert "no-store" in page["Cache-Control"]
    assert made.created_by == ada


def test_what_the_service_refuses_is_a_fault_of_the_form(
    ada: Any, entity: Any, endpoint: Endpoint
) -> None:
    given = {"entity": entity.pk, "name": "x", "url": "https://no.example/", "kinds": [SUBMITTED]}
    page = visit(ada).post(url(Endpoint, "add"), given)
    assert "EGRESS_HOSTS" in text(page)
    page = visit(ada).post(url(Endpoint, "change", endpoint.pk), given)
    assert "EGRESS_HOSTS" in text(page)
    assert Endpoint.objects.count() == 1


def test_it_is_changed(ada: Any, endpoint: Endpoint) -> None:
    given = {"name": "Other", "url": endpoint.url, "kinds": ["approvals.request.decided"]}
    assert visit(ada).post(url(Endpoint, "change", endpoint.pk), given).status_code == 302
    seen = Endpoint.objects.get()
    assert (seen.name, seen.kinds) == ("Other", ["approvals.request.decided"])


def test_one_secret_is_rotated_at_a_time(ada: Any, register: Any) -> None:
    one, two = register(), register(name="Two")
    client = visit(ada)
    answer = act(client, Endpoint, "rotate", one, two)
    assert "Choose one" in told(answer)
    page = act(client, Endpoint, "rotate", one)
    changed = Endpoint.objects.get(pk=one.pk)
    assert changed.secret != one.secret
    assert changed.secret in text(page)
    assert Endpoint.objects.get(pk=two.pk).secret == two.secret


def test_what_is_retired_gets_no_secret(ada: Any, endpoint: Endpoint) -> None:
    client = visit(ada)
    assert "1 retired" in told(act(client, Endpoint, "retire", endpoint))
    assert "cannot become" in told(act(client, Endpoint, "rotate", endpoint))
    assert Endpoint.objects.get().secret == ""


def test_deliveries_are_sent_again(ada: Any, delivery: Delivery, receiver: Receiver) -> None:
    attempt(delivery)
    assert "1 sent again" in told(act(visit(ada), Delivery, "resend", delivery))
    attempt(delivery)
    assert len(receiver.got) == 2


@pytest.mark.parametrize(
    ("model", "action"), [(Endpoint, "rotate"), (Endpoint, "retire"), (Delivery, "resend")]
)
def test_an_auditor_has_no_actions(
    otto: Any, delivery: Delivery, model: Any, action: str, table_counts: Any
) -> None:
    client = visit(otto)
    before = table_counts()
    act(client, model, action, model.objects.first())
    assert table_counts() == before
    assert Endpoint.objects.get().status == "active"


@pytest.mark.parametrize("model", OWN)
def test_people_see_what_is_sent_to_them_and_nobody_elses(
    ask: Any, connie: Any, otto: Any, settings: Any, model: Any
) -> None:
    settings.EGRESS_HOSTS = ["hooks.slack.com"]
    slack = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
    choose_messages(actor=connie, by_email=True, by_slack=True, slack_url=slack)
    notify(ask(), NoticeKind.BLOCKED, [connie.pk], occasion="x")
    row = model.objects.first()
    for page in (url(model), url(model, "change", row.pk)):
        answer = visit(connie).get(page)
        assert answer.status_code == 200
        assert "TIiajkd" not in answer.content.decode()
    assert visit(otto).get(url(model, "change", row.pk)).status_code == 302
    assert f"/{row.pk}/change/" not in visit(otto).get(url(model)).content.decode()

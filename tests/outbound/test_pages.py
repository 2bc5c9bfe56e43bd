"""Pages: /webhooks/."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from apps.outbound.models import Delivery, Endpoint, EndpointNotice
from tests.outbound.conftest import SUBMITTED, Receiver, attempt
from tests.outbound.test_deliver import MOST_TRIES, tried

pytestmark = pytest.mark.django_db

LIST = "/webhooks/"


def visit(user: Any) -> Client:
    visitor = Client(raise_request_exception=False)
    visitor.force_login(user)
    return visitor


def text(page: Any) -> str:
    plain = re.sub(r"<[^>]+>", " ", page.content.decode())
    return re.sub(r" ([.,:?])", r"\1", re.sub(r"\s+", " ", plain))


def told(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def url(name: str, one: Any) -> str:
    return reverse(f"outbound:{name}", args=[one.pk])


def filled(within: Any, receiver: Receiver, **changes: Any) -> dict[str, Any]:
    return {
        "entity": within.pk,
        "name": "ERP",
        "url": receiver.url,
        "kinds": [SUBMITTED],
        **changes,
    }


def test_an_empty_list_says_what_it_is_for(ada: Any) -> None:
    page = visit(ada).get(LIST)
    assert "No other system is told what happens here." in text(page)
    assert "Register an endpoint" in text(page)


def test_registering_shows_the_secret_once(
    ada: Any, entity: Any, receiver: Receiver, egress: None
) -> None:
    client = visit(ada)
    page = client.post(LIST, filled(entity, receiver))
    endpoint = Endpoint.objects.get()
    assert page.status_code == 200
    assert endpoint.secret in text(page)
    assert page["Cache-Control"] == "no-store"
    for path in (LIST, url("endpoint", endpoint)):
        assert endpoint.secret not in client.get(path).content.decode()
    assert "1 of 1 endpoint active" in text(client.get(LIST))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "https://elsewhere.example/"}, "EGRESS_HOSTS"),
        ({"url": ""}, "required"),
        ({"kinds": []}, "required"),
        ({"kinds": ["other"]}, "not one of the available choices"),
        ({"entity": ""}, "required"),
        ({"name": "\u200b"}, "1 to 100"),
    ],
)
def test_what_is_refused_comes_back_with_the_fault_at_its_field(
    ada: Any, entity: Any, receiver: Receiver, egress: None, changes: Any, words: str
) -> None:
    page = visit(ada).post(LIST, filled(entity, receiver, **changes))
    assert page.status_code == 422
    assert words in text(page)
    assert not Endpoint.objects.exists()


def test_an_entity_that_is_not_mine_is_no_choice(
    ada: Any, other_entity: Any, receiver: Receiver, egress: None
) -> None:
    page = visit(ada).post(LIST, filled(other_entity, receiver))
    assert page.status_code == 422
    assert not Endpoint.objects.exists()


def test_the_page_of_an_endpoint_shows_its_deliveries(
    ada: Any, delivery: Delivery, receiver: Receiver, ask: Any
) -> None:
    receiver.status = 500
    attempt(delivery)
    page = visit(ada).get(url("endpoint", delivery.endpoint))
    assert "1 delivery waiting" in text(page)
    assert "Approval is asked for" in text(page)
    assert "The other side answered with status 500." in text(page)
    assert "Send again" in text(page)
    one = visit(ada).get(url("delivery", delivery))
    assert "1 attempt so far" in text(one)
    assert delivery.event.message_id in text(one)


def test_it_is_sent_again_with_a_button(ada: Any, delivery: Delivery, receiver: Receiver) -> None:
    attempt(delivery)
    answer = visit(ada).post(url("resend", delivery))
    assert answer.status_code == 302
    assert "Sent again" in told(answer)
    delivery.refresh_from_db()
    assert delivery.status == "waiting"


def test_it_is_changed_rotated_switched_and_retired(
    ada: Any, endpoint: Endpoint, receiver: Receiver
) -> None:
    client = visit(ada)
    facts = {"name": "Other", "url": endpoint.url, "kinds": endpoint.kinds}
    assert client.post(url("endpoint", endpoint), facts).status_code == 302
    assert Endpoint.objects.get().name == "Other"
    page = client.post(url("rotate", endpoint), {"overlap_hours": 5})
    assert Endpoint.objects.get().secret in text(page)
    assert "signs as well until" in text(page)
    assert endpoint.secret not in text(page)
    assert client.post(url("off", endpoint), {"reason": "Moved"}).status_code == 302
    assert "What waits for it is dropped: 0 now." in text(client.get(url("endpoint", endpoint)))
    assert "Nothing is sent here: Moved" in text(client.get(url("endpoint", endpoint)))
    client.post(url("on", endpoint))
    assert Endpoint.objects.get().is_active
    client.post(url("retire", endpoint))
    page = client.get(url("endpoint", endpoint))
    assert "Nothing is sent here any more." in text(page)
    assert "Change it" not in text(page)
    assert "Other" not in text(client.get(LIST))


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("rotate", {"overlap_hours": "999"}, "168"),
        ("rotate", {"overlap_hours": ""}, "required"),
        ("off", {"reason": ""}, "required"),
        ("on", {}, "cannot become"),
    ],
)
def test_a_step_that_is_refused_is_told(
    ada: Any, endpoint: Endpoint, name: str, given: Any, words: str
) -> None:
    answer = visit(ada).post(url(name, endpoint), given)
    assert answer.status_code == 302
    assert words in told(answer)
    seen = Endpoint.objects.get()
    assert (seen.status, seen.secret) == ("active", endpoint.secret)


def test_rotating_a_retired_one_is_told(ada: Any, endpoint: Endpoint) -> None:
    client = visit(ada)
    client.post(url("retire", endpoint))
    assert "cannot become" in told(client.post(url("rotate", endpoint), {"overlap_hours": 1}))
    page = client.post(
        url("endpoint", endpoint), {"name": "x", "url": endpoint.url, "kinds": endpoint.kinds}
    )
    assert page.status_code == 422
    page = client.post(url("endpoint", endpoint), {"name": ""})
    assert page.status_code == 422


def test_notices_are_shown_until_they_are_read(
    ada: Any, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.status = 500
    tried(delivery, MOST_TRIES)
    client = visit(ada)
    assert "A delivery was given up" in text(client.get(LIST))
    newest = EndpointNotice.objects.order_by("-pk").first()
    assert newest is not None
    for given in ("", "x", "9" * 30):
        client.post("/webhooks/notices/read/", {"up_to_id": given})
        assert EndpointNotice.objects.filter(read_at__isnull=False).count() == 0
    client.post("/webhooks/notices/read/", {"up_to_id": newest.pk})
    assert "A delivery was given up" not in text(client.get(LIST))
    assert "1 delivery given up" in text(client.get(LIST))


GETS = ("endpoints", "endpoint", "delivery")
POSTS = ("rotate", "off", "on", "retire", "resend")


@pytest.mark.parametrize("name", [*GETS, *POSTS])
def test_who_gets_in(
    request: pytest.FixtureRequest, delivery: Delivery, table_counts: Any, name: str
) -> None:
    one = delivery if name in ("delivery", "resend") else delivery.endpoint
    path = LIST if name == "endpoints" else url(name, one)
    actors = {
        who: request.getfixturevalue(who)
        for who in ("alice", "bob", "otto", "ivy", "victor", "charlie")
    }
    clients = {who: visit(actor) for who, actor in actors.items()}
    before = table_counts()
    given = {"overlap_hours": 1, "reason": "x"}
    verdicts = {
        who: (client.get(path) if name in GETS else client.post(path, given)).status_code
        for who, client in clients.items()
    }
    insider = 200 if name in GETS else 403
    stranger = 200 if name == "endpoints" else 404
    assert verdicts == {
        "alice": 403,
        "bob": 403,
        "otto": insider,
        "ivy": 403,
        "victor": 403,
        "charlie": stranger,
    }
    anonymous = Client().get(path) if name in GETS else Client().post(path)
    assert (anonymous.status_code, "login" in anonymous["Location"]) == (302, True)
    assert table_counts() == before


def test_an_auditor_looks_and_has_no_buttons(otto: Any, delivery: Delivery) -> None:
    page = text(visit(otto).get(url("endpoint", delivery.endpoint)))
    assert "Send again" not in page
    assert "Retire" not in page
    assert "Send again" not in text(visit(otto).get(url("delivery", delivery)))
    assert "Controllers and administrators register endpoints." in text(visit(otto).get(LIST))
    assert visit(otto).post(LIST, {}).status_code == 403
    facts = {"name": "x", "url": delivery.endpoint.url, "kinds": [SUBMITTED]}
    assert visit(otto).post(url("endpoint", delivery.endpoint), facts).status_code == 403


def test_the_entity_in_view_narrows_the_list(
    endpoint: Endpoint, person: Any, entity: Any, other_entity: Any, system: Any
) -> None:
    from apps.identity.services import grant_role

    mona = person("mona", "controller", on=entity)
    grant_role(user_id=mona.pk, role="controller", entity_id=other_entity.pk, actor=system)
    client = visit(mona)
    assert "HFS, http" in text(client.get(LIST))
    client.post(f"{reverse('identity:view-entity')}?code=TKO")
    assert "ERP" not in text(client.get(LIST))


def test_a_long_list_of_deliveries_is_leafed_through(
    ada: Any, delivery: Delivery, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.common.paging import newest_first
    from apps.outbound.views import endpoints

    monkeypatch.setattr(endpoints, "_BY_ID", newest_first(2))
    for number in range(1, 4):
        ask(number)
    client, path = visit(ada), url("endpoint", delivery.endpoint)
    first = client.get(path)
    second = client.get(path + first.context["next_url"])
    shown = [[one["row"].pk for one in page.context["deliveries"]] for page in (first, second)]
    assert shown[0] + shown[1] == list(
        Delivery.objects.order_by("-pk").values_list("pk", flat=True)
    )
    assert (first.context["previous_url"], second.context["next_url"]) == (None, None)

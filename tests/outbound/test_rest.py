"""REST: /api/webhooks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.operations.models import IdempotentAnswer
from apps.outbound.models import Delivery, Endpoint, EndpointNotice
from apps.outbound.services import retire_endpoint, switch_off
from tests.outbound.conftest import SUBMITTED, Receiver, attempt
from tests.outbound.test_deliver import MOST_TRIES, tried

pytestmark = pytest.mark.django_db

ENDPOINTS = "/api/webhooks/endpoints"
DELIVERIES = "/api/webhooks/deliveries"
NOTICES = "/api/webhooks/notices"
CAST = ("alice", "rita", "bob", "connie", "otto", "ada", "ivy", "victor", "charlie")


def body(receiver: Receiver, **changes: Any) -> dict[str, Any]:
    return {"entity": "HFS", "name": "ERP", "url": receiver.url, "kinds": [SUBMITTED], **changes}


def test_an_endpoint_is_registered_and_its_secret_shown_once(
    api: Any, ada: Any, receiver: Receiver, entity: Any, egress: None
) -> None:
    answer = api(ada).post(ENDPOINTS, body(receiver), format="json")
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["entity"], told["status"], told["created_by"]) == ("HFS", "active", "ada")
    assert told["secret"] == Endpoint.objects.get().secret
    assert answer["Cache-Control"] == "no-store"
    for path in (ENDPOINTS, f"{ENDPOINTS}/{told['id']}"):
        seen = api(ada).get(path)
        assert seen.status_code == 200
        assert told["secret"] not in seen.content.decode()
        assert "secret" not in str(seen.json()).replace("secret_changed_at", "")


def test_a_repeated_request_registers_once_and_its_answer_keeps_no_secret(
    api: Any, ada: Any, receiver: Receiver, entity: Any, egress: None
) -> None:
    def again() -> Any:
        return api(ada).post(
            ENDPOINTS, body(receiver), format="json", headers={"Idempotency-Key": "one"}
        )

    first, second = again(), again()
    assert (first.status_code, second.status_code) == (201, 201)
    assert second["Idempotent-Replay"] == "true"
    assert second.json() == first.json() | {"secret": None}
    assert Endpoint.objects.count() == 1
    assert first.json()["secret"] not in json.dumps(IdempotentAnswer.objects.get().body)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"entity": "TKO"}, 404),
        ({"entity": "NONE"}, 404),
        ({"url": "https://elsewhere.example/"}, 422),
        ({"url": "http://169.254.169.254/"}, 422),
        ({"url": 5}, 422),
        ({"kinds": []}, 422),
        ({"kinds": ["other"]}, 422),
        ({"kinds": SUBMITTED}, 422),
        ({"name": ""}, 422),
        ({"secret": "whsec_mine"}, 422),
    ],
)
def test_what_is_refused(
    api: Any,
    ada: Any,
    receiver: Receiver,
    other_entity: Any,
    egress: None,
    table_counts: Any,
    changes: Any,
    status: int,
) -> None:
    before = table_counts()
    answer = api(ada).post(ENDPOINTS, body(receiver, **changes), format="json")
    assert answer.status_code == status, answer.content
    assert answer.json()["error"]["code"]
    assert table_counts() == before


def test_it_is_changed_rotated_switched_and_retired(api: Any, ada: Any, endpoint: Endpoint) -> None:
    client, path = api(ada), f"{ENDPOINTS}/{endpoint.pk}"
    changed = client.patch(path, {"name": "Other"}, format="json")
    assert (changed.status_code, changed.json()["name"]) == (200, "Other")
    assert changed.json()["kinds"] == [SUBMITTED]
    rotated = client.post(f"{path}/rotate-secret", {"overlap_hours": 1}, format="json")
    assert rotated.status_code == 200
    assert rotated.json()["secret"] == Endpoint.objects.get().secret != endpoint.secret
    assert rotated["Cache-Control"] == "no-store"
    off = client.post(f"{path}/switch-off", {"reason": "Moved"}, format="json")
    assert (off.json()["status"], off.json()["off_reason"]) == ("off", "Moved")
    assert client.post(f"{path}/switch-on", {}, format="json").json()["status"] == "active"
    assert client.delete(path).status_code == 204
    assert client.get(path).json()["status"] == "retired"
    assert client.post(f"{path}/switch-on", {}, format="json").status_code == 409
    assert client.delete(path).status_code == 409


WRITES = {
    "register": ("post", ENDPOINTS),
    "change": ("patch", ENDPOINTS + "/{endpoint}"),
    "retire": ("delete", ENDPOINTS + "/{endpoint}"),
    "rotate": ("post", ENDPOINTS + "/{endpoint}/rotate-secret"),
    "off": ("post", ENDPOINTS + "/{endpoint}/switch-off"),
    "on": ("post", ENDPOINTS + "/{endpoint}/switch-on"),
    "resend": ("post", DELIVERIES + "/{delivery}/resend"),
}
GIVEN = {
    "register": {"name": "x", "url": "https://hooks.example.com", "kinds": [SUBMITTED]},
    "change": {"name": "x"},
    "off": {"reason": "x"},
}


@pytest.mark.parametrize("write", WRITES)
def test_who_may_write(
    request: pytest.FixtureRequest, api: Any, delivery: Delivery, table_counts: Any, write: str
) -> None:
    """Nobody but administrators and controllers of the entity; strangers find nothing."""
    method, path = WRITES[write]
    path = path.format(endpoint=delivery.endpoint_id, delivery=delivery.pk)
    given = GIVEN.get(write, {}) | ({"entity": "HFS"} if write == "register" else {})
    actors = [request.getfixturevalue(name) for name in CAST if name not in ("connie", "ada")]
    before = table_counts()
    verdicts = {
        actor.username: getattr(api(actor), method)(path, given, format="json").status_code
        for actor in actors
    }
    anonymous = getattr(api(), method)(path, given, format="json").status_code
    stranger = 404
    insider = 403
    assert verdicts == {
        "alice": insider,
        "rita": insider,
        "bob": insider,
        "otto": insider,
        "ivy": insider,
        "victor": insider if write != "register" else stranger,
        "charlie": stranger,
    }
    assert anonymous == 401
    assert table_counts() == before


def test_who_sees_what(request: pytest.FixtureRequest, api: Any, delivery: Delivery) -> None:
    verdicts = {}
    for name in CAST:
        client = api(request.getfixturevalue(name))
        answers = [
            client.get(path)
            for path in (
                ENDPOINTS,
                f"{ENDPOINTS}/{delivery.endpoint_id}",
                DELIVERIES,
                f"{DELIVERIES}/{delivery.pk}",
            )
        ]
        rows = {len(one.json()["results"]) for one in answers[::2] if one.status_code == 200}
        verdicts[name] = ([one.status_code for one in answers], rows)
    insider, nobody = ([200] * 4, {1}), ([403] * 4, set())
    assert verdicts == {
        "alice": nobody,
        "rita": nobody,
        "bob": nobody,
        "connie": insider,
        "otto": insider,
        "ada": insider,
        "ivy": nobody,
        "victor": nobody,
        "charlie": ([200, 404, 200, 404], {0}),
    }


def test_a_role_elsewhere_opens_nothing_here(
    api: Any, delivery: Delivery, alice: Any, other_entity: Any, system: Any
) -> None:
    """Alice prepares here and controls there."""
    from apps.identity.services import grant_role

    grant_role(user_id=alice.pk, role="controller", entity_id=other_entity.pk, actor=system)
    client = api(alice.__class__.objects.get(pk=alice.pk))
    assert client.get(ENDPOINTS).json()["results"] == []
    assert client.get(f"{DELIVERIES}/{delivery.pk}").status_code == 404


def test_deliveries_tell_every_attempt(
    api: Any, otto: Any, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.status, receiver.body = 500, b"out of order"
    attempt(delivery)
    seen = api(otto).get(f"{DELIVERIES}/{delivery.pk}").json()
    assert (seen["status"], seen["kind"]) == ("waiting", SUBMITTED)
    assert seen["event"] == json.loads(seen["body"])["id"] == delivery.event.message_id
    (tried_once,) = seen["attempts"]
    assert (tried_once["number"], tried_once["status_code"]) == (1, 500)
    assert (tried_once["answer"], tried_once["error"]) == (
        "out of order",
        "The other side answered with status 500.",
    )


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=waiting", 2),
        ("status=delivered", 0),
        (f"kind={SUBMITTED}", 2),
        ("kind=other", 0),
        ("entity=HFS", 2),
        ("entity=TKO", 0),
        ("endpoint={endpoint}", 2),
    ],
)
def test_deliveries_are_narrowed(
    api: Any, otto: Any, delivery: Delivery, ask: Any, query: str, count: int
) -> None:
    ask(1)
    query = query.format(endpoint=delivery.endpoint_id)
    assert len(api(otto).get(f"{DELIVERIES}?{query}").json()["results"]) == count


def test_a_longer_list_takes_no_more_queries(
    api: Any, otto: Any, delivery: Delivery, ask: Any, receiver: Receiver
) -> None:
    def queries() -> int:
        client = api(otto.__class__.objects.get(pk=otto.pk))
        with CaptureQueriesContext(connection) as seen:
            assert client.get(DELIVERIES).status_code == 200
        return len(seen)

    attempt(delivery)
    few = queries()
    for number in range(1, 4):
        ask(number)
    for one in Delivery.objects.all():
        attempt(one)
    assert queries() == few


def test_it_is_sent_again(api: Any, connie: Any, delivery: Delivery, receiver: Receiver) -> None:
    attempt(delivery)
    answer = api(connie).post(f"{DELIVERIES}/{delivery.pk}/resend", {}, format="json")
    assert (answer.status_code, answer.json()["status"]) == (202, "waiting")
    attempt(delivery)
    assert [got.headers["webhook-id"] for got in receiver.got] == [delivery.event.message_id] * 2


@pytest.mark.parametrize("end", ["off", "retired"])
def test_not_to_an_endpoint_that_takes_nothing(
    api: Any, ada: Any, delivery: Delivery, end: str
) -> None:
    if end == "off":
        switch_off(endpoint_id=delivery.endpoint_id, reason="x", actor=ada)
    else:
        retire_endpoint(endpoint_id=delivery.endpoint_id, actor=ada)
    answer = api(ada).post(f"{DELIVERIES}/{delivery.pk}/resend", {}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ENDPOINT_NOT_ACTIVE")


def test_notices_are_ones_own_and_read(
    api: Any, ada: Any, connie: Any, otto: Any, delivery: Delivery, receiver: Receiver
) -> None:
    receiver.status = 500
    tried(delivery, MOST_TRIES)
    assert api(otto).get(NOTICES).json()["results"] == []
    (told,) = api(ada).get(NOTICES).json()["results"]
    assert (told["kind"], told["endpoint"], told["read_at"]) == (
        "given_up",
        delivery.endpoint_id,
        None,
    )
    answer = api(ada).post(f"{NOTICES}/read", {"up_to_id": told["id"]}, format="json")
    assert answer.json() == {"read": 1}
    assert EndpointNotice.objects.get(person=ada).read_at
    assert EndpointNotice.objects.get(person=connie).read_at is None

"""Endpoints: registered, changed, rotated, switched off and on, retired."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal
from apps.outbound.errors import EndpointInvalid
from apps.outbound.models import Delivery, Endpoint
from apps.outbound.services import (
    change_endpoint,
    register_endpoint,
    retire_endpoint,
    rotate_secret,
    switch_off,
    switch_on,
)
from tests.outbound.conftest import SUBMITTED

pytestmark = pytest.mark.django_db

GOOD = {"name": "ERP", "url": "https://hooks.example.com/x", "kinds": [SUBMITTED]}


def test_registering_makes_a_secret_and_an_event(register: Any, ada: Any) -> None:
    made = register(name="  The   ERP ", kinds=["approvals.request.decided", SUBMITTED])
    assert (made.name, made.status) == ("The ERP", "active")
    assert made.kinds == [SUBMITTED, "approvals.request.decided"]
    assert made.secret.startswith("whsec_")
    event = Event.objects.get(action="outbound.endpoint.register")
    assert (event.actor, event.entity_id) == (ada, made.entity_id)
    assert event.details == {"url": made.url, "kinds": made.kinds}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": "  "}, "name", "1 to 100"),
        ({"name": "x" * 101}, "name", "1 to 100"),
        ({"name": "a\0b"}, "name", "1 to 100"),
        ({"url": "https://elsewhere.example/"}, "url", "EGRESS_HOSTS"),
        ({"url": "http://169.254.169.254/"}, "url", "EGRESS_HOSTS"),
        ({"url": "https://u:p@hooks.example.com/"}, "url", "neither a password"),
        ({"url": "file:///etc/passwd"}, "url", "such as https"),
        ({"kinds": []}, "kinds", "at least one"),
        ({"kinds": ["approvals.request.exploded"]}, "kinds", "exploded"),
    ],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_what_would_not_work_is_refused_and_changes_nothing(
    register: Any,
    entity: Any,
    ada: Any,
    table_counts: Any,
    change: Any,
    field: str,
    words: str,
    is_new: bool,
) -> None:
    standing = register()
    before = table_counts()
    service = register_endpoint if is_new else change_endpoint
    facts = {"entity_id": entity.pk, **GOOD} if is_new else {"endpoint_id": standing.pk}
    with pytest.raises(EndpointInvalid) as caught:
        service(**(facts | change), actor=ada)
    assert caught.value.field == field
    assert words in f"{caught.value.message} {caught.value.remedy}"
    assert table_counts() == before


CALLS: dict[str, Any] = {
    "change": lambda pk, actor: change_endpoint(endpoint_id=pk, name="X", actor=actor),
    "rotate": lambda pk, actor: rotate_secret(endpoint_id=pk, actor=actor),
    "off": lambda pk, actor: switch_off(endpoint_id=pk, reason="x", actor=actor),
    "on": lambda pk, actor: switch_on(endpoint_id=pk, actor=actor),
    "retire": lambda pk, actor: retire_endpoint(endpoint_id=pk, actor=actor),
}


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("alice", NotVisible),
        ("rita", NotVisible),
        ("bob", NotVisible),
        ("ivy", NotVisible),
        ("otto", NotPermitted),
        ("victor", NotVisible),
        ("charlie", NotVisible),
    ],
)
@pytest.mark.parametrize("call", CALLS)
def test_who_may_not(
    request: pytest.FixtureRequest,
    register: Any,
    table_counts: Any,
    who: str,
    refusal: type[Refusal],
    call: str,
) -> None:
    standing = register()
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        CALLS[call](standing.pk, actor)
    assert table_counts() == before
    standing.refresh_from_db()
    assert standing.status == "active"


@pytest.mark.parametrize(
    ("who", "refusal"),
    [("alice", NotPermitted), ("otto", NotPermitted), ("charlie", NotVisible)],
)
def test_who_may_not_register(
    request: pytest.FixtureRequest, register: Any, table_counts: Any, who: str, refusal: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        register(actor=actor)
    assert table_counts() == before


def test_a_controller_may_too(register: Any, connie: Any) -> None:
    assert register(actor=connie).created_by == connie


def test_another_secret_signs_beside_the_former_one_for_a_while(endpoint: Any, ada: Any) -> None:
    former = endpoint.secret
    changed = rotate_secret(endpoint_id=endpoint.pk, actor=ada, overlap_hours=2)
    assert changed.secret != former
    seen = Endpoint.objects.get(pk=endpoint.pk)
    assert seen.secrets_in_force == [changed.secret, former]
    Endpoint.objects.filter(pk=endpoint.pk).update(former_until=timezone.now())
    assert Endpoint.objects.get(pk=endpoint.pk).secrets_in_force == [changed.secret]
    assert Event.objects.get(action="outbound.endpoint.rotate_secret").details == {
        "overlap_hours": 2
    }


def test_without_an_overlap_the_former_secret_is_forgotten(endpoint: Any, ada: Any) -> None:
    changed = rotate_secret(endpoint_id=endpoint.pk, actor=ada, overlap_hours=0)
    seen = Endpoint.objects.get(pk=endpoint.pk)
    assert (seen.former_secret, seen.secrets_in_force) == ("", [changed.secret])


@pytest.mark.parametrize("hours", [-1, 169])
def test_an_overlap_out_of_range(endpoint: Any, ada: Any, hours: int, unchanged: None) -> None:
    with pytest.raises(EndpointInvalid) as caught:
        rotate_secret(endpoint_id=endpoint.pk, actor=ada, overlap_hours=hours)
    assert caught.value.field == "overlap_hours"


def test_switched_off_drops_what_waits_and_keeps_nothing_meanwhile(
    delivery: Delivery, endpoint: Any, ask: Any, ada: Any
) -> None:
    off = switch_off(endpoint_id=endpoint.pk, reason="Being  moved", actor=ada)
    assert (off.status, off.off_reason) == ("off", "Being moved")
    delivery.refresh_from_db()
    assert delivery.status == "dropped"
    ask(1)
    assert Delivery.objects.count() == 1
    assert Event.objects.get(action="outbound.endpoint.switch_off").details["dropped"] == 1
    on = switch_on(endpoint_id=endpoint.pk, actor=ada)
    assert (on.status, on.off_reason) == ("active", "")
    ask(2)
    assert Delivery.objects.count() == 2


def test_it_is_not_switched_on_where_its_host_is_no_longer_listed(
    endpoint: Any, ada: Any, settings: Any
) -> None:
    switch_off(endpoint_id=endpoint.pk, reason="x", actor=ada)
    settings.EGRESS_HOSTS = []
    with pytest.raises(EndpointInvalid):
        switch_on(endpoint_id=endpoint.pk, actor=ada)
    assert Endpoint.objects.get().status == "off"


def test_a_retired_one_forgets_its_secrets_and_nothing_moves_it(endpoint: Any, ada: Any) -> None:
    rotate_secret(endpoint_id=endpoint.pk, actor=ada)
    retire_endpoint(endpoint_id=endpoint.pk, actor=ada)
    seen = Endpoint.objects.get()
    assert (seen.status, seen.secret, seen.former_secret) == ("retired", "", "")
    for name, call in CALLS.items():
        with pytest.raises(IllegalMove):
            call(endpoint.pk, ada)
        assert Endpoint.objects.get().status == "retired", name


@pytest.mark.parametrize("call", ["off", "on"])
def test_a_move_that_is_none(endpoint: Any, ada: Any, call: str) -> None:
    if call == "off":
        switch_off(endpoint_id=endpoint.pk, reason="x", actor=ada)
    with pytest.raises(IllegalMove):
        CALLS[call](endpoint.pk, ada)


def test_secrets_are_sealed_and_in_no_history_and_no_event(endpoint: Any, ada: Any) -> None:
    former = endpoint.secret
    changed = rotate_secret(endpoint_id=endpoint.pk, actor=ada)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, former_secret FROM outbound_endpoint")
        stored = [bytes(one) for one in cursor.fetchone()]
        cursor.execute("SELECT to_jsonb(h)::text FROM outbound_historicalendpoint h")
        history = " ".join(row[0] for row in cursor.fetchall())
    assert all(one.startswith(b"gAAAA") for one in stored)
    told = history + json.dumps(list(Event.objects.values_list("details", flat=True)))
    for secret in (former, changed.secret):
        assert secret not in told
        assert secret.encode() not in stored
    assert '"secret"' not in history


def test_the_former_secret_ends_with_its_hour(endpoint: Any, ada: Any) -> None:
    changed = rotate_secret(endpoint_id=endpoint.pk, actor=ada)
    assert changed.former_until - timezone.now() > timedelta(hours=23)

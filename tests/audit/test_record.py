"""The audit trail: what an event holds, and who may read it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from apps.audit.models import Event
from apps.audit.selectors import events_about
from apps.audit.services import canonical_bytes, record


def test_an_event_holds_the_exact_bytes_of_its_facts(entity: Any, alice: Any) -> None:
    event = record(
        actor=alice,
        action="ledger.entry.post",
        subject=entity,
        entity_id=entity.pk,
        amount=Decimal("10.50"),
        on=date(2023, 4, 30),
    )
    stored = Event.objects.get(pk=event.pk)
    facts = json.loads(bytes(stored.canonical))
    assert facts["details"] == stored.details == {"amount": "10.50", "on": "2023-04-30"}
    assert facts["actor_id"] == alice.pk
    assert facts["subject_type"] == "identity.entity"
    assert stored.transaction_id > 0


def test_equal_facts_give_equal_bytes_whatever_their_order() -> None:
    moment = datetime(2023, 4, 30, 12, tzinfo=UTC)
    left = canonical_bytes({"b": moment, "a": UUID(int=1), "c": "é"})
    assert left == canonical_bytes({"c": "é", "a": UUID(int=1), "b": moment})
    assert "é".encode() in left


@pytest.mark.parametrize("action", ["post", "ledger.post", "Ledger.Entry.Post", "a.b.c.d.e", ""])
def test_an_action_has_its_form(entity: Any, alice: Any, action: str) -> None:
    with pytest.raises(ValueError, match=r"not app\.noun\.verb"):
        record(actor=alice, action=action, subject=entity)


def test_what_has_no_plain_form_is_refused(entity: Any, alice: Any) -> None:
    with pytest.raises(TypeError, match="no place in an audit event"):
        record(actor=alice, action="a.b.c", subject=entity, secret=object())


@pytest.mark.django_db(transaction=True)
def test_an_event_belongs_into_a_transaction(entity: Any, system: Any) -> None:
    assert not connection.in_atomic_block
    with pytest.raises(transaction.TransactionManagementError):
        record(actor=system, action="a.b.c", subject=entity)


@pytest.mark.parametrize(
    ("who", "sees"),
    [("otto", True), ("connie", True), ("ada", True), ("alice", False), ("charlie", False)],
)
def test_the_trail_is_read_by_those_who_may_on_their_entities(
    request: pytest.FixtureRequest, entity: Any, who: str, sees: bool, api: Any
) -> None:
    actor = request.getfixturevalue(who)
    event = Event.objects.filter(action="identity.entity.register", entity=entity).get()
    assert (event in events_about(entity, actor=actor)) is sees
    answer = api(actor).get(f"/api/audit/events/{event.pk}")
    assert answer.status_code == (200 if sees else (404 if who == "charlie" else 403))


def test_the_trail_is_filtered_and_paged(entity: Any, otto: Any, api: Any) -> None:
    answer = api(otto).get(
        "/api/audit/events", {"action": "identity.role.grant", "entity": "HFS", "page_size": 1}
    )
    body = answer.json()
    assert [row["action"] for row in body["results"]] == ["identity.role.grant"]
    assert api().get("/api/audit/events").status_code == 401
    since = api(otto).get("/api/audit/events", {"since": "2999-01-01T00:00:00Z"}).json()
    assert since["results"] == []
    assert api(otto).get("/api/audit/events", {"since": "soon"}).status_code == 422

"""What happens to approvals becomes events: each once, none for what was rolled back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.approvals.services import decide, define_policy, retire_policy, settle_policy, withdraw
from apps.audit.models import Event
from apps.audit.registry import on_event
from apps.audit.services import record
from apps.identity.services import grant_role, revoke_role
from apps.operations.models import OutboxMessage
from apps.operations.reference.actions_page import recorded_actions
from apps.outbound.models import Delivery, WebhookEvent
from apps.outbound.registry import KINDS
from apps.outbound.services import publish_event
from apps.outbound.services.events import DELIVER_TASK
from tests.approvals.conftest import ONE_APPROVER, OTHER_HASH, subject
from tests.outbound.conftest import SUBMITTED

pytestmark = pytest.mark.django_db


def kinds() -> list[str]:
    """What was told, in order, each without "approvals."."""
    told = WebhookEvent.objects.order_by("pk").values_list("kind", flat=True)
    return [kind.removeprefix("approvals.") for kind in told]


def bodies(kind: str) -> list[dict[str, Any]]:
    found = WebhookEvent.objects.filter(kind=f"approvals.{kind}").order_by("pk")
    return [json.loads(one.body) for one in found]


def decided(request: Any, actor: Any, verdict: str = "approve", version: int = 1) -> Any:
    return decide(
        request_id=request.pk,
        verdict=verdict,
        comment="Because.",
        attested=False,
        expected_version=version,
        actor=actor,
    )


def test_every_kind_follows_from_an_action_that_is_recorded() -> None:
    actions = {one.action for one in recorded_actions()}
    assert {kind.action for kind in KINDS} <= actions
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_asking_is_told_with_ids_and_statuses_and_nothing_else(register: Any, ask: Any) -> None:
    register()
    made = ask(amount=None)
    (told,) = WebhookEvent.objects.filter(kind=SUBMITTED)
    source = Event.objects.get(action="approvals.request.submit")
    assert told.source == source
    about = subject()
    assert json.loads(told.body) == {
        "id": told.message_id,
        "kind": SUBMITTED,
        "occurred_at": source.occurred_at.isoformat().replace("+00:00", "Z"),
        "entity": "HFS",
        "data": {
            "request": made.pk,
            "item_type": "reconciliation",
            "subject_type": about._meta.label_lower,
            "subject_id": str(about.pk),
            "status": "pending",
            "stage": 1,
            "version": 1,
        },
    }
    assert "Bank, April" not in told.body
    assert "alice" not in told.body.lower()


@pytest.mark.parametrize(
    ("verdict", "end"), [("approve", "approved"), ("reject", "rejected"), ("return", "returned")]
)
def test_a_final_decision_is_a_decision_and_an_end(
    register: Any, ask: Any, bob: Any, verdict: str, end: str
) -> None:
    register()
    made = ask()
    decided(made, bob, verdict)
    assert kinds() == ["request.submitted", "request.decided", f"request.{end}"]
    (told,) = bodies("request.decided")
    assert (told["data"]["verdict"], told["data"]["status"]) == (verdict, end)
    assert told["data"]["decided_stage"] == 1
    assert "comment" not in told["data"]
    (ended,) = bodies(f"request.{end}")
    assert ended["data"]["status"] == end
    assert Delivery.objects.count() == 3


def test_a_decision_between_stages_is_no_end(
    register: Any, ask: Any, entity: Any, connie: Any, bob: Any, rita: Any, policy: Any
) -> None:
    stages = [{"role": "reviewer", "count": 1}, {"role": "approver", "count": 1}]
    define_policy(entity_id=entity.pk, item_type="reconciliation", stages=stages, actor=connie)
    register()
    made = ask()
    decided(made, rita)
    assert kinds() == ["request.submitted", "request.decided"]
    (told,) = bodies("request.decided")
    data = told["data"]
    assert (data["status"], data["decided_stage"], data["stage"]) == ("pending", 1, 2)


def test_withdrawn_and_superseded_are_ends(register: Any, ask: Any, alice: Any) -> None:
    register()
    ask()
    second = ask(subject_hash=OTHER_HASH)
    withdraw(request_id=second.pk, reason="No.", actor=alice)
    assert kinds() == [
        "request.submitted",
        "request.superseded",
        "request.submitted",
        "request.withdrawn",
    ]
    assert [one["data"]["status"] for one in bodies("request.withdrawn")] == ["withdrawn"]


def test_blocked_and_released_are_told(
    register: Any, ask: Any, bob: Any, entity: Any, system: Any
) -> None:
    from apps.approvals.services import recheck_requests

    register()
    made = ask()
    revoke_role(user_id=bob.pk, role="approver", entity_id=entity.pk, actor=system)
    recheck_requests(entity_id=entity.pk)
    grant_role(user_id=bob.pk, role="approver", entity_id=entity.pk, actor=system)
    recheck_requests(entity_id=entity.pk)
    assert kinds() == ["request.submitted", "request.blocked", "request.released"]
    (blocked,), (released,) = bodies("request.blocked"), bodies("request.released")
    assert (blocked["data"]["request"], blocked["data"]["status"]) == (
        made.pk,
        "blocked_no_approver",
    )
    assert released["data"]["status"] == "pending"


def test_policies_are_told_of(
    register: Any, entity: Any, connie: Any, person: Any, ask: Any
) -> None:
    other = person("carl", "controller", on=entity)
    register()
    facts = {"entity_id": entity.pk, "actor": connie}
    two = [{"role": "controller", "count": 1}]
    define_policy(item_type="journal_entry", stages=ONE_APPROVER, **facts)
    define_policy(item_type="policy", stages=two, **facts)
    proposed = define_policy(item_type="journal_entry", stages=two, **facts)
    request = proposed.requests.model.objects.get(subject_id=str(proposed.pk))
    decided(request, other)
    settle_policy(request_id=request.pk)
    again = define_policy(item_type="journal_entry", stages=ONE_APPROVER, **facts)
    refused = request.__class__.objects.get(subject_id=str(again.pk))
    decided(refused, other, "reject")
    settle_policy(request_id=refused.pk)
    told = [kind for kind in kinds() if kind.startswith("policy")]
    assert told == [
        "policy.in_force",
        "policy.in_force",
        "policy.proposed",
        "policy.in_force",
        "policy.proposed",
        "policy.dropped",
    ]
    assert [one["data"] for one in bodies("policy.dropped")] == [
        {"policy": again.pk, "item_type": "journal_entry", "currency": "", "version": 3}
    ]


def test_a_retired_policy_is_told_of(register: Any, policy: Any, connie: Any) -> None:
    register()
    retire_policy(policy_id=policy.pk, actor=connie)
    assert kinds() == ["policy.retired"]


def test_only_what_is_wanted_and_only_of_this_entity(
    register: Any, ask: Any, other_entity: Any, charlie: Any, settings: Any
) -> None:
    wanting = register(kinds=[SUBMITTED])
    register(kinds=["approvals.policy.retired"])
    register(entity_id=other_entity.pk, actor=charlie)
    ask()
    assert [one.endpoint for one in Delivery.objects.all()] == [wanting]


def test_nothing_is_kept_where_nobody_wants_it(ask: Any) -> None:
    ask()
    assert not WebhookEvent.objects.exists()
    assert not OutboxMessage.objects.filter(task=DELIVER_TASK).exists()


def test_two_endpoints_get_the_same_event(register: Any, ask: Any) -> None:
    register(kinds=[SUBMITTED])
    register(kinds=[SUBMITTED], name="Other")
    ask()
    assert WebhookEvent.objects.count() == 1
    queued = OutboxMessage.objects.filter(task=DELIVER_TASK)
    assert {one.arguments["delivery_id"] for one in queued} == set(
        Delivery.objects.values_list("pk", flat=True)
    )
    assert len(queued) == 2


def test_what_is_rolled_back_was_never_told(register: Any, ask: Any, table_counts: Any) -> None:
    register()
    before = table_counts()
    with transaction.atomic():
        ask()
        assert Delivery.objects.exists()
        transaction.set_rollback(True)
    assert table_counts() == before


def test_other_events_cost_nothing(entity: Any, system: Any) -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        record(actor=system, action="ledger.entry.post", subject=entity, entity_id=entity.pk)
    assert not any("outbound" in query["sql"] for query in queries)


def test_a_listener_is_told_once(register: Any, ask: Any) -> None:
    on_event(publish_event)  # as a second start of the app would
    register(kinds=[SUBMITTED])
    ask()
    assert Delivery.objects.count() == 1

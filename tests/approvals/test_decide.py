"""Deciding on a request: who may, what it needs, and that a refusal changes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.errors import (
    AlreadyDecidedByActor,
    AttestationMissing,
    CommentMissing,
    OwnWork,
    RoleMissing,
)
from apps.approvals.models import Decision, Request
from apps.approvals.selectors import eligible_approvers, inbox, is_approved
from apps.approvals.services import decide, define_policy, request_approval
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal, StaleVersion
from apps.operations.models import OutboxMessage

HASH = "a" * 64


@pytest.fixture
def policy(entity: Any, connie: Any) -> Any:
    return define_policy(
        entity_id=entity.pk,
        item_type="reconciliation",
        stages=[{"role": "approver", "count": 1}],
        attestation_text="I have read it.",
        actor=connie,
    )


@pytest.fixture
def request_(entity: Any, policy: Any, alice: Any, bob: Any) -> Request:
    made = request_approval(
        entity_id=entity.pk,
        item_type="reconciliation",
        subject=entity,
        subject_hash=HASH,
        title="Bank, April 2023",
        url="/",
        maker=alice,
        actor=alice,
        notify_task="apps.close.tasks.note_decision",
    )
    assert made is not None
    return made


def verdict(request: Request, actor: Any, **changes: Any) -> Request:
    answer: dict[str, Any] = {
        "verdict": "approve",
        "comment": "",
        "attested": True,
        "expected_version": 1,
    }
    return decide(request_id=request.pk, actor=actor, **{**answer, **changes})


def test_an_approver_approves_and_the_asker_is_told(
    request_: Request, bob: Any, entity: Any
) -> None:
    assert not is_approved(entity, HASH)
    verdict(request_, bob, comment="fine")
    request_.refresh_from_db()
    decision = Decision.objects.get()
    assert request_.status == RequestStatus.APPROVED
    assert (decision.approver, decision.role_at_time, decision.subject_hash) == (
        bob,
        "approver",
        HASH,
    )
    assert decision.attestation_text == "I have read it."
    assert is_approved(entity, HASH)
    assert not is_approved(entity, "b" * 64)
    assert OutboxMessage.objects.get().arguments == {"request_id": request_.pk}
    assert Event.objects.filter(action="approvals.request.decide").count() == 1


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("alice", {}, NotPermitted),
        ("victor", {}, NotVisible),
        ("charlie", {}, NotVisible),
        ("otto", {}, NotPermitted),
        ("connie", {}, RoleMissing),
        ("system", {}, RoleMissing),
        ("bob", {"expected_version": 7}, StaleVersion),
        ("bob", {"attested": False}, AttestationMissing),
        ("bob", {"verdict": "reject"}, CommentMissing),
        ("bob", {"verdict": "return", "comment": "  "}, CommentMissing),
    ],
)
def test_refusals_change_nothing(
    request: pytest.FixtureRequest,
    request_: Request,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        verdict(request_, actor, **changes)
    request_.refresh_from_db()
    assert request_.status == RequestStatus.PENDING
    assert table_counts() == before


def test_a_maker_who_is_also_approver_is_refused_and_so_is_a_superuser(
    request_: Request, alice: Any, entity: Any, system: Any
) -> None:
    from apps.identity.models import User
    from apps.identity.services import grant_role

    grant_role(user_id=alice.pk, role="approver", entity_id=entity.pk, actor=system)
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    with pytest.raises(OwnWork):
        verdict(request_, User.objects.get(pk=alice.pk))


def test_two_people_are_two_people(
    entity: Any, connie: Any, alice: Any, bob: Any, person: Any
) -> None:
    define_policy(
        entity_id=entity.pk,
        item_type="period_lock",
        stages=[{"role": "approver", "count": 2}],
        actor=connie,
    )
    beth = person("beth", "approver", on=entity)
    asked = request_approval(
        entity_id=entity.pk,
        item_type="period_lock",
        subject=entity,
        subject_hash=HASH,
        title="Lock",
        url="/",
        maker=alice,
        actor=alice,
    )
    assert asked is not None
    verdict(asked, bob)
    with pytest.raises(AlreadyDecidedByActor):
        verdict(asked, bob, expected_version=2)
    assert inbox(bob) == []
    assert [one.pk for one in inbox(beth)] == [asked.pk]
    assert verdict(asked, beth, expected_version=2).status == RequestStatus.APPROVED
    with pytest.raises(IllegalMove):
        verdict(asked, beth, expected_version=3)


def test_nobody_eligible_blocks_the_request_at_once(entity: Any, connie: Any, alice: Any) -> None:
    define_policy(
        entity_id=entity.pk,
        item_type="journal_entry",
        currency="EUR",
        least_amount=Decimal(10_000),
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )
    asked = request_approval(
        entity_id=entity.pk,
        item_type="journal_entry",
        subject=entity,
        subject_hash=HASH,
        title="Entry",
        url="/",
        amount=Decimal(10_000),
        currency="EUR",
        maker=alice,
        actor=alice,
    )
    assert asked is not None
    assert asked.status == RequestStatus.BLOCKED
    assert eligible_approvers(asked) == []


def test_a_decision_takes_so_many_queries_last_or_not(
    define: Any, ask: Any, bob: Any, connie: Any, django_assert_num_queries: Any
) -> None:
    stages = ({"role": "approver", "count": 1}, {"role": "controller", "count": 1})
    define(stages=stages)
    made = ask()
    bob.granted_entity_ids()  # whoever asks is looked up once
    connie.granted_entity_ids()
    with django_assert_num_queries(19):
        verdict(made, bob)
    with django_assert_num_queries(15):
        verdict(made, connie, expected_version=2)

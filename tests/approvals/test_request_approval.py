"""Asking for approval: when it is needed, what it binds to, and what an older request becomes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.errors import AmountMissing
from apps.approvals.models import Request, StageClock
from apps.approvals.selectors import (
    earlier_rounds,
    eligible_approvers,
    is_approved,
    latest_request_for,
    open_request_for,
    outbox,
    policy_for,
    record_of,
)
from apps.approvals.services import decide, supersede_requests
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.common.errors import IllegalMove, Invalid, NotPermitted, Refusal
from apps.operations.models import OutboxMessage
from tests.approvals.conftest import HASH, OTHER_HASH, subject


def approve(request: Request, actor: Any) -> Request:
    return decide(
        request_id=request.pk,
        verdict="approve",
        comment="",
        attested=True,
        expected_version=request.version,
        actor=actor,
    )


def test_without_a_policy_nothing_has_to_be_approved(ask: Any, unchanged: None) -> None:
    assert ask() is None


def test_a_request_keeps_what_it_is_about(define: Any, ask: Any, bob: Any, alice: Any) -> None:
    policy = define(due_after_hours=6)
    made = ask(title="Bank", url="/runs/7/", notify_task="apps.close.tasks.note_decision")
    about = subject()
    assert (made.subject_type, made.subject_id) == ("auth.permission", str(about.pk))
    assert (made.subject_hash, made.url, made.policy) == (HASH, "/runs/7/", policy)
    assert (made.status, made.stage, made.version) == (RequestStatus.PENDING, 0, 1)
    assert made.due_at == StageClock.objects.get(request=made).due_at
    assert open_request_for(about) == latest_request_for(about) == made
    assert open_request_for(subject(1)) is None
    assert list(outbox(alice)) == [made]
    assert not OutboxMessage.objects.exists()  # nothing is decided yet
    assert [event.action for event in record_of(made)] == ["approvals.request.submit"]
    assert str(made) == "Bank"
    assert made.kind == "reconciliation"


@pytest.mark.parametrize(
    ("who", "facts", "refusal"),
    [
        ("bob", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("victor", {}, NotPermitted),
        ("charlie", {}, NotPermitted),
        ("alice", {"amount": Decimal(5)}, AmountMissing),
        ("alice", {"currency": "EUR"}, AmountMissing),
    ],
)
def test_refused_requests_change_nothing(
    request: pytest.FixtureRequest,
    define: Any,
    ask: Any,
    table_counts: Any,
    who: str,
    facts: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    define()
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        ask(actor=actor, maker=actor, **facts)
    assert table_counts() == before


# --- Which policy ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "version_of"),
    [
        (None, None, "any"),
        (Decimal("0"), "EUR", "any"),
        (Decimal("999.99"), "EUR", "any"),
        (Decimal("1000.00"), "EUR", "small"),
        (Decimal("-1000.00"), "EUR", "small"),
        (Decimal("9999.99"), "EUR", "small"),
        (Decimal("10000.00"), "EUR", "large"),
        (Decimal("1000000.00"), "EUR", "large"),
        (Decimal("1000000"), "JPY", "any"),
    ],
)
def test_the_amount_decides_inclusive_below_and_exclusive_above(
    define: Any, entity: Any, amount: Decimal | None, currency: str | None, version_of: str
) -> None:
    policies = {
        "any": define(),
        "small": define(currency="EUR", least_amount=Decimal(1_000), below_amount=Decimal(10_000)),
        "large": define(currency="EUR", least_amount=Decimal(10_000)),
    }
    found = policy_for(
        entity_id=entity.pk, item_type="reconciliation", amount=amount, currency=currency
    )
    assert found == policies[version_of]


def test_policies_of_other_entities_and_items_do_not_count(
    define: Any, entity: Any, other_entity: Any
) -> None:
    define()
    assert policy_for(entity_id=other_entity.pk, item_type="reconciliation") is None
    assert policy_for(entity_id=entity.pk, item_type="period_lock") is None


# --- Asking again ---------------------------------------------------------------------------


def test_the_same_content_keeps_its_request(define: Any, ask: Any, bob: Any) -> None:
    define()
    first = ask()
    assert ask() == first
    approve(first, bob)
    assert ask().status == RequestStatus.APPROVED
    assert Request.objects.count() == 1


def test_other_content_supersedes_a_waiting_request(define: Any, ask: Any, bob: Any) -> None:
    define()
    first = ask(notify_task="apps.close.tasks.note_decision")
    second = ask(subject_hash=OTHER_HASH)
    first.refresh_from_db()
    assert (first.status, second.status) == (RequestStatus.SUPERSEDED, RequestStatus.PENDING)
    assert first.ended_at is not None
    assert first.version == 2
    assert open_request_for(subject()) == second
    assert earlier_rounds(second, second.maker) == [first]
    assert OutboxMessage.objects.get().arguments == {"request_id": first.pk}
    assert Event.objects.filter(action="approvals.request.supersede").count() == 1


def test_other_content_takes_a_given_approval_back(define: Any, ask: Any, bob: Any) -> None:
    define()
    approve(ask(), bob)
    assert is_approved(subject(), HASH)
    second = ask(subject_hash=OTHER_HASH)
    assert not is_approved(subject(), HASH)
    assert not is_approved(subject(), OTHER_HASH)
    approve(second, bob)
    assert is_approved(subject(), OTHER_HASH)
    assert not is_approved(subject(), HASH)


@pytest.mark.parametrize("verdict", ["reject", "return"])
def test_after_a_no_the_same_content_is_asked_for_anew(
    define: Any, ask: Any, bob: Any, verdict: str
) -> None:
    define()
    first = ask()
    decide(
        request_id=first.pk,
        verdict=verdict,
        comment="No.",
        attested=False,
        expected_version=1,
        actor=bob,
    )
    second = ask()
    assert second != first
    assert second.status == RequestStatus.PENDING
    assert earlier_rounds(second, second.maker)[0].pk == first.pk


def test_requests_about_other_subjects_stay(define: Any, ask: Any, bob: Any) -> None:
    define()
    first, second = ask(subject(0)), ask(subject(1), subject_hash=OTHER_HASH)
    first.refresh_from_db()
    assert (first.status, second.status) == (RequestStatus.PENDING, RequestStatus.PENDING)


def test_what_is_open_about_a_subject_ends_with_it(
    define: Any, ask: Any, alice: Any, bob: Any, table_counts: Any
) -> None:
    define()
    first, other = ask(notify_task="apps.close.tasks.note_decision"), ask(subject(1))
    assert supersede_requests(subject=subject(), actor=alice) == [first]
    for request in (first, other):
        request.refresh_from_db()
    assert (first.status, other.status) == (RequestStatus.SUPERSEDED, RequestStatus.PENDING)
    assert OutboxMessage.objects.get().arguments == {"request_id": first.pk}
    before = table_counts()
    with pytest.raises(IllegalMove):
        approve(first, bob)
    assert supersede_requests(subject=subject(), actor=alice) == []
    assert table_counts() == before


def test_an_approval_that_was_given_stays_given(
    define: Any, ask: Any, alice: Any, bob: Any
) -> None:
    define()
    approve(ask(), bob)
    assert supersede_requests(subject=subject(), actor=alice) == []
    assert is_approved(subject(), HASH)


# --- Nobody can -----------------------------------------------------------------------------


def test_whoever_took_part_cannot_decide_and_if_that_is_all_the_request_is_blocked(
    define: Any, ask: Any, bob: Any
) -> None:
    define()
    made = ask(conflicted=[bob])
    assert made.status == RequestStatus.BLOCKED
    assert eligible_approvers(made) == []
    assert not made.decisions.exists()


def test_too_few_people_block_whichever_stage_they_lack_for(
    define: Any, ask: Any, bob: Any, rita: Any
) -> None:
    define(stages=[{"role": "approver", "count": 1}, {"role": "reviewer", "count": 2}])
    assert ask().status == RequestStatus.BLOCKED


def test_a_blocked_request_is_superseded_like_a_waiting_one(
    define: Any, ask: Any, person: Any, entity: Any
) -> None:
    define()
    first = ask()
    assert first.status == RequestStatus.BLOCKED
    person("bella", "approver", on=entity)
    assert ask() == first
    second = ask(subject_hash=OTHER_HASH)
    first.refresh_from_db()
    assert (first.status, second.status) == (RequestStatus.SUPERSEDED, RequestStatus.PENDING)


def test_a_currency_that_does_not_exist_is_refused(entity: Any, connie: Any) -> None:
    from apps.approvals.services import define_policy

    with pytest.raises(Invalid):
        define_policy(
            entity_id=entity.pk,
            item_type="journal_entry",
            currency="XXQ",
            least_amount=Decimal(5),
            stages=[{"role": "approver", "count": 1}],
            actor=connie,
        )

"""Taking an approval back: by who decided or a controller, before anybody acted upon it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from apps.approvals.errors import (
    ApprovalOutgrown,
    ApprovalUsed,
    ApproverTookPart,
    CommentMissing,
)
from apps.approvals.models import Notice, Request, Use
from apps.approvals.registry import register_participants, register_remedy, remedy_for
from apps.approvals.selectors import is_approved, record_of, refusal_to_revoke
from apps.approvals.services import (
    decide,
    define_limit,
    delegate,
    revoke,
    use_approval,
    use_requests,
)
from apps.approvals.states import RequestStatus
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal, StaleVersion
from apps.identity.services import revoke_role
from apps.operations.models import OutboxMessage
from tests.approvals.conftest import HASH, OTHER_HASH, subject
from tests.approvals.test_absence import today

TOLD = "apps.close.tasks.note_decision"


def approve(request: Request, actor: Any) -> Request:
    return decide(
        request_id=request.pk,
        verdict="approve",
        comment="Fine.",
        attested=True,
        expected_version=request.version,
        actor=actor,
    )


@pytest.fixture
def approved(define: Any, ask: Any, bob: Any) -> Request:
    define()
    return approve(ask(notify_task=TOLD), bob)


@pytest.mark.parametrize("who", ["bob", "connie"])
def test_it_ends_the_approval_and_the_asker_is_told(
    request: pytest.FixtureRequest, approved: Request, alice: Any, bob: Any, who: str
) -> None:
    OutboxMessage.objects.all().delete()
    actor = request.getfixturevalue(who)
    revoke(request_id=approved.pk, reason="Wrong month.", actor=actor, expected_version=2)
    approved.refresh_from_db()
    assert (approved.status, approved.version) == (RequestStatus.REVOKED, 3)
    assert not is_approved(subject(), HASH)
    assert OutboxMessage.objects.get(task=TOLD).arguments == {"request_id": approved.pk}
    assert record_of(approved)[0].details["reason"] == "Wrong month."
    told = Notice.objects.filter(kind="revoked").values_list("person__username", flat=True)
    assert sorted(told) == sorted({"alice", "bob"} - {who})


def test_what_was_revoked_can_be_asked_for_anew(approved: Request, ask: Any, bob: Any) -> None:
    revoke(request_id=approved.pk, reason="x", actor=bob)
    again = ask()
    assert again.pk != approved.pk
    assert approve(again, bob).status == RequestStatus.APPROVED
    assert is_approved(subject(), HASH)


def test_whoever_somebody_stood_in_for_may_revoke_it_too(
    define: Any, ask: Any, bob: Any, rita: Any, entity: Any
) -> None:
    define()
    delegate(
        entity_id=entity.pk,
        delegate_id=rita.pk,
        starts_on=today(),
        ends_on=today(),
        reason="x",
        actor=bob,
    )
    made = approve(ask(), rita)
    assert refusal_to_revoke(made, rita) is None
    assert revoke(request_id=made.pk, reason="x", actor=bob).status == RequestStatus.REVOKED


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("victor", {}, NotVisible),
        ("charlie", {}, NotVisible),
        ("alice", {}, NotPermitted),
        ("rita", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("ivy", {}, NotPermitted),
        ("bob", {"reason": ""}, CommentMissing),
        ("connie", {"reason": " \n"}, CommentMissing),
        ("bob", {"expected_version": 1}, StaleVersion),
        ("bob", {"request_id": 0}, NotVisible),
    ],
)
def test_refusals_change_nothing(
    request: pytest.FixtureRequest,
    approved: Request,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        revoke(**({"request_id": approved.pk, "reason": "x", "actor": actor} | changes))
    approved.refresh_from_db()
    assert (approved.status, approved.version) == (RequestStatus.APPROVED, 2)
    assert table_counts() == before


def test_who_decided_and_decides_no_more_leaves_it_to_a_controller(
    approved: Request, bob: Any, connie: Any, person: Any, entity: Any, system: Any
) -> None:
    from apps.identity.models import User
    from apps.identity.services import grant_role

    grant_role(user_id=bob.pk, role="preparer", entity_id=entity.pk, actor=system)
    revoke_role(user_id=bob.pk, role="approver", entity_id=entity.pk, actor=system)
    with pytest.raises(NotPermitted):
        revoke(request_id=approved.pk, reason="x", actor=User.objects.get(pk=bob.pk))
    revoke(request_id=approved.pk, reason="x", actor=connie)


@pytest.mark.parametrize("verdict", ["reject", "return", None])
def test_only_an_approval_is_revoked(
    define: Any, ask: Any, bob: Any, connie: Any, table_counts: Any, verdict: str | None
) -> None:
    define()
    made = ask()
    if verdict is not None:
        decide(
            request_id=made.pk,
            verdict=verdict,
            comment="x",
            attested=True,
            expected_version=1,
            actor=bob,
        )
    before = table_counts()
    with pytest.raises(IllegalMove, match="Only an approval is revoked, and this request is"):
        revoke(request_id=made.pk, reason="x", actor=connie)
    assert table_counts() == before


# --- Acted upon ------------------------------------------------------------------------------


def test_what_was_acted_upon_is_undone_there_and_the_refusal_says_how(
    approved: Request, alice: Any, bob: Any, connie: Any, table_counts: Any
) -> None:
    used = use_approval(subject=subject(), subject_hash=HASH, actor=alice)
    assert used == approved
    assert (approved.use.used_by, record_of(approved)[0].action) == (
        alice,
        "approvals.request.use",
    )
    register_remedy(approved.subject_type, "Print it backwards.")
    before = table_counts()
    for actor in (bob, connie):
        with pytest.raises(ApprovalUsed) as refused:
            revoke(request_id=approved.pk, reason="x", actor=actor)
        assert refused.value.remedy == "Print it backwards."
    approved.refresh_from_db()
    assert (approved.status, table_counts()) == (RequestStatus.APPROVED, before)


def test_every_app_that_acts_upon_approvals_says_what_undoes_it() -> None:
    for label, words in {
        "ledger.journalentry": "Reverse the journal entry.",
        "ledger.period": "The period stays closed",
        "reconciliation.run": "Reconcile anew",
        "reconciliation.rulesetversion": "Propose other rules.",
        "reconciliation.resolutionrule": "Retire the rule.",
        "approvals.policy": "Retire the policy",
        "nobody.knows": "Undo it where it was done.",
    }.items():
        assert remedy_for(label).startswith(words)


def test_acting_again_upon_the_same_approval_changes_nothing(
    approved: Request, alice: Any, table_counts: Any
) -> None:
    use_approval(subject=subject(), subject_hash=HASH, actor=alice)
    before = table_counts()
    assert use_approval(subject=subject(), subject_hash=HASH, actor=alice) == approved
    assert use_requests(request_ids=[approved.pk], actor=alice)
    assert table_counts() == before


@pytest.mark.parametrize("state", ["other content", "other subject", "waiting", "revoked"])
def test_what_is_not_approved_is_not_acted_upon(
    define: Any, ask: Any, bob: Any, alice: Any, table_counts: Any, state: str
) -> None:
    define()
    made = ask()
    if state != "waiting":
        approve(made, bob)
    if state == "revoked":
        revoke(request_id=made.pk, reason="x", actor=bob)
    about = subject(1) if state == "other subject" else subject()
    content = OTHER_HASH if state == "other content" else HASH
    before = table_counts()
    assert use_approval(subject=about, subject_hash=content, actor=alice) is None
    assert table_counts() == before


def test_of_several_all_are_used_or_none(define: Any, ask: Any, bob: Any, alice: Any) -> None:
    define()
    first, second = approve(ask(subject(0)), bob), ask(subject(1))
    ids = [first.pk, second.pk]
    assert not use_requests(request_ids=ids, actor=alice)
    assert not Use.objects.exists()
    approve(second, bob)
    assert use_requests(request_ids=ids, actor=alice)
    assert set(Use.objects.values_list("request_id", flat=True)) == set(ids)
    assert use_requests(request_ids=[], actor=alice)


def test_an_approval_whose_approver_took_part_since_is_not_acted_upon(
    monkeypatch: Any, approved: Request, alice: Any, bob: Any, table_counts: Any
) -> None:
    from apps.approvals import registry

    monkeypatch.setattr(registry, "_PARTICIPANTS", {})
    register_participants(approved.subject_type, lambda subject_id: [bob.pk])
    before = table_counts()
    with pytest.raises(ApproverTookPart):
        use_approval(subject=subject(), subject_hash=HASH, actor=alice)
    assert table_counts() == before


@pytest.mark.parametrize(("limit", "below"), [("1500", None), (None, "1500")])
def test_an_approval_that_covers_less_than_what_belongs_together_now_is_not_acted_upon(
    define: Any,
    ask: Any,
    entity: Any,
    alice: Any,
    bob: Any,
    connie: Any,
    table_counts: Any,
    limit: str | None,
    below: str | None,
) -> None:
    if limit:
        define_limit(
            entity_id=entity.pk,
            item_type="journal_entry",
            role="approver",
            amount=Decimal(limit),
            currency="EUR",
            starts_on=today(),
            actor=connie,
        )
    define("journal_entry", currency="EUR", below_amount=below and Decimal(below))
    piece: dict[str, Any] = {"item_type": "journal_entry", "currency": "EUR", "split_key": "Acme"}
    first = approve(ask(amount=Decimal(1_000), **piece), bob)
    if below:  # what is larger falls under another policy
        define("journal_entry", currency="EUR", least_amount=Decimal(below))
    ask(subject(1), amount=Decimal(900), **piece)
    before = table_counts()
    with pytest.raises(ApprovalOutgrown):
        use_approval(subject=subject(0), subject_hash=HASH, actor=alice)
    assert table_counts() == before
    first.refresh_from_db()
    assert (first.split_amount, first.status) == (Decimal(0), RequestStatus.APPROVED)


def test_an_amount_within_limit_and_policy_is_acted_upon(
    define: Any, ask: Any, entity: Any, bob: Any, connie: Any, alice: Any
) -> None:
    define(currency="EUR", below_amount=Decimal(2_000))
    define_limit(
        entity_id=entity.pk,
        item_type="reconciliation",
        role="approver",
        amount=Decimal(1_000),
        currency="EUR",
        starts_on=today(),
        actor=connie,
    )
    approve(ask(amount=Decimal(1_000), currency="EUR"), bob)
    assert use_approval(subject=subject(), subject_hash=HASH, actor=alice) is not None


def test_a_use_stays_on_record(approved: Request, alice: Any) -> None:
    use_approval(subject=subject(), subject_hash=HASH, actor=alice)
    for change in (Use.objects.all().delete, lambda: Use.objects.update(used_by=None)):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert str(Use.objects.get()) == f"use of request {approved.pk}"

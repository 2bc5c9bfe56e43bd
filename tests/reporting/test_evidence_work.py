"""Who did what: sign-ins on record, requests and their successors, second tries."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from apps.approvals.models import Conflict, Request, Waiver
from apps.approvals.rules import Evidence
from apps.approvals.services import (
    attach,
    decide,
    define_limit,
    define_policy,
    enter_rate,
    request_approval,
    retire_limit,
    settle_policy,
)
from apps.close.models import CloseRun
from apps.identity.services import note_sign_in, note_sign_out
from apps.reconciliation.models import Run
from apps.reporting.documents import Act, Exhibit, Omission, Task
from apps.reporting.services.changes import changes
from apps.reporting.services.sign_ins import NOT_ON_RECORD, SignIns
from apps.reporting.services.work import Work, _outcome

from .stage import task_of


def acts_of(run: CloseRun, key: str) -> list[Act]:
    told = Work(run).tasks()
    assert not isinstance(told, Omission)
    name = task_of(run, key).name
    (task,) = [each for each in told if each.name == name]
    assert isinstance(task, Task)
    return list(task.acts)


# --- Sign-ins -------------------------------------------------------------------------------


def test_a_session_counts_from_its_sign_in_to_its_sign_out(alice: Any, bob: Any) -> None:
    before = timezone.now()
    note_sign_in(actor=alice)
    during = timezone.now()
    note_sign_out(actor=alice)
    after = timezone.now()
    sessions = SignIns([alice.pk, bob.pk])
    assert sessions.before(alice.pk, before) == NOT_ON_RECORD
    assert sessions.before(alice.pk, during).startswith("Signed in ")
    assert sessions.before(alice.pk, after) == NOT_ON_RECORD
    assert sessions.before(bob.pk, during) == NOT_ON_RECORD


def test_a_session_ends_by_itself_after_twelve_hours(alice: Any) -> None:
    note_sign_in(actor=alice)
    now = timezone.now()
    sessions = SignIns([alice.pk])
    assert sessions.before(alice.pk, now + timedelta(hours=11)).startswith("Signed in ")
    assert sessions.before(alice.pk, now + timedelta(hours=13)) == NOT_ON_RECORD


# --- Acts -----------------------------------------------------------------------------------


def test_what_people_did_by_hand_is_theirs(close_run: CloseRun) -> None:
    (act,) = acts_of(close_run, "review")
    assert (act.did, act.person, act.role) == ("Completed", "Rita", "reviewer")
    assert act.comment == "Looked at all of them."
    assert not act.is_automated


def test_an_approval_is_asked_for_by_one_and_given_by_another(close_run: CloseRun) -> None:
    ran, asked, approved = acts_of(close_run, "approve")
    assert ran.is_automated
    assert (asked.did, asked.person, asked.role) == ("Asked for approval", "Alice", "maker")
    assert (approved.did, approved.person, approved.role) == ("Approved", "Bob", "approver")
    assert approved.comment == "All explained."


def test_what_the_system_asked_for_is_not_told_as_the_makers_act(
    close_run: CloseRun, alice: Any, system: Any
) -> None:
    run = Run.objects.get()
    request = _ask_again(run, maker=alice, actor=system)
    asked = next(
        act
        for act in acts_of(close_run, "approve")
        if act.did == "Asked for approval" and act.is_automated
    )
    assert (asked.person, asked.on_behalf_of, asked.authority) == (
        str(system),
        "Alice",
        request.title,
    )


def test_a_request_that_took_the_place_of_the_waited_one_is_told_too(
    close_run: CloseRun, alice: Any, bob: Any
) -> None:
    request = _ask_again(Run.objects.get(), maker=alice, actor=alice)
    decide(
        request_id=request.pk,
        verdict="reject",
        comment="Not this way.",
        attested=True,
        expected_version=request.version,
        actor=bob,
    )
    told = [(act.did, act.person) for act in acts_of(close_run, "approve")]
    assert told == [
        ("Ran", "FinFlow"),
        ("Asked for approval", "Alice"),
        ("Approved", "Bob"),
        ("Asked for approval", "Alice"),
        ("Rejected", "Bob"),
    ]


def test_evidence_is_told_beside_the_decision_that_it_was_there_for(
    close_run: CloseRun, alice: Any, bob: Any
) -> None:
    request = _ask_again(Run.objects.get(), maker=alice, actor=alice)
    picture = Evidence("document", "bank.txt", b"Balance as of 30 April.")
    attach(request_id=request.pk, evidence=picture, actor=alice)
    decide(
        request_id=request.pk,
        verdict="reject",
        comment="Not this way.",
        attested=True,
        expected_version=2,
        actor=bob,
        evidence=[Evidence.in_words("explanation", "It differs by 5.00.")],
    )
    acts = acts_of(close_run, "approve")[-3:]
    assert [(act.did, act.person, act.role) for act in acts] == [
        ("Asked for approval", "Alice", "maker"),
        ("Attached evidence", "Alice", "maker"),
        ("Rejected", "Bob", "approver"),
    ]
    assert acts[1].exhibits == (
        Exhibit(
            kind="Document",
            name="bank.txt",
            media_type="text/plain",
            size_bytes=len(picture.content),
            sha256=picture.sha256,
        ),
    )
    assert [each.name for each in acts[2].exhibits] == ["explanation.txt"]
    assert acts[2].evidence_hash == request.decisions.get().evidence_hash
    assert (acts[0].exhibits, acts[1].evidence_hash) == ((), "")
    assert {act.evidence_hash for act in acts_of(close_run, "approve")[:3]} == {""}


def test_who_added_evidence_to_the_work_of_another_took_part(
    close_run: CloseRun, alice: Any, rita: Any
) -> None:
    request = _ask_again(Run.objects.get(), maker=alice, actor=alice)
    note = Evidence.in_words("explanation", "The fee was booked late.")
    attach(request_id=request.pk, evidence=note, actor=rita)
    act = acts_of(close_run, "approve")[-1]
    assert (act.did, act.person, act.role) == ("Attached evidence", "Rita", "took part")


def test_a_decision_under_a_waiver_names_it_and_who_signed(
    close_run: CloseRun, alice: Any, bob: Any, connie: Any
) -> None:
    today = timezone.localdate(timezone=close_run.entity.zone)
    request = _ask_again(Run.objects.get(), maker=alice, actor=alice)
    waiver = Waiver.objects.create(
        entity=close_run.entity,
        person=bob,
        item_type=request.item_type,
        starts_on=today,
        ends_on=today,
        proposed_by=connie,
        signed_by=alice,
        signed_at=timezone.now(),
    )
    Conflict.objects.create(request=request, user=bob)
    decide(
        request_id=request.pk,
        verdict="reject",
        comment="Not this way.",
        attested=True,
        expected_version=request.version,
        actor=bob,
    )
    act = acts_of(close_run, "approve")[-1]
    assert act.person == "Bob"
    assert act.authority.endswith(f"; had a hand in it, {waiver}, signed by Connie and Alice")


def _ask_again(run: Run, *, maker: Any, actor: Any) -> Request:
    """A request about the same run with other content."""
    request = request_approval(
        entity_id=run.entity_id,
        item_type="reconciliation",
        subject=run,
        subject_hash="f" * 64,
        title="Bank to ledger, April, again",
        url="/",
        amount=None,
        currency=None,
        maker=maker,
        actor=actor,
    )
    assert request is not None
    return request


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [
        (1, "succeeded", "Ran"),
        (1, "failed", "Attempt 1: failed"),
        (2, "succeeded", "Attempt 2: succeeded"),
        (3, "interrupted", "Attempt 3: interrupted"),
    ],
)
def test_tries_are_told_where_there_was_more_than_one(number: int, status: str, words: str) -> None:
    assert _outcome(number, status) == words


# --- Changes --------------------------------------------------------------------------------


def test_changes_are_those_since_the_run_was_opened_and_of_its_entity(
    close_run: CloseRun, other_entity: Any, system: Any, ada: Any, victor: Any
) -> None:
    from apps.identity.services import grant_role

    told = [(change.action, change.person) for change in changes(close_run)]
    assert ("approvals.policy.define", "Connie") in told
    assert ("identity.role.grant", str(system)) in told, "Ada became administrator meanwhile"
    grants = sum(action == "identity.role.grant" for action, _ in told)
    grant_role(user_id=victor.pk, role="preparer", entity_id=other_entity.pk, actor=system)
    assert sum(each.action == "identity.role.grant" for each in changes(close_run)) == grants
    grant_role(user_id=ada.pk, role="auditor", entity_id=close_run.entity_id, actor=system)
    newest = changes(close_run)[-1]
    assert (newest.action, newest.detail) == ("identity.role.grant", "role: auditor")
    assert newest.subject == f"user {ada.pk}"
    assert newest.reason == "—"


def test_limits_rates_and_proposals_are_changes(
    close_run: CloseRun, connie: Any, bob: Any, ada: Any, system: Any
) -> None:
    """Whatever changes who may approve what, up to how much, is told; asking alone too."""
    entity_id = close_run.entity_id
    before = len(changes(close_run))
    limit = define_limit(
        entity_id=entity_id,
        role="approver",
        item_type="journal_entry",
        amount=Decimal("500.00"),
        currency="EUR",
        starts_on=date(2023, 1, 1),
        actor=connie,
    )
    retire_limit(limit_id=limit.pk, actor=connie)
    enter_rate(
        entity_id=entity_id,
        currency="USD",
        quote="EUR",
        quoted_on=date(2023, 4, 28),
        rate=Decimal("0.91"),
        source="ECB",
        actor=connie,
    )
    for item_type in ("policy", "journal_entry"):
        policy = define_policy(
            entity_id=entity_id,
            item_type=item_type,
            stages=[{"role": "approver", "count": 1}],
            actor=connie,
        )
    request = Request.objects.get(subject_id=str(policy.pk), item_type="policy")
    decide(
        request_id=request.pk,
        verdict="reject",
        comment="Too few.",
        attested=False,
        expected_version=request.version,
        actor=bob,
    )
    settle_policy(request_id=request.pk)
    told = {change.action: change for change in changes(close_run)[before:]}
    assert sorted(told) == [
        "approvals.limit.define",
        "approvals.limit.retire",
        "approvals.policy.define",
        "approvals.policy.drop",
        "approvals.policy.propose",
        "approvals.rate.enter",
    ]
    assert told["approvals.limit.define"].person == "Connie"
    assert told["approvals.limit.define"].subject == f"limit {limit.pk}"
    assert "amount: 500" in told["approvals.limit.define"].detail
    assert "user:" not in told["approvals.limit.define"].detail
    assert told["approvals.policy.drop"].person == str(system)
    assert "decision: rejected" in told["approvals.policy.drop"].detail


def test_nothing_of_the_making_of_evidence_is_a_change(close_run: CloseRun, system: Any) -> None:
    from apps.audit.services import record

    with transaction.atomic():
        for key in ("score", "evidence"):
            record(
                actor=system,
                action="close.task.fail",
                subject=task_of(close_run, key),
                entity_id=close_run.entity_id,
                status="failed",
                code="BROKEN",
            )
    failed = [each for each in changes(close_run) if each.action == "close.task.fail"]
    assert [(each.subject, each.detail, each.reason) for each in failed] == [
        ("Score entries", "status: failed", "BROKEN")
    ]

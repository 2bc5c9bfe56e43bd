"""Several approved at once: only where the policy allows it, and never across a warning."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.errors import TooManyAtOnce
from apps.approvals.models import Decision, Request
from apps.approvals.rules import Evidence
from apps.approvals.selectors.bulk import why_one_by_one
from apps.approvals.services import (
    approve_many,
    attach,
    consult,
    decide,
    define_policy,
    hand_out_attachment,
    revoke,
)
from apps.approvals.services.policies import content_digest
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.identity.models import User
from tests.approvals.conftest import ONE_APPROVER, OTHER_HASH, subject
from tests.approvals.test_races import Call, race, sorted_out
from tests.approvals.test_revoke import approve

NOTE = Evidence.in_words("explanation", "Timing differences.")


def versions(*requests: Request) -> dict[int, int]:
    return {one.pk: Request.objects.get(pk=one.pk).version for one in requests}


def test_each_is_approved_for_itself(define: Any, ask: Any, bob: Any) -> None:
    define(bulk_allowed=True)
    made = [ask(subject(number), title=f"Bank {number}") for number in range(3)]
    outcomes = approve_many(versions=versions(*made), actor=bob)
    assert [(one.title, one.is_approved) for one in outcomes] == [
        ("Bank 0", True),
        ("Bank 1", True),
        ("Bank 2", True),
    ]
    assert set(Request.objects.values_list("status", flat=True)) == {"approved"}
    assert Decision.objects.filter(approver=bob).count() == 3
    assert Event.objects.filter(action="approvals.request.decide").count() == 3


def test_the_flag_is_governed_like_the_rest_of_the_policy(define: Any, connie: Any) -> None:
    plain, bulk = define(), define(bulk_allowed=True)
    assert (plain.bulk_allowed, bulk.bulk_allowed) == (False, True)
    assert content_digest(plain) != content_digest(bulk)


WARNINGS: list[tuple[str, dict[str, Any], str]] = [
    ("policy", {"bulk_allowed": False}, "Its policy wants a decision on each."),
    ("attestation", {"attestation_text": "I read it."}, "Its attestation is confirmed one by one."),
    ("comment", {"needs_comment": True}, "Its policy wants a comment on each."),
    ("evidence", {"evidence_kinds": ["screenshot"]}, "It lacks a screenshot."),
    ("unopened", {}, "You have not opened its evidence: explanation.txt."),
    ("question", {}, "A question about it waits for an answer."),
    ("returned", {}, "An earlier request about it was not approved"),
    ("revoked", {}, "An earlier request about it was not approved"),
    ("split", {}, "Other requests belong together with it."),
    ("stale", {}, "This has changed since you opened it."),
    ("own work", {}, "Nobody can approve."),
    ("decided", {}, "Approved."),
    ("other step", {}, "This stage needs the role controller"),
    ("waiver", {}, "You have a hand in it."),
]


@pytest.mark.parametrize(("why", "policy", "words"), WARNINGS)
def test_what_deserves_a_look_is_left_out_and_the_rest_goes_on(
    define: Any,
    ask: Any,
    alice: Any,
    bob: Any,
    rita: Any,
    connie: Any,
    monkeypatch: Any,
    why: str,
    policy: dict[str, Any],
    words: str,
) -> None:
    role = "controller" if why == "other step" else "approver"
    stages = [{"role": role, "count": 1}]
    define(**({"bulk_allowed": True, "stages": stages} | policy))
    if why in {"returned", "revoked"}:
        before = ask()
        decide(
            request_id=before.pk,
            verdict="return" if why == "returned" else "approve",
            comment="x",
            attested=False,
            expected_version=1,
            actor=bob,
        )
        if why == "revoked":
            revoke(request_id=before.pk, reason="x", actor=bob)
    facts: dict[str, Any] = {"conflicted": [bob]} if why == "own work" else {}
    if why == "split":
        facts = {"amount": Decimal(5), "currency": "EUR", "split_key": "Acme"}
        ask(subject(2), **facts)
    made = ask(**facts)
    if why == "unopened":
        attach(request_id=made.pk, evidence=NOTE, actor=alice)
    if why == "question":
        consult(request_id=made.pk, person_id=rita.pk, question="?", actor=bob)
    if why == "decided":
        approve(made, bob)
    seen = versions(made)
    if why == "stale":
        seen[made.pk] += 1
    status = Request.objects.get(pk=made.pk).status
    monkeypatch.setattr(
        "apps.approvals.selectors.bulk.conflicted_ids",
        lambda request: {bob.pk} if why == "waiver" and request.pk == made.pk else set(),
    )
    define("other_kind", bulk_allowed=True)
    fine = ask(subject(7), item_type="other_kind")
    left_out, done = approve_many(versions={**seen, **versions(fine)}, actor=bob)
    assert left_out.why_not.startswith(words)
    assert (left_out.request_id, left_out.title) == (made.pk, made.title)
    assert done.is_approved
    made.refresh_from_db()
    assert made.status == status


def test_evidence_that_was_opened_is_no_warning(
    define: Any, ask: Any, alice: Any, bob: Any
) -> None:
    define(bulk_allowed=True)
    made = ask()
    note = attach(request_id=made.pk, evidence=NOTE, actor=alice)
    hand_out_attachment(attachment_id=note.pk, actor=alice)
    assert "explanation.txt" in why_one_by_one(made, bob)
    hand_out_attachment(attachment_id=note.pk, actor=bob)
    assert why_one_by_one(made, bob) == ""


def test_an_earlier_request_that_was_withdrawn_or_superseded_is_no_warning(
    define: Any, ask: Any, bob: Any
) -> None:
    define(bulk_allowed=True)
    ask()
    assert why_one_by_one(ask(subject_hash=OTHER_HASH), bob) == ""


@pytest.mark.parametrize("who", ["charlie", "victor"])
def test_what_somebody_does_not_see_is_not_named(
    request: pytest.FixtureRequest, define: Any, ask: Any, bob: Any, table_counts: Any, who: str
) -> None:
    define(bulk_allowed=True)
    made = ask()
    actor = request.getfixturevalue(who)
    before = table_counts()
    (outcome,) = approve_many(versions=versions(made), actor=actor)
    assert (outcome.title, outcome.why_not) == ("", "There is nothing here.")
    assert table_counts() == before


def test_no_more_than_a_hundred(bob: Any, table_counts: Any) -> None:
    before = table_counts()
    with pytest.raises(TooManyAtOnce):
        approve_many(versions=dict.fromkeys(range(1, 102), 1), actor=bob)
    assert table_counts() == before


def test_a_policy_for_policies_covers_the_flag(
    define: Any, person: Any, entity: Any, connie: Any
) -> None:
    person("carla", "controller", on=entity)
    define("policy", stages=[{"role": "controller", "count": 1}])
    proposed = define_policy(
        entity_id=entity.pk, item_type="x", stages=ONE_APPROVER, bulk_allowed=True, actor=connie
    )
    assert proposed.is_proposed


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [2, 8])
def test_many_who_approve_the_same_at_once(
    define: Any, ask: Any, bob: Any, person: Any, entity: Any, size: int
) -> None:
    beth = person("beth", "approver", on=entity)
    define(bulk_allowed=True)
    seen = versions(*[ask(subject(number)) for number in range(3)])
    calls: list[Call] = [
        lambda pk=actor.pk: approve_many(versions=seen, actor=User.objects.get(pk=pk))
        for actor in (bob, beth)
    ] * (size // 2)
    done, refusals = sorted_out(race(calls))
    assert refusals == []
    assert sum(one.is_approved for outcomes in done for one in outcomes) == 3
    assert Decision.objects.count() == 3
    assert Request.objects.filter(status=RequestStatus.APPROVED).count() == 3

"""Evidence that comes after an approval: all begins anew, and what was there comes along."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.errors import AlreadyDecidedByActor, AttachmentExists, AttachmentMissing
from apps.approvals.models import Attachment, Decision, Notice, Request
from apps.approvals.rules import Evidence
from apps.approvals.selectors import attached_before, open_request_for, record_of
from apps.approvals.services import (
    attach,
    carry_evidence,
    decide,
    define_policy,
    hand_out_attachment,
    settle_policy,
)
from apps.approvals.states import RequestStatus
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal, StaleVersion
from apps.identity.models import User
from apps.operations.models import OutboxMessage
from tests.approvals.conftest import OTHER_HASH, subject
from tests.approvals.files import png
from tests.approvals.test_races import Call, race, sorted_out
from tests.approvals.test_revoke import approve

NOTE = Evidence.in_words("explanation", "Timing differences.")
PICTURE = Evidence("screenshot", "bank.png", png())
TWO = ({"role": "reviewer", "count": 1}, {"role": "approver", "count": 1})
TOLD = "apps.close.tasks.note_decision"


@pytest.fixture
def half(define: Any, ask: Any, alice: Any, rita: Any, bob: Any) -> Request:
    """Two steps, a picture, and the approval of the first step."""
    define(stages=TWO)
    made = ask(notify_task=TOLD, amount=Decimal(500), currency="EUR", split_key="Acme")
    attach(request_id=made.pk, evidence=PICTURE, actor=alice)
    made.refresh_from_db()
    approve(made, rita)
    made.refresh_from_db()
    assert (made.stage, made.version) == (1, 3)
    return made


def test_an_approval_does_not_stand_for_evidence_that_came_later(
    half: Request, alice: Any, rita: Any, bob: Any
) -> None:
    OutboxMessage.objects.all().delete()
    added = attach(request_id=half.pk, evidence=NOTE, actor=alice, expected_version=3)
    half.refresh_from_db()
    anew = added.request
    assert (half.status, anew.pk > half.pk) == (RequestStatus.SUPERSEDED, True)
    assert open_request_for(subject()) == anew
    assert (anew.stage, anew.status, anew.version) == (0, RequestStatus.PENDING, 2)
    same = ("subject_hash", "title", "url", "amount", "split_key", "maker", "policy", "notify_task")
    assert all(getattr(anew, name) == getattr(half, name) for name in same)
    assert OutboxMessage.objects.get(task=TOLD).arguments == {"request_id": half.pk}
    assert anew.clocks.count() == 1
    first = half.attachments.get()
    carried, late = anew.attachments.all()
    assert (carried.carried_from, carried.sha256, carried.attached_by) == (
        first,
        first.sha256,
        alice,
    )
    assert (late, late.carried_from) == (added, None)
    assert hand_out_attachment(attachment_id=carried.pk, actor=bob)[1] == png()
    told = Notice.objects.filter(kind="restarted").values_list("person__username", flat=True)
    assert list(told) == ["rita"]
    verbs = [event.action.rpartition(".")[2] for event in record_of(anew)]
    assert verbs == ["attach", "restart", "submit"]
    assert record_of(half)[0].details["by"] == anew.pk


def test_every_step_is_decided_anew_by_the_same_people(
    half: Request, alice: Any, rita: Any, bob: Any
) -> None:
    anew = attach(request_id=half.pk, evidence=NOTE, actor=alice).request
    approve(anew, rita)
    anew.refresh_from_db()
    assert approve(anew, bob).status == RequestStatus.APPROVED
    assert Decision.objects.filter(request=anew).count() == 2


def test_evidence_that_comes_with_a_decision_belongs_to_it(
    half: Request, alice: Any, bob: Any
) -> None:
    decide(
        request_id=half.pk,
        verdict="approve",
        comment="",
        attested=False,
        expected_version=3,
        evidence=[NOTE],
        actor=bob,
    )
    half.refresh_from_db()
    assert half.status == RequestStatus.APPROVED


def test_what_came_with_a_decision_is_left_with_it_and_who_took_part_still_did(
    define: Any, ask: Any, alice: Any, rita: Any, bob: Any, connie: Any
) -> None:
    define(stages=TWO)
    made = ask(conflicted=[connie])
    decide(
        request_id=made.pk,
        verdict="approve",
        comment="",
        attested=False,
        expected_version=1,
        evidence=[PICTURE],
        actor=rita,
    )
    anew = attach(request_id=made.pk, evidence=NOTE, actor=alice).request
    assert [one.kind for one in anew.attachments.all()] == ["explanation"]
    assert set(anew.conflicts.values_list("user__username", flat=True)) == {"connie"}


def test_the_policy_in_force_by_then_holds(
    half: Request, define: Any, alice: Any, rita: Any, bob: Any, connie: Any
) -> None:
    newer = define()
    anew = attach(request_id=half.pk, evidence=NOTE, actor=alice).request
    assert anew.policy == newer
    assert approve(anew, bob).status == RequestStatus.APPROVED


def test_where_no_policy_is_left_the_former_one_holds(
    half: Request, alice: Any, connie: Any
) -> None:
    from apps.approvals.services import retire_policy

    retire_policy(policy_id=half.policy_id, actor=connie)
    assert attach(request_id=half.pk, evidence=NOTE, actor=alice).request.policy == half.policy


@pytest.mark.parametrize(
    ("who", "evidence", "version", "refusal"),
    [
        ("rita", NOTE, 3, AlreadyDecidedByActor),
        ("bob", NOTE, 3, NotPermitted),
        ("charlie", NOTE, 3, NotVisible),
        ("alice", NOTE, 2, StaleVersion),
        ("alice", PICTURE, 3, AttachmentExists),
    ],
)
def test_what_is_not_added_restarts_nothing(
    request: pytest.FixtureRequest,
    half: Request,
    table_counts: Any,
    who: str,
    evidence: Evidence,
    version: int,
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        attach(request_id=half.pk, evidence=evidence, actor=actor, expected_version=version)
    half.refresh_from_db()
    assert (half.status, table_counts()) == (RequestStatus.PENDING, before)


def test_a_proposed_policy_outlives_the_round_that_was_superseded(
    define: Any, person: Any, entity: Any, connie: Any
) -> None:
    people = [person(name, "controller", on=entity) for name in ("carla", "cleo")]
    define("policy", stages=[{"role": "controller", "count": 2}])
    proposed = define_policy(entity_id=entity.pk, item_type="x", stages=TWO, actor=connie)
    request = Request.objects.get()
    approve(request, people[0])
    anew = attach(request_id=request.pk, evidence=NOTE, actor=connie).request
    settle_policy(request_id=request.pk)
    proposed.refresh_from_db()
    assert proposed.is_proposed
    for actor in people:
        anew.refresh_from_db()
        approve(anew, actor)
    settle_policy(request_id=anew.pk)
    proposed.refresh_from_db()
    assert proposed.in_force_at is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [2, 8])
def test_deciding_and_adding_at_the_same_moment(
    half: Request, alice: Any, bob: Any, size: int
) -> None:
    """It is approved without the evidence and stays so, or all begins anew."""
    add: Call = lambda: attach(  # noqa: E731
        request_id=half.pk, evidence=NOTE, actor=User.objects.get(pk=alice.pk)
    )
    yes: Call = lambda: decide(  # noqa: E731
        request_id=half.pk,
        verdict="approve",
        comment="",
        attested=False,
        expected_version=3,
        actor=User.objects.get(pk=bob.pk),
    )
    done, refusals = sorted_out(race([*[add] * (size // 2), *[yes] * (size // 2)]))
    assert (len(done), len(refusals)) == (1, size - 1)
    half.refresh_from_db()
    is_approved = half.status == RequestStatus.APPROVED
    assert Request.objects.count() == (1 if is_approved else 2)
    assert Request.objects.open().count() == (not is_approved)


# --- Carried over by hand --------------------------------------------------------------------


@pytest.fixture
def returned(define: Any, ask: Any, alice: Any, bob: Any, connie: Any) -> Request:
    """Asked anew after a return; the request before had a picture of Alice and a note of Connie."""
    define()
    former = ask()
    attach(request_id=former.pk, evidence=PICTURE, actor=alice)
    attach(request_id=former.pk, evidence=NOTE, actor=connie)
    decide(
        request_id=former.pk,
        verdict="return",
        comment="x",
        attested=False,
        expected_version=3,
        evidence=[Evidence.in_words("document", "Mine.")],
        actor=bob,
    )
    anew: Request = ask(subject_hash=OTHER_HASH)
    return anew


def test_a_new_round_takes_over_what_the_one_before_had(
    returned: Request, alice: Any, connie: Any
) -> None:
    assert [one.filename for one in attached_before(returned)] == ["bank.png", "explanation.txt"]
    carried = carry_evidence(request_id=returned.pk, actor=alice, expected_version=1)
    assert [one.filename for one in carried] == ["bank.png", "explanation.txt"]
    assert {one.subject_hash for one in carried} == {OTHER_HASH}
    returned.refresh_from_db()
    assert returned.version == 2
    assert returned.conflicts.get().user == connie
    assert attached_before(returned) == []
    with pytest.raises(AttachmentMissing):
        carry_evidence(request_id=returned.pk, actor=alice)


def test_what_is_there_already_is_not_carried_over(returned: Request, alice: Any) -> None:
    attach(request_id=returned.pk, evidence=PICTURE, actor=alice)
    (carried,) = carry_evidence(request_id=returned.pk, actor=alice)
    assert carried.kind == "explanation"


def test_carried_over_after_an_approval_it_begins_anew_too(
    define: Any, ask: Any, alice: Any, bob: Any, rita: Any
) -> None:
    define(stages=TWO)
    former = ask()
    attach(request_id=former.pk, evidence=PICTURE, actor=alice)
    decide(
        request_id=former.pk,
        verdict="return",
        comment="x",
        attested=False,
        expected_version=2,
        actor=rita,
    )
    again = ask()
    approve(again, rita)
    (carried,) = carry_evidence(request_id=again.pk, actor=alice)
    assert carried.request_id > again.pk
    again.refresh_from_db()
    assert again.status == RequestStatus.SUPERSEDED


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("bob", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("charlie", {}, NotVisible),
        ("alice", {"expected_version": 2}, StaleVersion),
    ],
)
def test_refusals_change_nothing(
    request: pytest.FixtureRequest,
    returned: Request,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        carry_evidence(request_id=returned.pk, actor=actor, **changes)
    assert table_counts() == before


def test_nothing_is_carried_over_without_an_earlier_request_or_to_what_is_decided(
    define: Any, ask: Any, alice: Any, bob: Any
) -> None:
    define()
    made = ask()
    with pytest.raises(AttachmentMissing):
        carry_evidence(request_id=made.pk, actor=alice)
    approve(made, bob)
    with pytest.raises(IllegalMove):
        carry_evidence(request_id=made.pk, actor=alice)
    assert not Attachment.objects.exists()

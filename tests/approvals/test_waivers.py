"""Waivers: two others sign, for one person, kind and some days; never for the maker."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.approvals.errors import NotEligible, OwnWork, SignerNotIndependent, WaiverInvalid
from apps.approvals.models import Decision, Notice, Request, Waiver
from apps.approvals.selectors import (
    deadlock_of,
    inbox,
    notices_for,
    people_to_take,
    refusal_to_decide,
    unread_notices,
)
from apps.approvals.selectors.could import who_could
from apps.approvals.selectors.staff import staff_of
from apps.approvals.services import (
    decide,
    delegate,
    propose_waiver,
    reassign,
    recheck_requests,
    revoke_waiver,
    sign_waiver,
)
from apps.approvals.services.notices import notify
from apps.approvals.states import NoticeKind, RequestStatus, WaiverState
from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.identity.services import revoke_role
from apps.operations.models import OutboxMessage
from tests.approvals.conftest import subject
from tests.approvals.test_absence import able, approve, fresh, today

pytestmark = pytest.mark.django_db

KIND = "reconciliation"


@pytest.fixture
def carl(person: Any, entity: Any) -> Any:
    return person("carl", "controller", on=entity)


@pytest.fixture
def propose(entity: Any, bob: Any, connie: Any) -> Callable[..., Waiver]:
    """Connie signs first, for Bob, for today."""

    def make(**facts: Any) -> Waiver:
        wanted = {
            "entity_id": entity.pk,
            "person_id": bob.pk,
            "item_type": KIND,
            "reason": "Two of us are ill.",
            "compensating_control": "Otto looks at each of them in May.",
            "starts_on": today(),
            "ends_on": today(),
            "actor": connie,
        }
        return propose_waiver(**(wanted | facts))

    return make


@pytest.fixture
def waive(propose: Any, carl: Any) -> Callable[..., Waiver]:
    """Both signatures."""

    def make(**facts: Any) -> Waiver:
        return sign_waiver(waiver_id=propose(**facts).pk, actor=carl)

    return make


# --- What it does -------------------------------------------------------------------------------


def test_it_lets_somebody_decide_who_had_a_hand_in_it(
    define: Any, ask: Any, bob: Any, waive: Any, entity: Any, alice: Any
) -> None:
    define()
    made = ask(conflicted=[bob])
    assert made.status == RequestStatus.BLOCKED
    waiver = waive()
    assert OutboxMessage.objects.filter(task__endswith="recheck_requests").exists()
    assert recheck_requests(entity_id=entity.pk) == [made.pk]
    assert able(made, bob) == {"bob"}
    assert approve(made, bob).status == RequestStatus.APPROVED
    decision = Decision.objects.get(request=made)
    assert (decision.waiver, decision.capacity) == (waiver, f"approver, under waiver {waiver.pk}")
    event = Event.objects.get(action="approvals.request.decide")
    assert event.details["waiver"] == waiver.pk


def test_it_counts_at_submission(define: Any, ask: Any, bob: Any, waive: Any) -> None:
    define()
    waive()
    assert ask(conflicted=[bob]).status == RequestStatus.PENDING


def test_whoever_had_no_hand_in_it_decides_without_it(
    define: Any, ask: Any, bob: Any, waive: Any
) -> None:
    define()
    waive()
    made = ask()
    approve(made, bob)
    assert Decision.objects.get(request=made).waiver is None


@pytest.mark.parametrize(
    "facts",
    [
        {"item_type": "write_off"},
        {"starts_on": today() + timedelta(days=1), "ends_on": today() + timedelta(days=2)},
    ],
)
def test_it_holds_for_its_kind_and_its_days(
    define: Any, ask: Any, bob: Any, waive: Any, facts: dict[str, Any]
) -> None:
    define()
    made = ask(conflicted=[bob])
    waive(**facts)
    assert isinstance(refusal_to_decide(made, bob), OwnWork)
    assert able(made, bob) == set()


def test_one_signature_does_nothing(define: Any, ask: Any, bob: Any, propose: Any) -> None:
    define()
    made = ask(conflicted=[bob])
    propose()
    assert able(made, bob) == set()


def test_it_never_lets_the_maker_decide(
    define: Any, ask: Any, bob: Any, waive: Any, person: Any, entity: Any, table_counts: Any
) -> None:
    person("beth", "approver", on=entity)
    define()
    waive()
    made = ask(maker=bob, conflicted=[bob])
    assert able(made, bob) == set()
    User.objects.filter(pk=bob.pk).update(is_superuser=True)
    before = table_counts()
    with pytest.raises(OwnWork):
        approve(made, bob)
    assert table_counts() == before


def test_once_revoked_it_lets_nobody_decide(
    define: Any, ask: Any, bob: Any, waive: Any, carl: Any, entity: Any
) -> None:
    define()
    waiver = waive()
    made, other = ask(conflicted=[bob]), ask(subject(1), conflicted=[bob])
    approve(made, bob)
    revoked = revoke_waiver(waiver_id=waiver.pk, reason="They are back.", actor=carl)
    assert (revoked.state, revoked.revoked_by) == (WaiverState.REVOKED, carl)
    assert recheck_requests(entity_id=entity.pk) == [other.pk]
    assert able(other, bob) == set()
    assert Request.objects.get(pk=made.pk).status == RequestStatus.APPROVED
    found = deadlock_of(Request.objects.get(pk=other.pk))
    assert found is not None
    assert found.barred == ("Bob took part in preparing it.",)


def test_revoked_while_somebody_decides_it_lets_him_not(
    define: Any, ask: Any, bob: Any, waive: Any, carl: Any, monkeypatch: Any, table_counts: Any
) -> None:
    define()
    waiver, made = waive(), ask(conflicted=[bob])
    as_it_was = staff_of(made.entity)
    revoke_waiver(waiver_id=waiver.pk, reason="x", actor=carl)
    monkeypatch.setattr("apps.approvals.services.deciding.staff_of", lambda entity: as_it_was)
    before = table_counts()
    with pytest.raises(OwnWork):
        approve(made, bob)
    assert table_counts() == before


def test_what_stands_in_the_way_besides_is_told(
    define: Any, ask: Any, bob: Any, waive: Any, carl: Any, system: Any, entity: Any
) -> None:
    define(stages=[{"role": "reviewer", "count": 1}])
    waive()
    made = ask(conflicted=[bob])
    refusal = refusal_to_decide(made, bob)
    assert refusal is not None
    assert refusal.code == "ROLE_MISSING"
    revoke_role(user_id=bob.pk, role="approver", entity_id=entity.pk, actor=system)
    assert able(made, bob) == set()


@pytest.mark.parametrize(
    ("part", "waived", "is_handed_over", "others_part"),
    list(itertools.product([False, True], repeat=4)),
)
def test_rule_inbox_and_list_agree_and_nobody_passes_a_waiver_on(
    define: Any,
    ask: Any,
    bob: Any,
    rita: Any,
    carl: Any,
    connie: Any,
    waive: Any,
    entity: Any,
    part: bool,
    waived: bool,
    is_handed_over: bool,
    others_part: bool,
) -> None:
    define()
    if waived:
        for person_id in (bob.pk, rita.pk):
            waive(person_id=person_id)
    if is_handed_over:
        delegate(
            entity_id=entity.pk, delegate_id=rita.pk, starts_on=today(), ends_on=today(),
            reason="x", actor=bob,
        )  # fmt: skip
    made = ask(conflicted=[*([bob] if part else []), *([rita] if others_part else [])])
    recheck_requests(entity_id=entity.pk)
    made = Request.objects.get(pk=made.pk)
    could = able(made, bob, rita, carl, connie)
    if part:
        assert could == ({"bob"} if waived else set())
    else:
        assert could == ({"rita"} if is_handed_over and not others_part else {"bob"})
    if part and is_handed_over:
        refusal = refusal_to_decide(made, rita)
        assert isinstance(refusal, OwnWork)


def test_a_waiver_is_for_ones_own_seat(
    define: Any, ask: Any, bob: Any, rita: Any, waive: Any, entity: Any
) -> None:
    define()
    waive(person_id=rita.pk)
    delegate(
        entity_id=entity.pk, delegate_id=rita.pk, starts_on=today(), ends_on=today(), reason="x",
        actor=bob,
    )  # fmt: skip
    refusal = refusal_to_decide(ask(conflicted=[rita]), rita)
    assert isinstance(refusal, OwnWork)
    assert "not in somebody's place" in refusal.message


# --- Proposing, signing, revoking ---------------------------------------------------------------


def test_all_of_it_is_on_record(waive: Any, connie: Any, carl: Any, bob: Any) -> None:
    waiver = waive()
    revoke_waiver(waiver_id=waiver.pk, reason="They are back.", actor=connie)
    told = [
        (event.action, event.actor)
        for event in Event.objects.filter(subject_type="approvals.waiver").order_by("pk")
    ]
    assert told == [
        ("approvals.waiver.propose", connie),
        ("approvals.waiver.sign", carl),
        ("approvals.waiver.revoke", connie),
    ]
    assert (waiver.proposed_by, waiver.signed_by, waiver.state) == (connie, carl, "signed")
    assert str(waiver) == f"waiver {waiver.pk} for Bob, reconciliation, until {today()}"
    assert Waiver.objects.get().history.count() == 3


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({"actor": "bob"}, NotPermitted),
        ({"actor": "alice"}, NotPermitted),
        ({"actor": "rita"}, NotPermitted),
        ({"actor": "charlie"}, NotVisible),
        ({"person": "alice"}, WaiverInvalid),
        ({"item_type": " "}, WaiverInvalid),
        ({"reason": " "}, WaiverInvalid),
        ({"compensating_control": ""}, WaiverInvalid),
        ({"starts_on": today() + timedelta(days=1)}, WaiverInvalid),
        (
            {"starts_on": today() - timedelta(days=9), "ends_on": today() - timedelta(days=1)},
            WaiverInvalid,
        ),
        ({"ends_on": today() + timedelta(days=92)}, WaiverInvalid),
    ],
)
def test_a_proposal_is_refused(
    request: Any, propose: Any, facts: dict[str, Any], refusal: type[Refusal], table_counts: Any
) -> None:
    facts = dict(facts)
    if "actor" in facts:
        facts["actor"] = request.getfixturevalue(facts["actor"])
    if "person" in facts:
        facts["person_id"] = request.getfixturevalue(facts.pop("person")).pk
    before = table_counts()
    with pytest.raises(refusal):
        propose(**facts)
    assert table_counts() == before


def test_ninety_two_days_are_the_most(propose: Any) -> None:
    assert propose(ends_on=today() + timedelta(days=91)).state == WaiverState.PROPOSED


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("bob", NotPermitted),
        ("connie", NotPermitted),
        ("rita", NotPermitted),
        ("otto", NotPermitted),
        ("charlie", NotVisible),
    ],
)
def test_the_second_signature_is_refused(
    request: Any, propose: Any, name: str, refusal: type[Refusal], table_counts: Any
) -> None:
    waiver, actor = propose(), request.getfixturevalue(name)
    before = table_counts()
    with pytest.raises(refusal):
        sign_waiver(waiver_id=waiver.pk, actor=actor)
    assert table_counts() == before
    assert Waiver.objects.get().state == WaiverState.PROPOSED


def test_what_is_signed_revoked_or_over_is_not_signed(
    propose: Any, waive: Any, carl: Any, table_counts: Any
) -> None:
    signed, revoked, over = waive(), propose(), propose()
    revoke_waiver(waiver_id=revoked.pk, reason="No.", actor=carl)
    past = today() - timedelta(days=3)
    Waiver.objects.filter(pk=over.pk).update(starts_on=past, ends_on=past)
    before = table_counts()
    for waiver in (signed, revoked, over):
        with pytest.raises(IllegalMove):
            sign_waiver(waiver_id=waiver.pk, actor=carl)
    assert table_counts() == before


@pytest.mark.parametrize(
    ("name", "reason", "refusal"),
    [
        ("rita", "x", NotPermitted),
        ("charlie", "x", NotVisible),
        ("connie", " ", WaiverInvalid),
    ],
)
def test_a_revocation_is_refused(
    request: Any, waive: Any, name: str, reason: str, refusal: type[Refusal], table_counts: Any
) -> None:
    waiver, actor = waive(), request.getfixturevalue(name)
    before = table_counts()
    with pytest.raises(refusal):
        revoke_waiver(waiver_id=waiver.pk, reason=reason, actor=actor)
    assert table_counts() == before


def test_it_is_revoked_once_and_by_its_person_too(waive: Any, bob: Any, connie: Any) -> None:
    waiver = waive()
    revoke_waiver(waiver_id=waiver.pk, reason="I do not want it.", actor=bob)
    with pytest.raises(IllegalMove):
        revoke_waiver(waiver_id=waiver.pk, reason="x", actor=connie)


@pytest.mark.parametrize("is_giver", [True, False])
def test_who_stands_in_for_the_person_does_not_sign(
    propose: Any, bob: Any, connie: Any, carl: Any, entity: Any, is_giver: bool, table_counts: Any
) -> None:
    waiver = propose()
    giver, taker = (bob, carl) if is_giver else (carl, bob)
    delegate(
        entity_id=entity.pk, delegate_id=taker.pk, starts_on=today(), ends_on=today(), reason="x",
        actor=fresh(giver),
    )  # fmt: skip
    before = table_counts()
    with pytest.raises(SignerNotIndependent):
        sign_waiver(waiver_id=waiver.pk, actor=carl)
    with pytest.raises(SignerNotIndependent):
        propose(actor=carl)
    assert table_counts() == before


def test_inbox_of_a_waived_person_names_only_what_is_waived(
    define: Any, ask: Any, bob: Any, waive: Any
) -> None:
    define()
    define("write_off")
    waive()
    mine = ask(conflicted=[bob])
    ask(subject(1), item_type="write_off", conflicted=[bob])
    assert inbox(bob) == [mine]


def test_an_approval_under_a_waiver_carries_through_the_next_steps(
    define: Any, ask: Any, bob: Any, rita: Any, waive: Any
) -> None:
    define(stages=({"role": "approver", "count": 1}, {"role": "reviewer", "count": 1}))
    waive()
    made = ask(conflicted=[bob])
    approve(made, bob)
    assert approve(made, rita).status == RequestStatus.APPROVED


def test_who_approved_and_then_took_part_is_not_covered(
    define: Any, ask: Any, bob: Any, rita: Any, waive: Any
) -> None:
    """It is for what somebody decides from now on, knowing what he had to do with it."""
    from apps.approvals.errors import ApproverTookPart
    from apps.approvals.models import Conflict

    define(stages=({"role": "approver", "count": 1}, {"role": "reviewer", "count": 1}))
    waive()
    made = ask()
    approve(made, bob)
    Conflict.objects.create(request=made, user=bob)
    with pytest.raises(ApproverTookPart):
        decide(
            request_id=made.pk, verdict="approve", comment="", attested=True, expected_version=2,
            actor=rita,
        )  # fmt: skip


# --- Who is told ------------------------------------------------------------------------------


def told() -> list[str]:
    found = Notice.objects.filter(kind=NoticeKind.SIGNATURE).order_by("person__username")
    return list(found.values_list("person__username", flat=True))


def test_whoever_may_sign_second_is_told_and_nobody_else(
    propose: Any, carl: Any, person: Any, entity: Any, bob: Any, rita: Any, charlie: Any
) -> None:
    beth = person("beth", "approver", on=entity)
    bart = person("bart", "approver", on=entity)
    delegate(
        entity_id=entity.pk,
        delegate_id=beth.pk,
        starts_on=today(),
        ends_on=today(),
        reason="Holiday",
        actor=bob,
    )
    waiver = propose()
    assert told() == ["bart", "carl"]  # not Bob, nor Connie who signed, nor Beth who stands in
    notice = Notice.objects.get(person=carl)
    assert (notice.about, notice.title, notice.entity) == (
        waiver,
        "Waiver for reconciliation",
        entity,
    )
    assert "waiver" in str(notice)
    notify(waiver, NoticeKind.SIGNATURE, [carl.pk, bart.pk], occasion="proposed")
    assert told() == ["bart", "carl"]


def test_the_notice_is_there_for_whoever_may_see_the_waiver(
    propose: Any, carl: Any, charlie: Any
) -> None:
    propose()
    assert unread_notices(carl) == 1
    assert [one.title for one in notices_for(carl)] == ["Waiver for reconciliation"]
    assert not Notice.objects.visible_to(charlie).exists()


def test_a_notice_is_about_one_thing(
    propose: Any, define: Any, ask: Any, carl: Any, bob: Any
) -> None:
    define()
    for about in ({}, {"request": ask(), "waiver": propose()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Notice.objects.create(person=carl, kind=NoticeKind.SIGNATURE, occasion="x", **about)


# --- Seats ------------------------------------------------------------------------------------


def test_a_seat_can_be_given_to_whoever_is_waived(
    define: Any, ask: Any, bob: Any, rita: Any, connie: Any, waive: Any, entity: Any
) -> None:
    define(stages=[{"people": ["rita"], "count": 1}])
    made = ask(conflicted=[bob])

    def move() -> None:
        reassign(
            request_id=made.pk,
            from_person_id=rita.pk,
            to_person_id=bob.pk,
            reason="She is ill.",
            actor=connie,
        )

    assert bob.pk not in people_to_take(made, staff_of(entity))
    with pytest.raises(NotEligible, match="took part"), transaction.atomic():
        move()
    waiver = waive()
    assert bob.pk in people_to_take(made, staff_of(entity))
    move()
    assert able(made, bob, rita) == {"bob"}
    answer = who_could(fresh_of(made), timezone.now(), actor=connie)
    assert [(one.person, one.why) for one in answer.able] == [(bob, "could, under a waiver")]
    assert deadlock_of(fresh_of(made)) is None
    assert approve(made, bob).status == RequestStatus.APPROVED
    assert Decision.objects.get().waiver == waiver


def test_a_seat_that_a_waiver_filled_is_blocked_when_it_ends(
    define: Any, ask: Any, bob: Any, rita: Any, connie: Any, waive: Any, entity: Any
) -> None:
    define(stages=[{"people": ["rita"], "count": 1}])
    made, waiver = ask(conflicted=[bob]), waive()
    reassign(
        request_id=made.pk,
        from_person_id=rita.pk,
        to_person_id=bob.pk,
        reason="She is ill.",
        actor=connie,
    )
    revoke_waiver(waiver_id=waiver.pk, reason="Not needed.", actor=connie)
    recheck_requests(entity_id=entity.pk)
    assert fresh_of(made).status == RequestStatus.BLOCKED
    assert able(made, bob, rita) == set()


def test_no_waiver_gives_the_maker_a_seat(
    define: Any, ask: Any, person: Any, entity: Any, rita: Any, connie: Any, waive: Any
) -> None:
    define(stages=[{"people": ["rita"], "count": 1}])
    mia = person("mia", "approver", "preparer", on=entity)
    made = ask(maker=mia, actor=mia)
    waive(person_id=mia.pk)
    with pytest.raises(NotEligible), transaction.atomic():
        reassign(
            request_id=made.pk,
            from_person_id=rita.pk,
            to_person_id=mia.pk,
            reason="She is ill.",
            actor=connie,
        )


def fresh_of(request: Request) -> Request:
    return Request.objects.get(pk=request.pk)

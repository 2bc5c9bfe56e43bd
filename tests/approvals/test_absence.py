"""Leave and delegation: who decides when somebody is away, and that everything agrees on it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone

from apps.approvals.errors import (
    AlreadyDecidedByActor,
    Away,
    DelegationInvalid,
    DelegationOverlaps,
    HandedOver,
    LeaveInvalid,
    OwnWork,
)
from apps.approvals.models import Decision, Delegation, Leave, Request
from apps.approvals.selectors import (
    deadlock_of,
    eligible_approvers,
    inbox,
    refusal_to_decide,
)
from apps.approvals.selectors.absence import own_delegations, own_leaves
from apps.approvals.selectors.stalls import stalls_without
from apps.approvals.services import (
    cancel_leave,
    decide,
    define_limit,
    delegate,
    enter_rate,
    plan_leave,
    recheck_requests,
    revoke_delegation,
)
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.common.errors import IllegalMove, Invalid, NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.identity.services import deactivate_user, revoke_role
from apps.operations.models import OutboxMessage
from tests.approvals.conftest import subject

pytestmark = pytest.mark.django_db


def today() -> date:
    """By the clock of our entity."""
    return timezone.localdate(timezone=ZoneInfo("Europe/Amsterdam"))


@pytest.fixture
def beth(person: Any, entity: Any) -> Any:
    return person("beth", "approver", on=entity)


@pytest.fixture
def away() -> Callable[..., Leave]:
    """Plan leave: `away(bob)`, today; `away(bob, 1, 3)`, from tomorrow on."""

    def make(who: Any, first: int = 0, last: int | None = None) -> Leave:
        start, end = today() + timedelta(days=first), today() + timedelta(days=last or first)
        return plan_leave(person_id=who.pk, starts_on=start, ends_on=end, actor=fresh(who))

    return make


@pytest.fixture
def hand_over(entity: Any) -> Callable[..., Delegation]:
    """Hand over for today: `hand_over(bob, rita)`."""

    def make(giver: Any, taker: Any, first: int = 0, last: int | None = None, **facts: Any) -> Any:
        start, end = today() + timedelta(days=first), today() + timedelta(days=last or first)
        wanted = {"starts_on": start, "ends_on": end, "reason": "Holiday"} | facts
        return delegate(entity_id=entity.pk, delegate_id=taker.pk, actor=fresh(giver), **wanted)

    return make


def fresh(user: Any) -> User:
    """The user as a new visit would read him."""
    return User.objects.get(pk=user.pk)


def approve(request: Request, actor: Any, verdict: str = "approve") -> Request:
    return decide(
        request_id=request.pk,
        verdict=verdict,
        comment="Seen.",
        attested=True,
        expected_version=Request.objects.get(pk=request.pk).version,
        actor=fresh(actor),
    )


def able(request: Request, *people: Any) -> set[str]:
    """Who can decide; fails unless rule, inbox and the list of who could say the same."""
    asked = Request.objects.get(pk=request.pk)
    names = set()
    for one in people:
        reader = fresh(one)
        may = refusal_to_decide(asked, reader) is None
        assert (one in eligible_approvers(asked)) is may, one
        assert (asked in inbox(reader)) is (may and asked.status == RequestStatus.PENDING), one
        names |= {one.username} if may else set()
    return names


# --- Leave ----------------------------------------------------------------------------------


def test_who_is_away_decides_nothing_and_nobody_counts_on_him(
    define: Any, ask: Any, away: Any, bob: Any, beth: Any
) -> None:
    define()
    request = ask()
    away(bob)
    assert able(request, bob, beth) == {"beth"}
    with pytest.raises(Away):
        approve(request, bob)
    assert approve(request, beth).status == RequestStatus.APPROVED


def test_the_last_one_away_blocks_and_back_again_releases(
    define: Any, ask: Any, away: Any, bob: Any, entity: Any
) -> None:
    define()
    request = ask()
    leave = away(bob)
    assert OutboxMessage.objects.filter(task="apps.approvals.tasks.recheck_requests").exists()
    assert recheck_requests(entity_id=entity.pk) == [request.pk]
    request.refresh_from_db()
    assert request.status == RequestStatus.BLOCKED
    deadlock = deadlock_of(request)
    assert deadlock is not None
    assert deadlock.barred == ("Bob is away.",)
    assert any("hands it over" in remedy for remedy in deadlock.remedies)
    cancel_leave(leave_id=leave.pk, actor=bob)
    assert recheck_requests(entity_id=entity.pk) == [request.pk]
    assert able(request, bob) == {"bob"}


def test_other_days_do_not_count(define: Any, ask: Any, away: Any, bob: Any) -> None:
    define()
    away(bob, 1, 3)
    assert able(ask(), bob) == {"bob"}


LEAVE_REFUSALS: list[tuple[str, dict[str, Any], type[Refusal]]] = [
    ("bob", {"last": -1}, LeaveInvalid),
    ("bob", {"first": -9, "last": -5}, LeaveInvalid),
    ("bob", {"last": 400}, LeaveInvalid),
    ("alice", {"of": "alice"}, NotPermitted),
    ("rita", {"of": "bob"}, NotPermitted),
    ("charlie", {"of": "bob"}, NotVisible),
    ("victor", {"of": "victor"}, NotPermitted),
]


@pytest.mark.parametrize(("who", "facts", "refusal"), LEAVE_REFUSALS)
def test_leave_that_is_refused_changes_nothing(
    request: Any,
    bob: Any,
    table_counts: Any,
    who: str,
    facts: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    of = request.getfixturevalue(facts.get("of", "bob"))
    before = table_counts()
    with pytest.raises(refusal), transaction.atomic():
        plan_leave(
            person_id=of.pk,
            starts_on=today() + timedelta(days=facts.get("first", 0)),
            ends_on=today() + timedelta(days=facts.get("last", 0)),
            actor=actor,
        )
    assert table_counts() == before


def test_a_controller_plans_and_cancels_for_others(
    away: Any, bob: Any, connie: Any, charlie: Any
) -> None:
    leave = plan_leave(person_id=bob.pk, starts_on=today(), ends_on=today(), actor=connie)
    assert leave.created_by == connie
    with pytest.raises(NotVisible):
        cancel_leave(leave_id=leave.pk, actor=charlie)
    assert cancel_leave(leave_id=leave.pk, actor=connie).cancelled_at is not None
    with pytest.raises(IllegalMove):
        cancel_leave(leave_id=leave.pk, actor=connie)
    actions = Event.objects.filter(action__startswith="approvals.leave").values_list(
        "action", flat=True
    )
    assert list(actions.order_by("id")) == ["approvals.leave.plan", "approvals.leave.cancel"]


def test_one_sees_ones_own_leave_and_that_of_colleagues(
    away: Any, bob: Any, alice: Any, charlie: Any, victor: Any, django_user_model: Any
) -> None:
    from django.contrib.auth.models import AnonymousUser

    leave = away(bob)
    seen: Any = Leave.objects
    assert [leave in seen.visible_to(one) for one in (bob, alice, charlie, victor)] == [
        True,
        True,
        False,
        False,
    ]
    assert not seen.visible_to(AnonymousUser()).exists()
    assert list(own_leaves(bob)) == [leave]
    assert str(leave) == f"Bob away from {today()} to {today()}"


# --- Delegation -----------------------------------------------------------------------------


def test_a_delegate_decides_in_the_place_of_the_delegator(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any
) -> None:
    define()
    request = ask()
    assert able(request, bob, rita) == {"bob"}
    made = hand_over(bob, rita)
    assert able(request, bob, rita) == {"rita"}
    with pytest.raises(HandedOver):
        approve(request, bob)
    assert approve(request, rita).status == RequestStatus.APPROVED
    decision = Decision.objects.get()
    assert (decision.approver, decision.on_behalf_of, decision.role_at_time) == (
        rita,
        bob,
        "approver",
    )
    event = Event.objects.get(action="approvals.request.decide")
    assert event.details["on_behalf_of"] == bob.pk
    assert list(own_delegations(bob)) == list(own_delegations(rita)) == [made]
    assert str(made).startswith("Rita for Bob from ")


def test_both_count_as_having_decided(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any, beth: Any
) -> None:
    define(stages=[{"role": "approver", "count": 2}])
    request = ask()
    made = hand_over(bob, rita)
    approve(request, rita)
    revoke_delegation(delegation_id=made.pk, actor=bob)
    with pytest.raises(AlreadyDecidedByActor):
        approve(request, bob)
    assert able(request, bob, rita, beth) == {"beth"}
    assert approve(request, beth).status == RequestStatus.APPROVED


def test_who_was_stood_in_for_is_missing_at_the_next_step(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any, grant: Any, entity: Any
) -> None:
    """Bob is both: approver by his stand-in, then controller himself would be two votes."""
    grant(bob, "controller")
    define(stages=[{"role": "approver", "count": 1}, {"role": "controller", "count": 1}])
    request = ask()
    hand_over(bob, rita)
    approve(request, rita)
    assert Request.objects.get(pk=request.pk).stage == 1
    assert "bob" not in able(request, bob, rita)


@pytest.fixture
def grant(entity: Any, system: Any) -> Callable[..., None]:
    from apps.identity.services import grant_role

    def give(user: Any, role: str) -> None:
        grant_role(user_id=user.pk, role=role, entity_id=entity.pk, actor=system)

    return give


def test_what_the_delegate_took_part_in_stays_with_the_delegator(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any
) -> None:
    define()
    request = ask(conflicted=[rita])
    hand_over(bob, rita)
    assert able(request, bob, rita) == {"bob"}
    with pytest.raises(OwnWork):
        approve(request, rita)


def test_what_the_delegator_took_part_in_is_not_passed_on(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any, beth: Any
) -> None:
    define()
    request = ask(conflicted=[bob])
    hand_over(bob, rita)
    assert able(request, bob, rita, beth) == {"beth"}
    with pytest.raises(OwnWork, match="for whom you stand in"):
        approve(request, rita)


def test_nobody_passes_on_what_was_passed_to_him(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any, connie: Any
) -> None:
    define()
    request = ask()
    hand_over(bob, rita)
    hand_over(rita, connie)
    assert able(request, bob, rita, connie) == {"rita"}


def test_one_kind_goes_before_everything(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any, connie: Any
) -> None:
    define()
    define("write_off")
    hand_over(bob, rita)
    hand_over(bob, connie, item_type="write_off")
    assert able(ask(), bob, rita, connie) == {"rita"}
    other = ask(subject(1), item_type="write_off")
    assert able(other, bob, rita, connie) == {"connie"}
    assert Delegation.objects.get(item_type="write_off").kind == "write off"
    assert Delegation.objects.get(item_type="").kind == "everything"


@pytest.mark.parametrize("how", ["away", "deactivated", "no role"])
def test_who_cannot_stand_in_leaves_it_with_the_delegator(
    define: Any,
    ask: Any,
    hand_over: Any,
    away: Any,
    bob: Any,
    rita: Any,
    system: Any,
    entity: Any,
    how: str,
) -> None:
    define()
    request = ask()
    hand_over(bob, rita)
    if how == "away":
        away(rita)
    elif how == "deactivated":
        deactivate_user(user_id=rita.pk, actor=system)
    else:
        revoke_role(user_id=rita.pk, role="reviewer", entity_id=entity.pk, actor=system)
    assert able(request, bob) == {"bob"}


AMOUNTS = [
    # bob's limit, rita's, the cap, the amount, who can decide
    ("100", "80", None, "80.00", {"rita"}),
    ("100", "80", None, "80.01", {"bob"}),
    ("80", "100", None, "80.01", set()),
    ("100", "100", "50", "50.00", {"rita"}),
    ("100", "100", "50", "50.01", {"bob"}),
    ("100", None, None, "1.00", {"bob"}),
]


@pytest.mark.parametrize(("bobs", "ritas", "cap", "amount", "who"), AMOUNTS)
def test_no_more_is_passed_on_than_both_may_and_the_cap_allows(
    define: Any,
    ask: Any,
    hand_over: Any,
    entity: Any,
    connie: Any,
    bob: Any,
    rita: Any,
    bobs: str,
    ritas: str | None,
    cap: str | None,
    amount: str,
    who: set[str],
) -> None:
    define("journal_entry")
    for person, most in ((bob, bobs), (rita, ritas)):
        if most is not None:
            define_limit(
                entity_id=entity.pk,
                user_id=person.pk,
                item_type="journal_entry",
                amount=Decimal(most),
                currency="EUR",
                starts_on=date(2023, 1, 1),
                actor=connie,
            )
    facts = {"cap_amount": Decimal(cap), "cap_currency": "EUR"} if cap else {}
    hand_over(bob, rita, **facts)
    request = ask(item_type="journal_entry", amount=Decimal(amount), currency="EUR")
    assert able(request, bob, rita) == who
    if who == {"rita"}:
        approve(request, rita)
        assert Decision.objects.get().limit_amount == Decimal(cap or ritas or bobs)


def test_a_cap_in_a_currency_without_a_rate_passes_nothing_on(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any
) -> None:
    define()
    hand_over(bob, rita, cap_amount=Decimal(50), cap_currency="USD")
    assert able(ask(amount=Decimal(10), currency="EUR"), bob, rita) == {"bob"}
    assert able(ask(subject(1)), bob, rita) == {"rita"}


def test_a_cap_reaches_no_currency_whose_rate_is_too_old(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any, connie: Any, entity: Any
) -> None:
    define()
    enter_rate(
        entity_id=entity.pk,
        currency="USD",
        quote="EUR",
        quoted_on=today() - timedelta(days=8),
        rate=Decimal("0.8"),
        source="Central bank",
        actor=connie,
    )
    hand_over(bob, rita, cap_amount=Decimal(50), cap_currency="EUR")
    assert able(ask(amount=Decimal(10), currency="USD"), bob, rita) == {"bob"}


def test_nobody_stands_in_for_somebody_who_was_deactivated(
    define: Any, ask: Any, hand_over: Any, bob: Any, beth: Any, rita: Any, ada: Any
) -> None:
    define()
    hand_over(bob, rita)
    made = ask()
    assert able(made, bob, beth, rita) == {"beth", "rita"}
    deactivate_user(user_id=bob.pk, actor=ada)
    assert able(made, beth, rita) == {"beth"}


DELEGATION_REFUSALS: list[tuple[str, dict[str, Any], type[Refusal]]] = [
    ("bob", {"taker": "bob"}, DelegationInvalid),
    ("bob", {"taker": "alice"}, DelegationInvalid),
    ("bob", {"taker": "charlie"}, DelegationInvalid),
    ("bob", {"reason": "  "}, DelegationInvalid),
    ("bob", {"last": -1}, DelegationInvalid),
    ("bob", {"last": 400}, DelegationInvalid),
    ("bob", {"cap_amount": Decimal(5)}, DelegationInvalid),
    ("bob", {"cap_currency": "EUR"}, DelegationInvalid),
    ("bob", {"cap_amount": Decimal(-5), "cap_currency": "EUR"}, DelegationInvalid),
    ("bob", {"cap_amount": Decimal("0.001"), "cap_currency": "EUR"}, Invalid),
    ("bob", {"cap_amount": Decimal(5), "cap_currency": "QQQ"}, Invalid),
    ("alice", {}, NotPermitted),
    ("charlie", {}, NotVisible),
]


@pytest.mark.parametrize(("who", "facts", "refusal"), DELEGATION_REFUSALS)
def test_a_delegation_that_is_refused_changes_nothing(
    request: Any,
    entity: Any,
    rita: Any,
    table_counts: Any,
    who: str,
    facts: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    plain = dict(facts)
    taker = request.getfixturevalue(plain.pop("taker", "rita"))
    last = today() + timedelta(days=plain.pop("last", 0))
    wanted = {"starts_on": today(), "ends_on": last, "reason": "Holiday"} | plain
    before = table_counts()
    with pytest.raises(refusal), transaction.atomic():
        delegate(entity_id=entity.pk, delegate_id=taker.pk, actor=actor, **wanted)
    assert table_counts() == before


def test_one_stand_in_at_a_time(hand_over: Any, bob: Any, rita: Any, connie: Any) -> None:
    hand_over(bob, rita, 0, 5)
    with pytest.raises(DelegationOverlaps), transaction.atomic():
        hand_over(bob, connie, 5, 9)
    hand_over(bob, connie, 6, 9)
    hand_over(bob, connie, 0, 5, item_type="write_off")
    assert Delegation.objects.count() == 3


def test_who_takes_a_delegation_back(
    hand_over: Any, bob: Any, rita: Any, connie: Any, alice: Any, charlie: Any, beth: Any
) -> None:
    for actor in (bob, rita, connie):
        made = hand_over(bob, rita)
        with pytest.raises(NotPermitted):
            revoke_delegation(delegation_id=made.pk, actor=fresh(beth))
        with pytest.raises(NotVisible):
            revoke_delegation(delegation_id=made.pk, actor=fresh(charlie))
        assert revoke_delegation(delegation_id=made.pk, actor=fresh(actor)).revoked_at is not None
        with pytest.raises(IllegalMove):
            revoke_delegation(delegation_id=made.pk, actor=fresh(actor))


def test_a_stand_in_without_the_role_is_told_so(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any, beth: Any
) -> None:
    """Rita stands in for Beth, who was revoked the role meanwhile."""
    define(stages=[{"people": ["bob"], "count": 1}])
    request = ask()
    hand_over(beth, rita)
    with pytest.raises(Refusal, match="names who decides"):
        approve(request, rita)


# --- Everything together --------------------------------------------------------------------


def test_rule_inbox_and_list_agree_whatever_is_combined(
    define: Any,
    ask: Any,
    hand_over: Any,
    away: Any,
    bob: Any,
    beth: Any,
    rita: Any,
    connie: Any,
    entity: Any,
) -> None:
    """96 combinations: who is away, what is handed over to whom, who took part, how much it is."""
    define("journal_entry", stages=[{"role": "approver", "count": 2}])
    for who, most in ((bob, 100), (beth, 100), (rita, 50)):
        define_limit(
            entity_id=entity.pk,
            user_id=who.pk,
            item_type="journal_entry",
            amount=Decimal(most),
            currency="EUR",
            starts_on=date(2023, 1, 1),
            actor=connie,
        )
    for gone, given, part, amount, kind in itertools.product(
        ((), (bob,), (rita,), (bob, rita)),
        ((), ((bob, rita),), ((bob, beth), (beth, rita))),
        ((), (rita,)),
        ("50.00", "60.00"),
        ("", "journal_entry"),
    ):
        with transaction.atomic():
            for who in gone:
                away(who)
            for giver, taker in given:
                hand_over(giver, taker, item_type=kind)
            asked = ask(
                item_type="journal_entry", amount=Decimal(amount), currency="EUR", conflicted=part
            )
            able(asked, bob, beth, rita, connie)
            if asked.status == RequestStatus.PENDING:
                for who in eligible_approvers(asked):
                    approve(asked, who)
                    able(asked, bob, beth, rita, connie)
                    break
            transaction.set_rollback(True)


def test_what_would_stall_is_told_before(
    define: Any, ask: Any, away: Any, hand_over: Any, bob: Any, beth: Any, rita: Any, charlie: Any
) -> None:
    define()
    define("write_off", stages=[{"people": ["bob"], "count": 1}])
    ask()
    named = ask(subject(1), item_type="write_off")
    found = stalls_without(bob, on=today(), actor=bob)
    assert [(stall.request, stall.steps, stall.missing) for stall in found] == [(named, (1,), 1)]
    assert stalls_without(bob, on=today(), actor=charlie) == []
    away(beth, 1, 3)
    assert len(stalls_without(bob, on=today() + timedelta(days=2), actor=bob)) == 2
    hand_over(bob, rita, 1, 3)
    assert stalls_without(bob, on=today() + timedelta(days=2), actor=bob) == []


def test_a_deadlock_names_who_handed_it_over(
    define: Any, ask: Any, hand_over: Any, bob: Any, rita: Any
) -> None:
    """Rita is needed for both steps: for the first herself, for the second in Bob's place."""
    define(stages=({"role": "reviewer", "count": 1}, {"role": "approver", "count": 1}))
    hand_over(bob, rita)
    found = deadlock_of(ask())
    assert found is not None
    assert found.barred == ("Bob has handed it over.",)

"""A seat goes to somebody else: only who may decide takes it, and each person has one."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from apps.approvals.errors import (
    CommentMissing,
    HandedOver,
    NotEligible,
    OwnWork,
    SeatMissing,
    SeatsShort,
)
from apps.approvals.models import Escalation, Notice, Reassignment, Request
from apps.approvals.selectors import (
    eligible_approvers,
    inbox,
    movable_seats,
    people_to_take,
    record_of,
    refusal_to_decide,
    staff_of,
)
from apps.approvals.services import (
    define_limit,
    delegate,
    plan_leave,
    reassign,
    recheck_requests,
)
from apps.approvals.states import RequestStatus
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal, StaleVersion
from apps.identity.models import User
from apps.identity.services import grant_role, revoke_role
from tests.approvals.conftest import subject
from tests.approvals.test_absence import today
from tests.approvals.test_revoke import approve

Move = Callable[..., Reassignment]
BOB_ALONE = [{"people": ["bob"], "count": 1}]


@pytest.fixture
def bella(person: Any, entity: Any) -> Any:
    return person("bella", "approver", on=entity)


@pytest.fixture
def move(connie: Any) -> Move:
    """Move a seat as Connie: `move(request, bob, bella)`."""

    def make(request: Request, giver: Any, taker: Any, **facts: Any) -> Reassignment:
        wanted = {"reason": "He is ill.", "actor": connie} | facts
        return reassign(
            request_id=request.pk, from_person_id=giver.pk, to_person_id=taker.pk, **wanted
        )

    return make


def who_could(request: Request) -> list[str]:
    request.refresh_from_db()
    return [one.username for one in eligible_approvers(request)]


def agrees(request: Request) -> None:
    """The inbox of everybody says the same as the rule for one request."""
    request.refresh_from_db()
    for user in User.objects.filter(is_active=True):
        may = request.status == RequestStatus.PENDING and not refusal_to_decide(request, user)
        assert (request in inbox(user)) == may, user


def test_the_seat_is_anothers_from_now_on(
    define: Any, ask: Any, alice: Any, bob: Any, bella: Any, connie: Any, move: Move
) -> None:
    define(stages=BOB_ALONE)
    made = ask()
    moved = move(made, bob, bella, expected_version=1)
    assert who_could(made) == ["bella"]
    agrees(made)
    with pytest.raises(HandedOver, match="given to somebody else") as refused:
        approve(made, bob)
    assert refused.value.remedy == "Bella could decide."
    assert (made.version, made.status) == (2, RequestStatus.PENDING)
    assert record_of(made)[0].details == {
        "reassignment": moved.pk,
        "stage": 0,
        "from_person": bob.pk,
        "to_person": bella.pk,
        "reason": "He is ill.",
    }
    told = Notice.objects.filter(kind="reassigned").values_list("person__username", flat=True)
    assert sorted(told) == ["alice", "bella", "bob"]
    decision = approve(made, bella).decisions.get()
    assert (decision.approver, decision.on_behalf_of) == (bella, None)
    assert str(moved) == "seat of Bob to Bella"


def test_the_holder_gives_away_his_own(
    define: Any, ask: Any, bob: Any, bella: Any, connie: Any, move: Move, entity: Any
) -> None:
    define(stages=BOB_ALONE)
    made, decided = ask(), approve(ask(subject(1)), bob)
    assert movable_seats(made, connie, staff_of(entity)) == {bob.pk}
    assert movable_seats(decided, connie, staff_of(entity)) == set()
    assert movable_seats(made, bob, staff_of(entity)) == {bob.pk}
    assert movable_seats(made, bella, staff_of(entity)) == set()
    move(made, bob, bella, actor=bob)
    assert who_could(made) == ["bella"]


def test_it_can_go_on_and_come_back(
    define: Any, ask: Any, bob: Any, bella: Any, person: Any, entity: Any, move: Move
) -> None:
    bill = person("bill", "reviewer", on=entity)
    define(stages=BOB_ALONE)
    made = ask()
    for giver, taker in ((bob, bella), (bella, bill), (bill, bob)):
        move(made, giver, taker)
        assert who_could(made) == [taker.username]
        agrees(made)


@pytest.mark.parametrize("why", ["away", "took part", "limit"])
def test_a_seat_that_its_holder_cannot_take_is_moved_and_the_request_goes_on(
    define: Any,
    ask: Any,
    bob: Any,
    bella: Any,
    connie: Any,
    entity: Any,
    move: Move,
    why: str,
) -> None:
    define(stages=BOB_ALONE)
    if why == "limit":
        for user, amount in ((bob, 10), (bella, 1_000)):
            define_limit(
                entity_id=entity.pk,
                user_id=user.pk,
                item_type="reconciliation",
                amount=Decimal(amount),
                currency="EUR",
                starts_on=today(),
                actor=connie,
            )
    if why == "away":
        plan_leave(person_id=bob.pk, starts_on=today(), ends_on=today(), actor=bob)
    took_part = [bob] if why == "took part" else []
    made = ask(conflicted=took_part, amount=Decimal(500), currency="EUR")
    assert made.status == RequestStatus.BLOCKED
    move(made, bob, bella)
    assert who_could(made) == ["bella"]
    assert made.status == RequestStatus.PENDING
    agrees(made)


@pytest.mark.parametrize(
    ("stage", "needed"),
    [
        ({"role": "approver", "count": 1}, 1),
        ({"role": "approver", "count": 2}, 2),
        ({"role": "approver", "count": "all"}, 3),
        ({"people": ["bob", "bella", "bill"], "count": 2}, 2),
        ({"people": ["bob", "bella", "bill"], "count": "all"}, 3),
    ],
)
def test_a_step_needs_as_many_as_before(
    define: Any,
    ask: Any,
    bob: Any,
    bella: Any,
    rita: Any,
    person: Any,
    entity: Any,
    move: Move,
    stage: dict[str, Any],
    needed: int,
) -> None:
    bill = person("bill", "approver", on=entity)
    define(stages=[stage])
    made = ask()
    move(made, bob, rita)
    agrees(made)
    assert who_could(made) == ["bella", "bill", "rita"]
    for count, user in enumerate((rita, bella, bill), start=1):
        approve(made, user)
        made.refresh_from_db()
        if made.status == RequestStatus.APPROVED:
            assert count == needed
            return
        agrees(made)
    raise AssertionError("it needed more than three")


def test_whoever_gave_his_seat_up_may_decide_at_a_later_step(
    define: Any, ask: Any, bob: Any, bella: Any, move: Move
) -> None:
    define(stages=[*BOB_ALONE, {"role": "approver", "count": 1}])
    made = ask()
    move(made, bob, bella)
    made.refresh_from_db()
    approve(made, bella)
    assert who_could(made) == ["bob"]
    agrees(made)
    made.refresh_from_db()
    assert approve(made, bob).status == RequestStatus.APPROVED


def test_an_authority_that_was_added_keeps_its_right(
    define: Any, ask: Any, bob: Any, bella: Any, move: Move
) -> None:
    from django.utils import timezone

    define(stages=BOB_ALONE)
    made = ask()
    Escalation.objects.create(
        request=made,
        stage=0,
        number=1,
        added={"people": ["bob"]},
        escalated_at=timezone.now(),
    )
    move(made, bob, bella)
    assert who_could(made) == ["bella", "bob"]
    agrees(made)


def test_what_the_taker_hands_over_later_goes_to_whoever_stands_in(
    define: Any, ask: Any, bob: Any, bella: Any, rita: Any, entity: Any, move: Move
) -> None:
    define(stages=BOB_ALONE)
    made = ask()
    move(made, bob, bella)
    facts = {"entity_id": entity.pk, "starts_on": today(), "ends_on": today(), "reason": "x"}
    delegate(delegate_id=rita.pk, actor=bella, **facts)
    assert who_could(made) == ["rita"]
    agrees(made)


def test_whoever_loses_his_role_loses_the_seat_which_is_moved_on(
    define: Any, ask: Any, bob: Any, bella: Any, rita: Any, entity: Any, system: Any, move: Move
) -> None:
    define(stages=BOB_ALONE)
    made = ask()
    move(made, bob, bella)
    grant_role(user_id=bella.pk, role="preparer", entity_id=entity.pk, actor=system)
    revoke_role(user_id=bella.pk, role="approver", entity_id=entity.pk, actor=system)
    recheck_requests(entity_id=entity.pk)
    assert who_could(made) == []
    assert made.status == RequestStatus.BLOCKED
    move(made, bella, rita)
    assert who_could(made) == ["rita"]


# --- Refusals --------------------------------------------------------------------------------

REFUSED: list[tuple[str, str, str, type[Refusal]]] = [
    # who moves, whose seat, to whom
    ("charlie", "bob", "rita", NotVisible),
    ("otto", "bob", "rita", NotPermitted),
    ("alice", "bob", "rita", NotPermitted),
    ("rita", "bob", "rita", NotPermitted),
    ("bob", "bella", "rita", NotPermitted),
    ("alice", "alice", "rita", NotPermitted),
    ("connie", "bob", "connie", NotPermitted),
    ("carla", "bob", "rita", OwnWork),  # she took part
    ("connie", "rita", "connie", NotPermitted),
    ("connie", "rita", "ella", SeatMissing),
    ("connie", "victor", "rita", SeatMissing),
    ("connie", "bob", "bella", NotEligible),  # has a seat
    ("connie", "bob", "bob", NotEligible),
    ("connie", "bob", "alice", NotEligible),  # decides nothing
    ("connie", "bob", "charlie", NotEligible),
    ("connie", "bob", "carla", NotEligible),  # took part
    ("connie", "bob", "ella", NotEligible),  # is away
    ("connie", "bob", "hans", NotEligible),  # has handed over
    ("connie", "bob", "lena", NotEligible),  # may not approve so much
]


@pytest.fixture
def crowd(person: Any, entity: Any, connie: Any, rita: Any) -> None:
    """People who cannot take a seat, each for another reason."""
    for name in ("carla", "ella", "hans", "lena"):
        person(name, "controller" if name == "carla" else "reviewer", on=entity)
    named = {one.username: one for one in User.objects.all()}
    days = {"starts_on": today(), "ends_on": today()}
    plan_leave(person_id=named["ella"].pk, actor=named["ella"], **days)
    facts = {"entity_id": entity.pk, "reason": "x", **days}
    delegate(delegate_id=rita.pk, actor=named["hans"], **facts)
    limit = {"item_type": "reconciliation", "currency": "EUR", "starts_on": today()}
    for role in ("approver", "reviewer", "controller"):
        define_limit(entity_id=entity.pk, role=role, amount=Decimal(1_000), actor=connie, **limit)
    define_limit(
        entity_id=entity.pk, user_id=named["lena"].pk, amount=Decimal(10), actor=connie, **limit
    )


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any, bella: Any, crowd: None) -> Request:
    define()
    carla = User.objects.get(username="carla")
    made: Request = ask(amount=Decimal(500), currency="EUR", conflicted=[carla])
    return made


def named(request: pytest.FixtureRequest, name: str) -> Any:
    found = User.objects.filter(username=name).first()
    return found or request.getfixturevalue(name)


@pytest.mark.parametrize(("who", "giver", "taker", "refusal"), REFUSED)
def test_refusals_change_nothing(
    request: pytest.FixtureRequest,
    waiting: Request,
    move: Move,
    table_counts: Any,
    who: str,
    giver: str,
    taker: str,
    refusal: type[Refusal],
) -> None:
    actor, one, other = (named(request, name) for name in (who, giver, taker))
    before = table_counts()
    with pytest.raises(refusal), transaction.atomic():
        move(waiting, one, other, actor=actor)
    waiting.refresh_from_db()
    assert (waiting.version, table_counts()) == (1, before)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bella", "Bella has a seat at this step already."),
        ("alice", "Alice decides nothing here."),
        ("carla", "Carla took part in preparing it."),
        ("ella", "Ella is away."),
        ("hans", "Hans has handed over what he would decide."),
        ("lena", "Lena may approve up to 10.00 EUR."),
    ],
)
def test_the_refusal_says_why_not_this_person(
    waiting: Request, bob: Any, move: Move, name: str, words: str
) -> None:
    with pytest.raises(NotEligible) as refused:
        move(waiting, bob, User.objects.get(username=name))
    assert refused.value.message == words
    assert refused.value.field == "to_person"


def test_whoever_could_take_a_seat_is_offered(waiting: Request, entity: Any) -> None:
    offered = User.objects.filter(pk__in=people_to_take(waiting, staff_of(entity)))
    assert sorted(one.username for one in offered) == ["connie", "rita"]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"reason": " "}, CommentMissing),
        ({"expected_version": 2}, StaleVersion),
    ],
)
def test_a_reason_and_the_version_are_asked_for(
    waiting: Request,
    bob: Any,
    rita: Any,
    move: Move,
    table_counts: Any,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    before = table_counts()
    with pytest.raises(refusal):
        move(waiting, bob, rita, **changes)
    assert table_counts() == before


def test_nobody_of_this_number(
    define: Any, ask: Any, bob: Any, connie: Any, table_counts: Any
) -> None:
    define()
    made = ask()
    before = table_counts()
    with pytest.raises(NotEligible, match="Nobody decides nothing here"):
        reassign(
            request_id=made.pk, from_person_id=bob.pk, to_person_id=0, reason="x", actor=connie
        )
    assert table_counts() == before


def test_a_vote_that_is_given_is_not_moved_nor_is_what_is_decided(
    define: Any, ask: Any, bob: Any, bella: Any, rita: Any, move: Move, table_counts: Any
) -> None:
    define(stages=[{"role": "approver", "count": 2}])
    made = ask()
    approve(made, bob)
    with pytest.raises(SeatMissing):
        move(made, bob, rita)
    move(made, bella, rita)
    with pytest.raises(NotEligible, match="Bob has decided on it already"):
        move(made, rita, bob)
    made.refresh_from_db()
    approve(made, rita)
    before = table_counts()
    with pytest.raises(IllegalMove):
        move(made, bella, rita)
    assert table_counts() == before


def test_nobody_is_taken_from_a_later_step_that_needs_him(
    define: Any, ask: Any, bob: Any, rita: Any, move: Move, table_counts: Any
) -> None:
    define(stages=[*BOB_ALONE, {"role": "reviewer", "count": 1}])
    made = ask()
    before = table_counts()
    with pytest.raises(SeatsShort), transaction.atomic():
        move(made, bob, rita)
    made.refresh_from_db()
    assert (made.status, made.version, table_counts()) == (RequestStatus.PENDING, 1, before)


def test_a_move_stays_on_record(define: Any, ask: Any, bob: Any, bella: Any, move: Move) -> None:
    define(stages=BOB_ALONE)
    move(ask(), bob, bella)
    for change in (
        Reassignment.objects.all().delete,
        lambda: Reassignment.objects.update(reason="other"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_other_requests_are_as_they_were(
    define: Any, ask: Any, bob: Any, bella: Any, move: Move
) -> None:
    define(stages=BOB_ALONE)
    made, other = ask(subject(0)), ask(subject(1))
    move(made, bob, bella)
    assert inbox(bob) == [other]
    assert inbox(bella) == [made]

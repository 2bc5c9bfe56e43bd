"""Limits: who defines them, what they keep people from, and that everything agrees on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.approvals.errors import (
    AboveLimit,
    LimitInvalid,
    LimitMissing,
    RateExists,
    RateInvalid,
    RateMissing,
)
from apps.approvals.models import ExchangeRate, Limit, Request
from apps.approvals.selectors import (
    deadlock_of,
    eligible_approvers,
    inbox,
    limits_replaced_by,
    limits_seen_by,
    refusal_to_decide,
)
from apps.approvals.services import (
    decide,
    define_limit,
    enter_rate,
    recheck_requests,
    retire_limit,
    withdraw,
)
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.common.errors import IllegalMove, Invalid, NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.identity.services import grant_role
from apps.operations.models import OutboxMessage
from tests.approvals.conftest import OTHER_HASH, subject

KIND = "journal_entry"
LONG_AGO = date(2023, 1, 1)


def today() -> date:
    """By the clock of our entity."""
    return timezone.localdate(timezone=ZoneInfo("Europe/Amsterdam"))


@pytest.fixture
def limit(entity: Any, connie: Any) -> Callable[..., Limit]:
    """Define a limit: `limit("reviewer", 10_000)`, `limit(bob, 70)`."""

    def make(whose: Any, amount: Any, **changes: Any) -> Limit:
        holder = {"role": whose} if isinstance(whose, str) else {"user_id": whose.pk}
        wanted = {"item_type": KIND, "currency": "EUR", "starts_on": LONG_AGO, "actor": connie}
        return define_limit(
            entity_id=entity.pk, amount=Decimal(amount), **(holder | wanted | changes)
        )

    return make


@pytest.fixture
def rate(entity: Any, connie: Any) -> Callable[..., ExchangeRate]:
    """Enter a rate: `rate("0.8")`, dollars in euros, of today."""

    def make(worth: str, days_old: int = 0, **changes: Any) -> ExchangeRate:
        wanted = {
            "currency": "USD",
            "quote": "EUR",
            "quoted_on": today() - timedelta(days=days_old),
            "source": "Central bank",
            "actor": connie,
        }
        return enter_rate(entity_id=entity.pk, rate=Decimal(worth), **(wanted | changes))

    return make


@pytest.fixture
def asked(define: Any, ask: Any) -> Callable[..., Request]:
    """Ask for a journal entry of this amount: `asked("12450.50")`."""
    define(KIND)
    about = iter(range(50))

    def make(amount: str | None, currency: str = "EUR", **facts: Any) -> Request:
        size = {} if amount is None else {"amount": Decimal(amount), "currency": currency}
        made: Request = ask(subject(next(about)), item_type=KIND, **size, **facts)
        return made

    return make


def approve(request: Request, actor: Any) -> Request:
    return decide(
        request_id=request.pk,
        verdict="approve",
        comment="",
        attested=True,
        expected_version=Request.objects.get(pk=request.pk).version,
        actor=User.objects.get(pk=actor.pk),
    )


def agree(request: Request, actor: Any, may: bool) -> None:
    """Rule, inbox, the list of who could and the decision itself say the same."""
    reader = User.objects.get(pk=actor.pk)
    asked = Request.objects.get(pk=request.pk)
    assert (refusal_to_decide(asked, reader) is None) is may
    assert (actor in eligible_approvers(asked)) is may
    assert (asked in inbox(reader)) is (may and asked.status == RequestStatus.PENDING)


def test_a_limit_tells_what_it_took_the_place_of(limit: Any, bob: Any) -> None:
    first = limit("approver", 70)
    other = limit(bob, 80)
    assert limits_replaced_by(first) == limits_replaced_by(other) == []
    assert limits_replaced_by(limit("approver", 90)) == [first]


# --- Deciding -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "may"),
    [
        ("10000.00", True),
        ("-10000.00", True),
        ("10000.01", False),
        ("-10000.01", False),
        ("0.01", True),
        (None, True),
    ],
)
def test_a_limit_is_inclusive(
    limit: Any, asked: Any, bob: Any, person: Any, entity: Any, amount: str | None, may: bool
) -> None:
    bella = person("bella", "approver", on=entity)
    limit(bob, 10_000)
    limit(bella, 10**9)
    made = asked(amount)
    agree(made, bob, may)
    agree(made, bella, True)
    if may:
        assert approve(made, bob).status == RequestStatus.APPROVED
    else:
        with pytest.raises(AboveLimit):
            approve(made, bob)


def test_the_refusal_names_limit_and_amount(limit: Any, asked: Any, bob: Any) -> None:
    limit("approver", 10_000)
    made = asked("12450.5")
    refusal = refusal_to_decide(made, bob)
    assert isinstance(refusal, AboveLimit)
    assert refusal.message == (
        "This is 12,450.50 EUR, and your limit for journal entry is 10,000.00 EUR."
    )
    assert refusal.details["limit"] == "10000.0000"
    assert made.status == RequestStatus.BLOCKED


def test_who_has_no_limit_may_approve_nothing_once_there_are_limits(
    limit: Any, asked: Any, ask: Any, define: Any, bob: Any, rita: Any
) -> None:
    first = asked("5")
    agree(first, bob, True)
    limit("reviewer", 10_000)
    agree(first, bob, False)
    refusal = refusal_to_decide(first, bob)
    assert isinstance(refusal, LimitMissing)
    assert "you have no limit today" in refusal.message
    agree(asked(None), bob, True)  # what has no amount has nothing to compare
    define("reconciliation")
    other = ask(subject(40), amount=Decimal(10**6), currency="EUR")
    agree(other, bob, True)  # another kind


def test_ones_own_limit_goes_before_that_of_the_role(
    limit: Any, asked: Any, bob: Any, person: Any, entity: Any
) -> None:
    bella = person("bella", "approver", on=entity)
    limit("approver", 10_000)
    limit(bob, 100)
    made = asked("5000")
    agree(made, bob, False)
    agree(made, bella, True)


def test_of_several_roles_the_highest_limit_counts(
    limit: Any, asked: Any, bob: Any, entity: Any, system: Any
) -> None:
    grant_role(user_id=bob.pk, role="controller", entity_id=entity.pk, actor=system)
    limit("approver", 10_000)
    limit("controller", 1_000_000)
    agree(asked("999999.99"), bob, True)


@pytest.mark.parametrize(
    ("starts", "ends", "may"),
    [(0, None, True), (1, None, True), (-5, 0, True), (-5, -1, False)],
)
def test_a_limit_holds_from_its_first_to_its_last_day(
    limit: Any, asked: Any, bob: Any, starts: int, ends: int | None, may: bool
) -> None:
    limit(
        "approver",
        10_000,
        starts_on=today() + timedelta(days=starts),
        ends_on=None if ends is None else today() + timedelta(days=ends),
    )
    agree(asked("5"), bob, may)  # one that has not begun limits nothing yet


def test_a_decision_keeps_how_much_the_approver_could_approve(
    limit: Any, asked: Any, bob: Any
) -> None:
    free = asked("5")
    approve(free, bob)
    assert free.decisions.get().limit_amount is None
    limit("approver", 10_000)
    made = asked("5")
    approve(made, bob)
    assert made.decisions.get().limit_amount == 10_000


# --- Other currencies -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("worth", "days_old", "amount", "may"),
    [
        (None, 0, "1", False),
        ("0.8", 0, "12500.00", True),
        ("0.8", 0, "12500.01", False),
        ("0.8", 7, "12500.00", True),
        ("0.8", 8, "1", False),
    ],
)
def test_another_currency_is_converted_and_without_a_rate_refused(
    limit: Any, rate: Any, asked: Any, bob: Any, worth: Any, days_old: int, amount: str, may: bool
) -> None:
    limit("approver", 10_000)
    if worth:
        rate(worth, days_old)
    made = asked(amount, currency="USD")
    agree(made, bob, may)
    refusal = refusal_to_decide(made, bob)
    if worth is None or days_old == 8:
        assert isinstance(refusal, RateMissing)
        assert "no rate of the last 7 days says what that is in USD" in refusal.message
    elif not may:
        assert isinstance(refusal, AboveLimit)


def test_a_rate_releases_what_waited_for_it(
    limit: Any, rate: Any, asked: Any, bob: Any, entity: Any
) -> None:
    limit("approver", 10_000)
    made = asked("100", currency="USD")
    found = deadlock_of(made)
    assert found is not None
    assert found.barred == ("Bob has a limit of 10,000.00 EUR, which no rate compares with USD.",)
    rate("0.8")
    assert OutboxMessage.objects.get().arguments == {"entity_id": entity.pk}
    assert recheck_requests(entity_id=entity.pk) == [made.pk]
    agree(made, bob, True)


# --- Nobody can -----------------------------------------------------------------------------


def test_a_request_above_every_limit_is_blocked_and_says_what_would_solve_it(
    limit: Any, asked: Any, bob: Any, rita: Any, person: Any, entity: Any
) -> None:
    person("bella", "approver", on=entity)
    limit(bob, 10_000)
    made = asked("12450.5")
    assert made.status == RequestStatus.BLOCKED
    found = deadlock_of(made)
    assert found is not None
    assert found.barred == (
        "Bella has no limit for journal entry.",
        "Bob may approve up to 10,000.00 EUR.",
    )
    assert found.remedies[0] == (
        "A controller defines a limit of at least 12,450.50 EUR for somebody who took no part"
        " in it."
    )
    raised = limit(bob, 20_000)
    recheck_requests(entity_id=entity.pk)
    assert Request.objects.get(pk=made.pk).status == RequestStatus.PENDING
    limit(bob, 5)
    recheck_requests(entity_id=entity.pk)
    assert Request.objects.get(pk=made.pk).status == RequestStatus.BLOCKED
    raised.refresh_from_db()
    assert raised.retired_at is not None


# --- Splits ---------------------------------------------------------------------------------


@pytest.fixture
def two(bob: Any, person: Any, entity: Any, limit: Any) -> Any:
    """Bob up to 10,000, Bella as much as she likes."""
    bella = person("bella", "approver", on=entity)
    limit(bob, 10_000)
    limit(bella, 10**9)
    return bella


def test_pieces_are_measured_together(two: Any, asked: Any, bob: Any, entity: Any) -> None:
    first = asked("6000", split_key="Acme")
    agree(first, bob, True)
    second = asked("-6000", split_key="Acme")
    assert (second.split_amount, second.exposure) == (Decimal(6_000), Decimal(12_000))
    agree(second, bob, False)
    refusal = refusal_to_decide(second, bob)
    assert refusal is not None
    assert "12,000.00 EUR together with what else Alice asked for under Acme" in refusal.message
    with pytest.raises(AboveLimit):  # the inbox learns it from the worker, the decision at once
        approve(first, bob)
    assert recheck_requests(entity_id=entity.pk) == [first.pk]
    agree(first, bob, False)
    assert Event.objects.get(action="approvals.request.measure").details == {
        "former": "0.0000",
        "split_amount": "6000.0000",
    }
    assert approve(first, two).status == RequestStatus.APPROVED
    agree(second, bob, False)  # what is approved still counts


def test_a_piece_that_is_taken_back_does_not_count_any_more(
    two: Any, asked: Any, alice: Any, bob: Any, entity: Any
) -> None:
    first, second = asked("6000", split_key="Acme"), asked("6000", split_key="Acme")
    OutboxMessage.objects.all().delete()
    withdraw(request_id=first.pk, reason="x", actor=alice)
    assert OutboxMessage.objects.get().task == "apps.approvals.tasks.recheck_requests"
    assert recheck_requests(entity_id=entity.pk) == [second.pk]
    agree(second, bob, True)


@pytest.mark.parametrize(
    ("facts", "days_before"),
    [
        ({"split_key": "Bolt"}, 0),
        ({"split_key": ""}, 0),
        ({"split_key": "Acme", "currency": "USD"}, 0),
        ({"split_key": "Acme"}, 8),
    ],
)
def test_what_does_not_belong_together_is_not_added_up(
    two: Any, asked: Any, facts: dict[str, Any], days_before: int
) -> None:
    first = asked("6000", **facts)
    with transaction.atomic():
        from apps.audit.services import record

        requested_at = timezone.now() - timedelta(days=days_before)
        Request.objects.filter(pk=first.pk).update(requested_at=requested_at)
        record(actor=first.maker, action="test.request.age", subject=first)
    assert asked("6000", split_key="Acme").split_amount == 0


def test_the_policy_is_chosen_by_the_whole_amount(define: Any, ask: Any, bob: Any) -> None:
    small = define(KIND, currency="EUR", below_amount=Decimal(10_000))
    large = define(
        KIND,
        currency="EUR",
        least_amount=Decimal(10_000),
        stages=[{"role": "approver", "count": 2}],
    )
    facts = {
        "item_type": KIND,
        "amount": Decimal(6_000),
        "currency": "EUR",
        "split_key": "Acme",
    }
    assert ask(subject(0), **facts).policy == small
    assert ask(subject(1), **facts).policy == large


def test_the_next_round_about_the_same_subject_is_no_second_piece(define: Any, ask: Any) -> None:
    define(KIND)
    facts = {
        "item_type": KIND,
        "amount": Decimal(6_000),
        "currency": "EUR",
        "split_key": "Acme",
    }
    ask(subject(0), **facts)
    assert ask(subject(0), subject_hash=OTHER_HASH, **facts).split_amount == 0


# --- Defining -------------------------------------------------------------------------------


def test_a_limit_takes_the_place_of_those_that_it_touches(limit: Any, bob: Any) -> None:
    year = limit("approver", 10, starts_on=date(2023, 1, 1), ends_on=date(2023, 12, 31))
    later = limit("approver", 20, starts_on=date(2024, 1, 1))
    others = [limit("reviewer", 1), limit(bob, 1), limit("approver", 1, item_type="write_off")]
    assert Limit.objects.standing().count() == 5
    new = limit("approver", 30, starts_on=date(2023, 6, 1), ends_on=date(2023, 12, 31))
    year.refresh_from_db()
    assert year.retired_at is not None
    assert set(Limit.objects.standing()) == {new, later, *others}
    event = Event.objects.filter(action="approvals.limit.define").latest("pk")
    assert event.details["replaced"] == [year.pk]
    assert str(new) == "approver: journal_entry up to 30 EUR"
    assert str(others[1]) == "Bob: journal_entry up to 1 EUR"


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("alice", {}, NotPermitted),
        ("bob", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("ada", {}, NotPermitted),
        ("charlie", {}, NotVisible),
        ("victor", {}, NotVisible),
        ("connie", {"role": "", "user_id": "connie"}, NotPermitted),
        ("connie", {"role": ""}, LimitInvalid),
        ("connie", {"user_id": "bob"}, LimitInvalid),
        ("connie", {"role": "preparer"}, LimitInvalid),
        ("connie", {"role": "king"}, LimitInvalid),
        ("connie", {"role": "", "user_id": "alice"}, LimitInvalid),
        ("connie", {"role": "", "user_id": "charlie"}, LimitInvalid),
        ("connie", {"item_type": ""}, LimitInvalid),
        ("connie", {"amount": Decimal(-1)}, LimitInvalid),
        ("connie", {"amount": Decimal("0.001")}, Invalid),
        ("connie", {"amount": Decimal("NaN")}, Invalid),
        ("connie", {"currency": "XXQ"}, Invalid),
        ("connie", {"ends_on": date(2022, 12, 31)}, LimitInvalid),
    ],
)
def test_refused_limits_change_nothing(
    request: pytest.FixtureRequest,
    entity: Any,
    bob: Any,
    alice: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    if "user_id" in changes:
        changes = {**changes, "user_id": request.getfixturevalue(changes["user_id"]).pk}
    wanted: dict[str, Any] = {
        "role": "approver",
        "item_type": KIND,
        "amount": Decimal(10),
        "currency": "EUR",
        "starts_on": LONG_AGO,
    }
    before = table_counts()
    with pytest.raises(refusal):
        define_limit(entity_id=entity.pk, actor=actor, **(wanted | changes))
    assert table_counts() == before


def test_retiring_the_last_limit_lifts_them(limit: Any, asked: Any, bob: Any, connie: Any) -> None:
    made = limit("reviewer", 10_000)
    request = asked("5")
    agree(request, bob, False)
    retire_limit(limit_id=made.pk, actor=connie)
    agree(request, bob, True)
    with pytest.raises(IllegalMove):
        retire_limit(limit_id=made.pk, actor=connie)


@pytest.mark.parametrize(
    ("who", "refusal"),
    [("alice", NotPermitted), ("bob", NotPermitted), ("charlie", NotVisible)],
)
def test_others_retire_nothing(
    request: pytest.FixtureRequest,
    limit: Any,
    table_counts: Any,
    who: str,
    refusal: type[Refusal],
) -> None:
    made = limit("reviewer", 1)
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        retire_limit(limit_id=made.pk, actor=actor)
    assert table_counts() == before
    assert Limit.objects.standing().count() == 1


def test_nobody_retires_his_own(
    entity: Any, limit: Any, connie: Any, person: Any, table_counts: Any
) -> None:
    carla = person("carla", "controller", on=entity)
    own = limit(connie, 5, actor=carla)
    before = table_counts()
    with pytest.raises(NotPermitted):
        retire_limit(limit_id=own.pk, actor=connie)
    assert table_counts() == before
    assert Limit.objects.standing().get() == own


@pytest.mark.parametrize(
    "facts",
    [
        {"role": "approver", "user": True},
        {"role": ""},
        {"role": "approver", "amount": -1},
        {"role": "approver", "ends_on": date(2022, 1, 1)},
    ],
)
def test_the_database_refuses_limits_that_make_no_sense(
    entity: Any, connie: Any, facts: dict[str, Any]
) -> None:
    if facts.pop("user", False):
        facts = {**facts, "user": connie}
    wanted = {"amount": 1, "currency": "EUR", "item_type": KIND, "starts_on": LONG_AGO} | facts
    with pytest.raises(IntegrityError), transaction.atomic():
        Limit.objects.create(entity=entity, created_by=connie, **wanted)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"rate": Decimal(0)}, RateInvalid),
        ({"rate": Decimal("-1")}, RateInvalid),
        ({"rate": Decimal("Infinity")}, RateInvalid),
        ({"quote": "USD"}, RateInvalid),
        ({"quoted_on": 1}, RateInvalid),
        ({"source": " "}, RateInvalid),
        ({"currency": "XXQ"}, Invalid),
        ({"quoted_on": -3}, RateExists),
        ({"actor": "bob"}, NotPermitted),
        ({"actor": "charlie"}, NotVisible),
    ],
)
def test_refused_rates_change_nothing(
    request: pytest.FixtureRequest,
    entity: Any,
    connie: Any,
    rate: Any,
    table_counts: Any,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    rate("0.7", days_old=3)
    facts: dict[str, Any] = {
        "currency": "USD",
        "quote": "EUR",
        "quoted_on": today(),
        "rate": Decimal("0.8"),
        "source": "Bank",
        "actor": connie,
    } | changes
    if isinstance(facts["quoted_on"], int):
        facts["quoted_on"] = today() + timedelta(days=facts["quoted_on"])
    if isinstance(facts["actor"], str):
        facts["actor"] = request.getfixturevalue(facts["actor"])
    before = table_counts()
    with pytest.raises(refusal):
        enter_rate(entity_id=entity.pk, **facts)
    assert table_counts() == before


def test_a_rate_says_what_it_is(rate: Any) -> None:
    assert str(rate("0.80")) == f"1 USD = 0.8 EUR on {today()}"


def test_limits_are_for_those_who_may_see_them(limit: Any, bob: Any, charlie: Any) -> None:
    made = limit("reviewer", 1)
    assert list(limits_seen_by(bob)) == [made]
    assert list(limits_seen_by(charlie)) == []

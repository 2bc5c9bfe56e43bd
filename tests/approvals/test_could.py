"""Who could have approved then: what the rule of the decision said then, whatever changed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.approvals.errors import AmountMissing, InstantInFuture
from apps.approvals.models import Conflict, Delegation, Limit, Request, Waiver
from apps.approvals.rules import Evidence
from apps.approvals.selectors.could import (
    Answer,
    Candidate,
    who_could,
    who_could_approve_such,
)
from apps.approvals.selectors.deciders import decider_or_refusal
from apps.approvals.selectors.staff import staff_of
from apps.approvals.services import (
    attach,
    cancel_leave,
    decide,
    define_limit,
    define_policy,
    delegate,
    enter_rate,
    plan_leave,
    reassign,
    recheck_requests,
    retire_limit,
    revoke_delegation,
    withdraw,
)
from apps.approvals.states import RequestStatus
from apps.common.errors import NotPermitted, Refusal
from apps.identity.models import User
from apps.identity.services import deactivate_user, grant_role, reactivate_user, revoke_role
from tests.approvals.test_absence import today

pytestmark = pytest.mark.django_db

TWO = ({"role": "approver", "count": 1}, {"people": ["beth", "connie"], "count": 1})
PEOPLE = ("rita", "bob", "beth", "connie")


@pytest.fixture
def beth(person: Any, entity: Any) -> Any:
    return person("beth", "approver", on=entity)


@pytest.fixture
def cast(rita: Any, bob: Any, beth: Any, connie: Any) -> tuple[User, ...]:
    return (rita, bob, beth, connie)


def fresh(user: Any) -> User:
    return User.objects.get(pk=user.pk)


def live(request: Request) -> dict[str, str]:
    """Person to the code of the refusal that `decide` would answer with now; empty: he could."""
    asked = Request.objects.get(pk=request.pk)
    staff = staff_of(asked.entity)
    found = {}
    for name in PEOPLE:
        answer = decider_or_refusal(asked, User.objects.get(username=name), staff)
        found[name] = answer.code if isinstance(answer, NotPermitted) else ""
    return found


def told(answer: Answer) -> dict[str, str]:
    return {one.person.username: one.code for one in answer.candidates if one.part != "made it"}


def of(answer: Answer, name: str) -> Candidate:
    return next(one for one in answer.candidates if one.person.username == name)


# --- The same answer as the decision ------------------------------------------------------------


class World:
    """What may happen to one request and to the people around it; refusals are part of it."""

    def __init__(self, entity: Any, system: Any, request: Request, cast: tuple[User, ...]) -> None:
        self.entity, self.system, self.request = entity, system, request
        self.cast = {one.username: one for one in cast}

    def person(self, name: str) -> User:
        return fresh(self.cast[name])

    def role(self, name: str) -> None:
        user, known = self.cast[name], {"entity_id": self.entity.pk, "actor": self.system}
        change = revoke_role if "approver" in fresh(user).roles_on() else grant_role
        change(user_id=user.pk, role="approver", **known)

    def account(self, name: str) -> None:
        user = fresh(self.cast[name])
        change = deactivate_user if user.is_active else reactivate_user
        change(user_id=user.pk, actor=self.system)

    def limit(self, name: str) -> None:
        define_limit(
            entity_id=self.entity.pk,
            item_type="reconciliation",
            amount=Decimal(50 + 100 * (name > "c")),
            currency="USD" if name == "rita" else "EUR",
            starts_on=today(),
            user_id=self.cast[name].pk,
            actor=self.system,
        )

    def no_limit(self, name: str) -> None:
        for limit in Limit.objects.standing().filter(user=self.cast[name]):
            retire_limit(limit_id=limit.pk, actor=self.system)

    def leave(self, name: str) -> None:
        user = self.person(name)
        there = user.leaves.standing().first()  # type: ignore[attr-defined]
        if there is not None:
            cancel_leave(leave_id=there.pk, actor=user)
            return
        plan_leave(person_id=user.pk, starts_on=today(), ends_on=today(), actor=user)

    def hand_over(self, name: str) -> None:
        user = self.person(name)
        taker = self.cast[PEOPLE[(PEOPLE.index(name) + 1) % len(PEOPLE)]]
        there = Delegation.objects.standing().filter(delegator=user).first()
        if there is not None:
            revoke_delegation(delegation_id=there.pk, actor=user)
            return
        delegate(
            entity_id=self.entity.pk,
            delegate_id=taker.pk,
            starts_on=today(),
            ends_on=today(),
            reason="x",
            actor=user,
        )

    def take_part(self, name: str) -> None:
        if name in ("rita", "connie"):  # who may ask, may add evidence
            words = Evidence.in_words("explanation", f"From {name}.")
            attach(request_id=self.request.pk, evidence=words, actor=self.person(name))

    def give_seat(self, name: str) -> None:
        taker = self.cast[PEOPLE[(PEOPLE.index(name) + 2) % len(PEOPLE)]]
        reassign(
            request_id=self.request.pk,
            from_person_id=self.cast[name].pk,
            to_person_id=taker.pk,
            reason="x",
            actor=self.system if name == "connie" else self.person("connie"),
        )

    def waive(self, name: str) -> None:
        given = {"entity": self.entity, "person": self.cast[name]}
        if Waiver.objects.standing().filter(**given).update(revoked_at=timezone.now()):
            return
        Waiver.objects.create(
            **given,
            item_type="reconciliation",
            starts_on=today(),
            ends_on=today(),
            proposed_by=self.system,
            signed_by=self.request.maker,
            signed_at=timezone.now(),
        )

    def approve(self, name: str) -> None:
        now = Request.objects.get(pk=self.request.pk)
        decide(
            request_id=now.pk,
            verdict="approve",
            comment="",
            attested=True,
            expected_version=now.version,
            actor=self.person(name),
        )


STEPS = (
    *("role", "account", "limit", "no_limit", "leave", "hand_over"),
    *("take_part", "give_seat", "waive", "approve"),
)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(STEPS), st.sampled_from(PEOPLE)), min_size=1, max_size=7
    )
)
def test_it_says_of_every_instant_what_the_rule_said_then(
    steps: list[tuple[str, str]],
    define: Any,
    ask: Any,
    cast: tuple[User, ...],
    entity: Any,
    system: Any,
    settings: Any,
) -> None:
    settings.CELERY_TASK_ALWAYS_EAGER = False
    with transaction.atomic():
        define(stages=TWO)
        request = ask(amount=Decimal(100), currency="EUR")
        world = World(entity, system, request, cast)
        seen: list[tuple[datetime, dict[str, str], str]] = []
        for step, name in (("role", "rita"), ("take_part", "connie"), *steps):
            try:
                getattr(world, step)(name)
            except Refusal:
                continue
            seen.append((timezone.now(), live(request), Request.objects.get(pk=request.pk).status))
        request = Request.objects.get(pk=request.pk)
        for at, then, status in seen:
            answer = who_could(request, at, actor=system)
            assert answer.request is not None
            assert told(answer) == then, (at, steps)
            assert answer.request.status == status
            could = {name for name, code in then.items() if not code}
            is_waiting = status == RequestStatus.PENDING
            assert {one.person.username for one in answer.able} == (could if is_waiting else set())
        assert told(who_could(request, timezone.now(), actor=system)) == live(request)
        transaction.set_rollback(True)


# --- Each fact, at its own day ------------------------------------------------------------------


@pytest.fixture
def asked(define: Any, ask: Any, cast: tuple[User, ...]) -> Request:
    """Asked for thirty days ago, under a policy of then."""
    policy = define()
    made: Request = ask(amount=Decimal(100), currency="EUR")
    long_ago = timezone.now() - timedelta(days=40)
    type(policy).objects.filter(pk=policy.pk).update(in_force_at=long_ago)
    Request.objects.filter(pk=made.pk).update(requested_at=days_ago(30))
    for table, column in (
        ("approvals_conflict", "noted_at"),
        ("approvals_historicalrequest", "history_date"),
        ("audit_event", "occurred_at"),
        ("identity_historicaluser", "history_date"),
    ):
        past_guards(table, f"UPDATE {table} SET {column} = %s", days_ago(30))
    User.objects.update(date_joined=long_ago)
    return Request.objects.get(pk=made.pk)


def past_guards(table: str, change: str, *values: Any) -> None:
    """Change what nobody can change, to have a past."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(change, values)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def days_ago(number: float) -> datetime:
    return timezone.now() - timedelta(days=number)


def day_ago(number: int) -> date:
    return today() - timedelta(days=number)


def test_a_limit_of_then_with_the_rate_of_then(
    asked: Request, bob: Any, connie: Any, otto: Any, entity: Any
) -> None:
    limit = define_limit(
        entity_id=entity.pk,
        item_type="reconciliation",
        amount=Decimal(100),
        currency="USD",
        starts_on=day_ago(30),
        user_id=bob.pk,
        actor=connie,
    )
    for on, rate in ((20, "1.5"), (12, "0.5")):
        enter_rate(
            entity_id=entity.pk,
            currency="EUR",
            quote="USD",
            quoted_on=day_ago(on),
            rate=Decimal(rate),
            source="Central bank",
            actor=connie,
        )
    Limit.objects.filter(pk=limit.pk).update(defined_at=days_ago(25))
    retire_limit(limit_id=limit.pk, actor=connie)
    _entered(days_ago(25))

    def at(number: float) -> Candidate:
        return of(who_could(asked, days_ago(number), actor=otto), "bob")

    assert (at(27).could, at(27).limit) == (True, "not limited")  # nobody had defined it yet
    assert (at(22).code, at(22).limit) == ("RATE_MISSING", "100.00 USD, no rate to EUR")
    assert (at(19).code, at(19).why) == ("ABOVE_LIMIT", "above the limit")
    assert (at(11).could, at(11).limit) == (True, "100.00 USD")
    assert at(0).limit == "not limited"  # retired by now
    beth = of(who_could(asked, days_ago(11), actor=otto), "beth")
    assert (beth.code, beth.limit) == ("LIMIT_MISSING", "none")


def _entered(at: datetime) -> None:
    """As if all rates had been entered then."""
    table = "approvals_exchangerate"
    past_guards(table, f"UPDATE {table} SET entered_at = %s", at)


def test_a_rate_that_was_entered_later_was_not_known_then(
    asked: Request, bob: Any, connie: Any, otto: Any, entity: Any
) -> None:
    made = define_limit(
        entity_id=entity.pk,
        item_type="reconciliation",
        amount=Decimal(100),
        currency="USD",
        starts_on=day_ago(30),
        user_id=bob.pk,
        actor=connie,
    )
    Limit.objects.filter(pk=made.pk).update(defined_at=days_ago(25))
    enter_rate(
        entity_id=entity.pk,
        currency="EUR",
        quote="USD",
        quoted_on=day_ago(20),
        rate=Decimal(1),
        source="Central bank",
        actor=connie,
    )
    assert of(who_could(asked, days_ago(19), actor=otto), "bob").code == "RATE_MISSING"


def test_absence_of_then(asked: Request, bob: Any, beth: Any, otto: Any, entity: Any) -> None:
    leave = plan_leave(person_id=bob.pk, starts_on=today(), ends_on=today(), actor=bob)
    given = delegate(
        entity_id=entity.pk,
        delegate_id=bob.pk,
        starts_on=today(),
        ends_on=today(),
        reason="x",
        item_type="write_off",
        actor=beth,
    )
    type(leave).objects.update(
        starts_on=day_ago(12), ends_on=day_ago(8), planned_at=days_ago(11), cancelled_at=days_ago(9)
    )
    type(given).objects.update(
        starts_on=day_ago(7), ends_on=day_ago(5), delegated_at=days_ago(7), item_type=""
    )

    def at(number: float, name: str) -> tuple[str, str]:
        one = of(who_could(asked, days_ago(number), actor=otto), name)
        return one.code, one.presence

    assert at(11.5, "bob") == ("", "here")  # the leave was planned later
    assert at(10, "bob") == ("AWAY", "away")
    assert at(8.5, "bob") == ("", "here")  # cancelled by then
    assert at(6, "beth") == ("HANDED_OVER", "handed over to Bob")
    assert at(6, "bob") == ("", "stood in for Beth")
    assert at(3, "beth") == ("", "here")


def test_who_stands_in_and_holds_no_role_any_more_could_not(
    define: Any, ask: Any, bob: Any, beth: Any, otto: Any, entity: Any, system: Any
) -> None:
    define()
    made = ask()
    delegate(
        entity_id=entity.pk,
        delegate_id=bob.pk,
        starts_on=today(),
        ends_on=today(),
        reason="x",
        actor=beth,
    )
    revoke_role(user_id=bob.pk, role="approver", entity_id=entity.pk, actor=system)
    assert of(who_could(made, timezone.now(), actor=otto), "bob").code == "ROLE_MISSING"
    assert of(who_could(made, timezone.now(), actor=otto), "beth").could


def test_a_delegation_of_another_kind_is_none(
    asked: Request, bob: Any, beth: Any, otto: Any, entity: Any
) -> None:
    delegate(
        entity_id=entity.pk,
        delegate_id=bob.pk,
        starts_on=today(),
        ends_on=today(),
        reason="x",
        item_type="write_off",
        actor=beth,
    )
    assert of(who_could(asked, timezone.now(), actor=otto), "beth").presence == "here"


def test_why_in_words(
    define: Any, ask: Any, cast: tuple[User, ...], otto: Any, entity: Any, system: Any, alice: Any
) -> None:
    rita, bob, beth, connie = cast
    grant_role(user_id=rita.pk, role="approver", entity_id=entity.pk, actor=system)
    define(stages=({"role": "approver", "count": 2}, {"role": "controller", "count": 1}))
    made = ask(conflicted=[beth])
    decide(
        request_id=made.pk, verdict="approve", comment="", attested=True, expected_version=1,
        actor=bob,
    )  # fmt: skip
    handed = {"starts_on": today(), "ends_on": today(), "reason": "x", "entity_id": entity.pk}
    delegate(delegate_id=connie.pk, **handed, actor=beth)
    words = {
        one.person.username: one.why
        for one in who_could(made, timezone.now(), actor=otto).candidates
    }
    assert words == {
        "alice": "had made it",
        "bob": "had decided on it",
        "beth": "had a hand in it",
        "connie": "stood in for somebody who had a hand in it",
        "rita": "could",
    }
    delegate(delegate_id=connie.pk, **handed, actor=bob)
    revoke_delegation(delegation_id=given_by(beth), actor=beth)
    deactivate_user(user_id=rita.pk, actor=system)
    later = who_could(made, timezone.now(), actor=otto)
    assert of(later, "connie").why == "stood in for somebody who had decided on it"
    assert of(later, "rita").why == "had no account that was active"
    assert of(later, "rita").roles == ("approver", "reviewer")
    reactivate_user(user_id=rita.pk, actor=system)
    revoke_delegation(delegation_id=given_by(bob), actor=bob)
    delegate(delegate_id=connie.pk, **handed, actor=fresh(rita))
    assert of(who_could(made, timezone.now(), actor=otto), "connie").why == (
        "could, in somebody's place"
    )


def given_by(giver: Any) -> int:
    return Delegation.objects.standing().get(delegator=giver).pk


def test_a_seat_that_went_to_somebody_else(
    define: Any, ask: Any, cast: tuple[User, ...], otto: Any, connie: Any
) -> None:
    rita, bob, beth, _ = cast
    define()
    made = ask()
    before = timezone.now()
    reassign(
        request_id=made.pk,
        from_person_id=bob.pk,
        to_person_id=rita.pk,
        reason="x",
        expected_version=made.version,
        actor=connie,
    )
    then, now = (who_could(made, at, actor=otto) for at in (before, timezone.now()))
    assert {one.person for one in then.able} == {bob, beth}
    assert {one.person for one in now.able} == {rita, beth}
    assert (of(now, "bob").code, of(now, "bob").why) == ("HANDED_OVER", "had handed it over")


def test_a_waiver_of_then(asked: Request, bob: Any, otto: Any, alice: Any, system: Any) -> None:
    Conflict.objects.bulk_create([Conflict(request=asked, user=bob, noted_at=days_ago(25))])
    Waiver.objects.create(
        entity=asked.entity,
        person=bob,
        item_type="reconciliation",
        starts_on=day_ago(20),
        ends_on=day_ago(10),
        proposed_by=system,
        signed_by=alice,
        signed_at=days_ago(18),
        revoked_by=alice,
        revoked_at=days_ago(12),
    )

    def at(number: float) -> tuple[bool, str]:
        one = of(who_could(asked, days_ago(number), actor=otto), "bob")
        return one.could, one.why

    assert at(27) == (True, "could")
    assert at(19) == (False, "had a hand in it")  # one signature
    assert at(15) == (True, "could, under a waiver")
    assert at(11) == (False, "had a hand in it")  # revoked


def test_what_is_over_is_told_as_over(
    define: Any, ask: Any, cast: Any, alice: Any, otto: Any
) -> None:
    define()
    made = ask()
    before = timezone.now()
    withdraw(request_id=made.pk, reason="x", actor=alice)
    made = Request.objects.get(pk=made.pk)
    answer = who_could(made, timezone.now(), actor=otto)
    assert (answer.able, answer.standing) == ((), "Nobody could decide on it: withdrawn.")
    then = who_could(made, before, actor=otto)
    assert [one.person.username for one in then.able] == ["beth", "bob"]
    assert then.standing == "It waited for 1 approver."


def test_before_it_was_asked_for_it_is_told_as_if(
    asked: Request, bob: Any, connie: Any, otto: Any
) -> None:
    answer = who_could(asked, days_ago(31), actor=otto)
    assert answer.gaps[0].startswith("It had not been asked for yet")
    assert of(answer, "alice").part == "made it"


# --- What is not on record ----------------------------------------------------------------------


def test_what_is_not_on_record_is_said(
    define: Any, ask: Any, cast: tuple[User, ...], otto: Any, entity: Any
) -> None:
    bob = cast[1]
    define()
    made = ask(conflicted=[cast[2]])
    assert who_could(made, timezone.now(), actor=otto).gaps == ()
    past_guards("approvals_conflict", "UPDATE approvals_conflict SET noted_at = NULL")
    past_guards("audit_event", "DELETE FROM audit_event")
    past_guards(
        "identity_historicaluser", f"DELETE FROM identity_historicaluser WHERE id = {bob.pk}"
    )
    past_guards("approvals_historicalrequest", "DELETE FROM approvals_historicalrequest")
    answer = who_could(made, timezone.now(), actor=otto)
    assert answer.gaps[0] == (
        "Since when 1 person took part is not on record: taken as from the beginning."
    )
    assert "Since when Bob held the role approver is not on record: taken as held." in answer.gaps
    assert answer.gaps[-1] == (
        "The history of the account of Bob begins later: taken as it is now."
    )
    assert of(answer, "bob").could
    Conflict.objects.bulk_create([Conflict(request=made, user=cast[3], noted_at=None)])
    assert "2 people took part" in who_could(made, timezone.now(), actor=otto).gaps[0]


def test_who_had_no_account_yet_could_not(
    asked: Request, otto: Any, person: Any, entity: Any
) -> None:
    person("nina", "approver", on=entity)
    answer = who_could(asked, days_ago(5), actor=otto)
    assert (of(answer, "nina").why, of(answer, "nina").roles) == (
        "had no account that was active",
        (),
    )


def test_who_takes_part_without_ever_a_role_is_named(
    define: Any, ask: Any, cast: Any, victor: Any, otto: Any
) -> None:
    define()
    made = ask(conflicted=[victor])
    assert of(who_could(made, timezone.now(), actor=otto), "victor").part == "had a hand in it"


# --- What might have been -----------------------------------------------------------------------


def test_a_request_that_nobody_made(
    define: Any, cast: tuple[User, ...], entity: Any, otto: Any, connie: Any, system: Any
) -> None:
    wanted = {"entity": entity, "item_type": "write_off", "actor": otto, "maker": cast[1]}
    answer = who_could_approve_such(**wanted, at=timezone.now())
    assert (answer.request, answer.able) == (None, ())
    assert answer.standing == "No policy that was in force then asked for an approval."
    define("write_off", currency="EUR", least_amount=Decimal(100))
    first = timezone.now()
    define_policy(
        entity_id=entity.pk, item_type="write_off", stages=TWO, currency="EUR",
        least_amount=Decimal(100), actor=connie,
    )  # fmt: skip
    big = {"amount": Decimal(500), "currency": "EUR"}
    assert who_could_approve_such(**wanted, at=timezone.now()).request is None  # below the range
    then = who_could_approve_such(**wanted, **big, at=first)
    assert [one.person.username for one in then.able] == ["beth"]
    assert of(then, "bob").why == "had made it"
    now = who_could_approve_such(**wanted, **big, at=timezone.now())
    assert now.standing == "It waited for step 1 of 2, 1 approver."
    assert not Request.objects.exists()


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({"at": timezone.now() + timedelta(days=9)}, InstantInFuture),
        ({"amount": Decimal(5)}, AmountMissing),
        ({"currency": "EUR"}, AmountMissing),
        ({"actor": "bob"}, NotPermitted),
        ({"actor": "charlie"}, NotPermitted),
    ],
)
def test_questions_without_sense_or_right(
    facts: dict[str, Any], refusal: type[Refusal], entity: Any, bob: Any, charlie: Any, otto: Any
) -> None:
    people = {"bob": bob, "charlie": charlie}
    wanted = {"at": timezone.now(), "actor": otto, **facts}
    wanted["actor"] = people.get(str(facts.get("actor")), otto)
    with pytest.raises(refusal):
        who_could_approve_such(entity=entity, item_type="write_off", maker=bob, **wanted)


def test_the_future_is_refused_of_a_request_too(
    define: Any, ask: Any, bob: Any, otto: Any, alice: Any
) -> None:
    define()
    made = ask()
    with pytest.raises(InstantInFuture):
        who_could(made, timezone.now() + timedelta(hours=1), actor=otto)
    with pytest.raises(NotPermitted):
        who_could(made, timezone.now(), actor=alice)


def test_it_takes_the_same_queries_however_many_people_there_are(
    define: Any, ask: Any, cast: Any, otto: Any, person: Any, entity: Any
) -> None:
    define()
    made = ask()

    def queries() -> int:
        request = Request.objects.select_related("entity", "maker", "policy").get(pk=made.pk)
        with CaptureQueriesContext(connection) as run:
            who_could(request, timezone.now(), actor=otto)
        return len(run)

    queries()  # whoever asks is looked up once
    first = queries()
    for number in range(4):
        person(f"nina{number}", "approver", on=entity)
    assert queries() == first <= 15


def test_nobody_is_told_by_what_the_subject_s_app_says_now(
    define: Any, ask: Any, cast: Any, otto: Any, monkeypatch: Any
) -> None:
    from apps.approvals import registry

    define()
    made = ask()
    before = timezone.now()
    monkeypatch.setattr(registry, "_PARTICIPANTS", {})
    registry.register_participants("auth.permission", lambda pk: [cast[1].pk])
    assert of(who_could(made, before, actor=otto), "bob").could
    recheck_requests(entity_id=made.entity_id)
    assert of(who_could(made, before, actor=otto), "bob").could
    assert of(who_could(made, timezone.now(), actor=otto), "bob").part == "had a hand in it"

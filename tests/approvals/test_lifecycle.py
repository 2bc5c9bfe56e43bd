"""Whatever people do in whatever order: the requests are where a plain model says they are.

The model knows nothing of the product but the rules as the handbook has them. It checks that no
maker (nor who took part, or was asked for an opinion) approves, no limit is exceeded, no stage is
skipped, nobody decides twice, nobody has two seats, nothing that has ended comes back, and what was
acted upon is not revoked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from apps.approvals.models import Decision, Request
from apps.approvals.selectors import inbox, is_approved, refusal_to_decide
from apps.approvals.services import (
    answer,
    cancel_leave,
    consult,
    decide,
    define_limit,
    define_policy,
    delegate,
    plan_leave,
    reassign,
    recheck_requests,
    request_approval,
    revoke,
    revoke_delegation,
    supersede_requests,
    tend_request,
    use_approval,
    withdraw,
)
from apps.common.errors import Refusal
from apps.identity.models import Entity, User
from apps.identity.selectors import system_user
from apps.identity.services import create_user, grant_role, register_entity, revoke_role
from tests.approvals.conftest import subject

KIND = "journal_entry"
STAGES = ({"role": "reviewer", "count": 1}, {"role": "approver", "count": 2})
LIMITS = {"reviewer": 500, "approver": 1_000, "controller": 1_000}
CAST = {
    "mia": ("preparer", "reviewer", "approver"),
    "rob": ("reviewer",),
    "rae": ("reviewer", "approver"),
    "ann": ("approver",),
    "abe": ("approver",),
    "axl": ("approver", "preparer"),
    "cora": ("controller",),
}
PEOPLE = st.sampled_from(sorted(CAST))
SUBJECTS = st.integers(0, 1)
TODAY, TOMORROW = date.today() - timedelta(days=1), date.today() + timedelta(days=1)
ENDED = {"approved", "rejected", "returned", "withdrawn", "superseded", "revoked"}


class At:
    """A clock that stands still."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


@dataclass
class Round:
    """One request as the model sees it.

    decided: stage, who, verdict, and in whose seat (his own or a delegator's).
    late: the stages to which approvers were added, because nobody decided in time.
    moved: seats that went to somebody else: stage, from whom, to whom.
    asked: who was asked for an opinion and has not answered, and the question.
    """

    subject: int
    content: str
    amount: int
    maker: str
    conflicted: set[str]
    decided: list[tuple[int, str, str, str]] = field(default_factory=list)
    late: set[int] = field(default_factory=set)
    moved: list[tuple[int, str, str]] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    is_used: bool = False
    stage: int = 0
    status: str = "pending"

    def involved(self) -> set[str]:
        return {self.maker, *self.conflicted}

    def voted(self) -> set[str]:
        return {name for _, who, _, seat in self.decided for name in (who, seat)}

    def given(self) -> int:
        return sum(made[0] == self.stage for made in self.decided)


class Lifecycle(RuleBasedStateMachine):
    """Two subjects, six people, two stages, and everything that may happen to them."""

    @initialize()
    def stage(self) -> None:
        system = system_user()
        self.entity: Entity = register_entity(
            code="LIFE",
            name="Lifecycle",
            country="NL",
            functional_currency="EUR",
            time_zone="Europe/Amsterdam",
            actor=system,
        )
        self.roles = {name: set(roles) for name, roles in CAST.items()}
        self.ids = {name: self.person(name, system).pk for name in CAST}
        facts: dict[str, Any] = {"entity_id": self.entity.pk, "item_type": KIND, "actor": system}
        define_policy(stages=STAGES, escalation=[{"role": "approver"}], **facts)
        for role, amount in LIMITS.items():
            define_limit(
                role=role,
                amount=Decimal(amount),
                currency="EUR",
                starts_on=date(2023, 1, 1),
                **facts,
            )
        self.rounds: dict[int, Round] = {}
        self.away: dict[str, int] = {}  # who is, and the leave
        self.stands_in: dict[str, tuple[str, int]] = {}  # for whom who does, and the delegation
        self.steps = 0

    def person(self, name: str, system: User) -> User:
        user = create_user(username=name, email=f"{name}@example.com", password=None, actor=system)
        for role in CAST[name]:
            grant_role(user_id=user.pk, role=role, entity_id=self.entity.pk, actor=system)
        return user

    def user(self, name: str) -> User:
        return User.objects.get(pk=self.ids[name])

    # --- The model ---

    def most(self, name: str) -> int:
        return max((LIMITS[role] for role in self.roles[name] if role in LIMITS), default=-1)

    def own(self, one: Round, stage: int) -> set[str]:
        """Whom the stage itself asks for, after seats were moved."""
        people = {name for name in CAST if STAGES[stage]["role"] in self.roles[name]}
        for where, giver, taker in one.moved:
            if where == stage:
                people = people - {giver} | {taker}
        return people

    def holders(self, one: Round, stage: int) -> set[str]:
        """Whom it asks for now: who still decides, and who was added."""
        added = {name for name in CAST if "approver" in self.roles[name]}
        own = {name for name in self.own(one, stage) if self.most(name) >= 0}
        return own | added if stage in one.late else own

    def seat(self, one: Round, name: str, involved: set[str]) -> tuple[str, str] | None:
        """Who takes the seat of this person: one of the two, if anybody."""
        if one.amount > self.most(name):
            return None
        other = self.stands_in.get(name, ("", 0))[0]
        is_there = other and other not in self.away and other not in involved
        if is_there and one.amount <= self.most(other):
            return other, name
        return None if name in self.away else (name, name)

    def seats(self, one: Round, stage: int) -> list[tuple[str, str]]:
        """Who could decide at a stage, in whose seat: each seat is taken once."""
        involved, voted = one.involved(), one.voted()
        found = [
            self.seat(one, name, involved) for name in sorted(self.holders(one, stage) - involved)
        ]
        return [seat for seat in found if seat is not None and not {*seat} & voted]

    def able(self, one: Round, stage: int) -> set[str]:
        """Who could decide at a stage, by role, limit, part in it, and presence."""
        return {who for who, _ in self.seats(one, stage)}

    def seat_of(self, one: Round, who: str) -> str:
        """His own seat goes before those of others, of which the eldest goes first."""
        own = [seat for person, seat in self.seats(one, one.stage) if person == who]
        return who if who in own else min(own, key=self.ids.__getitem__)

    def can_be_filled(self, one: Round) -> bool:
        """Try every choice of people for the stages that are left."""

        def fill(stage: int, taken: frozenset[str], needed: int) -> bool:
            free = sorted(self.able(one, stage) - taken)
            return any(
                stage + 1 == len(STAGES)
                or fill(stage + 1, taken | set(chosen), int(STAGES[stage + 1]["count"]))
                for chosen in combinations(free, needed)
            )

        return fill(one.stage, frozenset(), int(STAGES[one.stage]["count"]) - one.given())

    def settle(self, one: Round) -> None:
        if one.status in {"pending", "blocked_no_approver"}:
            one.status = "pending" if self.can_be_filled(one) else "blocked_no_approver"

    def open_round(self, number: int) -> Round | None:
        waiting = [
            one for one in self.rounds.values() if one.subject == number and one.status not in ENDED
        ]
        assert len(waiting) <= 1
        return waiting[0] if waiting else None

    # --- What people do ---

    @rule(
        number=SUBJECTS,
        content=st.sampled_from("ab"),
        amount=st.sampled_from([501, 500, 1_000, 1_001]),
        maker=st.sampled_from(["mia", "axl"]),
        helper=st.none() | PEOPLE,
    )
    def ask(self, number: int, content: str, amount: int, maker: str, helper: str | None) -> None:
        made = request_approval(
            entity_id=self.entity.pk,
            item_type=KIND,
            subject=subject(number),
            subject_hash=content * 64,
            title="Entry",
            url="/",
            maker=self.user(maker),
            actor=system_user(),
            amount=Decimal(amount),
            currency="EUR",
            conflicted=[self.user(helper)] if helper else [],
        )
        assert made is not None
        same = [
            pk
            for pk, one in self.rounds.items()
            if one.subject == number
            and one.content == content
            and one.status in {"pending", "blocked_no_approver", "approved"}
        ]
        for one in self.rounds.values():
            lives = one.status in {"pending", "blocked_no_approver", "approved"}
            if one.subject == number and one.content != content and lives:
                one.status = "superseded"
        if same:
            assert made.pk in same
            return
        self.rounds[made.pk] = Round(number, content, amount, maker, {helper} if helper else set())
        self.settle(self.rounds[made.pk])

    @precondition(lambda self: self.rounds)
    @rule(
        data=st.data(),
        who=PEOPLE,
        verdict=st.sampled_from(["approve", "approve", "approve", "reject", "return"]),
        is_stale=st.sampled_from([False, False, False, True]),
    )
    def decide(self, data: st.DataObject, who: str, verdict: str, is_stale: bool) -> None:
        pk = data.draw(st.sampled_from(sorted(self.rounds)))
        one = self.rounds[pk]
        may = one.status == "pending" and not is_stale and who in self.able(one, one.stage)
        seat = self.seat_of(one, who) if may else ""
        version = Request.objects.get(pk=pk).version
        try:
            with transaction.atomic():
                decide(
                    request_id=pk,
                    verdict=verdict,
                    comment="x",
                    attested=True,
                    expected_version=version - is_stale,
                    actor=self.user(who),
                )
        except Refusal:
            assert not may
            return
        assert may
        one.decided.append((one.stage, who, verdict, seat))
        if verdict != "approve":
            one.status = "rejected" if verdict == "reject" else "returned"
        elif one.given() == STAGES[one.stage]["count"]:
            if one.stage + 1 == len(STAGES):
                one.status = "approved"
            else:
                one.stage += 1
        self.settle(one)

    @precondition(lambda self: self.rounds)
    @rule(data=st.data(), who=PEOPLE)
    def withdraw(self, data: st.DataObject, who: str) -> None:
        pk = data.draw(st.sampled_from(sorted(self.rounds)))
        one = self.rounds[pk]
        try:
            with transaction.atomic():
                withdraw(request_id=pk, reason="x", actor=self.user(who))
        except Refusal:
            assert who != one.maker or one.status in ENDED
            return
        assert who == one.maker
        assert one.status not in ENDED
        one.status = "withdrawn"

    @rule(number=SUBJECTS, content=st.sampled_from("ab"))
    def act(self, number: int, content: str) -> None:
        """Somebody acts upon the approval of this content, if there is one."""
        found = [
            (pk, one)
            for pk, one in self.rounds.items()
            if (one.subject, one.content, one.status) == (number, content, "approved")
        ]
        used = use_approval(subject=subject(number), subject_hash=content * 64, actor=system_user())
        assert (used is None) == (not found)
        for pk, one in found:
            assert used is not None
            assert used.pk == pk
            one.is_used = True

    @precondition(lambda self: self.rounds)
    @rule(data=st.data(), who=PEOPLE)
    def revoke(self, data: st.DataObject, who: str) -> None:
        pk = data.draw(st.sampled_from(sorted(self.rounds)))
        one = self.rounds[pk]
        is_own = who in one.voted() and self.most(who) >= 0
        may = (is_own or "controller" in self.roles[who]) and one.status == "approved"
        try:
            with transaction.atomic():
                revoke(request_id=pk, reason="x", actor=self.user(who))
        except Refusal:
            assert not may or one.is_used
            return
        assert may
        assert not one.is_used
        one.status = "revoked"

    @precondition(lambda self: self.rounds)
    @rule(data=st.data(), who=PEOPLE, giver=PEOPLE, taker=PEOPLE)
    def reassign(self, data: st.DataObject, who: str, giver: str, taker: str) -> None:
        pk = data.draw(st.sampled_from(sorted(self.rounds)))
        one = self.rounds[pk]
        may = one.status not in ENDED and self.may_move(one, who, giver, taker)
        try:
            with transaction.atomic():
                reassign(
                    request_id=pk,
                    from_person_id=self.ids[giver],
                    to_person_id=self.ids[taker],
                    reason="x",
                    actor=self.user(who),
                )
        except Refusal:
            assert not may
            return
        assert may
        one.moved.append((one.stage, giver, taker))
        self.settle(one)

    def may_move(self, one: Round, who: str, giver: str, taker: str) -> bool:
        is_his = who == giver and self.most(who) >= 0
        may = (is_his or "controller" in self.roles[who]) and who not in one.involved()
        has_seat = giver in self.own(one, one.stage) - one.voted()
        barred = one.involved() | one.voted() | self.holders(one, one.stage) | {who}
        is_able = taker not in barred and self.seat(one, taker, set()) == (taker, taker)
        if not (may and has_seat and is_able):
            return False
        after = replace(one, moved=[*one.moved, (one.stage, giver, taker)])
        return one.status != "pending" or self.can_be_filled(after)

    @precondition(lambda self: self.rounds)
    @rule(data=st.data(), who=PEOPLE, whom=PEOPLE)
    def consult(self, data: st.DataObject, who: str, whom: str) -> None:
        pk = data.draw(st.sampled_from(sorted(self.rounds)))
        one = self.rounds[pk]
        may = one.status not in ENDED and who in self.able(one, one.stage)
        may = may and whom not in one.voted() | one.asked.keys()
        may = may and whom not in self.seated(one) - one.involved()
        try:
            with transaction.atomic():
                asked = consult(
                    request_id=pk, person_id=self.ids[whom], question="?", actor=self.user(who)
                )
        except Refusal:
            assert not may
            return
        assert may
        one.asked[whom] = asked.pk
        one.conflicted.add(whom)

    def seated(self, one: Round) -> set[str]:
        """Whoever has a seat at a step that is left, or would take one."""
        later = range(one.stage, len(STAGES))
        holders = {name for stage in later for name in self.holders(one, stage)}
        seats = [self.seat(one, name, set()) for name in holders]
        return holders | {seat[0] for seat in seats if seat is not None}

    @precondition(lambda self: any(one.asked for one in self.rounds.values()))
    @rule(data=st.data(), who=PEOPLE)
    def answer(self, data: st.DataObject, who: str) -> None:
        asking = sorted(pk for pk, one in self.rounds.items() if one.asked)
        one = self.rounds[data.draw(st.sampled_from(asking))]
        whom = data.draw(st.sampled_from(sorted(one.asked)))
        may = who == whom and one.status not in ENDED
        try:
            with transaction.atomic():
                answer(consultation_id=one.asked[whom], text="!", actor=self.user(who))
        except Refusal:
            assert not may
            return
        assert may
        del one.asked[whom]

    @rule(number=SUBJECTS)
    def content_falls(self, number: int) -> None:
        supersede_requests(subject=subject(number), actor=system_user())
        one = self.open_round(number)
        if one is not None:
            one.status = "superseded"

    @rule(who=PEOPLE, role=st.sampled_from(["reviewer", "approver"]))
    def change_roles(self, who: str, role: str) -> None:
        facts = {
            "user_id": self.ids[who],
            "role": role,
            "entity_id": self.entity.pk,
            "actor": system_user(),
        }
        if role in self.roles[who]:
            if self.roles[who] == {role}:
                return  # who holds no role at all sees nothing; another test is about that
            revoke_role(**facts)
            self.roles[who].remove(role)
        else:
            grant_role(**facts)
            self.roles[who].add(role)
        self.look_again()

    @rule(who=PEOPLE)
    def go_or_come_back(self, who: str) -> None:
        if who in self.away:
            cancel_leave(leave_id=self.away.pop(who), actor=system_user())
        elif self.most(who) >= 0:
            leave = plan_leave(
                person_id=self.ids[who], starts_on=TODAY, ends_on=TOMORROW, actor=self.user(who)
            )
            self.away[who] = leave.pk
        self.look_again()

    @rule(who=PEOPLE, other=PEOPLE)
    def hand_over_or_take_back(self, who: str, other: str) -> None:
        if who in self.stands_in:
            _, pk = self.stands_in.pop(who)
            revoke_delegation(delegation_id=pk, actor=self.user(who))
            self.look_again()
            return
        try:
            with transaction.atomic():
                made = delegate(
                    entity_id=self.entity.pk,
                    delegate_id=self.ids[other],
                    starts_on=TODAY,
                    ends_on=TOMORROW,
                    reason="x",
                    actor=self.user(who),
                )
        except Refusal:
            assert who == other or min(self.most(who), self.most(other)) < 0
            return
        assert who != other
        assert min(self.most(who), self.most(other)) >= 0
        self.stands_in[who] = (other, made.pk)
        self.look_again()

    @precondition(lambda self: self.rounds)
    @rule(data=st.data())
    def nobody_decides_in_time(self, data: st.DataObject) -> None:
        pk = data.draw(st.sampled_from(sorted(self.rounds)))
        one, request = self.rounds[pk], Request.objects.get(pk=pk)
        with pytest.MonkeyPatch.context() as patch:
            late = request.due_at + timedelta(minutes=1)
            patch.setattr("apps.approvals.services.tending.timezone", At(late))
            is_done = tend_request(request_id=pk)
        assert is_done is (one.status not in ENDED and request.next_at is not None)
        if is_done:
            one.late.add(one.stage)
            self.settle(one)

    def look_again(self) -> None:
        recheck_requests(entity_id=self.entity.pk)
        for one in self.rounds.values():
            self.settle(one)

    # --- What always holds ---

    @invariant()
    def the_requests_are_where_the_model_says(self) -> None:
        if not hasattr(self, "rounds"):
            return
        stored = dict(Request.objects.values_list("pk", "status"))
        assert stored == {pk: one.status for pk, one in self.rounds.items()}
        for pk, one in self.rounds.items():
            made = Decision.objects.filter(request_id=pk).values_list(
                "stage", "approver__username", "verdict", "on_behalf_of__username"
            )
            assert [(*given[:3], given[3] or given[1]) for given in made] == one.decided
            votes = [name for _, who, _, seat in one.decided for name in {who, seat}]
            assert len(votes) == len(set(votes)), "nobody twice, nor anybody for him"
            assert not one.involved() & set(votes), "nobody his own, nor anybody for him"
            if one.status == "approved":
                stages = [made[0] for made in one.decided]
                assert stages == [0, 1, 1], "no stage is skipped"

    @invariant()
    def an_approval_stands_for_what_was_approved(self) -> None:
        if not hasattr(self, "rounds"):
            return
        for number in range(2):
            for content in "ab":
                stands = any(
                    one.subject == number and one.content == content and one.status == "approved"
                    for one in self.rounds.values()
                )
                assert is_approved(subject(number), content * 64) == stands

    @invariant()
    def rule_and_inbox_let_decide_who_can(self) -> None:
        """One person after the other, each step the next."""
        if not hasattr(self, "rounds"):
            return
        name = sorted(CAST)[self.steps % len(CAST)]
        self.steps += 1
        reader = self.user(name)
        able = {
            pk
            for pk, one in self.rounds.items()
            if one.status == "pending" and name in self.able(one, one.stage)
        }
        pending = Request.objects.filter(status="pending")
        assert {one.pk for one in pending if refusal_to_decide(one, reader) is None} == able
        assert {request.pk for request in inbox(reader)} == able


class Contained(Lifecycle):
    """Each run in a transaction that is rolled back."""

    def __init__(self) -> None:
        super().__init__()
        self._transaction = transaction.atomic()
        self._transaction.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._transaction.__exit__(None, None, None)


def run(examples: int, steps: int, machine: type[Lifecycle] = Contained) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db
def test_whatever_people_do_the_model_agrees() -> None:
    run(examples=10, steps=20)


# 2,000 examples of 50 steps, in parts that can run side by side; the seed makes them differ.
@pytest.mark.nightly
@pytest.mark.django_db
@pytest.mark.parametrize("part", range(16))
def test_whatever_people_do_for_long_the_model_agrees(part: int) -> None:
    run(examples=125, steps=50, machine=seed(part)(type("Part", (Contained,), {})))

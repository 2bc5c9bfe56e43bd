"""Who finds what in the inbox: the query agrees with the rule, and names who could instead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from apps.approvals.errors import AlreadyDecidedByActor, OwnWork, RoleMissing
from apps.approvals.models import Request
from apps.approvals.selectors import (
    approval_so_far,
    approvals_missing,
    backlog,
    decisions_on,
    inbox,
    read_waiting,
    refusal_to_decide,
    request_seen_by,
    requests_seen_by,
    seen_at_version,
    staff_of,
    waiting_for,
)
from apps.approvals.services import decide, withdraw
from apps.approvals.states import RequestStatus
from apps.common.errors import NotVisible
from apps.identity.models import Entity, User
from apps.identity.services import deactivate_user, grant_role
from tests.approvals.conftest import subject

TWO_STEPS = ({"role": "reviewer", "count": 1}, {"role": "approver", "count": 2})


def verdict(request: Request, actor: Any, word: str = "approve") -> Request:
    return decide(
        request_id=request.pk,
        verdict=word,
        comment="x",
        attested=True,
        expected_version=Request.objects.get(pk=request.pk).version,
        actor=actor,
    )


@pytest.fixture
def beth(person: Any, entity: Any) -> Any:
    return person("beth", "approver", "reviewer", on=entity)


@pytest.fixture
def carl(person: Any, entity: Any) -> Any:
    return person("carl", "approver", on=entity)


@pytest.fixture
def scene(
    define: Any, ask: Any, alice: Any, bob: Any, rita: Any, beth: Any, carl: Any
) -> list[Request]:
    """Requests in every state that an inbox meets."""
    define("reconciliation")
    define("journal_entry", stages=TWO_STEPS)
    made = [
        ask(subject(0)),
        ask(subject(1), conflicted=[bob]),
        ask(subject(2), item_type="journal_entry"),
        ask(subject(3), item_type="journal_entry"),
        ask(subject(4), item_type="journal_entry"),
        ask(subject(5)),
        ask(subject(6)),
        ask(subject(7)),
    ]
    verdict(made[3], rita)
    verdict(made[4], beth)
    verdict(made[4], bob)
    verdict(made[5], bob)
    verdict(made[6], bob, "return")
    withdraw(request_id=made[7].pk, reason="x", actor=alice)
    return made


def test_the_inbox_holds_exactly_what_the_rule_lets_one_decide(
    scene: list[Request],
    alice: Any,
    bob: Any,
    rita: Any,
    beth: Any,
    connie: Any,
    otto: Any,
    charlie: Any,
    victor: Any,
    system: Any,
) -> None:
    sizes = {}
    for actor in (alice, bob, rita, beth, connie, otto, charlie, victor, system):
        expected = [
            one.pk
            for one in Request.objects.visible_to(actor).select_related("policy")
            if one.status == RequestStatus.PENDING and refusal_to_decide(one, actor) is None
        ]
        assert sorted(one.pk for one in inbox(actor)) == sorted(expected)
        sizes[actor.username] = len(expected)
    assert sizes == {
        "alice": 0,
        "bob": 2,
        "rita": 1,
        "beth": 4,
        "connie": 0,
        "otto": 0,
        "charlie": 0,
        "victor": 0,
        "finflow": 0,
    }


def test_the_most_urgent_comes_first(define: Any, ask: Any, bob: Any) -> None:
    define()
    made = [ask(subject(number)) for number in range(3)]
    for request, hours in zip(made, (5, 1, 3), strict=True):
        request.due_at = timezone.now() + timedelta(hours=hours)
        Request.objects.filter(pk=request.pk).update(due_at=request.due_at)
    assert inbox(bob) == [made[1], made[2], made[0]]


def test_a_page_is_read_in_the_order_of_its_backlog_without_what_has_ended_since(
    define: Any, ask: Any, alice: Any, bob: Any
) -> None:
    define()
    made = [ask(subject(number)) for number in range(3)]
    seen = list(Entity.objects.visible_to(bob))
    (waiting,) = backlog(waiting_for(bob, seen), timezone.now(), 10)
    ids = [pk for _, pk in waiting.first]
    assert (waiting.total, waiting.late) == (3, 0)
    assert read_waiting(ids, seen) == made
    withdraw(request_id=made[1].pk, reason="No.", actor=alice)
    assert read_waiting(ids[::-1], seen) == [made[2], made[0]]
    assert read_waiting(ids, []) == []


def test_an_approval_so_far_tells_who_could_decide_while_it_waits(
    define: Any, ask: Any, bob: Any
) -> None:
    define()
    made = ask()
    assert approval_so_far(None) == {"approval": None, "decisions": [], "could_decide": []}
    assert approval_so_far(made) == {"approval": made, "decisions": [], "could_decide": [bob]}
    ended = verdict(made, bob)
    told = approval_so_far(ended)
    assert [one.approver for one in told["decisions"]] == [bob]
    assert told["could_decide"] == []


def test_the_inbox_is_five_queries(
    scene: list[Request], beth: Any, django_assert_num_queries: Any
) -> None:
    reader = User.objects.get(pk=beth.pk)
    # His roles and companies; what stands; the seats that were moved; and the requests with what a
    # list shows. Whoever is tied to somebody by a delegation has one more, for the other's roles.
    with django_assert_num_queries(5):
        for one in inbox(reader):
            assert one.policy.stages
            assert one.maker.username
            assert one.entity.code
    with django_assert_num_queries(4):
        assert waiting_for(reader).count() == 4


def test_strangers_and_the_deactivated_have_no_inbox(
    scene: list[Request], bob: Any, ada: Any
) -> None:
    assert inbox(AnonymousUser()) == []  # type: ignore[arg-type]
    deactivate_user(user_id=bob.pk, actor=ada)
    assert inbox(User.objects.get(pk=bob.pk)) == []


# --- Why not --------------------------------------------------------------------------------


def test_a_refusal_says_why_and_who_could(
    scene: list[Request], alice: Any, bob: Any, connie: Any
) -> None:
    assert isinstance(refusal_to_decide(scene[0], alice), OwnWork)
    assert isinstance(refusal_to_decide(scene[1], bob), OwnWork)
    scene[4].refresh_from_db()
    assert isinstance(refusal_to_decide(scene[4], bob), AlreadyDecidedByActor)
    missing = refusal_to_decide(scene[0], connie)
    assert isinstance(missing, RoleMissing)
    assert "approver" in missing.message
    assert missing.remedy == "Beth, Bob, Carl could decide."


def test_a_refusal_says_that_nobody_could(define: Any, ask: Any, connie: Any) -> None:
    define()
    missing = refusal_to_decide(ask(), connie)
    assert missing is not None
    assert missing.remedy == "Nobody holds that role here at the moment."


def test_who_decided_at_an_earlier_step_does_not_decide_again(
    define: Any, ask: Any, entity: Any, system: Any, beth: Any, bob: Any, rita: Any, person: Any
) -> None:
    define(stages=TWO_STEPS)
    carl = person("carl", "approver", on=entity)
    made = ask()
    verdict(made, beth)
    made.refresh_from_db()
    assert isinstance(refusal_to_decide(made, beth), AlreadyDecidedByActor)
    verdict(made, bob)
    assert verdict(made, carl).status == RequestStatus.APPROVED
    assert [decision.approver for decision in decisions_on(made)] == [beth, bob, carl]
    assert [decision.role_at_time for decision in decisions_on(made)] == [
        "reviewer",
        "approver",
        "approver",
    ]


def test_a_role_that_is_given_later_opens_the_inbox(
    define: Any, ask: Any, bob: Any, rita: Any, entity: Any, system: Any
) -> None:
    define()
    made = ask()
    assert inbox(rita) == []
    grant_role(user_id=rita.pk, role="approver", entity_id=entity.pk, actor=system)
    assert inbox(User.objects.get(pk=rita.pk)) == [made]


# --- How far it is --------------------------------------------------------------------------


def test_the_people_that_are_still_missing_are_counted_over_all_steps(
    define: Any, ask: Any, rita: Any, bob: Any, beth: Any
) -> None:
    define(stages=TWO_STEPS)
    made = ask()

    def missing() -> int:
        found = Request.objects.get(pk=made.pk)
        return approvals_missing(found, staff_of(found.entity))

    assert missing() == 3
    verdict(made, rita)
    assert missing() == 2
    verdict(made, bob)
    assert missing() == 1


def test_the_history_tells_what_somebody_saw(
    define: Any, ask: Any, rita: Any, bob: Any, beth: Any
) -> None:
    define(stages=TWO_STEPS)
    made = ask()
    verdict(made, rita)
    before, now = seen_at_version(made, 1), seen_at_version(made, 2)
    assert before is not None
    assert now is not None
    assert (before.stage, now.stage) == (0, 1)
    assert seen_at_version(made, 7) is None


def test_what_is_not_visible_does_not_exist(scene: list[Request], charlie: Any, otto: Any) -> None:
    assert list(requests_seen_by(charlie)) == []
    assert len(requests_seen_by(otto)) == len(scene)
    assert request_seen_by(otto, scene[0].pk) == scene[0]
    with pytest.raises(NotVisible):
        request_seen_by(charlie, scene[0].pk)

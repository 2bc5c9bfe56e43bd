"""Nobody can approve it: found at once and whenever people change, told in words, and released."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.approvals import tasks
from apps.approvals.models import Notice, Request
from apps.approvals.selectors import deadlock_of, notices_for, unread_notices
from apps.approvals.services import decide, read_notices, recheck_all, recheck_requests, withdraw
from apps.approvals.states import NoticeKind, RequestStatus
from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted
from apps.identity.services import deactivate_user, grant_role, reactivate_user, revoke_role
from apps.operations.models import OutboxMessage
from tests.approvals.conftest import OTHER_HASH, subject
from tests.approvals.test_pages import address, signed_in, text_of

THEN = ({"role": "reviewer", "count": 1}, {"role": "approver", "count": 1})
BLOCKED, PENDING = RequestStatus.BLOCKED, RequestStatus.PENDING


def approve(request: Request, actor: Any) -> Request:
    return decide(
        request_id=request.pk,
        verdict="approve",
        comment="",
        attested=True,
        expected_version=Request.objects.get(pk=request.pk).version,
        actor=actor,
    )


def run_outbox() -> int:
    """Carry out what waits, as the worker does; returns how much that was."""
    waiting = list(OutboxMessage.objects.filter(delivered_at=None).order_by("pk"))
    for message in waiting:
        assert message.task == "apps.approvals.tasks.recheck_requests"
        tasks.recheck_requests(**message.arguments)
        message.delete()
    return len(waiting)


def status_of(request: Request) -> str:
    return str(Request.objects.get(pk=request.pk).status)


def actions(request: Request) -> list[str]:
    found = Event.objects.filter(subject_type="approvals.request", subject_id=str(request.pk))
    return [event.action.removeprefix("approvals.request.") for event in found.order_by("pk")]


@pytest.fixture
def beth(person: Any, entity: Any) -> Any:
    return person("beth", "reviewer", "approver", on=entity)


# --- Found ----------------------------------------------------------------------------------


def test_each_step_has_somebody_and_both_together_have_not(
    define: Any, ask: Any, beth: Any
) -> None:
    define(stages=THEN)
    made = ask()
    assert made.status == BLOCKED
    assert actions(made) == ["submit", "block"]
    event = Event.objects.get(action="approvals.request.block")
    assert event.details == {"stages": [1, 2], "missing": 1}


def test_two_people_for_two_steps_are_enough(define: Any, ask: Any, beth: Any, rita: Any) -> None:
    define(stages=THEN)
    made = ask()
    assert made.status == PENDING
    assert deadlock_of(made) is None


def test_a_decision_that_uses_up_whom_a_later_step_needs_blocks_it(
    define: Any, ask: Any, beth: Any, rita: Any, bob: Any, entity: Any, system: Any
) -> None:
    define(stages=({"role": "reviewer", "count": 1}, {"role": "approver", "count": 2}))
    made = ask()
    assert made.status == PENDING
    assert approve(made, beth).status == BLOCKED
    found = deadlock_of(Request.objects.get(pk=made.pk))
    assert found is not None
    assert found.lack == (
        "Step 2 needs 2 approvers, but only Bob could decide on it at the moment."
    )
    assert found.barred == ("Beth has decided on it already.",)
    with pytest.raises(IllegalMove):
        approve(made, bob)
    grant_role(user_id=rita.pk, role="approver", entity_id=entity.pk, actor=system)
    assert run_outbox() == 1
    assert status_of(made) == PENDING
    approve(made, bob)
    assert approve(made, rita.__class__.objects.get(pk=rita.pk)).status == RequestStatus.APPROVED


# --- Released and blocked by changes of authority -------------------------------------------


def test_a_role_that_is_given_releases_it_and_one_that_is_taken_blocks_it_again(
    define: Any, ask: Any, alice: Any, rita: Any, connie: Any, entity: Any, system: Any
) -> None:
    define()
    made = ask()
    assert made.status == BLOCKED
    grant_role(user_id=rita.pk, role="approver", entity_id=entity.pk, actor=system)
    assert status_of(made) == BLOCKED  # until the worker comes
    assert run_outbox() == 1
    assert status_of(made) == PENDING
    revoke_role(user_id=rita.pk, role="approver", entity_id=entity.pk, actor=system)
    assert run_outbox() == 1
    assert status_of(made) == BLOCKED
    assert actions(made) == ["submit", "block", "release", "block"]
    assert Request.objects.get(pk=made.pk).version == 1
    kinds = [NoticeKind.BLOCKED, NoticeKind.REOPENED, NoticeKind.BLOCKED]
    for person in (alice, connie):
        assert [notice.kind for notice in notices_for(person)] == kinds
    assert Notice.objects.count() == 6


def test_leaving_and_coming_back(define: Any, ask: Any, bob: Any, ada: Any) -> None:
    define()
    made = ask()
    deactivate_user(user_id=bob.pk, actor=ada)
    run_outbox()
    assert status_of(made) == BLOCKED
    reactivate_user(user_id=bob.pk, actor=ada)
    run_outbox()
    assert status_of(made) == PENDING


def test_where_nothing_is_open_nothing_is_queued(
    define: Any,
    ask: Any,
    alice: Any,
    bob: Any,
    rita: Any,
    entity: Any,
    other_entity: Any,
    person: Any,
    system: Any,
) -> None:
    define()
    made = ask()
    person("dora", "approver", on=other_entity)
    assert run_outbox() == 0
    withdraw(request_id=made.pk, reason="x", actor=alice)
    grant_role(user_id=rita.pk, role="approver", entity_id=entity.pk, actor=system)
    assert run_outbox() == 0


def test_asking_again_changes_nothing(
    define: Any, ask: Any, beth: Any, rita: Any, table_counts: Any
) -> None:
    define(stages=THEN)
    define("period_lock", stages=({"role": "controller", "count": 1},))
    released, blocked = ask(), ask(subject(1), item_type="period_lock", conflicted=[])
    before = table_counts()
    assert recheck_all() == []
    tasks.recheck_all()
    assert table_counts() == before
    assert (status_of(released), status_of(blocked)) == (PENDING, PENDING)


def test_beat_finds_what_no_change_of_a_role_told(
    define: Any, ask: Any, bob: Any, entity: Any
) -> None:
    define()
    first, second = ask(), ask(subject(1), subject_hash=OTHER_HASH)
    bob.__class__.objects.filter(pk=bob.pk).update(is_active=False)
    from apps.audit.services import record

    record(actor=bob, action="identity.user.deactivate", subject=bob)
    assert sorted(recheck_all()) == [first.pk, second.pk]
    assert recheck_requests(entity_id=entity.pk) == []


def test_what_has_ended_meanwhile_is_left_alone(
    define: Any, ask: Any, bob: Any, alice: Any, entity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.approvals.services import staffing

    define()
    made = ask()
    withdraw(request_id=made.pk, reason="x", actor=alice)
    monkeypatch.setattr(staffing, "_suspects", lambda entity_id: [made.pk])
    assert recheck_requests(entity_id=entity.pk) == []
    assert status_of(made) == RequestStatus.WITHDRAWN
    again = ask()
    monkeypatch.setattr(staffing, "_suspects", lambda entity_id: [again.pk])
    assert recheck_requests(entity_id=entity.pk) == []
    assert status_of(again) == PENDING


# --- Told -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "cast", "lack"),
    [
        (THEN, [], "Step 1 needs 1 reviewer, but nobody could decide on it at the moment."),
        (
            ({"role": "approver", "count": 2},),
            ["bob"],
            "It needs 2 approvers, but only Bob could decide on it at the moment.",
        ),
        (
            THEN,
            ["beth"],
            "Steps 1 and 2 need 2 different people together, but only Beth could decide on it"
            " at the moment.",
        ),
        (
            ({"role": "approver", "count": 4},),
            ["bob", "beth"],
            "It needs 4 approvers, but only Beth and Bob could decide on it at the moment.",
        ),
    ],
)
def test_it_says_which_steps_lack_whom(
    request: pytest.FixtureRequest, define: Any, ask: Any, stages: Any, cast: list[str], lack: str
) -> None:
    for name in cast:
        request.getfixturevalue(name)
    define(stages=stages)
    found = deadlock_of(ask())
    assert found is not None
    assert found.lack == lack


def test_it_says_who_does_not_count_and_what_would_solve_it(
    define: Any, ask: Any, alice: Any, rita: Any, bob: Any, entity: Any, system: Any
) -> None:
    for person in (alice, rita):
        grant_role(user_id=person.pk, role="approver", entity_id=entity.pk, actor=system)
    define(stages=({"role": "approver", "count": 3},))
    found = deadlock_of(ask(conflicted=[rita]))
    assert found is not None
    assert found.barred == ("Alice made it.", "Rita took part in preparing it.")
    assert found.remedies[0] == (
        "An administrator gives the role approver to 2 more people of Harbour Field Services who"
        " took no part in it. The request then goes on by itself."
    )
    assert len(found.remedies) == 2


def test_the_page_and_the_api_tell_it(
    api: Any, define: Any, ask: Any, beth: Any, alice: Any
) -> None:
    define(stages=THEN)
    made = ask(conflicted=[beth])
    text = text_of(signed_in(alice).get(address(made)))
    lack = "Step 1 needs 1 reviewer, but nobody could decide on it at the moment."
    assert f"Nobody can approve this. {lack}" in text
    assert "Not counted: Beth took part in preparing it." in text
    assert "gives the role reviewer to 1 more person" in text
    assert "nobody can approve it as things stand" in text  # the history
    told = api(alice).get(f"/api/approvals/requests/{made.pk}").json()["deadlock"]
    assert (told["lack"], told["barred"]) == (lack, ["Beth took part in preparing it."])


def test_between_a_change_and_the_worker_the_page_says_that_it_goes_on(
    api: Any, define: Any, ask: Any, alice: Any, person: Any, entity: Any
) -> None:
    define()
    made = ask()
    person("bella", "approver", on=entity)
    text = text_of(signed_in(alice).get(address(made)))
    assert "the people were found again a moment ago" in text
    assert api(alice).get(f"/api/approvals/requests/{made.pk}").json()["deadlock"] is None
    run_outbox()
    text = text_of(signed_in(alice).get(address(made)))
    assert "It waits for Bella" in text
    assert "it can be approved again" in text


# --- Notices --------------------------------------------------------------------------------

NOTICES = "/approvals/notices/"


@pytest.fixture
def blocked(define: Any, ask: Any, connie: Any) -> Request:
    define()
    made: Request = ask(title="Bank, April 2023")
    return made


def test_a_notice_is_read_once(blocked: Request, alice: Any, connie: Any) -> None:
    visitor = signed_in(alice)
    text = text_of(visitor.get(NOTICES))
    assert "1 new notice about requests" in text
    assert "Nobody can approve" in text
    assert "Notices (1)" in text_of(visitor.get("/approvals/"))
    newest = notices_for(alice).first().pk
    assert str(notices_for(alice).first()) == f"Nobody can approve: {blocked.pk} to {alice.pk}"
    assert visitor.post(NOTICES, {"up_to_id": "x"}).status_code == 302
    assert unread_notices(alice) == 1
    assert visitor.post(NOTICES, {"up_to_id": newest}).status_code == 302
    assert unread_notices(alice) == 0
    assert unread_notices(connie) == 1
    assert "There is nothing new." in text_of(visitor.get(NOTICES))


def test_notices_over_rest(api: Any, blocked: Request, alice: Any, otto: Any, charlie: Any) -> None:
    rows = api(alice).get("/api/approvals/notices?unread=true").json()["results"]
    assert [(row["kind"], row["request"], row["title"]) for row in rows] == [
        ("blocked", blocked.pk, "Bank, April 2023")
    ]
    for stranger in (otto, charlie):
        assert api(stranger).get("/api/approvals/notices").json()["results"] == []
    path, content = "/api/approvals/notices/read", {"up_to_id": rows[0]["id"]}
    headers = {"Idempotency-Key": "k1"}
    first = api(alice).post(path, content, format="json", headers=headers)
    again = api(alice).post(path, content, format="json", headers=headers)
    assert (first.json(), again.json()) == ({"read": 1}, {"read": 1})
    assert api(alice).post(path, content, format="json").json() == {"read": 0}
    assert api(alice).post(path, {"up_to_id": 0}, format="json").status_code == 422


def test_who_sees_no_requests_sees_no_notices(
    api: Any, blocked: Request, victor: Any, ada: Any, unchanged: None
) -> None:
    for stranger in (victor, ada):
        with pytest.raises(NotPermitted):
            read_notices(up_to_id=1, actor=stranger)
        assert api(stranger).get("/api/approvals/notices").status_code == 403
        assert signed_in(stranger).get(NOTICES).status_code == 403
    assert Client().get(NOTICES).status_code == 302


def test_somebody_without_notices_is_told_what_they_are(blocked: Request, otto: Any) -> None:
    assert "No notices" in text_of(signed_in(otto).get(reverse("approvals:notices")))

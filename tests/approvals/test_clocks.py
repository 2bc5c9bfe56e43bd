"""In time: business hours, reminders, escalation, expiry; and that nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from apps.approvals.errors import PolicyInvalid
from apps.approvals.models import Decision, Escalation, Notice, Policy, Request, StageClock
from apps.approvals.selectors import eligible_approvers, inbox, refusal_to_decide
from apps.approvals.services import decide, plan_leave, tend_request, tend_requests
from apps.approvals.states import NoticeKind, RequestStatus
from apps.audit.models import Event
from apps.common.errors import IllegalMove
from apps.identity.models import User
from tests.approvals.conftest import subject
from tests.approvals.test_admin import signed_in
from tests.approvals.test_pages import text_of
from tests.approvals.test_races import race

pytestmark = pytest.mark.django_db

# A Friday, 14:00 in Amsterdam: three business hours are left before the week-end.
FRIDAY = datetime(2026, 4, 17, 12, 0, tzinfo=UTC)
CONTROLLERS = ({"role": "controller"},)


class Clock:
    """The time, as far as the product asks for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = FRIDAY
        monkeypatch.setattr("django.utils.timezone.now", lambda: self.now)

    def at(self, *, days: int = 0, hours: int = 0, minutes: int = 0) -> list[int]:
        """Go to so much after the Friday, and do what is due then."""
        self.now = FRIDAY + timedelta(days=days, hours=hours, minutes=minutes)
        return tend_requests()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def asked(clock: Clock, define: Any, ask: Any, bob: Any, connie: Any) -> Callable[..., Request]:
    """Ask on the Friday, with four business hours a step: `asked(escalation=CONTROLLERS)`."""

    def make(**facts: Any) -> Request:
        define(due_after_hours=4, **facts)
        made: Request = ask()
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


def able(request: Request, *people: Any) -> set[str]:
    """Who can decide; fails unless rule, inbox and the list of who could say the same."""
    now = Request.objects.get(pk=request.pk)
    names = set()
    for one in people:
        reader = User.objects.get(pk=one.pk)
        may = refusal_to_decide(now, reader) is None
        assert (one in eligible_approvers(now)) is may, one
        assert (now in inbox(reader)) is (may and now.status == RequestStatus.PENDING), one
        names |= {one.username} if may else set()
    return names


def told(kind: NoticeKind) -> list[str]:
    found = Notice.objects.filter(kind=kind).order_by("person__username")
    return list(found.values_list("person__username", flat=True))


# --- Business hours -------------------------------------------------------------------------


def test_the_clock_of_a_step_runs_in_business_hours(asked: Any) -> None:
    request = asked()
    made = StageClock.objects.get()
    monday = FRIDAY + timedelta(days=3)
    assert made.half_at == FRIDAY + timedelta(hours=2)
    assert made.late_at == FRIDAY + timedelta(hours=3)
    assert made.due_at == monday - timedelta(hours=4)  # Monday, 10:00 in Amsterdam
    assert (request.due_at, request.next_at) == (made.due_at, made.half_at)
    assert str(made).startswith("step 1 of request")


def test_each_step_has_a_clock_of_its_own(clock: Clock, asked: Any, bob: Any, connie: Any) -> None:
    stages = [{"role": "approver", "count": 1}, {"role": "controller", "count": 1}]
    request = asked(stages=stages)
    clock.at(days=3)
    approve(request, bob)
    second = StageClock.objects.latest("pk")
    assert (second.stage, second.round, second.started_at) == (1, 0, clock.now)
    assert Request.objects.get().due_at == second.due_at > clock.now


def test_a_change_of_the_policy_leaves_a_running_clock_alone(asked: Any, define: Any) -> None:
    request = asked()
    define(due_after_hours=80)
    assert Request.objects.get(pk=request.pk).due_at == request.due_at


# --- Reminders ------------------------------------------------------------------------------


def test_who_can_decide_is_reminded_twice(clock: Clock, asked: Any, bob: Any) -> None:
    request = asked()
    assert clock.at(hours=1) == []
    assert clock.at(hours=2) == [request.pk]
    assert clock.at(hours=2, minutes=1) == []
    assert told(NoticeKind.REMINDER) == ["bob"]
    assert clock.at(hours=3) == [request.pk]
    assert clock.at(hours=3) == []
    assert told(NoticeKind.REMINDER) == ["bob", "bob"]
    assert Event.objects.filter(action="approvals.request.remind").count() == 2
    assert Request.objects.get().version == 1  # there is nothing to read again


def test_a_late_beat_reminds_once(clock: Clock, asked: Any, bob: Any) -> None:
    asked()
    clock.at(hours=3, minutes=30)
    assert told(NoticeKind.REMINDER) == ["bob"]
    assert clock.at(hours=4) == []


def test_what_is_decided_is_left_alone(clock: Clock, asked: Any, bob: Any) -> None:
    request = asked(escalation=CONTROLLERS, expires_after_days=1)
    approve(request, bob)
    assert Request.objects.get().next_at is None
    assert clock.at(days=30) == []
    assert not tend_request(request_id=request.pk)


# --- Escalation -----------------------------------------------------------------------------


def test_a_late_step_adds_the_next_authority(
    clock: Clock, asked: Any, bob: Any, connie: Any, alice: Any
) -> None:
    request = asked(escalation=CONTROLLERS)
    assert able(request, bob, connie) == {"bob"}
    assert clock.at(days=3) == [request.pk]
    assert clock.at(days=3) == []
    assert able(request, bob, connie) == {"bob", "connie"}
    assert told(NoticeKind.ESCALATED) == ["alice", "bob", "connie"]
    again = StageClock.objects.latest("pk")
    assert (again.stage, again.round, again.started_at) == (0, 1, clock.now)
    assert approve(request, connie).status == RequestStatus.APPROVED
    assert Decision.objects.get().role_at_time == "controller"
    assert "escalation 1 of step 1" in str(Escalation.objects.get())


def test_one_after_the_other_and_then_it_is_told(  # seeds/001: timeout 4h, escalation_path
    clock: Clock, asked: Any, bob: Any, rita: Any, connie: Any
) -> None:
    request = asked(escalation=[{"people": ["rita"]}, {"role": "controller"}])
    clock.at(days=3)
    assert able(request, bob, rita, connie) == {"bob", "rita"}
    clock.at(days=4)
    assert able(request, bob, rita, connie) == {"bob", "rita", "connie"}
    assert told(NoticeKind.OVERDUE) == []
    clock.at(days=10)
    assert set(told(NoticeKind.OVERDUE)) == {"alice", "bob", "connie", "rita"}
    assert clock.at(days=99) == []
    assert Request.objects.get().status == RequestStatus.PENDING  # nothing approves itself
    assert [one.number for one in Escalation.objects.all()] == [1, 2]


def test_escalation_ends_with_its_step(
    clock: Clock, asked: Any, bob: Any, rita: Any, connie: Any
) -> None:
    stages = [{"role": "approver", "count": 1}, {"role": "reviewer", "count": 1}]
    request = asked(stages=stages, escalation=CONTROLLERS)
    clock.at(days=3)
    approve(request, connie)
    assert able(request, bob, rita, connie) == {"rita"}
    assert clock.at(days=10) == [request.pk]
    assert able(request, bob, rita) == {"rita"}
    assert [(one.stage, one.number) for one in Escalation.objects.all()] == [(0, 1), (1, 1)]


def test_escalation_releases_what_nobody_could_decide(
    clock: Clock, asked: Any, bob: Any, connie: Any, entity: Any
) -> None:
    request = asked(escalation=CONTROLLERS)
    plan_leave(
        person_id=bob.pk,
        starts_on=FRIDAY.date(),
        ends_on=FRIDAY.date() + timedelta(days=20),
        actor=bob,
    )
    from apps.approvals.services import recheck_requests

    recheck_requests(entity_id=entity.pk)
    assert Request.objects.get().status == RequestStatus.BLOCKED
    clock.at(days=3)
    assert Request.objects.get().status == RequestStatus.PENDING
    assert able(request, bob, connie) == {"connie"}


def test_who_took_part_is_not_added(clock: Clock, define: Any, ask: Any, connie: Any) -> None:
    define(due_after_hours=4, stages=[{"people": ["connie"], "count": 1}])
    define("write_off", due_after_hours=4, escalation=CONTROLLERS)
    request = ask(item_type="write_off", conflicted=[connie])
    clock.at(days=3)
    assert able(request, connie) == set()


def test_an_authority_decides_for_all_who_are_missing(
    clock: Clock, asked: Any, person: Any, entity: Any, bob: Any, connie: Any
) -> None:
    beth = person("beth", "approver", on=entity)
    request = asked(stages=[{"role": "approver", "count": "all"}], escalation=CONTROLLERS)
    approve(request, bob)
    assert Request.objects.get().status == RequestStatus.PENDING
    clock.at(days=3)
    assert able(request, beth, connie) == {"beth", "connie"}
    assert approve(request, connie).status == RequestStatus.APPROVED


def test_the_last_of_all_still_closes_a_late_step(
    clock: Clock, asked: Any, person: Any, entity: Any, bob: Any
) -> None:
    beth = person("beth", "approver", on=entity)
    request = asked(stages=[{"role": "approver", "count": "all"}], escalation=CONTROLLERS)
    approve(request, bob)
    clock.at(days=3)
    assert approve(request, beth).status == RequestStatus.APPROVED


# --- Expiry ---------------------------------------------------------------------------------


def test_what_expired_is_over_and_is_asked_anew(
    clock: Clock, asked: Any, ask: Any, bob: Any
) -> None:
    request = asked(expires_after_days=5, escalation=CONTROLLERS)
    clock.at(days=3)
    clock.at(days=5)
    request.refresh_from_db()
    assert (request.status, request.next_at) == (RequestStatus.EXPIRED, None)
    assert "alice" in told(NoticeKind.EXPIRED)
    with pytest.raises(IllegalMove), transaction.atomic():
        approve(request, bob)
    assert clock.at(days=50) == []
    again = ask()
    assert again.pk != request.pk
    assert again.status == RequestStatus.PENDING


# --- At once --------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_several_beats_at_once_escalate_once(clock: Clock, asked: Any) -> None:
    request = asked(escalation=CONTROLLERS)
    clock.now = FRIDAY + timedelta(days=3)
    done = race([partial(tend_request, request_id=request.pk)] * 8)
    assert sorted(done) == [False] * 7 + [True]
    assert Escalation.objects.count() == 1
    assert StageClock.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_decision_and_expiry_at_once_leave_one_outcome(
    clock: Clock, asked: Any, bob: Any
) -> None:
    request = asked(expires_after_days=1)
    clock.now = FRIDAY + timedelta(days=1)
    outcomes = race([partial(tend_request, request_id=request.pk), partial(approve, request, bob)])
    request.refresh_from_db()
    is_expired = outcomes[0] is True
    assert isinstance(outcomes[1], IllegalMove) is is_expired
    assert request.status == (RequestStatus.EXPIRED if is_expired else RequestStatus.APPROVED)
    assert Decision.objects.count() == (0 if is_expired else 1)


# --- Policies -------------------------------------------------------------------------------

REFUSED = [
    {"escalation": [{"role": "preparer"}]},
    {"escalation": [{"role": "controller", "count": 1}]},
    {"escalation": [{"people": []}]},
    {"escalation": [{"people": ["nobody"]}]},
    {"escalation": [{}]},
    {"escalation": [{"role": "controller"}] * 6},
    {"due_after_hours": 0},
    {"expires_after_days": 0},
]


@pytest.mark.parametrize("facts", REFUSED)
def test_a_policy_that_would_not_work_is_refused(
    define: Any, bob: Any, table_counts: Any, facts: dict[str, Any]
) -> None:
    before = table_counts()
    with pytest.raises(PolicyInvalid), transaction.atomic():
        define(**facts)
    assert table_counts() == before


def test_escalation_over_rest(api: Any, connie: Any) -> None:
    made = api(connie).post(
        "/api/approvals/policies",
        {
            "entity": "HFS",
            "item_type": "reconciliation",
            "stages": [{"role": "approver", "count": 1}],
            "due_after_hours": 4,
            "escalation": [{"role": "controller"}, {"people": ["connie"]}],
            "expires_after_days": 30,
        },
        format="json",
    )
    assert made.status_code == 201, made.data
    assert made.data["escalation"] == [{"role": "controller"}, {"people": ["connie"]}]
    assert made.data["expires_after_days"] == 30
    refused = api(connie).post(
        "/api/approvals/policies",
        {
            "entity": "HFS",
            "item_type": "write_off",
            "stages": [{"role": "approver", "count": 1}],
            "escalation": [{"role": "preparer"}],
        },
        format="json",
    )
    assert refused.status_code == 422


def test_escalation_in_the_admin_and_on_the_pages(
    client: Any, clock: Clock, ask: Any, connie: Any, bob: Any, entity: Any
) -> None:
    added = signed_in(connie).post(
        reverse("admin:approvals_policy_add"),
        {
            "entity": entity.pk,
            "item_type": "reconciliation",
            "currency": "",
            "least_amount": "0",
            "below_amount": "",
            "stage_1_role": "approver",
            "stage_1_count": "1",
            "due_after_hours": "4",
            "escalation_1_role": "controller",
            "escalation_2_people": "connie",
            "expires_after_days": "30",
        },
    )
    assert added.status_code == 302, text_of(added)
    policy = Policy.objects.get()
    assert policy.escalation == [{"role": "controller"}, {"people": ["connie"]}]
    client.force_login(connie)
    page = text_of(client.get(reverse("approvals:policy", args=[policy.pk])))
    assert "every controller, then connie may decide too" in page
    assert "4 business hours for each step" in page
    request = ask(subject(1))
    clock.at(hours=2)
    clock.at(days=3)
    clock.at(days=4)
    clock.at(days=5)
    clock.at(days=30)
    client.force_login(connie)  # the session of the first days is over
    page = text_of(client.get(reverse("approvals:request", args=[request.pk])))
    for words in (
        "reminded those who can decide",
        "nobody decided in time: others may decide too",
        "it ended undecided",
    ):
        assert words in page


# --- Requests from before there were clocks ---------------------------------------------------


@pytest.fixture
def of_before(asked: Callable[..., Request], monkeypatch: pytest.MonkeyPatch) -> Request:
    """A request as it was made before steps had clocks."""
    from apps.approvals.services import asking

    with monkeypatch.context() as patch:
        patch.setattr(asking, "start_clock", lambda request, staff: None)
        made = asked(escalation=CONTROLLERS)
    assert not made.clocks.exists()
    return made


def test_a_request_without_a_clock_gets_one_with_all_of_its_time(
    of_before: Request, clock: Clock, bob: Any
) -> None:
    assert clock.at(days=3) == [of_before.pk]  # Monday, 14:00
    (given,) = of_before.clocks.all()
    assert given.started_at == clock.now
    of_before.refresh_from_db()
    assert of_before.due_at == given.due_at == datetime(2026, 4, 21, 8, 0, tzinfo=UTC)
    event = Event.objects.get(action="approvals.request.time")
    assert event.subject_id == str(of_before.pk)
    page = signed_in(bob).get(reverse("approvals:request", args=[of_before.pk]))
    assert "gave it a time by which it is to be decided" in text_of(page)
    assert clock.at(days=3, hours=1) == []
    assert clock.at(days=3, hours=2) == [of_before.pk]  # half of the time: a reminder
    assert Notice.objects.filter(kind=NoticeKind.REMINDER).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [2, 8])
def test_a_clock_is_given_once_however_many_look(of_before: Request, size: int) -> None:
    outcomes = race([partial(tend_request, request_id=of_before.pk)] * size)
    assert sorted(outcomes) == [False] * (size - 1) + [True]
    assert StageClock.objects.count() == 1


def test_what_ended_without_a_clock_is_left_alone(
    of_before: Request, clock: Clock, bob: Any
) -> None:
    approve(of_before, bob)
    assert clock.at(days=3) == []
    assert not StageClock.objects.exists()

"""Leave and delegation over REST, on pages and in the admin."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.approvals.models import Delegation, Leave, WorkingHours
from apps.approvals.services import delegate, plan_leave
from tests.approvals.conftest import subject
from tests.approvals.test_admin import signed_in
from tests.approvals.test_pages import text_of

LEAVES, DELEGATIONS = "/api/approvals/leaves", "/api/approvals/delegations"

pytestmark = pytest.mark.django_db


def day(offset: int = 0) -> date:
    return timezone.now().date() + timedelta(days=offset)


def days(first: int = 1, last: int = 3) -> dict[str, str]:
    return {"starts_on": str(day(first)), "ends_on": str(day(last))}


def post(client: Any, path: str, content: Any = None) -> Any:
    return client.post(path, content, format="json")


@pytest.fixture
def handed(entity: Any, bob: Any, rita: Any) -> Delegation:
    return delegate(
        entity_id=entity.pk,
        delegate_id=rita.pk,
        item_type="write_off",
        starts_on=day(),
        ends_on=day(2),
        reason="Holiday",
        actor=bob,
    )


# --- REST -----------------------------------------------------------------------------------


def test_leave_is_planned_listed_and_cancelled(api: Any, bob: Any, connie: Any, otto: Any) -> None:
    made = post(api(bob), LEAVES, days())
    assert made.status_code == 201, made.data
    assert (made.data["person"], made.data["created_by"]) == ("bob", "bob")
    of_bob = post(api(connie), LEAVES, {"person": "bob@example.com", **days(7, 8)})
    assert (of_bob.data["person"], of_bob.data["created_by"]) == ("bob", "connie")
    cancelled = post(api(bob), f"{LEAVES}/{made.data['id']}/cancel")
    assert cancelled.data["cancelled_at"] is not None
    standing = api(otto).get(LEAVES, {"standing": "true", "person": "bob"}).data["results"]
    assert [one["id"] for one in standing] == [of_bob.data["id"]]


def test_what_would_stall_is_told_over_rest(
    api: Any, define: Any, ask: Any, bob: Any, alice: Any, victor: Any
) -> None:
    define()
    asked = ask()
    for client, person in ((api(bob), {}), (api(alice), {"person": "bob"})):
        found = client.get(f"{LEAVES}/stalls", {"on": str(day(1)), **person})
        assert [(one["request"], one["steps"], one["missing"]) for one in found.data] == [
            (asked.pk, [1], 1)
        ]
    assert api(bob).get(f"{LEAVES}/stalls", {"on": "soon"}).status_code == 422
    assert api(bob).get(f"{LEAVES}/stalls", {"on": str(day()), "person": "x"}).status_code == 422
    assert api(victor).get(f"{LEAVES}/stalls", {"on": str(day())}).status_code == 403


def test_a_delegation_is_made_listed_and_revoked(
    api: Any, bob: Any, rita: Any, otto: Any, charlie: Any
) -> None:
    wanted = {
        "entity": "HFS",
        "delegate": "rita",
        "cap_amount": "500.00",
        "cap_currency": "EUR",
        "reason": "Holiday",
        **days(),
    }
    made = post(api(bob), DELEGATIONS, wanted)
    assert made.status_code == 201, made.data
    assert (made.data["delegator"], made.data["delegate"]) == ("bob", "rita")
    assert (made.data["cap_amount"], made.data["item_type"]) == ("500.00", "")
    again = post(api(bob), DELEGATIONS, wanted)
    assert (again.status_code, again.data["error"]["code"]) == (409, "DELEGATION_OVERLAPS")
    assert post(api(charlie), DELEGATIONS, wanted).status_code == 404
    assert len(api(otto).get(DELEGATIONS).data["results"]) == 1
    assert api(charlie).get(DELEGATIONS).data["results"] == []
    revoked = post(api(rita), f"{DELEGATIONS}/{made.data['id']}/revoke")
    assert revoked.data["revoked_at"] is not None


@pytest.mark.parametrize(
    "change",
    [
        {"delegate": "nobody"},
        {"delegate": "bob"},
        {"item_type": "Write Off"},
        {"cap_amount": 5.5},
        {"ends_on": "2020-01-01"},
        {"extra": 1},
    ],
)
def test_a_delegation_that_makes_no_sense_is_refused(
    api: Any, bob: Any, rita: Any, change: dict[str, Any], unchanged: None
) -> None:
    wanted = {"entity": "HFS", "delegate": "rita", "reason": "Holiday", **days(), **change}
    assert post(api(bob), DELEGATIONS, wanted).status_code == 422


# --- Pages ----------------------------------------------------------------------------------


def test_the_page_tells_who_is_away_and_who_decides(
    client: Any, bob: Any, rita: Any, handed: Delegation
) -> None:
    leave = plan_leave(person_id=bob.pk, starts_on=day(1), ends_on=day(2), actor=bob)
    client.force_login(bob)
    page = text_of(client.get(reverse("approvals:away")))
    assert "You are away, or will be." in page
    assert "Rita" in page
    assert "Write off" in page
    answer = client.post(reverse("approvals:cancel-leave", args=[leave.pk]), follow=True)
    assert "Your leave is cancelled." in text_of(answer)
    assert "Somebody decides for you." in text_of(answer)
    client.force_login(rita)
    assert "For whom you decide" in text_of(client.get(reverse("approvals:away")))
    answer = client.post(reverse("approvals:revoke-delegation", args=[handed.pk]), follow=True)
    assert "Rita does not decide for Bob any more." in text_of(answer)
    assert "You are here, and decide for yourself." in text_of(answer)


def test_leave_is_looked_at_before_it_is_planned(
    client: Any, define: Any, ask: Any, bob: Any
) -> None:
    define()
    ask()
    client.force_login(bob)
    assert client.get(reverse("approvals:leave")).status_code == 200
    looked = client.post(reverse("approvals:leave"), {**days(), "look": "1"})
    assert "1 open request would stall" in text_of(looked)
    assert not Leave.objects.exists()
    define("other", stages=[{"role": "controller", "count": 1}])
    planned = client.post(reverse("approvals:leave"), days(), follow=True)
    assert "Your leave is planned." in text_of(planned)
    assert Leave.objects.get().person == bob


def test_leave_of_the_past_is_refused_on_its_page(client: Any, bob: Any) -> None:
    client.force_login(bob)
    for wrong in (days(-9, -5), {"starts_on": "soon", "ends_on": ""}):
        answer = client.post(reverse("approvals:leave"), wrong)
        assert answer.status_code == 422
    nothing = client.post(reverse("approvals:leave"), {**days(), "look": "1"})
    assert "No open request would stall" in text_of(nothing)
    assert not Leave.objects.exists()


def test_handing_over_on_its_page(client: Any, define: Any, bob: Any, rita: Any) -> None:
    define("write_off")
    client.force_login(bob)
    form = text_of(client.get(reverse("approvals:delegate")))
    assert "Write off" in form
    wanted = {"entity": "HFS", "delegate": "rita", "reason": "Holiday", **days()}
    refused = client.post(reverse("approvals:delegate"), {**wanted, "cap_amount": "5"})
    assert refused.status_code == 422
    assert "A cap needs its currency" in text_of(refused)
    done = client.post(reverse("approvals:delegate"), wanted, follow=True)
    assert "Rita decides for you on those days." in text_of(done)
    assert Delegation.objects.get().delegate == rita


@pytest.mark.parametrize("name", ["leave", "delegate"])
def test_who_decides_nothing_hands_nothing_over(client: Any, alice: Any, name: str) -> None:
    client.force_login(alice)
    assert client.get(reverse("approvals:away")).status_code == 200
    assert client.get(reverse(f"approvals:{name}")).status_code == 403


def test_a_decision_for_somebody_says_so(
    api: Any, client: Any, define: Any, ask: Any, rita: Any, bob: Any, entity: Any
) -> None:
    define(stages=[{"role": "approver", "count": 1}, {"role": "controller", "count": 1}])
    asked = ask(subject(2))
    delegate(
        entity_id=entity.pk,
        delegate_id=rita.pk,
        starts_on=day(-1),
        ends_on=day(2),
        reason="Holiday",
        actor=bob,
    )
    decided = post(
        api(rita),
        f"/api/approvals/requests/{asked.pk}/decide",
        {"verdict": "approve", "expected_version": 1, "comment": "", "attested": False},
    )
    assert decided.status_code == 200, decided.data
    assert decided.data["decisions"][0]["on_behalf_of"] == "bob"
    client.force_login(bob)
    page = text_of(client.get(reverse("approvals:request", args=[asked.pk])))
    assert "Rita for Bob" in page
    assert "as approver, for Bob" in page


# --- Admin ----------------------------------------------------------------------------------


def test_leave_and_delegations_in_the_admin(connie: Any, bob: Any, handed: Delegation) -> None:
    client = signed_in(connie)
    added = client.post(
        reverse("admin:approvals_leave_add"), {"person": bob.pk, **days()}, follow=True
    )
    assert added.status_code == 200
    leave = Leave.objects.get()
    assert leave.created_by == connie
    client.post(
        reverse("admin:approvals_leave_changelist"),
        {"action": "cancel", "_selected_action": [leave.pk]},
    )
    leave.refresh_from_db()
    assert leave.cancelled_at is not None
    client.post(
        reverse("admin:approvals_delegation_changelist"),
        {"action": "revoke", "_selected_action": [handed.pk]},
    )
    handed.refresh_from_db()
    assert handed.revoked_at is not None
    made = client.post(
        reverse("admin:approvals_delegation_add"),
        {
            "entity": handed.entity_id,
            "delegate": bob.pk,
            "item_type": "",
            "reason": "Holiday",
            **days(),
        },
    )
    assert made.status_code == 302
    assert Delegation.objects.get(delegator=connie).delegate == bob


# --- Working hours --------------------------------------------------------------------------

HOURS = "/api/approvals/hours"
IN_NEW_YORK = {
    "time_zone": "America/New_York",
    "weekdays": [0, 1, 2],
    "opens_at": "08:00",
    "closes_at": "16:30",
    "country": "US",
}


def test_hours_are_set_listed_and_ended_over_rest(
    api: Any, bob: Any, connie: Any, otto: Any, charlie: Any
) -> None:
    made = post(api(bob), HOURS, {**IN_NEW_YORK, "expected_version": 0})
    assert made.status_code == 201, made.data
    assert (made.data["person"], made.data["weekdays"], made.data["version"]) == (
        "bob",
        [0, 1, 2],
        1,
    )
    stale = post(api(connie), HOURS, {**IN_NEW_YORK, "person": "bob", "expected_version": 0})
    assert (stale.status_code, stale.data["error"]["code"]) == (409, "STALE_VERSION")
    wrong = post(api(bob), HOURS, {**IN_NEW_YORK, "closes_at": "08:00"})
    assert (wrong.status_code, wrong.data["error"]["code"]) == (422, "HOURS_INVALID")
    standing = api(otto).get(HOURS, {"standing": "true", "person": "bob"}).data["results"]
    assert [one["id"] for one in standing] == [made.data["id"]]
    assert api(charlie).get(HOURS).data["results"] == []
    path = f"{HOURS}/{made.data['id']}/end"
    assert post(api(charlie), path, {}).status_code == 404
    assert post(api(bob), path, {"expected_version": 2}).status_code == 409
    ended = post(api(bob), path, {"expected_version": 1})
    assert ended.data["ended_at"] is not None


def test_hours_are_set_on_their_page(client: Any, define: Any, ask: Any, bob: Any) -> None:
    client.force_login(bob)
    form = client.get(reverse("approvals:hours"))
    assert form.context["form"].initial["time_zone"] == "Europe/Amsterdam"
    seen = {**IN_NEW_YORK, "expected_version": "0"}
    refused = client.post(reverse("approvals:hours"), {**seen, "weekdays": [0], "country": "XX"})
    assert refused.status_code == 422
    assert "No public holidays are known" in text_of(refused)
    done = client.post(reverse("approvals:hours"), seen, follow=True)
    assert "08:00 to 16:30 America/New_York, Mon, Tue, Wed, holidays of US" in text_of(done)
    stale = client.post(reverse("approvals:hours"), seen)
    assert stale.status_code == 422
    assert client.get(reverse("approvals:hours")).context["form"].initial["expected_version"] == 1
    define(due_after_hours=4)
    asked = ask()
    page = text_of(client.get(reverse("approvals:request", args=[asked.pk])))
    assert "by then 1 of the 1 who could decide when it began has had all of them" in page
    hours = WorkingHours.objects.get()
    ended = client.post(reverse("approvals:end-hours", args=[hours.pk]), follow=True)
    assert "You work as your company does again." in text_of(ended)
    assert "Those of the company" in text_of(ended)


def test_who_decides_nothing_has_no_page_of_hours(client: Any, alice: Any) -> None:
    client.force_login(alice)
    assert client.get(reverse("approvals:hours")).status_code == 403


def test_hours_of_others_in_the_admin(connie: Any, bob: Any) -> None:
    client = signed_in(connie)
    wanted = {**IN_NEW_YORK, "person": bob.pk}
    added = client.post(reverse("admin:approvals_workinghours_add"), wanted, follow=True)
    hours = WorkingHours.objects.get()
    assert (hours.person, hours.created_by, added.status_code) == (bob, connie, 200)
    client.post(
        reverse("admin:approvals_workinghours_changelist"),
        {"action": "end", "_selected_action": [hours.pk]},
    )
    hours.refresh_from_db()
    assert hours.ended_at is not None

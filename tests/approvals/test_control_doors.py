"""What controllers and auditors ask, over REST and on pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.approvals.models import Request
from tests.approvals.test_pages import address, signed_in, text_of

pytestmark = pytest.mark.django_db

CANDIDATES = "/api/approvals/controls/candidates"
COULD = "/approvals/controls/could/"


@pytest.fixture
def asked(define: Any, ask: Any, bob: Any) -> Request:
    define()
    made: Request = ask()
    return made


def now() -> str:
    return timezone.now().isoformat()


# --- Who could have approved --------------------------------------------------------------------


def test_rest_tells_who_could_have_approved_a_request(
    api: Any, asked: Request, otto: Any, rita: Any
) -> None:
    found = api(otto).get(CANDIDATES, {"request": asked.pk, "at": now()})
    assert found.status_code == 200, found.data
    assert (found.data["entity"], found.data["policy"]) == ("HFS", asked.policy_id)
    assert found.data["standing"] == "It waited for 1 approver."
    assert [(one["person"], one["could"], one["code"]) for one in found.data["candidates"]] == [
        ("bob", True, ""),
        ("alice", False, "OWN_WORK"),
        ("connie", False, "ROLE_MISSING"),
        ("rita", False, "ROLE_MISSING"),
    ]


def test_rest_tells_it_of_what_nobody_asked_for(api: Any, asked: Request, connie: Any) -> None:
    wanted = {"entity": "HFS", "item_type": "reconciliation", "at": now()}
    found = api(connie).get(CANDIDATES, wanted)
    assert [one["person"] for one in found.data["candidates"] if one["could"]] == ["bob"]
    own = api(connie).get(CANDIDATES, {**wanted, "maker": "bob"})
    assert own.data["candidates"][0]["why"] == "had made it"
    none = api(connie).get(CANDIDATES, {**wanted, "item_type": "write_off"})
    assert (none.data["policy"], none.data["candidates"]) == (None, [])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"at": "soon", "request": "1"}, 422),
        ({"at": "2023-04-30T12:00:00Z"}, 422),
        ({"at": "2023-04-30T12:00:00Z", "entity": "HFS"}, 422),
        ({"at": "2023-04-30T12:00:00Z", "entity": "TKO", "item_type": "x"}, 404),
        ({"at": "2023-04-30T12:00:00Z", "request": "0"}, 422),
        ({"at": "2023-04-30T12:00:00Z", "request": "999999"}, 404),
        ({"at": "2999-04-30T12:00:00Z", "entity": "HFS", "item_type": "x"}, 422),
        (
            {"at": "2023-04-30T12:00:00Z", "entity": "HFS", "item_type": "x", "request": "1"},
            422,
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    api: Any, otto: Any, other_entity: Any, query: dict[str, str], status: int
) -> None:
    assert api(otto).get(CANDIDATES, query).status_code == status


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("connie", 200),
        ("otto", 200),
        ("bob", 403),
        ("alice", 403),
        ("victor", 403),
        ("charlie", 404),
    ],
)
def test_who_may_ask(request: Any, api: Any, asked: Request, name: str, status: int) -> None:
    user = request.getfixturevalue(name)
    wanted = {"request": asked.pk, "at": now()}
    assert api(user).get(CANDIDATES, wanted).status_code == status
    page = signed_in(user).get(reverse("approvals:could", args=[asked.pk]))
    assert page.status_code == status
    assert signed_in(user).get(COULD).status_code == (200 if status == 404 else status)


def test_the_page_of_a_request_leads_to_who_could(asked: Request, otto: Any, bob: Any) -> None:
    where = reverse("approvals:could", args=[asked.pk])
    assert where in signed_in(otto).get(address(asked)).content.decode()
    assert where not in signed_in(bob).get(address(asked)).content.decode()
    at = timezone.localtime() + timedelta(seconds=2)
    Request.objects.filter(pk=asked.pk).update(requested_at=timezone.now() - timedelta(hours=1))
    text = text_of(signed_in(otto).get(where))
    assert "1 of 3 people could have approved Bank, April 2023" in text
    assert "It waited for 1 approver." in text
    before = signed_in(otto).get(where, {"at": "2023-04-30T12:00"})
    assert "It had not been asked for yet" in text_of(before)
    later = signed_in(otto).get(where, {"at": (at + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")})
    assert later.status_code == 422
    assert "This instant has not come yet." in text_of(later)
    assert signed_in(otto).get(where, {"at": "soon"}).status_code == 422


def test_when_nobody_could_the_page_says_so(
    asked: Request, otto: Any, bob: Any, system: Any
) -> None:
    from apps.approvals.services import recheck_requests
    from apps.identity.services import deactivate_user

    deactivate_user(user_id=bob.pk, actor=system)
    where = reverse("approvals:could", args=[asked.pk])
    text = text_of(signed_in(otto).get(where, {"at": _local()}))
    assert "Nobody could have approved Bank, April 2023" in text
    recheck_requests(entity_id=asked.entity_id)
    text = text_of(signed_in(otto).get(where, {"at": _local()}))
    assert "Nobody could decide on it: nobody can approve." in text


def _local() -> str:
    return timezone.localtime(timezone=asked_zone()).strftime("%Y-%m-%dT%H:%M:%S.%f")


def asked_zone() -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo("Europe/Amsterdam")


def test_the_page_of_any_request_asks_and_answers(asked: Request, connie: Any) -> None:
    browser = signed_in(connie)
    assert "Name an instant" in text_of(browser.get(COULD))
    wanted = {"entity": "HFS", "item_type": "reconciliation", "at": "2023-04-30T12:00"}
    none = browser.get(COULD, wanted)
    assert "No policy that was in force then asked for an approval." in text_of(none)
    found = browser.get(COULD, {**wanted, "at": _local()})
    assert "could have approved Any reconciliation" in text_of(found)
    half = browser.get(COULD, {**wanted, "amount": "5"})
    assert (half.status_code, half.context["found"]) == (422, None)
    strange = browser.get(COULD, {**wanted, "entity": "TKO"})
    assert strange.status_code == 422


def test_lists_lead_to_the_controls_for_whoever_may_ask(connie: Any, bob: Any) -> None:
    assert COULD in signed_in(connie).get("/approvals/all/").content.decode()
    assert COULD not in signed_in(bob).get("/approvals/all/").content.decode()

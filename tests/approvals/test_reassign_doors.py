"""Giving a seat to somebody else over REST and on the page."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.models import Reassignment, Request
from apps.approvals.services import reassign
from tests.approvals.test_pages import CAST, address, signed_in, text_of, told
from tests.approvals.test_rest import REQUESTS, YES, post

MOVE = {"from_person": "bob", "to_person": "rita", "reason": "He is ill.", "expected_version": 1}


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any, rita: Any) -> Request:
    define()
    made: Request = ask()
    return made


def page_of(request: Request) -> str:
    return f"{address(request)}reassign/"


# --- REST ------------------------------------------------------------------------------------


def test_a_controller_moves_a_seat_once(
    api: Any, waiting: Request, connie: Any, bob: Any, rita: Any
) -> None:
    path = f"{REQUESTS}/{waiting.pk}/reassign"
    answer = post(api(connie), path, MOVE, **{"Idempotency-Key": "m"})
    assert answer.status_code == 200
    (moved,) = answer.json()["reassignments"]
    assert moved["reassigned_at"]
    assert {name: moved[name] for name in moved if name != "reassigned_at"} == {
        "stage": 0,
        "from_person": "bob",
        "to_person": "rita",
        "reason": "He is ill.",
        "reassigned_by": "connie",
    }
    assert answer.json()["version"] == 2
    again = post(api(connie), path, MOVE, **{"Idempotency-Key": "m"})
    assert again.json() == answer.json()
    assert Reassignment.objects.count() == 1
    late = post(api(bob), f"{REQUESTS}/{waiting.pk}/decide", YES | {"expected_version": 2})
    assert (late.status_code, late.json()["error"]["code"]) == (403, "HANDED_OVER")
    listed = api(rita).get(f"{REQUESTS}?inbox=true").json()["results"]
    assert [row["id"] for row in listed] == [waiting.pk]


@pytest.mark.parametrize(
    ("who", "changes", "status", "code"),
    [
        ("connie", {"from_person": "nobody"}, 422, "VALIDATION_ERROR"),
        ("connie", {"from_person": "rita"}, 422, "SEAT_MISSING"),
        ("connie", {"to_person": "alice"}, 422, "NOT_ELIGIBLE"),
        ("connie", {"reason": ""}, 422, "VALIDATION_ERROR"),
        ("connie", {"expected_version": 2}, 409, "STALE_VERSION"),
        ("connie", {"to_person": "connie"}, 403, "NOT_PERMITTED"),
        ("connie", {"force": True}, 422, "VALIDATION_ERROR"),
        ("alice", {}, 403, "NOT_PERMITTED"),
        ("otto", {}, 403, "NOT_PERMITTED"),
        ("rita", {}, 403, "NOT_PERMITTED"),
        ("ivy", {}, 403, "NOT_PERMITTED"),
        ("charlie", {}, 404, "NOT_FOUND"),
        (None, {}, 401, "NOT_AUTHENTICATED"),
    ],
)
def test_what_is_refused_changes_nothing(
    request: pytest.FixtureRequest,
    api: Any,
    waiting: Request,
    connie: Any,
    table_counts: Any,
    who: str | None,
    changes: dict[str, Any],
    status: int,
    code: str,
) -> None:
    actor = request.getfixturevalue(who) if who else None
    before = table_counts()
    answer = post(api(actor), f"{REQUESTS}/{waiting.pk}/reassign", MOVE | changes)
    assert answer.status_code == status
    if code not in {"VALIDATION_ERROR", "NOT_AUTHENTICATED"}:
        assert answer.json()["error"]["code"] == code
    assert table_counts() == before


# --- The page --------------------------------------------------------------------------------


def test_the_page_offers_who_may_take_it_and_says_what_it_does(
    waiting: Request, connie: Any, rita: Any, bob: Any
) -> None:
    visitor = signed_in(connie)
    assert page_of(waiting) in visitor.get(address(waiting)).content.decode()
    page = visitor.get(page_of(waiting))
    assert "This step needs 1 approver." in text_of(page)
    form = page.context["form"]
    assert [one.username for one in form.fields["from_person"].queryset] == ["bob"]
    assert [one.username for one in form.fields["to_person"].queryset] == ["rita"]
    assert visitor.post(page_of(waiting), MOVE | {"reason": " "}).status_code == 422
    assert visitor.post(page_of(waiting), MOVE | {"expected_version": "9"}).status_code == 409
    done = visitor.post(page_of(waiting), MOVE)
    assert (done.status_code, done["Location"]) == (302, address(waiting))
    assert told(done) == ["Rita has the seat of Bob now."]
    shown = text_of(signed_in(rita).get(address(waiting)))
    assert "the seat of Bob went to Rita" in shown
    assert "gave the seat of Bob to Rita" in shown
    assert "He is ill." in shown
    assert "given to somebody else" in text_of(signed_in(bob).get(address(waiting)))


def test_who_looked_before_reads_what_changed(
    waiting: Request, connie: Any, rita: Any, bob: Any
) -> None:
    from apps.approvals.services import attach
    from tests.approvals.test_evidence_races import NOTE

    attach(request_id=waiting.pk, evidence=NOTE, actor=connie)
    reassign(
        request_id=waiting.pk, from_person_id=bob.pk, to_person_id=rita.pk, reason="x", actor=bob
    )
    page = signed_in(rita).post(address(waiting), YES | {"attested": "on"})
    assert page.status_code == 409
    assert "Seats moved" in text_of(page)
    assert "Bob to Rita" in text_of(page)


def test_the_button_is_for_those_who_may(request: pytest.FixtureRequest, waiting: Request) -> None:
    offered, answered = set(), {}
    for name in CAST:
        visitor = signed_in(request.getfixturevalue(name))
        if page_of(waiting) in visitor.get(address(waiting)).content.decode():
            offered.add(name)
        answered[name] = visitor.get(page_of(waiting)).status_code
    assert offered == {"bob", "connie"}
    assert answered == dict.fromkeys(CAST, 403) | {
        "bob": 200,
        "connie": 200,
        "charlie": 404,
    }


def test_nobody_is_offered_a_seat_of_what_is_decided(
    api: Any, waiting: Request, bob: Any, connie: Any
) -> None:
    assert post(api(bob), f"{REQUESTS}/{waiting.pk}/decide", YES).status_code == 200
    visitor = signed_in(connie)
    assert page_of(waiting) not in visitor.get(address(waiting)).content.decode()
    assert visitor.get(page_of(waiting)).status_code == 403

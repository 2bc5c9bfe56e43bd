"""Revoking over REST and on the page."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.models import Request
from apps.approvals.services import use_approval
from apps.approvals.states import RequestStatus
from tests.approvals.conftest import HASH, subject
from tests.approvals.test_pages import CAST, address, signed_in, text_of, told
from tests.approvals.test_rest import REQUESTS, post
from tests.approvals.test_revoke import approve


@pytest.fixture
def approved(define: Any, ask: Any, bob: Any) -> Request:
    define()
    return approve(ask(), bob)


def act_upon(actor: Any) -> None:
    assert use_approval(subject=subject(), subject_hash=HASH, actor=actor) is not None


# --- REST ------------------------------------------------------------------------------------


def test_whoever_decided_revokes_once(api: Any, approved: Request, bob: Any) -> None:
    path, content = f"{REQUESTS}/{approved.pk}/revoke", {"reason": "x", "expected_version": 2}
    answer = post(api(bob), path, content, **{"Idempotency-Key": "r"})
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["used_at"]) == ("revoked", None)
    again = post(api(bob), path, content, **{"Idempotency-Key": "r"})
    assert again.json() == answer.json()
    late = post(api(bob), path, content)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "ILLEGAL_MOVE")


@pytest.mark.parametrize(
    ("who", "content", "status"),
    [
        ("bob", {}, 422),
        ("bob", {"reason": "x"}, 422),
        ("bob", {"reason": "", "expected_version": 2}, 422),
        ("bob", {"reason": "x", "expected_version": 1}, 409),
        ("bob", {"reason": "x", "expected_version": 2, "force": True}, 422),
        ("alice", {"reason": "x", "expected_version": 2}, 403),
        ("rita", {"reason": "x", "expected_version": 2}, 403),
        ("otto", {"reason": "x", "expected_version": 2}, 403),
        ("ivy", {"reason": "x", "expected_version": 2}, 403),
        ("charlie", {"reason": "x", "expected_version": 2}, 404),
        (None, {"reason": "x", "expected_version": 2}, 401),
    ],
)
def test_what_is_refused_changes_nothing(
    request: pytest.FixtureRequest,
    api: Any,
    approved: Request,
    table_counts: Any,
    who: str | None,
    content: dict[str, Any],
    status: int,
) -> None:
    actor = request.getfixturevalue(who) if who else None
    before = table_counts()
    assert post(api(actor), f"{REQUESTS}/{approved.pk}/revoke", content).status_code == status
    assert table_counts() == before


def test_what_was_acted_upon_is_refused_with_what_undoes_it(
    api: Any, approved: Request, bob: Any, alice: Any
) -> None:
    act_upon(alice)
    content = {"reason": "x", "expected_version": 2}
    error = post(api(bob), f"{REQUESTS}/{approved.pk}/revoke", content).json()["error"]
    assert error["code"] == "APPROVAL_USED"
    assert api(bob).get(f"{REQUESTS}/{approved.pk}").json()["used_at"] is not None


# --- The page --------------------------------------------------------------------------------


def test_the_page_says_what_it_does_and_asks_why(approved: Request, bob: Any, alice: Any) -> None:
    path = f"{address(approved)}revoke/"
    assert path in signed_in(bob).get(address(approved)).content.decode()
    page = signed_in(bob).get(path)
    assert "The approval by Bob ends here" in text_of(page)
    empty = signed_in(bob).post(path, {"reason": "", "expected_version": "2"})
    assert empty.status_code == 422
    done = signed_in(bob).post(path, {"reason": "Wrong month.", "expected_version": "2"})
    assert (done.status_code, done["Location"]) == (302, address(approved))
    assert told(done) == [f"{approved.title}: the approval is revoked."]
    shown = text_of(signed_in(alice).get(address(approved)))
    assert "Revoked on" in shown
    assert "revoked the approval" in shown
    assert "Wrong month." in shown


def test_the_button_is_for_those_who_may(request: pytest.FixtureRequest, approved: Request) -> None:
    path = f"{address(approved)}revoke/"
    offered = set()
    for name in CAST:
        page = signed_in(request.getfixturevalue(name)).get(address(approved))
        if path in page.content.decode():
            offered.add(name)
    assert offered == {"bob", "connie"}


@pytest.mark.parametrize("state", ["waiting", "used"])
def test_there_is_no_button_before_and_after(
    define: Any, ask: Any, bob: Any, connie: Any, state: str
) -> None:
    define()
    made = ask()
    if state == "used":
        approve(made, bob)
        act_upon(connie)
    page = signed_in(connie).get(address(made))
    assert f"{address(made)}revoke/" not in page.content.decode()
    assert ("Acted upon" in text_of(page)) == (state == "used")


@pytest.mark.parametrize(
    ("who", "version", "status"),
    [("alice", "2", 403), ("charlie", "2", 404), ("bob", "1", 409), ("bob", "", 422)],
)
def test_the_page_refuses_like_the_service(
    request: pytest.FixtureRequest, approved: Request, who: str, version: str, status: int
) -> None:
    path = f"{address(approved)}revoke/"
    visitor = signed_in(request.getfixturevalue(who))
    assert visitor.post(path, {"reason": "x", "expected_version": version}).status_code == status
    approved.refresh_from_db()
    assert approved.status == RequestStatus.APPROVED

"""Approving several at once: ticks in the inbox, a page that says what happens, and REST."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.models import Decision, Request
from tests.approvals.conftest import subject
from tests.approvals.test_pages import INBOX, signed_in, text_of, told
from tests.approvals.test_rest import POLICIES, POLICY, REQUESTS, post

BULK = "/approvals/bulk/"


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any) -> list[Request]:
    """Two that can be approved together, and one that wants a comment."""
    define(bulk_allowed=True)
    define("other_kind", needs_comment=True)
    facts = {"amount": Decimal("10.5"), "currency": "EUR"}
    made = [ask(subject(number), title=f"Bank {number}", **facts) for number in range(2)]
    return [*made, ask(subject(2), title="Odd", item_type="other_kind")]


def chosen(*requests: Request) -> dict[str, Any]:
    return {"chosen": [f"{one.pk}:{one.version}" for one in requests]}


def test_one_ticks_looks_and_confirms(waiting: list[Request], bob: Any) -> None:
    visitor = signed_in(bob)
    html = visitor.get(INBOX).content.decode()
    assert html.count('name="chosen"') == 2  # the third is decided on its own
    page = visitor.post(BULK, chosen(*waiting))
    text = text_of(page)
    assert "2 requests, 21.00 EUR in all, would be approved, each for itself. 1 is left out" in text
    assert "Odd: Its policy wants a decision on each." in text
    assert not Decision.objects.exists()
    done = visitor.post(BULK, {**chosen(*waiting), "confirmed": "1"})
    assert (done.status_code, done["Location"]) == (302, INBOX)
    assert told(done) == [
        "2 approved.",
        "Odd: not approved. Its policy wants a decision on each.",
    ]
    assert Decision.objects.count() == 2


def test_nothing_chosen_or_nothing_that_can_be(waiting: list[Request], bob: Any) -> None:
    visitor = signed_in(bob)
    assert told(visitor.post(BULK)) == ["Choose requests first."]
    text = text_of(visitor.post(BULK, chosen(waiting[2])))
    assert "None of these can be approved together with others." in text
    done = visitor.post(BULK, {**chosen(waiting[2]), "confirmed": "1"})
    assert told(done) == ["Odd: not approved. Its policy wants a decision on each."]


@pytest.mark.parametrize("value", ["x", "1", "1:x", "1:2:3"])
def test_a_form_that_makes_no_sense(waiting: list[Request], bob: Any, value: str) -> None:
    assert signed_in(bob).post(BULK, {"chosen": [value]}).status_code == 422


@pytest.mark.parametrize("who", ["alice", "connie", "charlie"])
def test_others_approve_nothing(
    request: pytest.FixtureRequest, waiting: list[Request], who: str
) -> None:
    visitor = signed_in(request.getfixturevalue(who))
    answer = visitor.post(BULK, {**chosen(*waiting), "confirmed": "1"})
    assert answer.status_code == 302
    assert not Decision.objects.exists()


def test_without_such_a_policy_there_is_nothing_to_tick(define: Any, ask: Any, bob: Any) -> None:
    define()
    ask()
    html = signed_in(bob).get(INBOX).content.decode()
    assert "chosen" not in html


def test_rest_says_of_each_what_became_of_it(api: Any, waiting: list[Request], bob: Any) -> None:
    content = {"requests": [{"request": one.pk, "expected_version": 1} for one in waiting]}
    answer = post(api(bob), f"{REQUESTS}/approve", content, **{"Idempotency-Key": "b"})
    assert answer.status_code == 200
    assert answer.json() == [
        {"request": waiting[0].pk, "is_approved": True, "why_not": ""},
        {"request": waiting[1].pk, "is_approved": True, "why_not": ""},
        {
            "request": waiting[2].pk,
            "is_approved": False,
            "why_not": "Its policy wants a decision on each.",
        },
    ]
    again = post(api(bob), f"{REQUESTS}/approve", content, **{"Idempotency-Key": "b"})
    assert again.json() == answer.json()
    assert Decision.objects.count() == 2


@pytest.mark.parametrize(
    ("who", "content", "status"),
    [
        ("bob", {}, 422),
        ("bob", {"requests": []}, 422),
        ("bob", {"requests": [{"request": 1}]}, 422),
        ("victor", {"requests": [{"request": 1, "expected_version": 1}]}, 403),
        (None, {"requests": [{"request": 1, "expected_version": 1}]}, 401),
    ],
)
def test_rest_refuses(
    request: pytest.FixtureRequest,
    api: Any,
    waiting: list[Request],
    who: str | None,
    content: dict[str, Any],
    status: int,
) -> None:
    actor = request.getfixturevalue(who) if who else None
    assert post(api(actor), f"{REQUESTS}/approve", content).status_code == status
    assert not Decision.objects.exists()


def test_rest_puts_the_flag_in_force(api: Any, connie: Any) -> None:
    assert post(api(connie), POLICIES, POLICY).json()["bulk_allowed"] is False
    made = post(api(connie), POLICIES, POLICY | {"bulk_allowed": True}).json()
    assert made["bulk_allowed"] is True

"""POST /auth/register and /auth/reset-password."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axes.models import AccessAttempt

from apps.audit.models import Event
from apps.identity.models import User
from tests.identity.conftest import bearer

NINA = {"username": "nina", "email": "Nina@Example.com", "first_name": "Nina"}
NEW = "a-password-of-my-own"


def reset(outside: Any, **content: Any) -> Any:
    return outside.post("/auth/reset-password", content, format="json")


def mailed_key(mailoutbox: list[Any]) -> str:
    """The key in the link of the last mail."""
    found = re.search(r"/accounts/password/reset/key/([^/\s]+)/", mailoutbox[-1].body)
    assert found is not None
    return found[1]


def test_an_administrator_creates_a_user_who_chooses_his_own_password(
    api: Any, ada: Any, outside: Any, mailoutbox: list[Any]
) -> None:
    answer = api(ada).post("/auth/register", NINA, format="json")
    assert answer.status_code == 201
    assert answer.json()["email"] == "nina@example.com"
    assert not User.objects.get(username="nina").has_usable_password()
    assert reset(outside, email="nina@example.com").status_code == 204
    assert reset(outside, key=mailed_key(mailoutbox), password=NEW).status_code == 204
    content = {"username": "nina", "password": NEW}
    assert outside.post("/auth/login", content, format="json").status_code == 200


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        (None, 403, "REGISTRATION_CLOSED"),
        ("alice", 403, "NOT_PERMITTED"),
        ("bob", 403, "NOT_PERMITTED"),
        ("connie", 403, "NOT_PERMITTED"),
        ("otto", 403, "NOT_PERMITTED"),
        ("ivy", 403, "NOT_PERMITTED"),
        ("victor", 403, "NOT_PERMITTED"),
    ],
)
def test_nobody_else_registers_anybody(
    request: pytest.FixtureRequest,
    api: Any,
    table_counts: Any,
    who: str | None,
    status: int,
    code: str,
) -> None:
    actor = request.getfixturevalue(who) if who else None
    before = table_counts()
    answer = api(actor).post("/auth/register", NINA, format="json")
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert table_counts() == before


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"username": "ALICE"}, 409),
        ({"email": "ALICE@example.com"}, 409),
        ({"username": "alice@example.com"}, 409),
        ({"username": ""}, 422),
        ({"username": "with space"}, 422),
        ({"email": "nowhere"}, 422),
        ({"password": NEW}, 422),
        ({"is_superuser": True}, 422),
    ],
)
def test_a_user_that_cannot_be_is_refused(
    api: Any, ada: Any, alice: Any, table_counts: Any, changes: dict[str, Any], status: int
) -> None:
    before = table_counts()
    answer = api(ada).post("/auth/register", NINA | changes, format="json")
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert table_counts() == before


def test_a_repeated_request_creates_one_user(api: Any, ada: Any) -> None:
    headers = {"Idempotency-Key": "nina-1"}
    answers = [
        api(ada).post("/auth/register", NINA, format="json", headers=headers) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert User.objects.filter(username="nina").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_new_password_commits_ends_sessions_and_opens_the_lock(
    outside: Any, sign_in: Any, alice: Any, mailoutbox: list[Any]
) -> None:
    answer = sign_in(alice)
    for _ in range(5):
        sign_in(alice, password="wrong")
    assert sign_in(alice).status_code == 429
    reset(outside, email="ALICE@example.com")
    assert reset(outside, key=mailed_key(mailoutbox), password=NEW).status_code == 204
    assert outside.get("/api/identity/me", headers=bearer(answer)).status_code == 401
    assert not AccessAttempt.objects.exists()
    assert sign_in(alice, password=NEW).status_code == 200
    assert Event.objects.filter(action="identity.password.change", actor=alice).count() == 1


def test_a_key_works_once_and_not_after_another_sign_in(
    outside: Any, sign_in: Any, alice: Any, mailoutbox: list[Any]
) -> None:
    reset(outside, email="alice@example.com")
    first = mailed_key(mailoutbox)
    assert reset(outside, key=first, password=NEW).status_code == 204
    assert reset(outside, key=first, password="yet-another-password").status_code == 422
    reset(outside, email="alice@example.com")
    sign_in(alice, password=NEW)
    stale = reset(outside, key=mailed_key(mailoutbox), password="third-password-of-mine")
    assert stale.status_code == 422
    assert sign_in(alice, password=NEW).status_code == 200


def test_an_unknown_address_gets_the_same_answer(
    outside: Any, alice: Any, mailoutbox: list[Any]
) -> None:
    known = reset(outside, email="alice@example.com")
    unknown = reset(outside, email="nobody@example.com")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert "/accounts/password/reset/key/" in mailoutbox[0].body
    assert mailoutbox[1].to == ["nobody@example.com"]
    assert "There is no active account" in mailoutbox[1].body
    assert "/accounts/" not in mailoutbox[1].body  # nothing to click: nobody signs up himself


def test_a_deactivated_user_gets_no_link(
    outside: Any, alice: Any, ada: Any, mailoutbox: list[Any]
) -> None:
    from apps.identity.services import deactivate_user

    deactivate_user(user_id=alice.pk, actor=ada)
    assert reset(outside, email="alice@example.com").status_code == 204
    assert "There is no active account" in mailoutbox[0].body


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"email": "nowhere"},
        {"email": "alice@example.com", "password": NEW},
        {"key": "x-y"},
        {"password": NEW},
        {"key": "x-y", "password": NEW},
        {"key": "", "password": NEW},
        {"email": "alice@example.com", "username": "alice"},
    ],
)
def test_resets_that_make_no_sense_are_refused(
    outside: Any, alice: Any, table_counts: Any, content: dict[str, Any]
) -> None:
    before = table_counts()
    answer = reset(outside, **content)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "INVALID"
    assert table_counts() == before


@pytest.mark.parametrize("password", ["short", "q1w2e3r4t5y6", "alice@example.com"])
def test_weak_passwords_are_refused_with_the_reason(
    outside: Any, sign_in: Any, alice: Any, mailoutbox: list[Any], password: str
) -> None:
    reset(outside, email="alice@example.com")
    answer = reset(outside, key=mailed_key(mailoutbox), password=password)
    assert answer.status_code == 422
    assert "password" in answer.json()["error"]["details"]
    assert sign_in(alice).status_code == 200


def test_asking_for_links_is_limited(outside: Any, alice: Any, mailoutbox: list[Any]) -> None:
    answers = [reset(outside, email="alice@example.com").status_code for _ in range(6)]
    assert answers == [204] * 5 + [429]
    assert len(mailoutbox) == 5

"""POST /auth/mfa/setup and /auth/mfa/verify."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator

from apps.audit.models import Event
from tests.identity.conftest import bearer, code_of, password_of


def setup(outside: Any, user: Any, headers: dict[str, str], **changes: Any) -> Any:
    content = {"password": password_of(user)} | changes
    return outside.post("/auth/mfa/setup", content, format="json", headers=headers)


def verify(outside: Any, content: dict[str, Any], **headers: str) -> Any:
    return outside.post("/auth/mfa/verify", content, format="json", headers=headers)


@pytest.fixture
def secret(outside: Any, sign_in: Any, alice: Any) -> str:
    """Alice's authenticator is set up; its secret."""
    headers = bearer(sign_in(alice))
    made = setup(outside, alice, headers)
    assert made.status_code == 200
    found: str = made.json()["secret"]
    answer = verify(outside, {"code": code_of(found)}, **headers)
    assert answer.status_code == 200
    assert len(answer.json()["recovery_codes"]) == 10
    return found


@pytest.fixture
def waiting(sign_in: Any, alice: Any, secret: str) -> str:
    """The session token of a sign-in of Alice that lacks the code."""
    answer = sign_in(alice)
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert error["code"] == "MFA_REQUIRED"
    assert "access_token" not in answer.content.decode()
    token: str = error["details"]["session_token"]
    return token


@pytest.mark.django_db(transaction=True)
def test_the_secret_is_sealed_in_the_database_and_the_change_on_record(
    secret: str, alice: Any
) -> None:
    stored = Authenticator.objects.get(user=alice, type=Authenticator.Type.TOTP)
    assert secret not in str(stored.data)
    recorded = Event.objects.filter(action="identity.second_factor.add", actor=alice)
    assert {event.details["kind"] for event in recorded} == {"totp", "recovery_codes"}


def test_password_and_code_together_sign_in(outside: Any, waiting: str, secret: str) -> None:
    answer = verify(outside, {"session_token": waiting, "code": code_of(secret)})
    assert answer.status_code == 200
    assert outside.get("/api/identity/me", headers=bearer(answer)).status_code == 200


def test_a_code_works_once(
    outside: Any, sign_in: Any, alice: Any, waiting: str, secret: str
) -> None:
    code = code_of(secret)
    verify(outside, {"session_token": waiting, "code": code})
    again = sign_in(alice).json()["error"]["details"]["session_token"]
    answer = verify(outside, {"session_token": again, "code": code})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "CODE_WRONG"


def test_a_recovery_code_stands_in_once(
    outside: Any, sign_in: Any, alice: Any, waiting: str
) -> None:
    codes = Authenticator.objects.get(user=alice, type=Authenticator.Type.RECOVERY_CODES)
    code = codes.wrap().get_unused_codes()[0]
    assert verify(outside, {"session_token": waiting, "code": code}).status_code == 200
    again = sign_in(alice).json()["error"]["details"]["session_token"]
    assert verify(outside, {"session_token": again, "code": code}).status_code == 401


def test_the_session_token_alone_opens_nothing(outside: Any, waiting: str) -> None:
    for headers in ({"X-Session-Token": waiting}, {"Authorization": f"Bearer {waiting}"}):
        assert outside.get("/api/identity/me", headers=headers).status_code == 401
    outside.cookies["sessionid"] = waiting
    assert outside.get("/api/identity/me").status_code == 401


def test_the_session_token_dies_with_the_sign_in(outside: Any, waiting: str, secret: str) -> None:
    """The session gets a new key when somebody signs in (no session fixation)."""
    assert verify(outside, {"session_token": waiting, "code": code_of(secret)}).status_code == 200
    answer = verify(outside, {"session_token": waiting, "code": code_of(secret, steps_later=1)})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "SIGN_IN_EXPIRED"


@pytest.mark.parametrize("token", ["nothing-like-it", "a" * 32])
def test_an_unknown_session_token_is_refused(outside: Any, db: None, token: str) -> None:
    answer = verify(outside, {"session_token": token, "code": "123456"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "SIGN_IN_EXPIRED"


def test_guessing_codes_is_stopped(outside: Any, waiting: str, secret: str) -> None:
    wrong = f"{(int(code_of(secret)) + 500_000) % 1_000_000:06}"
    answers = [verify(outside, {"session_token": waiting, "code": wrong}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 401, 429]
    right = verify(outside, {"session_token": waiting, "code": code_of(secret)})
    assert right.status_code == 429


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ({"code": "123456"}, 401, "NOT_AUTHENTICATED"),
        ({}, 422, "INVALID"),
        ({"code": ""}, 422, "INVALID"),
        ({"code": "1" * 50}, 422, "INVALID"),
        ({"code": "123456", "trust": True}, 422, "INVALID"),
    ],
)
def test_incomplete_verifications_are_refused(
    outside: Any, db: None, content: dict[str, Any], status: int, code: str
) -> None:
    answer = verify(outside, content)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


def test_the_set_up_asks_for_the_password_again(outside: Any, sign_in: Any, alice: Any) -> None:
    headers = bearer(sign_in(alice))
    refused = setup(outside, alice, headers, password="wrong")
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "CREDENTIALS_WRONG"
    assert setup(outside, alice, headers).status_code == 200


def test_a_code_without_the_set_up_before_it_asks_for_the_password(
    outside: Any, sign_in: Any, alice: Any
) -> None:
    from allauth.account.internal.flows import reauthentication

    headers = bearer(sign_in(alice))
    found = setup(outside, alice, headers).json()["secret"]
    with pytest.MonkeyPatch.context() as patch:  # as if the password was given long ago
        patch.setattr(reauthentication.app_settings, "REAUTHENTICATION_TIMEOUT", -1)
        answer = verify(outside, {"code": code_of(found)}, **headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "PASSWORD_ASKED_AGAIN"
    assert not Authenticator.objects.exists()


def test_a_wrong_first_code_sets_nothing_up(outside: Any, sign_in: Any, alice: Any) -> None:
    headers = bearer(sign_in(alice))
    found = setup(outside, alice, headers).json()["secret"]
    wrong = f"{(int(code_of(found)) + 500_000) % 1_000_000:06}"
    answer = verify(outside, {"code": wrong}, **headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "CODE_WRONG"
    assert not Authenticator.objects.exists()
    assert sign_in(alice).status_code == 200


def test_a_second_authenticator_is_refused(
    outside: Any, alice: Any, waiting: str, secret: str
) -> None:
    headers = bearer(verify(outside, {"session_token": waiting, "code": code_of(secret)}))
    answer = setup(outside, alice, headers)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "MFA_ALREADY_ACTIVE"


def test_the_set_up_is_for_bearers(outside: Any, alice: Any) -> None:
    assert setup(outside, alice, {}).status_code == 401

"""POST /auth/login, /auth/logout, /auth/token/refresh."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.utils import timezone

from apps.audit.models import Event
from apps.identity.models import User
from apps.identity.services import change_password, deactivate_user, reactivate_user
from tests.identity.conftest import bearer, password_of


def me(outside: Any, answer: Any) -> int:
    """The status of a look at oneself with the token of a sign-in."""
    return int(outside.get("/api/identity/me", headers=bearer(answer)).status_code)


def test_a_password_is_exchanged_for_tokens_that_open_the_doors(
    outside: Any, sign_in: Any, alice: Any
) -> None:
    answer = sign_in(alice)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert answer.json()["expires_in"] == 900
    seen = outside.get("/api/identity/me", headers=bearer(answer))
    assert seen.status_code == 200
    assert seen.json()["username"] == "alice"


@pytest.mark.parametrize(
    "name",
    [{"username": "ALICE"}, {"username": None, "email": "Alice@Example.com"}],
    ids=["another case", "e-mail address"],
)
def test_the_name_may_be_written_otherwise(
    sign_in: Any, alice: Any, outside: Any, name: dict[str, Any]
) -> None:
    content = {"username": "alice", "password": password_of(alice)} | name
    content = {key: value for key, value in content.items() if value is not None}
    answer = outside.post("/auth/login", content, format="json")
    assert answer.status_code == 200


def test_signing_in_and_out_goes_on_record(outside: Any, sign_in: Any, alice: Any) -> None:
    answer = sign_in(alice)
    outside.post("/auth/logout", headers=bearer(answer))
    actions = Event.objects.filter(actor=alice).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["identity.session.open", "identity.session.close"]
    assert User.objects.get(pk=alice.pk).last_login is not None


@pytest.mark.django_db(transaction=True)
def test_signing_in_commits(sign_in: Any, alice: Any) -> None:
    """The database refuses, at commit, a change of a user without an audit event."""
    assert sign_in(alice).status_code == 200
    assert User.objects.get(pk=alice.pk).last_login is not None


@pytest.mark.django_db(transaction=True)
def test_a_stronger_hasher_takes_over_at_the_next_sign_in(
    sign_in: Any, alice: Any, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    assert sign_in(alice).status_code == 200
    assert User.objects.get(pk=alice.pk).password.startswith("scrypt")
    assert Event.objects.filter(action="identity.password.rehash").count() == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"password": "wrong"}, 401, "CREDENTIALS_WRONG"),
        ({"username": "nobody"}, 401, "CREDENTIALS_WRONG"),
        ({"username": "finflow", "password": "!"}, 401, "CREDENTIALS_WRONG"),
        ({"password": ""}, 422, "INVALID"),
        ({"password": None}, 422, "INVALID"),
        ({"password": "x" * 2000}, 422, "INVALID"),
        ({"username": ["alice"]}, 422, "INVALID"),
        ({"username": "alice\0"}, 422, "INVALID"),
        ({"email": "alice@example.com"}, 422, "INVALID"),
        ({"remember": True}, 422, "INVALID"),
    ],
)
def test_refused_sign_ins_give_the_envelope_and_no_token(
    sign_in: Any, alice: Any, table_counts: Any, changes: Any, status: int, code: str
) -> None:
    before = table_counts()
    answer = sign_in(alice, **changes)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["timestamp"]
    assert "access_token" not in str(answer.content)
    assert table_counts() == before
    assert not Session.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"a": 1, "a": 2}', b"\xff"])
def test_what_is_no_json_object_is_refused(outside: Any, db: None, body: bytes) -> None:
    answer = outside.generic("POST", "/auth/login", body, content_type="application/json")
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["code"] in {"MALFORMED", "INVALID"}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_there_is_nothing_to_get_at_the_login(outside: Any, db: None, method: str) -> None:
    answer = outside.generic(method, "/auth/login")
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "METHOD_NOT_ALLOWED"


def test_a_deactivated_user_with_the_right_password_is_told(
    sign_in: Any, alice: Any, ada: Any
) -> None:
    deactivate_user(user_id=alice.pk, actor=ada)
    answer = sign_in(alice)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "ACCOUNT_INACTIVE"
    assert sign_in(alice, password="wrong").json()["error"]["code"] == "CREDENTIALS_WRONG"
    reactivate_user(user_id=alice.pk, actor=ada)
    assert sign_in(alice).status_code == 200


def test_who_signs_in_with_a_valid_token_is_told(outside: Any, sign_in: Any, alice: Any) -> None:
    content = {"username": "alice", "password": password_of(alice)}
    headers = bearer(sign_in(alice))
    answer = outside.post("/auth/login", content, format="json", headers=headers)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "SIGNED_IN_ALREADY"


def test_a_stale_token_does_not_keep_from_signing_in(outside: Any, alice: Any) -> None:
    content = {"username": "alice", "password": password_of(alice)}
    headers = {"Authorization": "Bearer long.gone.token"}
    answer = outside.post("/auth/login", content, format="json", headers=headers)
    assert answer.status_code == 200


# --- Locking out ----------------------------------------------------------------------------


def test_the_fifth_failure_locks_the_account_out_whatever_comes_next(
    sign_in: Any, alice: Any
) -> None:
    for _ in range(4):
        assert sign_in(alice, password="wrong").status_code == 401
    for password in ("wrong", password_of(alice)):
        answer = sign_in(alice, password=password)
        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "LOCKED_OUT"
        assert answer["Retry-After"] == "900"


def test_other_spellings_of_the_name_give_no_further_tries(
    outside: Any, sign_in: Any, alice: Any
) -> None:
    names = [{"username": name} for name in ("alice", "ALICE", "alicE", "aLice")]
    for name in [*names, {"email": "alice@example.com"}]:
        outside.post("/auth/login", name | {"password": "wrong"}, format="json")
    assert sign_in(alice).status_code == 429
    assert AccessAttempt.objects.get().failures_since_start == 6  # all of them under one name


def test_failures_of_one_do_not_lock_out_another(sign_in: Any, alice: Any, bob: Any) -> None:
    for _ in range(5):
        sign_in(alice, password="wrong")
    assert sign_in(bob).status_code == 200


def test_failures_are_counted_by_the_address_that_our_proxy_saw(
    outside: Any, sign_in: Any, alice: Any, settings: Any
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for last in range(5):  # what stands before the proxy's own word is anybody's invention
        outside.defaults["HTTP_X_FORWARDED_FOR"] = f"203.0.113.{last}, 198.51.100.7"
        sign_in(alice, password="wrong")
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"198.51.100.7"}
    assert sign_in(alice).status_code == 429
    outside.defaults["HTTP_X_FORWARDED_FOR"] = "203.0.113.1, 198.51.100.8"
    assert sign_in(alice).status_code == 200


def test_who_comes_around_the_proxies_is_counted_by_the_own_address(
    outside: Any, sign_in: Any, alice: Any, settings: Any
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    outside.defaults["HTTP_X_FORWARDED_FOR"] = "203.0.113.1"
    assert sign_in(alice, password="wrong").status_code == 401
    assert AccessAttempt.objects.get().ip_address == "127.0.0.1"


def test_the_lock_opens_after_a_quarter_of_an_hour(sign_in: Any, alice: Any) -> None:
    for _ in range(5):
        sign_in(alice, password="wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    assert sign_in(alice).status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert sign_in(alice).status_code == 200


def test_success_forgets_the_failures_before_it(sign_in: Any, alice: Any) -> None:
    for _ in range(4):
        sign_in(alice, password="wrong")
    assert sign_in(alice).status_code == 200
    for _ in range(4):
        assert sign_in(alice, password="wrong").status_code == 401


def test_a_flood_from_one_address_is_stopped_whatever_the_names(outside: Any, db: None) -> None:
    answers = [
        outside.post("/auth/login", {"username": f"n{number}", "password": "x"}, format="json")
        for number in range(31)
    ]
    assert {answer.status_code for answer in answers[:30]} == {401}
    assert answers[30].status_code == 429
    assert answers[30].json()["error"]["code"] == "TOO_MANY_REQUESTS"


# --- Tokens that must not work any more -----------------------------------------------------


def test_after_signing_out_neither_token_works(outside: Any, sign_in: Any, alice: Any) -> None:
    answer, other = sign_in(alice), sign_in(alice)
    assert outside.post("/auth/logout", headers=bearer(answer)).status_code == 204
    assert me(outside, answer) == 401
    refresh = {"refresh_token": answer.json()["refresh_token"]}
    assert outside.post("/auth/token/refresh", refresh, format="json").status_code == 401
    assert outside.post("/auth/logout", headers=bearer(answer)).status_code == 401
    assert me(outside, other) == 200  # another device stays signed in


def test_tokens_of_a_deactivated_user_stop_at_once(
    outside: Any, sign_in: Any, alice: Any, ada: Any
) -> None:
    answer = sign_in(alice)
    deactivate_user(user_id=alice.pk, actor=ada)
    assert me(outside, answer) == 401
    refresh = {"refresh_token": answer.json()["refresh_token"]}
    assert outside.post("/auth/token/refresh", refresh, format="json").status_code == 401


def test_a_new_password_ends_every_session(outside: Any, sign_in: Any, alice: Any) -> None:
    answer = sign_in(alice)
    change_password(password="another-good-password", actor=alice)
    assert me(outside, answer) == 401
    assert sign_in(alice).status_code == 401
    assert sign_in(alice, password="another-good-password").status_code == 200


def test_signing_out_needs_a_token(outside: Any, db: None) -> None:
    answer = outside.post("/auth/logout")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "NOT_AUTHENTICATED"
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_cookie_does_not_open_the_doors_for_bearers(alice: Any) -> None:
    from django.test import Client

    browser = Client(raise_request_exception=False)
    browser.force_login(alice)
    assert browser.post("/auth/logout").status_code == 401
    assert browser.get("/api/identity/me").status_code == 200


# --- Refreshing -----------------------------------------------------------------------------


def test_a_refresh_token_gives_a_new_pair_once(outside: Any, sign_in: Any, alice: Any) -> None:
    first = {"refresh_token": sign_in(alice).json()["refresh_token"]}
    answer = outside.post("/auth/token/refresh", first, format="json")
    assert answer.status_code == 200
    assert me(outside, answer) == 200
    assert answer.json()["refresh_token"] != first["refresh_token"]
    again = outside.post("/auth/token/refresh", first, format="json")
    assert again.status_code == 401
    assert again.json()["error"]["code"] == "TOKEN_INVALID"


def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(
    outside: Any, sign_in: Any, alice: Any
) -> None:
    pair = sign_in(alice).json()
    swapped = {"refresh_token": pair["access_token"]}
    assert outside.post("/auth/token/refresh", swapped, format="json").status_code == 401
    headers = {"Authorization": f"Bearer {pair['refresh_token']}"}
    assert outside.get("/api/identity/me", headers=headers).status_code == 401


@pytest.mark.parametrize("token", ["", None, 5, "x", "a.b.c", "x" * 5000])
def test_nonsense_refreshes_nothing(outside: Any, db: None, token: Any) -> None:
    answer = outside.post("/auth/token/refresh", {"refresh_token": token}, format="json")
    assert answer.status_code in {401, 422}

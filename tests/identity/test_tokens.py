"""Access tokens that somebody made or mended himself open nothing."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

Payload = dict[str, Any]


def encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def private_key() -> Any:
    return serialization.load_pem_private_key(
        settings.HEADLESS_JWT_PRIVATE_KEY.encode(), password=None
    )


def public_pem() -> bytes:
    return bytes(
        private_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def signed(payload: Payload, **header: Any) -> str:
    """With our own key: what only we can make."""
    return jwt.encode(payload, private_key(), algorithm="RS256", headers=header or None)


def tampered(payload: Payload, token: str) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{encoded(payload | {'sub': '1'})}.{signature}"


def unsigned(payload: Payload, token: str) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(payload)}."


def signed_with_the_public_key(payload: Payload, token: str) -> str:
    """The classic confusion: an HMAC whose secret is the public key."""
    import hashlib
    import hmac

    text = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(payload)}"
    mac = hmac.new(public_pem(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def signed_by_another(payload: Payload, token: str) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(payload, key, algorithm="RS256")


def expired(payload: Payload, token: str) -> str:
    return signed(payload | {"exp": int(time.time()) - 1})


def of_somebody_else(payload: Payload, token: str) -> str:
    return signed(payload | {"sub": str(int(payload["sub"]) + 1)})


def without_session(payload: Payload, token: str) -> str:
    return signed({key: value for key, value in payload.items() if key != "sid"})


def with_another_session(payload: Payload, token: str) -> str:
    return signed(payload | {"sid": base64.b64encode(b"x" * 48).decode()})


def without_use(payload: Payload, token: str) -> str:
    return signed({key: value for key, value in payload.items() if key != "token_use"})


def cut_short(payload: Payload, token: str) -> str:
    return token[:-3]


FORGERIES: list[Callable[[Payload, str], str]] = [
    tampered,
    unsigned,
    signed_with_the_public_key,
    signed_by_another,
    expired,
    of_somebody_else,
    without_session,
    with_another_session,
    without_use,
    cut_short,
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forged_token_is_answered_with_401(
    outside: Any, sign_in: Any, alice: Any, ada: Any, forge: Callable[[Payload, str], str]
) -> None:
    token = sign_in(alice).json()["access_token"]
    payload = jwt.decode(token, options={"verify_signature": False})
    forged = forge(payload, token)
    answer = outside.get("/api/identity/me", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "NOT_AUTHENTICATED"
    again = outside.get("/api/identity/me", headers={"Authorization": f"Bearer {token}"})
    assert again.status_code == 200  # the table of forgeries starts from a token that works


def test_a_token_that_we_sign_ourselves_with_nothing_changed_works(
    outside: Any, sign_in: Any, alice: Any
) -> None:
    """So that the refusals above are due to what each of them changes."""
    token = sign_in(alice).json()["access_token"]
    ours = signed(jwt.decode(token, options={"verify_signature": False}))
    answer = outside.get("/api/identity/me", headers={"Authorization": f"Bearer {ours}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer \xff", "Basic YTpi", "Token x"])
def test_odd_authorization_headers_are_refused(outside: Any, db: None, header: str) -> None:
    answer = outside.get("/api/identity/me", headers={"Authorization": header})
    assert answer.status_code == 401


def test_a_token_names_no_session_that_could_be_used_as_a_cookie(sign_in: Any, alice: Any) -> None:
    from django.contrib.sessions.models import Session

    answer = sign_in(alice)
    session_key = Session.objects.get().session_key
    payload = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert session_key not in answer.content.decode()
    assert session_key.encode() not in base64.b64decode(payload["sid"])

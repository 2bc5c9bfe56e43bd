"""Doors of identity, tried from outside: a plain client, no shortcut past the sign-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal import auth as totp
from rest_framework.test import APIClient


@pytest.fixture(autouse=True)
def _limits_of_its_own(settings: Any, request: pytest.FixtureRequest) -> None:
    """Counters of tries start at nothing in every test and touch no shared cache."""
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": request.node.nodeid,
        }
    }


_STEP = 56_000_000  # the step of 30 seconds in which all these tests take place


@pytest.fixture(autouse=True)
def _authenticators_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No code runs out between being read and being typed."""
    monkeypatch.setattr(totp, "yield_hotp_counters_from_time", lambda: iter([_STEP]))


@pytest.fixture(autouse=True)
def _menu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A main menu of two pages, whatever apps are installed."""
    from apps.common import navigation

    entries = {
        navigation.MenuEntry(10, "First", "identity:me", "approvals.manage_policies"),
        navigation.MenuEntry(20, "Second", "identity:entity-list", "approvals.view_requests"),
    }
    monkeypatch.setattr(navigation, "_ENTRIES", entries)


@pytest.fixture
def outside() -> APIClient:
    """Somebody at the door, who shows only what a test gives him."""
    return APIClient(raise_request_exception=False)


def password_of(user: Any) -> str:
    """The password that the cast was made with."""
    return f"{user.username}-likes-long-passwords"


@pytest.fixture
def sign_in(outside: APIClient) -> Callable[..., Any]:
    """POST /auth/login as a member of the cast."""

    def post(user: Any, **changes: Any) -> Any:
        content = {"username": user.username, "password": password_of(user)} | changes
        return outside.post("/auth/login", content, format="json")

    return post


def bearer(answer: Any) -> dict[str, str]:
    """The header that shows the access token of a sign-in."""
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def code_of(secret: str, *, steps_later: int = 0) -> str:
    """What the authenticator app shows for the secret, now or some steps of 30 seconds later."""
    return str(totp.format_hotp_value(totp.hotp_value(secret, _STEP + steps_later)))

"""Health, metrics and the content security policy."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from redis.exceptions import ConnectionError as RedisDown

from apps.operations import views


def test_healthy_is_200(client: Any, db: None) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("broken", ["database", "redis"])
def test_unhealthy_is_503_and_says_what(
    client: Any, db: None, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    class Down:
        def cursor(self) -> Any:
            raise OperationalError("secret")

        def get(self, key: str) -> Any:
            raise RedisDown("secret")

    monkeypatch.setattr(views, "connection" if broken == "database" else "cache", Down())
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["checks"][broken] is False
    assert b"secret" not in answer.content


@pytest.mark.parametrize(
    ("who", "token", "status"),
    [
        (None, "", 404),
        (None, "wrong", 404),
        (None, "right", 200),
        ("alice", "", 404),
        ("ada", "", 200),
    ],
)
def test_metrics_are_for_those_who_watch(
    request: pytest.FixtureRequest,
    client: Any,
    db: None,
    settings: Any,
    who: str | None,
    token: str,
    status: int,
) -> None:
    settings.METRICS_TOKEN = "right"
    if who:
        client.force_login(request.getfixturevalue(who))
    answer = client.get("/metrics", HTTP_AUTHORIZATION=f"Bearer {token}" if token else "")
    assert answer.status_code == status


def test_no_token_set_opens_nothing(client: Any, db: None, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404


def test_pages_have_a_strict_policy_and_the_admin_its_own(client: Any, db: None) -> None:
    strict = client.get("/healthz")["Content-Security-Policy"]
    assert "unsafe" not in strict
    assert "default-src 'none'" in strict
    admin = client.get("/admin/login/")["Content-Security-Policy"]
    assert "'unsafe-eval'" in admin
    assert "frame-ancestors 'none'" in admin

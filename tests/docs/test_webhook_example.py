"""The Python of docs/how-to/receive-webhooks.md verifies what is really received."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.outbound.models import Delivery, Endpoint
from apps.outbound.registry import KINDS
from apps.outbound.services import rotate_secret
from tests.docs.test_pages import FENCE
from tests.outbound.conftest import (
    Receiver,
    ask,
    attempt,
    delivery,
    egress,
    endpoint,
    policy,
    receiver,
    register,
)

__all__ = ["ask", "delivery", "egress", "endpoint", "policy", "receiver", "register"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def text(root: Path) -> str:
    return (root / "docs/how-to/receive-webhooks.md").read_text("utf-8")


@pytest.fixture
def is_genuine(text: str) -> Callable[..., bool]:
    (code,) = [code for language, code in FENCE.findall(text) if language == "python"]
    names: dict[str, Any] = {}
    exec(code, names)
    found: Callable[..., bool] = names["is_genuine"]
    return found


def test_it_tells_the_genuine_from_the_forged(
    is_genuine: Any,
    delivery: Delivery,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = Endpoint.objects.get().secret
    attempt(delivery)
    (got,) = receiver.got
    assert is_genuine(got.headers, got.body, secret)
    assert not is_genuine(got.headers, got.body + b" ", secret)
    assert not is_genuine(got.headers, got.body, "whsec_" + "A" * 44)
    assert not is_genuine({**got.headers, "webhook-id": "evt_other"}, got.body, secret)
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    assert not is_genuine(got.headers, got.body, secret)


def test_it_takes_either_secret_during_a_change(
    is_genuine: Any, delivery: Delivery, receiver: Receiver, ada: Any
) -> None:
    former = Endpoint.objects.get().secret
    secret = rotate_secret(endpoint_id=delivery.endpoint_id, actor=ada).secret
    attempt(delivery)
    (got,) = receiver.got
    assert is_genuine(got.headers, got.body, secret)
    assert is_genuine(got.headers, got.body, former)


def test_it_lists_every_kind(text: str) -> None:
    assert [kind.name for kind in KINDS if f"`{kind.name}`" not in text] == []

"""Requests to decide on: policies of our entity, and somebody who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from apps.approvals.models import Policy, Request
from apps.approvals.services import define_policy, request_approval

ONE_APPROVER = ({"role": "approver", "count": 1},)
HASH = "a" * 64
OTHER_HASH = "b" * 64


def subject(number: int = 0) -> Any:
    """Some saved row: approvals keep its type and id, and know nothing else of it."""
    return Permission.objects.order_by("pk")[number]


@pytest.fixture(autouse=True)
def _menu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A main menu of this app alone, whatever others are installed."""
    from apps.common import navigation

    ours = {one for one in navigation._ENTRIES if one.url_name == "approvals:inbox"}
    assert ours
    monkeypatch.setattr(navigation, "_ENTRIES", ours)


@pytest.fixture
def define(entity: Any, connie: Any) -> Callable[..., Policy]:
    """Put a policy in force: `define("reconciliation", stages=[...])`."""

    def make(item_type: str = "reconciliation", **facts: Any) -> Policy:
        wanted = {"stages": ONE_APPROVER} | facts
        return define_policy(entity_id=entity.pk, item_type=item_type, actor=connie, **wanted)

    return make


@pytest.fixture
def ask(entity: Any, alice: Any) -> Callable[..., Any]:
    """Ask for approval as Alice: `ask(subject(3), title="Bank")`."""

    def make(about: Any = None, **facts: Any) -> Request | None:
        wanted = {
            "entity_id": entity.pk,
            "item_type": "reconciliation",
            "subject_hash": HASH,
            "title": "Bank, April 2023",
            "url": "/somewhere/",
            "maker": alice,
            "actor": alice,
        }
        return request_approval(subject=about or subject(), **(wanted | facts))

    return make

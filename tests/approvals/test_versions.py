"""Whoever ends or replaces something says which version he saw; a stale one changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from apps.approvals.services import (
    cancel_leave,
    define_limit,
    delegate,
    end_hours,
    plan_leave,
    propose_waiver,
    retire_limit,
    retire_policy,
    revoke_delegation,
    revoke_waiver,
    set_hours,
    sign_waiver,
)
from apps.common.errors import StaleVersion
from tests.approvals.conftest import ONE_APPROVER
from tests.approvals.test_absence import today
from tests.approvals.test_hours import NEW_YORK

pytestmark = pytest.mark.django_db

DAYS = {"starts_on": today, "ends_on": today}


@pytest.fixture
def carl(person: Any, entity: Any) -> Any:
    return person("carl", "controller", on=entity)


@pytest.fixture
def things(
    define: Any, entity: Any, bob: Any, rita: Any, connie: Any, carl: Any
) -> dict[str, tuple[Any, Callable[..., Any], Any]]:
    """Name to a thing, what ends it, and who does."""
    days = {name: day() for name, day in DAYS.items()}
    leave = plan_leave(person_id=rita.pk, **days, actor=rita)
    given = delegate(entity_id=entity.pk, delegate_id=rita.pk, reason="Holiday", actor=bob, **days)
    limit = limited(entity, connie)
    waiver = propose_waiver(
        entity_id=entity.pk,
        person_id=bob.pk,
        item_type="write_off",
        reason="Two are ill.",
        compensating_control="Otto looks.",
        actor=connie,
        **days,
    )
    hours = set_hours(person_id=rita.pk, **NEW_YORK, actor=rita)
    return {
        "leave": (leave, lambda **seen: cancel_leave(leave_id=leave.pk, **seen), rita),
        "delegation": (
            given,
            lambda **seen: revoke_delegation(delegation_id=given.pk, **seen),
            bob,
        ),
        "limit": (limit, lambda **seen: retire_limit(limit_id=limit.pk, **seen), connie),
        "policy": (
            policy := define(),
            lambda **seen: retire_policy(policy_id=policy.pk, **seen),
            connie,
        ),
        "sign": (waiver, lambda **seen: sign_waiver(waiver_id=waiver.pk, **seen), carl),
        "waiver": (
            waiver,
            lambda **seen: revoke_waiver(waiver_id=waiver.pk, reason="Over.", **seen),
            carl,
        ),
        "hours": (hours, lambda **seen: end_hours(hours_id=hours.pk, **seen), rita),
    }


def limited(entity: Any, actor: Any, **facts: Any) -> Any:
    wanted = {"item_type": "write_off", "amount": Decimal(500), "currency": "EUR"}
    return define_limit(
        entity_id=entity.pk, role="approver", starts_on=today(), actor=actor, **(wanted | facts)
    )


ENDS = ("leave", "delegation", "limit", "policy", "sign", "waiver", "hours")


@pytest.mark.parametrize("name", ENDS)
def test_a_stale_version_ends_nothing(things: Any, table_counts: Any, name: str) -> None:
    thing, end, actor = things[name]
    before, row = table_counts(), vars(type(thing).objects.get(pk=thing.pk))
    with pytest.raises(StaleVersion) as refused, transaction.atomic():
        end(actor=actor, expected_version=thing.version + 1)
    assert refused.value.details["version_now"] == thing.version
    assert table_counts() == before
    after = vars(type(thing).objects.get(pk=thing.pk))
    assert {**after, "_state": None} == {**row, "_state": None}


@pytest.mark.parametrize("name", ENDS)
def test_the_version_that_was_seen_ends_it(things: Any, name: str) -> None:
    thing, end, actor = things[name]
    ended = end(actor=actor, expected_version=thing.version)
    raised = 0 if name == "policy" else 1  # a policy counts the versions for its range
    assert ended.version == thing.version + raised


def test_what_was_signed_meanwhile_is_not_revoked_as_it_was_proposed(
    things: Any, carl: Any
) -> None:
    _, sign, _ = things["sign"]
    waiver, revoke, _ = things["waiver"]
    sign(actor=carl)
    with pytest.raises(StaleVersion), transaction.atomic():
        revoke(actor=carl, expected_version=1)
    waiver.refresh_from_db()
    assert waiver.revoked_at is None
    assert revoke(actor=carl, expected_version=2).revoked_at is not None


def test_a_limit_takes_the_place_of_the_one_that_was_seen(
    entity: Any, connie: Any, carl: Any, bob: Any, table_counts: Any
) -> None:
    first = limited(entity, connie, expected_version=0)
    second = limited(entity, carl, amount=Decimal(700), expected_version=1)
    assert (first.version, second.version) == (1, 2)
    before = table_counts()
    for stale in (0, 1, 3):
        with pytest.raises(StaleVersion), transaction.atomic():
            limited(entity, connie, amount=Decimal(900), expected_version=stale)
    assert table_counts() == before
    assert limited(entity, connie, currency="USD", expected_version=0).version == 1


def test_a_policy_takes_the_place_of_the_one_that_was_seen(
    define: Any, bob: Any, table_counts: Any
) -> None:
    assert define(expected_version=0).version == 1
    assert define(needs_comment=True, expected_version=1).version == 2
    before = table_counts()
    for stale in (0, 1, 3):
        with pytest.raises(StaleVersion), transaction.atomic():
            define(expected_version=stale)
    assert table_counts() == before


# --- Doors ----------------------------------------------------------------------------------

PATHS = {
    "leave": ("leaves", "cancel"),
    "delegation": ("delegations", "revoke"),
    "limit": ("limits", "retire"),
    "policy": ("policies", "retire"),
    "sign": ("waivers", "sign"),
    "waiver": ("waivers", "revoke"),
    "hours": ("hours", "end"),
}


@pytest.mark.parametrize("name", ENDS)
def test_over_rest_a_stale_version_is_refused(
    api: Any, things: Any, table_counts: Any, name: str
) -> None:
    thing, _, actor = things[name]
    noun, verb = PATHS[name]
    word = {"reason": "Over."} if name == "waiver" else {}
    where = f"/api/approvals/{noun}/{thing.pk}"
    seen = api(actor).get(where).json()["version"]
    before = table_counts()

    def end(version: int) -> Any:
        content = {**word, "expected_version": version}
        return api(actor).post(f"{where}/{verb}", content, format="json")

    refused = end(seen + 1)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "STALE_VERSION")
    assert table_counts() == before
    assert end(seen).status_code == 200


def test_over_rest_a_policy_and_a_limit_are_replaced_as_they_were_seen(
    api: Any, connie: Any, bob: Any
) -> None:
    policy = {"entity": "HFS", "item_type": "write_off", "stages": list(ONE_APPROVER)}
    limit = {
        "entity": "HFS",
        "role": "approver",
        "item_type": "write_off",
        "amount": "500.00",
        "currency": "EUR",
        "starts_on": str(today()),
    }
    for noun, facts in (("policies", policy), ("limits", limit)):
        answers = [
            api(connie).post(
                f"/api/approvals/{noun}", {**facts, "expected_version": seen}, format="json"
            )
            for seen in (0, 0, 1)
        ]
        assert [answer.status_code for answer in answers] == [201, 409, 201], noun


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("leave", "cancel-leave"),
        ("delegation", "revoke-delegation"),
        ("sign", "sign-waiver"),
        ("hours", "end-hours"),
    ],
)
def test_on_a_page_a_stale_version_is_refused(
    client: Any, things: Any, table_counts: Any, name: str, url: str
) -> None:
    thing, _, actor = things[name]
    client.force_login(actor)
    where = reverse(f"approvals:{url}", args=[thing.pk])
    before = table_counts()
    assert client.post(where, {"expected_version": thing.version + 1}).status_code == 409
    assert table_counts() == before
    assert client.post(where, {"expected_version": thing.version}).status_code == 302


def test_the_page_that_revokes_a_waiver_asks_for_the_version(
    client: Any, things: Any, carl: Any
) -> None:
    waiver, _, _ = things["waiver"]
    client.force_login(carl)
    where = reverse("approvals:revoke-waiver", args=[waiver.pk])
    assert client.get(where).context["form"].initial == {"expected_version": 1}
    stale = client.post(where, {"reason": "Over.", "expected_version": 2})
    assert stale.status_code == 422
    waiver.refresh_from_db()
    assert waiver.revoked_at is None

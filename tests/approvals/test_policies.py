"""Policies: put in force and retired, one for each range, never changed in place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.errors import PolicyInvalid, PolicyOverlaps
from apps.approvals.models import Policy
from apps.approvals.selectors import policies_seen_by, policy_for
from apps.approvals.services import define_policy, retire_policy
from apps.audit.models import Event
from apps.common.errors import IllegalMove, Invalid, NotPermitted, NotVisible, Refusal
from tests.approvals.conftest import ONE_APPROVER

LIMITED = {"currency": "EUR", "least_amount": Decimal(1_000), "below_amount": Decimal(5_000)}


def test_a_policy_for_the_same_range_replaces_the_former(define: Any, connie: Any) -> None:
    first = define()
    second = define(stages=[{"role": "controller", "count": 2}], needs_comment=True)
    first.refresh_from_db()
    assert first.retired_at is not None
    assert (first.version, second.version) == (1, 2)
    assert list(Policy.objects.in_force()) == [second]
    assert str(second) == "reconciliation from 0 (version 2)"
    assert Event.objects.filter(action="approvals.policy.define").count() == 2
    assert set(policies_seen_by(connie)) == {first, second}


def test_requests_go_on_under_the_policy_that_they_were_made_under(
    define: Any, ask: Any, bob: Any
) -> None:
    first = define()
    made = ask()
    define(stages=[{"role": "controller", "count": 1}])
    made.refresh_from_db()
    assert made.policy == first


@pytest.mark.parametrize(
    "neighbour",
    [
        {"currency": "EUR", "least_amount": Decimal(5_000)},
        {"currency": "EUR", "below_amount": Decimal(1_000)},
        {"currency": "USD", "least_amount": Decimal(2_000)},
        {},
    ],
    ids=["above", "below", "another currency", "any currency"],
)
def test_ranges_that_only_touch_stand_side_by_side(define: Any, neighbour: dict[str, Any]) -> None:
    define(**LIMITED)
    define(**neighbour)
    assert Policy.objects.in_force().count() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"least_amount": Decimal(4_999)},
        {"least_amount": Decimal(4_999), "below_amount": None},
        {"least_amount": Decimal(0), "below_amount": Decimal("1000.01")},
        {"least_amount": Decimal(0), "below_amount": None},
        {"least_amount": Decimal(2_000), "below_amount": Decimal(3_000)},
    ],
)
def test_ranges_that_cut_into_another_are_refused(
    define: Any, table_counts: Any, changes: dict[str, Any]
) -> None:
    define(**LIMITED)
    before = table_counts()
    with pytest.raises(PolicyOverlaps):
        define(**(LIMITED | changes))
    assert table_counts() == before
    assert Policy.objects.in_force().count() == 1


@pytest.mark.parametrize(
    ("who", "facts", "refusal"),
    [
        ("alice", {}, NotPermitted),
        ("bob", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("ada", {}, NotPermitted),
        ("victor", {}, NotPermitted),
        ("charlie", {}, NotPermitted),
        ("connie", {"stages": []}, PolicyInvalid),
        ("connie", {"stages": [{"role": "king", "count": 1}]}, PolicyInvalid),
        ("connie", {"stages": [{"role": "preparer", "count": 1}]}, PolicyInvalid),
        ("connie", {"stages": [{"role": "auditor", "count": 1}]}, PolicyInvalid),
        ("connie", {"stages": [{"role": "approver"}]}, PolicyInvalid),
        ("connie", {"stages": [{"role": "approver", "count": 1, "any": 1}]}, PolicyInvalid),
        ("connie", {"stages": [{"role": "approver", "count": 0}]}, PolicyInvalid),
        ("connie", {"stages": [{"role": "approver", "count": True}]}, PolicyInvalid),
        ("connie", {"stages": [{"role": "approver", "count": "1"}]}, PolicyInvalid),
        ("connie", {"currency": "EUR", "least_amount": Decimal(-1)}, PolicyInvalid),
        ("connie", {**LIMITED, "below_amount": Decimal(1_000)}, PolicyInvalid),
        ("connie", {"least_amount": Decimal(5)}, PolicyInvalid),
        ("connie", {"below_amount": Decimal(5)}, PolicyInvalid),
        ("connie", {"currency": "EUR", "least_amount": Decimal("0.001")}, Invalid),
        ("connie", {"currency": "JPY", "below_amount": Decimal("100.5")}, Invalid),
    ],
)
def test_refused_policies_change_nothing(
    request: pytest.FixtureRequest,
    entity: Any,
    table_counts: Any,
    who: str,
    facts: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    wanted = {"item_type": "reconciliation", "stages": ONE_APPROVER} | facts
    with pytest.raises(refusal):
        define_policy(entity_id=entity.pk, actor=actor, **wanted)
    assert table_counts() == before


def test_a_retired_policy_asks_for_nothing_any_more(define: Any, entity: Any, connie: Any) -> None:
    policy = define()
    retire_policy(policy_id=policy.pk, actor=connie)
    assert policy_for(entity_id=entity.pk, item_type="reconciliation") is None
    assert Event.objects.filter(action="approvals.policy.retire").count() == 1


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("victor", NotVisible),
        ("charlie", NotVisible),
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ada", NotPermitted),
    ],
)
def test_refused_retirements_change_nothing(
    request: pytest.FixtureRequest,
    define: Any,
    table_counts: Any,
    who: str,
    refusal: type[Refusal],
) -> None:
    policy = define()
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        retire_policy(policy_id=policy.pk, actor=actor)
    policy.refresh_from_db()
    assert policy.retired_at is None
    assert table_counts() == before


def test_a_policy_is_retired_once(define: Any, connie: Any, table_counts: Any) -> None:
    policy = define()
    retire_policy(policy_id=policy.pk, actor=connie)
    before = table_counts()
    with pytest.raises(IllegalMove):
        retire_policy(policy_id=policy.pk, actor=connie)
    assert table_counts() == before

"""Kinds of things that take so many different people, whatever a policy says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.approvals import registry
from apps.approvals.errors import ApproversTooFew, PolicyInvalid
from apps.approvals.registry import floor_for, register_floor
from apps.approvals.selectors.stages import least_people
from apps.approvals.services import decide, use_approval
from tests.approvals.conftest import HASH, ONE_APPROVER, subject

TWO = [{"role": "approver", "count": 2}]


@pytest.fixture(autouse=True)
def floors(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Reconciliations take two people; `floors(3)` says otherwise from then on."""
    monkeypatch.setattr(registry, "_FLOORS", {})
    register_floor("reconciliation", 2)
    return lambda people: register_floor("reconciliation", people)


@pytest.mark.parametrize(
    ("stages", "least"),
    [
        ([], 0),
        (ONE_APPROVER, 1),
        (TWO, 2),
        ([*ONE_APPROVER, {"role": "controller", "count": 1}], 2),
        ([{"role": "approver", "count": "all"}], 1),
        ([{"people": ["bob", "beth"], "count": "all"}], 2),
        ([{"people": ["bob", "beth"], "count": 1}], 1),
    ],
)
def test_how_many_people_a_policy_takes_at_least(stages: Any, least: int) -> None:
    assert least_people(stages) == least


def test_a_policy_asks_for_as_many(define: Any, table_counts: Any) -> None:
    before = table_counts()
    for stages in (ONE_APPROVER, [{"role": "approver", "count": "all"}]):
        with pytest.raises(PolicyInvalid, match="by at least 2 different people"):
            define(stages=stages)
    assert table_counts() == before
    assert define(stages=TWO).version == 1
    assert define("journal_entry").version == 1
    assert floor_for("journal_entry") == 0


def test_without_a_policy_it_cannot_be_asked_for(ask: Any, table_counts: Any) -> None:
    before = table_counts()
    with pytest.raises(ApproversTooFew, match="no policy here") as refusal:
        ask()
    assert "2 approvers or more" in refusal.value.remedy
    assert table_counts() == before


def test_nor_under_a_policy_from_before_that_asks_for_fewer(
    define: Any, ask: Any, floors: Any, table_counts: Any
) -> None:
    define(stages=TWO)
    floors(3)
    before = table_counts()
    with pytest.raises(ApproversTooFew):
        ask()
    assert table_counts() == before


def test_nor_is_it_acted_upon_if_fewer_approved(
    define: Any, ask: Any, floors: Any, bob: Any, alice: Any, table_counts: Any
) -> None:
    floors(1)
    define()
    asked = ask()
    decide(
        request_id=asked.pk,
        verdict="approve",
        attested=True,
        comment="Fine.",
        expected_version=asked.version,
        actor=bob,
    )
    floors(2)
    before = table_counts()
    with pytest.raises(ApproversTooFew, match="1 approved this"):
        use_approval(subject=subject(), subject_hash=HASH, actor=alice)
    assert table_counts() == before
    floors(1)
    assert use_approval(subject=subject(), subject_hash=HASH, actor=alice) == asked

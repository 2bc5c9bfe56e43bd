"""Policies change like what they are about: somebody proposes, somebody else approves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals import tasks
from apps.approvals.models import Policy, Request
from apps.approvals.selectors import inbox, latest_request_for, policy_for
from apps.approvals.services import decide, retire_policy, withdraw
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted
from apps.identity.models import User
from apps.operations.models import OutboxMessage
from tests.approvals.test_admin import signed_in
from tests.approvals.test_pages import address, text_of
from tests.approvals.test_rest import POLICIES, post

ONE, TWO = [{"role": "approver", "count": 1}], [{"role": "approver", "count": 2}]
CONTROLLER = [{"role": "controller", "count": 1}]


@pytest.fixture
def carla(person: Any, entity: Any) -> Any:
    return person("carla", "controller", on=entity)


@pytest.fixture
def governed(define: Any, carla: Any) -> Policy:
    """From now on another controller approves policies; there is one for reconciliations."""
    define(stages=ONE)
    made: Policy = define("policy", stages=CONTROLLER)
    return made


def asked_about(policy: Policy) -> Request:
    found = latest_request_for(policy)
    assert found is not None
    return found


def say(policy: Policy, actor: Any, verdict: str = "approve") -> None:
    """Decide on the request about the policy, and let the worker carry it out."""
    request = asked_about(policy)
    decide(
        request_id=request.pk,
        verdict=verdict,
        comment="x",
        attested=True,
        expected_version=request.version,
        actor=User.objects.get(pk=actor.pk),
    )
    work()


def work() -> None:
    for message in OutboxMessage.objects.filter(delivered_at=None).order_by("pk"):
        if message.task == "apps.approvals.tasks.settle_policy":
            tasks.settle_policy(**message.arguments)
            tasks.settle_policy(**message.arguments)  # delivered twice
        message.delete()


def in_force(entity: Any, item_type: str = "reconciliation") -> Policy | None:
    return policy_for(entity_id=entity.pk, item_type=item_type)


def test_without_a_policy_for_policies_they_take_effect_at_once(define: Any) -> None:
    assert define().in_force_at is not None
    assert not Request.objects.exists()


def test_a_proposed_version_takes_effect_when_another_approves_it(
    governed: Policy, define: Any, entity: Any, connie: Any, carla: Any
) -> None:
    first = in_force(entity)
    proposed = define(stages=TWO)
    assert proposed.is_proposed
    assert in_force(entity) == first
    request = asked_about(proposed)
    assert (request.maker, request.item_type) == (connie, "policy")
    assert request.title == "Policy for reconciliation: 2 approvers"
    assert inbox(carla) == [request]
    with pytest.raises(NotPermitted):
        say(proposed, connie)
    say(proposed, carla)
    assert in_force(entity) == proposed
    proposed.refresh_from_db()
    assert (proposed.version, proposed.in_force_at is not None) == (2, True)
    actions = Event.objects.filter(subject_id=str(proposed.pk), action__startswith="approvals.pol")
    assert [event.action for event in actions.order_by("pk")] == [
        "approvals.policy.propose",
        "approvals.policy.define",
    ]
    assert Policy.objects.in_force().count() == 2


@pytest.mark.parametrize("how", ["reject", "return", "withdraw"])
def test_a_proposal_that_is_not_approved_is_dropped(
    governed: Policy, define: Any, entity: Any, connie: Any, carla: Any, how: str
) -> None:
    first = in_force(entity)
    proposed = define(stages=TWO)
    if how == "withdraw":
        withdraw(request_id=asked_about(proposed).pk, reason="x", actor=connie)
        work()
    else:
        say(proposed, carla, how)
    proposed.refresh_from_db()
    assert (proposed.in_force_at, proposed.retired_at is not None) == (None, True)
    assert in_force(entity) == first
    assert Event.objects.filter(action="approvals.policy.drop").count() == 1


def test_of_two_proposals_the_later_approved_one_stands(
    governed: Policy, define: Any, entity: Any, carla: Any
) -> None:
    first, second = define(stages=TWO), define(stages=CONTROLLER)
    say(second, carla)
    say(first, carla)
    first.refresh_from_db()
    assert in_force(entity) == first
    assert first.version == 3


def test_a_range_that_was_taken_meanwhile_is_not_cut_into(
    governed: Policy, define: Any, carla: Any
) -> None:
    low = {"currency": "EUR", "below_amount": Decimal(5_000)}
    cutting = {"currency": "EUR", "least_amount": Decimal(1_000)}
    first, second = define("journal_entry", **low), define("journal_entry", **cutting)
    say(first, carla)
    say(second, carla)
    second.refresh_from_db()
    assert (second.in_force_at, second.retired_at is not None) == (None, True)
    assert Policy.objects.in_force().filter(item_type="journal_entry").get() == first


def test_retiring_takes_an_approval_too(
    governed: Policy, entity: Any, connie: Any, carla: Any
) -> None:
    policy = in_force(entity)
    assert policy is not None
    retire_policy(policy_id=policy.pk, actor=connie)
    assert in_force(entity) == policy
    assert asked_about(policy).title == "Retire the policy for reconciliation: 1 approver"
    say(policy, carla)
    assert in_force(entity) is None
    with pytest.raises(IllegalMove):
        retire_policy(policy_id=policy.pk, actor=connie)


def test_a_retirement_that_is_rejected_changes_nothing(
    governed: Policy, entity: Any, connie: Any, carla: Any
) -> None:
    policy = in_force(entity)
    assert policy is not None
    retire_policy(policy_id=policy.pk, actor=connie)
    say(policy, carla, "reject")
    assert in_force(entity) == policy


def test_the_policy_for_policies_is_under_itself(
    governed: Policy, define: Any, entity: Any, connie: Any, carla: Any
) -> None:
    looser = define("policy", stages=ONE)
    assert looser.is_proposed
    retire_policy(policy_id=governed.pk, actor=connie)
    assert in_force(entity, "policy") == governed


def test_what_is_only_proposed_is_not_retired(
    governed: Policy, define: Any, connie: Any, table_counts: Any
) -> None:
    proposed = define(stages=TWO)
    before = table_counts()
    with pytest.raises(IllegalMove):
        retire_policy(policy_id=proposed.pk, actor=connie)
    assert table_counts() == before


def test_where_only_one_controller_is_the_proposal_is_blocked(
    define: Any, entity: Any, connie: Any
) -> None:
    define("policy", stages=CONTROLLER)
    assert asked_about(define(stages=TWO)).status == RequestStatus.BLOCKED


# --- Doors ----------------------------------------------------------------------------------


def test_the_page_compares_it_with_what_is_in_force(
    governed: Policy, define: Any, entity: Any, carla: Any, connie: Any, charlie: Any, victor: Any
) -> None:
    first = in_force(entity)
    assert first is not None
    proposed = define(stages=TWO, needs_comment=True)
    page = f"/approvals/policies/{proposed.pk}/"
    assert asked_about(proposed).url == page
    shown = signed_in(carla).get(page)
    text = text_of(shown)
    assert "Proposed by Connie; it binds nobody until it is approved." in text
    assert shown.context["rows"][0] == {
        "label": "Who approves",
        "left": "1 approver",
        "right": "2 approvers",
    }
    assert f'href="{page}"' in signed_in(carla).get(address(asked_about(proposed))).content.decode()
    assert "In force since" in text_of(signed_in(connie).get(f"/approvals/policies/{first.pk}/"))
    say(proposed, carla, "reject")
    assert "Not taken" in text_of(signed_in(connie).get(page))
    assert signed_in(charlie).get(page).status_code == 404
    assert signed_in(victor).get(page).status_code == 403


def test_a_retired_one_says_so(define: Any, connie: Any) -> None:
    policy = define(currency="EUR", least_amount=Decimal(1_000), below_amount=Decimal(5_000))
    retire_policy(policy_id=policy.pk, actor=connie)
    text = text_of(signed_in(connie).get(f"/approvals/policies/{policy.pk}/"))
    assert "Retired on" in text
    assert "1,000.00 EUR" in text


def test_over_rest_a_proposal_is_not_in_force(
    api: Any, governed: Policy, entity: Any, connie: Any
) -> None:
    content = {"entity": "HFS", "item_type": "journal_entry", "stages": TWO}
    made = post(api(connie), POLICIES, content)
    assert made.status_code == 201
    assert made.json()["in_force_at"] is None
    standing = api(connie).get(f"{POLICIES}?in_force=true").json()["results"]
    assert made.json()["id"] not in [one["id"] for one in standing]
    assert len(standing) == 2
    others = api(connie).get(f"{POLICIES}?in_force=false").json()["results"]
    assert [one["id"] for one in others] == [made.json()["id"]]

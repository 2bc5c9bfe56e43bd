"""A proposed policy is tried on requests of the past."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.approvals.errors import DaysInvalid
from apps.approvals.models import Policy, Request
from apps.approvals.selectors import policy_for
from apps.approvals.selectors.simulation import Simulation, simulate
from apps.approvals.services import decide, define_limit, plan_leave
from apps.common.errors import IllegalMove, NotPermitted
from tests.approvals.conftest import subject
from tests.approvals.test_absence import fresh, today
from tests.approvals.test_pages import signed_in, text_of

pytestmark = pytest.mark.django_db

KIND = "journal_entry"
APPROVER, REVIEWER = {"role": "approver", "count": 1}, {"role": "reviewer", "count": 1}


@pytest.fixture
def beth(person: Any, entity: Any) -> Any:
    return person("beth", "approver", on=entity)


@pytest.fixture
def proposed(define: Any, bob: Any, beth: Any) -> Any:
    """Connie proposes a policy: `proposed(stages=[...])`; one approver is in force."""

    def make(**facts: Any) -> Policy:
        if not Policy.objects.filter(item_type="policy").exists():
            define(KIND)
            define("policy", stages=[{"role": "approver", "count": 1}])
        made: Policy = define(KIND, **facts)
        assert made.is_proposed
        return Policy.objects.select_related("entity").get(pk=made.pk)

    return make


def tried(policy: Policy, actor: Any) -> Simulation:
    return simulate(policy, today(), today(), actor=actor)


def loads(found: Simulation) -> dict[str, tuple[Fraction, Fraction]]:
    return {load.person.username: (load.before, load.after) for load in found.loads}


def asked(ask: Any, number: int = 0, amount: int = 100, **facts: Any) -> Request:
    made: Request = ask(
        subject(number), item_type=KIND, amount=Decimal(amount), currency="EUR", **facts
    )
    return made


def test_what_would_go_elsewhere_is_listed_with_both_routes(
    proposed: Any, ask: Any, rita: Any, otto: Any
) -> None:
    policy = proposed(stages=[REVIEWER, APPROVER])
    made = asked(ask)
    found = tried(policy, otto)
    (one,) = found.rerouted
    assert (one.request, one.before.words, one.after.words, one.change) == (
        made,
        "1 approver",
        "1 reviewer, then 1 approver",
        "other steps",
    )
    assert (found.total, found.stalled, found.is_cut) == (1, 0, False)
    half = Fraction(1, 2)
    assert loads(found) == {"rita": (0, 1), "beth": (half, half), "bob": (half, half)}


def test_what_stays_as_it_is_is_not_listed(proposed: Any, ask: Any, otto: Any) -> None:
    policy = proposed(stages=[APPROVER], due_after_hours=4)
    asked(ask)
    found = tried(policy, otto)
    assert (found.rerouted, found.total) == ((), 1)
    assert not any(load.is_overloaded for load in found.loads)


def test_only_the_requests_in_its_range_go_elsewhere(
    proposed: Any, define: Any, ask: Any, rita: Any, otto: Any
) -> None:
    policy = proposed(stages=[REVIEWER], currency="EUR", least_amount=Decimal(1_000))
    small, large = asked(ask, 0, 999), asked(ask, 1, -1_000)
    found = tried(policy, otto)
    assert [one.request for one in found.rerouted] == [large]
    assert found.total == 2
    assert small.policy_id == large.policy_id


def test_a_range_that_ends_earlier_lets_some_go_without_approval(
    proposed: Any, ask: Any, otto: Any
) -> None:
    policy = proposed(stages=[APPROVER], currency="", least_amount=Decimal(0))
    Policy.objects.filter(pk=policy.pk).update(below_amount=Decimal(50))
    policy.refresh_from_db()
    asked(ask)
    (one,) = tried(policy, otto).rerouted
    assert (one.after.words, one.change) == ("no approval", "no approval any more")


def test_what_nobody_could_decide_stalls(proposed: Any, ask: Any, otto: Any, rita: Any) -> None:
    policy = proposed(stages=[REVIEWER, {"role": "approver", "count": 2}])
    asked(ask, conflicted=[rita])
    found = tried(policy, otto)
    assert [one.change for one in found.rerouted] == ["would stall"]
    assert found.stalled == 1


def test_what_stalls_now_and_would_not_then_is_told(
    proposed: Any, ask: Any, otto: Any, bob: Any, beth: Any, rita: Any
) -> None:
    policy = proposed(stages=[REVIEWER])
    asked(ask, conflicted=[bob, beth])
    (one,) = tried(policy, otto).rerouted
    assert one.change == "would not stall any more"


def test_other_people_named_are_another_step(proposed: Any, ask: Any, otto: Any) -> None:
    policy = proposed(stages=[{"people": ["beth"], "count": 1}])
    Policy.objects.filter(item_type=KIND, in_force_at__isnull=False).update(
        stages=[{"people": ["beth"], "count": 1}]
    )
    asked(ask)
    assert tried(policy, otto).rerouted == ()
    Policy.objects.filter(pk=policy.pk).update(stages=[{"people": ["beth", "bob"], "count": 1}])
    policy.refresh_from_db()
    (one,) = tried(policy, otto).rerouted
    assert one.change == "other steps"


def test_all_of_a_role_is_work_for_each(proposed: Any, ask: Any, otto: Any) -> None:
    policy = proposed(stages=[{"role": "approver", "count": "all"}])
    for number in range(3):
        asked(ask, number)
    found = tried(policy, otto)
    half = Fraction(3, 2)
    assert loads(found) == {"beth": (half, 3), "bob": (half, 3)}
    assert all(load.is_overloaded for load in found.loads)
    assert (found.loads[0].could_before, found.loads[0].could_after) == (3, 3)


def test_decisions_and_absence_change_nothing_limits_do(
    proposed: Any, ask: Any, bob: Any, beth: Any, otto: Any, entity: Any, connie: Any
) -> None:
    policy = proposed(stages=[{"role": "approver", "count": 2}])
    made = asked(ask)
    before = loads(tried(policy, otto))
    decide(
        request_id=made.pk, verdict="approve", comment="", attested=True, expected_version=1,
        actor=bob,
    )  # fmt: skip
    plan_leave(person_id=beth.pk, starts_on=today(), ends_on=today(), actor=fresh(beth))
    assert (
        loads(tried(policy, otto))
        == before
        == {
            "beth": (Fraction(1, 2), 1),
            "bob": (Fraction(1, 2), 1),
        }
    )
    define_limit(
        entity_id=entity.pk, item_type=KIND, amount=Decimal(100), currency="EUR",
        starts_on=today(), user_id=bob.pk, actor=connie,
    )  # fmt: skip
    found = tried(policy, otto)
    assert loads(found) == {"bob": (1, 1)}
    assert found.stalled == 1


def test_days_rights_and_state_are_asked_for(
    proposed: Any, ask: Any, otto: Any, alice: Any, victor: Any, charlie: Any
) -> None:
    policy = proposed(stages=[APPROVER])
    asked(ask)
    tomorrow = today() + timedelta(days=1)
    assert simulate(policy, tomorrow, tomorrow, actor=otto).total == 0
    with pytest.raises(DaysInvalid):
        simulate(policy, tomorrow, today(), actor=otto)
    for stranger in (victor, charlie):
        with pytest.raises(NotPermitted):
            tried(policy, stranger)
    in_force = Policy.objects.select_related("entity").get(
        item_type=KIND, in_force_at__isnull=False
    )
    with pytest.raises(IllegalMove):
        tried(in_force, otto)


def test_it_takes_the_same_queries_however_much_there_is(
    proposed: Any, ask: Any, otto: Any, rita: Any, monkeypatch: Any
) -> None:
    policy = proposed(stages=[REVIEWER, APPROVER])
    asked(ask, conflicted=[rita])

    def queries() -> int:
        with CaptureQueriesContext(connection) as run:
            tried(policy, otto)
        return len(run)

    queries()  # whoever asks is looked up once
    first = queries()
    for number in range(1, 6):
        asked(ask, number)
    assert queries() == first <= 13
    monkeypatch.setattr("apps.approvals.selectors.simulation.MOST_REQUESTS", 4)
    found = tried(policy, otto)
    assert (found.total, found.is_cut) == (4, True)


def test_the_policy_is_chosen_as_it_is_chosen_live(
    proposed: Any, ask: Any, otto: Any, rita: Any, define: Any, entity: Any, bob: Any
) -> None:
    """Once it is in force, requests of the same sizes go where they were said to go."""
    policy = proposed(stages=[REVIEWER], currency="EUR", least_amount=Decimal(500))
    sizes = (1, 499, 500, 501, 5_000)
    for number, size in enumerate(sizes):
        asked(ask, number, size)
    told = {one.request.amount: one.after.words for one in tried(policy, otto).rerouted}
    Policy.objects.filter(pk=policy.pk).update(in_force_at=policy.proposed_at)
    for size in sizes:
        found = policy_for(
            entity_id=entity.pk, item_type=KIND, amount=Decimal(size), currency="EUR"
        )
        assert (found == policy) is (Decimal(size) in told)


# --- Doors --------------------------------------------------------------------------------------


def test_the_page_lies_beside_the_proposed_policy(
    proposed: Any, ask: Any, otto: Any, rita: Any, victor: Any
) -> None:
    policy = proposed(stages=[REVIEWER, {"role": "approver", "count": "all"}])
    where = reverse("approvals:simulation", args=[policy.pk])
    beside = reverse("approvals:policy", args=[policy.pk])
    browser = signed_in(otto)
    assert where in browser.get(beside).content.decode()
    assert "Nothing of this kind was asked for" in text_of(browser.get(where))
    for number in range(4):
        asked(ask, number)
    text = text_of(browser.get(where))
    assert "4 of 4 requests would have gone elsewhere; none would stall." in text
    assert "Much more would fall to" in text
    assert "0.0 now, 4.0 then" in text
    assert "1 approver" in text
    late = browser.get(where, {"starts_on": str(today()), "ends_on": "2020-01-01"})
    assert late.status_code == 422
    assert browser.get(where, {"starts_on": "soon"}).status_code == 422
    assert signed_in(victor).get(where).status_code == 403
    in_force = Policy.objects.get(item_type=KIND, in_force_at__isnull=False)
    other = reverse("approvals:simulation", args=[in_force.pk])
    assert (
        other not in browser.get(reverse("approvals:policy", args=[in_force.pk])).content.decode()
    )
    refused = browser.get(other)
    assert (refused.status_code, "not proposed any more" in text_of(refused)) == (422, True)


def test_rest_tries_a_proposed_policy(
    api: Any, proposed: Any, ask: Any, otto: Any, rita: Any, charlie: Any, victor: Any
) -> None:
    policy = proposed(stages=[REVIEWER, APPROVER])
    made = asked(ask)
    where = f"/api/approvals/policies/{policy.pk}/simulation"
    days = {"starts_on": str(today()), "ends_on": str(today())}
    found = api(otto).get(where, days)
    assert found.status_code == 200, found.data
    assert (found.data["total"], found.data["stalled"]) == (1, 0)
    assert dict(found.data["rerouted"][0]) == {
        "request": made.pk,
        "title": made.title,
        "before": "1 approver",
        "after": "1 reviewer, then 1 approver",
        "change": "other steps",
    }
    assert dict(found.data["loads"][0]) == {
        "person": "rita",
        "before": "0.0",
        "after": "1.0",
        "could_before": 0,
        "could_after": 1,
        "is_overloaded": True,
    }
    assert api(otto).get(where).status_code == 422
    assert api(charlie).get(where, days).status_code == 404
    assert api(victor).get(where, days).status_code == 403

"""A step below the authority: somebody looks at it first whatever the amount, and one who may
approve so much decides.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from apps.approvals.errors import NotEligible, PolicyInvalid
from apps.approvals.models import Decision, Policy, Request
from apps.approvals.selectors import deadlock_of, people_to_take
from apps.approvals.selectors.staff import staff_of
from apps.approvals.selectors.stages import stage_in_words
from apps.approvals.services import define_limit, delegate, reassign, recheck_requests
from apps.approvals.services.policies import content_digest
from apps.approvals.states import RequestStatus
from tests.approvals.conftest import subject
from tests.approvals.test_absence import able, approve, today
from tests.approvals.test_admin import signed_in
from tests.approvals.test_pages import text_of

pytestmark = pytest.mark.django_db

REVIEW = {"role": "reviewer", "count": 1, "within_limit": False}
STEPS = [REVIEW, {"role": "approver", "count": 1}]
LARGE = Decimal(60_000)


@pytest.fixture
def large(define: Any, ask: Any, entity: Any, rita: Any, bob: Any, connie: Any) -> Any:
    """Ask for a large amount; a reviewer may approve a little, an approver a lot."""
    for role, most in (("reviewer", 1_000), ("approver", 100_000)):
        define_limit(
            entity_id=entity.pk,
            role=role,
            item_type="reconciliation",
            amount=Decimal(most),
            currency="EUR",
            starts_on=today(),
            actor=connie,
        )

    def make(stages: Any = STEPS, amount: Decimal = LARGE, **facts: Any) -> Request:
        define(stages=stages)
        made: Request = ask(amount=amount, currency="EUR", **facts)
        return made

    return make


def test_one_large_amount_goes_to_the_supervisor_and_then_to_the_manager(
    large: Any, rita: Any, bob: Any
) -> None:
    made = large()
    assert made.status == RequestStatus.PENDING
    assert able(made, rita, bob) == {"rita"}
    approve(made, rita)
    assert able(made, rita, bob) == {"bob"}
    assert approve(made, bob).status == RequestStatus.APPROVED
    mosts = Decision.objects.order_by("id").values_list("limit_amount", flat=True)
    assert list(mosts) == [None, Decimal(100_000)]


def test_without_the_mark_the_supervisor_s_limit_counts(large: Any, rita: Any, bob: Any) -> None:
    made = large(stages=[{"role": "reviewer", "count": 1}, {"role": "approver", "count": 1}])
    assert made.status == RequestStatus.BLOCKED
    assert able(made, rita, bob) == set()


def test_who_decides_in_the_end_needs_the_limit(large: Any, rita: Any, bob: Any) -> None:
    made = large(amount=Decimal(100_001))
    assert made.status == RequestStatus.BLOCKED
    found = deadlock_of(made)
    assert found is not None
    assert "Step 2 needs 1 approver" in found.lack
    assert found.barred == ("Bob may approve up to 100,000.00 EUR.",)
    assert any("defines a limit" in remedy for remedy in found.remedies)


def test_a_review_that_nobody_can_do_is_not_for_want_of_a_limit(
    large: Any, rita: Any, bob: Any
) -> None:
    made = large(conflicted=[rita])
    found = deadlock_of(made)
    assert found is not None
    assert found.barred == ("Rita took part in preparing it.",)
    assert not any("defines a limit" in remedy for remedy in found.remedies)


@pytest.mark.parametrize(
    ("is_review", "cap", "amount"),
    list(product([True, False], [None, 500, 90_000], [400, 60_000])),
)
def test_rule_inbox_and_list_agree_on_who_may_with_and_without_a_stand_in(
    large: Any,
    person: Any,
    entity: Any,
    rita: Any,
    bob: Any,
    is_review: bool,
    cap: int | None,
    amount: int,
) -> None:
    ruth = person("ruth", "reviewer", on=entity)
    delegate(
        entity_id=entity.pk,
        delegate_id=ruth.pk,
        starts_on=today(),
        ends_on=today(),
        reason="Holiday",
        cap_amount=None if cap is None else Decimal(cap),
        cap_currency="" if cap is None else "EUR",
        actor=rita,
    )
    stage = {"people": ["rita"], "count": 1} | ({"within_limit": False} if is_review else {})
    made = large(stages=[stage, {"role": "approver", "count": 1}], amount=Decimal(amount))
    recheck_requests(entity_id=entity.pk)
    is_open_to_them = is_review or amount <= 1_000
    is_passed_on = cap is None or amount <= cap
    expected = {"ruth" if is_passed_on else "rita"} if is_open_to_them else set()
    assert able(made, rita, ruth, bob) == expected


def test_the_seat_of_a_review_needs_no_limit_to_be_taken(
    large: Any, person: Any, entity: Any, rita: Any, bob: Any, connie: Any
) -> None:
    made = large()
    assert connie.pk in people_to_take(made, staff_of(entity))
    approve(made, rita)
    made.refresh_from_db()
    assert connie.pk not in people_to_take(made, staff_of(entity))
    cora = person("cora", "controller", on=entity)
    with pytest.raises(NotEligible, match="has no limit"), transaction.atomic():
        reassign(
            request_id=made.pk,
            from_person_id=bob.pk,
            to_person_id=cora.pk,
            reason="Ill.",
            actor=connie,
        )


WRONG: list[list[dict[str, Any]]] = [
    [REVIEW],
    [REVIEW, {**REVIEW, "role": "approver"}],
    [{**REVIEW, "within_limit": "no"}, {"role": "approver", "count": 1}],
    [{**REVIEW, "within_limit": 0}, {"role": "approver", "count": 1}],
    [{"within_limit": False, "count": 1}, {"role": "approver", "count": 1}],
]


@pytest.mark.parametrize("stages", WRONG)
def test_a_policy_whose_limits_nobody_would_keep_is_refused(
    define: Any, bob: Any, table_counts: Any, stages: list[dict[str, Any]]
) -> None:
    before = table_counts()
    with pytest.raises(PolicyInvalid) as refused, transaction.atomic():
        define(stages=stages)
    assert refused.value.field == "stages"
    assert table_counts() == before


def test_what_goes_without_saying_is_not_kept(define: Any) -> None:
    plain = define(stages=[{"role": "approver", "count": 1}])
    said = define(stages=[{"role": "approver", "count": 1, "within_limit": True}])
    assert said.stages == [{"role": "approver", "count": 1}]
    assert content_digest(plain) == content_digest(said)
    assert content_digest(define(stages=STEPS)) != content_digest(said)


# --- Doors ----------------------------------------------------------------------------------


def test_it_is_told_in_words() -> None:
    assert stage_in_words(REVIEW) == "1 reviewer (whatever the amount)"
    named = {"people": ["rita"], "count": "all", "within_limit": False}
    assert stage_in_words(named) == "all of rita (whatever the amount)"


def test_a_review_over_rest_and_on_the_page(api: Any, connie: Any, rita: Any, ask: Any) -> None:
    wanted = {"entity": "HFS", "item_type": "reconciliation", "stages": STEPS}
    made = api(connie).post("/api/approvals/policies", wanted, format="json")
    assert (made.status_code, made.json()["stages"]) == (201, STEPS)
    refused = api(connie).post(
        "/api/approvals/policies", {**wanted, "stages": [REVIEW]}, format="json"
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "POLICY_INVALID")
    page = signed_in(rita).get(reverse("approvals:request", args=[ask(subject(3)).pk]))
    assert "1 reviewer (whatever the amount)" in text_of(page)


def test_a_review_in_the_admin(connie: Any, entity: Any) -> None:
    client = signed_in(connie)
    added = client.post(
        reverse("admin:approvals_policy_add"),
        {
            "entity": entity.pk,
            "item_type": "reconciliation",
            "currency": "",
            "least_amount": "0",
            "below_amount": "",
            "stage_1_role": "reviewer",
            "stage_1_review": "on",
            "stage_2_role": "approver",
            "due_after_hours": "4",
        },
    )
    assert added.status_code == 302, text_of(added)
    assert Policy.objects.get().stages == STEPS
    assert "stage_1_review" in client.get(reverse("admin:approvals_policy_add")).content.decode()

"""The roles and limits of seeds/001: accountant, supervisor, manager, director.

Here they are preparer, reviewer, approver and controller; up to 10,000, 50,000 and 1,000,000.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.errors import (
    AboveLimit,
    AttestationMissing,
    EvidenceMissing,
    LimitMissing,
    OwnWork,
    ResolutionMissing,
)
from apps.approvals.models import Request
from apps.approvals.rules import Evidence
from apps.approvals.selectors import deadlock_of, eligible_approvers, inbox, is_approved
from apps.approvals.services import attach, decide, define_limit, recheck_requests
from apps.approvals.states import RequestStatus
from apps.common.errors import Refusal
from apps.identity.models import User
from apps.identity.services import deactivate_user, grant_role, reactivate_user
from tests.approvals.conftest import HASH, subject
from tests.approvals.files import png

TIERS = (("reviewer", 0, 10_000), ("approver", 10_000, 50_000), ("controller", 50_000, None))
LIMITS = (("reviewer", 10_000), ("approver", 50_000), ("controller", 1_000_000))
ATTESTATION = "I confirm that all differences have been explained."


@pytest.fixture
def company(
    define: Any, entity: Any, connie: Any, rita: Any, bob: Any, person: Any
) -> dict[str, Any]:
    """One policy for each tier of amounts, and the limits of the roles."""
    for role, least, below in TIERS:
        define(
            "journal_entry",
            currency="EUR",
            least_amount=Decimal(least),
            # Limits are inclusive: what is exactly at one still belongs to its holder.
            below_amount=None if below is None else Decimal(below),
            stages=[{"role": role, "count": 1}],
            attestation_text=ATTESTATION,
        )
    for role, most in LIMITS:
        define_limit(
            entity_id=entity.pk,
            role=role,
            item_type="journal_entry",
            amount=Decimal(most),
            currency="EUR",
            starts_on=date(2023, 1, 1),
            actor=connie,
        )
    return {"supervisor": rita, "manager": bob, "director": connie}


@pytest.fixture
def entry(ask: Any) -> Any:
    about = iter(range(50))

    def make(amount: str, **facts: Any) -> Request:
        made: Request = ask(
            subject(next(about)),
            item_type="journal_entry",
            amount=Decimal(amount),
            currency="EUR",
            title=f"Accrual of {amount}",
            **facts,
        )
        return made

    return make


def approve(request: Request, actor: Any, **changes: Any) -> str:
    facts = {"verdict": "approve", "comment": "Reviewed.", "attested": True} | changes
    version = Request.objects.get(pk=request.pk).version
    reader = User.objects.get(pk=actor.pk)
    decided = decide(request_id=request.pk, expected_version=version, actor=reader, **facts)
    return str(decided.status)


@pytest.mark.parametrize(
    ("amount", "who"),
    [
        ("9999.99", "supervisor"),
        ("10000.00", "manager"),
        ("49999.99", "manager"),
        ("50000.00", "director"),
        ("1000000.00", "director"),
    ],
)
def test_an_entry_goes_to_whom_its_amount_needs(
    company: dict[str, Any], entry: Any, amount: str, who: str
) -> None:
    made = entry(amount)
    assert eligible_approvers(made) == [company[who]]
    for name, person in company.items():
        assert (made in inbox(User.objects.get(pk=person.pk))) == (name == who)
    assert approve(made, company[who]) == RequestStatus.APPROVED
    assert is_approved(subject(), HASH)


def test_above_the_director_nobody_is_eligible_and_it_says_so(
    company: dict[str, Any], entry: Any
) -> None:
    made = entry("1000000.01")
    assert made.status == RequestStatus.BLOCKED
    found = deadlock_of(made)
    assert found is not None
    assert found.barred == ("Connie may approve up to 1,000,000.00 EUR.",)
    assert "a limit of at least 1,000,000.01 EUR" in found.remedies[0]


def test_a_supervisor_who_stands_in_as_manager_keeps_to_his_own_limit(
    company: dict[str, Any], entry: Any, entity: Any, connie: Any, rita: Any, system: Any
) -> None:
    grant_role(user_id=rita.pk, role="approver", entity_id=entity.pk, actor=system)
    define_limit(
        entity_id=entity.pk,
        user_id=rita.pk,
        item_type="journal_entry",
        amount=Decimal(10_000),
        currency="EUR",
        starts_on=date(2023, 1, 1),
        actor=connie,
    )
    made = entry("12000")
    assert eligible_approvers(made) == [company["manager"]]
    with pytest.raises(AboveLimit):
        approve(made, rita)


def test_the_approver_is_absent_and_comes_back(
    company: dict[str, Any], entry: Any, entity: Any, ada: Any
) -> None:
    made = entry("12000")
    manager = company["manager"]
    deactivate_user(user_id=manager.pk, actor=ada)
    assert recheck_requests(entity_id=entity.pk) == [made.pk]
    assert Request.objects.get(pk=made.pk).status == RequestStatus.BLOCKED
    reactivate_user(user_id=manager.pk, actor=ada)
    assert recheck_requests(entity_id=entity.pk) == [made.pk]
    assert approve(made, manager) == RequestStatus.APPROVED


def test_without_the_attestation_nothing_is_approved(
    company: dict[str, Any], entry: Any, table_counts: Any
) -> None:
    made = entry("12000")
    before = table_counts()
    with pytest.raises(AttestationMissing):
        approve(made, company["manager"], attested=False)
    assert table_counts() == before


def test_the_accountant_does_not_approve_whatever_he_is_besides(
    company: dict[str, Any], entry: Any, entity: Any, alice: Any, system: Any
) -> None:
    grant_role(user_id=alice.pk, role="approver", entity_id=entity.pk, actor=system)
    made = entry("12000")
    with pytest.raises(OwnWork):
        approve(made, alice)
    assert eligible_approvers(made) == [company["manager"]]


def test_a_role_without_a_limit_approves_nothing_of_that_kind(
    company: dict[str, Any], entry: Any, entity: Any, define: Any, person: Any, connie: Any
) -> None:
    from apps.approvals.models import Limit
    from apps.approvals.services import retire_limit

    made = entry("5")
    reviewer = Limit.objects.standing().get(role="reviewer")
    retire_limit(limit_id=reviewer.pk, actor=connie)
    with pytest.raises(LimitMissing):
        approve(made, company["supervisor"])


# --- documentation: {evidence_required: [screenshot, explanation], resolution_required: True} ---


@pytest.fixture
def checkpoint(define: Any, ask: Any, rita: Any) -> Request:
    """The approval checkpoint of the monthly balance reconciliation."""
    define(
        "reconciliation",
        stages=[{"role": "reviewer", "count": 1}],
        evidence_kinds=["screenshot", "explanation"],
        resolution_required=True,
    )
    made: Request = ask(title="Monthly balance reconciliation")
    return made


SCREENSHOT = Evidence("screenshot", "screenshot.png", png())
EXPLANATION = Evidence.in_words(
    "explanation", "Minor timing differences due to batch processing delay."
)
RESOLUTION = Evidence.in_words("resolution", "They clear with the batch of 2 May.")


def test_a_supervisor_submits_his_approval_with_its_evidence(
    checkpoint: Request, rita: Any
) -> None:
    brought = [SCREENSHOT, EXPLANATION, RESOLUTION]
    comment = "All reconciling items have been reviewed and explained."
    assert approve(checkpoint, rita, comment=comment, evidence=brought) == RequestStatus.APPROVED
    decision = checkpoint.decisions.get()
    assert decision.comment == comment
    assert {one.kind: one.filename for one in decision.attachments.all()} == {
        "screenshot": "screenshot.png",
        "explanation": "explanation.txt",
        "resolution": "resolution.txt",
    }


@pytest.mark.parametrize(
    ("brought", "refusal", "missing"),
    [
        ([], EvidenceMissing, "a screenshot, an explanation and a resolution"),
        ([SCREENSHOT, RESOLUTION], EvidenceMissing, "an explanation"),
        ([EXPLANATION], EvidenceMissing, "a screenshot and a resolution"),
        ([SCREENSHOT, EXPLANATION], ResolutionMissing, "how what was open was resolved"),
    ],
)
def test_evidence_missing(
    checkpoint: Request,
    rita: Any,
    table_counts: Any,
    brought: list[Evidence],
    refusal: type[Refusal],
    missing: str,
) -> None:
    before = table_counts()
    with pytest.raises(refusal, match=missing):
        approve(checkpoint, rita, evidence=brought)
    assert table_counts() == before
    assert not is_approved(subject(), HASH)


def test_the_accountant_adds_what_is_missing_and_the_supervisor_approves(
    checkpoint: Request, alice: Any, rita: Any
) -> None:
    for one in (SCREENSHOT, EXPLANATION, RESOLUTION):
        attach(request_id=checkpoint.pk, evidence=one, actor=alice)
    assert approve(checkpoint, rita) == RequestStatus.APPROVED

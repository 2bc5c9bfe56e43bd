"""Names, narratives and bank accounts in reasons and evidence, for who may not read them."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from apps.identity.models import User
from apps.reconciliation.models import Break, MatchGroup, Run
from apps.reconciliation.selectors import evidence_shown, reason_shown, reasons_shown
from apps.reconciliation.services import correct_cause

SECRET = "Anna Jansen"
IBAN = "NL91HRBR0417230200"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("reference equal: INV-1", "reference equal: INV-1"),
        ("reference = external_id equal: INV-1", "reference = external_id equal: INV-1"),
        ("amount equal with the sign reversed", "amount equal with the sign reversed"),
        ("booked 2 days later (window 0..3)", "booked 2 days later (window 0..3)"),
        (f"counterparty equal: {SECRET}", "counterparty equal: ••••nsen"),
        (f"reference = narrative equal: {SECRET}", "reference = narrative equal: ••••nsen"),
        (f"Our customer equal: {SECRET}", "Our customer equal: ••••nsen"),
        (f"booked by equal: {SECRET}", "booked by equal: ••••nsen"),
        (
            f"counterparty 93% alike: {SECRET} / Ana Janssen (weight 5.2)",
            "counterparty 93% alike (weight 5.2)",
        ),
        (f"narrative differs: {SECRET} / none (weight -1.2)", "narrative differs (weight -1.2)"),
        (f"account differs: {IBAN} / 1200", "account differs"),
        (f"narrative equal: a\n{SECRET} (weight 3)", "narrative equal: ••••nsen (weight 3)"),
    ],
)
def test_reasons_of_matches(april: Run, alice: User, otto: User, reason: str, shown: str) -> None:
    group = MatchGroup(run=april, reasons=[reason])
    assert reasons_shown(group, actor=otto) == [shown]
    assert reasons_shown(group, actor=alice) == [reason]


@pytest.mark.parametrize(
    ("reason", "evidence", "shown", "facts"),
    [
        (
            f"account differs: {IBAN} on the left, 1200 on the right; counterparty {SECRET}, amount"
            " and day are equal",
            {"left_account": IBAN, "right_account": "1200", "left_reference": "INV-1"},
            "account differs",
            {"left_account": "••••0200", "right_account": "••••00", "left_reference": "INV-1"},
        ),
        (
            f"reference INV-1 and amount agree, but value_on differs: a / b; attributes.our client "
            f"differs: {SECRET} / none",
            {"differing": ["value_on differs: a / b", f"attributes.our client differs: {SECRET}"]},
            "reference INV-1 and amount agree, but value_on differs: a / b; attributes.our client "
            "differs",
            {"differing": ["•••• / b", "attributes.our client differs"]},
        ),
        (
            f"client {SECRET}: one item of 3.00 EUR on the left is 2 items of the same sum",
            {"left_key": "attributes.client", "right_key": "counterparty", "value": SECRET},
            "client ••••nsen: one item of 3.00 EUR on the left is 2 items of the same sum",
            {"left_key": "attributes.client", "right_key": "counterparty", "value": "••••nsen"},
        ),
        (
            "reference INV-1: one item of 3.00 EUR on the left is 2 items of the same sum",
            {"left_key": "reference", "right_key": "reference", "value": "INV-1"},
            None,
            None,
        ),
        (
            "rate differs: 80 / 82 for the same quantity of 8; both amounts are quantity x rate",
            {"quantity": "8", "left_rate": "80", "right_rate": "82"},
            None,
            None,
        ),
        ("reference differs: INV-1 / INV-2 (one character is another)", {"copies": 2}, None, None),
        ("unheard of", {"a new fact": SECRET, "ids": [1, 2]}, "unheard of", None),
    ],
)
def test_breaks(
    april: Run,
    alice: User,
    otto: User,
    reason: str,
    evidence: dict[str, Any],
    shown: str | None,
    facts: dict[str, Any] | None,
) -> None:
    broken = Break(run=april, reason=reason, evidence=evidence)
    assert (reason_shown(broken, actor=alice), evidence_shown(broken, actor=alice)) == (
        reason,
        evidence,
    )
    assert reason_shown(broken, actor=otto) == (shown or reason)
    seen = evidence_shown(broken, actor=otto)
    assert SECRET not in str(seen)
    if "a new fact" not in evidence:
        assert seen == (facts or evidence)


def test_the_admin_masks_what_a_corrected_cause_was_given_by(
    april: Run, visit: Any, rita: User, connie: User, otto: User
) -> None:
    broken = april.breaks.get(cause="fee")
    correction = correct_cause(break_id=broken.pk, cause="rate_change", reason="Agreed", actor=rita)
    url = reverse("admin:reconciliation_correction_change", args=[correction.pk])
    for person in (connie, otto):
        page = visit(person).get(url)
        assert page.status_code == 200
        assert "difference" in page.content.decode()
    assert b"id_evidence" not in visit(otto).get(url).content

"""Approvals in the admin: policies through the services, everything else to look at."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from apps.approvals.models import Policy, Request
from apps.approvals.services import decide

POLICIES = "admin:approvals_policy"
MODELS = ("policy", "request", "decision", "conflict")


def signed_in(user: Any) -> Client:
    visitor = Client(raise_request_exception=False)
    visitor.force_login(user)
    return visitor


@pytest.fixture
def content(entity: Any) -> dict[str, Any]:
    """A policy as the form sends it."""
    return {
        "entity": entity.pk,
        "item_type": "journal_entry",
        "currency": "EUR",
        "least_amount": "1000",
        "below_amount": "",
        "stage_1_role": "reviewer",
        "stage_1_count": "",
        "stage_2_role": "",
        "stage_2_count": "",
        "stage_3_role": "approver",
        "stage_3_count": "2",
        "needs_comment": "on",
        "attestation_text": "I have read it.",
        "due_after_hours": "24",
    }


def test_a_controller_puts_a_policy_in_force(connie: Any, content: dict[str, Any]) -> None:
    answer = signed_in(connie).post(reverse(f"{POLICIES}_add"), content)
    assert answer.status_code == 302
    policy = Policy.objects.get()
    assert policy.stages == [{"role": "reviewer", "count": 1}, {"role": "approver", "count": 2}]
    assert (policy.created_by, policy.needs_comment, policy.below_amount) == (connie, True, None)
    listed = signed_in(connie).get(reverse(f"{POLICIES}_changelist")).content.decode()
    assert "1 reviewer, then 2 approver" in listed


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"item_type": ""}, "item_type"),
        ({"entity": "other"}, "entity"),
        ({"currency": "XXQ"}, "currency"),
        ({"currency": ""}, "currency"),
        ({"least_amount": "-1"}, "below_amount"),
        ({"least_amount": "0.001"}, "__all__"),
        ({"below_amount": "1000"}, "below_amount"),
        ({"stage_1_role": "king"}, "stage_1_role"),
        ({"stage_3_count": "0"}, "stage_3_count"),
        ({"stage_1_role": "", "stage_3_role": ""}, "__all__"),
        ({"due_after_hours": "-5"}, "due_after_hours"),
    ],
)
def test_a_refused_policy_is_a_form_error(
    connie: Any, other_entity: Any, content: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    if changes.get("entity") == "other":
        changes = {"entity": other_entity.pk}
    page = signed_in(connie).post(reverse(f"{POLICIES}_add"), content | changes)
    assert page.status_code == 200
    assert list(page.context["adminform"].form.errors) == [field]
    assert not Policy.objects.exists()


def test_an_overlap_is_told_at_its_field(connie: Any, define: Any, content: dict[str, Any]) -> None:
    from decimal import Decimal

    define("journal_entry", currency="EUR", least_amount=Decimal(500))
    page = signed_in(connie).post(reverse(f"{POLICIES}_add"), content)
    assert list(page.context["adminform"].form.errors) == ["least_amount"]
    assert Policy.objects.count() == 1


def test_policies_are_retired_line_by_line(connie: Any, define: Any) -> None:
    first, second = define("reconciliation"), define("reconciliation")
    content = {"action": "retire", "_selected_action": [first.pk, second.pk]}
    answer = signed_in(connie).post(reverse(f"{POLICIES}_changelist"), content)
    messages = sorted(str(message) for message in get_messages(answer.wsgi_request))
    assert messages == [
        "1 retired.",
        "reconciliation from 0 (version 1): This policy is retired already.",
    ]
    assert not Policy.objects.in_force().exists()


def test_an_auditor_looks_and_changes_nothing(
    otto: Any, define: Any, content: dict[str, Any], table_counts: Any
) -> None:
    policy = define()
    visitor = signed_in(otto)
    before = table_counts()
    assert visitor.get(reverse(f"{POLICIES}_changelist")).status_code == 200
    assert visitor.get(reverse(f"{POLICIES}_add")).status_code == 403
    assert visitor.post(reverse(f"{POLICIES}_add"), content).status_code == 403
    chosen = {"action": "retire", "_selected_action": [policy.pk]}
    visitor.post(reverse(f"{POLICIES}_changelist"), chosen)
    assert table_counts() == before
    assert Policy.objects.in_force().count() == 1


def test_every_model_can_be_looked_at_and_none_edited(
    define: Any, ask: Any, bob: Any, rita: Any, connie: Any, charlie: Any
) -> None:
    define()
    made: Request = ask(conflicted=[rita])
    decide(
        request_id=made.pk,
        verdict="approve",
        comment="",
        attested=True,
        expected_version=1,
        actor=bob,
    )
    rows = {
        "policy": made.policy,
        "request": made,
        "decision": made.decisions.get(),
        "conflict": made.conflicts.get(),
    }
    assert [str(rows[name]) for name in ("decision", "conflict")] == [
        f"Approve by {bob.pk}",
        f"{rita.pk} on {made.pk}",
    ]
    visitor, other = signed_in(connie), signed_in(charlie)
    for name, row in rows.items():
        listed = visitor.get(reverse(f"admin:approvals_{name}_changelist"))
        assert [one.pk for one in listed.context["cl"].result_list] == [row.pk]
        path = reverse(f"admin:approvals_{name}_change", args=[row.pk])
        assert visitor.get(path).status_code == 200
        assert visitor.post(path, {"title": "x"}).status_code == 403
        assert visitor.post(path.replace("change", "delete")).status_code == 403
        elsewhere = other.get(reverse(f"admin:approvals_{name}_changelist"))
        assert list(elsewhere.context["cl"].result_list) == []


def test_a_request_leads_to_the_page_on_which_it_is_decided(
    define: Any, ask: Any, bob: Any, connie: Any
) -> None:
    define()
    made = ask()
    path = reverse("admin:approvals_request_change", args=[made.pk])
    page = signed_in(connie).get(path).content.decode()
    assert reverse("approvals:request", args=[made.pk]) in page

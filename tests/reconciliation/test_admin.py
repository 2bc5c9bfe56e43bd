"""Reconciliation in the admin: every model has its page, and changes go through the services."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.urls import reverse

from apps.audit.models import Event
from apps.identity.models import User
from apps.ingestion.services import define_source
from apps.reconciliation.models import (
    Break,
    BreakAssignment,
    BreakClosure,
    BreakItem,
    BreakReview,
    Certification,
    Correction,
    GroupRevocation,
    LearnedWeights,
    MatchGroup,
    MatchType,
    RematchPermit,
    ResolutionRule,
    Revision,
    RuleSetAdoption,
    RuleSetVersion,
    Run,
    WriteOff,
)
from apps.reconciliation.selectors import items_by_group
from apps.reconciliation.services import (
    assign_break,
    change_rules,
    correct_cause,
    define_match_type,
    explain_break,
    permit_rematch,
    propose_resolution,
    unmatch_group,
    write_off_break,
)
from tests.pages import text
from tests.reconciliation.conftest import RULES, Pair

MODELS = (
    MatchType,
    RuleSetVersion,
    RuleSetAdoption,
    Run,
    MatchGroup,
    Break,
    BreakItem,
    BreakReview,
    Revision,
    GroupRevocation,
    LearnedWeights,
    RematchPermit,
    BreakClosure,
    Correction,
    WriteOff,
    Certification,
    BreakAssignment,
    ResolutionRule,
)
FACTS = tuple(model for model in MODELS if model is not MatchType)


@pytest.fixture
def filled(april: Run, books: Any, alice: User, connie: User) -> Run:
    fee = april.breaks.get(cause="fee")
    explain_break(break_id=fee.pk, comment="Wire fee", actor=alice)
    write_off_break(
        break_id=fee.pk,
        expense_account="5400",
        posted_on=april.ends_on,
        reason="Small",
        actor=alice,
    )
    assign_break(break_id=fee.pk, owner_id=alice.pk, reason="Knows it", actor=alice)
    propose_resolution(
        match_type_id=april.match_type_id,
        cause="rounding",
        currency="EUR",
        limit=Decimal(1),
        expense_account="5400",
        actor=connie,
    )
    LearnedWeights.objects.create(
        run=april, rule_set=april.rule_set, pass_name="Names", weights={"prior": "-3"}
    )
    label = april.breaks.get(cause="sign")
    correct_cause(break_id=label.pk, cause="amount", reason="Refund", actor=alice)
    unmatch_group(run_id=april.pk, number=1, reason="No", actor=alice)
    april.refresh_from_db()
    Certification.objects.create(
        run=april, outcome_digest=april.outcome_digest, part="prepared", certified_by=alice
    )
    permit_rematch(run_id=april.pk, number=1, reason="Yes", actor=alice)
    return april


def url(model: Any, page: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:reconciliation_{model._meta.model_name}_{page}", args=arguments)


def told(answer: Any) -> str:
    return str(list(get_messages(answer.wsgi_request))[-1])


def test_every_model_of_the_app_is_registered() -> None:
    registered = {m for m in admin.site._registry if m._meta.app_label == "reconciliation"}
    assert registered == set(MODELS)


@pytest.mark.parametrize("who", ["connie", "otto"])
def test_every_model_has_a_list_and_a_page(who: str, request: Any, visit: Any, filled: Run) -> None:
    client = visit(request.getfixturevalue(who))
    for model in MODELS:
        assert client.get(url(model)).status_code == 200, model
        page = client.get(url(model, "change", model.objects.first().pk))
        assert page.status_code == 200, model


def test_rows_of_other_entities_are_not_there(visit: Any, filled: Run, charlie: User) -> None:
    client = visit(charlie)
    for model in MODELS:
        ours = model.objects.first()
        assert client.get(url(model, "change", ours.pk)).status_code == 302, model
        assert f"/{ours.pk}/change/" not in text(client.get(url(model))), model


def test_nothing_is_deleted_and_facts_are_not_changed(
    visit: Any, filled: Run, connie: User, otto: User, table_counts: Any
) -> None:
    client, reader = visit(connie), visit(otto)
    for model in MODELS:
        row, before = model.objects.first(), table_counts()
        gone = client.post(url(model, "delete", row.pk), {"post": "yes"})
        assert gone.status_code == 403, model
        assert reader.get(url(model, "add")).status_code == 403, model
        if model in FACTS:
            changed = client.post(url(model, "change", row.pk), {"number": "9"})
            assert changed.status_code == 403, model
            assert client.get(url(model, "add")).status_code == 403, model
        after = table_counts()
        assert {k: v for k, v in after.items() if k != "django_session"} == before, model


def match_type_form(pair: Pair, **changes: Any) -> dict[str, Any]:
    facts = {
        "entity": pair.match_type.entity_id,
        "code": "new",
        "name": "New",
        "description": "",
        "left_source": pair.left.pk,
        "left_accounts": "[]",
        "right_source": pair.right.pk,
        "right_accounts": '["1000"]',
        "carries": "awaited",
        "rules": json.dumps(RULES),
    }
    return {**facts, **changes}


def test_a_controller_adds_a_match_type_and_changes_its_rules(
    visit: Any, pair: Pair, connie: User
) -> None:
    client = visit(connie)
    added = client.post(url(MatchType, "add"), match_type_form(pair))
    assert added.status_code == 302, text(added)
    made = MatchType.objects.get(code="new")
    assert (made.left_accounts, made.right_accounts) == ([], ["1000"])
    page = text(client.get(url(MatchType, "change", made.pk)))
    assert "&quot;awaited_days&quot;: 5" in page
    wider = json.dumps({**RULES, "awaited_days": 7})
    typed = {"rules": wider, "seen_version": 1}
    changed = client.post(url(MatchType, "change", made.pk), typed)
    assert changed.status_code == 302, text(changed)
    assert made.rule_sets.count() == 2
    again = {"rules": wider, "seen_version": 2, "name": "Other"}
    assert client.post(url(MatchType, "change", made.pk), again).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.rule_sets.count()) == ("New", 2)
    assert {event.actor for event in Event.objects.filter(subject_id=str(made.pk))} >= {connie}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": "bank_gl"}, "A match type with this code exists."),
        ({"left_accounts": '"1000"'}, "Accounts are a list of account codes."),
        ({"right_accounts": "[1]"}, "Accounts are a list of account codes."),
        ({"rules": "{"}, "This is not acceptable JSON"),
        ({"rules": "[1]"}, "Rules are a JSON object."),
        ({"rules": '{"passes": []}'}, "passes"),
        ({"left_source": "0"}, "Select a valid choice"),
        ({"left_source": "foreign"}, "Select a valid choice"),
        ({"entity": ""}, "This field is required"),
    ],
)
def test_bad_input_is_a_form_error(
    changes: dict[str, Any],
    words: str,
    visit: Any,
    pair: Pair,
    connie: User,
    charlie: User,
    other_entity: Any,
) -> None:
    if changes.get("left_source") == "foreign":
        far = define_source(entity_id=other_entity.pk, code="far", name="Far", actor=charlie)
        changes = {"left_source": far.pk}
    answer = visit(connie).post(url(MatchType, "add"), match_type_form(pair, **changes))
    assert answer.status_code == 200
    assert words in text(answer)
    assert MatchType.objects.count() == 1


def test_rules_with_a_fault_are_a_form_error(visit: Any, pair: Pair, connie: User) -> None:
    answer = visit(connie).post(
        url(MatchType, "change", pair.match_type.pk),
        {"rules": json.dumps({**RULES, "awaited_days": -1})},
    )
    assert answer.status_code == 200
    assert "awaited_days" in text(answer)
    assert pair.match_type.rule_sets.count() == 1


def test_an_auditor_changes_nothing(visit: Any, filled: Run, otto: User) -> None:
    client = visit(otto)
    page = text(client.get(url(MatchType, "change", filled.match_type_id)))
    assert "awaited_days" in page
    answer = client.post(url(MatchType, "change", filled.match_type_id), {"rules": "{}"})
    assert answer.status_code == 403
    act = {"action": "run_again", "_selected_action": [str(filled.pk)]}
    client.post(url(Run), act)
    assert RuleSetVersion.objects.count() == Run.objects.count() == 1


@pytest.mark.parametrize(("who", "is_clear"), [("connie", True), ("otto", False)])
def test_bank_accounts_of_a_match_type_are_masked_for_auditors(
    who: str, is_clear: bool, request: Any, visit: Any, pair: Pair, connie: User, entity: Any
) -> None:
    bank = define_source(entity_id=entity.pk, code="camt", name="Camt", format="camt", actor=connie)
    made = define_match_type(
        entity_id=entity.pk,
        code="camt_gl",
        name="Camt to ledger",
        left_source_id=bank.pk,
        left_accounts=["NL91HRBR0417230200"],
        right_source_id=pair.right.pk,
        rules=RULES,
        actor=connie,
    )
    page = text(visit(request.getfixturevalue(who)).get(url(MatchType, "change", made.pk)))
    assert ("NL91HRBR0417230200" in page) is is_clear
    assert "0200" in page


def test_running_again_reports_line_by_line(
    visit: Any, april: Run, pair: Pair, connie: User
) -> None:
    client = visit(connie)
    act = {"action": "run_again", "_selected_action": [str(april.pk)]}
    assert told(client.post(url(Run), act)) == "1 asked for."
    assert Run.objects.count() == 1  # nothing changed: the run stands
    change_rules(match_type_id=pair.match_type.pk, rules={**RULES, "awaited_days": 0}, actor=connie)
    client.post(url(Run), act)
    assert list(Run.objects.order_by("pk").values_list("status", "requested_by__username")) == [
        ("completed", "alice"),
        ("queued", "connie"),
    ]


def test_breaks_and_groups_lead_to_their_pages(visit: Any, filled: Run, connie: User) -> None:
    client = visit(connie)
    broken = filled.breaks.get(cause="fee")
    page = text(client.get(url(Break, "change", broken.pk)))
    assert "left amount is net of a fee" in page
    assert "Explained" in page
    assert f'href="/breaks/{broken.pk}/"' in text(client.get(url(Break)))
    group = filled.groups.get(pass_name="Near")
    page = text(client.get(url(MatchGroup, "change", group.pk)))
    assert "tolerance 0.05" in page
    for item, amount in zip(items_by_group([group])[group.pk], ("50.00", "50.03"), strict=True):
        name = item.record.external_id or f"record {item.record_id}"
        shown = f"{item.side.label}: {name} of {item.record.booked_on}, {amount} EUR"
        assert shown in page
    page = text(client.get(url(Run)))
    assert f"/admin/reconciliation/break/?run__id__exact={filled.pk}" in page


@pytest.mark.parametrize("lookup", ["requested_at__year=99999", "requested_at__year=0", "pk=x"])
def test_a_lookup_that_makes_no_sense_leads_to_the_list_and_says_so(
    visit: Any, april: Run, connie: User, lookup: str
) -> None:
    answer = visit(connie).get(f"/admin/reconciliation/run/?{lookup}")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/reconciliation/run/?e=1")

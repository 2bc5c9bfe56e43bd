"""The imports in the admin: every model has its page, and changes go through the services."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.urls import reverse

from apps.audit.models import Event
from apps.ingestion.models import (
    Amendment,
    Batch,
    FailedImport,
    LineCorrection,
    Pull,
    PullAttempt,
    Record,
    RejectedLine,
    Source,
)
from apps.ingestion.services import ask_pull, connect_source, correct_line, perform_pull
from tests.ingestion.conftest import ACCOUNT, ANNA, BROKEN, MAPPING, statement, table
from tests.pages import text

MODELS = (
    Source,
    Batch,
    Record,
    RejectedLine,
    LineCorrection,
    FailedImport,
    Pull,
    PullAttempt,
    Amendment,
)


@pytest.fixture
def filled(sales: Source, bank: Source, bring: Any, connie: Any) -> Source:
    bring(sales, table(ANNA, BROKEN), "april.csv")
    bring(bank, statement("230407C10,00NTRFA", closing="C110,00"), "april.sta")
    correct_line(
        line_id=RejectedLine.objects.get().pk,
        texts={"amount": "7.00"},
        reason="As the invoice says",
        actor=connie,
    )
    bring(sales, b"", "empty.csv")
    bring(sales, table(ANNA.replace("100.00", "100.01"), BROKEN), "april2.csv")
    connect_source(
        source_id=sales.pk, connector="drop", connector_settings={"path": "no.csv"}, actor=connie
    )
    perform_pull(pull_id=ask_pull(source_id=sales.pk, actor=connie).pk)
    return sales


def url(model: Any, page: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:ingestion_{model._meta.model_name}_{page}", args=arguments)


def test_every_model_of_the_app_is_registered() -> None:
    registered = {m for m in admin.site._registry if m._meta.app_label == "ingestion"}
    assert registered == set(MODELS)


@pytest.mark.parametrize("who", ["connie", "otto"])
def test_every_model_has_a_list_and_a_page(
    who: str, request: Any, visit: Any, filled: Source
) -> None:
    client = visit(request.getfixturevalue(who))
    for model in MODELS:
        assert client.get(url(model)).status_code == 200, model
        page = client.get(url(model, "change", model.objects.first().pk))
        assert page.status_code == 200, model


def test_rows_of_other_entities_are_not_there(visit: Any, filled: Source, charlie: Any) -> None:
    client = visit(charlie)
    for model in MODELS:
        ours = model.objects.first()
        assert client.get(url(model, "change", ours.pk)).status_code == 302, model
        assert f"/{ours.pk}/change/" not in text(client.get(url(model))), model


def test_nothing_is_deleted_and_facts_are_not_changed(
    visit: Any, filled: Source, connie: Any, otto: Any, table_counts: Any
) -> None:
    client, reader = visit(connie), visit(otto)
    for model in MODELS:
        row, before = model.objects.first(), table_counts()
        gone = client.post(url(model, "delete", row.pk), {"post": "yes"})
        assert gone.status_code == 403, model
        assert reader.get(url(model, "add")).status_code == 403, model
        if model is not Source:
            changed = client.post(url(model, "change", row.pk), {"line": "9"})
            assert changed.status_code == 403, model
            assert client.get(url(model, "add")).status_code == 403, model
        after = table_counts()
        assert {k: v for k, v in after.items() if k != "django_session"} == before, model


@pytest.mark.parametrize(("who", "is_clear"), [("connie", True), ("otto", False)])
def test_a_record_is_masked_for_auditors(
    who: str, is_clear: bool, request: Any, visit: Any, filled: Source
) -> None:
    client = visit(request.getfixturevalue(who))
    named = text(client.get(url(Record, "change", Record.objects.filter(external_id="L-1")[0].pk)))
    for secret in ("Anna Bakker", "Rent of April", "North"):
        assert (secret in named) is is_clear
    assert "april.csv, line 2" in named
    moved = text(client.get(url(Record, "change", Record.objects.get(source__code="bank").pk)))
    assert (ACCOUNT in moved) is is_clear


@pytest.mark.parametrize(("who", "is_clear"), [("connie", True), ("otto", False)])
def test_the_account_number_of_a_source_is_masked_for_auditors(
    who: str, is_clear: bool, request: Any, visit: Any, bank: Source
) -> None:
    page = text(visit(request.getfixturevalue(who)).get(url(Source, "change", bank.pk)))
    assert (ACCOUNT in page) is is_clear
    assert "0200" in page


def test_the_keyed_hashes_of_accounts_are_not_shown(
    visit: Any, filled: Source, connie: Any
) -> None:
    batch = Batch.objects.get(filename="april.sta")
    page = text(visit(connie).get(url(Batch, "change", batch.pk)))
    assert batch.statements[0]["account_keys"][0] not in page


def source_form(our_entity: Any, **changes: Any) -> dict[str, Any]:
    facts = {
        "entity": our_entity.pk,
        "code": "card",
        "name": "Card",
        "format": "csv",
        "mapping": json.dumps(MAPPING),
        "account_number": "",
        "drop_path": "",
    }
    return {**facts, **changes}


def test_a_controller_adds_changes_and_retires_a_source(
    visit: Any, entity: Any, connie: Any
) -> None:
    client = visit(connie)
    added = client.post(url(Source, "add"), source_form(entity, account_number="12345678"))
    assert added.status_code == 302, text(added)
    source = Source.objects.get(code="card")
    assert (source.mapping, source.account_number) == (MAPPING, "12345678")
    wanted = {**MAPPING, "decimal": ","}
    seen = {"mapping": json.dumps(wanted), "seen_version": source.version}
    changed = client.post(url(Source, "change", source.pk), seen)
    assert changed.status_code == 302, text(changed)
    source.refresh_from_db()
    assert source.mapping == wanted
    act = {"action": "retire_selected", "_selected_action": [str(source.pk)]}
    for words in ("1 retired.", "Card: This source is retired. It cannot be changed any more."):
        answer = client.post(url(Source), act)
        assert str(list(get_messages(answer.wsgi_request))[-1]) == words
    actions = Event.objects.filter(subject_type="ingestion.source").order_by("id")
    assert [event.action.rpartition(".")[2] for event in actions] == ["define", "remap", "retire"]
    assert {event.actor for event in actions} == {connie}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": "sales"}, "A source with this code exists."),
        ({"code": "two words"}, "Enter a valid"),
        ({"mapping": "{"}, "Enter a valid JSON."),
        ({"mapping": '{"colums": {}}'}, "colums: is not one of"),
        ({"mapping": "[1]"}, "A field mapping is a JSON object."),
        ({"drop_path": "../x"}, "has to stay below"),
        ({"entity": "foreign"}, "Select a valid choice"),
        ({"entity": ""}, "This field is required"),
    ],
)
def test_bad_input_is_a_form_error(
    changes: dict[str, Any],
    words: str,
    visit: Any,
    entity: Any,
    other_entity: Any,
    connie: Any,
    sales: Source,
) -> None:
    if changes.get("entity") == "foreign":
        changes = {"entity": other_entity.pk}
    answer = visit(connie).post(url(Source, "add"), source_form(entity, **changes))
    assert answer.status_code == 200
    assert words in text(answer)
    assert Source.objects.count() == 1


def test_a_mapping_with_a_fault_is_a_form_error(visit: Any, connie: Any, sales: Source) -> None:
    answer = visit(connie).post(url(Source, "change", sales.pk), {"mapping": '{"decimal": 5}'})
    assert answer.status_code == 200
    assert "decimal" in text(answer)
    sales.refresh_from_db()
    assert sales.mapping == MAPPING


def test_an_auditor_changes_nothing(visit: Any, otto: Any, sales: Source) -> None:
    client = visit(otto)
    assert client.post(url(Source, "change", sales.pk), {"mapping": "{}"}).status_code == 403
    act = {"action": "retire_selected", "_selected_action": [str(sales.pk)]}
    client.post(url(Source), act)
    sales.refresh_from_db()
    assert (sales.mapping, sales.is_active) == (MAPPING, True)

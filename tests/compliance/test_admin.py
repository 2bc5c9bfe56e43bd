"""Controls and packages in the admin: lists, the form behind "add", and what stays shut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse
from reporting.stage import CONTROL

from apps.compliance.models import Control, EvidencePackage
from tests.pages import text

MODELS = (Control, EvidencePackage)
Seal = Callable[..., EvidencePackage]


def url(model: Any, page: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:compliance_{model._meta.model_name}_{page}", args=arguments)


def test_every_model_of_the_app_is_registered() -> None:
    ours = {model for model in admin.site._registry if model._meta.app_label == "compliance"}
    assert ours == set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_list_and_a_page(
    visit: Any, seal: Seal, connie: Any, otto: Any, model: Any
) -> None:
    seal()
    row = model.objects.first()
    for who in (connie, otto):
        client = visit(who)
        listed = client.get(url(model))
        assert listed.status_code == 200
        assert url(model, "change", row.pk) in text(listed)
        assert client.get(url(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_rows_of_other_entities_are_not_there(
    visit: Any, seal: Seal, foreign: EvidencePackage, charlie: Any, connie: Any, model: Any
) -> None:
    seal()
    for who in (charlie, connie):
        client = visit(who)
        mine = set(model.objects.visible_to(who))
        assert set(client.get(url(model)).context["cl"].queryset) == mine
        for row in model.objects.exclude(pk__in=[each.pk for each in mine]):
            assert client.get(url(model, "change", row.pk)).status_code == 302


def test_nothing_is_added_changed_or_deleted_past_the_services(
    visit: Any, seal: Seal, connie: Any, otto: Any, table_counts: Any
) -> None:
    package = seal()
    control = Control.objects.first()
    assert control is not None
    for who in (connie, otto):
        client = visit(who)
        before = table_counts()
        for model, row in ((EvidencePackage, package), (Control, control)):
            page = url(model, "change", row.pk)
            assert client.post(page, {"name": "Other", "version": 9}).status_code == 403
            assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
        assert client.get(url(EvidencePackage, "add")).status_code == 403
        assert table_counts() == before


def test_the_document_is_offered_to_those_who_may_take_it(
    visit: Any, seal: Seal, connie: Any, ada: Any, person: Any, entity: Any
) -> None:
    package = seal()
    link = f"/evidence/{package.pk}/document/"
    assert link in text(visit(connie).get(url(EvidencePackage)))
    assert link in text(visit(connie).get(url(EvidencePackage, "change", package.pk)))
    both = person("both", "administrator", "approver", on=entity)
    listed = visit(both).get(url(EvidencePackage))
    assert listed.status_code == 200
    assert link not in text(listed)
    assert link not in text(visit(both).get(url(EvidencePackage, "change", package.pk)))
    assert visit(ada).get(url(EvidencePackage)).status_code == 403


# --- Adding a control -----------------------------------------------------------------------


def filled(on: Any, **changes: Any) -> dict[str, Any]:
    tasks = {"task_keys": "review\r\n\r\n  approve ", "frequency": "monthly"}
    return {**CONTROL, "identifier": "C-9", "entity": on.pk, **tasks, **changes}


def test_a_control_is_added_through_the_service(
    visit: Any, close_run: Any, entity: Any, connie: Any
) -> None:
    client = visit(connie)
    form = text(client.get(url(Control, "add")))
    assert 'name="assertions"' in form
    assert client.post(url(Control, "add"), filled(entity)).status_code == 302
    control = Control.objects.get(identifier="C-9")
    assert control.task_keys == ["review", "approve"]
    assert control.assertions == ["existence", "completeness"]
    assert control.is_key is False, "an unticked box"
    assert control.history.get().history_user == connie


BAD = [
    ("nothing", {"identifier": ""}, "This field is required."),
    ("a taken identifier", {"identifier": "C-1"}, "A control with this identifier exists."),
    ("an invented assertion", {"assertions": ["luck"]}, "Select a valid choice."),
    ("no assertion", {"assertions": []}, "This field is required."),
    ("an invented role", {"owner_role": "king"}, "Select a valid choice."),
    ("a task twice", {"task_keys": "a\na"}, "Task keys: up to"),
    ("an entity that is not there", {"entity": "987654321"}, "Select a valid choice."),
]


@pytest.mark.parametrize(("what", "changes", "told"), BAD, ids=[each[0] for each in BAD])
def test_bad_input_is_told_on_the_form_and_changes_nothing(
    visit: Any,
    close_run: Any,
    entity: Any,
    connie: Any,
    what: str,
    changes: dict[str, Any],
    told: str,
    table_counts: Any,
) -> None:
    client = visit(connie)
    before = table_counts()
    response = client.post(url(Control, "add"), filled(entity, **changes))
    assert response.status_code == 200
    assert told in text(response)
    assert table_counts() == before


def test_a_control_is_not_added_to_an_entity_of_others(
    visit: Any, close_run: Any, other_entity: Any, connie: Any, table_counts: Any
) -> None:
    client = visit(connie)
    before = table_counts()
    response = client.post(url(Control, "add"), filled(other_entity))
    assert "Select a valid choice." in text(response)
    assert table_counts() == before


def test_auditors_add_nothing(visit: Any, close_run: Any, entity: Any, otto: Any) -> None:
    assert visit(otto).get(url(Control, "add")).status_code == 403
    assert visit(otto).post(url(Control, "add"), filled(entity)).status_code == 403
    assert not Control.objects.filter(identifier="C-9").exists()

"""The admin: every model has its page, and changes go through the services."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import Event
from apps.ledger.models import (
    Account,
    AccountAnalysis,
    AnalysisItem,
    AnalysisThreshold,
    AnalysisVersion,
    Currency,
    FiscalCalendar,
    JournalEntry,
    JournalLine,
    Period,
    PeriodReopening,
)
from apps.ledger.services import (
    AnalysisDraft,
    ItemDraft,
    close_period,
    post_entry,
    prepare_analysis,
    propose_reopening,
    set_threshold,
    submit_entry,
)
from tests.pages import text

from .conftest import pair

MODELS = (
    Account,
    AccountAnalysis,
    AnalysisItem,
    AnalysisThreshold,
    AnalysisVersion,
    Currency,
    FiscalCalendar,
    Period,
    PeriodReopening,
    JournalEntry,
    JournalLine,
)


def url(model: Any, page: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:ledger_{model._meta.model_name}_{page}", args=arguments)


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def act(client: Client, model: Any, name: str, *rows: Any, **more: str) -> Any:
    sent = {"action": name, "_selected_action": [str(row.pk) for row in rows], **more}
    return client.post(url(model), sent)


@pytest.fixture
def everything(
    draft: Any, alice: Any, connie: Any, other_books: Any, period: Any, two_approvers: Any
) -> JournalEntry:
    propose_reopening(
        period_id=close_period(period_id=period("2023-01").pk, actor=connie).pk,
        reason="A late fee.",
        kinds=["adjustment"],
        expires_at=timezone.now() + timedelta(days=1),
        actor=connie,
    )
    entry = post_entry(entry_id=draft().pk, actor=alice)
    prepare_analysis(
        period_id=entry.period_id,
        account="1000",
        content=AnalysisDraft(items=[ItemDraft("Sale", Decimal(100))]),
        actor=alice,
    )
    bank = Account.objects.get(entity_id=entry.entity_id, code="1000")
    set_threshold(account_id=bank.pk, currency="EUR", difference=Decimal(1), actor=connie)
    return entry


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_list_and_a_page(
    visit: Any, everything: Any, connie: Any, model: Any
) -> None:
    client = visit(connie)
    assert client.get(url(model)).status_code == 200
    row = model.objects.visible_to(connie).first()
    assert client.get(url(model, "change", row.pk)).status_code == 200


def test_every_model_of_the_app_is_registered() -> None:
    assert {model for model in admin.site._registry if model._meta.app_label == "ledger"} == set(
        MODELS
    )


@pytest.mark.parametrize("model", [model for model in MODELS if model is not Currency])
def test_rows_of_other_entities_are_not_there(
    visit: Any, everything: Any, charlie: Any, model: Any, connie: Any
) -> None:
    ours = model.objects.visible_to(connie).first()
    client = visit(charlie)
    assert client.get(url(model, "change", ours.pk)).status_code == 302  # "does not exist"
    assert f"/{ours.pk}/change/" not in text(client.get(url(model)))


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_deleted_and_readers_add_nothing(
    visit: Any, everything: Any, otto: Any, connie: Any, model: Any
) -> None:
    row = model.objects.visible_to(connie).first()
    assert visit(connie).post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert visit(otto).get(url(model, "add")).status_code == 403
    assert visit(otto).get(url(model)).status_code == 200
    assert model.objects.filter(pk=row.pk).exists()


# --- Chart -----------------------------------------------------------------------------------


def account_form(books: Any, **changes: Any) -> dict[str, Any]:
    facts = {
        "entity": books.pk,
        "code": "6000",
        "name": "Travel",
        "type": "expense",
        "normal_balance": "debit",
    }
    return {**facts, **changes}


def test_an_account_is_added_renamed_retired_and_reinstated(
    visit: Any, books: Any, connie: Any
) -> None:
    client = visit(connie)
    added = client.post(url(Account, "add"), account_form(books))
    assert added.status_code == 302
    account = Account.objects.get(code="6000")
    client.post(url(Account, "change", account.pk), {"name": "Travelling", "code": "7000"})
    account.refresh_from_db()
    assert (account.code, account.name) == ("6000", "Travelling")
    assert told(act(client, Account, "retire_selected", account))[-1] == "1 retired."
    again = act(client, Account, "retire_selected", account)
    assert told(again)[-1] == "6000 Travelling: This account is retired already."
    assert told(act(client, Account, "reinstate_selected", account))[-1] == "1 reinstated."
    assert list(
        Event.objects.filter(subject_id=str(account.pk), subject_type="ledger.account")
        .order_by("id")
        .values_list("action", flat=True)
    ) == [
        "ledger.account.define",
        "ledger.account.rename",
        "ledger.account.retire",
        "ledger.account.reinstate",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": "1000"}, "An account with this code exists."),
        ({"code": ""}, "This field is required."),
        ({"type": "income"}, "Select a valid choice."),
        ({"entity": "theirs"}, "Select a valid choice."),
    ],
)
def test_bad_accounts_are_form_errors(
    visit: Any, books: Any, other_books: Any, connie: Any, changes: Any, words: str
) -> None:
    if changes.get("entity") == "theirs":
        changes = {"entity": other_books.pk}
    response = visit(connie).post(url(Account, "add"), account_form(books, **changes))
    assert response.status_code == 200
    assert words in text(response)
    assert Account.objects.count() == 12


def calendar_form(entity: Any, **changes: Any) -> dict[str, Any]:
    facts = {
        "entity": entity.pk,
        "name": "Retail",
        "pattern": "4-5-4",
        "starts_month": 1,
        "starts_day": 1,
        "ends_month": 1,
        "ends_weekday": 5,
        "year_end": "nearest",
        "is_named_by_start": "on",
        "year": 2023,
    }
    return {**facts, **changes}


def test_a_calendar_is_defined_and_extended(visit: Any, entity: Any, connie: Any) -> None:
    client = visit(connie)
    assert client.post(url(FiscalCalendar, "add"), calendar_form(entity)).status_code == 302
    calendar = FiscalCalendar.objects.get()
    assert str(Period.objects.get(name="2023-12").ends_on) == "2024-02-03"
    shown = text(client.get(url(FiscalCalendar, "change", calendar.pk)))
    assert "2023-12" in shown
    extended = act(client, FiscalCalendar, "add_next_year", calendar)
    assert told(extended)[-1] == "1 extended by a year."
    assert Period.objects.filter(fiscal_year=2024).count() == 12


@pytest.mark.parametrize(
    "changes",
    [
        {"year": 1},
        {"year": "x"},
        {"pattern": "month", "starts_day": 31},
        {"ends_weekday": 9},
        {"pattern": "5-5-5"},
    ],
)
def test_bad_calendars_are_form_errors(visit: Any, entity: Any, connie: Any, changes: Any) -> None:
    response = visit(connie).post(url(FiscalCalendar, "add"), calendar_form(entity, **changes))
    assert response.status_code == 200
    assert not FiscalCalendar.objects.exists()


def test_a_second_calendar_is_a_form_error(visit: Any, books: Any, connie: Any) -> None:
    response = visit(connie).post(url(FiscalCalendar, "add"), calendar_form(books))
    assert "This entity has a fiscal calendar." in text(response)


# --- Periods ---------------------------------------------------------------------------------


def test_periods_are_opened_and_soft_closed(visit: Any, period: Any, connie: Any) -> None:
    client = visit(connie)
    may, june = period("2023-05"), period("2023-06")
    assert told(act(client, Period, "open_selected", may, june))[-1] == "2 opened."
    assert told(act(client, Period, "soft_close_selected", may))[-1] == "1 soft-closed."
    assert [period(name).status for name in ("2023-05", "2023-06")] == ["soft_closed", "open"]


def test_closing_asks_in_numbers_first(
    visit: Any, draft: Any, period: Any, alice: Any, connie: Any
) -> None:
    post_entry(entry_id=draft("1234.50").pk, actor=alice)
    draft()
    client, april = visit(connie), period("2023-04")
    asked = text(act(client, Period, "close_selected", april))
    assert "1 posted entries, 1,234.50 EUR; 0 submitted, 1 drafts." in asked
    assert period("2023-04").status == "open"
    closed = act(client, Period, "close_selected", april, confirmed="1")
    assert told(closed)[-1] == "1 closed."
    assert period("2023-04").status == "hard_closed"
    assert told(act(client, Period, "archive_selected", april))[-1] == "1 archived."


def test_what_cannot_be_closed_is_said_line_by_line(
    visit: Any, draft: Any, period: Any, alice: Any, connie: Any
) -> None:
    submit_entry(entry_id=draft().pk, actor=alice)
    rows = period("2023-03"), period("2023-04"), period("2023-05")
    messages = told(act(visit(connie), Period, "close_selected", *rows, confirmed="1"))
    assert messages[-1] == "1 closed."
    assert any("1 submitted entries of 2023-04 wait" in message for message in messages)
    assert any("is planned and cannot become hard closed" in message for message in messages)


# --- Entries ---------------------------------------------------------------------------------


def test_entries_are_submitted_and_posted_in_order(visit: Any, draft: Any, connie: Any) -> None:
    entries = [draft() for _ in range(3)]
    bad = draft(lines=pair()[:1])
    client = visit(connie)
    assert told(act(client, JournalEntry, "submit_selected", *entries[:1]))[-1] == "1 submitted."
    messages = told(act(client, JournalEntry, "post_selected", *reversed(entries), bad))
    assert messages[-1] == "3 posted."
    assert any("Debits and credits differ" in message for message in messages)
    numbers = [JournalEntry.objects.get(pk=entry.pk).number for entry in entries]
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize(
    ("model", "action"),
    [
        (Account, "retire_selected"),
        (FiscalCalendar, "add_next_year"),
        (Period, "open_selected"),
        (Period, "close_selected"),
        (JournalEntry, "post_selected"),
    ],
)
def test_actions_are_offered_only_to_those_who_may(
    visit: Any, draft: Any, otto: Any, connie: Any, table_counts: Any, model: Any, action: str
) -> None:
    draft()
    row = model.objects.visible_to(connie).first()
    client = visit(otto)
    before = table_counts()
    act(client, model, action, row, confirmed="1")
    assert action not in text(client.get(url(model)))
    assert table_counts() == before


def test_an_entry_is_looked_at_and_not_edited(visit: Any, draft: Any, connie: Any) -> None:
    entry = draft()
    page = url(JournalEntry, "change", entry.pk)
    assert visit(connie).post(page, {"description": "other"}).status_code == 403
    shown = text(visit(connie).get(page))
    assert "1000 Bank" in shown
    assert f"/journal/{entry.pk}/" in shown


def test_thresholds_are_set_by_those_who_may(
    visit: Any, account: Any, other_books: Any, connie: Any, ada: Any, table_counts: Any
) -> None:
    facts = {"account": account("1000").pk, "currency": "EUR", "difference": "2.50", "change": ""}
    before = table_counts()
    assert visit(ada).post(url(AnalysisThreshold, "add"), facts).status_code == 403
    theirs = Account.objects.filter(entity=other_books).first()
    assert theirs is not None
    for changes in ({"difference": "-1"}, {"currency": "XYZ"}, {"account": theirs.pk}):
        response = visit(connie).post(url(AnalysisThreshold, "add"), {**facts, **changes})
        assert response.status_code == 200
    assert table_counts() == before
    assert visit(connie).post(url(AnalysisThreshold, "add"), facts).status_code == 302
    assert AnalysisThreshold.objects.get().difference == Decimal("2.50")

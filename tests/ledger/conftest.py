"""The books of our entity: a small chart, calendar 2023 by months, January to April open."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.approvals.models import Request
from apps.approvals.services import decide, define_policy
from apps.ledger.fiscal import MonthCalendar
from apps.ledger.models import Account, JournalEntry, Period, PeriodReopening
from apps.ledger.registry import Support, SupportKind, register_support
from apps.ledger.selectors import request_about
from apps.ledger.services import (
    LineDraft,
    close_period,
    define_account,
    define_calendar,
    draft_entry,
    open_period,
    post_entry,
    propose_reopening,
    reopen_period,
)

CHART = (
    ("1000", "Bank", "asset", "debit"),
    ("1100", "Receivables", "asset", "debit"),
    ("2000", "Payables", "liability", "credit"),
    ("3000", "Equity", "equity", "credit"),
    ("4000", "Revenue", "revenue", "credit"),
    ("5000", "Wages", "expense", "debit"),
)
APRIL = date(2023, 4, 12)


def keep_books(entity: Any, actor: Any) -> Any:
    """Give an entity a chart, a calendar and four open periods."""
    for code, name, account_type, side in CHART:
        define_account(
            entity_id=entity.pk,
            code=code,
            name=name,
            account_type=account_type,
            normal_balance=side,
            actor=actor,
        )
    define_calendar(
        entity_id=entity.pk, name="Calendar year", rule=MonthCalendar(), year=2023, actor=actor
    )
    for month in range(1, 5):
        open_period(entity_id=entity.pk, name=f"2023-{month:02d}", actor=actor)
    return entity


@pytest.fixture
def books(entity: Any, system: Any) -> Any:
    return keep_books(entity, system)


@pytest.fixture
def other_books(other_entity: Any, system: Any) -> Any:
    return keep_books(other_entity, system)


@pytest.fixture
def period(books: Any) -> Callable[[str], Period]:
    def named(name: str) -> Period:
        return Period.objects.get(entity=books, name=name)

    return named


@pytest.fixture
def account(books: Any) -> Callable[[str], Account]:
    def coded(code: str) -> Account:
        return Account.objects.get(entity=books, code=code)

    return coded


def pair(amount: str = "100.00", debit: str = "1000", credit: str = "4000") -> list[LineDraft]:
    """Two lines that balance."""
    return [
        LineDraft(account=debit, debit=Decimal(amount)),
        LineDraft(account=credit, credit=Decimal(amount)),
    ]


@pytest.fixture
def draft(books: Any, request: pytest.FixtureRequest) -> Callable[..., JournalEntry]:
    """Make a draft; by Alice unless said otherwise."""

    def make(amount: str = "100.00", **changes: Any) -> JournalEntry:
        actor = changes.pop("actor", None) or request.getfixturevalue("alice")
        facts: dict[str, Any] = {
            "entity_id": books.pk,
            "posted_on": APRIL,
            "description": "Rent for April",
            "kind": "manual",
            "lines": pair(amount),
        }
        return draft_entry(**{**facts, **changes}, actor=actor)

    return make


@pytest.fixture
def policy(entity: Any, connie: Any) -> Any:
    """Journal entries from 1,000.00 EUR on need one approver."""
    return define_policy(
        entity_id=entity.pk,
        item_type="journal_entry",
        stages=[{"role": "approver", "count": 1}],
        currency="EUR",
        least_amount=Decimal("1000.00"),
        actor=connie,
    )


def give_verdict(request: Request, actor: Any, verdict: str = "approve") -> None:
    """Decide on a request as it is now."""
    decide(
        request_id=request.pk,
        verdict=verdict,
        comment="I looked at it.",
        attested=True,
        expected_version=request.version,
        actor=actor,
    )


@pytest.fixture
def papers(monkeypatch: Any) -> dict[str, Support]:
    """A kind of support that lives in a dictionary."""
    there = {"1": Support("Paper 1", "/papers/1/", "a" * 64)}

    def find(entity_id: int, ids: Collection[str]) -> Mapping[str, Support]:
        return {key: there[key] for key in ids if key in there}

    def offer(entity_id: int, starts_on: date, ends_on: date) -> Mapping[str, Support]:
        return there

    monkeypatch.setattr("apps.ledger.registry._KINDS", {})
    register_support("paper", SupportKind(find, offer))
    return there


@pytest.fixture
def beth(person: Any, entity: Any) -> Any:
    """A second approver."""
    return person("beth", "approver", on=entity)


@pytest.fixture
def two_approvers(entity: Any, connie: Any) -> Any:
    """Reopenings are approved by two."""
    return define_policy(
        entity_id=entity.pk,
        item_type="period_reopening",
        stages=[{"role": "approver", "count": 2}],
        actor=connie,
    )


@pytest.fixture
def closed(draft: Any, period: Any, alice: Any, connie: Any) -> Period:
    """April, closed with one posted entry of 100.00 EUR."""
    post_entry(entry_id=draft().pk, actor=alice)
    return close_period(period_id=period("2023-04").pk, actor=connie)


@pytest.fixture
def propose(closed: Period, two_approvers: Any, connie: Any) -> Callable[..., PeriodReopening]:
    """Ask to reopen April: for adjustments and reversals, for a day, by Connie."""

    def ask(**changes: Any) -> PeriodReopening:
        facts: dict[str, Any] = {
            "period_id": closed.pk,
            "reason": "The bank sent a fee late.",
            "kinds": ["adjustment", "reversal"],
            "expires_at": timezone.now() + timedelta(days=1),
            "actor": connie,
        }
        return propose_reopening(**{**facts, **changes})

    return ask


@pytest.fixture
def reopen(
    propose: Callable[..., PeriodReopening], bob: Any, beth: Any, connie: Any
) -> Callable[..., PeriodReopening]:
    """Ask, have both approve it, and open April."""

    def through(**changes: Any) -> PeriodReopening:
        asked = propose(**changes)
        approve_both(asked, bob, beth)
        return reopen_period(reopening_id=asked.pk, actor=connie)

    return through


def request_of(reopening: PeriodReopening) -> Request:
    """The newest request for its approval."""
    found = request_about(reopening)
    assert found is not None
    return found


def approve_both(reopening: PeriodReopening, *approvers: Any) -> None:
    for approver in approvers:
        give_verdict(request_of(reopening), approver)


def let_pass(reopening: PeriodReopening) -> None:
    """As if its time were over: its end lies in the past, where only an owner could put it."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("ALTER TABLE ledger_periodreopening DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE ledger_periodreopening SET asked_at = now() - interval '3 days',"
            " expires_at = now() - interval '1 minute' WHERE id = %s",
            [reopening.pk],
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
            " AND tgrelid = 'ledger_periodreopening'::regclass"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE ledger_periodreopening ENABLE ALWAYS TRIGGER "{name}"')
    reopening.refresh_from_db()

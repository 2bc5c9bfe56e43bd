"""Reading entities, books and closes from Python, inside a process that has Django already."""

from __future__ import annotations

import asyncio
import os
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError

import finflow
import finflow.environment as opening
from apps.ledger.services import (
    LineDraft,
    define_account,
    define_calendar,
    draft_entry,
    open_period,
    post_entry,
)
from apps.operations.embedded import EmbeddedUnavailable

pytestmark = pytest.mark.django_db

APRIL = date(2023, 4, 12)


@pytest.fixture(autouse=True)
def _unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test opens the environment itself: the configured one, which is this test's."""
    monkeypatch.setattr(opening, "_IS_OPEN", type(opening._IS_OPEN)())


@pytest.fixture
def books(entity: Any, system: Any) -> Any:
    """A bank account, revenue, the months of 2023, April open with one posted sale of 120.50."""
    from apps.ledger.fiscal import MonthCalendar

    for code, kind, side in (("1000", "asset", "debit"), ("4000", "revenue", "credit")):
        define_account(
            entity_id=entity.pk,
            code=code,
            name=f"Account {code}",
            account_type=kind,
            normal_balance=side,
            actor=system,
        )
    define_calendar(
        entity_id=entity.pk, name="Months", rule=MonthCalendar(), year=2023, actor=system
    )
    open_period(entity_id=entity.pk, name="2023-04", actor=system)
    entry = draft_entry(
        entity_id=entity.pk,
        posted_on=APRIL,
        description="A sale",
        kind="manual",
        lines=[
            LineDraft(account="1000", debit=Decimal("120.50")),
            LineDraft(account="4000", credit=Decimal("120.50")),
        ],
        actor=system,
    )
    post_entry(entry_id=entry.pk, actor=system)
    return entity


def test_entities_come_with_what_decides_their_days_and_amounts(
    entity: Any, other_entity: Any
) -> None:
    assert finflow.entities() == [
        finflow.Entity("HFS", "Harbour Field Services", "NL", "EUR", "Europe/Amsterdam"),
        finflow.Entity("TKO", "Tokyo Orchards", "JP", "JPY", "Asia/Tokyo"),
    ]


def test_a_trial_balance_is_a_frame_of_decimals(books: Any) -> None:
    frame = finflow.trial_balance("HFS", APRIL)

    assert frame.to_dict("records") == [
        {
            "account": "1000",
            "name": "Account 1000",
            "type": "asset",
            "currency": "EUR",
            "opening": Decimal(0),
            "debit": Decimal("120.50"),
            "credit": Decimal(0),
            "closing": Decimal("120.50"),
        },
        {
            "account": "4000",
            "name": "Account 4000",
            "type": "revenue",
            "currency": "EUR",
            "opening": Decimal(0),
            "debit": Decimal(0),
            "credit": Decimal("120.50"),
            "closing": Decimal("-120.50"),
        },
    ]


def test_a_trial_balance_of_nothing_has_its_columns(books: Any) -> None:
    frame = finflow.trial_balance("HFS", date(2023, 3, 31))

    assert frame.empty
    assert list(frame.columns)[-1] == "closing"


def test_journal_lines_are_those_of_the_days(books: Any) -> None:
    frame = finflow.journal_lines("HFS", APRIL, APRIL)

    assert frame["account"].tolist() == ["1000", "4000"]
    assert frame["amount"].tolist() == [Decimal("120.50"), Decimal("-120.50")]
    assert finflow.journal_lines("HFS", date(2023, 4, 13), date(2023, 4, 30)).empty


def test_a_period_that_nobody_closes_has_no_status(books: Any) -> None:
    assert finflow.close_status("HFS", "2023-04") is None


def test_a_close_is_told_in_numbers_and_task_by_task(
    books: Any, alice: Any, rita: Any, connie: Any
) -> None:
    from apps.close.services import define_template, open_run
    from apps.ledger.models import Period

    step = {"automation": False, "duration_estimate": 30, "owner_role": "reviewer", "handler": ""}
    template = define_template(
        entity_id=books.pk,
        code="month",
        name="Month end",
        tasks=[
            {"id": "review", "name": "Review", "dependencies": [], **step},
            {"id": "lock", "name": "Lock", "dependencies": ["review"], **step},
        ],
        actor=connie,
    )
    april = Period.objects.get(entity=books, name="2023-04")
    run = open_run(template_id=template.pk, period_id=april.pk, actor=connie)

    status = finflow.close_status("HFS", "2023-04")

    assert status is not None
    assert (status.entity, status.period, status.period_status) == ("HFS", "2023-04", "open")
    assert (status.status, status.opened_at, status.completed_at) == ("open", run.opened_at, None)
    assert (status.done, status.total, status.failed, status.waiting) == (0, 2, 0, 0)
    assert status.late == 2  # April 2023 is long past
    assert [task.key for task in status.tasks] == ["review", "lock"]
    assert status.tasks[0].due_at < status.tasks[0].due_at.now(tz=status.tasks[0].due_at.tzinfo)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: finflow.trial_balance("XYZ", APRIL), "NOT_FOUND"),
        (lambda: finflow.trial_balance("HFS", date(2031, 1, 1)), "PERIOD_MISSING"),
        (lambda: finflow.journal_lines("XYZ", APRIL, APRIL), "NOT_FOUND"),
        (lambda: finflow.close_status("XYZ", "2023-04"), "NOT_FOUND"),
        (lambda: finflow.close_status("HFS", "2031-01"), "NOT_FOUND"),
    ],
)
def test_what_is_not_there_is_refused(books: Any, call: Any, code: str) -> None:
    with pytest.raises(finflow.Refusal) as refused:
        call()

    assert refused.value.code == code


def test_loading_the_practice_company_says_whether_it_was_new(
    entity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.practice import services

    monkeypatch.setattr(services, "load_company", lambda: services.Loaded(entity, is_new=True))

    assert finflow.load_practice() == finflow.Practice("HFS", "Harbour Field Services", is_new=True)


def test_every_public_name_is_there_and_no_other() -> None:
    assert all(getattr(finflow, name) for name in finflow.__all__)
    assert dir(finflow) == sorted(finflow.__all__)
    with pytest.raises(AttributeError, match="no attribute 'engine'"):
        _ = finflow.engine


class TestOpening:
    """Opening in a process whose Django is configured."""

    def test_it_looks_at_the_tables_once(self, db: None, django_assert_num_queries: Any) -> None:
        finflow.connect()

        with django_assert_num_queries(0):
            finflow.connect()

    def test_a_database_of_your_own_is_not_migrated(
        self, db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._forget_a_migration(monkeypatch, own={"SECRET_KEY"})

        with pytest.raises(finflow.Unavailable, match="run bin/finflow migrate"):
            finflow.connect()

        assert self.migrated == []

    def test_an_embedded_database_is(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        self._forget_a_migration(monkeypatch, own={"SECRET_KEY", "DATABASE_URL"})

        finflow.connect()

        assert self.migrated == ["migrate"]

    def test_wrong_settings_are_named(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        from config import env

        problem = env.Problem("REDIS_URL", "is not set", "set it")
        monkeypatch.setattr("config.checks.PROBLEMS", [problem])

        with pytest.raises(finflow.Unavailable, match="REDIS_URL is not set; set it"):
            finflow.connect()

    def test_a_server_that_does_not_answer_is_told(
        self, db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_connection: Any) -> None:
            raise OperationalError("connection refused")

        monkeypatch.setattr(opening, "MigrationExecutor", refuse)

        with pytest.raises(finflow.Unavailable, match="does not answer: connection refused"):
            finflow.connect()

    @pytest.mark.parametrize(("is_notebook", "allowed"), [(False, None), (True, "true")])
    def test_it_configures_django_where_nobody_has(
        self, db: None, monkeypatch: pytest.MonkeyPatch, is_notebook: bool, allowed: str | None
    ) -> None:
        seen = self._unconfigured(monkeypatch)

        async def cell() -> None:
            # What follows reads the database: not this test's business inside a loop.
            monkeypatch.setattr(opening, "_require_tables", lambda: None)
            finflow.connect()

        asyncio.run(cell()) if is_notebook else finflow.connect()

        assert seen == ["setup"]
        assert os.environ["DJANGO_SETTINGS_MODULE"] == "config.settings.embedded"
        assert os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE") == allowed

    def test_a_machine_that_cannot_have_servers_is_told(
        self, db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse() -> None:
            raise EmbeddedUnavailable("no user 'nobody'")

        self._unconfigured(monkeypatch)
        monkeypatch.setattr(opening.django, "setup", refuse)

        with pytest.raises(finflow.Unavailable, match="no user 'nobody'"):
            finflow.connect()

    def _unconfigured(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """As if nobody had configured Django; returns the calls of `django.setup`."""
        seen: list[str] = []
        monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
        monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "")
        monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE")
        monkeypatch.setattr(opening, "apps", SimpleNamespace(ready=False))
        monkeypatch.setattr(opening.django, "setup", lambda: seen.append("setup"))
        return seen

    def _forget_a_migration(self, monkeypatch: pytest.MonkeyPatch, own: set[str]) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'close'")
        self.migrated: list[str] = []
        monkeypatch.setattr(opening, "own_variables", lambda: own)
        monkeypatch.setattr(
            opening, "call_command", lambda name, **options: self.migrated.append(name)
        )

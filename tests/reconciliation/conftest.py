"""Two small sides to reconcile in a test, and the practice company's three months."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from apps.identity.models import Entity, User
from apps.ingestion.models import Source
from apps.ingestion.services import define_source, import_file
from apps.ledger.fiscal import MonthCalendar
from apps.ledger.services import define_account, define_calendar, open_period
from apps.reconciliation.models import Break, MatchType, Run
from apps.reconciliation.services import define_match_type, execute_run, start_run

PRACTICE = Path(__file__).resolve().parents[2] / "fixtures/practice"
MONTHS = ("2023-02", "2023-03", "2023-04")
CODES = ("gl_erp", "bank_gl", "gateway_gl", "jobs_revenue")

APRIL = {"starts_on": date(2023, 4, 1), "ends_on": date(2023, 4, 30)}
MAY = {"starts_on": date(2023, 5, 1), "ends_on": date(2023, 5, 31)}
MAPPING: dict[str, Any] = {
    "columns": {
        "external_id": "id",
        "account": "account",
        "booked_on": "date",
        "amount": "amount",
        "currency": "currency",
        "reference": "reference",
        "counterparty": "who",
    },
    "attributes": [],
    "decimal": ".",
    "date_format": "%Y-%m-%d",
    "separator": ",",
}
RULES: dict[str, Any] = {
    "version": "1",
    "sides": {"right_sign": 1},
    "passes": [
        {
            "name": "Exact",
            "kind": "exact",
            "keys": ["reference", "amount"],
            "date_window": {"before_days": 0, "after_days": 0, "unit": "calendar"},
        },
        {
            "name": "Near",
            "kind": "tolerance",
            "keys": ["reference"],
            "tolerance": {"absolute": "0.05"},
            "date_window": {"before_days": 5, "after_days": 5, "unit": "calendar"},
        },
    ],
    "awaited_days": 5,
    "materiality": "500.00",
    "fee_schedules": [{"name": "wire", "percent": "0.00", "fixed": "7.50", "currency": "EUR"}],
    "causes": {"duplicate_days": 3, "split_keys": ["reference"]},
}
Line = tuple[str, str, str]  # reference, day of the period's month, amount


def lines(*rows: Line, month: str = "2023-04", account: str = "1000", prefix: str = "L") -> bytes:
    """A file with one line for each (reference, day, amount)."""
    text = ["id,account,date,amount,currency,reference,who"]
    for number, (reference, day, amount) in enumerate(rows, 1):
        text.append(
            f"{prefix}{number}-{reference},{account},{month}-{day},{amount},EUR,{reference},Anna"
        )
    return ("\n".join(text) + "\n").encode()


@dataclass
class Pair:
    """Two sources and the match type that compares them."""

    match_type: MatchType
    left: Source
    right: Source
    actor: User

    def bring(self, side: str, *rows: Line, **how: str) -> None:
        """Import lines to one side."""
        source: Source = getattr(self, side)
        content = lines(*rows, prefix=side[0].upper(), **how)
        outcome = import_file(
            source_id=source.pk, filename=f"{side}.csv", content=content, actor=self.actor
        )
        assert outcome.batch is not None
        assert not outcome.batch.rejected_count

    def start(self, **days: date) -> Run:
        """Ask for a run, by default over April."""
        return start_run(match_type_id=self.match_type.pk, actor=self.actor, **(days or APRIL))

    def run(self, **days: date) -> Run:
        """A run that has been carried out, by default over April."""
        return execute_run(run_id=self.start(**days).pk)


@pytest.fixture
def sources(entity: Entity, connie: User) -> tuple[Source, Source]:
    """Our bank's statements and our ledger, as tables."""
    left, right = (
        define_source(
            entity_id=entity.pk,
            code=code,
            name=code.capitalize(),
            format="csv",
            mapping=MAPPING,
            actor=connie,
        )
        for code in ("bank", "ledger")
    )
    return left, right


@pytest.fixture
def pair(entity: Entity, sources: tuple[Source, Source], connie: User, alice: User) -> Pair:
    """The bank against account 1000 of the ledger."""
    left, right = sources
    match_type = define_match_type(
        entity_id=entity.pk,
        code="bank_gl",
        name="Bank to ledger",
        left_source_id=left.pk,
        right_source_id=right.pk,
        right_accounts=["1000"],
        rules=RULES,
        actor=connie,
    )
    return Pair(match_type, left, right, alice)


@pytest.fixture
def april(pair: Pair) -> Run:
    """A run over April: two matches, and a break each of amount, fee, sign and two missing ones.

    The break of the amount is material (600.00); INV-9 is awaited.
    """
    pair.bring(
        "left",
        ("INV-1", "03", "100.00"),
        ("INV-2", "04", "50.00"),
        ("INV-3", "05", "1700.00"),
        ("INV-4", "06", "92.50"),
        ("INV-5", "07", "30.00"),
        ("INV-6", "08", "12.00"),
        ("INV-9", "28", "75.00"),
    )
    pair.bring(
        "right",
        ("INV-1", "03", "100.00"),
        ("INV-2", "06", "50.03"),
        ("INV-3", "05", "1100.00"),
        ("INV-4", "06", "100.00"),
        ("INV-5", "07", "-30.00"),
        ("INV-7", "09", "13.00"),
    )
    return pair.run()


@pytest.fixture
def broken(april: Run) -> Callable[[str], Break]:
    """The break of a cause in the April run: `broken("fee")`."""

    def of_cause(cause: str) -> Break:
        return Break.objects.get(run=april, cause=cause)

    return of_cause


class Practice:
    """The practice company with people, sources, match types, and what was run."""

    def __init__(self) -> None:
        from apps.identity.selectors import system_user

        self.system = system_user()
        self.entity = self._entity()
        self.people = {
            name: self._person(name, role)
            for name, role in (
                ("alice", "preparer"),
                ("rita", "reviewer"),
                ("bob", "approver"),
                ("connie", "controller"),
                ("otto", "auditor"),
                ("ivy", "integration"),
                ("ada", "administrator"),
            )
        }
        self.sources = dict(self._sources())
        self.match_types = dict(self._match_types())
        self.runs: dict[tuple[str, str], Run] = {}

    def load(self, month: str) -> None:
        """Import the month's files and carry out its four reconciliations."""
        for source, path in self.sources.values():
            file = PRACTICE / path.format(month=month)
            outcome = import_file(
                source_id=source.pk,
                filename=file.name,
                content=file.read_bytes(),
                actor=self.people["alice"],
            )
            assert outcome.batch is not None, outcome.failure
        for code in CODES:
            self.runs[month, code] = self.run(month, code)

    def run(self, month: str, code: str) -> Run:
        """The run of the month, carried out."""
        started = start_run(
            match_type_id=self.match_types[code].pk, actor=self.people["alice"], **days_of(month)
        )
        return execute_run(run_id=started.pk)

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What a correct close finds, by month."""
        return {
            month: json.loads((PRACTICE / month / "truth.json").read_text()) for month in MONTHS
        }

    def _entity(self) -> Entity:
        from apps.identity.services import register_entity

        return register_entity(
            code="HFS",
            name="Harbour Field Services",
            country="NL",
            functional_currency="EUR",
            time_zone="Europe/Amsterdam",
            actor=self.system,
        )

    def _person(self, name: str, role: str) -> User:
        from apps.identity.services import create_user, grant_role

        user = create_user(
            username=name,
            email=f"{name}@example.com",
            password=f"{name}-likes-long-passwords",
            first_name=name.capitalize(),
            actor=self.system,
        )
        grant_role(user_id=user.pk, role=role, entity_id=self.entity.pk, actor=self.system)
        return User.objects.get(pk=user.pk)

    def _sources(self) -> Iterator[tuple[str, tuple[Source, str]]]:
        iban = json.loads((PRACTICE / "entity.json").read_text())["bank_account"]["iban"]
        for spec in json.loads((PRACTICE / "sources.json").read_text())["sources"]:
            source = define_source(
                entity_id=self.entity.pk,
                code=spec["code"],
                name=spec["name"],
                format=spec["format"],
                mapping=spec["mapping"],
                account_number=iban if spec["code"].startswith("bank") else "",
                actor=self.people["connie"],
            )
            yield spec["code"], (source, spec["path"])

    def _match_types(self) -> Iterator[tuple[str, MatchType]]:
        for spec in json.loads((PRACTICE / "match_types.json").read_text())["match_types"]:
            yield (
                spec["code"],
                define_match_type(
                    entity_id=self.entity.pk,
                    code=spec["code"],
                    name=spec["name"],
                    description=spec["description"],
                    left_source_id=self.sources[spec["left"]["source"]][0].pk,
                    left_accounts=spec["left"]["accounts"],
                    right_source_id=self.sources[spec["right"]["source"]][0].pk,
                    right_accounts=spec["right"]["accounts"],
                    rules=spec["rules"],
                    actor=self.people["connie"],
                ),
            )


def days_of(month: str) -> dict[str, date]:
    """First and last day of one of MONTHS."""
    last = {"2023-02": 28, "2023-03": 31, "2023-04": 30}[month]
    first_on = date.fromisoformat(f"{month}-01")
    return {"starts_on": first_on, "ends_on": first_on.replace(day=last)}


@pytest.fixture(scope="module")
def practice(django_db_setup: None, django_db_blocker: Any) -> Iterator[Practice]:
    """The three months, imported and reconciled in order; shared by the tests of a module.

    Each test's changes are rolled back to here. Tests that use it take its people, not the cast.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        made = Practice()
        for month in MONTHS:
            made.load(month)
        yield made
        transaction.set_rollback(True)


@pytest.fixture
def books(entity: Any, system: User) -> Any:
    """A chart with the bank, fees and revenue, and an open April."""
    for code, name, kind, side in (
        ("1000", "Bank", "asset", "debit"),
        ("4000", "Revenue", "revenue", "credit"),
        ("5400", "Bank charges", "expense", "debit"),
    ):
        define_account(
            entity_id=entity.pk,
            code=code,
            name=name,
            account_type=kind,
            normal_balance=side,
            actor=system,
        )
    define_calendar(
        entity_id=entity.pk, name="Months", rule=MonthCalendar(), year=2023, actor=system
    )
    open_period(entity_id=entity.pk, name="2023-04", actor=system)
    return entity

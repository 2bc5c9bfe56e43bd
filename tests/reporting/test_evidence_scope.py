"""What was examined: population, sources, controls, retention."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from analytics.stage import keep_books, period_of, post

from apps.close.models import CloseRun
from apps.compliance.services import define_control
from apps.ingestion.models import Batch
from apps.ledger.services import EntryDraft, LineDraft
from apps.reporting.documents import DataSource, Omission, Population
from apps.reporting.documents.figures import write_date
from apps.reporting.services.attachments import harmless
from apps.reporting.services.configuration import settings_in_force
from apps.reporting.services.evidence import retention_of
from apps.reporting.services.scope import controls, data_sources, number_gaps, population

from .stage import CONTROL


@pytest.mark.parametrize(
    ("numbers", "gaps"),
    [
        ([1], ()),
        ([1, 2, 3], ()),
        ([2], ("1",)),
        ([1, 3], ("2",)),
        ([4, 5, 9, 11], ("1 to 3", "6 to 8", "10")),
    ],
)
def test_gaps_are_told_by_number(numbers: list[int], gaps: tuple[str, ...]) -> None:
    assert number_gaps(numbers) == gaps


@pytest.mark.parametrize(
    ("ends_on", "dispose_on"),
    [
        (date(2023, 4, 30), date(2030, 4, 30)),
        (date(2024, 2, 29), date(2031, 3, 1)),
        (date(2023, 2, 28), date(2030, 2, 28)),
        (date(2021, 12, 31), date(2028, 12, 31)),
    ],
)
def test_it_is_kept_for_seven_years(ends_on: date, dispose_on: date) -> None:
    retention = retention_of(SimpleNamespace(ends_on=ends_on))  # type: ignore[arg-type]
    assert retention.dispose_on == dispose_on


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+31 20", "'+31 20"),
        ("-", "'-"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("", ""),
        ("INV-1", "INV-1"),
        (Decimal("-12.3400"), "-12.3400"),
        (Decimal("1E+3"), "1000"),
        (7, 7),
        (date(2023, 4, 3), date(2023, 4, 3)),
    ],
)
def test_cells_of_attachments(cell: Any, written: Any) -> None:
    assert harmless(cell) == written


def test_a_population_in_two_currencies_counts_each_entry_where_it_belongs(
    entity: Any, system: Any
) -> None:
    keep_books(entity, system)
    post(
        entity,
        [
            _entry("e1", LineDraft("1000", debit=Decimal("10.00"))),
            _entry("d1", LineDraft("1000", debit=Decimal("7.00"), currency="USD")),
            _entry("e2", LineDraft("1000", debit=Decimal("5.55"))),
        ],
        system,
    )
    found = population(entity, period_of(entity))
    assert isinstance(found, Population)
    euro, dollar = found.lines
    assert (euro.name, euro.count, euro.first_id, euro.last_id) == (
        "Posted journal entries, EUR",
        2,
        "1",
        "3",
    )
    assert (dollar.count, dollar.first_id, dollar.last_id) == (1, "2", "2")
    assert euro.debits.amount == euro.credits.amount == Decimal("15.55")
    assert (dollar.debits.amount, dollar.debits.currency) == (Decimal("7.00"), "USD")
    assert {line.gaps for line in found.lines} == {()}
    assert [(line.account, line.currency, line.closing) for line in found.roll_forward] == [
        ("1000 Bank", "EUR", Decimal("15.55")),
        ("1000 Bank", "USD", Decimal("7.00")),
        ("4000 Revenue", "EUR", Decimal("-15.55")),
        ("4000 Revenue", "USD", Decimal("-7.00")),
    ]
    assert all(line.difference == 0 for line in found.roll_forward)


def _entry(name: str, line: LineDraft) -> EntryDraft:
    other = LineDraft("4000", credit=line.debit, currency=line.currency)
    return EntryDraft(
        external_id=name, posted_on=date(2023, 4, 4), description=name, lines=[line, other]
    )


def test_an_account_without_activity_still_rolls_forward(entity: Any, system: Any) -> None:
    keep_books(entity, system)
    march = EntryDraft(
        external_id="m",
        posted_on=date(2023, 3, 4),
        description="March",
        lines=[
            LineDraft("5000", debit=Decimal("3.00")),
            LineDraft("1000", credit=Decimal("3.00")),
        ],
    )
    post(entity, [march, _entry("a", LineDraft("1000", debit=Decimal("10.00")))], system)
    found = population(entity, period_of(entity))
    assert isinstance(found, Population)
    wages = next(line for line in found.roll_forward if line.account == "5000 Wages")
    assert (wages.opening, wages.debits, wages.credits, wages.closing) == (3, 0, 0, 3)


def test_a_file_tells_how_it_was_read_in_place_of_a_query(close_run: CloseRun) -> None:
    batches = list(Batch.objects.order_by("source__code"))
    sources = data_sources(batches)
    assert isinstance(sources, tuple)
    bank: DataSource = sources[0]
    assert bank.query_text.splitlines()[0] == 'format: "csv"'
    assert '"amount": "amount"' in bank.query_text
    assert bank.content_sha256 == batches[0].sha256
    assert [(str(total.amount), total.currency) for total in bank.control_totals] == [
        ("137.66", "EUR")
    ]


def test_a_control_without_tasks_in_this_close_says_so(close_run: CloseRun, connie: Any) -> None:
    define_control(
        entity_id=close_run.entity_id,
        actor=connie,
        **{**CONTROL, "identifier": "C-0", "task_keys": ["elsewhere"]},
    )
    first = controls(close_run.entity, list(close_run.tasks.all()))[0]  # type: ignore[index]
    assert (first.identifier, first.result) == ("C-0", "no task of this close carries it out")


def test_a_query_is_told_word_for_word(close_run: CloseRun) -> None:
    batch = Batch.objects.first()
    assert batch is not None
    batch.query_text, batch.parameters = "SELECT 1", {"day": 3, "bank": "x"}
    (source,) = data_sources([batch])  # type: ignore[misc]
    assert source.query_text == "SELECT 1"
    assert source.parameters == (("bank", "x"), ("day", "3"))


def test_no_file_is_a_declared_omission() -> None:
    assert data_sources([]) == Omission("No file was imported for the period.")


def test_the_configuration_names_who_may_what(
    close_run: CloseRun, connie: Any, ivy: Any, ada: Any
) -> None:
    from apps.approvals.services import define_policy
    from apps.identity.services import deactivate_user

    for currency, least, below in (("EUR", "0.00", "10000.00"), ("KWD", "1.500", None)):
        define_policy(
            entity_id=close_run.entity_id,
            item_type="journal_entry",
            currency=currency,
            least_amount=Decimal(least),
            below_amount=Decimal(below) if below else None,
            stages=[{"role": "approver", "count": 1}, {"role": "controller", "count": 2}],
            evidence_kinds=["screenshot"],
            resolution_required=True,
            actor=connie,
        )
    deactivate_user(user_id=ivy.pk, actor=ada)
    tables = {
        table.title: table.rows
        for table in settings_in_force(close_run.entity, close_run.period, [])
    }
    limits = [(row[1], row[2]) for row in tables["Approval matrix"] if row[0] == "journal entry"]
    assert limits == [("0.00\xa0EUR", "10,000.00\xa0EUR"), ("1.500\xa0KWD", "no end")]
    assert tables["Approval matrix"][0][3] == "1 approver; then 2 controllers"
    assert tables["Approval limits"] == (("—", "No limit is in force.", "—", "—", "—"),)
    assert tables["Approval matrix"][0][4] == "a screenshot and a resolution"
    assert ("integration", "Ivy", "ivy", "inactive") in tables["Role membership"]
    assert ("controller", "Connie", "connie", "active") in tables["Role membership"]
    assert ("Build", "FinFlow 0.1.0") in tables["Build and calendar"]


def test_the_configuration_names_the_limits_of_today(
    close_run: CloseRun, connie: Any, bob: Any, other_entity: Any, charlie: Any
) -> None:
    from django.utils import timezone

    from apps.approvals.models import Limit
    from apps.approvals.services import define_limit, retire_limit

    today = timezone.localdate(timezone=close_run.entity.zone)
    tomorrow, yesterday = today + timedelta(days=1), today - timedelta(days=1)

    def define(item_type: str, amount: str, **terms: Any) -> Limit:
        terms = {"currency": "EUR", "starts_on": date(2023, 1, 1), **terms}
        return define_limit(
            entity_id=close_run.entity_id,
            item_type=item_type,
            amount=Decimal(amount),
            actor=connie,
            **terms,
        )

    define("journal_entry", "10000.00", role="approver")
    define("journal_entry", "2500.500", currency="KWD", user_id=bob.pk, ends_on=today)
    define("adjustment", "1.00", role="approver", ends_on=yesterday)
    define("write_off", "1.00", role="approver", starts_on=tomorrow)
    retire_limit(limit_id=define("policy", "1.00", role="approver").pk, actor=connie)
    Limit.objects.create(
        entity=other_entity,
        role="approver",
        item_type="journal_entry",
        amount=Decimal(1),
        currency="EUR",
        starts_on=today,
        created_by=charlie,
    )
    (rows,) = [
        table.rows
        for table in settings_in_force(close_run.entity, close_run.period, [])
        if table.title == "Approval limits"
    ]
    assert set(rows) == {
        ("journal entry", "any approver", "10,000.00\xa0EUR", "1 January 2023", "no end"),
        ("journal entry", "Bob", "2,500.500\xa0KWD", "1 January 2023", write_date(today)),
    }


def test_the_configuration_names_the_waivers_since_the_period_began(
    close_run: CloseRun, connie: Any, bob: Any, alice: Any
) -> None:
    from django.utils import timezone

    from apps.approvals.models import Waiver

    def told() -> tuple[tuple[str, ...], ...]:
        (rows,) = [
            table.rows
            for table in settings_in_force(close_run.entity, close_run.period, [])
            if table.title == "Waivers of segregation of duties"
        ]
        return rows

    first = close_run.period.starts_on
    assert told()[0][1] == "Nothing was waived."
    facts = {
        "entity": close_run.entity,
        "person": bob,
        "item_type": "journal_entry",
        "proposed_by": connie,
        "compensating_control": "Otto looks at each.",
    }
    both = {"signed_by": alice, "signed_at": timezone.now()}
    waiver = Waiver.objects.create(starts_on=first, ends_on=first, **both, **facts)
    before = first - timedelta(days=1)
    Waiver.objects.create(starts_on=before, ends_on=before, **both, **facts)
    Waiver.objects.create(starts_on=first, ends_on=first, **facts)  # one signature
    days = f"{write_date(first)} to {write_date(first)}"
    what = "Had a hand in it, without having made it: journal entry"
    row = (str(waiver.pk), "Bob", what, days, "Connie and Alice", "Otto looks at each.")
    assert told() == (row,)
    Waiver.objects.filter(pk=waiver.pk).update(revoked_at=timezone.now())
    assert told()[0][3] == f"{days}, revoked"

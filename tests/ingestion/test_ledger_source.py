"""The built-in ledger as a source."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.ingestion.connectors import ConnectorInvalid
from apps.ingestion.models import Batch, Source
from apps.ingestion.selectors import records_frame
from apps.ingestion.services import ask_pull, connect_source, perform_pull
from apps.ledger.services import LineDraft, draft_entry, post_entry, submit_entry
from tests.ingestion.test_pulls import APRIL
from tests.ledger.conftest import keep_books


@pytest.fixture
def books(entity: Any, system: Any) -> Any:
    return keep_books(entity, system)


@pytest.fixture
def post(books: Any, connie: Any) -> Any:
    """Post a receipt on the bank account: `post("100.10", on=date(2023, 4, 12))`."""

    def make(amount: str, on: date, *, is_posted: bool = True) -> Any:
        def line(code: str, debit: str, credit: str) -> LineDraft:
            return LineDraft(
                account=code,
                debit=Decimal(debit),
                credit=Decimal(credit),
                currency="EUR",
                reference="INV-7",
            )

        entry = draft_entry(
            entity_id=books.pk,
            posted_on=on,
            kind="manual",
            description="Receipt",
            lines=[line("1000", amount, "0"), line("4000", "0", amount)],
            actor=connie,
        )
        if is_posted:
            submit_entry(entry_id=entry.pk, actor=connie)
            entry = post_entry(entry_id=entry.pk, actor=connie)
        return entry

    return make


@pytest.fixture
def source(books: Any, define: Any, connie: Any) -> Source:
    made = define("books")
    return connect_source(
        source_id=made.pk,
        connector="ledger",
        connector_settings={"accounts": ["1000"]},
        actor=connie,
    )


def pull(source: Source, actor: Any) -> Any:
    asked = ask_pull(source_id=source.pk, actor=actor, **APRIL)
    perform_pull(pull_id=asked.pk)
    asked.refresh_from_db()
    return asked


def test_posted_lines_of_the_accounts_become_a_batch(source: Source, post: Any, alice: Any) -> None:
    entry = post("100.10", on=date(2023, 4, 12))
    post("7", on=date(2023, 3, 31))
    post("9", on=date(2023, 4, 13), is_posted=False)
    done = pull(source, alice)
    assert (done.status, done.failure_message) == ("succeeded", "")
    (row,) = records_frame(source_ids=[source.pk]).iter_rows(named=True)
    assert (row["external_id"], row["account"]) == (f"{entry.label}-1", "1000")
    assert (row["amount"], row["currency"]) == (1_001_000, "EUR")
    assert (row["reference"], row["narrative"]) == ("INV-7", "Receipt")
    assert row["booked_on"] == date(2023, 4, 12)
    batch = Batch.objects.get()
    assert batch.query_text == "Posted journal lines of the accounts 1000."
    assert batch.parameters["accounts"] == ["1000"]
    assert batch.control_totals == {"EUR": "100.10"}


def test_what_is_posted_later_is_added(source: Source, post: Any, alice: Any) -> None:
    post("1", on=date(2023, 4, 12))
    pull(source, alice)
    post("2", on=date(2023, 4, 12))
    done = pull(source, alice)
    assert (done.batch.line_count, done.batch.added_count, done.batch.amended_count) == (2, 1, 0)


def test_books_without_lines_are_an_empty_batch(source: Source, post: Any, alice: Any) -> None:
    done = pull(source, alice)
    assert (done.status, done.batch.line_count) == ("succeeded", 0)


def test_the_period_of_the_ledger_names_the_pull(source: Source, alice: Any) -> None:
    asked = ask_pull(
        source_id=source.pk,
        actor=alice,
        starts_on=date(2023, 4, 5),
        ends_on=date(2023, 4, 6),
    )
    assert asked.period == "2023-04"


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({}, "accounts"),
        ({"accounts": []}, "accounts"),
        ({"accounts": "1000"}, "accounts"),
        ({"accounts": ["1000", "1000"]}, "accounts"),
        ({"accounts": [None]}, "accounts.0"),
        ({"accounts": ["1000", "9999"]}, "accounts"),
        ({"accounts": ["1000"], "entity": 2}, "entity"),
    ],
)
def test_accounts_have_to_be_there(
    wanted: Any, path: str, source: Source, connie: Any, table_counts: Any
) -> None:
    before = table_counts()
    with pytest.raises(ConnectorInvalid) as caught:
        connect_source(
            source_id=source.pk, connector="ledger", connector_settings=wanted, actor=connie
        )
    assert caught.value.path == path
    assert table_counts() == before

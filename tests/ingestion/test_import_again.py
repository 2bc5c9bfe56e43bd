"""Files that come twice, overlap, or come at the same moment; and lines that look alike."""

from __future__ import annotations

import threading
from typing import Any

import polars as pl
import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit.models import Event
from apps.identity.models import User
from apps.ingestion.models import Batch, Record, RejectedLine, Source
from apps.ingestion.selectors import records_frame
from apps.ingestion.services import change_mapping, import_file
from tests.ingestion.conftest import ANNA, BERT, BROKEN, CORA, MAPPING, table


def test_the_same_file_again_changes_nothing(sales: Source, bring: Any, table_counts: Any) -> None:
    first = bring(sales, table(ANNA, BERT), "first.csv")
    before = table_counts()
    again = bring(sales, table(ANNA, BERT), "renamed.csv")
    assert (again.batch, again.is_new, again.failure) == (first.batch, False, None)
    assert table_counts() == before


def test_an_overlapping_file_adds_only_what_is_new(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA, BERT))
    batch = bring(sales, table(BERT, CORA)).batch
    assert (batch.line_count, batch.added_count) == (2, 1)
    assert batch.control_totals == {"EUR": "-33.15"}
    assert list(Record.objects.values_list("external_id", flat=True)) == ["L-1", "L-2", "L-3"]


def test_identical_genuine_lines_survive_and_stay_two_on_overlap(sales: Source, bring: Any) -> None:
    coffee = ",2023-04-05,2.50,,,Coffee,"
    bring(sales, table(coffee, coffee))
    assert Record.objects.count() == 2
    batch = bring(sales, table(coffee, coffee, coffee)).batch
    assert batch.added_count == 1
    assert sorted(Record.objects.values_list("occurrence", flat=True)) == [1, 2, 3]


def test_another_source_may_bring_the_same_file(sales: Source, define: Any, bring: Any) -> None:
    twin = define("twin", format="csv", mapping=MAPPING)
    bring(sales, table(ANNA))
    assert bring(twin, table(ANNA)).is_new
    assert Record.objects.filter(source=twin).count() == 1


def test_a_changed_amount_without_an_id_is_another_line(sales: Source, bring: Any) -> None:
    nameless = ANNA.removeprefix("L-1")
    bring(sales, table(nameless))
    batch = bring(sales, table(nameless.replace("100.00", "100.01"))).batch
    assert (batch.added_count, batch.amended_count) == (1, 0)
    assert len(records_frame(source_ids=[sales.pk])) == 2


def test_rejected_lines_are_read_again_after_the_mapping_was_corrected(
    define: Any, bring: Any, connie: Any
) -> None:
    wrong = {**MAPPING, "date_format": "%d-%m-%Y"}
    source = define("sales", format="csv", mapping=wrong)
    content = table(ANNA, BERT)
    first = bring(source, content).batch
    assert (first.line_count, first.rejected_count) == (0, 2)
    assert bring(source, content).is_new is False
    change_mapping(source_id=source.pk, mapping=MAPPING, actor=connie)
    second = bring(source, content).batch
    assert (second.reading, second.line_count, second.added_count) == (2, 2, 2)
    assert (second.rejected_count, second.mapping) == (0, MAPPING)
    assert bring(source, content).is_new is False
    assert Record.objects.count() == 2


def test_lines_that_were_accepted_are_not_taken_again_under_another_mapping(
    sales: Source, bring: Any, connie: Any
) -> None:
    content = table(ANNA, BROKEN.replace("seven", "7.00"), "L-5,2023-4,1.00,INV-5,,,")
    bring(sales, content)
    assert RejectedLine.objects.count() == 1
    swapped = {**MAPPING, "columns": {**MAPPING["columns"], "narrative": "branch"}}
    change_mapping(source_id=sales.pk, mapping=swapped, actor=connie)
    again = bring(sales, content).batch
    assert (again.line_count, again.added_count, again.rejected_count) == (0, 0, 1)
    assert Record.objects.count() == 2


def test_a_copy_of_an_accepted_line_is_added_when_it_becomes_readable(
    define: Any, bring: Any, connie: Any
) -> None:
    columns = {"booked_on": "date", "amount": "amount", "indicator": "sign"}
    mapping = {
        "columns": columns,
        "constants": {"currency": "EUR"},
        "decimal": ".",
        "attributes": [],
        "debit_words": ["minus"],
        "credit_words": ["plus"],
    }
    source = define("signs", format="csv", mapping=mapping)
    content = "date,amount,sign\n2023-04-03,5.00,plus\n2023-04-03,5.00,in\n"
    assert bring(source, content).batch.rejected_count == 1
    wider = {**mapping, "credit_words": ["plus", "in"]}
    change_mapping(source_id=source.pk, mapping=wider, actor=connie)
    second = bring(source, content).batch
    assert (second.line_count, second.added_count, second.rejected_count) == (1, 1, 0)
    assert sorted(Record.objects.values_list("occurrence", flat=True)) == [1, 2]


def test_what_an_edited_file_brought_is_not_added_again_by_the_first_one(
    define: Any, bring: Any, connie: Any
) -> None:
    wrong = {**MAPPING, "date_format": "%d-%m-%Y"}
    source = define("sales", format="csv", mapping=wrong)
    bring(source, table(ANNA))
    change_mapping(source_id=source.pk, mapping=MAPPING, actor=connie)
    bring(source, table(ANNA, CORA))
    again = bring(source, table(ANNA)).batch
    assert (again.line_count, again.added_count) == (1, 0)
    assert Record.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_four_at_once_make_one_batch(sales: Source, alice: Any) -> None:
    content = table(ANNA, BERT, CORA)
    barrier = threading.Barrier(4)
    outcomes: list[Any] = []

    def bring_it() -> None:
        try:
            barrier.wait(timeout=30)
            actor = User.objects.get(pk=alice.pk)
            outcomes.append(
                import_file(source_id=sales.pk, filename="f", content=content, actor=actor)
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=bring_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(outcomes) == 4
    assert sorted(outcome.is_new for outcome in outcomes) == [False, False, False, True]
    assert len({outcome.batch.pk for outcome in outcomes}) == 1
    assert (Batch.objects.count(), Record.objects.count()) == (1, 3)
    assert Event.objects.filter(action="ingestion.batch.import").count() == 1


@pytest.mark.django_db(transaction=True)
def test_overlapping_files_at_once_add_each_line_once(sales: Source, alice: Any) -> None:
    files = [table(ANNA, BERT), table(BERT, CORA), table(CORA, ANNA)]
    barrier = threading.Barrier(len(files))

    def bring_it(content: bytes) -> None:
        try:
            barrier.wait(timeout=30)
            actor = User.objects.get(pk=alice.pk)
            import_file(source_id=sales.pk, filename="f", content=content, actor=actor)
        finally:
            connection.close()

    threads = [threading.Thread(target=bring_it, args=(content,)) for content in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert Batch.objects.count() == 3
    frame = records_frame(source_ids=[sales.pk])
    assert frame["external_id"].sort().to_list() == ["L-1", "L-2", "L-3"]
    assert frame.select(pl.col("amount").sum()).item() == 668_500


@pytest.mark.django_db(transaction=True)
def test_the_database_itself_takes_a_content_once_however_many_insert_it_at_once(
    sales: Source, bring: Any
) -> None:
    """Beside every service, so without the lock that imports take."""
    bring(sales, table(ANNA))
    barrier = threading.Barrier(4)
    outcomes: list[str] = []

    def insert() -> None:
        try:
            barrier.wait(timeout=30)
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO ingestion_record (entity_id, source_id, batch_id, line,"
                    " external_id, account, booked_on, amount, currency, reference, position,"
                    " content_key, occurrence) SELECT entity_id, source_id, batch_id, line,"
                    " external_id, account, booked_on, amount, currency, reference, position,"
                    " content_key, 2 FROM ingestion_record WHERE occurrence = 1"
                )
            outcomes.append("taken")
        except IntegrityError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=insert) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["refused"] * 3 + ["taken"]
    assert Record.objects.count() == 2

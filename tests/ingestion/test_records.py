"""Records in columns, and what of them lies sealed."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from django.db import connection

from apps.ingestion.models import Batch, Record, SealedBlock, Source
from apps.ingestion.selectors import RECORD_SCHEMA, record_ids, records_frame, records_named
from apps.privacy.blocks import BLOCK_ROWS
from apps.privacy.keyring import Unreadable
from apps.reconciliation.matching import ITEM_SCHEMA
from tests.ingestion.conftest import ANNA, BERT, CORA, table


def raw_rows() -> str:
    """Everything that the table of records holds, as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ingestion_record")
        rows = cursor.fetchall()
    return repr([[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in rows])


def test_names_narratives_and_all_other_columns_are_sealed_at_rest(
    sales: Source, bring: Any
) -> None:
    bring(sales, table(ANNA, BERT, CORA))
    raw = raw_rows()
    assert "INV-1" in raw  # what matching blocks on stays readable
    for secret in ("Anna", "Bakker", "Rent", "Refund", "Visser", "North", "branch"):
        assert secret not in raw


def test_equal_values_are_sealed_differently(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA))
    bring(sales, table(ANNA, BERT), filename="again.csv")
    first, second = SealedBlock.objects.order_by("batch")
    assert bytes(first.sealed)[13:60] != bytes(second.sealed)[13:60]


def add_record_at(position: int) -> None:
    """Another record, as the only one is, but with its texts elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ingestion_record (entity_id, source_id, batch_id, line, external_id,"
            " account, booked_on, amount, currency, reference, position, content_key, occurrence)"
            " SELECT entity_id, source_id, batch_id, line, external_id, account, booked_on, amount,"
            " currency, reference, %s, content_key, 99 FROM ingestion_record",
            [position],
        )


@pytest.mark.parametrize("position", [1, BLOCK_ROWS - 1, BLOCK_ROWS, 10 * BLOCK_ROWS])
def test_a_record_whose_texts_are_not_there_is_not_read_with_those_of_another(
    sales: Source, bring: Any, position: int
) -> None:
    bring(sales, table(ANNA))
    add_record_at(position)
    with pytest.raises(Unreadable, match="missing or too short"):
        records_frame(source_ids=[sales.pk])


def test_a_block_of_another_batch_does_not_open(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA))
    batch = Batch.objects.get()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ingestion_sealedblock (batch_id, number, sealed)"
            " SELECT batch_id, 1, sealed FROM ingestion_sealedblock WHERE batch_id = %s",
            [batch.pk],
        )
    add_record_at(BLOCK_ROWS)
    with pytest.raises(Unreadable, match="another place"):
        records_frame(source_ids=[sales.pk])


def test_records_of_several_blocks_and_batches_come_in_their_order(
    sales: Source, bring: Any
) -> None:
    rows = [ANNA.replace("L-1", f"M-{number}") for number in range(2 * BLOCK_ROWS + 10)]
    rows = [row.replace("Anna Bakker", f"Anna {at}") for at, row in enumerate(rows)]
    bring(sales, table(*rows[:1500]))
    bring(sales, table(*rows[1500:]), filename="more.csv")
    frame = records_frame(source_ids=[sales.pk])
    assert frame["external_id"].to_list() == [f"M-{at}" for at in range(len(rows))]
    assert frame["counterparty"].to_list() == [f"Anna {at}" for at in range(len(rows))]
    some = frame.filter(pl.int_range(pl.len()) % 701 == 3)
    again = records_named(source_ids=[sales.pk], record_ids=some["id"].to_list())
    assert again.equals(some)


def test_the_frame_has_the_kernels_columns_and_what_the_file_said(
    sales: Source, bring: Any
) -> None:
    bring(sales, table(ANNA, CORA))
    frame = records_frame(source_ids=[sales.pk])
    assert frame.schema == RECORD_SCHEMA == ITEM_SCHEMA
    anna, cora = frame.rows(named=True)
    assert (anna["amount"], anna["currency"]) == (1_000_000, "EUR")
    assert (anna["booked_on"], anna["value_on"]) == (date(2023, 4, 3), None)
    assert (anna["counterparty"], anna["narrative"]) == ("Anna Bakker", "Rent of April")
    assert json.loads(anna["attributes"]) == {"branch": "North"}
    assert cora["attributes"] == ""


def test_the_frame_of_nothing_is_empty_and_typed(sales: Source) -> None:
    frame = records_frame(source_ids=[sales.pk])
    assert frame.is_empty()
    assert frame.schema == RECORD_SCHEMA


def test_the_frame_takes_only_what_is_asked_for(sales: Source, define: Any, bring: Any) -> None:
    mapping = {**sales.mapping, "constants": {"currency": "EUR", "account": "2000"}}
    other = define("other", format="csv", mapping=mapping)
    bring(sales, table(ANNA, BERT, CORA))
    bring(other, table(ANNA))

    def found(**narrowed: Any) -> list[tuple[str, str]]:
        frame = records_frame(**{"source_ids": [sales.pk, other.pk], **narrowed})
        return frame.select("account", "external_id").rows()

    everything = [("1000", "L-1"), ("1000", "L-2"), ("1000", "L-3"), ("2000", "L-1")]
    assert found() == everything
    assert found(source_ids=[other.pk]) == everything[3:]
    assert found(starts_on=date(2023, 4, 4)) == everything[1:3]
    assert found(ends_on=date(2023, 4, 3)) == [everything[0], everything[3]]
    assert found(starts_on=date(2023, 4, 4), ends_on=date(2023, 4, 4)) == [everything[1]]
    assert found(accounts=["2000"]) == everything[3:]
    assert found(accounts=[]) == []
    ids = list(Record.objects.order_by("-id").values_list("id", flat=True))[:2]
    named = records_named(source_ids=[sales.pk, other.pk], record_ids=ids)
    assert named.select("account", "external_id").rows() == everything[2:]


def test_record_ids_are_those_of_the_frame(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA, BERT, CORA))
    days = {"starts_on": date(2023, 4, 4), "ends_on": date(2023, 4, 5)}
    for accounts in (None, ["1000"], ["2000"]):
        frame = records_frame(source_ids=[sales.pk], accounts=accounts, **days)
        ids = record_ids(source_id=sales.pk, accounts=accounts, **days)
        assert ids.dtype == np.int64
        assert ids.tolist() == frame["id"].to_list()


def test_records_are_facts(sales: Source, bring: Any) -> None:
    from django.db import DatabaseError, transaction

    bring(sales, table(ANNA))
    for statement in (
        "UPDATE ingestion_record SET amount = 0",
        "DELETE FROM ingestion_record",
        "UPDATE ingestion_batch SET line_count = 0",
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(statement)
    assert records_frame(source_ids=[sales.pk]).select(pl.len()).item() == 1

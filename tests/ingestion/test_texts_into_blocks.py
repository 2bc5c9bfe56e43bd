"""The migration that opens texts sealed one by one and seals them in blocks."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.exceptions import IrreversibleError

from apps.ingestion.models import Batch, Source
from apps.privacy.blocks import BLOCK_ROWS, opened_block
from apps.privacy.selectors import key_ring
from tests.ingestion.conftest import ANNA, BERT, table

migration = import_module("apps.ingestion.migrations.0006_texts_into_blocks")
COLUMNS = ("counterparty", "narrative", "attributes")


@pytest.fixture
def batches(sales: Source, bring: Any) -> list[int]:
    """Two batches, and, in the place of the tables, those that the migration finds."""
    for name, line in (("first.csv", ANNA), ("second.csv", BERT)):
        bring(sales, table(line), filename=name)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE ingestion_record (id bigserial, batch_id bigint,"
            " position integer DEFAULT 0, counterparty_sealed bytea, narrative_sealed bytea,"
            " attributes_sealed bytea) ON COMMIT DROP;"
            "CREATE TRIGGER finflow_guard_change BEFORE UPDATE ON pg_temp.ingestion_record"
            " FOR EACH ROW EXECUTE FUNCTION finflow_refuse_change();"
            "CREATE TEMP TABLE ingestion_sealedblock (batch_id bigint, number integer,"
            " sealed bytea) ON COMMIT DROP"
        )
    return list(Batch.objects.order_by("pk").values_list("pk", flat=True))


def texts_of(batch_id: int, rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {name: [f"{name} {batch_id} {row}" for row in range(rows)] for name in COLUMNS}
    ).with_columns(pl.col("narrative").replace(f"narrative {batch_id} 1", ""))


def store(batch_id: int, texts: pl.DataFrame) -> None:
    ring = key_ring()
    columns = [ring.seal_many(texts[name], f"ingestion.record.{name}") for name in COLUMNS]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ingestion_record (batch_id, counterparty_sealed, narrative_sealed,"
            " attributes_sealed) VALUES (%s, %s, %s, %s)",
            [(batch_id, *row) for row in zip(*columns, strict=True)],
        )


def test_every_text_is_in_its_block_and_the_guard_stands_again(batches: list[int]) -> None:
    first, second = batches
    expected = {first: texts_of(first, 5), second: texts_of(second, BLOCK_ROWS + 3)}
    for batch_id, texts in expected.items():
        store(batch_id, texts)
    migration.move(apps, SimpleNamespace(connection=connection))
    with connection.cursor() as cursor:
        cursor.execute("SELECT batch_id, number, sealed FROM ingestion_sealedblock ORDER BY 1, 2")
        blocks = cursor.fetchall()
        cursor.execute(
            "SELECT batch_id, array_agg(position ORDER BY id) FROM ingestion_record GROUP BY 1"
        )
        positions = dict(cursor.fetchall())
        cursor.execute(
            "SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'ingestion_record'::regclass"
        )
        assert cursor.fetchall() == [("A",)]
    assert [block[:2] for block in blocks] == [(first, 0), (second, 0), (second, 1)]
    for batch_id, texts in expected.items():
        opened = [
            opened_block(bytes(sealed), f"ingestion.record.texts:{owner}", number, key_ring())
            for owner, number, sealed in blocks
            if owner == batch_id
        ]
        assert pl.concat(opened).equals(texts)
        assert positions[batch_id] == list(range(texts.height))


def test_it_does_not_go_back_over_records(sales: Source, bring: Any) -> None:
    migration.refuse(apps, None)
    bring(sales, table(ANNA))
    with pytest.raises(IrreversibleError, match="not sealed one by one again"):
        migration.refuse(apps, None)

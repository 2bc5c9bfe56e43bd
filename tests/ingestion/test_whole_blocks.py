"""Large batches are read from their sealed blocks: the same records that their rows tell of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ingestion.models import Batch, SealedBlock, Source
from apps.ingestion.selectors import (
    RECORD_SCHEMA,
    Shards,
    batch_ids,
    blocks,
    frames,
    record_shards,
    records_frame,
    records_in_shards,
    records_named,
)
from apps.ingestion.services import bulk, import_file
from apps.ingestion.states import WHOLE_LABEL
from apps.privacy.blocks import sealed_blocks
from apps.privacy.keyring import Unreadable
from apps.privacy.selectors import key_ring
from tests.ingestion.conftest import ANNA, BERT, CORA, MAPPING, table
from tests.ingestion.test_parts import APRIL, MANY

DEARER = ANNA.replace("100.00", "120.00")
LARGE, SMALL = 1, 200_000


@pytest.fixture(autouse=True)
def _small_blocks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few the records are they lie in a partition, and in several blocks of four."""
    settings.OWN_PARTITION_FROM = LARGE
    for module in (bulk, blocks):
        monkeypatch.setattr(module, "WHOLE_BLOCK_ROWS", 4)
    monkeypatch.setattr(bulk, "_BLOCKS_AT_ONCE", 2)
    monkeypatch.setattr(blocks, "_WHOLE_AT_ONCE", 2)


@pytest.fixture
def twin(define: Any) -> Source:
    """A source that reads files as the other one does."""
    source: Source = define("twin", format="csv", mapping=MAPPING)
    return source


def by_content(records: pl.DataFrame) -> pl.DataFrame:
    return records.drop("id").sort("external_id", "amount", "booked_on")


def read(source: Source, **narrowed: Any) -> pl.DataFrame:
    """What is read of a source's records; their rows must say the same."""
    found = records_frame(source_ids=[source.pk], **narrowed)
    assert found.equals(records_named(source_ids=[source.pk], record_ids=found["id"].to_list()))
    return found


def test_blocks_say_what_rows_say(sales: Source, bring: Any) -> None:
    batch = bring(sales, table(*MANY)).batch
    stored = SealedBlock.objects.filter(batch=batch).order_by("number")
    (first_id,) = batch.records.order_by("pk").values_list("pk", flat=True)[:1]
    assert [block.first_id - first_id for block in stored] == [0, 4, 8, 12]
    found = read(sales)
    assert found.schema == RECORD_SCHEMA
    assert found["id"].to_list() == list(range(first_id, first_id + len(MANY)))
    assert found["external_id"].to_list() == [f"M-{at}" for at in range(len(MANY))]


def test_they_are_read_without_a_look_at_the_rows(
    sales: Source, bring: Any, django_assert_num_queries: Any
) -> None:
    batch = bring(sales, table(*MANY)).batch
    with connection.cursor() as cursor:
        wanted = blocks.Wanted([sales.pk], **APRIL)
        condition, values = wanted.condition(without=[batch.pk])
        cursor.execute(f"EXPLAIN SELECT id FROM ingestion_record WHERE {condition}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "ingestion_record_p0" in plan
    assert "ingestion_record_p1" not in plan


_texts = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='",'), max_size=9
)
_lines = st.lists(
    st.tuples(
        st.dates(date(1999, 1, 1), date(2031, 12, 31)),
        st.decimals(-(10**9), 10**9, places=4, allow_nan=False),
        *[_texts] * 4,
    ),
    min_size=1,
    max_size=14,
)


@given(lines=_lines, data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_large_and_small_batches_read_alike(
    lines: list[Any], data: st.DataObject, sales: Source, alice: Any, settings: Any
) -> None:
    rows = [
        ",".join((f"H-{at}", day.isoformat(), f"{amount:f}", *texts))
        for at, (day, amount, *texts) in enumerate(lines)
    ]
    found = []
    for size, code in ((LARGE, "large"), (SMALL, "small")):
        settings.OWN_PARTITION_FROM = size
        source = Source.objects.filter(code=code).first() or Source.objects.create(
            entity_id=sales.entity_id, code=code, name=code, format="csv", mapping=MAPPING
        )
        known = records_frame(source_ids=[source.pk])["id"].implode()
        outcome = import_file(
            source_id=source.pk, filename="f.csv", content=table(*rows), actor=alice
        )
        assert outcome.batch is not None
        is_whole = SealedBlock.objects.filter(batch=outcome.batch, first_id__isnull=False).exists()
        assert is_whole == (size == LARGE and outcome.batch.added_count > 0)
        found.append(by_content(read(source).filter(~pl.col("id").is_in(known))))
    assert found[0].equals(found[1])


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        ({}, {"L-1", "L-2", "L-3", "N-1"}),
        ({"starts_on": date(2023, 4, 4)}, {"L-2", "L-3", "N-1"}),
        ({"ends_on": date(2023, 4, 3)}, {"L-1"}),
        ({"starts_on": date(2023, 4, 4), "ends_on": date(2023, 4, 4)}, {"L-2"}),
        ({"starts_on": date(2023, 5, 2)}, set()),
        ({"accounts": ["1000"]}, {"L-1", "L-2", "L-3", "N-1"}),
        ({"accounts": ["2000"]}, set()),
        ({"accounts": []}, set()),
    ],
)
def test_only_what_is_asked_for_is_read(
    narrowed: dict[str, Any], expected: set[str], sales: Source, bring: Any
) -> None:
    bring(sales, table(ANNA, BERT, CORA))
    bring(sales, table("N-1,2023-05-01,1.00,INV-9,Nina,,"), filename="more.csv")
    assert set(read(sales, **narrowed)["external_id"]) == expected


@pytest.mark.parametrize("sizes", [(LARGE, LARGE), (LARGE, SMALL), (SMALL, LARGE)])
def test_what_was_amended_is_left_out_but_not_of_what_was_there_before(
    sizes: tuple[int, int], sales: Source, bring: Any, settings: Any
) -> None:
    settings.OWN_PARTITION_FROM = sizes[0]
    bring(sales, table(ANNA, BERT))
    before, there = read(sales), batch_ids(sales.pk)
    settings.OWN_PARTITION_FROM = sizes[1]
    bring(sales, table(DEARER, CORA), filename="more.csv")
    now = read(sales)
    assert now["id"].is_sorted()
    assert dict(now.select("external_id", "amount").iter_rows()) == {
        "L-1": 1_200_000,
        "L-2": -402_500,
        "L-3": 71_000,
    }
    assert read(sales, snapshot=there).equals(before)
    assert read(sales, snapshot=batch_ids(sales.pk)).equals(now)
    assert read(sales, snapshot=[]).is_empty()


@pytest.mark.parametrize("statement", ["_rows", "whole_records"])
def test_what_comes_in_while_it_is_read_is_not_seen_in_part(
    statement: str, sales: Source, bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(sales, table(ANNA, BERT))
    before = read(sales)
    original = getattr(frames, statement)

    def interrupted(*arguments: Any) -> Any:
        monkeypatch.setattr(frames, statement, original)
        found = original(*arguments)
        bring(sales, table(DEARER, CORA), filename="more.csv")
        return found

    monkeypatch.setattr(frames, statement, interrupted)
    assert records_frame(source_ids=[sales.pk]).equals(before)
    assert set(read(sales)["external_id"]) == {"L-1", "L-2", "L-3"}


def test_shards_of_large_and_small_batches_are_the_same(
    sales: Source, twin: Source, bring: Any, settings: Any
) -> None:
    told = [row for row in MANY if ',"",' not in row]  # where the id does not decide
    bring(sales, table(*told))
    settings.OWN_PARTITION_FROM = SMALL
    bring(twin, table(*told))

    def asked(source: Source) -> dict[str, Any]:
        wanted = {"accounts": ["1000"], "snapshot": batch_ids(source.pk), **APRIL}
        return {"source_id": source.pk, "shards": Shards("reference", 3), **wanted}

    large, small = (records_in_shards(**asked(source)) for source in (sales, twin))
    planned = record_shards(**asked(sales))
    for number in range(3):
        facts = large[number].select("external_id", "reference")
        assert facts.equals(small[number].select("external_id", "reference"))
        ids = planned.filter(pl.col("shard") == number)["id"]
        assert ids.len()
        assert ids.equals(large[number]["id"])


def without_guards(statement: str, *values: Any) -> None:
    """What the database refuses; the owner of its tables could do it."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE ingestion_sealedblock DISABLE TRIGGER USER")
        cursor.execute(statement, values)


def sealed_again(batch: Batch, height: int, label: str) -> bytes:
    frame = pl.DataFrame(schema=RECORD_SCHEMA).drop("id").clear(height)
    (sealed,) = sealed_blocks(frame, label, key_ring(), first=1, each=4)
    return sealed


def gone(batch: Batch) -> None:
    without_guards("DELETE FROM ingestion_sealedblock WHERE batch_id = %s AND number = 1", batch.pk)


def the_last_is_gone(batch: Batch) -> None:
    without_guards("DELETE FROM ingestion_sealedblock WHERE batch_id = %s AND number = 3", batch.pk)


def too_short(batch: Batch) -> None:
    sealed = sealed_again(batch, 3, f"{WHOLE_LABEL}:{batch.pk}")
    put(batch, sealed)


def too_long(batch: Batch) -> None:
    put(batch, sealed_again(batch, 4, f"{WHOLE_LABEL}:{batch.pk}"), number=3)


def of_another_batch(batch: Batch) -> None:
    put(batch, sealed_again(batch, 4, f"{WHOLE_LABEL}:{batch.pk + 1}"))


def altered(batch: Batch) -> None:
    sealed = bytearray(SealedBlock.objects.get(batch=batch, number=1).sealed)
    sealed[-1] ^= 1
    put(batch, bytes(sealed))


def put(batch: Batch, sealed: bytes, number: int = 1) -> None:
    without_guards(
        "UPDATE ingestion_sealedblock SET sealed = %s WHERE batch_id = %s AND number = %s",
        sealed,
        batch.pk,
        number,
    )


@pytest.mark.parametrize(
    "damage", [gone, the_last_is_gone, too_short, too_long, of_another_batch, altered]
)
def test_what_does_not_open_or_is_not_all_is_not_read(
    damage: Callable[[Batch], None], sales: Source, bring: Any
) -> None:
    batch = bring(sales, table(*MANY)).batch
    damage(batch)
    with pytest.raises(Unreadable):
        records_frame(source_ids=[sales.pk])


def test_a_block_of_texts_does_not_open_as_one_of_records(
    sales: Source, bring: Any, settings: Any
) -> None:
    settings.OWN_PARTITION_FROM = SMALL
    batch = bring(sales, table(ANNA)).batch
    record_id = batch.records.get().pk
    without_guards("UPDATE ingestion_sealedblock SET first_id = %s", record_id)
    for reading in (
        lambda: records_frame(source_ids=[sales.pk]),
        lambda: records_named(source_ids=[sales.pk], record_ids=[record_id]),
    ):
        with pytest.raises(Unreadable, match="another place"):
            reading()


def test_nothing_that_is_said_of_people_lies_plain_in_a_block(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA, BERT, CORA))
    raw = b"".join(bytes(block.sealed) for block in SealedBlock.objects.all())
    for secret in (b"Anna", b"Bakker", b"Rent", b"INV-1", b"North"):
        assert secret not in raw

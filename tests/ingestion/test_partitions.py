"""A large import lies in a partition of its own: the same records, kept by the same guards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Max, Min
from django.test.utils import CaptureQueriesContext

from apps.common import partitions
from apps.common.bulk_checks import IDS_EACH
from apps.common.partitions import copy_rows
from apps.ingestion.models import Amendment, Batch, Record, Source
from apps.ingestion.selectors import records_frame
from apps.ingestion.services import import_file
from tests.faults import Trap, die_at
from tests.ingestion.conftest import ANNA, BERT, BROKEN, CORA, MAPPING, table

DEARER = ANNA.replace("100.00", "120.00")
FILE = table(ANNA, BERT, ANNA, BROKEN)


@pytest.fixture
def own_partition(settings: Any) -> None:
    """However few the rows are, they get a partition of their own."""
    settings.OWN_PARTITION_FROM = 1


def lies_in() -> dict[str, int]:
    """How many records each partition has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, count(*) FROM ingestion_record GROUP BY 1")
        return dict(cursor.fetchall())


def tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^ingestion_record'"
        )
        return {name for (name,) in cursor.fetchall()}


def partition_of(batch: Batch) -> str:
    record: Record = batch.records.earliest("pk")
    return f"ingestion_record_p{record.pk // IDS_EACH}"


def contents(source: Source) -> pl.DataFrame:
    frame = records_frame(source_ids=[source.pk])
    return frame.drop("id").sort("external_id", "amount")


def test_few_rows_share_the_first_partition(sales: Source, bring: Any) -> None:
    before = tables()
    bring(sales, FILE)
    assert lies_in() == {"ingestion_record_p0": 3}
    assert tables() == before


@pytest.mark.usefixtures("own_partition")
def test_many_have_one_of_their_own_and_are_the_same(
    sales: Source, define: Any, bring: Any, settings: Any
) -> None:
    batch = bring(sales, FILE).batch
    (first, _, _) = batch.records.order_by("pk")
    assert lies_in() == {partition_of(batch): 3}
    assert first.pk % IDS_EACH == 0
    assert [each.position for each in batch.records.order_by("pk")] == [0, 1, 2]
    assert [each.line for each in batch.records.order_by("pk")] == [2, 3, 4]

    settings.OWN_PARTITION_FROM = 200_000
    shared = define("shared", format="csv", mapping=MAPPING)
    bring(shared, FILE)
    assert lies_in() == {partition_of(batch): 3, "ingestion_record_p0": 3}
    assert contents(sales).equals(contents(shared))


@pytest.mark.usefixtures("own_partition")
def test_later_files_know_what_lies_in_partitions(sales: Source, bring: Any, settings: Any) -> None:
    first = bring(sales, table(ANNA, BERT)).batch
    second = bring(sales, table(ANNA, BERT, CORA)).batch
    assert second.added_count == 1
    settings.OWN_PARTITION_FROM = 200_000
    third = bring(sales, table(DEARER, BERT, CORA)).batch
    assert (third.added_count, third.amended_count) == (1, 1)
    assert lies_in() == {partition_of(first): 2, partition_of(second): 1, "ingestion_record_p0": 1}
    amendment = Amendment.objects.get()
    # The later record has the smaller id: what came first is told by the batches.
    assert amendment.record_id < IDS_EACH < amendment.supersedes_id
    found = records_frame(source_ids=[sales.pk])
    assert sorted(found["amount"]) == [-402_500, 71_000, 1_200_000]


@pytest.mark.usefixtures("own_partition")
def test_a_failed_import_leaves_no_partition(
    sales: Source, bring: Any, table_counts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, standing = table_counts(), tables()
    monkeypatch.setattr("apps.ingestion.services.imports.record", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bring(sales, FILE)
    assert table_counts() == before
    assert tables() == standing


@pytest.mark.usefixtures("own_partition")
def test_beyond_the_most_partitions_rows_share_the_first(
    sales: Source, bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "MOST_PARTITIONS", len(tables()))
    bring(sales, FILE)
    assert lies_in() == {"ingestion_record_p0": 3}


COLUMNS = (
    *("entity_id", "source_id", "batch_id", "line", "booked_on", "amount", "currency"),
    *("external_id", "account", "reference", "position", "content_key", "occurrence"),
)


def rows_of(batch: Batch) -> pl.DataFrame:
    """Its records as they would be copied again."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(COLUMNS)} FROM ingestion_record WHERE batch_id = %s", [batch.pk]
        )
        rows = [
            {name: f"\\x{value.hex()}" if name == "content_key" else value for name, value in row}
            for row in (zip(COLUMNS, values, strict=True) for values in cursor.fetchall())
        ]
    return pl.DataFrame(rows, infer_schema_length=None)


def as_bytes(rows: pl.DataFrame) -> pl.DataFrame:
    """Keys as an import has them, not as texts that the database reads."""
    return rows.with_columns(
        pl.col("content_key").str.strip_prefix("\\x").str.decode("hex"),
        *(pl.col(name).cast(pl.Int64) for name in ("entity_id", "source_id", "batch_id")),
    )


def copy(rows: pl.DataFrame) -> None:
    with transaction.atomic():
        copy_rows(Record, rows, *COLUMNS)


def other_occurrences(rows: pl.DataFrame) -> pl.DataFrame:
    """As if the same lines had come once more."""
    return rows.with_columns(pl.col("occurrence") + 90)


Spoil = Callable[[pl.DataFrame], pl.DataFrame]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "nothing": (lambda rows: rows, "are there already"),
    "one of them": (lambda rows: rows.head(1), "are there already"),
    "twice among themselves": (
        lambda rows: other_occurrences(pl.concat([rows, rows])),
        "could not create unique index",
    ),
    "another entity": (
        lambda rows: other_occurrences(rows).with_columns(entity_id=pl.lit(-1)),
        "refer to no row of ingestion_batch",
    ),
    "no batch": (
        lambda rows: other_occurrences(rows).with_columns(batch_id=pl.lit(-1)),
        "refer to no row of ingestion_batch",
    ),
}


@pytest.mark.usefixtures("own_partition")
@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("first", [1, 200_000], ids=["beside a partition", "beside the first"])
@pytest.mark.parametrize("keys", ["bytes", "texts"])
def test_rows_that_do_not_hold_together_are_refused_as_a_whole(
    spoilt: str, first: int, keys: str, sales: Source, bring: Any, settings: Any, table_counts: Any
) -> None:
    settings.OWN_PARTITION_FROM = first
    batch = bring(sales, FILE).batch
    settings.OWN_PARTITION_FROM = 1
    spoil, refusal = SPOILT[spoilt]
    rows = as_bytes(rows_of(batch)) if keys == "bytes" else rows_of(batch)
    before, standing = table_counts(), tables()
    with pytest.raises(IntegrityError, match=refusal):
        copy(spoil(rows))
    assert table_counts() == before
    assert tables() == standing
    with CaptureQueriesContext(connection) as asked:
        copy(other_occurrences(rows))
    assert Record.objects.count() == 6
    # What the frame proves the database is not asked.
    indexes = [each["sql"] for each in asked if "UNIQUE INDEX" in each["sql"]]
    assert len(indexes) == (keys == "texts")


@pytest.mark.usefixtures("own_partition")
def test_a_key_that_the_database_reads_as_another_is_there_twice(sales: Source, bring: Any) -> None:
    """Texts of bytes differ by their case, the bytes do not."""
    (row,) = other_occurrences(rows_of(bring(sales, table(ANNA)).batch)).to_dicts()
    rows = [{**row, "content_key": f"\\x{key}"} for key in ("ab" * 16, "AB" * 16)]
    with pytest.raises(IntegrityError, match="could not create unique index"):
        copy(pl.DataFrame(rows))


@pytest.mark.usefixtures("own_partition")
def test_a_partition_of_other_days_is_not_looked_into(sales: Source, bring: Any) -> None:
    partition = partition_of(bring(sales, table(ANNA, BERT, CORA)).batch)
    days = Record.objects.aggregate(first=Min("booked_on"), last=Max("booked_on"))
    for first, last, is_there in (
        (days["first"], days["last"], True),
        (days["last"], date.max, True),
        (days["last"] + timedelta(1), date.max, False),
        (date.min, days["first"] - timedelta(1), False),
    ):
        wanted = Record.objects.filter(source=sales, booked_on__range=(first, last))
        assert (partition in wanted.explain()) == is_there


@pytest.mark.usefixtures("own_partition")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {partition} SET amount = 0",
        "DELETE FROM {partition}",
        "TRUNCATE {partition}",
        "UPDATE ingestion_record SET amount = 0",
        "DELETE FROM ingestion_record",
        "TRUNCATE ingestion_record CASCADE",
        "TRUNCATE ingestion_record_p0",
        "INSERT INTO {partition} SELECT * FROM {partition}",
        "INSERT INTO {partition} SELECT id + 9, entity_id, source_id, batch_id, line, external_id,"
        " account, booked_on, value_on, amount, currency, reference, position, content_key,"
        " occurrence FROM {partition}",
    ],
)
def test_a_partition_is_guarded_as_its_table_is(
    statement: str, sales: Source, bring: Any, table_counts: Any
) -> None:
    partition = partition_of(bring(sales, FILE).batch)
    before = table_counts()
    refusal = "append-only|duplicate key|are there already|is of type"
    with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement.format(partition=partition))
    assert table_counts() == before


@pytest.mark.usefixtures("own_partition")
def test_migrate_keeps_and_mends_the_guards_of_partitions(sales: Source, bring: Any) -> None:
    def standing() -> set[tuple[str, str]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger")
            return set(cursor.fetchall())

    partition = partition_of(bring(sales, FILE).batch)
    before = standing()
    call_command("migrate", verbosity=0)
    assert standing() == before
    (name,) = (name for at, name in before if at == partition and "_truncate_" in name)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name} ON {partition}")
    call_command("migrate", verbosity=0)
    assert standing() == before


@pytest.mark.usefixtures("own_partition")
def test_a_partition_has_the_indexes_of_its_table(sales: Source, bring: Any) -> None:
    partition = partition_of(bring(sales, FILE).batch)

    def indexes(name: str) -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [name])
            return {definition.partition(" USING ")[2] for (definition,) in cursor.fetchall()}

    assert indexes(partition) == indexes("ingestion_record")
    # Where batches of many sources lie among each other, each record is found by its day.
    more = indexes("ingestion_record_p0") - indexes("ingestion_record")
    assert more == {
        "btree (source_id, booked_on)",
        "brin (source_id, batch_id, booked_on) WITH (autosummarize='true')",
    }


# --- Many hands, and a machine that fails -----------------------------------------------------


@pytest.mark.usefixtures("own_partition")
@pytest.mark.django_db(transaction=True)
def test_imports_at_once_each_get_their_own(define: Any, alice: Any) -> None:
    sources = [define(f"s{number}", format="csv", mapping=MAPPING) for number in range(4)]
    start = threading.Barrier(8)

    def work(source: Source) -> None:
        try:
            start.wait()
            import_file(source_id=source.pk, filename="s.csv", content=FILE, actor=alice)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(source,)) for source in sources * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lies_in().values()) == [3] * 4
    assert Batch.objects.count() == 4


@pytest.mark.usefixtures("own_partition")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "trap",
    [
        Trap(partitions.__name__, "copy_in"),
        Trap(partitions.__name__, "guard_partition"),
        Trap("apps.ingestion.services.imports", "copy_records"),
    ],
    ids=["rows are copied", "it is about to be attached", "it is attached"],
)
def test_killed_while_it_fills_one_nothing_is_there(
    trap: Trap, define: Any, alice: Any, tmp_path: Any, settings: Any, table_counts: Any
) -> None:
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    }
    source = define("sales", format="csv", mapping=MAPPING)
    before, standing = table_counts(), tables()
    order = {"source_id": source.pk, "filename": "s.csv", "content": FILE}
    die_at(trap, "apps.ingestion.services.imports.import_file", actor=alice.pk, **order)
    assert table_counts() == before
    assert tables() == standing
    import_file(actor=alice, **order)
    assert sum(lies_in().values()) == 3


# --- A table that was not in partitions -------------------------------------------------------

OLD_TABLE = """
    CREATE TABLE old_facts (
      id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
      booked_on date NOT NULL,
      amount numeric(20, 4) NOT NULL CHECK (amount > 0),
      batch integer NOT NULL
    );
    CREATE INDEX old_by_day ON old_facts (booked_on, amount DESC) WHERE batch > 0;
    CREATE UNIQUE INDEX old_by_id ON old_facts (id, batch);
    CREATE INDEX old_by_batch ON old_facts USING brin (batch) WITH (autosummarize = on);
    CREATE TRIGGER finflow_guard_old BEFORE DELETE ON old_facts
      FOR EACH ROW EXECUTE FUNCTION finflow_refuse_change();
    INSERT INTO old_facts (booked_on, amount, batch)
      SELECT '2023-04-01', day, 1 FROM generate_series(1, 5) AS day
"""


def test_rows_that_are_there_go_into_the_first_partition(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(OLD_TABLE)
        with connection.schema_editor() as editor:
            partitions.divide("old_facts", editor)
        cursor.execute("SELECT tableoid::regclass::text, id, amount FROM old_facts ORDER BY id")
        assert cursor.fetchall() == [("old_facts_p0", day, day) for day in range(1, 6)]
        cursor.execute(
            "INSERT INTO old_facts (booked_on, amount, batch) VALUES (%s, 6, 1) RETURNING id",
            [date(2023, 4, 2)],
        )
        assert cursor.fetchone()[0] > 5
        cursor.execute("SELECT nextval('old_facts_partition')")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'old_facts' ORDER BY 1")
        definitions = [text.replace("ON ONLY", "ON") for (text,) in cursor.fetchall()]
        assert definitions == [
            "CREATE INDEX old_by_batch ON public.old_facts USING brin (batch)"
            " WITH (autosummarize='on')",
            "CREATE INDEX old_by_day ON public.old_facts USING btree (booked_on, amount DESC)"
            " WHERE (batch > 0)",
            "CREATE UNIQUE INDEX old_by_id ON public.old_facts USING btree (id, batch)",
            "CREATE UNIQUE INDEX old_facts_pkey ON public.old_facts USING btree (id)",
        ]
    for wrong in ("(0, '2023-04-02', -1, 1)", f"({IDS_EACH}, '2023-04-02', 1, 1)"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO old_facts VALUES {wrong}")


def test_what_is_no_index_is_not_taken_for_one() -> None:
    with pytest.raises(ValueError, match="not the definition of an index"):
        partitions._index_parts("CREATE TABLE x (id int)")

"""Lines that say something else than before under an external id that is known."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.audit.models import Event
from apps.ingestion.models import Amendment, Batch, Record, Source
from apps.ingestion.selectors import record_ids, records_frame, records_named, validation_findings
from apps.ingestion.services import change_mapping, import_file
from apps.ingestion.services.amending import additions
from apps.ingestion.states import RETURNED
from tests.examples import examples
from tests.ingestion.conftest import ANNA, BERT, CORA, MAPPING, table
from tests.pages import text

DEARER = ANNA.replace("100.00", "120.00")
DEAREST = ANNA.replace("100.00", "140.00")
APRIL = {"starts_on": date(2023, 4, 1), "ends_on": date(2023, 4, 30)}


def amounts(source: Source) -> dict[str, int]:
    """What stands, by external id, in ten-thousandths."""
    frame = records_frame(source_ids=[source.pk])
    return dict(frame.select("external_id", "amount").iter_rows())


def test_the_later_word_stands_and_the_earlier_one_stays(sales: Source, bring: Any) -> None:
    first = bring(sales, table(ANNA, BERT)).batch
    second = bring(sales, table(DEARER, BERT)).batch
    assert (second.added_count, second.amended_count) == (1, 1)
    assert amounts(sales) == {"L-1": 1_200_000, "L-2": -402_500}
    amendment = Amendment.objects.get()
    assert amendment.supersedes == first.records.get(external_id="L-1")
    assert amendment.record == second.records.get()
    assert Record.objects.count() == 3
    assert Event.objects.filter(action="ingestion.batch.import").last().details["amended"] == 1


def test_what_no_longer_stands_is_shown_to_those_who_ask_for_it(sales: Source, bring: Any) -> None:
    before = bring(sales, table(ANNA)).batch.records.get()
    bring(sales, table(DEARER))
    after = Amendment.objects.get().record
    assert record_ids(source_id=sales.pk, **APRIL).tolist() == [after.pk]
    frame = records_named(source_ids=[sales.pk], record_ids=[before.pk, after.pk])
    assert frame["id"].to_list() == [before.pk, after.pk]


def test_amendments_follow_each_other(sales: Source, bring: Any) -> None:
    for line in (ANNA, DEARER, DEAREST):
        bring(sales, table(line))
    assert amounts(sales) == {"L-1": 1_400_000}
    assert Amendment.objects.count() == 2


def test_what_is_taken_back_stands_again(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA))
    bring(sales, table(DEARER))
    back = bring(sales, table(ANNA, CORA)).batch
    assert (back.added_count, back.amended_count) == (2, 1)
    assert amounts(sales) == {"L-1": 1_000_000, "L-3": 71_000}
    returned = back.records.get(external_id="L-1")
    assert returned.occurrence == RETURNED + 1
    again = bring(sales, table(ANNA, CORA, BERT)).batch
    assert (again.added_count, again.amended_count) == (1, 0)
    bring(sales, table(DEARER, BERT))
    assert amounts(sales)["L-1"] == 1_200_000


def test_an_old_file_again_takes_nothing_back(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA))
    bring(sales, table(DEARER))
    assert bring(sales, table(ANNA)).is_new is False
    assert amounts(sales) == {"L-1": 1_200_000}


def test_what_else_may_change(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA, BERT, CORA))
    changed = [
        ANNA.replace("2023-04-03", "2023-04-05"),
        BERT.replace("Bert Visser", "Bert de Visser"),
        CORA.replace("INV-3", "INV-33"),
    ]
    assert bring(sales, table(*changed)).batch.amended_count == 2  # 3 April is not in the file
    assert len(records_frame(source_ids=[sales.pk])) == 4


def test_the_days_of_a_query_are_looked_through_for_what_it_amends(
    sales: Source, bring: Any, alice: Any
) -> None:
    bring(sales, table(ANNA))
    moved = table(ANNA.replace("2023-04-03", "2023-04-28"))
    days = (date(2023, 4, 1), date(2023, 4, 30))
    batch = import_file(
        source_id=sales.pk, filename="f", content=moved, days=days, actor=alice
    ).batch
    assert batch is not None
    assert batch.amended_count == 1


SIDE_BY_SIDE: list[Any] = [
    pytest.param([DEARER, DEAREST], id="the id is in the file twice"),
    pytest.param([DEARER, ANNA], id="with the line as it was"),
    pytest.param([ANNA.replace("100.00", "1").replace("04-03", "05-03")], id="another month"),
    pytest.param([DEARER.replace("North", "South").replace("L-1", "L-9")], id="another id"),
]


@pytest.mark.parametrize("lines", SIDE_BY_SIDE)
def test_what_may_be_another_line_stands_beside_the_first(
    lines: list[str], sales: Source, bring: Any
) -> None:
    bring(sales, table(ANNA))
    batch = bring(sales, table(*lines)).batch
    assert batch.amended_count == 0
    assert ANNA.split(",")[0] in amounts(sales)
    assert not Amendment.objects.exists()
    assert Record.objects.count() == 1 + batch.added_count


def test_an_id_that_stands_twice_is_not_amended(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA, DEARER))
    assert bring(sales, table(DEAREST)).batch.amended_count == 0
    assert len(records_frame(source_ids=[sales.pk])) == 3


def test_the_same_id_on_another_account_is_another_line(define: Any, bring: Any) -> None:
    columns = {**MAPPING["columns"], "account": "branch"}
    mapping = {**MAPPING, "columns": columns, "constants": {"currency": "EUR"}}
    source = define("two", format="csv", mapping=mapping)
    bring(source, table(ANNA))
    assert bring(source, table(DEARER.replace("North", "South"))).batch.amended_count == 0
    assert bring(source, table(DEARER)).batch.amended_count == 1


def test_another_source_amends_nothing(sales: Source, define: Any, bring: Any) -> None:
    bring(sales, table(ANNA))
    assert bring(define("twin", format="csv", mapping=MAPPING), table(DEARER)).batch
    assert not Amendment.objects.exists()


def test_lines_read_again_by_another_mapping_amend_too(
    define: Any, bring: Any, connie: Any
) -> None:
    source = define("sales", format="csv", mapping=MAPPING)
    bring(source, table(ANNA))
    wrong = {**MAPPING, "decimal": ","}
    change_mapping(source_id=source.pk, mapping=wrong, actor=connie)
    content = table(DEARER)
    bring(source, content)
    change_mapping(source_id=source.pk, mapping=MAPPING, actor=connie)
    bring(source, content)
    assert amounts(source) == {"L-1": 1_200_000}


def test_a_reviewer_is_told_without_being_stopped(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA))
    batch = bring(sales, table(DEARER)).batch
    (finding,) = validation_findings(source_ids=[sales.pk], **APRIL)
    assert (finding.batch_id, finding.is_blocking) == (batch.pk, False)
    assert finding.problem == "1 line was amended: the source says something else now"


def test_both_files_say_so_on_their_pages(sales: Source, bring: Any, alice: Any) -> None:
    first = bring(sales, table(ANNA), "first.csv").batch
    second = bring(sales, table(DEARER), "second.csv").batch
    client = Client()
    client.force_login(alice)
    pages = [text(client.get(reverse("ingestion:batch", args=[one.pk]))) for one in (first, second)]
    assert "amended by" in pages[0]
    assert "second.csv, line 2" in pages[0]
    assert "amends" in pages[1]
    assert "first.csv, line 2" in pages[1]


def test_the_database_keeps_amendments_in_order(sales: Source, bring: Any) -> None:
    first, beside = bring(sales, table(ANNA, BERT)).batch.records.order_by("id")
    second = bring(sales, table(CORA)).batch.records.get()
    for record, supersedes in ((first, second), (beside, first)):
        with pytest.raises(IntegrityError, match="the later one second"), transaction.atomic():
            Amendment.objects.create(record=record, supersedes=supersedes)
    for pair in ({"record_id": -1, "supersedes": first}, {"record": second, "supersedes_id": -1}):
        with pytest.raises(IntegrityError, match="refer to no row of"), transaction.atomic():
            Amendment.objects.create(**pair)
    Amendment.objects.create(record=second, supersedes=first)
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        Amendment.objects.all().delete()
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("UPDATE ingestion_amendment SET record_id = record_id")


def test_a_refused_file_amends_nothing(sales: Source, bring: Any, table_counts: Any) -> None:
    bring(sales, table(ANNA))
    assert bring(sales, DEARER + '\n"never closed').failure
    assert not Amendment.objects.exists()
    assert Batch.objects.count() == 1


# --- The rule against a plain oracle ----------------------------------------------------------

LINE_IDS = ("a", "b", "c", "")
FILES = st.lists(
    st.lists(st.tuples(st.sampled_from(LINE_IDS), st.integers(1, 3)), max_size=5),
    min_size=1,
    max_size=6,
)


def lines_of(file: list[tuple[str, int]]) -> pl.DataFrame:
    """Lines whose content is their id and a version."""
    seen: dict[tuple[str, int], int] = {}
    rows = []
    for line in file:
        seen[line] = seen.get(line, 0) + 1
        rows.append((line[0], "acc", f"{line[0]}/{line[1]}".encode(), seen[line]))
    return pl.DataFrame(
        rows,
        schema={
            "external_id": pl.String(),
            "account": pl.String(),
            "content_key": pl.Binary(),
            "occurrence": pl.Int64(),
        },
        orient="row",
    )


@settings(max_examples=examples(120))
@given(FILES)
def test_no_word_of_a_source_is_lost(files: list[list[tuple[str, int]]]) -> None:
    """After any files: each line of the last is known, and an id that every file has at most once
    stands once, with what the last file that has it says."""
    known = pl.DataFrame(
        schema={
            "id": pl.Int64(),
            "content_key": pl.Binary(),
            "occurrence": pl.Int64(),
            "external_id": pl.String(),
            "account": pl.String(),
            "is_standing": pl.Boolean(),
        }
    )
    for file in files:
        lines = lines_of(file)
        added = additions(lines, lines, known, lambda changed: changed)
        fresh = added.lines.with_row_index("id", offset=known.height + 1).select(
            pl.col("id").cast(pl.Int64),
            "content_key",
            "occurrence",
            "external_id",
            "account",
            pl.lit(True).alias("is_standing"),
        )
        superseded = added.amendments["supersedes_id"].to_list()
        assert len(set(superseded)) == len(superseded)
        assert set(superseded) <= set(known.filter("is_standing")["id"].to_list())
        assert added.amendments.join(fresh, on=["content_key", "occurrence"]).height == len(
            superseded
        )
        known = pl.concat(
            [known.with_columns(pl.col("is_standing") & ~pl.col("id").is_in(superseded)), fresh]
        )
        assert known.select("content_key", "occurrence").is_unique().all()
        assert lines.join(known, on=["content_key", "occurrence"], how="anti").is_empty()
    for name in ("a", "b", "c"):
        words = [[version for one, version in file if one == name] for file in files]
        if any(words) and all(len(one) <= 1 for one in words):
            last = next(one[0] for one in reversed(words) if one)
            standing = known.filter("is_standing", external_id=name)
            assert standing["content_key"].to_list() == [f"{name}/{last}".encode()]

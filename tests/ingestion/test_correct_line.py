"""Rejected lines are corrected by people: once, on the record, and read like any other line."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible
from apps.identity.models import User
from apps.ingestion.errors import (
    CorrectionInvalid,
    LineCorrected,
    LineReadAgain,
    SourceRetired,
    StillRejected,
)
from apps.ingestion.models import Amendment, Batch, LineCorrection, Record, RejectedLine, Source
from apps.ingestion.selectors import feeds, original_of, records_named, validation_findings
from apps.ingestion.services import (
    change_mapping,
    correct_line,
    import_file,
    read_again,
    retire_source,
    texts_of_line,
)
from tests.ingestion.conftest import ANNA, BERT, BROKEN, CORA, MAPPING, Fix, table

TEXTS = {
    "id": "L-4",
    "date": "2023-04-06",
    "amount": "seven",
    "reference": "INV-4",
    "who": "Dirk Smit",
    "text": "No figure",
    "branch": "",
}


def findings(source: Source) -> list[str]:
    found = validation_findings(
        source_ids=[source.pk], starts_on=date(2023, 4, 1), ends_on=date(2023, 4, 30)
    )
    return [finding.problem for finding in found]


def test_the_texts_are_those_of_the_file(broken: RejectedLine, alice: Any) -> None:
    assert list(texts_of_line(line_id=broken.pk, actor=alice).items()) == list(TEXTS.items())


def test_a_corrected_line_comes_in_as_a_reading_of_its_own(
    broken: RejectedLine, sales: Source, fix: Fix, alice: Any
) -> None:
    first = broken.batch
    correction = fix(broken, amount="7.00", who="Dirk Smit")
    batch = correction.batch
    assert (batch.reading, batch.sha256, batch.mapping) == (2, first.sha256, first.mapping)
    assert (batch.line_count, batch.added_count, batch.rejected_count) == (1, 1, 0)
    assert batch.control_totals == {"EUR": "7.00"}
    assert batch.parameters == {"corrected_line": 3}
    added = Record.objects.get(batch=batch)
    assert (added.line, added.external_id, added.amount) == (3, "L-4", Decimal(7))
    frame = records_named(source_ids=[sales.pk], record_ids=[added.pk])
    assert frame["counterparty"].to_list() == ["Dirk Smit"]
    assert json.loads(correction.changes) == {"amount": ["seven", "7.00"]}
    assert (correction.corrected_by, correction.reason) == (alice, "The invoice says so")
    # What was before stays as it was.
    assert Batch.objects.get(pk=first.pk).rejected_count == 1
    assert RejectedLine.objects.get() == broken
    assert b"seven" in original_of(first)


def test_it_is_on_record_without_any_text_of_the_line(
    broken: RejectedLine, fix: Fix, alice: Any
) -> None:
    correction = fix(broken, amount="7.00", who="Dirk de Smit")
    event = Event.objects.get(action="ingestion.line.correct")
    assert (event.actor_id, event.subject_id) == (alice.pk, str(correction.pk))
    assert event.details == {
        "batch": correction.batch_id,
        "rejected_line": broken.pk,
        "line": 3,
        "columns": ["amount", "who"],
        "reason": "The invoice says so",
        "added": 1,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT changes FROM ingestion_linecorrection")
        assert b"Dirk" not in bytes(cursor.fetchone()[0])


def test_a_correction_is_never_changed(broken: RejectedLine, fix: Fix) -> None:
    correction = fix(broken, amount="7.00")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        LineCorrection.objects.filter(pk=correction.pk).update(reason="no")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        correction.delete()


def test_findings_count_what_is_still_open(sales: Source, bring: Any, fix: Fix) -> None:
    bring(sales, table(ANNA, BROKEN, BROKEN.replace("L-4", "L-9")))
    first, second = RejectedLine.objects.all()
    assert findings(sales) == ["2 lines were rejected"]
    fix(first, amount="7.00")
    assert findings(sales) == ["1 line was rejected"]
    fix(second, amount="7.00")
    assert findings(sales) == []


def test_the_feed_still_shows_the_file(
    broken: RejectedLine, sales: Source, fix: Fix, alice: Any
) -> None:
    fix(broken, amount="7.00")
    (feed,) = feeds(alice, [sales])
    assert (feed.batch, feed.state) == (broken.batch, "completed")


def test_a_running_balance_ties_again(define: Any, bring: Any, fix: Fix) -> None:
    mapping = {
        "columns": {"booked_on": "date", "amount": "amount", "balance": "balance"},
        "constants": {"currency": "EUR", "account": "1"},
        "decimal": ".",
    }
    source = define("card", format="csv", mapping=mapping)
    rows = "2023-04-03,5.00,105.00\n2023-04-04,x,107.00\n2023-04-05,1.00,108.00\n"
    bring(source, f"date,amount,balance\n{rows}")
    assert "opening + movements differ from closing by 2.00 EUR" in findings(source)
    fix(RejectedLine.objects.get(), amount="2.00")
    assert findings(source) == []


def test_a_line_of_another_shape_is_let_in(sales: Source, bring: Any, fix: Fix, alice: Any) -> None:
    bring(sales, table(ANNA, "L-4,2023-04-06,7.00,INV-4,Smit, Dirk,Coffee,North", CORA))
    line = RejectedLine.objects.get()
    assert (line.field, texts_of_line(line_id=line.pk, actor=alice)["text"]) == ("", " Dirk")
    fix(line, who="Smit, Dirk", text="Coffee", branch="North")
    record = Record.objects.get(line=3)
    frame = records_named(source_ids=[sales.pk], record_ids=[record.pk])
    assert frame.select("counterparty", "narrative").row(0) == ("Smit, Dirk", "Coffee")
    assert json.loads(frame["attributes"].item()) == {"branch": "North"}


def test_a_short_line_is_taken_as_it_stands(sales: Source, bring: Any, fix: Fix) -> None:
    bring(sales, table(ANNA, "L-4,2023-04-06,7.00"))
    correction = fix(RejectedLine.objects.get())
    assert correction.batch.added_count == 1
    assert json.loads(correction.changes) == {}


def test_two_lines_corrected_to_the_same_are_two(sales: Source, bring: Any, fix: Fix) -> None:
    same = ",2023-04-06,{},,,Coffee,"
    bring(sales, table(same.format("2.50"), same.format("a"), same.format("b")))
    first, second = RejectedLine.objects.all()
    fix(second, amount="2.50")
    fix(first, amount="2.50")
    assert sorted(Record.objects.values_list("occurrence", flat=True)) == [1, 2, 3]
    assert [batch.reading for batch in Batch.objects.order_by("id")] == [1, 2, 3]


def test_what_a_corrected_file_brought_is_not_added_again(
    broken: RejectedLine, sales: Source, bring: Any, fix: Fix
) -> None:
    bring(sales, table(BROKEN.replace("seven", "7.00")))
    correction = fix(broken, amount="7.00")
    assert correction.batch.added_count == 0
    assert Record.objects.filter(external_id="L-4").count() == 1


def test_a_corrected_line_may_amend_an_earlier_one(sales: Source, bring: Any, fix: Fix) -> None:
    bring(sales, table(ANNA, BERT))
    bring(sales, table(ANNA.replace("100.00", "hundred"), BERT, CORA))
    correction = fix(RejectedLine.objects.get(), amount="99.00")
    assert correction.batch.amended_count == 1
    amendment = Amendment.objects.get()
    assert (amendment.record.amount, amendment.supersedes.amount) == (Decimal(99), Decimal(100))


@pytest.mark.parametrize("kind", ["json", "xlsx", "parquet"])
def test_rows_of_every_table_can_be_corrected(kind: str, define: Any, bring: Any, fix: Fix) -> None:
    mapping = {
        "columns": {"booked_on": "date", "amount": "amount"},
        "constants": {"currency": "EUR"},
        "decimal": ".",
    }
    rows = [{"date": "2023-04-03", "amount": "5.00"}, {"date": "2023-04-04", "amount": "x"}]
    buffer = io.BytesIO()
    if kind == "json":
        buffer.write("\n".join(json.dumps(row) for row in rows).encode())
    elif kind == "xlsx":
        pl.DataFrame(rows).write_excel(buffer)
    else:
        pl.DataFrame(rows).write_parquet(buffer)
    bring(define("t", format=kind, mapping=mapping), buffer.getvalue())
    fix(RejectedLine.objects.get(), amount="6.25")
    assert list(Record.objects.values_list("amount", flat=True)) == [Decimal(5), Decimal("6.25")]


def test_a_later_reading_leaves_corrected_lines_alone(
    define: Any, bring: Any, fix: Fix, connie: Any
) -> None:
    wrong = {**MAPPING, "date_format": "%d-%m-%Y"}
    source = define("sales", format="csv", mapping=wrong)
    content = table(ANNA, BERT, BROKEN)
    bring(source, content)
    fix(RejectedLine.objects.get(line=2), date="03-04-2023")
    change_mapping(source_id=source.pk, mapping=MAPPING, actor=connie)
    again = bring(source, content).batch
    assert (again.reading, again.line_count, again.added_count) == (3, 1, 1)
    assert [line.line for line in again.rejected_lines.all()] == [4]
    assert Record.objects.count() == 2
    assert findings(source) == ["1 line was rejected"]
    fix(RejectedLine.objects.get(batch=again), amount="7.00")
    assert Record.objects.count() == 3
    assert findings(source) == []


def refusals() -> list[Any]:
    good = {"amount": "7.00"}
    return [
        pytest.param("charlie", good, "why", NotVisible, "nothing here", id="stranger"),
        pytest.param("rita", good, "why", NotPermitted, "may not", id="reviewer"),
        pytest.param("ivy", good, "why", NotPermitted, "may not", id="integration"),
        pytest.param("otto", good, "why", NotPermitted, "may not", id="auditor"),
        pytest.param("alice", good, "  ", CorrectionInvalid, "Say why", id="no reason"),
        pytest.param("alice", {"sum": "7"}, "why", CorrectionInvalid, "'sum'", id="column"),
        pytest.param("alice", {"amount": "7\0"}, "why", CorrectionInvalid, "stored", id="NUL"),
        pytest.param("alice", good, "\ud800", CorrectionInvalid, "stored", id="half a letter"),
        pytest.param(
            "alice", {"amount": "7,0,0"}, "why", StillRejected, "not an amount", id="no number"
        ),
        pytest.param("alice", {"date": "6 April"}, "why", StillRejected, "date", id="two faults"),
        pytest.param(
            "alice", {**good, "id": "x" * 201}, "why", StillRejected, "longer than 200", id="long"
        ),
        pytest.param(
            "alice", dict.fromkeys(TEXTS, ""), "why", StillRejected, "Nothing is left", id="blank"
        ),
    ]


@pytest.mark.parametrize(("who", "texts", "reason", "refusal", "words"), refusals())
def test_refusals_change_nothing(
    who: str,
    texts: dict[str, str],
    reason: str,
    refusal: Any,
    words: str,
    broken: RejectedLine,
    request: Any,
    table_counts: Any,
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal, match=words):
        correct_line(line_id=broken.pk, texts=texts, reason=reason, actor=actor)
    assert table_counts() == before


def test_a_line_is_corrected_once(
    broken: RejectedLine, fix: Fix, connie: Any, table_counts: Any
) -> None:
    fix(broken, amount="7.00")
    before = table_counts()
    with pytest.raises(LineCorrected, match="Alice has corrected this line"):
        correct_line(line_id=broken.pk, texts={"amount": "8.00"}, reason="No", actor=connie)
    assert table_counts() == before


def test_a_file_that_was_read_again_is_corrected_there(
    broken: RejectedLine, sales: Source, bring: Any, fix: Fix, connie: Any, table_counts: Any
) -> None:
    wider = {**MAPPING, "attributes": ["branch"]}
    change_mapping(source_id=sales.pk, mapping=wider, actor=connie)
    again = bring(sales, table(ANNA, BROKEN, BERT)).batch
    before = table_counts()
    with pytest.raises(LineReadAgain):
        fix(broken, amount="7.00")
    assert table_counts() == before
    assert fix(again.rejected_lines.get(), amount="7.00").batch.reading == 3


def test_a_retired_source_takes_no_correction(
    broken: RejectedLine, sales: Source, fix: Fix, connie: Any
) -> None:
    retire_source(source_id=sales.pk, actor=connie)
    with pytest.raises(SourceRetired):
        fix(broken, amount="7.00")


def test_of_two_rows_on_a_line_of_text_each_is_corrected_for_itself(
    define: Any, bring: Any, fix: Fix
) -> None:
    row = '{{"date":"{}","amount":"1.00","id":"","reference":"","who":"","text":""}}'
    source = define("other", format="json", mapping={**MAPPING, "separator": None})
    bring(source, f"[{row.format('x')},{row.format('y')}]")
    first, second = RejectedLine.objects.order_by("pk")
    fix(second, date="2023-04-06")
    record = Record.objects.get()
    assert (record.line, str(record.booked_on)) == (second.line, "2023-04-06")
    fix(first, date="2023-04-05")
    assert sorted(Record.objects.values_list("line", flat=True)) == [first.line, second.line]


@pytest.mark.django_db(transaction=True)
def test_of_four_at_once_one_wins(broken: RejectedLine, alice: Any, connie: Any) -> None:
    barrier = threading.Barrier(4)
    outcomes: list[Any] = []

    def correct(actor_id: int, amount: str) -> None:
        try:
            actor = User.objects.get(pk=actor_id)
            barrier.wait(timeout=30)
            outcomes.append(
                correct_line(
                    line_id=broken.pk, texts={"amount": amount}, reason="race", actor=actor
                )
            )
        except LineCorrected as refusal:
            outcomes.append(refusal)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=correct, args=(actor.pk, f"{number}.00"))
        for number, actor in enumerate((alice, connie, alice, connie), start=1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    won = [outcome for outcome in outcomes if isinstance(outcome, LineCorrection)]
    assert (len(outcomes), len(won)) == (4, 1)
    assert (LineCorrection.objects.count(), Record.objects.count(), Batch.objects.count()) == (
        1,
        3,
        2,
    )
    assert Event.objects.filter(action="ingestion.line.correct").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_correction_and_a_second_reading_at_once_take_the_line_once(
    define: Any, bring: Any, alice: Any, connie: Any
) -> None:
    wrong = {**MAPPING, "date_format": "%d-%m-%Y"}
    source = define("sales", format="csv", mapping=wrong)
    content = table(ANNA)
    bring(source, content)
    line = RejectedLine.objects.get()
    change_mapping(source_id=source.pk, mapping=MAPPING, actor=connie)
    barrier = threading.Barrier(2)
    refused: list[Any] = []

    def run(work: Callable[[User], Any]) -> None:
        try:
            actor = User.objects.get(pk=alice.pk)
            barrier.wait(timeout=30)
            work(actor)
        except LineReadAgain as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    def correct(actor: User) -> Any:
        return correct_line(
            line_id=line.pk, texts={"date": "03-04-2023"}, reason="race", actor=actor
        )

    def read(actor: User) -> Any:
        return import_file(source_id=source.pk, filename="f", content=content, actor=actor)

    threads = [threading.Thread(target=run, args=(work,)) for work in (correct, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert Record.objects.count() == 1
    assert LineCorrection.objects.count() + len(refused) == 1


class TestReadAgain:
    @pytest.fixture
    def first(self, define: Any, bring: Any) -> Batch:
        source = define("sales", format="csv", mapping={**MAPPING, "date_format": "%d-%m-%Y"})
        batch: Batch = bring(source, table(ANNA, BERT), "april.csv").batch
        return batch

    def test_the_kept_original_is_read_by_the_mapping_of_today(
        self, first: Batch, alice: Any, connie: Any
    ) -> None:
        assert read_again(batch_id=first.pk, actor=alice).is_new is False
        change_mapping(source_id=first.source_id, mapping=MAPPING, actor=connie)
        outcome = read_again(batch_id=first.pk, actor=alice)
        assert outcome.batch is not None
        assert (outcome.batch.reading, outcome.batch.added_count) == (2, 2)
        assert outcome.batch.filename == "april.csv"

    def test_at_the_doors(self, first: Batch, api: Any, alice: Any, connie: Any) -> None:
        page = reverse("ingestion:batch", args=[first.pk])
        client = Client()
        client.force_login(alice)
        button = "Read the rejected lines again"
        assert button not in client.get(page).content.decode()
        change_mapping(source_id=first.source_id, mapping=MAPPING, actor=connie)
        assert button in client.get(page).content.decode()
        answer = client.post(reverse("ingestion:read-again", args=[first.pk]), follow=True)
        assert "april.csv: 2 lines, 2 of them new." in answer.content.decode()
        door = f"/api/ingestion/batches/{first.pk}/read-again"
        known = api(alice).post(door, {}, format="json")
        assert (known.status_code, known.json()["is_new"]) == (200, False)

    def test_rest_reads_anew(self, first: Batch, api: Any, alice: Any, connie: Any) -> None:
        change_mapping(source_id=first.source_id, mapping=MAPPING, actor=connie)
        door = f"/api/ingestion/batches/{first.pk}/read-again"
        answer = api(alice).post(door, {}, format="json")
        assert (answer.status_code, answer.json()["added_count"]) == (201, 2)

    @pytest.mark.parametrize(
        ("who", "status"), [("otto", 403), ("rita", 403), ("charlie", 404), ("victor", 403)]
    )
    def test_who_may_not(
        self, who: str, status: int, first: Batch, api: Any, request: Any, table_counts: Any
    ) -> None:
        actor = request.getfixturevalue(who)
        client = Client()
        client.force_login(actor)
        before = table_counts()
        door = f"/api/ingestion/batches/{first.pk}/read-again"
        assert api(actor).post(door, {}, format="json").status_code == status
        url = reverse("ingestion:read-again", args=[first.pk])
        assert client.post(url).status_code == status
        assert table_counts() == before

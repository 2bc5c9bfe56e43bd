"""What becomes of a file: all of it, or nothing but the record of its refusal."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible
from apps.ingestion.models import Batch, FailedImport, Record, RejectedLine, Source
from apps.ingestion.selectors import original_of, records_frame
from apps.ingestion.services import import_file
from tests.ingestion.conftest import ACCOUNT, ANNA, BERT, BROKEN, CORA, MAPPING, statement, table


def test_a_table_becomes_a_batch_with_its_records(sales: Source, bring: Any, alice: Any) -> None:
    content = table(ANNA, BERT, CORA)
    outcome = bring(sales, content, "april.csv")
    batch = Batch.objects.get()
    assert (outcome.batch, outcome.failure, outcome.is_new) == (batch, None, True)
    assert (batch.filename, batch.size_bytes, batch.format) == ("april.csv", len(content), "csv")
    assert (batch.line_count, batch.added_count, batch.rejected_count) == (3, 3, 0)
    assert batch.control_totals == {"EUR": "66.85"}
    assert (str(batch.starts_on), str(batch.ends_on)) == ("2023-04-03", "2023-04-05")
    assert (batch.mapping, batch.reading, batch.imported_by) == (MAPPING, 1, alice)
    assert batch.conventions["date_format"] == "%Y-%m-%d"
    amounts = [Decimal("100.00"), Decimal("-40.25"), Decimal("7.10")]
    assert list(Record.objects.values_list("amount", flat=True)) == amounts
    first = Record.objects.first()
    assert (first.line, first.external_id, first.reference) == (2, "L-1", "INV-1")
    assert (first.account, first.currency, first.value_on) == ("1000", "EUR", None)


def test_an_import_is_one_event(sales: Source, bring: Any, alice: Any, entity: Any) -> None:
    outcome = bring(sales, table(ANNA, BROKEN))
    event = Event.objects.get(action__startswith="ingestion.batch")
    assert (event.action, event.actor, event.entity) == ("ingestion.batch.import", alice, entity)
    assert event.subject_id == str(outcome.batch.pk)
    assert event.details == {
        "sha256": outcome.batch.sha256,
        "lines": 1,
        "added": 1,
        "amended": 0,
        "rejected": 1,
        "control_totals": {"EUR": "100.00"},
        "closed_periods": {},
    }


def test_a_statement_says_whether_it_ties(bank: Source, bring: Any) -> None:
    batch = bring(bank, statement("230407C10,00NTRFINV-1", closing="C110,00")).batch
    (facts,) = batch.statements
    assert (facts["opening"], facts["total"], facts["closing"]) == ("100.00", "10.00", "110.00")
    assert (facts["difference"], facts["ties"]) == ("0.00", True)
    assert (facts["opened_on"], facts["closed_on"]) == ("2023-03-31", "2023-04-30")


def test_a_batch_never_says_the_account_in_full(bank: Source, bring: Any) -> None:
    batch = bring(bank, statement()).batch
    assert batch.statements[0]["account_ending"] == ACCOUNT[-4:]
    assert ACCOUNT not in json.dumps(batch.statements)


def test_a_statement_without_movements_covers_its_days(bank: Source, bring: Any) -> None:
    batch = bring(bank, statement()).batch
    assert (batch.line_count, batch.control_totals) == (0, {})
    assert (str(batch.starts_on), str(batch.ends_on)) == ("2023-04-01", "2023-04-30")


def test_a_statement_of_one_day_covers_that_day(bank: Source, bring: Any) -> None:
    batch = bring(bank, statement(opened="230403", closed="230403")).batch
    assert (str(batch.starts_on), str(batch.ends_on)) == ("2023-04-03", "2023-04-03")


def test_an_interim_report_without_lines_and_balances_covers_no_day(
    define: Any, bring: Any
) -> None:
    interim = define("interim", format="mt940")
    report = ":20:X\r\n:25:NL91HRBR0417230200\r\n:28C:1\r\n:34F:EUR0,00\r\n-\r\n"
    batch = bring(interim, report).batch
    assert (batch.starts_on, batch.ends_on) == (None, None)
    assert batch.statements[0]["ties"] is None


def test_rejected_lines_are_kept_with_line_field_and_reason(sales: Source, bring: Any) -> None:
    outcome = bring(sales, table(ANNA, BROKEN, "L-5,2023-13-01,1.00,,,,"))
    assert (outcome.batch.line_count, outcome.batch.rejected_count) == (1, 2)
    kept = list(RejectedLine.objects.values_list("line", "field"))
    assert kept == [(3, "amount"), (4, "booked_on")]
    for line in RejectedLine.objects.all():
        assert line.reason.endswith(".")
        assert "seven" not in line.reason


@pytest.mark.parametrize(
    ("field", "column", "limit"), [("reference", 3, 200), ("external_id", 0, 200)]
)
def test_texts_longer_than_their_column_reject_the_line_alone(
    field: str, column: int, limit: int, sales: Source, bring: Any
) -> None:
    cells = BERT.split(",")
    cells[column] = "x" * limit
    fits = ",".join(cells)
    cells[column] = "x" * (limit + 1)
    outcome = bring(sales, table(ANNA, ",".join(cells), fits))
    assert outcome.batch.line_count == 2
    line = RejectedLine.objects.get()
    assert (line.line, line.field) == (3, field)
    assert line.reason == f"This is longer than {limit} characters."


def test_a_statement_no_longer_ties_without_the_line_that_was_too_long(
    define: Any, bring: Any
) -> None:
    columns = {"booked_on": "date", "amount": "amount", "balance": "left", "reference": "ref"}
    ledger = define(
        "card",
        format="csv",
        mapping={"columns": columns, "constants": {"currency": "EUR"}, "decimal": "."},
    )
    text = f"date,amount,left,ref\n2023-04-03,10.00,110.00,A\n2023-04-04,5.00,115.00,{'b' * 201}\n"
    batch = bring(ledger, text).batch
    (facts,) = batch.statements
    assert (facts["lines"], facts["total"], facts["ties"]) == (1, "10.00", False)


def test_a_text_that_cannot_be_stored_is_no_crash(define: Any, bring: Any) -> None:
    jobs = define("jobs", format="json", mapping={**MAPPING, "separator": None})
    for hostile in ("\\u0000", "\\ud800"):
        rows = [{"id": f"a{hostile}", "date": "2023-04-03", "amount": "1.00", "text": hostile}]
        content = json.dumps(rows).replace("\\\\", "\\")
        outcome = bring(jobs, content)
        assert outcome.failure is not None or outcome.batch.rejected_count == 1
    assert not Record.objects.exists()


def test_quotation_marks_line_ends_and_backslashes_come_through(sales: Source, bring: Any) -> None:
    bring(sales, table('L-9,2023-04-03,1.00,"a""b","Né\\n ""Q""","two\nlines; \\.\tend",'))
    frame = records_frame(source_ids=[sales.pk])
    row = frame.row(0, named=True)
    assert (row["reference"], row["counterparty"]) == ('a"b', 'Né\\n "Q"')
    assert row["narrative"] == "two\nlines; \\.\tend"


def test_amounts_of_any_size_stay_exact(sales: Source, bring: Any) -> None:
    lines = [f"L-{n},2023-04-03,99999999999999.99,,,," for n in range(1, 1501)]
    batch = bring(sales, table(*lines)).batch
    total = Decimal("99999999999999.99") * 1500
    assert batch.control_totals == {"EUR": str(total)}  # past what 64 bits could add up
    assert Record.objects.last().amount == Decimal("99999999999999.99")


def refused_files() -> list[Any]:
    other = statement(account="NL02ABNA0123456789")
    return [
        pytest.param("sales", b"", "EMPTY_FILE", None, "", id="empty"),
        pytest.param("sales", b"\x00\x01\x02", None, None, "", id="binary"),
        pytest.param(
            "sales", b"id,date\nL-1,2023-04-03\n", "COLUMN_MISSING", None, None, id="column"
        ),
        pytest.param(
            "sales", table(ANNA, 'L-2,2023-04-04,1.00,"x,y,z,'), "MALFORMED_FILE", 3, "", id="quote"
        ),
        pytest.param("bank", other.encode(), "FILE_REFUSED", None, "account", id="other account"),
        pytest.param("bank", b":20:START\r\n:25:X\r\n", "MALFORMED_FILE", None, None, id="cut off"),
    ]


@pytest.mark.parametrize(("code", "content", "expected", "line", "field"), refused_files())
def test_a_refused_file_leaves_its_record_its_event_and_its_original(
    code: str,
    content: bytes,
    expected: str | None,
    line: int | None,
    field: str | None,
    request: Any,
    bring: Any,
    table_counts: Any,
) -> None:
    source = request.getfixturevalue(code)
    before = table_counts()
    outcome = bring(source, content, "strange.bin")
    assert outcome.batch is None
    failure = FailedImport.objects.get()
    assert outcome.failure == failure
    assert expected in (None, failure.code)
    assert line in (None, failure.line)
    assert field in (None, failure.field)
    assert failure.message
    assert failure.remedy
    assert (failure.filename, failure.size_bytes) == ("strange.bin", len(content))
    assert original_of(failure) == content
    event = Event.objects.get(action="ingestion.batch.refuse")
    assert event.subject_id == str(failure.pk)
    after = table_counts()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"ingestion_failedimport", "audit_event"}


def test_each_attempt_with_a_refused_file_is_on_record(sales: Source, bring: Any) -> None:
    for _ in range(2):
        bring(sales, b"id,date\n")
    assert FailedImport.objects.count() == 2
    assert Event.objects.filter(action="ingestion.batch.refuse").count() == 2
    names = set(FailedImport.objects.values_list("original_name", flat=True))
    assert len(names) == 1


def test_a_mapping_that_went_bad_refuses_the_file(sales: Source, bring: Any, connie: Any) -> None:
    from django.db import transaction

    from apps.audit.services import record

    with transaction.atomic():
        sales.mapping = {"columns": {"date": "booked_on"}}  # as an older version may have left it
        sales.save()
        record(actor=connie, action="ingestion.source.remap", subject=sales)
    failure = bring(sales, table(ANNA)).failure
    assert failure.field == "mapping"
    assert "columns.date" in failure.message


def test_a_statement_of_the_own_account_passes_however_it_is_written(
    bank: Source, bring: Any
) -> None:
    spaced = statement(account="nl91 hrbr 0417 2302 00")
    assert bring(bank, spaced).failure is None


def test_the_original_is_kept_sealed(sales: Source, bring: Any) -> None:
    content = table(ANNA)
    batch = bring(sales, content).batch
    assert original_of(batch) == content
    with default_storage.open(batch.original_name) as stored:
        raw = stored.read()
    assert b"Anna" not in raw
    assert len(raw) > len(content)


@pytest.mark.parametrize("left_behind", [b"", b"\x01half a file", None])
def test_half_an_original_is_never_taken_for_the_whole(
    left_behind: bytes | None, sales: Source, bring: Any
) -> None:
    import hashlib

    from apps.ingestion.states import ORIGINAL_LABEL
    from apps.privacy.selectors import key_ring

    content = table(ANNA, CORA)
    if left_behind is None:  # well sealed, but not these bytes
        left_behind = key_ring().seal(b"something else", ORIGINAL_LABEL)
    name = f"imports/{sales.entity_id}/{sales.pk}/{hashlib.sha256(content).hexdigest()}"
    default_storage.save(name, ContentFile(left_behind))
    batch = bring(sales, content).batch
    assert batch.original_name != name
    assert original_of(batch) == content


def test_a_long_file_name_keeps_its_end(sales: Source, bring: Any) -> None:
    batch = bring(sales, table(ANNA), "x" * 300 + ".csv").batch
    assert len(batch.filename) == 255
    assert batch.filename.endswith(".csv")


@pytest.mark.parametrize("who", ["rita", "bob", "otto", "ada"])
def test_who_may_not_import(who: str, request: Any, sales: Source, table_counts: Any) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(NotPermitted):
        import_file(source_id=sales.pk, filename="f", content=table(ANNA), actor=actor)
    assert table_counts() == before


@pytest.mark.parametrize("who", ["charlie", "victor"])
def test_a_stranger_finds_no_source(who: str, request: Any, sales: Source) -> None:
    with pytest.raises(NotVisible):
        import_file(
            source_id=sales.pk,
            filename="f",
            content=table(ANNA),
            actor=request.getfixturevalue(who),
        )
    assert not Batch.objects.exists()
    assert not FailedImport.objects.exists()


@pytest.mark.parametrize("who", ["alice", "connie", "ivy"])
def test_who_may_import(who: str, request: Any, sales: Source) -> None:
    outcome = import_file(
        source_id=sales.pk,
        filename="f",
        content=table(ANNA),
        actor=request.getfixturevalue(who),
    )
    assert outcome.batch.imported_by.username == who

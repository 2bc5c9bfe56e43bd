"""What bulk tables refer to is there, belongs together, and stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.common import bulk_checks
from apps.common.guards import guards
from apps.reconciliation.models import Break, BreakItem, MatchGroup, Run

Counts = Callable[[], dict[str, int]]

_RECORD = """
    INSERT INTO ingestion_record (entity_id, source_id, batch_id, line, external_id, account,
      booked_on, amount, currency, reference, position, content_key, occurrence)
    SELECT {entity}, {source}, {batch}, line, external_id, account, booked_on, amount, currency,
      reference, position, content_key, 99 FROM ingestion_record
"""
_OTHER_SOURCE = "(SELECT max(id) FROM ingestion_source WHERE id <> ingestion_record.source_id)"
_GROUP = """
    INSERT INTO reconciliation_matchgroup (run_id, number, pass_name, status, currency, left_total,
      right_total, difference, left_ids, right_ids, reasons, revision_id)
    SELECT {run}, number + 1000, pass_name, status, currency, left_total, right_total, difference,
      {left}, {right}, reasons, {revision} FROM reconciliation_matchgroup
"""

_BREAK = """
    INSERT INTO reconciliation_break (run_id, number, cause, state, currency, left_total,
      right_total, amount, is_material, reason, evidence, revision_id)
    SELECT {run}, number + 1000, cause, state, currency, left_total, right_total, amount,
      is_material, reason, evidence, {revision} FROM reconciliation_break
"""
_BREAK_ITEM = """
    INSERT INTO reconciliation_breakitem (broken_id, record_id, side)
    SELECT {broken}, {record}, side FROM reconciliation_breakitem
"""
THE_COPY = """
    (SELECT fresh.id FROM reconciliation_break AS fresh JOIN reconciliation_break AS former
       ON fresh.run_id = former.run_id AND fresh.number = former.number + 1000
     WHERE former.id = broken_id)
"""


def record(entity: str = "entity_id", source: str = "source_id", batch: str = "batch_id") -> str:
    return _RECORD.format(entity=entity, source=source, batch=batch)


def group(
    run: str = "run_id",
    revision: str = "NULL",
    left: str = "left_ids",
    right: str = "right_ids",
) -> str:
    return _GROUP.format(run=run, revision=revision, left=left, right=right)


@pytest.mark.parametrize(
    "statement",
    [
        record(batch="-1"),
        record(entity="-1"),
        record(source="-1"),
        record(source=_OTHER_SOURCE),
        # One stray row among good ones is enough.
        record(batch="CASE WHEN line = 2 THEN -1 ELSE batch_id END"),
        group(run="-1"),
        group(revision="-1"),
        group(left="ARRAY[-1]"),
        group(right="right_ids || NULL::bigint"),
        group(right="ARRAY[NULL]::bigint[]"),
        group(left="CASE WHEN number = 1 THEN left_ids || -1::bigint ELSE left_ids END"),
        _BREAK.format(run="-1", revision="NULL"),
        _BREAK.format(run="run_id", revision="-1"),
        _BREAK_ITEM.format(broken="-1", record="record_id"),
        _BREAK_ITEM.format(broken="broken_id", record="-record_id"),
    ],
)
def test_rows_that_refer_to_nothing_are_refused(
    april: Run, table_counts: Counts, statement: str
) -> None:
    before = table_counts()
    with pytest.raises(IntegrityError, match="refer to no row of"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
    assert table_counts() == before


@pytest.mark.parametrize(
    "which",
    ["true", "line = 2", "id = (SELECT max(id) FROM ingestion_record)"],
    ids=["all", "some", "one"],
)
def test_the_same_content_twice_is_refused(april: Run, table_counts: Counts, which: str) -> None:
    before = table_counts()
    again = record().replace("99 FROM", "occurrence FROM")
    with pytest.raises(IntegrityError, match="are there already"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"{again} WHERE {which}")
    assert table_counts() == before


@pytest.mark.parametrize(
    "statement",
    [
        group(left="'{}'", right="'{}'"),
        group(left="left_ids || left_ids"),
        group(right="left_ids"),
        group(left="left_ids || left_ids || right_ids"),
        group(left="CASE WHEN number = 1 THEN right_ids ELSE left_ids END"),
    ],
)
def test_groups_that_hold_nothing_or_a_record_twice_are_refused(
    april: Run, table_counts: Counts, statement: str
) -> None:
    before = table_counts()
    refusal = "hold nothing, or something twice"
    with pytest.raises(IntegrityError, match=refusal), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
    assert table_counts() == before


def test_rows_that_refer_to_what_is_there_are_taken(april: Run) -> None:
    count, breaks = MatchGroup.objects.count(), Break.objects.count()
    items = BreakItem.objects.count()
    assert min(count, breaks, items) > 0
    with connection.cursor() as cursor:
        cursor.execute(group())
        cursor.execute(
            group(left="left_ids || right_ids", right="'{}'").replace("+ 1000", "+ 2000")
        )
        cursor.execute(record())
        cursor.execute(_BREAK.format(run="run_id", revision="NULL"))
        cursor.execute(_BREAK_ITEM.format(broken=THE_COPY, record="record_id"))
    assert MatchGroup.objects.count() == 4 * count
    assert (Break.objects.count(), BreakItem.objects.count()) == (2 * breaks, 2 * items)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM reconciliation_run",
        "TRUNCATE reconciliation_run CASCADE",
        "DELETE FROM ingestion_batch",
        "SET LOCAL session_replication_role = replica; DELETE FROM reconciliation_run",
    ],
)
def test_what_is_referred_to_stays(april: Run, table_counts: Counts, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    before = table_counts()
    refusal = r"is kept|append-only|permission denied to set parameter"
    with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
    assert table_counts() == before


def test_every_reference_without_a_constraint_is_checked_at_once() -> None:
    """A bulk table that gives up a constraint and forgets the check would be found here."""
    from django.apps import apps as registry

    checked = {(guard.table, guard.function) for guard in guards()}
    loose = [
        (model._meta.db_table, field.column)
        for model in registry.get_models()
        if model.__module__.startswith("apps.") and not hasattr(model, "history_type")
        for field in model._meta.local_fields
        if field.is_relation and not getattr(field, "db_constraint", True)
    ]
    assert loose
    for table, column in loose:
        assert any(at == table and f'fresh."{column}"' in call for at, call in checked), (
            f"{table}.{column} is checked by nothing"
        )


@pytest.mark.parametrize(
    ("mark", "fault"),
    [
        (bulk_checks.refers_at_once("number"), "MatchGroup.number refers to no model"),
        (bulk_checks.refers_at_once("revocation"), "MatchGroup.revocation is no column"),
    ],
)
def test_a_mark_that_names_no_reference_is_a_fault(
    mark: Callable[[type[MatchGroup]], object], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bulk_checks.BULK_CHECKS, MatchGroup, [])
    mark(MatchGroup)
    with pytest.raises(TypeError, match=fault):
        guards()

"""Rows of match items, as they were once stored, go into the arrays of their groups."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.migrations.exceptions import IrreversibleError

from apps.reconciliation.models import MatchGroup, Run

MIGRATION = importlib.import_module("apps.reconciliation.migrations.0010_groups_hold_their_records")
ROWS = """
    CREATE TABLE reconciliation_matchitem AS
    SELECT run_id, number AS group_number, record_id, side, amount AS allocated
    FROM (SELECT run_id, number, unnest(left_ids) AS record_id, 'left' AS side
          FROM reconciliation_matchgroup
          UNION ALL
          SELECT run_id, number, unnest(right_ids), 'right' FROM reconciliation_matchgroup) AS held
    JOIN ingestion_record ON ingestion_record.id = held.record_id
    ORDER BY record_id DESC
"""
EMPTIED = """
    ALTER TABLE reconciliation_matchgroup DISABLE TRIGGER USER;
    UPDATE reconciliation_matchgroup SET left_ids = '{}', right_ids = '{}'
"""


def members() -> dict[int, list[tuple[str, int]]]:
    return {group.number: list(group.members) for group in MatchGroup.ever.all()}


def move() -> None:
    with connection.schema_editor() as editor:
        MIGRATION.move(apps, editor)


@pytest.fixture
def as_it_was(april: Run) -> dict[int, list[tuple[str, int]]]:
    """The groups hold nothing and rows say what they hold; gives what that is."""
    expected = members()
    assert expected
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(ROWS)
        cursor.execute(EMPTIED)
    assert not any(members().values())
    return expected


def test_each_group_gets_the_records_of_its_rows(
    as_it_was: dict[int, list[tuple[str, int]]],
) -> None:
    move()
    assert members() == as_it_was


def test_the_guard_stands_again(as_it_was: dict[int, list[tuple[str, int]]]) -> None:
    move()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        MatchGroup.ever.update(left_ids=[])
    assert members() == as_it_was


def test_another_amount_than_the_records_own_stops_it(
    as_it_was: dict[int, list[tuple[str, int]]],
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE reconciliation_matchitem SET allocated = allocated + 1"
            " WHERE ctid = (SELECT min(ctid) FROM reconciliation_matchitem)"
        )
    with pytest.raises(RuntimeError, match="1 match items were allotted"):
        move()
    assert not any(members().values())


def test_a_row_without_a_group_stops_it(as_it_was: dict[int, list[tuple[str, int]]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reconciliation_matchitem SELECT run_id, 999, record_id, side, allocated"
            " FROM reconciliation_matchitem LIMIT 1"
        )
    with (
        pytest.raises(RuntimeError, match="1 match items belong to no group"),
        transaction.atomic(),
    ):
        move()
    assert not any(members().values())


def test_there_is_no_way_back_with_groups(april: Run) -> None:
    with connection.schema_editor() as editor, pytest.raises(IrreversibleError):
        MIGRATION.refuse(apps, editor)

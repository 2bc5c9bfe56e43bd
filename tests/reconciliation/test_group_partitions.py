"""Runs whose groups lie in a partition of their own: the same outcome, and people work on it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from django.db import IntegrityError, connection, transaction

from apps.common.partitions import IDS_EACH, copy_rows
from apps.identity.models import User
from apps.reconciliation.models import MatchGroup, Run
from apps.reconciliation.services import force_match, unmatch_group
from tests.reconciliation.conftest import Pair
from tests.reconciliation.test_revisions import numbered, proved

DAYS = [("INV-1", "03", "100.00"), ("INV-2", "04", "50.00"), ("INV-3", "05", "7.00")]


@pytest.fixture
def divided(pair: Pair, settings: Any) -> Run:
    """A run over April with three matches, each table's rows in partitions of their own."""
    settings.OWN_PARTITION_FROM = 1
    pair.bring("left", *DAYS)
    pair.bring("right", *DAYS)
    return pair.run()


def facts(run: Run) -> list[tuple[Any, ...]]:
    fields = ("left_total", "pass_name", "status", "right_total", "reasons")
    rows = MatchGroup.ever.filter(run=run).values_list(*fields)
    return [(*row, tuple(reasons)) for *row, reasons in rows]


def test_groups_are_the_same_wherever_they_lie(divided: Run, pair: Pair, settings: Any) -> None:
    assert {group.pk // IDS_EACH for group in MatchGroup.objects.filter(run=divided)} != {0}
    settings.OWN_PARTITION_FROM = 200_000
    for side in ("left", "right"):
        pair.bring(side, ("INV-4", "06", "9.00"))
    again = pair.run()
    assert {group.pk // IDS_EACH for group in MatchGroup.objects.filter(run=again)} == {0}
    assert len(facts(divided)) == 3
    assert set(facts(divided)) < set(facts(again))


def test_people_work_on_it(divided: Run, rita: User) -> None:
    taken_back = numbered(divided, "INV-2")
    done = unmatch_group(run_id=divided.pk, number=taken_back, reason="Not theirs", actor=rita)
    assert proved(divided)
    made = force_match(
        run_id=divided.pk,
        break_ids=[broken.pk for broken in done.breaks],
        reason="Theirs after all",
        actor=rita,
    ).group
    assert made is not None
    assert proved(divided)
    # What people make are few rows: they share the first partition, and the run has both.
    assert (made.pk < IDS_EACH, made.number) == (True, 4)
    assert {each.number for each in MatchGroup.objects.filter(run=divided)} == {1, 2, 3, 4} - {
        taken_back
    }


ROW = {
    "pass_name": "by hand",
    "status": "forced",
    "currency": "EUR",
    "left_total": 0,
    "right_total": 0,
    "difference": 0,
    "reasons": "[]",
}
WRONG: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a number that is there": ([{"number": 1}], "are there already"),
    "a number twice": ([{"number": 90}, {"number": 90}], "could not create unique index"),
    "no such run": ([{"number": 90, "run_id": -1}], "refer to no row of reconciliation_run"),
    "no such revision": (
        [{"number": 90, "revision_id": -1}],
        "refer to no row of reconciliation_revision",
    ),
    "no such record": ([{"number": 90, "right_ids": "{-1}"}], "refer to no row of ingestion_rec"),
    "a record twice": ([{"number": 90, "right_ids": "{left}"}], "hold nothing, or something"),
    "nothing": ([{"number": 90, "left_ids": "{}"}], "hold nothing, or something"),
    "two that do not add up": ([{"number": 90, "difference": 1}], "group_difference_adds_up"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_groups_that_do_not_hold_together_are_refused_as_a_whole(
    wrong: str, divided: Run, table_counts: Any
) -> None:
    changes, refusal = WRONG[wrong]
    record = MatchGroup.objects.earliest("pk").left_ids[0]
    given = {"run_id": divided.pk, "left_ids": f"{{{record}}}", "right_ids": "{}"}
    good = {**ROW, **given, "number": 80, "revision_id": None}
    rows = [good, *({**good, **change} for change in changes)]
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("right_ids").str.replace("left", str(record), literal=True)
    )
    before = table_counts()
    with pytest.raises(IntegrityError, match=refusal):
        copy(frame)
    assert table_counts() == before
    copy(frame.head(1))
    assert MatchGroup.objects.get(run=divided, number=80).left_ids == [record]


def copy(frame: pl.DataFrame) -> None:
    with transaction.atomic():
        copy_rows(MatchGroup, frame, *frame.columns)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO reconciliation_grouprevocation (group_id, revision_id)"
        " VALUES (-1, {revision})",
        "INSERT INTO reconciliation_writeoff (run_id, group_id, entry_id, currency, amount, reason,"
        " proposed_by_id) VALUES ({run}, -1, -1, 'EUR', 1, '', {actor})",
    ],
)
def test_what_names_a_group_names_one_that_is_there(
    statement: str, divided: Run, rita: User, table_counts: Any
) -> None:
    revised = unmatch_group(run_id=divided.pk, number=1, reason="Not theirs", actor=rita)
    ids = {"run": divided.pk, "revision": revised.revision.pk, "actor": rita.pk}
    before = table_counts()
    refusal = "refer to no row of reconciliation_matchgroup"
    with pytest.raises(IntegrityError, match=refusal), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement.format(**ids))
    assert table_counts() == before

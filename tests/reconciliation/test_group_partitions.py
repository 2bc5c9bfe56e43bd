"""Runs whose groups lie in a partition of their own: the same outcome, and people work on it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from apps.common import partitions
from apps.common.bulk_checks import IDS_EACH, holding
from apps.common.partitions import copy_rows
from apps.identity.models import User
from apps.reconciliation.matching import NotOptimal
from apps.reconciliation.models import MatchGroup, Run
from apps.reconciliation.services import bulk, execute_run, force_match, unmatch_group
from apps.reconciliation.states import RunStatus
from tests.faults import Trap, die_at
from tests.reconciliation.conftest import Pair
from tests.reconciliation.test_revisions import numbered, proved

DAYS = [("INV-1", "03", "100.00"), ("INV-2", "04", "50.00"), ("INV-3", "05", "7.00")]


@pytest.fixture
def divided(pair: Pair, settings: Any) -> Run:
    """A run over April with three matches, each table's rows in partitions of their own."""
    settings.OWN_PARTITION_FROM = 2  # three groups are too few for two hands
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
    "no such record": ([{"number": 90, "right_ids": "{-1}"}], "1 rows of .* no row of ingestion_"),
    "records behind the last of a partition": (
        [{"number": 90, "right_ids": "{behind}"}, {"number": 91, "right_ids": "{left,behind}"}],
        "2 rows of .* refer to no row of ingestion_record",
    ),
    "a record of a partition that is not there": (
        [{"number": 90, "right_ids": f"{{{99 * IDS_EACH}}}"}],
        "1 rows of .* refer to no row of ingestion_record",
    ),
    "a record twice": ([{"number": 90, "right_ids": "{left}"}], "hold nothing, or something"),
    "nothing": ([{"number": 90, "left_ids": "{}"}], "hold nothing, or something"),
    "two that do not add up": ([{"number": 90, "difference": 1}], "group_difference_adds_up"),
}


@pytest.mark.parametrize("ids", ["lists", "texts"])
@pytest.mark.parametrize("wrong", WRONG)
def test_groups_that_do_not_hold_together_are_refused_as_a_whole(
    wrong: str, ids: str, divided: Run, table_counts: Any
) -> None:
    changes, refusal = WRONG[wrong]
    record = MatchGroup.objects.earliest("pk").left_ids[0]
    given = {"run_id": divided.pk, "left_ids": f"{{{record}}}", "right_ids": "{}"}
    good = {**ROW, **given, "number": 80, "revision_id": None}
    rows = [good, *({**good, **change} for change in changes)]
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("right_ids")
        .str.replace("left", str(record), literal=True)
        .str.replace("behind", str(record + 3), literal=True)
    )
    if ids == "lists":
        frame = as_lists(frame)
    before = table_counts()
    with pytest.raises(IntegrityError, match=refusal):
        copy(frame)
    assert table_counts() == before
    with CaptureQueriesContext(connection) as asked:
        copy(pl.concat([frame.head(1), frame.head(1).with_columns(pl.col("number") + 1)]))
    # What the frame proves the database is not asked: but for the ends of the ids.
    assert any(each["sql"].startswith("WITH ends") for each in asked) == (ids == "texts")
    assert MatchGroup.objects.get(run=divided, number=80).left_ids == [record]


def as_lists(frame: pl.DataFrame) -> pl.DataFrame:
    """Ids as a run has them, not as texts that the database reads."""
    return frame.with_columns(
        pl.col(name).str.extract_all(r"-?\d+").cast(pl.List(pl.Int64))
        for name in ("left_ids", "right_ids")
    )


@pytest.mark.parametrize("most", [100_000, 1], ids=["looked for", "asked about"])
@pytest.mark.parametrize("wrong", [False, True], ids=["there", "missing"])
def test_records_of_the_first_partition_are_looked_for_one_by_one(
    most: int, wrong: bool, pair: Pair, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ids may have gaps: the least and the greatest do not stand for what lies between."""
    monkeypatch.setattr(holding, "_MOST_LOOKED_FOR", most)
    pair.bring("left", *DAYS)
    pair.bring("right", *DAYS)
    run = pair.run()
    named = [pk for group in MatchGroup.objects.filter(run=run) for pk in sorted(group.record_ids)]
    assert len(named) == 6
    assert max(named) < IDS_EACH
    settings.OWN_PARTITION_FROM = 1
    if wrong:
        named[3] = max(named) + 1
    rows = [
        {**ROW, "run_id": run.pk, "number": 90 + number, "left_ids": [pk], "right_ids": []}
        for number, pk in enumerate(named)
    ]
    frame = pl.DataFrame(rows, schema_overrides={"right_ids": pl.List(pl.Int64())})
    if wrong:
        with pytest.raises(IntegrityError, match=r"1 rows of .* no row of ingestion_rec"):
            copy(frame)
    else:
        copy(frame)
        assert MatchGroup.objects.filter(run=run).count() == 9


LISTS = st.none() | st.lists(st.sampled_from([1, 2, 3, IDS_EACH, None]), max_size=3)


@given(st.lists(st.tuples(LISTS, LISTS), min_size=1, max_size=4))
def test_lists_are_held_once_or_not(rows: list[tuple[list[int | None] | None, ...]]) -> None:
    schema = {"left_ids": pl.List(pl.Int64()), "right_ids": pl.List(pl.Int64())}
    found = holding._held_once(pl.DataFrame(rows, schema=schema, orient="row"))
    each = [[*(left or ()), *(right or ())] for left, right in rows]
    holds = all(ids and None not in ids and len(set(ids)) == len(ids) for ids in each)
    assert (found is not None) == holds
    if found is not None:
        assert sorted(found) == sorted(pk for ids in each for pk in ids if pk is not None)


def copy(frame: pl.DataFrame, hands: int = 1) -> None:
    with transaction.atomic():
        copy_rows(MatchGroup, frame, *frame.columns, hands=hands)


def test_what_all_rows_refer_to_is_there(divided: Run, table_counts: Any) -> None:
    """A column that is the same in all rows is asked about once."""
    record = MatchGroup.objects.earliest("pk").left_ids[0]
    row = {**ROW, "left_ids": f"{{{record}}}", "right_ids": "{}"}
    frame = pl.DataFrame([{**row, "number": number} for number in (90, 91)])
    before = table_counts()
    refusal = "refer to no row of reconciliation_run"
    with pytest.raises(IntegrityError, match=refusal), transaction.atomic():
        copy_rows(MatchGroup, frame, *frame.columns, same={"run_id": -1})
    assert table_counts() == before
    with transaction.atomic():
        copy_rows(MatchGroup, frame, *frame.columns, same={"run_id": divided.pk})
    assert MatchGroup.objects.filter(run=divided).count() == 5


def test_numbers_may_have_gaps(divided: Run) -> None:
    record = MatchGroup.objects.earliest("pk").left_ids[0]
    row = {**ROW, "run_id": divided.pk, "left_ids": f"{{{record}}}", "right_ids": "{}"}
    copy(pl.DataFrame([{**row, "number": number} for number in (95, 90, 97)]))
    numbers = MatchGroup.objects.filter(run=divided).values_list("number", flat=True)
    assert list(numbers.order_by("pk")) == [1, 2, 3, 95, 90, 97]


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


# --- Two hands ---------------------------------------------------------------------------------


@pytest.fixture
def two_hands(pair: Pair, settings: Any, tmp_path: Any) -> Iterator[Pair]:
    """However few the groups are, each hand stores its half of them in a partition of its own."""
    drop_partitions()
    settings.OWN_PARTITION_FROM = 1
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    }
    pair.bring("left", *DAYS)
    pair.bring("right", *DAYS)
    yield pair
    drop_partitions()


def drop_partitions() -> None:
    """What transactions of tests have committed stays in the database of the tests."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relname ~ '^(reconciliation_matchgroup|ingestion_record)_p[1-9]'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE {name}")


def tables() -> list[bool]:
    """Of each table of groups besides the first partition, whether it is a partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relispartition FROM pg_class WHERE relkind = 'r'"
            " AND relname ~ '^reconciliation_matchgroup_p[1-9]' ORDER BY 1"
        )
        return [is_partition for (is_partition,) in cursor.fetchall()]


@pytest.mark.django_db(transaction=True)
def test_two_hands_store_what_one_does(two_hands: Pair, settings: Any) -> None:
    halved = two_hands.run()
    assert tables() == [True, True]
    numbers = {
        group.number: group.pk // IDS_EACH for group in MatchGroup.objects.filter(run=halved)
    }
    assert numbers[1] != numbers[2] == numbers[3]
    assert proved(halved)
    before = facts(halved)
    settings.OWN_PARTITION_FROM = 200_000
    two_hands.bring("left", ("INV-9", "09", "1.00"))
    two_hands.bring("right", ("INV-9", "09", "1.00"))
    assert set(before) < set(facts(two_hands.run()))
    assert len(before) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wrong", ["this one's", "the other's", "both halves'", "what is there"])
def test_if_either_half_is_refused_both_are(wrong: str, two_hands: Pair) -> None:
    run = two_hands.run()
    record = MatchGroup.objects.earliest("pk").left_ids[0]
    good = {**ROW, "run_id": run.pk, "left_ids": f"{{{record}}}", "right_ids": "{}"}
    numbers = {
        "this one's": (80, 80, 81, 82),
        "the other's": (80, 81, 82, 82),
        "both halves'": (80, 81, 81, 82),
        "what is there": (80, 81, 82, 3),
    }[wrong]
    frame = pl.DataFrame([{**good, "number": number} for number in numbers])
    before = MatchGroup.ever.count()
    with pytest.raises(IntegrityError, match=r"could not create unique index|are there already"):
        copy(frame, hands=2)
    assert MatchGroup.ever.count() == before
    # What the other hand had ready is a stray table then; the next ones who come drop it.
    assert sum(tables()) == 2
    copy(pl.DataFrame([{**good, "number": number} for number in (90, 91)]), hands=2)
    assert tables() == [True] * 4
    assert MatchGroup.ever.count() == before + 2


@pytest.mark.django_db(transaction=True)
def test_what_another_is_about_to_attach_is_no_stray(
    two_hands: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = two_hands.run()
    record = MatchGroup.objects.earliest("pk").left_ids[0]
    good = {**ROW, "run_id": run.pk, "left_ids": f"{{{record}}}", "right_ids": "{}"}
    attach = partitions._attach
    seen: list[list[bool]] = []

    def dropped_first(partition: Any) -> None:
        """Before it attaches anything, another transaction looks for strays."""
        if not seen:
            with ThreadPoolExecutor(1) as beside:
                seen.append(beside.submit(strays_dropped).result())
        attach(partition)

    monkeypatch.setattr(partitions, "_attach", dropped_first)
    copy(pl.DataFrame([{**good, "number": number} for number in (80, 81)]), hands=2)
    assert seen == [[False, True, True]]  # of its own table it does not see anything yet
    assert tables() == [True] * 4


def strays_dropped() -> list[bool]:
    """What tables another connection sees after it looked for strays."""
    try:
        with transaction.atomic():
            partitions._drop_strays("reconciliation_matchgroup")
        return tables()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("trap", "strays"),
    [
        (Trap(partitions.__name__, "_reserved"), 0),
        (Trap(partitions.__name__, "_attach", is_after=False), 1),
        (Trap(partitions.__name__, "_attach"), 1),
        (Trap("apps.reconciliation.services.completion", "store_outcome"), 1),
    ],
    ids=["reserved", "about to be attached", "one is attached", "both are"],
)
def test_killed_with_two_hands_nothing_is_there(trap: Trap, strays: int, two_hands: Pair) -> None:
    queued = two_hands.start()
    die_at(trap, "apps.reconciliation.services.runs.execute_run", run_id=queued.pk)
    assert not MatchGroup.ever.exists()
    assert tables() == [False] * strays
    assert execute_run(run_id=queued.pk).status == RunStatus.COMPLETED
    assert MatchGroup.objects.count() == 3
    assert tables() == [True, True]


@pytest.mark.django_db(transaction=True)
def test_if_what_goes_on_meanwhile_fails_no_hand_has_stored_anything(
    two_hands: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = two_hands.start()

    def fail(*_: Any) -> None:
        raise NotOptimal("the pass Exact found no best assignment")

    monkeypatch.setattr(bulk, "_store_breaks", fail)
    failed = execute_run(run_id=run.pk)
    assert (failed.status, failed.failure) == (
        RunStatus.FAILED,
        "the pass Exact found no best assignment",
    )
    assert not MatchGroup.ever.exists()
    assert tables() == [False]  # what the other hand had ready: the next ones who come drop it
    monkeypatch.undo()
    assert proved(two_hands.run())
    assert MatchGroup.objects.filter(run__status=RunStatus.COMPLETED).count() == 3

"""Tables in partitions: what comes in at once by the hundred thousand lies in one of its own.

Rows that are copied into a new table cost neither log nor index upkeep: its indexes are built once,
over all of them, and it appears in the parent table when its transaction commits. All other rows
share the first partition. A partition holds the ids from its number times IDS_EACH on, so that a
row is found by its id at once; ids do not tell which of two rows came first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import polars as pl
from django.conf import settings
from django.db import connection, models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from apps.common.advisory import lock_exclusive, try_lock_exclusive
from apps.common.bulk_checks import IDS_EACH, Partition, compare_partition, examine_partition
from apps.common.frames import copy_in
from apps.common.guards import guard_partition

MOST_PARTITIONS: Final = 200
"""What names no id has to look into each of them; beyond so many the first takes all rows."""

_INDEX: Final = "row of the copy"  # no column of ours has a space in its name
_MEMORY: Final = "64MB"
"""For a question: six times as much, in shared memory, if the database asks it in parallel."""
_STATISTICS: Final = 30
"""A third of the database's own: what looks into a partition names an id, a batch or a run."""
_INDEXES: Final = """
    SELECT pg_get_indexdef(indexrelid), indisprimary FROM pg_index
    WHERE indrelid = %s::regclass ORDER BY indexrelid
"""


def copy_rows(
    model: type[models.Model],
    frame: pl.DataFrame,
    *columns: str | pl.Expr,
    same: Mapping[str, int] | None = None,
    within: Sequence[str] = (),
    hands: int = 1,
    first: int | None = None,
    meanwhile: Callable[[int], None] = lambda stored: None,
) -> int | None:
    """Insert the frame's rows into the table of a partitioned model, as `copy_in` would.

    Many get a partition of their own, and a multiple of many one for each hand. Belongs into a
    transaction.

    Args:
        columns: what is made of each row, under the table's column names, without the id.
        same: columns that are the same in all rows, with what they are. A partition of their own
            has them as constraints, so that queries for other values need not look into it.
        within: columns whose least and greatest such a partition has as a constraint: queries for
            what lies beyond need not look into it either.
        hands: how many connections fill partitions at once. The others than this one see what is
            committed: the rows must refer to nothing that this transaction made.
        first: how many rows fall to this connection, if there are several; else as many as to each.
        meanwhile: what this connection does when its rows are in, while the others are at theirs;
            it is told how many these are.

    Returns:
        The id of the first row, if they lie in one partition of their own: the ids of the others
        follow it, in the order of the frame. None if they lie elsewhere.

    Raises:
        django.db.DatabaseError: the rows do not hold together (`apps.common.bulk_checks`); none
            of them is stored.
    """
    table, same = model._meta.db_table, same or {}
    pieces = _pieces(frame, hands, first)
    if frame.height < settings.OWN_PARTITION_FROM or _count(table) + len(pieces) > MOST_PARTITIONS:
        fixed = [pl.lit(value).alias(column) for column, value in same.items()]
        copy_in(table, frame, *fixed, *columns)
        meanwhile(frame.height)
        return None
    _drop_strays(table)
    is_alone = len(pieces) == 1
    own, *others = [
        Partition(model, _reserved(table), piece, columns, same, within, is_alone)
        for piece in pieces
    ]
    with ThreadPoolExecutor(hands) as beside:
        filled = [beside.submit(_fill_beside, partition) for partition in others]
        _fill(own)
        meanwhile(own.rows.height)
        for each in filled:
            each.result()
    for partition in (own, *others):
        _attach(partition)
    return own.first_id if is_alone else None


def divide(table: str, editor: BaseDatabaseSchemaEditor) -> None:
    """Put a table's rows into the first partition of a new table of its name (for migrations).

    No foreign key may refer to it. Its guards are put in place after the migration.
    """
    first = f"{table}_p0"
    with editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
            [table],
        )
        guards = [name for (name,) in cursor.fetchall()]
        cursor.execute(_INDEXES, [table])
        indexes = cursor.fetchall()
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [table])
        (next_id,) = cursor.fetchone()
    for name in guards:
        editor.execute(f'DROP TRIGGER "{name}" ON "{table}"')
    editor.execute(f'ALTER TABLE "{table}" ALTER id DROP IDENTITY')
    editor.execute(f'ALTER TABLE "{table}" RENAME TO "{first}"')
    for definition, _ in indexes:
        _, name, _ = _index_parts(definition)
        editor.execute(f'ALTER INDEX "{name}" RENAME TO "{name}_p0"')
    editor.execute(
        f'CREATE TABLE "{table}" (LIKE "{first}" INCLUDING DEFAULTS INCLUDING CONSTRAINTS,'
        f" PRIMARY KEY (id)) PARTITION BY RANGE (id)"
    )
    editor.execute(
        f'ALTER TABLE "{table}" ALTER id ADD GENERATED BY DEFAULT AS IDENTITY'
        f" (START WITH {next_id} MAXVALUE {IDS_EACH - 1})"
    )
    for definition, is_primary in indexes:
        if not is_primary:
            editor.execute(definition)  # of the name that the new table has now
    editor.execute(
        f'ALTER TABLE "{table}" ATTACH PARTITION "{first}"'
        f" FOR VALUES FROM (MINVALUE) TO ({IDS_EACH})"
    )
    editor.execute(f'CREATE SEQUENCE "{_counter(table)}" AS bigint OWNED BY "{table}".id')


def _pieces(frame: pl.DataFrame, hands: int, first: int | None) -> list[pl.DataFrame]:
    """What each hand gets; all of it is for one where it would not be worth a partition each."""
    if hands == 1 or frame.height < hands * settings.OWN_PARTITION_FROM:
        return [frame]
    own = -(-frame.height // hands) if first is None else first
    others = frame[own:]
    return [frame[:own], *others.iter_slices(-(-others.height // (hands - 1)))]


def _reserved(table: str) -> int:
    """The next partition; until the transaction ends nobody takes its table for a stray one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s)", [_counter(table)])
        number = int(cursor.fetchone()[0])
    lock_exclusive(_counter(table), number)
    return number


def _fill_beside(partition: Partition) -> None:
    """Fill it by a connection of its own; what does not get attached then is a stray table."""
    try:
        with transaction.atomic():
            _fill(partition)
    finally:
        connection.close()


def _fill(partition: Partition) -> None:
    """Make its table, with all that is in it and about it."""
    name, table, alike = partition.name, partition.table, partition.alike
    _create(partition)
    ids = (pl.col(_INDEX).cast(pl.Int64) + partition.first_id).alias("id")
    copied = [
        column for column in partition.columns if not isinstance(column, str) or column not in alike
    ]
    copy_in(name, partition.rows.with_row_index(_INDEX), ids, *copied, is_new=True)
    with connection.cursor() as cursor:
        for column in (*partition.same, *alike):
            cursor.execute(f'ALTER TABLE "{name}" ALTER "{column}" DROP DEFAULT')
        cursor.execute(f"SET LOCAL default_statistics_target = {_STATISTICS}")
        cursor.execute(f'ANALYZE "{name}"')
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        # Workers beside one that sorts in memory would sort on disk, for no time won.
        cursor.execute("SET LOCAL max_parallel_maintenance_workers = 0")
        cursor.execute(f"SET LOCAL work_mem = '{_MEMORY}'")
        if not partition.is_alone:
            cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
    examine_partition(partition)
    _build_indexes(table, name)
    guard_partition(table, name)


def _create(partition: Partition) -> None:
    """It takes so many rows and no more: once it has them its ids have no gap, and never will.

    What is the same in all of them need not be copied.
    """
    first, name, same = partition.first_id, partition.name, partition.same
    checks = [f"CHECK (id >= {first} AND id < {first + partition.rows.height})"]
    checks += [f'CHECK ("{column}" = {value:d})' for column, value in same.items()]
    checks += [f'CHECK ("{column}" BETWEEN %s AND %s)' for column in partition.within]
    bounds = [bound for column in partition.within for bound in partition.bounds(column)]
    with connection.cursor() as cursor:
        cursor.execute(
            f'CREATE TABLE "{name}" (LIKE "{partition.table}"'
            f" INCLUDING DEFAULTS INCLUDING CONSTRAINTS, {', '.join(checks)})",
            bounds,
        )
        for column, value in (*same.items(), *partition.alike.items()):
            cursor.execute(f'ALTER TABLE "{name}" ALTER "{column}" SET DEFAULT %s', [value])


def _attach(partition: Partition) -> None:
    compare_partition(partition)
    first = partition.first_id
    with connection.cursor() as cursor:
        cursor.execute(
            f'ALTER TABLE "{partition.table}" ATTACH PARTITION "{partition.name}"'
            f" FOR VALUES FROM ({first}) TO ({first + IDS_EACH})"
        )


def _drop_strays(table: str) -> None:
    """Drop what was filled for transactions that did not come to attach it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition"
            " AND pg_table_is_visible(oid) AND relname ~ %s",
            [f"^{table}_p[0-9]+$"],
        )
        for (name,) in cursor.fetchall():
            number = int(name.removeprefix(f"{table}_p"))
            if try_lock_exclusive(_counter(table), number):
                cursor.execute(f'DROP TABLE "{name}"')


def _build_indexes(table: str, name: str) -> None:
    """The parent's indexes, each built once over what is there; attaching finds them."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES, [table])
        for definition, is_primary in cursor.fetchall():
            kind, _, how = _index_parts(definition)
            cursor.execute(
                f'ALTER TABLE "{name}" ADD PRIMARY KEY (id)'
                if is_primary
                else f'{kind} ON "{name}" {how}'
            )


def _index_parts(definition: str) -> tuple[str, str, str]:
    """Of an index's definition: what it creates, its name, and how it is built."""
    found = re.fullmatch(r"(CREATE (?:UNIQUE )?INDEX) (\S+) ON .*? (USING .*)", definition)
    if found is None:
        raise ValueError(f"not the definition of an index: {definition}")
    kind, name, how = found.groups()
    return kind, name, how


def _counter(table: str) -> str:
    """The sequence that numbers its partitions."""
    return f"{table}_partition"


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return int(cursor.fetchone()[0])

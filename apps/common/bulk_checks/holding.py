"""The check of arrays of ids: of rows that are there, and none of them twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl
from django.apps import apps
from django.db import connection, models

from apps.common.bulk_checks.columns import column_of
from apps.common.bulk_checks.partition import IDS_EACH, Partition
from apps.common.bulk_checks.questions import Asked, Question
from apps.common.frames import are_distinct

_ROWS_AT_ONCE: Final = 200_000
_MOST_LOOKED_FOR: Final = 100_000
"""Of the ids in the first partition: if more are named the database looks at its rows itself."""


@dataclass(frozen=True)
class Holding(Asked):
    """Arrays hold ids of rows that are there, and none twice (`holds_at_once`)."""

    fields: tuple[str, ...]
    of: str

    def parent(self, model: type[models.Model]) -> type[models.Model]:
        return apps.get_model(self.of)

    def questions(self, model: type[models.Model], fresh: str) -> list[Question]:
        table = self.parent(model)._meta.db_table
        columns = [f'"{column_of(model, name)}"' for name in self.fields]
        held = " || ".join(columns)
        rows = f'(SELECT id AS holder, unnest({held}) AS id FROM "{fresh}") AS held'  # noqa: S608
        missing = f'NOT EXISTS (SELECT FROM "{table}" AS parent WHERE parent.id = held.id'
        # Ids of a partition have no gap (apps.common.partitions), so what lies between two that
        # are there is there. Only of the first partition, if at all, each is looked for.
        ends = (
            f"SELECT coalesce(id, 0) / {IDS_EACH} AS partition, min(id) AS least, max(id) AS most"  # noqa: S608
            f" FROM {rows} GROUP BY 1"
        )
        in_first = (
            f"SELECT count(*) FROM {rows} WHERE coalesce(id, 0) < {IDS_EACH}"  # noqa: S608
            f" AND {missing} AND parent.id < {IDS_EACH})"
        )
        at_ends = (
            "SELECT count(*) FROM (SELECT unnest(ARRAY[least, most]) AS id FROM ends"  # noqa: S608
            f" WHERE partition > 0) AS held WHERE {missing})"
        )
        astray = (
            f"WITH ends AS MATERIALIZED ({ends}) SELECT CASE WHEN ({at_ends}) = 0"  # noqa: S608
            f" AND CASE WHEN EXISTS (SELECT FROM ends WHERE partition <= 0)"
            f" THEN ({in_first}) = 0 ELSE true END"
            f" THEN 0 ELSE (SELECT count(DISTINCT holder) FROM {rows} WHERE {missing})) END"
        )
        twice = (
            f'SELECT count(*) FROM (SELECT {held} AS ids FROM "{fresh}" OFFSET 0) AS held'  # noqa: S608
            " WHERE CASE WHEN cardinality(ids) = 2 THEN ids[1] = ids[2] ELSE"
            " (SELECT count(DISTINCT id) FROM unnest(ids) AS id) < greatest(cardinality(ids), 1)"
            " END"
        )
        return [
            Question(astray, f"refer to no row of {table}"),
            Question(twice, "hold nothing, or something twice", "check_violation"),
        ]

    def examine(self, partition: Partition) -> None:
        named = self._named(partition)
        if named is None or not self._are_there(partition.model, named):
            super().examine(partition)

    def _named(self, partition: Partition) -> set[int] | None:
        """Ids that are there only if all are that the rows name; None if a row may not hold.

        Ids of a partition have no gap (`apps.common.partitions`): of each its least and its
        greatest stand for what lies between them. Those of the first stand for themselves.
        """
        lists = partition.values(*(column_of(partition.model, name) for name in self.fields))
        if lists is None:
            return None
        alone, ends = set[int](), set[int]()
        for rows in lists.iter_slices(_ROWS_AT_ONCE):
            ids = _held_once(rows)
            if ids is None:
                return None
            alone.update(ids.filter(ids < IDS_EACH).unique())
            if len(alone) > _MOST_LOOKED_FOR:
                return None
            ends.update(_ends(ids.filter(ids >= IDS_EACH)))
        return alone.union(_ends(pl.Series(sorted(ends), dtype=pl.Int64())))

    def _are_there(self, model: type[models.Model], ids: set[int]) -> bool:
        table = self.parent(model)._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT count(*) FROM "{table}" WHERE id = ANY(%s::bigint[])',  # noqa: S608
                [sorted(ids)],
            )
            return bool(cursor.fetchone() == (len(ids),))


def _held_once(rows: pl.DataFrame) -> pl.Series | None:
    """The ids that the rows' lists hold; None if a row may hold none, or one twice."""
    counts = rows.select(pl.sum_horizontal(pl.all().list.len().fill_null(0))).to_series()
    named = rows.with_row_index("holder")
    sides = [named.select("holder", pl.col(name).alias("id")) for name in rows.columns]
    held = pl.concat(sides).filter(pl.col("id").list.len() > 0).explode("id")
    if counts.min() == 0 or held["id"].has_nulls() or not are_distinct(held):
        return None
    return held["id"]


def _ends(ids: pl.Series) -> list[int]:
    """Of each partition, the least and the greatest of the ids."""
    by_partition = ids.to_frame("id").group_by(pl.col("id").alias("partition") // IDS_EACH)
    ends = by_partition.agg(pl.col("id").min().alias("least"), pl.col("id").max().alias("most"))
    return [*ends["least"], *ends["most"]]

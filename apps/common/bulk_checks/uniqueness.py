"""The check that looks at what is stored already: that nothing is there twice."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, models

from apps.common.bulk_checks.columns import column_of, parent_of
from apps.common.bulk_checks.partition import Partition
from apps.common.bulk_checks.questions import Question, require_none
from apps.common.frames import are_distinct


@dataclass(frozen=True)
class Uniqueness:
    """Fields are unique together among the rows of one owner (`unique_at_once`)."""

    fields: tuple[str, ...]
    field: str
    near: str

    def parent(self, model: type[models.Model]) -> None:
        return None

    def calls(self, model: type[models.Model]) -> list[tuple[str, ...]]:
        return [
            (
                "finflow_check_unique",
                column_of(model, self.field),
                parent_of(model, self.field)._meta.db_table,
                column_of(model, self.near),
                ", ".join(f'"{name}"' for name in self._columns(model)),
                model._meta.db_table,
            )
        ]

    def examine(self, partition: Partition) -> None:
        model = partition.model
        columns, owner = self._columns(model), column_of(model, self.field)
        if not partition.is_same(owner):
            columns = [*columns, owner]
        values = partition.values(*columns)
        if values is not None and are_distinct(values):
            return
        # Faster than counting, and the database says what is there twice.
        once, together = f"{partition.name}_once", ", ".join(f'"{name}"' for name in columns)
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE UNIQUE INDEX "{once}" ON "{partition.name}" ({together})')
            cursor.execute(f'DROP INDEX "{once}"')

    def compare(self, partition: Partition) -> None:
        model = partition.model
        owner, near = column_of(model, self.field), column_of(model, self.near)
        owners = parent_of(model, self.field)._meta.db_table
        columns = ", ".join(f'"{name}"' for name in self._columns(model))
        owner_ids = partition.column(owner).unique().sort().to_list()
        with connection.cursor() as cursor:
            # Whoever inserts for the same owner waits here, and then sees these rows.
            cursor.execute(
                f'SELECT FROM "{owners}" WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE',
                [owner_ids],
            )
        there = Question(
            f'SELECT count(*) FROM "{partition.name}" JOIN "{model._meta.db_table}" AS former'  # noqa: S608
            f' USING ("{owner}", {columns})'
            f' WHERE former."{owner}" = ANY(%s) AND former."{near}" BETWEEN %s AND %s',
            "are there already",
        )
        require_none(there, model, [owner_ids, *partition.bounds(near)])

    def _columns(self, model: type[models.Model]) -> list[str]:
        return [column_of(model, name) for name in self.fields]

"""The check that looks at what is stored already: that nothing is there twice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection, models

from apps.common.bulk_checks.columns import column_of, parent_of
from apps.common.bulk_checks.questions import Question, require_none


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
                self._columns(model),
                model._meta.db_table,
            )
        ]

    def examine(
        self, model: type[models.Model], partition: str, same: Collection[str] = ()
    ) -> None:
        columns, owner = self._columns(model), column_of(model, self.field)
        with connection.cursor() as cursor:
            if self._is_number(model):
                apart = f"{columns} - id"
                cursor.execute(f'SELECT max({apart}) = min({apart}) FROM "{partition}"')  # noqa: S608
                if cursor.fetchone() == (True,):
                    return  # they rise with the ids, which are unique
            # Faster than counting, and the database says what is there twice.
            together = columns if owner in same else f'{columns}, "{owner}"'
            cursor.execute(f'CREATE UNIQUE INDEX "{partition}_once" ON "{partition}" ({together})')
            cursor.execute(f'DROP INDEX "{partition}_once"')

    def compare(self, model: type[models.Model], partition: str) -> None:
        owner, near = column_of(model, self.field), column_of(model, self.near)
        owners, columns = parent_of(model, self.field)._meta.db_table, self._columns(model)
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT array_agg("{owner}"), min(least), max(most) FROM ('  # noqa: S608
                f'SELECT "{owner}", min("{near}") AS least, max("{near}") AS most'
                f' FROM "{partition}" GROUP BY 1) AS owners'
            )
            owner_ids, *bounds = cursor.fetchone()
            # Whoever inserts for the same owner waits here, and then sees these rows.
            cursor.execute(
                f'SELECT FROM "{owners}" WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE',
                [owner_ids],
            )
        there = Question(
            f'SELECT count(*) FROM "{partition}" JOIN "{model._meta.db_table}" AS former'  # noqa: S608
            f' USING ("{owner}", {columns})'
            f' WHERE former."{owner}" = ANY(%s) AND former."{near}" BETWEEN %s AND %s',
            "are there already",
        )
        require_none(there, model, [owner_ids, *bounds])

    def _is_number(self, model: type[models.Model]) -> bool:
        fields = [model._meta.get_field(name) for name in self.fields]
        return len(fields) == 1 and isinstance(fields[0], models.IntegerField)

    def _columns(self, model: type[models.Model]) -> str:
        return ", ".join(f'"{column_of(model, name)}"' for name in self.fields)

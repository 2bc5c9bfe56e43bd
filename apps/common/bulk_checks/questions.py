"""The checks that count the rows that do not hold, by the same SQL wherever the rows are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import IntegrityError, connection, models

from apps.common.bulk_checks.columns import column_of, parent_of

IDS_EACH: Final = 10**11
"""How far the ids of one partition begin from those of the next (`apps.common.partitions`)."""


@dataclass(frozen=True)
class Question:
    """Something that no row may answer.

    Attributes:
        sql: counts the rows that do.
        words: what is said of them, after "3 rows of a_table".
        code: PostgreSQL's name of the error.
    """

    sql: str
    words: str
    code: str = "foreign_key_violation"


def require_none(
    question: Question, model: type[models.Model], values: Sequence[Any] | None = None
) -> None:
    """Ask the question now.

    Args:
        values: parameters of its SQL.

    Raises:
        IntegrityError: some rows answer.
    """
    with connection.cursor() as cursor:
        cursor.execute(question.sql, values)
        (astray,) = cursor.fetchone()
    if astray:
        raise IntegrityError(f"{astray} rows of {model._meta.db_table} {question.words}")


class Asked(ABC):
    """A check that is questions, the same about fresh rows and about a partition."""

    @abstractmethod
    def questions(self, model: type[models.Model], fresh: str) -> list[Question]: ...

    def calls(self, model: type[models.Model]) -> list[tuple[str, ...]]:
        return [
            ("finflow_check_none", each.sql, each.words, each.code)
            for each in self.questions(model, "fresh")
        ]

    def examine(
        self, model: type[models.Model], partition: str, same: Collection[str] = ()
    ) -> None:
        for each in self.questions(model, partition):
            require_none(each, model)

    def compare(self, model: type[models.Model], partition: str) -> None:  # noqa: B027
        """None of the questions is about the model's own table."""


@dataclass(frozen=True)
class Reference(Asked):
    """A foreign key refers to a row that is there (`refers_at_once`)."""

    field: str
    same: tuple[str, ...]

    def parent(self, model: type[models.Model]) -> type[models.Model]:
        return parent_of(model, self.field)

    def examine(
        self, model: type[models.Model], partition: str, same: Collection[str] = ()
    ) -> None:
        if {column_of(model, name) for name in (self.field, *self.same)} <= set(same):
            one = f'(SELECT * FROM "{partition}" LIMIT 1)'  # noqa: S608
            require_none(self._question(model, one), model)
        else:
            super().examine(model, partition, same)

    def questions(self, model: type[models.Model], fresh: str) -> list[Question]:
        return [self._question(model, f'"{fresh}"')]

    def _question(self, model: type[models.Model], rows: str) -> Question:
        parent, column = parent_of(model, self.field), column_of(model, self.field)
        table = parent._meta.db_table
        pairs = [("id", column)]
        pairs += [(column_of(parent, name), column_of(model, name)) for name in self.same]
        matches = " AND ".join(f'parent."{theirs}" = fresh."{own}"' for theirs, own in pairs)
        sql = (
            f'SELECT count(*) FROM {rows} AS fresh WHERE "{column}" IS NOT NULL'  # noqa: S608
            f' AND NOT EXISTS (SELECT FROM "{table}" AS parent WHERE {matches})'
        )
        return Question(sql, f"refer to no row of {table}")


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


@dataclass(frozen=True)
class Order(Asked):
    """Of two rows referred to, the first is the later one (`later_at_once`)."""

    later: str
    former: str
    by: str

    def parent(self, model: type[models.Model]) -> type[models.Model]:
        return parent_of(model, self.later)

    def questions(self, model: type[models.Model], fresh: str) -> list[Question]:
        parent = self.parent(model)
        later, former = column_of(model, self.later), column_of(model, self.former)
        table, by = parent._meta.db_table, column_of(parent, self.by)
        sql = (
            f'SELECT count(*) FROM "{fresh}" AS fresh'  # noqa: S608
            f' JOIN "{table}" AS later ON later.id = fresh."{later}"'
            f' JOIN "{table}" AS former ON former.id = fresh."{former}"'
            f' WHERE later."{by}" <= former."{by}"'
        )
        return [Question(sql, "name the later one second", "check_violation")]

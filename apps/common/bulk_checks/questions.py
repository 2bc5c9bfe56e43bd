"""The checks that count the rows that do not hold, by the same SQL wherever the rows are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, models

from apps.common.bulk_checks.columns import column_of, parent_of
from apps.common.bulk_checks.partition import Partition


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

    def examine(self, partition: Partition) -> None:
        for each in self.questions(partition.model, partition.name):
            require_none(each, partition.model)

    def compare(self, partition: Partition) -> None:  # noqa: B027
        """None of the questions is about the model's own table."""


@dataclass(frozen=True)
class Reference(Asked):
    """A foreign key refers to a row that is there (`refers_at_once`)."""

    field: str
    same: tuple[str, ...]

    def parent(self, model: type[models.Model]) -> type[models.Model]:
        return parent_of(model, self.field)

    def examine(self, partition: Partition) -> None:
        model = partition.model
        if all(partition.is_same(column_of(model, name)) for name in (self.field, *self.same)):
            one = f'(SELECT * FROM "{partition.name}" LIMIT 1)'  # noqa: S608
            require_none(self._question(model, one), model)
        else:
            super().examine(partition)

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

"""What holds in bulk tables, checked once per statement instead of once per row.

PostgreSQL checks a foreign key row by row, and keeps a unique index row by row: over millions of
rows that was most of the time that storing them took. A statement trigger asks the same questions
of all rows at once. What is referred to can then not be deleted: its table refuses DELETE and
TRUNCATE.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from django.apps import apps
from django.db import IntegrityError, connection, models

from apps.common.triggers import Trigger

M = TypeVar("M", bound=type[models.Model])

IDS_EACH: Final = 10**11
"""How far the ids of one partition begin from those of the next (`apps.common.partitions`)."""

FUNCTIONS = """
-- TG_ARGV: what counts the rows that do not hold, what to say of them, and the error that it is.
CREATE OR REPLACE FUNCTION finflow_check_none() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  astray bigint;
BEGIN
  EXECUTE TG_ARGV[0] INTO astray;
  IF astray > 0 THEN
    RAISE EXCEPTION '% rows of % %', astray, TG_TABLE_NAME, TG_ARGV[1] USING ERRCODE = TG_ARGV[2];
  END IF;
  RETURN NULL;
END $$;

-- Of a table that has just grown nothing is known yet: row by row through the index, then sorted,
-- is what would be planned for a million rows. Through a bitmap, into a hash table, is fast for
-- few rows and for many. Rows of a partition are looked at in its whole table, TG_ARGV[4].
CREATE OR REPLACE FUNCTION finflow_check_unique() RETURNS trigger LANGUAGE plpgsql
  SET work_mem = '256MB' SET enable_indexscan = off SET enable_sort = off AS $$
DECLARE
  part record;
  repeated bigint;
BEGIN
  FOR part IN EXECUTE format(
    'SELECT %1$I AS owner, min(%2$I) AS least, max(%2$I) AS most FROM fresh GROUP BY 1 ORDER BY 1',
    TG_ARGV[0], TG_ARGV[2]
  ) LOOP
    -- Whoever inserts for the same owner waits here, and then sees these rows.
    EXECUTE format('SELECT FROM %I WHERE id = $1 FOR NO KEY UPDATE', TG_ARGV[1]) USING part.owner;
    EXECUTE format(
      'SELECT count(*) FROM (SELECT FROM %I WHERE %I = $1 AND %I BETWEEN $2 AND $3'
      ' GROUP BY %s HAVING count(*) > 1) AS several',
      TG_ARGV[4], TG_ARGV[0], TG_ARGV[2], TG_ARGV[3]
    ) INTO repeated USING part.owner, part.least, part.most;
    IF repeated > 0 THEN
      RAISE EXCEPTION '% rows of % are there already', repeated, TG_ARGV[4]
        USING ERRCODE = 'unique_violation';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
"""


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


class BulkCheck(Protocol):
    """One thing that holds of every row of a bulk table."""

    def parent(self, model: type[models.Model]) -> type[models.Model] | None:
        """The model whose rows have to be there; None if it asks for none."""

    def calls(self, model: type[models.Model]) -> list[tuple[str, ...]]:
        """Trigger functions with their arguments, which look at the rows of each statement."""

    def examine(
        self, model: type[models.Model], partition: str, same: Collection[str] = ()
    ) -> None:
        """Look at all rows of a table that becomes a partition of the model's.

        Args:
            same: columns that are the same in all rows.

        Raises:
            IntegrityError: it does not hold of some.
        """

    def compare(self, model: type[models.Model], partition: str) -> None:
        """Look at what else the model has, just before the partition gets attached.

        Raises:
            IntegrityError: they do not go together.
        """


BULK_CHECKS: dict[type[models.Model], list[BulkCheck]] = {}


class _Asked(ABC):
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
            _require_none(each, model)

    def compare(self, model: type[models.Model], partition: str) -> None:  # noqa: B027
        """None of the questions is about the model's own table."""


@dataclass(frozen=True)
class _Reference(_Asked):
    field: str
    same: tuple[str, ...]

    def parent(self, model: type[models.Model]) -> type[models.Model]:
        return _parent(model, self.field)

    def examine(
        self, model: type[models.Model], partition: str, same: Collection[str] = ()
    ) -> None:
        if {_column(model, name) for name in (self.field, *self.same)} <= set(same):
            one = f'(SELECT * FROM "{partition}" LIMIT 1)'  # noqa: S608
            _require_none(self._question(model, one), model)
        else:
            super().examine(model, partition, same)

    def questions(self, model: type[models.Model], fresh: str) -> list[Question]:
        return [self._question(model, f'"{fresh}"')]

    def _question(self, model: type[models.Model], rows: str) -> Question:
        parent, column = _parent(model, self.field), _column(model, self.field)
        table = parent._meta.db_table
        pairs = [("id", column)]
        pairs += [(_column(parent, name), _column(model, name)) for name in self.same]
        matches = " AND ".join(f'parent."{theirs}" = fresh."{own}"' for theirs, own in pairs)
        sql = (
            f'SELECT count(*) FROM {rows} AS fresh WHERE "{column}" IS NOT NULL'  # noqa: S608
            f' AND NOT EXISTS (SELECT FROM "{table}" AS parent WHERE {matches})'
        )
        return Question(sql, f"refer to no row of {table}")


@dataclass(frozen=True)
class _Holding(_Asked):
    fields: tuple[str, ...]
    of: str

    def parent(self, model: type[models.Model]) -> type[models.Model]:
        return apps.get_model(self.of)

    def questions(self, model: type[models.Model], fresh: str) -> list[Question]:
        table = self.parent(model)._meta.db_table
        columns = [f'"{_column(model, name)}"' for name in self.fields]
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
class _Order(_Asked):
    later: str
    former: str
    by: str

    def parent(self, model: type[models.Model]) -> type[models.Model]:
        return _parent(model, self.later)

    def questions(self, model: type[models.Model], fresh: str) -> list[Question]:
        parent = self.parent(model)
        later, former = _column(model, self.later), _column(model, self.former)
        table, by = parent._meta.db_table, _column(parent, self.by)
        sql = (
            f'SELECT count(*) FROM "{fresh}" AS fresh'  # noqa: S608
            f' JOIN "{table}" AS later ON later.id = fresh."{later}"'
            f' JOIN "{table}" AS former ON former.id = fresh."{former}"'
            f' WHERE later."{by}" <= former."{by}"'
        )
        return [Question(sql, "name the later one second", "check_violation")]


@dataclass(frozen=True)
class _Uniqueness:
    fields: tuple[str, ...]
    field: str
    near: str

    def parent(self, model: type[models.Model]) -> None:
        return None

    def calls(self, model: type[models.Model]) -> list[tuple[str, ...]]:
        return [
            (
                "finflow_check_unique",
                _column(model, self.field),
                _parent(model, self.field)._meta.db_table,
                _column(model, self.near),
                self._columns(model),
                model._meta.db_table,
            )
        ]

    def examine(
        self, model: type[models.Model], partition: str, same: Collection[str] = ()
    ) -> None:
        columns, owner = self._columns(model), _column(model, self.field)
        with connection.cursor() as cursor:
            if self._is_number(model):
                apart = f"{columns} - id"
                cursor.execute(f'SELECT max({apart}) = min({apart}) FROM "{partition}"')  # noqa: S608
                if cursor.fetchone() == (True,):
                    return  # they rise with the ids, which are unique
            # Faster than counting, and the database says what is there twice.
            cursor.execute(
                f'CREATE UNIQUE INDEX "{partition}_once" ON "{partition}" ({columns}, "{owner}")'
            )
            cursor.execute(f'DROP INDEX "{partition}_once"')

    def compare(self, model: type[models.Model], partition: str) -> None:
        owner, near = _column(model, self.field), _column(model, self.near)
        owners, columns = _parent(model, self.field)._meta.db_table, self._columns(model)
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
        _require_none(there, model, [owner_ids, *bounds])

    def _is_number(self, model: type[models.Model]) -> bool:
        fields = [model._meta.get_field(name) for name in self.fields]
        return len(fields) == 1 and isinstance(fields[0], models.IntegerField)

    def _columns(self, model: type[models.Model]) -> str:
        return ", ".join(f'"{_column(model, name)}"' for name in self.fields)


def _require_none(
    question: Question, model: type[models.Model], values: Sequence[Any] | None = None
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(question.sql, values)
        (astray,) = cursor.fetchone()
    if astray:
        raise IntegrityError(f"{astray} rows of {model._meta.db_table} {question.words}")


def refers_at_once(field: str, *, same: tuple[str, ...] = ()) -> Callable[[M], M]:
    """Mark a foreign key (`db_constraint=False`) that is checked once per statement.

    Args:
        same: foreign keys that the model and the one referred to both have, with equal values.
    """
    return _checked(_Reference(field, same))


def holds_at_once(*fields: str, of: str) -> Callable[[M], M]:
    """Mark arrays of ids: each id is of a row that is there, and together they hold none twice.

    Args:
        of: the model that they name the rows of, as "app.Model".
    """
    return _checked(_Holding(fields, of))


def unique_at_once(*fields: str, owner: str, near: str) -> Callable[[M], M]:
    """Mark fields that are unique together among the rows of one owner, checked per statement.

    Args:
        owner: a foreign key; its row is locked, so that two that insert for it take turns.
        near: an indexed field that is equal wherever the fields are: only there is looked.
    """
    return _checked(_Uniqueness(fields, owner, near))


def later_at_once(later: str, former: str, *, by: str) -> Callable[[M], M]:
    """Mark two foreign keys to one model: what the first names is later than what the second does.

    Args:
        by: a field of the model that they refer to, greater the later.
    """
    return _checked(_Order(later, former, by))


def _checked(check: BulkCheck) -> Callable[[M], M]:
    def mark(model: M) -> M:
        BULK_CHECKS.setdefault(model, []).append(check)
        return model

    return mark


def parents() -> set[type[models.Model]]:
    """The models that bulk tables refer to."""
    found = {check.parent(model) for model, checks in BULK_CHECKS.items() for check in checks}
    return {parent for parent in found if parent is not None}


def triggers_of(model: type[models.Model]) -> list[Trigger]:
    """The triggers of the model's checks."""
    calls = [call for check in BULK_CHECKS[model] for call in check.calls(model)]
    return [_trigger(model._meta.db_table, number, call) for number, call in enumerate(calls, 1)]


def examine_partition(
    model: type[models.Model], partition: str, same: Collection[str] = ()
) -> None:
    """Check all rows of a table that becomes a partition of the model's.

    Args:
        same: columns that are the same in all rows.

    Raises:
        IntegrityError: they do not hold together.
    """
    for check in BULK_CHECKS.get(model, ()):
        check.examine(model, partition, same)


def compare_partition(model: type[models.Model], partition: str) -> None:
    """Check that a table which is about to become a partition goes together with the others.

    Raises:
        IntegrityError: it does not.
    """
    for check in BULK_CHECKS.get(model, ()):
        check.compare(model, partition)


def _trigger(table: str, number: int, arguments: tuple[str, ...]) -> Trigger:
    function, *values = arguments
    given = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return Trigger(
        table,
        f"bulk_{number}",
        "AFTER INSERT",
        "REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
        f"{function}({given})",
    )


def _parent(model: type[models.Model], field: str) -> type[models.Model]:
    parent = model._meta.get_field(field).related_model
    if not isinstance(parent, type):
        raise TypeError(f"{model._meta.label}.{field} refers to no model")
    return parent


def _column(model: type[models.Model], name: str) -> str:
    field = model._meta.get_field(name)
    if not isinstance(field, models.Field):
        raise TypeError(f"{model._meta.label}.{name} is no column")
    return str(field.column)

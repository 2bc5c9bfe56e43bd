"""What holds in bulk tables, checked once per statement instead of once per row.

PostgreSQL checks a foreign key row by row, and keeps a unique index row by row: over millions of
rows that was most of the time that storing them took. A statement trigger asks the same questions
of all rows at once. What is referred to can then not be deleted: its table refuses DELETE and
TRUNCATE.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from django.apps import apps
from django.db import models

from apps.common.triggers import Trigger

M = TypeVar("M", bound=type[models.Model])

FUNCTIONS = """
CREATE OR REPLACE FUNCTION finflow_check_reference() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  astray bigint;
BEGIN
  EXECUTE format(
    'SELECT count(*) FROM fresh WHERE %I IS NOT NULL'
    ' AND NOT EXISTS (SELECT FROM %I AS parent WHERE %s)',
    TG_ARGV[0], TG_ARGV[1], TG_ARGV[2]
  ) INTO astray;
  IF astray > 0 THEN
    RAISE EXCEPTION '% rows of % refer to no row of %', astray, TG_TABLE_NAME, TG_ARGV[1]
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;

-- Arrays of ids: TG_ARGV[0] is the table whose rows they name, the others are the columns.
CREATE OR REPLACE FUNCTION finflow_check_held() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  held text := (SELECT string_agg(format('%I', name), ' || ') FROM unnest(TG_ARGV[1:]) AS name);
  astray bigint;
BEGIN
  EXECUTE format(
    'SELECT count(*) FROM (SELECT unnest(%s) AS id FROM fresh) AS held'
    ' WHERE NOT EXISTS (SELECT FROM %I AS parent WHERE parent.id = held.id)',
    held, TG_ARGV[0]
  ) INTO astray;
  IF astray > 0 THEN
    RAISE EXCEPTION '% ids in % refer to no row of %', astray, TG_TABLE_NAME, TG_ARGV[0]
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  EXECUTE format(
    'SELECT count(*) FROM (SELECT %s AS ids FROM fresh OFFSET 0) AS held WHERE CASE'
    ' WHEN cardinality(ids) = 2 THEN ids[1] = ids[2]'
    ' ELSE (SELECT count(DISTINCT id) FROM unnest(ids) AS id) < greatest(cardinality(ids), 1) END',
    held
  ) INTO astray;
  IF astray > 0 THEN
    RAISE EXCEPTION '% rows of % hold nothing, or something twice', astray, TG_TABLE_NAME
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

-- Of a table that has just grown nothing is known yet: row by row through the index, then sorted,
-- is what would be planned for a million rows. Through a bitmap, into a hash table, is fast for
-- few rows and for many.
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
      TG_TABLE_NAME, TG_ARGV[0], TG_ARGV[2], TG_ARGV[3]
    ) INTO repeated USING part.owner, part.least, part.most;
    IF repeated > 0 THEN
      RAISE EXCEPTION '% rows of % are there already', repeated, TG_TABLE_NAME
        USING ERRCODE = 'unique_violation';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
"""


class BulkCheck(Protocol):
    """One thing that holds of every row of a bulk table."""

    def parent(self, model: type[models.Model]) -> type[models.Model] | None:
        """The model whose rows have to be there; None if it asks for none."""

    def arguments(self, model: type[models.Model]) -> tuple[str, ...]:
        """The trigger function's name and its arguments."""


BULK_CHECKS: dict[type[models.Model], list[BulkCheck]] = {}


@dataclass(frozen=True)
class _Reference:
    field: str
    same: tuple[str, ...]

    def parent(self, model: type[models.Model]) -> type[models.Model]:
        return _parent(model, self.field)

    def arguments(self, model: type[models.Model]) -> tuple[str, ...]:
        parent, column = _parent(model, self.field), _column(model, self.field)
        pairs = [("id", column)]
        pairs += [(_column(parent, name), _column(model, name)) for name in self.same]
        matches = " AND ".join(f'parent."{theirs}" = fresh."{own}"' for theirs, own in pairs)
        return "finflow_check_reference", column, parent._meta.db_table, matches


@dataclass(frozen=True)
class _Holding:
    fields: tuple[str, ...]
    of: str

    def parent(self, model: type[models.Model]) -> type[models.Model]:
        return apps.get_model(self.of)

    def arguments(self, model: type[models.Model]) -> tuple[str, ...]:
        columns = (_column(model, name) for name in self.fields)
        return "finflow_check_held", self.parent(model)._meta.db_table, *columns


@dataclass(frozen=True)
class _Uniqueness:
    fields: tuple[str, ...]
    field: str
    near: str

    def parent(self, model: type[models.Model]) -> None:
        return None

    def arguments(self, model: type[models.Model]) -> tuple[str, ...]:
        return (
            "finflow_check_unique",
            _column(model, self.field),
            _parent(model, self.field)._meta.db_table,
            _column(model, self.near),
            ", ".join(f'"{_column(model, name)}"' for name in self.fields),
        )


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
    return [
        _trigger(model._meta.db_table, number, check.arguments(model))
        for number, check in enumerate(BULK_CHECKS[model], 1)
    ]


def _trigger(table: str, number: int, arguments: tuple[str, ...]) -> Trigger:
    function, *values = arguments
    given = ", ".join(f"'{value}'" for value in values)
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
    return str(model._meta.get_field(name).column)  # type: ignore[union-attr]

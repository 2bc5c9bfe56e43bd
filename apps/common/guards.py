"""What the database itself refuses, installed as triggers after every migrate.

- *append-only* tables refuse UPDATE, DELETE and TRUNCATE, whoever asks (ENABLE ALWAYS);
- *audited* tables refuse, at commit, a change in a transaction that recorded no audit event;
- *unguarded* tables say why they are neither;
- tables that *bulk tables* refer to refuse DELETE and TRUNCATE (`apps.common.bulk_checks`).

A model of ours without one of the three marks stops the start (`apps.common.checks`).
The triggers are kept in step by `post_migrate`, so a new model cannot forget them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.apps import apps
from django.db import connections, models

from apps.common import bulk_checks

M = TypeVar("M", bound=type[models.Model])

APPEND_ONLY: dict[type[models.Model], tuple[str, ...]] = {}
AUDITED: set[type[models.Model]] = set()
UNGUARDED: dict[type[models.Model], str] = {}

_VERSION = "3"  # raise it when the trigger bodies below change

_FUNCTIONS = """
CREATE OR REPLACE FUNCTION finflow_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE FUNCTION finflow_refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is kept: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE FUNCTION finflow_require_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT 1 FROM audit_event WHERE transaction_id = pg_current_xact_id()::text::bigint
  ) THEN
    RAISE EXCEPTION 'change of % without an audit event', TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation',
            HINT = 'Call apps.audit.services.record in the transaction that makes the change.';
  END IF;
  RETURN NULL;
END $$;
"""


def append_only(*, except_columns: tuple[str, ...] = ()) -> Callable[[M], M]:
    """Mark a model whose rows are facts: inserted, never changed.

    Args:
        except_columns: columns that may still be updated (a lease, a delivery time).
    """

    def mark(model: M) -> M:
        APPEND_ONLY[model] = except_columns
        return model

    return mark


def audited(model: M) -> M:
    """Mark a model whose every change needs an audit event in the same transaction."""
    AUDITED.add(model)
    return model


def unguarded(reason: str) -> Callable[[M], M]:
    """Mark a model that needs neither, and say why."""

    def mark(model: M) -> M:
        UNGUARDED[model] = reason
        return model

    return mark


def guarded_tables() -> dict[str, str]:
    """Table name to the SQL of its triggers."""
    statements = {model._meta.db_table: _append_only_sql(model) for model in APPEND_ONLY}
    statements |= {model._meta.db_table: _audited_sql(model) for model in AUDITED}
    for model in bulk_checks.BULK_CHECKS:
        statements[model._meta.db_table] += bulk_checks.triggers_of(model)
    for model in bulk_checks.parents() - APPEND_ONLY.keys():
        statements[model._meta.db_table] += _kept_sql(model)
    for model in apps.get_models():
        if hasattr(model, "instance_type") and hasattr(model, "history_type"):
            statements[model._meta.db_table] = _append_only_sql(model)
    return statements


def install_guards(*, using: str = "default", **kwargs: Any) -> None:
    """Create the triggers that are missing; a no-op when all stand (one query)."""
    connection = connections[using]
    present = set(connection.introspection.table_names())
    if "audit_event" not in present:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = %s",
            [f"finflow_guard_{_VERSION}"],
        )
        done = {row[0] for row in cursor.fetchall()}
        missing = {table: sql for table, sql in guarded_tables().items() if table in present - done}
        if missing:
            cursor.execute(_FUNCTIONS + bulk_checks.FUNCTIONS)
            for table, sql in missing.items():
                _drop_older_guards(cursor, table)
                cursor.execute(sql)


def _drop_older_guards(cursor: Any, table: str) -> None:
    cursor.execute(
        "SELECT tgname FROM pg_trigger"
        " WHERE tgrelid = %s::regclass AND tgname LIKE 'finflow_guard%%'",
        [table],
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TRIGGER "{name}" ON "{table}"')


def _append_only_sql(model: type[models.Model]) -> str:
    table = model._meta.db_table
    updates = _update_clause(model)
    return f"""
    CREATE TRIGGER finflow_guard_{_VERSION} BEFORE DELETE OR {updates} ON "{table}"
      FOR EACH ROW EXECUTE FUNCTION finflow_refuse_change();
    CREATE TRIGGER finflow_guard_truncate BEFORE TRUNCATE ON "{table}"
      FOR EACH STATEMENT EXECUTE FUNCTION finflow_refuse_change();
    ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER finflow_guard_{_VERSION};
    ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER finflow_guard_truncate;
    """


def _update_clause(model: type[models.Model]) -> str:
    free = APPEND_ONLY.get(model, ())
    if not free:
        return "UPDATE"
    fixed = [field.column for field in model._meta.local_fields if field.column not in free]
    return "UPDATE OF " + ", ".join(f'"{column}"' for column in fixed)


def _audited_sql(model: type[models.Model]) -> str:
    table = model._meta.db_table
    return f"""
    CREATE CONSTRAINT TRIGGER finflow_guard_{_VERSION} AFTER INSERT OR UPDATE OR DELETE
      ON "{table}" DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION finflow_require_event();
    ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER finflow_guard_{_VERSION};
    """


def _kept_sql(model: type[models.Model]) -> str:
    table = model._meta.db_table
    return f"""
    CREATE TRIGGER finflow_guard_kept BEFORE DELETE ON "{table}"
      FOR EACH ROW EXECUTE FUNCTION finflow_refuse_deletion();
    CREATE TRIGGER finflow_guard_truncate BEFORE TRUNCATE ON "{table}"
      FOR EACH STATEMENT EXECUTE FUNCTION finflow_refuse_deletion();
    ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER finflow_guard_kept;
    ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER finflow_guard_truncate;
    """

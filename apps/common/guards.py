"""What the database itself refuses, installed as triggers after every migrate.

- *append-only* tables refuse UPDATE, DELETE and TRUNCATE, whoever asks (ENABLE ALWAYS);
- *audited* tables refuse, at commit, a change in a transaction that recorded no audit event;
- *unguarded* tables say why they are neither;
- tables that *bulk tables* refer to refuse DELETE and TRUNCATE (`apps.common.bulk_checks`).

A model of ours without one of the three marks stops the start (`apps.common.checks`).
The triggers are kept in step by `post_migrate` (`apps.common.triggers`), so a new model cannot
forget them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

from django.apps import apps
from django.db import connections, models

from apps.common import bulk_checks
from apps.common.triggers import Trigger, create_triggers, keep_triggers

M = TypeVar("M", bound=type[models.Model])

APPEND_ONLY: dict[type[models.Model], tuple[str, ...]] = {}
AUDITED: set[type[models.Model]] = set()
UNGUARDED: dict[type[models.Model], str] = {}

_PREFIX = "finflow_guard_"

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


_PARTITIONS: Final = """
SELECT inhparent::regclass::text, inhrelid::regclass::text
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhparent WHERE relkind = 'p'
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


def guards() -> list[Trigger]:
    """Every trigger that guards a table, by the marks of the models."""
    triggers = [trigger for model in APPEND_ONLY for trigger in _refusing_change(model)]
    triggers += [_requiring_event(model) for model in AUDITED]
    for model in bulk_checks.BULK_CHECKS:
        triggers += bulk_checks.triggers_of(model)
    for model in bulk_checks.parents() - APPEND_ONLY.keys():
        triggers += _refusing_deletion(model)
    for model in apps.get_models():
        if hasattr(model, "instance_type") and hasattr(model, "history_type"):
            triggers += _refusing_change(model)
    return triggers


def install_guards(*, using: str = "default", **kwargs: Any) -> None:
    """After migrate: put the guards of the tables that are there in place."""
    present = set(connections[using].introspection.table_names())
    if "audit_event" not in present:
        return
    with connections[using].cursor() as cursor:
        cursor.execute(_PARTITIONS)
        partitions = cursor.fetchall()
    triggers = [trigger for trigger in guards() if trigger.table in present]
    for parent, partition in partitions:
        triggers += _on_partition([each for each in triggers if each.table == parent], partition)
    keep_triggers(using=using, prefix=_PREFIX, functions=_functions(), triggers=triggers)


def guard_partition(parent: str, partition: str) -> None:
    """Guard a table that becomes a partition of a guarded one (`apps.common.partitions`)."""
    own = _on_partition([each for each in guards() if each.table == parent], partition)
    create_triggers(using="default", prefix=_PREFIX, functions=_functions(), triggers=own)


def _functions() -> str:
    return _FUNCTIONS + bulk_checks.FUNCTIONS


def _on_partition(triggers: list[Trigger], partition: str) -> list[Trigger]:
    """Those that watch over statements see only what names their table; the others go down."""
    return [replace(each, table=partition) for each in triggers if "EACH STATEMENT" in each.scope]


def _refusing_change(model: type[models.Model]) -> list[Trigger]:
    table, function = model._meta.db_table, "finflow_refuse_change()"
    changes = f"BEFORE DELETE OR {_update_clause(model)}"
    return [
        Trigger(table, "change", changes, "FOR EACH ROW", function),
        Trigger(table, "truncate", "BEFORE TRUNCATE", "FOR EACH STATEMENT", function),
    ]


def _update_clause(model: type[models.Model]) -> str:
    free = APPEND_ONLY.get(model, ())
    if not free:
        return "UPDATE"
    fixed = [field.column for field in model._meta.local_fields if field.column not in free]
    return "UPDATE OF " + ", ".join(f'"{column}"' for column in fixed)


def _requiring_event(model: type[models.Model]) -> Trigger:
    return Trigger(
        model._meta.db_table,
        "event",
        "AFTER INSERT OR UPDATE OR DELETE",
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
        "finflow_require_event()",
    )


def _refusing_deletion(model: type[models.Model]) -> list[Trigger]:
    table, function = model._meta.db_table, "finflow_refuse_deletion()"
    return [
        Trigger(table, "deletion", "BEFORE DELETE", "FOR EACH ROW", function),
        Trigger(table, "truncate", "BEFORE TRUNCATE", "FOR EACH STATEMENT", function),
    ]

"""Triggers that are code: `migrate` puts them in place, and replaces those whose SQL changed.

A trigger's name ends in a digest of its SQL and of the functions it calls, so that the names alone
tell what is in place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connections


@dataclass(frozen=True)
class Trigger:
    """One trigger of one table, fired whoever makes the change (ENABLE ALWAYS).

    Args:
        name: what tells it from the other triggers of the table.
        event: "BEFORE UPDATE OR DELETE".
        scope: "FOR EACH ROW", with what else stands between table and function.
        function: the call, "finflow_refuse_change()".
    """

    table: str
    name: str
    event: str
    scope: str
    function: str

    def sql(self, full_name: str) -> str:
        """What creates it under this name."""
        constraint = "CONSTRAINT " if "DEFERRABLE" in self.scope else ""
        return (
            f'CREATE {constraint}TRIGGER "{full_name}" {self.event} ON "{self.table}"'
            f" {self.scope} EXECUTE FUNCTION {self.function};"
            f' ALTER TABLE "{self.table}" ENABLE ALWAYS TRIGGER "{full_name}";'
        )


def keep_triggers(*, using: str, prefix: str, functions: str, triggers: Iterable[Trigger]) -> None:
    """Create what is missing and drop what is not wanted any more; one query if all stand.

    Args:
        prefix: begins the names of these triggers, and of no others in the database.
        functions: SQL that creates the functions they call, or replaces them.
    """
    wanted = {
        (trigger.table, _full_name(prefix, trigger, functions)): trigger for trigger in triggers
    }
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgparentid = 0 AND starts_with(tgname, %s)",
            [prefix],
        )
        standing = set(cursor.fetchall())
        if standing == wanted.keys():
            return
        cursor.execute(functions)
        for table, name in standing - wanted.keys():
            cursor.execute(f'DROP TRIGGER "{name}" ON "{table}"')
        for table, name in wanted.keys() - standing:
            cursor.execute(wanted[table, name].sql(name))


def create_triggers(
    *, using: str, prefix: str, functions: str, triggers: Iterable[Trigger]
) -> None:
    """Create them as `keep_triggers` would, on a table that has none of them yet."""
    with connections[using].cursor() as cursor:
        for trigger in triggers:
            cursor.execute(trigger.sql(_full_name(prefix, trigger, functions)))


def _full_name(prefix: str, trigger: Trigger, functions: str) -> str:
    digest = hashlib.sha256((functions + trigger.sql("")).encode()).hexdigest()[:8]
    return f"{prefix}{trigger.name}_{digest}"

"""`migrate` tells every app after each run, also when the tables of this one are still to come."""

from __future__ import annotations

from django.db import connections


def are_there(using: str, *tables: str) -> bool:
    """True if all these tables exist in the database."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest(%s) AS name", [list(tables)]
        )
        return bool(cursor.fetchone()[0])

"""How PostgreSQL walks through a large table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def page_by_page() -> Iterator[None]:
    """Within it, rows that an index names are fetched page by page, not in the index's order.

    Of a table that has just grown PostgreSQL knows nothing yet: it would fetch millions of rows one
    by one, each page hundreds of times. Page by page is fast for few rows and for many.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_indexscan = off")
        yield
        cursor.execute("SET LOCAL enable_indexscan TO DEFAULT")

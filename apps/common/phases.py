"""What a long transaction is at, for others to see while it runs.

Nobody sees what a transaction writes before it commits. The name of its connection
(`application_name`) everybody sees at once, and nothing has to be cleared away: it falls back when
the transaction ends, and goes with the connection when the process dies. It cannot outlive the
locks of the transaction, so a process that was taken for dead never talks over its successor.
How many rows a COPY has taken so far PostgreSQL tells by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

_PREFIX = "finflow"
_MOST_CHARACTERS = 63  # PostgreSQL cuts longer names off
_FIELDS = 7  # prefix, work, number, phase, step, done, total


@dataclass(frozen=True)
class Phase:
    """What a piece of work is at.

    Attributes:
        name: one lower-case word.
        step: which one, from 1, where the phase has several; else 0.
        done, total: rows; both 0 where they are not known.
    """

    name: str
    step: int = 0
    done: int = 0
    total: int = 0


def tell_phase(work: str, number: int, phase: Phase) -> None:
    """Say what the work (a kind and the id of its subject) is at, until the transaction ends.

    To be called while the transaction holds what makes it the only one at this work.

    Raises:
        TransactionManagementError: there is no transaction.
        ValueError: the name is longer than PostgreSQL keeps.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a phase is told in a transaction")
    name = f"{_begin(work, number)}{phase.name}:{phase.step}:{phase.done}:{phase.total}"
    if len(name) > _MOST_CHARACTERS:
        raise ValueError(f"{name} has more than {_MOST_CHARACTERS} characters")
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', %s, true)", [name])


@contextmanager
def in_phase(work: str, number: int, phase: Phase) -> Iterator[None]:
    """Tell the phase while the block runs, for work that has no transaction of its own."""
    with transaction.atomic():
        tell_phase(work, number, phase)
        yield


def phases_of(work: str, number: int) -> list[Phase]:
    """What each transaction at this work is at now, the one that began first in front."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # or a transaction sees its first look
        cursor.execute(
            "SELECT a.application_name, coalesce(c.tuples_processed, 0)"
            " FROM pg_stat_activity a LEFT JOIN pg_stat_progress_copy c USING (pid)"
            " WHERE a.datname = current_database() AND starts_with(a.application_name, %s)"
            " ORDER BY a.xact_start, a.pid",
            [_begin(work, number)],
        )
        return [_phase(name, copied) for name, copied in cursor.fetchall()]


def _begin(work: str, number: int) -> str:
    return f"{_PREFIX}:{work}:{number}:"


def _phase(name: str, copied: int) -> Phase:
    *_, phase, step, done, total = name.split(":", _FIELDS - 1)
    so_far = int(done) + copied if int(total) else int(done)
    return Phase(phase, int(step), min(so_far, int(total)), int(total))

"""PostgreSQL advisory locks, by name.

A *transaction lock* orders writers that touch no common row (posting against closing a period).
A *session lock* says "this process is at work on it" for as long as its connection lives: after
`kill -9` the server drops it at once, so nobody waits for a lease to run out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


def lock_shared(name: str, number: int) -> None:
    """Hold (name, number) together with other sharers until the transaction ends."""
    _in_transaction("SELECT pg_advisory_xact_lock_shared(%s, %s)", name, number)


def lock_exclusive(name: str, number: int) -> None:
    """Hold (name, number) alone until the transaction ends; waits for sharers."""
    _in_transaction("SELECT pg_advisory_xact_lock(%s, %s)", name, number)


def try_lock_exclusive(name: str, number: int) -> bool:
    """Like `lock_exclusive`, but answers False instead of waiting."""
    return _in_transaction("SELECT pg_try_advisory_xact_lock(%s, %s)", name, number)


@contextmanager
def session_lock(name: str, number: int) -> Iterator[bool]:
    """Hold (name, number) while the block runs, across transactions; yields whether we got it."""
    keys = [_key(name), _narrow(number)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", keys)
        acquired = bool(cursor.fetchone()[0])
    try:
        yield acquired
    finally:
        if acquired and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", keys)


def is_held(name: str, number: int) -> bool:
    """True if some live connection holds (name, number)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND classid = (%s)::int4::oid AND objid = (%s)::int4::oid AND objsubid = 2"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [_key(name), _narrow(number)],
        )
        return bool(cursor.fetchone()[0])


def _in_transaction(sql: str, name: str, number: int) -> bool:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an advisory lock needs a transaction")
    with connection.cursor() as cursor:
        cursor.execute(sql, [_key(name), _narrow(number)])
        return bool(cursor.fetchone()[0])


def _key(name: str) -> int:
    """A stable signed 32-bit number for the name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big", signed=True)


def _narrow(number: int) -> int:
    """Ids are 64 bits, lock keys 32: fold, so that a clash costs a wait, never a result."""
    folded = (number ^ (number >> 32)) & 0xFFFFFFFF
    return folded - (1 << 32) if folded >= (1 << 31) else folded

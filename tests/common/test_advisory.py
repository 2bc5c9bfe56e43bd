"""Advisory locks: they order writers, and a session's lock falls with its connection."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from apps.common.advisory import (
    _narrow,
    is_held,
    lock_exclusive,
    lock_shared,
    session_lock,
    try_lock_exclusive,
)
from tests.embedded.stage import wait_until


def in_another_session(work: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            failures.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=30)
    if failures:
        raise failures[0]


@pytest.mark.django_db(transaction=True)
def test_sharers_meet_and_an_exclusive_holder_is_alone() -> None:
    def share() -> None:
        with transaction.atomic():
            lock_shared("test", 1)
            assert not try_lock_exclusive("test", 1)
            assert try_lock_exclusive("test", 2)
            assert try_lock_exclusive("another", 1)

    with transaction.atomic():
        lock_shared("test", 1)
        in_another_session(share)
    with transaction.atomic():
        lock_exclusive("test", 1)

        def try_it() -> None:
            with transaction.atomic():
                assert not try_lock_exclusive("test", 1)

        in_another_session(try_it)


@pytest.mark.django_db(transaction=True)
def test_a_session_lock_is_seen_by_others_and_falls_with_its_connection() -> None:
    def hold_and_die() -> None:
        with session_lock("test", 7) as is_ours:
            assert is_ours
            assert is_held("test", 7)
            connection.close()

    def find_it_taken() -> None:
        with session_lock("test", 8) as is_ours:
            assert not is_ours

    in_another_session(hold_and_die)
    wait_until(lambda: not is_held("test", 7), "the server ends the session a moment later")
    with session_lock("test", 8) as is_ours:
        assert is_ours
        in_another_session(find_it_taken)
        assert is_held("test", 8)
    assert not is_held("test", 8)


@pytest.mark.django_db(transaction=True)
def test_a_transaction_lock_needs_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        lock_shared("test", 1)


@pytest.mark.parametrize("number", [0, 1, 2**31 - 1, 2**31, 2**32, 2**63 - 1])
def test_long_ids_fold_into_the_key(number: int) -> None:
    assert -(2**31) <= _narrow(number) < 2**31

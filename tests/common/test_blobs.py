"""Long bytes by COPY in its binary form: as they are, in their order, and faults on the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection, transaction

from apps.common.blobs import copy_blobs, read_blobs

pytestmark = pytest.mark.django_db

COLUMNS = {"number": "integer", "owner": "bigint", "content": "bytea"}
ROWS = [
    (0, 2**63 - 1, b""),
    (1, -(2**63), bytes(range(256))),
    (2, None, b'\\x00,\n"' * 40_000),
    (2**31 - 1, 0, b"\xff\xff"),
    (-(2**31), 7, b"PGCOPY\n\xff\r\n\0"),
]


@pytest.fixture(autouse=True)
def table() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE blobs (number integer NOT NULL, owner bigint, content bytea)"
            " ON COMMIT DROP"
        )


def stored() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, owner, content FROM blobs")
        return [(number, owner, bytes(content)) for number, owner, content in cursor.fetchall()]


def test_what_goes_in_is_there_and_comes_out() -> None:
    copy_blobs("blobs", COLUMNS, ROWS)
    assert stored() == ROWS
    wanted = "SELECT content FROM blobs WHERE number >= %s ORDER BY number DESC"
    assert read_blobs(wanted, [0]) == [ROWS[at][2] for at in (3, 2, 1, 0)]


def test_nothing_in_is_nothing_out() -> None:
    copy_blobs("blobs", COLUMNS, [])
    assert stored() == []
    assert read_blobs("SELECT content FROM blobs", []) == []


def test_what_the_database_refuses_stores_none_of_them() -> None:
    with pytest.raises(DatabaseError, match="null value"), transaction.atomic():
        copy_blobs("blobs", COLUMNS, [*ROWS, (None, 1, b"no number")])
    assert stored() == []


def test_a_fault_while_a_row_is_made_stores_none_of_them() -> None:
    def rows() -> Iterator[tuple[int, int, bytes]]:
        yield 1, 1, b"one"
        raise ArithmeticError("the second row could not be made")

    with pytest.raises(DatabaseError, match="the second row"), transaction.atomic():
        copy_blobs("blobs", COLUMNS, rows())
    assert stored() == []


def test_a_query_that_fails_is_an_error_of_the_database() -> None:
    with pytest.raises(DatabaseError, match="no_such_table"), transaction.atomic():
        read_blobs("SELECT content FROM no_such_table", [])

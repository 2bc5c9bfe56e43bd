"""Texts that are one statement that reads, and texts that only look like one."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ingestion.connectors import ConnectorInvalid
from apps.ingestion.connectors.sql_statement import bound_names, without_end

READING = [
    ("SELECT 1", "sqlite", []),
    ("select a from t where d between :period_start and :period_end", "postgresql", None),
    ("WITH x AS (SELECT 1 AS a) SELECT a FROM x", "postgresql", []),
    ("-- what we owe\nSELECT a /* all of it */ FROM t", "mysql", []),
    ('SELECT \'it\'\'s\', "odd ""name""" FROM t', "sqlite", []),
    ("SELECT 'delete; drop' AS update_note, \"comment\" FROM t", "postgresql", []),
    ("SELECT a::numeric, b[1:2] FROM t WHERE c = :account", "postgresql", ["account"]),
    ("SELECT `odd` FROM t", "mysql", []),
    ("SELECT a FROM t\r\nWHERE b LIKE '100%'", "mssql", []),
    ("SELECT a FROM t WHERE b = :x OR c = :x", "oracle", ["x"]),
]


@pytest.mark.parametrize(("statement", "dialect", "names"), READING)
def test_what_reads(statement: str, dialect: str, names: list[str] | None) -> None:
    expected = ["period_start", "period_end"] if names is None else names
    assert bound_names(statement, dialect) == expected


NOT_READING = [
    ("", "sqlite"),
    ("-- nothing", "sqlite"),
    ("(SELECT 1) UNION (DELETE FROM t)", "postgresql"),
    ("DELETE FROM t", "postgresql"),
    ("VALUES (1)", "postgresql"),
    ("COPY t TO PROGRAM 'id'", "postgresql"),
    ("EXPLAIN ANALYZE DELETE FROM t", "postgresql"),
    ("SELECT 1; DELETE FROM t", "postgresql"),
    ("SELECT 1;;", "sqlite"),
    ("SELECT 1 /* ; */; SELECT 2", "sqlite"),
    ("SELECT 1 DELETE FROM t", "mssql"),
    ("SELECT 1 EXEC xp_cmdshell 'dir'", "mssql"),
    ("WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x", "postgresql"),
    ("SELECT a INTO new FROM t", "postgresql"),
    ("SELECT a INTO OUTFILE '/tmp/x' FROM t", "mysql"),
    ("SELECT a FROM t FOR UPDATE", "postgresql"),
    ("SELECT 'never ends", "sqlite"),
    ('SELECT "never ends', "sqlite"),
    # What databases read differently; each of these hides a second statement from somebody.
    (r"SELECT '\' ' ; DELETE FROM t -- '", "mysql"),
    ("SELECT 1 --1; DELETE FROM t", "mysql"),
    ("SELECT 1 /*! ; DELETE FROM t */", "mysql"),
    ("SELECT 1 /*+ x */", "oracle"),
    ("SELECT 1 /*M! ; DELETE FROM t */", "mariadb"),
    ("SELECT 1 /* /* */ ' */ ; DELETE FROM t -- '", "postgresql"),
    ("SELECT 1 # '\n; DELETE FROM t # '", "mysql"),
    ("SELECT $$ ' $$ ; DELETE FROM t -- '", "postgresql"),
    ("SELECT 1 ` ; DELETE FROM t --`", "postgresql"),
    ("SELECT [']; DELETE FROM t --']", "mssql"),
    ("SELECT [']; DELETE FROM t --']", "sqlite"),
    ("SELECT q'[']'; DELETE FROM t --'", "oracle"),
    ("SELECT nq'[']'; DELETE FROM t --'", "oracle"),
    ("SELECT 1 -- x\r; DELETE FROM t", "postgresql"),
    ("SELECT 1 -- x \r ' \n ; DELETE FROM t --'", "mysql"),
    ("SELECT @@version", "mssql"),
    ("SELECT ?", "sqlite"),
    ("SELECT ':hidden'", "sqlite"),
    ('SELECT ":hidden"', "sqlite"),
    ("SELECT 1 -- :hidden", "sqlite"),
    ("SELECT 1 /* :hidden */", "sqlite"),
    ("SELECT a : b", "sqlite"),
    ("SELECT 'nul\0'", "sqlite"),
]


@pytest.mark.parametrize(("statement", "dialect"), NOT_READING)
def test_what_does_not(statement: str, dialect: str) -> None:
    with pytest.raises(ConnectorInvalid) as caught:
        bound_names(statement, dialect)
    assert caught.value.path == "statement"


def test_one_semicolon_at_the_end_is_taken_off() -> None:
    assert without_end(" SELECT 1 ; ") == "SELECT 1"


PIECES = st.sampled_from(
    [
        "SELECT",
        "1",
        "'",
        '"',
        "--",
        "\n",
        "/*",
        "*/",
        ";",
        "DELETE FROM t",
        "[",
        "]",
        "`",
        " ",
        "a",
        "''",
        "-- ",
        "WITH",
        ",",
        "(",
        ")",
        "\r",
        "x'",
    ]
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=14).map(lambda pieces: "SELECT 1 " + "".join(pieces)))
def test_sqlite_never_deletes_by_what_was_taken(statement: str) -> None:
    """SQLite itself is the oracle: run as a script, what was taken leaves the rows alone."""
    try:
        bound_names(statement, "sqlite")
    except ConnectorInvalid:
        return
    with sqlite3.connect(":memory:") as database:
        database.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        with contextlib.suppress(sqlite3.Error):
            database.executescript(statement)
        assert database.execute("SELECT count(*) FROM t").fetchone() == (1,)

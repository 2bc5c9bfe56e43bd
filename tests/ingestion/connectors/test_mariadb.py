"""SQL sources on a real MariaDB: `bin/test -m nightly tests/ingestion/connectors/test_mariadb.py`.

It needs the programs of Debian's `mariadb-server`.
"""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pymysql
import pytest

from apps.ingestion.connectors import PullFailed, Window
from apps.ingestion.connectors.errors import (
    AccessRefused,
    AnswerRefused,
    AnswerTooLarge,
    TookTooLong,
    Unreachable,
)
from apps.ingestion.connectors.sql import Sql

pytestmark = pytest.mark.nightly

SQL = Sql()
APRIL = Window("2026-04", date(2026, 4, 1), date(2026, 4, 30))
OF_APRIL = (
    "SELECT id, day, amount, text FROM bank_lines"
    " WHERE day BETWEEN :period_start AND :period_end ORDER BY id"
)
BOOKS = (
    "CREATE DATABASE books CHARACTER SET utf8mb4",
    "USE books",
    "CREATE TABLE bank_lines (id int, day date, amount decimal(38,10), text varchar(100))",
    "INSERT INTO bank_lines VALUES (1, '2026-04-01', 12345678901234567890.0000000001, 'Äpfel'),"
    " (2, '2026-04-30', -7.10, '100%'), (3, '2026-05-01', 9.99, 'May')",
    "CREATE FUNCTION sneak() RETURNS int MODIFIES SQL DATA"
    " BEGIN DELETE FROM bank_lines; RETURN 1; END",
    "CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'secret'",
    "GRANT ALL ON books.* TO reader@'127.0.0.1'",
)
ENDLESS = "SELECT count(*) AS n FROM " + ", ".join(
    f"information_schema.columns AS {name}" for name in "abcd"
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server of its own, with April's lines."""
    missing = [name for name in ("mariadb-install-db", "mariadbd") if not shutil.which(name)]
    assert not missing, f"{missing} are not here: apt-get install mariadb-server"
    folder = tmp_path_factory.mktemp("mariadb")
    user = f"--user={getpass.getuser()}"
    subprocess.run(
        ["mariadb-install-db", user, f"--datadir={folder}", "--auth-root-authentication-method="
         "normal"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as found:
        number: int = found.getsockname()[1]
    program = shutil.which("mariadbd") or ""
    server = subprocess.Popen(
        [program, "--no-defaults", user, f"--datadir={folder}", f"--socket={folder}/socket",
         f"--port={number}", "--bind-address=127.0.0.1", "--skip-name-resolve"],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _fill(folder / "socket")
        yield number
    finally:
        server.terminate()
        server.wait(60)


def _fill(path: Path) -> None:
    ends_at = time.monotonic() + 60
    while True:
        try:
            connection = pymysql.connect(unix_socket=str(path), user="root", autocommit=True)
            break
        except pymysql.OperationalError:
            assert time.monotonic() < ends_at, "the server does not start"
            time.sleep(0.2)
    with connection, connection.cursor() as cursor:
        for statement in BOOKS:
            cursor.execute(statement)


@pytest.fixture(params=["mysql", "mariadb"])
def ask(request: pytest.FixtureRequest, port: int, site: Any) -> Callable[..., Any]:
    """Pull by a statement; however the server is named, it is what it is."""

    def pull(statement: str, password: str = "secret", at: int = port, **settings: Any) -> Any:
        url = f"{request.param}+pymysql://reader@127.0.0.1:{at}/books"
        given = {"url": url, "statement": statement, **settings}
        SQL.check(given, {"password": password}, site("127.0.0.1"))
        return SQL.pull(given, {"password": password}, APRIL, site("127.0.0.1"))

    return pull


def test_rows_come_with_exact_decimals(ask: Any) -> None:
    content = ask(OF_APRIL).content.decode()
    assert '"amount":12345678901234567890.0000000001' in content
    assert '"text":"Äpfel"' in content
    assert '"text":"100%"' in content
    assert "May" not in content


@pytest.mark.parametrize(
    ("statement", "settings", "refusal", "words"),
    [
        ("SELECT sneak() AS a", {}, AnswerRefused, "tries to write"),
        ("SELECT sleep(30) AS a", {"timeout_seconds": 1}, TookTooLong, "longer than"),
        (ENDLESS, {"timeout_seconds": 1}, TookTooLong, "longer than"),
        ("SELECT id FROM bank_lines", {"row_limit": 2}, AnswerTooLarge, "more than 2 rows"),
        ("SELECT nothing AS a FROM bank_lines", {}, AnswerRefused, "refuses the statement"),
        (OF_APRIL, {"password": "wrong"}, AccessRefused, "credentials"),
        (OF_APRIL, {"at": 1}, Unreachable, "does not answer"),
    ],
)
def test_what_it_refuses_is_told_and_nothing_is_changed(
    statement: str, settings: dict[str, Any], refusal: type[PullFailed], words: str, ask: Any
) -> None:
    before = ask("SELECT count(*) AS n FROM bank_lines").content
    with pytest.raises(refusal, match=words):
        ask(statement, **settings)
    assert ask("SELECT count(*) AS n FROM bank_lines").content == before

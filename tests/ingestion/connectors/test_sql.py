"""SQL sources on a real PostgreSQL and on SQLite files."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from sqlalchemy import exc
from sqlalchemy.engine import make_url

from apps.ingestion.connectors import ConnectorInvalid, NothingThere, PullFailed
from apps.ingestion.connectors.errors import (
    AccessRefused,
    AnswerMalformed,
    AnswerRefused,
    AnswerTooLarge,
    EgressRefused,
    TookTooLong,
    Unreachable,
)
from apps.ingestion.connectors.exact_json import Number, document, parsed
from apps.ingestion.connectors.sql import Sql, _refusal
from tests.ingestion.connectors.conftest import APRIL

SQL = Sql()
LINES = "SELECT id, booked_on, amount, currency FROM lines"
OF_APRIL = f"{LINES} WHERE booked_on BETWEEN :period_start AND :period_end ORDER BY id"


@pytest.fixture
def books(tmp_path: Path) -> dict[str, Any]:
    """A SQLite file with lines of March and April; the settings that read April's."""
    with sqlite3.connect(tmp_path / "books.db") as database:
        database.execute("CREATE TABLE lines (id TEXT, booked_on TEXT, amount NUMERIC, currency)")
        database.executemany(
            "INSERT INTO lines VALUES (?, ?, ?, 'EUR')",
            [
                ("M-1", "2023-03-31", "1"),
                ("A-1", "2023-04-01", "100.10"),
                ("A-2", "2023-04-30", "-40.25"),
            ],
        )
    return {"url": "sqlite:///books.db", "statement": OF_APRIL}


@pytest.fixture
def postgres(transactional_db: None) -> Iterator[dict[str, Any]]:
    """A table in the test database, seen by a connection of its own; the settings to read it."""
    facts = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE pulled_lines (id text, booked_on date, amount numeric(20,4), currency"
            " text, at timestamptz DEFAULT '2023-04-01T10:00:00Z')"
        )
        cursor.execute(
            "INSERT INTO pulled_lines SELECT 'A-' || n, '2023-04-01'::date + n % 30,"
            " n * 0.0001 + 12345678901234, 'EUR' FROM generate_series(1, 2500) n"
        )
    try:
        yield {
            "url": f"postgresql://{facts['USER']}@/{facts['NAME']}?host={facts['HOST']}",
            "statement": "SELECT id, booked_on, amount, currency, at FROM pulled_lines"
            " WHERE booked_on BETWEEN :period_start AND :period_end ORDER BY amount",
            "password": facts["PASSWORD"],
            "host": facts["HOST"],
        }
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE pulled_lines")


def ask_postgres(postgres: dict[str, Any], site: Any, **changes: Any) -> Any:
    settings = {
        **{name: postgres[name] for name in ("url", "statement")},
        **{name: value for name, value in changes.items() if name != "password"},
    }
    credentials = {"password": changes.get("password", postgres["password"])}
    listed = site(postgres["host"])
    SQL.check(settings, credentials, listed)
    return SQL.pull(settings, credentials, APRIL, listed)


class TestPostgreSQL:
    def test_rows_come_with_exact_decimals(self, postgres: Any, site: Any) -> None:
        pulled = ask_postgres(postgres, site)
        rows = parsed(pulled.content.decode())
        assert len(rows) == 2500
        assert rows[0] == {
            "id": "A-1",
            "booked_on": "2023-04-02",
            "amount": Number("12345678901234.0001"),
            "currency": "EUR",
            "at": "2023-04-01T10:00:00+00:00",
        }
        assert pulled.query_text == postgres["statement"]
        assert pulled.parameters == {"period_start": "2023-04-01", "period_end": "2023-04-30"}
        assert pulled.content.splitlines()[1].startswith(b'{"id":"A-1"')

    def test_values_are_bound_and_percent_signs_are_text(self, postgres: Any, site: Any) -> None:
        statement = "SELECT id FROM pulled_lines WHERE id = :id OR id LIKE '%-2500' ORDER BY id"
        odd = "A-7'; DROP TABLE pulled_lines; --"
        pulled = ask_postgres(postgres, site, statement=statement, parameters={"id": odd})
        assert [row["id"] for row in parsed(pulled.content.decode())] == ["A-2500"]
        pulled = ask_postgres(postgres, site, statement=statement, parameters={"id": "A-7"})
        assert [row["id"] for row in parsed(pulled.content.decode())] == ["A-2500", "A-7"]

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT nextval('ingestion_batch_id_seq')",
            "SELECT lo_create(4711)",
            "SELECT finflow_writes()",
        ],
    )
    def test_the_transaction_cannot_write(self, statement: str, postgres: Any, site: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION finflow_writes() RETURNS int LANGUAGE sql AS"
                " 'DELETE FROM pulled_lines; SELECT 1'"
            )
        try:
            with pytest.raises(AnswerRefused, match="tries to write"):
                ask_postgres(postgres, site, statement=statement)
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pulled_lines")
                assert cursor.fetchone() == (2500,)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP FUNCTION finflow_writes()")

    def test_it_ends_in_time(self, postgres: Any, site: Any) -> None:
        with pytest.raises(TookTooLong) as caught:
            ask_postgres(postgres, site, statement="SELECT pg_sleep(30)", timeout_seconds=1)
        assert caught.value.is_passing

    def test_more_rows_than_the_limit_are_refused(self, postgres: Any, site: Any) -> None:
        with pytest.raises(AnswerTooLarge, match="more than 2,499 rows"):
            ask_postgres(postgres, site, row_limit=2499)
        assert ask_postgres(postgres, site, row_limit=2500)

    def test_a_wrong_password_is_not_tried_again(self, postgres: Any, site: Any) -> None:
        with pytest.raises(AccessRefused) as caught:
            ask_postgres(postgres, site, password="wrong-secret")
        assert not caught.value.is_passing
        assert "wrong-secret" not in str(caught.value)

    def test_what_the_database_does_not_understand_is_told(self, postgres: Any, site: Any) -> None:
        with pytest.raises(AnswerRefused, match='column "nonsense" does not exist'):
            ask_postgres(postgres, site, statement="SELECT nonsense FROM pulled_lines")

    def test_a_value_at_fault_is_not(self, postgres: Any, site: Any) -> None:
        statement = "SELECT id::int FROM pulled_lines"
        with pytest.raises(AnswerRefused, match="22P02") as caught:
            ask_postgres(postgres, site, statement=statement)
        assert "A-1" not in caught.value.message

    def test_values_that_no_date_can_hold(self, postgres: Any, site: Any) -> None:
        with pytest.raises(AnswerMalformed):
            ask_postgres(postgres, site, statement="SELECT '99999-01-01'::date AS d")

    def test_a_server_that_is_not_there(self, postgres: Any, site: Any, tmp_path: Path) -> None:
        settings = {"url": f"postgresql://u@/d?host={tmp_path}", "statement": "SELECT 1 AS a"}
        with pytest.raises(Unreachable) as caught:
            SQL.pull(settings, {}, APRIL, site(str(tmp_path)))
        assert caught.value.is_passing


class TestSqlite:
    def test_a_file_of_the_drop_folder_is_read(self, books: Any, site: Any) -> None:
        SQL.check(books, {}, site())
        pulled = SQL.pull(books, {}, APRIL, site())
        assert pulled.content == (
            b'[\n{"id":"A-1","booked_on":"2023-04-01","amount":100.1,"currency":"EUR"},\n'
            b'{"id":"A-2","booked_on":"2023-04-30","amount":-40.25,"currency":"EUR"}\n]\n'
        )
        assert pulled.filename == "2023-04.json"

    def test_no_rows_are_an_empty_list(self, books: Any, site: Any) -> None:
        nothing = {**books, "statement": "SELECT id FROM lines WHERE id = 'none'"}
        assert SQL.pull(nothing, {}, APRIL, site()).content == b"[]\n"

    def test_numbers_stay_numbers_in_parameters(self, books: Any, site: Any) -> None:
        asked = {
            **books,
            "statement": "SELECT typeof(:n) AS n, typeof(:t) AS t",
            "parameters": {"n": -7, "t": "007x"},
        }
        pulled = SQL.pull(asked, {}, APRIL, site())
        assert json.loads(pulled.content) == [{"n": "integer", "t": "text"}]
        assert pulled.parameters == {"n": -7, "t": "007x"}

    def test_it_ends_in_time(self, books: Any, site: Any) -> None:
        endless = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
            " SELECT max(i) AS m FROM n"
        )
        with pytest.raises(TookTooLong):
            SQL.pull({**books, "statement": endless, "timeout_seconds": 1}, {}, APRIL, site())

    def test_rows_that_trickle_end_in_time_too(self, books: Any, site: Any) -> None:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        asked = {**books, "statement": endless, "timeout_seconds": 1, "row_limit": 5_000_000}
        with pytest.raises(TookTooLong):
            SQL.pull(asked, {}, APRIL, site(max_bytes=10**9))

    def test_the_clock_is_looked_at_between_rows(
        self, books: Any, site: Any, monkeypatch: Any
    ) -> None:
        """By a clock that jumps 40 seconds whenever it is looked at."""
        clock = SimpleNamespace(monotonic=partial(next, count(step=40)))
        monkeypatch.setattr("apps.ingestion.connectors.sql.time", clock)
        with pytest.raises(TookTooLong):
            SQL.pull({**books, "timeout_seconds": 60}, {}, APRIL, site())

    def test_more_bytes_than_are_taken_are_refused(self, books: Any, site: Any) -> None:
        with pytest.raises(AnswerTooLarge, match="100 bytes"):
            SQL.pull(books, {}, APRIL, site(max_bytes=100))

    def test_what_is_not_there(self, books: Any, site: Any, tmp_path: Path) -> None:
        with pytest.raises(NothingThere):
            SQL.pull({**books, "url": "sqlite:///none.db"}, {}, APRIL, site())
        (tmp_path / "inside").mkdir()
        (tmp_path / "inside/link.db").symlink_to(tmp_path / "books.db")
        with pytest.raises(NothingThere):
            SQL.pull(
                {**books, "url": "sqlite:///link.db"},
                {},
                APRIL,
                site(drop_folder=tmp_path / "inside"),
            )

    def test_a_file_that_is_no_database(self, books: Any, site: Any, tmp_path: Path) -> None:
        (tmp_path / "books.db").write_bytes(b"no database at all" * 100)
        with pytest.raises(AnswerRefused):
            SQL.pull(books, {}, APRIL, site())

    @pytest.mark.parametrize(
        ("statement", "refusal"),
        [
            ("SELECT id, id FROM lines", AnswerMalformed),
            ("SELECT 0.1 + 0.2 AS a", AnswerMalformed),
            ("SELECT x'00ff' AS a", AnswerMalformed),
            ("SELECT 9e999 AS a", AnswerMalformed),
            ("SELECT nonsense FROM lines", AnswerRefused),
        ],
    )
    def test_answers_that_cannot_be_taken(
        self, statement: str, refusal: type[PullFailed], books: Any, site: Any
    ) -> None:
        with pytest.raises(refusal):
            SQL.pull({**books, "statement": statement}, {}, APRIL, site())


INVALID: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"url": ""}, {}, "url"),
    ({"url": "no url"}, {}, "url"),
    ({"url": "nonsense://host/db"}, {}, "url"),
    ({"url": "oracle+oracledb://db.example.com/x"}, {}, "url"),
    ({"url": "sqlite+aiosqlite:///books.db"}, {}, "url"),
    ({"url": "postgresql://u:word@db.example.com/x"}, {}, "url"),
    ({"url": "postgresql://u@other.example.com/x"}, {}, "url"),
    ({"url": "postgresql://u@127.0.0.1/x"}, {}, "url"),
    ({"url": "postgresql://u@db.example.com,127.0.0.1/x"}, {}, "url"),
    ({"url": "postgresql:///x"}, {}, "url"),
    ({"url": "postgresql://u@db.example.com/x?host=/run/postgresql"}, {}, "url"),
    ({"url": "postgresql:///x?host=/run/postgresql"}, {}, "url"),
    ({"url": "postgresql:///x?host=127.0.0.1"}, {}, "url"),
    ({"url": "postgresql://u@db.example.com/x?options=-c%20a"}, {}, "url"),
    ({"url": "postgresql://u@db.example.com/x?sslmode=a&sslmode=b"}, {}, "url"),
    ({"url": "sqlite:////etc/passwd"}, {}, "url"),
    ({"url": "sqlite:///../books.db"}, {}, "url"),
    ({"url": "sqlite:///:memory:"}, {}, "url"),
    ({"url": "sqlite://"}, {}, "url"),
    ({"url": "sqlite:///file:books.db?uri=true"}, {}, "url"),
    ({"statement": "DELETE FROM lines"}, {}, "statement"),
    ({"statement": "SELECT 1; SELECT 2"}, {}, "statement"),
    ({"statement": None}, {}, "statement"),
    ({"statement": "SELECT :unknown"}, {}, "parameters.unknown"),
    ({"parameters": {"period_start": "x"}}, {}, "parameters.period_start"),
    ({"parameters": {"unused": "x"}}, {}, "parameters.unused"),
    ({"parameters": {"unused": 1.5}}, {}, "parameters.unused"),
    ({"parameters": []}, {}, "parameters"),
    ({"row_limit": 0}, {}, "row_limit"),
    ({"row_limit": True}, {}, "row_limit"),
    ({"timeout_seconds": 10**6}, {}, "timeout_seconds"),
    ({"read_only": False}, {}, "read_only"),
    ({}, {"user": "x"}, "credentials.user"),
    ({}, {"password": ""}, "credentials.password"),
]


@pytest.mark.parametrize(("changes", "credentials", "path"), INVALID)
def test_settings_that_cannot_work_name_their_path(
    changes: dict[str, Any], credentials: dict[str, str], path: str, site: Any
) -> None:
    good = {"url": "postgresql://u@db.example.com/x", "statement": "SELECT 1 AS a"}
    SQL.check(good, {"password": "x"}, site("db.example.com"))
    with pytest.raises(ConnectorInvalid) as caught:
        SQL.check({**good, **changes}, credentials, site("db.example.com"))
    assert caught.value.path == path
    assert "word" not in caught.value.message.replace("password", "")


def test_what_is_null_is_left_to_its_default(site: Any) -> None:
    settings = {
        "url": "postgresql://u@db.example.com/x",
        "statement": "SELECT 1 AS a",
        "parameters": None,
        "row_limit": None,
    }
    SQL.check(settings, {}, site("db.example.com"))


def as_if_installed(monkeypatch: Any, dialect: str) -> None:
    """A driver that is not among our packages, for what is decided before it is called."""
    driver = make_url(f"{dialect}://").get_dialect()
    monkeypatch.setattr(driver, "import_dbapi", classmethod(lambda cls: None))


def test_an_asynchronous_driver_is_refused(site: Any, monkeypatch: Any) -> None:
    as_if_installed(monkeypatch, "sqlite+aiosqlite")
    settings = {"url": "sqlite+aiosqlite:///books.db", "statement": "SELECT 1 AS a"}
    with pytest.raises(ConnectorInvalid, match="another way of programming"):
        SQL.check(settings, {}, site())


def test_a_colon_that_sqlalchemy_would_bind_is_refused(site: Any) -> None:
    settings = {"url": "postgresql://u@db.example.com/x", "statement": "SELECT a[1: 2], b[ :2]"}
    with pytest.raises(ConnectorInvalid):
        SQL.check(settings, {}, site("db.example.com"))


def test_a_listed_name_with_a_private_address_is_not_connected_to(site: Any) -> None:
    from apps.ingestion.connectors import EgressRules

    inside = EgressRules(("db.example.com",), resolve=lambda host: ["10.0.0.5"])
    settings = {"url": "postgresql://u@db.example.com/x", "statement": "SELECT 1 AS a"}
    with pytest.raises(EgressRefused):
        SQL.pull(settings, {}, APRIL, site(egress=inside))


@pytest.mark.parametrize(
    ("driver", "arguments"),
    [
        ("postgresql", {"hostaddr": "10.0.0.5", "connect_timeout": 10}),
        ("mysql+pymysql", {"connect_timeout": 10}),
        ("oracle+oracledb", {}),
    ],
)
def test_the_driver_connects_to_the_address_that_was_checked(
    driver: str, arguments: dict[str, Any], site: Any, monkeypatch: Any
) -> None:
    """As far as the driver can be told; the others find it by the name that was checked."""
    from apps.ingestion.connectors import EgressRules
    from apps.ingestion.connectors import sql as module

    seen: dict[str, Any] = {}

    def stop(url: Any, **options: Any) -> Any:
        seen.update(options, url=url)
        raise Unreachable

    monkeypatch.setattr(module.sqlalchemy, "create_engine", stop)
    rules = EgressRules(("db.example.com", "10.0.0.0/8"), resolve=lambda host: ["10.0.0.5"])
    as_if_installed(monkeypatch, driver)
    settings = {"url": f"{driver}://u@db.example.com/x", "statement": "SELECT 1 AS a"}
    with pytest.raises(Unreachable):
        SQL.pull(settings, {"password": "p@ss:w/rd"}, APRIL, site(egress=rules))
    assert seen["connect_args"] == arguments
    assert (seen["url"].host, seen["url"].password) == ("db.example.com", "p@ss:w/rd")


def test_the_place_of_credentials_is_server_database_and_user() -> None:
    here = SQL.destination({"url": "postgresql://u@h/x?sslmode=require", "statement": "a"})
    assert here == SQL.destination({"url": "postgresql://u@h/x", "statement": "b"})
    for other in ("postgresql://u@h2/x", "postgresql://v@h/x", "postgresql:///x?host=/run"):
        assert here != SQL.destination({"url": other})
    assert SQL.destination({"url": "no url"}) == SQL.destination({}) == ""


def test_errors_of_sqlalchemy_itself() -> None:
    assert isinstance(_refusal(exc.CompileError("x")), AnswerRefused)


def test_values_stand_exactly_as_they_were() -> None:
    row = {
        "n": None,
        "b": True,
        "i": 10**25,
        "d": Decimal("1E+3"),
        "f": 1e-7,
        "day": date(2023, 4, 1),
        "at": datetime(2023, 4, 1, 10),
        "u": uuid.UUID(int=7),
        "o": {"a": [Decimal("0.10"), "ü\n"]},
        "w": Number("1.50"),
    }
    assert document([row], max_bytes=1000).decode() == (
        '[\n{"n":null,"b":true,"i":10000000000000000000000000,"d":1000,"f":0.0000001,'
        '"day":"2023-04-01","at":"2023-04-01T10:00:00",'
        '"u":"00000000-0000-0000-0000-000000000007","o":{"a":[0.10,"ü\\n"]},"w":1.50}\n]\n'
    )
    with pytest.raises(AnswerMalformed, match="Row 1, column a"):
        document([{"a": Decimal("NaN")}], max_bytes=1000)


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', "NaN", "[1"])
def test_texts_that_are_not_taken(text: str) -> None:
    with pytest.raises(ValueError):
        parsed(text)

"""SQL databases through SQLAlchemy: one statement that reads, with bound parameters.

Any dialect whose driver is installed can be named. Where the database knows read-only
transactions and statement timeouts, both are set; everywhere the transaction is rolled back, and
the clock is looked at between rows. SQLite files lie in the entity's drop folder and are opened
read-only.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from apps.ingestion.connectors.contract import PLACEHOLDERS, Pulled, Site, Window
from apps.ingestion.connectors.errors import (
    AccessRefused,
    AnswerMalformed,
    AnswerRefused,
    AnswerTooLarge,
    ConnectorInvalid,
    EgressRefused,
    NothingThere,
    PullFailed,
    TookTooLong,
    Unreachable,
)
from apps.ingestion.connectors.exact_json import document
from apps.ingestion.connectors.fields import Fields, credentials_within
from apps.ingestion.connectors.sql_statement import bound_names, without_end

_URL_OPTIONS: Final = ("sslmode", "charset", "driver", "encrypt", "service_name")
_PINNED_DRIVERS: Final = ("psycopg2", "psycopg")  # they connect to `hostaddr`, and verify `host`
_CONNECT_SECONDS: Final = 10
_ROWS_AT_ONCE: Final = 1_000
_SQLITE_STEPS: Final = 10_000  # between two looks at the clock

# What begins a transaction that cannot write and ends in time; {seconds} is filled in.
_BEGINNINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "postgresql": (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "SET LOCAL statement_timeout = '{seconds}s'",
    ),
    "mysql": (
        "SET SESSION max_execution_time = {seconds}000",
        "START TRANSACTION READ ONLY",
    ),
    "mariadb": (
        "SET SESSION max_statement_time = {seconds}",
        "START TRANSACTION READ ONLY",
    ),
    "oracle": ("SET TRANSACTION READ ONLY",),
    "sqlite": ("PRAGMA query_only = ON",),
}


@dataclass(frozen=True, slots=True)
class _Query:
    """The checked settings."""

    url: URL
    statement: str
    parameters: Mapping[str, str | int]
    names: tuple[str, ...]
    row_limit: int
    timeout_seconds: int

    @property
    def dialect(self) -> str:
        return self.url.get_backend_name()

    @property
    def host(self) -> str:
        """The server, or the folder of its socket; "" for a file."""
        return self.url.host or str(self.url.query.get("host", ""))


class Sql:
    """A database that is asked by one SELECT."""

    name = "sql"
    title = "SQL database"

    def check(
        self, settings: Mapping[str, Any], credentials: Mapping[str, str], site: Site
    ) -> None:
        """See `Connector.check`."""
        _query(settings, site)
        credentials_within(credentials, ("password",))

    def destination(self, settings: Mapping[str, Any]) -> str:
        """See `Connector.destination`: driver, server, database and user."""
        try:
            url = _with_driver(make_url(str(settings.get("url", ""))))
        except ArgumentError:
            return ""
        return str(url.set(query={"host": str(url.query.get("host", ""))}))

    def pull(
        self,
        settings: Mapping[str, Any],
        credentials: Mapping[str, str],
        window: Window,
        site: Site,
    ) -> Pulled:
        """See `Connector.pull`. More rows than the limit, or more bytes, are refused."""
        query = _query(settings, site)
        engine = _engine(query, credentials.get("password"), site)
        values = {**window.values, **query.parameters}
        parameters = {name: values[name] for name in query.names}
        try:
            content = document(_rows(engine, query, parameters), max_bytes=site.max_bytes)
        except SQLAlchemyError as error:
            raise _refusal(error) from None
        except (ValueError, OverflowError):
            raise AnswerMalformed("A value of the answer cannot be read.") from None
        finally:
            engine.dispose()
        return Pulled(
            content=content,
            filename=f"{window.period}.json",
            query_text=query.statement,
            parameters=parameters,
            is_of_window={"period_start", "period_end"} <= set(parameters),
        )


def _query(settings: Mapping[str, Any], site: Site) -> _Query:
    """The checked settings.

    Raises:
        ConnectorInvalid: names the setting at fault.
    """
    fields = Fields(settings)
    url = _url(fields.text("url"), site)
    dialect = url.get_backend_name()
    statement = without_end(fields.text("statement"))
    names = bound_names(statement, dialect)
    parameters = {
        name: int(value) if value.lstrip("-").isdecimal() and value.isascii() else value
        for name, value in fields.texts("parameters").items()
    }
    query = _Query(
        url=url,
        statement=statement,
        parameters=parameters,
        names=tuple(names),
        row_limit=fields.number("row_limit", default=100_000, least=1, most=5_000_000),
        timeout_seconds=fields.number("timeout_seconds", default=60, least=1, most=1_200),
    )
    fields.end()
    if set(sqlalchemy.text(statement).compile().params) != set(names):
        raise ConnectorInvalid("statement", "has a colon that does not name a parameter.")
    known = {*PLACEHOLDERS, *parameters}
    for name in names:
        if name not in known:
            raise ConnectorInvalid(f"parameters.{name}", "is missing, but the statement names it.")
    for name in parameters:
        if name in PLACEHOLDERS or name not in names:
            raise ConnectorInvalid(f"parameters.{name}", "is not named by the statement.")
    return query


def _url(text: str, site: Site) -> URL:
    try:
        url = _with_driver(make_url(text))
        driver = url.get_dialect()
        driver.import_dbapi()
    except (ArgumentError, ValueError):
        raise ConnectorInvalid("url", "is a URL such as postgresql://user@host/name.") from None
    except (NoSuchModuleError, ImportError):
        raise ConnectorInvalid("url", "names a database whose driver is not installed.") from None
    if driver.is_async:
        raise ConnectorInvalid("url", "names a driver for another way of programming.")
    if url.password is not None:
        raise ConnectorInvalid("url", "holds a password; enter it as a credential.")
    is_postgres = url.get_backend_name() == "postgresql"
    for name, value in url.query.items():
        is_socket = name == "host" and is_postgres and not url.host and str(value).startswith("/")
        if not isinstance(value, str) or not (name.lower() in _URL_OPTIONS or is_socket):
            raise ConnectorInvalid("url", f"has an option that is not taken: {name}.")
    if url.get_backend_name() == "sqlite":
        _require_below(url)
    else:
        _require_listed(url.host or str(url.query.get("host", "")), site)
    return url


def _with_driver(url: URL) -> URL:
    """PostgreSQL by the driver that is always here, unless another one is named."""
    is_bare = url.drivername in ("postgresql", "postgres")
    return url.set(drivername="postgresql+psycopg2") if is_bare else url


def _require_below(url: URL) -> None:
    path = PurePosixPath(url.database or "")
    if url.host or url.query or path.is_absolute() or ".." in path.parts or not path.name:
        raise ConnectorInvalid(
            "url",
            "has to stay below the entity's drop folder.",
            remedy="Write sqlite:///books.db for a file of that folder.",
        )
    if path.name.startswith((":", "file:")):
        raise ConnectorInvalid("url", "names no file.")


def _require_listed(host: str, site: Site) -> None:
    if not host:
        raise ConnectorInvalid("url", "names no server.")
    try:
        site.egress.require_listed(host)
    except EgressRefused as refusal:
        raise ConnectorInvalid("url", refusal.message, remedy=refusal.remedy) from None


def _engine(query: _Query, password: str | None, site: Site) -> Engine:
    """An engine that connects once, to the address that was checked."""
    if query.dialect == "sqlite":
        return _sqlite_engine(query, site)
    arguments: dict[str, Any] = {}
    if not query.host.startswith("/"):
        address = site.egress.address_of(query.host)
        if query.url.get_driver_name() in _PINNED_DRIVERS:
            arguments["hostaddr"] = address
    if query.url.get_driver_name() in (*_PINNED_DRIVERS, "pymysql", "mysqldb"):
        arguments["connect_timeout"] = _CONNECT_SECONDS
    url = query.url if password is None else query.url.set(password=password)
    return sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=arguments)


def _sqlite_engine(query: _Query, site: Site) -> Engine:
    folder = site.drop_folder.resolve()
    file = (folder / str(query.url.database)).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise NothingThere(f"{file.name} is not in the drop folder.")
    ends_at = time.monotonic() + query.timeout_seconds

    def connect() -> sqlite3.Connection:
        found = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=5)
        found.set_progress_handler(lambda: int(time.monotonic() > ends_at), _SQLITE_STEPS)
        return found

    return sqlalchemy.create_engine("sqlite://", poolclass=NullPool, creator=connect)


def _rows(engine: Engine, query: _Query, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows one after the other, in a transaction that is rolled back."""
    ends_at = time.monotonic() + query.timeout_seconds
    with engine.connect() as connection:
        _begin(connection, query)
        streamed = connection.execution_options(stream_results=True, max_row_buffer=_ROWS_AT_ONCE)
        result = streamed.execute(sqlalchemy.text(query.statement), dict(parameters))
        names = list(result.keys())
        if len(set(names)) < len(names) or not all(names):
            raise AnswerMalformed(
                "Two columns have the same name, or one has none.",
                remedy="Name every column: SELECT a.amount AS amount, ...",
            )
        for number, row in enumerate(result, 1):
            if number > query.row_limit:
                raise AnswerTooLarge(f"There are more than {query.row_limit:,} rows.")
            if time.monotonic() > ends_at:
                raise TookTooLong
            yield dict(zip(names, row, strict=True))
        connection.rollback()


def _begin(connection: Connection, query: _Query) -> None:
    # A MariaDB that is named as MySQL says what it is once it answers.
    is_mariadb = getattr(connection.dialect, "is_mariadb", False)
    for statement in _BEGINNINGS.get("mariadb" if is_mariadb else query.dialect, ()):
        connection.exec_driver_sql(statement.format(seconds=query.timeout_seconds))


def _refusal(error: SQLAlchemyError) -> PullFailed:
    """What a driver's error means; its text is kept only where it can name no value."""
    if not isinstance(error, DBAPIError):
        return AnswerRefused(f"The statement does not work ({type(error).__name__}).")
    cause: Any = error.orig
    state = str(getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None) or "")
    text = str(cause).casefold()
    if state == "57014" or "interrupted" in text:
        return TookTooLong()
    if state.startswith("28") or "authentication failed" in text or "access denied" in text:
        return AccessRefused()
    if isinstance(cause, sqlite3.DatabaseError) or (state and not state.startswith("08")):
        return AnswerRefused(_told(cause, state))
    return Unreachable(f"The database does not answer ({type(cause).__name__}).")


def _told(cause: Any, state: str) -> str:
    """Why a statement was refused; the driver's words only where they can name no value."""
    if state.startswith("25"):
        return "The statement tries to write."
    told = getattr(getattr(cause, "diag", None), "message_primary", None)
    if state.startswith("42") and told:
        return f"The database refuses the statement: {told}."
    return f"The database refuses the statement ({state or type(cause).__name__})."

"""Credentials of connectors: sealed, never shown, kept for one place alone."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.audit.models import Event
from apps.ingestion.connectors import ConnectorInvalid
from apps.ingestion.models import Batch, Source
from apps.ingestion.services import ask_pull, connect_source, perform_pull
from apps.ingestion.services.connecting import credentials_of
from tests.ingestion.conftest import MAPPING
from tests.ingestion.test_pulls import APRIL

SECRET = "correct horse battery"
STATEMENT = "SELECT 1 AS a"


@pytest.fixture
def connected(sales: Source, connie: Any, settings: Any) -> Source:
    settings.EGRESS_HOSTS = ["db.example.com", "other.example.com"]
    return connect_source(
        source_id=sales.pk,
        connector="sql",
        connector_settings={"url": "postgresql://u@db.example.com/x", "statement": STATEMENT},
        credentials={"password": SECRET},
        actor=connie,
    )


def test_they_are_sealed_and_nowhere_in_clear(connected: Source) -> None:
    assert credentials_of(Source.objects.get(pk=connected.pk)) == {"password": SECRET}
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM ingestion_source")
        stored = bytes(cursor.fetchone()[0])
        cursor.execute("SELECT to_jsonb(h)::text FROM ingestion_historicalsource h")
        history = " ".join(row[0] for row in cursor.fetchall())
    assert stored.startswith(b"gAAAA")
    assert SECRET.encode() not in stored
    assert "credentials" not in history
    event = Event.objects.get(action="ingestion.source.connect")
    assert event.details["credentials"] == ["password"]
    assert SECRET not in json.dumps(event.details)


def test_other_settings_of_the_same_place_keep_them(connected: Source, connie: Any) -> None:
    wanted = {"url": "postgresql://u@db.example.com/x", "statement": "SELECT 2 AS a"}
    changed = connect_source(
        source_id=connected.pk, connector="sql", connector_settings=wanted, actor=connie
    )
    assert credentials_of(changed) == {"password": SECRET}


@pytest.mark.parametrize(
    ("connector", "settings_wanted"),
    [
        ("sql", {"url": "postgresql://u@other.example.com/x", "statement": STATEMENT}),
        ("sql", {"url": "postgresql://v@db.example.com/x", "statement": STATEMENT}),
        ("drop", {"path": "a.csv"}),
    ],
)
def test_they_do_not_go_to_another_place(
    connector: str,
    settings_wanted: dict[str, Any],
    connected: Source,
    connie: Any,
    table_counts: Any,
) -> None:
    asked = {"source_id": connected.pk, "connector": connector, "actor": connie}
    before = table_counts()
    with pytest.raises(ConnectorInvalid) as caught:
        connect_source(**asked, connector_settings=settings_wanted)
    assert caught.value.path == "credentials"
    assert table_counts() == before
    changed = connect_source(**asked, connector_settings=settings_wanted, credentials={})
    assert credentials_of(changed) == {}


def test_a_query_becomes_a_batch_with_its_text_and_parameters(
    define: Any, connie: Any, alice: Any, entity: Any, tmp_path: Path, settings: Any
) -> None:
    settings.FILE_DROP_DIR = str(tmp_path)
    (tmp_path / entity.code).mkdir()
    with sqlite3.connect(tmp_path / entity.code / "books.db") as database:
        database.execute("CREATE TABLE lines (id, date, amount NUMERIC, reference, who, text)")
        database.execute(
            "INSERT INTO lines VALUES ('L-1', '2023-04-03', '100.10', 'INV-1', 'Anna', 'Rent')"
        )
    statement = "SELECT * FROM lines WHERE date BETWEEN :period_start AND :period_end"
    source = define("books", mapping=MAPPING)
    connect_source(
        source_id=source.pk,
        connector="sql",
        connector_settings={"url": "sqlite:///books.db", "statement": statement},
        actor=connie,
    )
    pull = ask_pull(source_id=source.pk, actor=alice, **APRIL)
    perform_pull(pull_id=pull.pk)
    pull.refresh_from_db()
    assert (pull.status, pull.failure_message) == ("succeeded", "")
    batch = Batch.objects.get()
    assert batch.query_text == statement
    assert batch.parameters["period_start"] == "2023-04-01"
    assert (batch.format, batch.control_totals) == ("json", {"EUR": "100.10"})
    assert batch.records.get().external_id == "L-1"

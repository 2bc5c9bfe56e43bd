"""Lines dated in closed periods come in like all others, and it is said at every door."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.ingestion.models import Record, RejectedLine, Source
from apps.ingestion.selectors import feeds
from apps.ingestion.services import correct_line
from apps.ledger.fiscal import MonthCalendar
from apps.ledger.services import close_period, define_calendar, open_period
from tests.ingestion.conftest import ANNA, BERT, BROKEN, CORA, MAPPING, table
from tests.pages import text

MAY = "L-9,2023-05-02,9.00,INV-9,Eva Mol,Tea,"
MARCH = ANNA.replace("2023-04-03", "2023-03-31").replace("L-1", "L-7")
TOLD = "3 new lines fall into closed periods (2023-03: 1, 2023-04: 2)"


@pytest.fixture
def closed(entity: Any, connie: Any, system: Any) -> Callable[..., None]:
    """Close months of 2023: `closed("2023-03")`."""
    define_calendar(
        entity_id=entity.pk, name="Months", rule=MonthCalendar(), year=2023, actor=connie
    )

    def of(*months: str) -> None:
        for month in months:
            period = open_period(entity_id=entity.pk, name=month, actor=system)
            close_period(period_id=period.pk, actor=system)

    return of


def test_they_come_in_and_are_counted_by_period(
    sales: Source, bring: Any, closed: Any, alice: Any
) -> None:
    closed("2023-03", "2023-04")
    batch = bring(sales, table(MARCH, ANNA, BERT, MAY)).batch
    assert batch.closed_periods == {"2023-03": 1, "2023-04": 2}
    assert batch.closed_words == TOLD
    assert Record.objects.count() == 4
    event = Event.objects.get(action="ingestion.batch.import")
    assert event.details["closed_periods"] == {"2023-03": 1, "2023-04": 2}
    (feed,) = feeds(alice, [sales])
    assert (feed.state, [finding.problem for finding in feed.findings]) == (
        "completed_with_warning",
        [TOLD],
    )


def test_what_was_known_is_no_news(sales: Source, bring: Any, closed: Any) -> None:
    first = bring(sales, table(ANNA, BERT)).batch
    assert (first.closed_periods, first.closed_words) == ({}, "")
    closed("2023-04")
    second = bring(sales, table(ANNA, BERT, CORA)).batch
    assert second.closed_words == "1 new line falls into a closed period (2023-04: 1)"
    first.refresh_from_db()
    assert first.closed_periods == {}  # closed after it came


def test_a_file_without_lines_or_a_calendar_has_none(sales: Source, bring: Any) -> None:
    assert bring(sales, table(BROKEN)).batch.closed_periods == {}
    assert bring(sales, table(ANNA)).batch.closed_periods == {}


def test_periods_of_others_do_not_count(
    sales: Source, bring: Any, other_entity: Any, system: Any
) -> None:
    define_calendar(
        entity_id=other_entity.pk, name="Months", rule=MonthCalendar(), year=2023, actor=system
    )
    period = open_period(entity_id=other_entity.pk, name="2023-04", actor=system)
    close_period(period_id=period.pk, actor=system)
    assert bring(sales, table(ANNA)).batch.closed_periods == {}


def test_a_corrected_line_tells_it_too(sales: Source, bring: Any, closed: Any, alice: Any) -> None:
    closed("2023-04")
    bring(sales, table(BROKEN, MAY))
    line = RejectedLine.objects.get()
    correction = correct_line(
        line_id=line.pk, texts={"amount": "7.00"}, reason="The invoice", actor=alice
    )
    assert correction.batch.closed_periods == {"2023-04": 1}


def test_pages_say_it(sales: Source, closed: Any, alice: Any) -> None:
    closed("2023-03", "2023-04")
    client = Client()
    client.force_login(alice)
    content = table(MARCH, ANNA, BERT, MAY)
    sent = {"source": sales.pk, "file": SimpleUploadedFile("april.csv", content)}
    page = text(client.post(reverse("ingestion:upload"), sent, follow=True))
    assert f"4 lines, 4 of them new. {TOLD}." in page
    assert page.count(TOLD) == 2  # in the answer, and as a notice of the file
    assert TOLD in text(client.get(reverse("ingestion:sources")))


def test_rest_says_it(sales: Source, closed: Any, api: Any, ivy: Any) -> None:
    closed("2023-04")
    sent = {"source": "sales", "file": SimpleUploadedFile("april.csv", table(ANNA, MAY))}
    body = api(ivy).post("/api/transactions/upload", sent, format="multipart").json()
    assert (body["added_count"], body["closed_periods"]) == (2, {"2023-04": 1})


def test_the_command_says_it_to_people_and_its_document_stays(
    sales: Source, closed: Any, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(
        "apps.ingestion.management.commands.import_file.bring_database_up_to_date", lambda: None
    )
    closed("2023-04")
    file, mapping = tmp_path / "april.csv", tmp_path / "mapping.json"
    file.write_bytes(table(ANNA))
    mapping.write_text(json.dumps(MAPPING))
    call_command("import_file", str(file), "--source", "sales", "--mapping", str(mapping), "--json")
    told = capsys.readouterr()
    assert "1 new line falls into a closed period (2023-04: 1)." in told.err
    assert set(json.loads(told.out)) == {"format", "statements", "rejected"}

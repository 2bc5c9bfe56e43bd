"""Mappings and rejected lines in a browser: in place, by keyboard, on a phone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect, sync_playwright

from apps.ingestion.models import LineCorrection, RejectedLine, Source
from tests.ingestion.conftest import ANNA, BERT, BROKEN, MAPPING, statement, table
from tests.ui.looking import require_sound

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]


@pytest.fixture
def browse(live_server: Any, monkeypatch: Any) -> Iterator[Callable[[Any], Page]]:
    """A person's browser: `browse(connie)`."""
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        stack.callback(browser.close)

        def of(user: Any) -> Page:
            client = Client()
            client.force_login(user)
            context = browser.new_context(base_url=live_server.url)
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
            return context.new_page()

        yield of


def test_a_preview_appears_in_place_and_the_chosen_file_stays(
    browse: Any, connie: Any, sales: Source
) -> None:
    page = browse(connie)
    page.goto(reverse("ingestion:mapping", args=[sales.pk]))
    sample = {"name": "probe.csv", "mimeType": "text/csv", "buffer": table(ANNA, BROKEN)}
    page.get_by_label("Sample file").set_input_files(files=[sample])
    page.get_by_role("button", name="Preview").click()
    told = page.get_by_role("heading", name="probe.csv: 1 line would be read, 1 rejected")
    expect(told).to_be_focused()
    require_sound(page)
    page.get_by_label("Field mapping").fill(json.dumps({**MAPPING, "decimal": "x"}))
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview").get_by_text("decimal: is one of")).to_be_visible()
    assert page.evaluate("document.querySelector('input[type=file]').files.length") == 1
    page.get_by_label("Field mapping").fill(json.dumps({**MAPPING, "attributes": []}))
    page.get_by_role("button", name="Save the mapping").click()
    expect(page.get_by_text("The mapping is saved.")).to_be_visible()
    assert Source.objects.get(pk=sales.pk).mapping["attributes"] == []


def test_a_line_is_corrected_without_a_mouse(
    browse: Any, alice: Any, sales: Source, bring: Any
) -> None:
    batch = bring(sales, table(ANNA, BROKEN, BERT)).batch
    line = RejectedLine.objects.get()
    page = browse(alice)
    page.goto(reverse("ingestion:batch", args=[batch.pk]))
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(reverse("ingestion:rejected-line", args=[line.pk]))
    page.get_by_label("amount").fill("7.00")
    page.get_by_label("Why").fill("The invoice says so")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Line 3 is corrected and came in.")).to_be_visible()
    assert LineCorrection.objects.get().rejected_line == line


@pytest.mark.parametrize("width", [360, 1400])
def test_the_pages_fit_and_are_sound(
    width: int, browse: Any, connie: Any, sales: Source, bank: Source, bring: Any
) -> None:
    bring(bank, statement("2304080408C5.0.0NTRFINV-2", "2304090409C2.0.0NTRFINV-3"))
    batch = bring(sales, table(ANNA, BROKEN, BROKEN.replace("L-4", "L" * 150))).batch
    page = browse(connie)
    page.set_viewport_size({"width": width, "height": 800})
    paths = [
        reverse("ingestion:mapping", args=[sales.pk]),
        reverse("ingestion:batch", args=[batch.pk]),
        *(
            reverse("ingestion:rejected-line", args=[line.pk])
            for line in RejectedLine.objects.all()
        ),
    ]
    for path in paths:
        page.goto(path)
        require_sound(page)


def test_a_mapping_is_built_row_by_row(browse: Any, connie: Any, define: Any) -> None:
    source = define("raw", format="csv")
    page = browse(connie)
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(reverse("ingestion:mapping-form", args=[source.pk]))
    sample = b"Datum;Betrag\n31.12.2026;1.234,50\n"
    files = [{"name": "probe.csv", "mimeType": "text/csv", "buffer": sample}]
    page.get_by_label("Sample file").set_input_files(files=files)
    for number, (field, column) in enumerate((("booked_on", "Datum"), ("amount", "sum")), start=1):
        page.get_by_role("button", name="Add a field").click()
        row = page.get_by_role("group", name=f"Field {number}")
        expect(row).to_be_focused()
        row.get_by_label("Field", exact=True).select_option(field)
        row.get_by_label("From column").fill(column)
    page.get_by_role("button", name="Add a step").click()
    step = page.get_by_role("group", name="Step 1")
    step.get_by_label("Makes column").fill("sum")
    step.get_by_label("Step", exact=True).select_option("lookup")
    expect(step.get_by_label("Table")).to_be_visible()
    step.get_by_label("Step", exact=True).select_option("number")
    expect(step.get_by_label("Written as")).to_be_visible()
    step.get_by_label("Written as").select_option(",")
    step.get_by_label("From column").fill("Betrag")
    page.get_by_role("button", name="Preview").click()
    fault = page.get_by_text("There is no column for the currency.")
    expect(fault).to_be_visible()
    page.get_by_text("How the file is written").click()
    page.get_by_label("Currency of every line").fill("EUR")
    page.get_by_role("button", name="Preview").click()
    told = page.get_by_role("heading", name="probe.csv: 1 line would be read, 0 rejected")
    expect(told).to_be_focused()
    require_sound(page)
    page.set_viewport_size({"width": 1400, "height": 900})
    require_sound(page)
    page.get_by_role("button", name="Save the mapping").click()
    expect(page.get_by_text("The mapping is saved.")).to_be_visible()
    source.refresh_from_db()
    assert source.mapping == {
        "columns": {"booked_on": "Datum", "amount": "sum"},
        "transformations": {"sum": {"type": "number", "from": "Betrag", "decimal": ","}},
        "constants": {"currency": "EUR"},
    }

"""Working through breaks with the keyboard, in a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect, sync_playwright

from apps.identity.models import User
from apps.reconciliation.models import BreakReview, Run
from apps.reconciliation.services import explain_break
from tests.ui.looking import require_fit

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]


@pytest.fixture
def rita_at(live_server: Any, rita: User, monkeypatch: Any) -> Iterator[Page]:
    """Rita's browser; fails the test if the console has an error or anything leaves the site."""
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    client = Client()
    client.force_login(rita)
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(base_url=live_server.url)
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((live_server.url, "data:"))
                else faults.append(asked.url)
            ),
        )
        yield page
        browser.close()
    assert faults == []


def test_a_break_is_accepted_without_a_mouse(
    april: Run, alice: User, rita: User, rita_at: Page
) -> None:
    amount = april.breaks.get(cause="amount")
    explain_break(break_id=amount.pk, comment="Credit note of the 5th", actor=alice)
    rita_at.goto("/breaks/")
    rita_at.keyboard.press("j")
    expect(rita_at.get_by_role("link", name="INV-3")).to_be_focused()
    rita_at.keyboard.press("j")
    expect(rita_at.get_by_role("link", name="INV-9")).to_be_focused()
    rita_at.keyboard.press("k")
    rita_at.keyboard.press("Enter")
    expect(rita_at).to_have_url(f"/breaks/{amount.pk}/")
    expect(rita_at.locator("mark").first).to_be_visible()
    rita_at.keyboard.press("a")
    dialog = rita_at.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Comment").fill("Agreed")
    dialog.get_by_role("button", name="Accept").click()
    expect(rita_at.get_by_text(f"Break {amount.number} is accepted.")).to_be_visible()
    review = BreakReview.objects.get()
    assert (review.status, review.accepted_by, review.comment) == ("accepted", rita, "Agreed")
    rita_at.keyboard.press("r")
    expect(rita_at.get_by_role("dialog")).to_contain_text("Why it is opened again")


def test_the_key_works_in_the_list_too(april: Run, alice: User, rita_at: Page) -> None:
    amount = april.breaks.get(cause="amount")
    explain_break(break_id=amount.pk, comment="Credit note of the 5th", actor=alice)
    rita_at.goto("/breaks/")
    rita_at.keyboard.press("j")
    rita_at.keyboard.press("a")
    expect(rita_at).to_have_url(f"/breaks/{amount.pk}/#accept")
    expect(rita_at.get_by_role("dialog")).to_be_visible()


def test_filtering_replaces_the_list_alone(april: Run, rita_at: Page) -> None:
    rita_at.goto("/breaks/")
    rita_at.get_by_label("Cause").select_option("fee")
    expect(rita_at.locator("#break-list [data-item]")).to_have_count(1)
    expect(rita_at.get_by_role("link", name="INV-4")).to_be_visible()
    assert "cause=fee" in rita_at.url


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_screen(april: Run, rita_at: Page, width: int) -> None:
    rita_at.set_viewport_size({"width": width, "height": 800})
    pages = ["/breaks/", "/reconciliations/", f"/reconciliations/{april.pk}/", "/sources/"]
    pages += [f"/breaks/{broken.pk}/" for broken in april.breaks.all()]
    for path in pages:
        rita_at.goto(path)
        require_fit(rita_at)

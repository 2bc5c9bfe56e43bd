"""A controller reopens a period in a real browser, wide and on a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.ledger.models import Period, PeriodReopening
from tests.approvals.test_browser import DESK, PHONE, Visit, _beside_a_loop, visit
from tests.ui.conftest import chromium
from tests.ui.looking import require_sound

from .conftest import approve_both

__all__ = ["_beside_a_loop", "chromium", "visit"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def look(page: Page, name: str) -> None:
    """It fits and breaks no rule; kept as a picture where `LOOK_AT` names a folder."""
    require_sound(page)
    if folder := os.environ.get("LOOK_AT"):
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)


@pytest.mark.parametrize(("scheme", "width"), [("light", DESK), ("dark", PHONE)])
def test_asked_opened_and_closed_again(
    visit: Visit,
    closed: Period,
    two_approvers: Any,
    connie: Any,
    bob: Any,
    beth: Any,
    scheme: str,
    width: int,
) -> None:
    with visit("connie", width=width, color_scheme=scheme) as page:
        site = page.url.split("/", 3)[:3]
        page.goto("/".join([*site, "periods/"]))
        look(page, "periods")
        page.click(f"text={closed.name}")
        page.wait_for_url(f"**/periods/{closed.pk}/")
        look(page, "period")
        page.click("text=Reopen…")
        page.fill("textarea[name=reason]", "The bank sent a fee late.")
        page.fill("input[name=accounts]", "1000, 4000")
        look(page, "propose")
        page.click("button:has-text('Ask for approval')")
        page.wait_for_url("**/periods/reopenings/*/")
        look(page, "asked")
        approve_both(PeriodReopening.objects.get(), bob, beth)
        page.reload()
        page.click("text=Open 2023-04")
        expect(page.locator("dialog#open")).to_be_visible()
        look(page, "opening")
        page.click("dialog#open button[type=submit]")
        expect(page.get_by_text("takes postings again")).to_be_visible()
        look(page, "open")
        page.click("text=Close 2023-04 again")
        page.click("dialog#end button[type=submit]")
        expect(page.get_by_text("Period 2023-04 is closed again.")).to_be_visible()
        look(page, "ended")
    assert PeriodReopening.objects.get().status == "ended"
    assert Period.objects.get(pk=closed.pk).status == "hard_closed"

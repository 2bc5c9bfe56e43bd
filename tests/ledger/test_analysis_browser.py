"""A preparer analyses an account in a real browser, with the keyboard, wide and on a phone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from apps.approvals.models import Request
from apps.approvals.services import define_policy
from apps.ledger.models import AccountAnalysis
from apps.ledger.selectors import analysed
from apps.ledger.services import (
    AnalysisDraft,
    ItemDraft,
    post_entry,
    prepare_analysis,
    submit_analysis,
)
from tests.approvals.test_browser import DESK, PHONE, Visit, _beside_a_loop, visit
from tests.ui.conftest import chromium
from tests.ui.looking import require_sound

from .conftest import pair

__all__ = ["_beside_a_loop", "chromium", "visit"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bank(draft: Any, alice: Any, rita: Any, connie: Any, entity: Any) -> None:
    """12,345.67 on the bank in April; analyses need a reviewer."""
    post_entry(entry_id=draft("12345.67").pk, actor=alice)
    lines = pair("800.00", "1100", "2000")
    post_entry(entry_id=draft(lines=lines).pk, actor=alice)
    define_policy(
        entity_id=entity.pk,
        item_type="account_analysis",
        stages=[{"role": "reviewer", "count": 1}],
        actor=connie,
    )


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_balance_is_explained_and_signed_with_the_keyboard(
    visit: Visit, bank: None, live_server: Any, width: int
) -> None:
    with visit("alice", width=width) as page:
        page.goto(f"{live_server.url}/analyses/")
        expect(page.locator(".answer")).to_contain_text("0 of 3 balances")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/analyses/new/**")
        page.locator("#id_items-0-description").focus()
        page.keyboard.type("Statement of the bank")
        page.keyboard.press("Tab")
        page.keyboard.type("12000.00")
        page.keyboard.press("Tab")
        expect(page.locator("#analysis-sums")).to_contain_text("345.67")
        page.keyboard.type("Statement 4")
        page.locator("#id_items-1-description").focus()
        page.keyboard.type("Deposit of 30 April")
        page.keyboard.press("Tab")
        page.keyboard.type("345.67")
        page.keyboard.press("Tab")
        expect(page.locator("#analysis-sums")).to_contain_text("add up to the balance")
        page.locator("button[name=submit]").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/analyses/*/")
        expect(page.locator("h1")).to_contain_text("Waiting for approval")
    analysis = AccountAnalysis.objects.get()
    assert (analysis.status, analysed(analysis).unexplained) == ("submitted", 0)
    assert Request.objects.get().amount == Decimal("12345.67")


@pytest.mark.parametrize(("scheme", "width"), [("light", DESK), ("dark", PHONE)])
def test_pages_fit_and_break_no_rule(
    visit: Visit,
    bank: None,
    draft: Any,
    period: Any,
    alice: Any,
    live_server: Any,
    scheme: str,
    width: int,
) -> None:
    analysis = prepare_analysis(
        period_id=period("2023-04").pk,
        account="1000",
        content=AnalysisDraft(
            items=[
                ItemDraft("Statement of the bank", Decimal("12000.00"), "Statement 4"),
                ItemDraft("Deposit on its way", Decimal("300.00"), "Slip 77", None),
            ],
            difference_explanation="Fees that the bank explains in May.",
        ),
        actor=alice,
    )
    submit_analysis(analysis_id=analysis.pk, actor=alice)
    site = live_server.url
    form = "/analyses/new/?entity=HFS&period=2023-04&account=1000"
    pages = (f"/analyses/{analysis.pk}/", form, f"{form.replace('1000', '1100')}", "/analyses/")
    with visit("alice", width=width, color_scheme=scheme) as page:
        for path in pages:
            page.goto(site + path)
            require_sound(page)
        post_entry(entry_id=draft("1.00").pk, actor=alice)
        for path in pages:
            page.goto(site + path)
            require_sound(page)

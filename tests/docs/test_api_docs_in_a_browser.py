"""/api/docs in a real browser, under the strict policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser


def test_the_doors_are_shown_without_a_complaint_or_a_request_elsewhere(
    chromium: Browser, site: str
) -> None:
    tab = chromium.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    requests: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))

    tab.goto(f"{site}/api/docs")
    # Of a long list Swagger UI draws only what is in view.
    tab.locator(".operation-filter-input").fill("ledger")
    tab.get_by_text("/api/ledger/trial-balance", exact=False).first.click()

    body = tab.locator("#operations-ledger-ledger_trial_balance_retrieve .opblock-body")
    expect(body).to_contain_text("as_of")
    assert complaints == []
    assert [url for url in requests if not url.startswith((f"{site}/", "data:", "blob:"))] == []


def test_trying_a_door_sends_the_token_of_the_session(chromium: Browser, site: str) -> None:
    tab = chromium.new_page(viewport={"width": 1280, "height": 900})
    sent: list[dict[str, str]] = []
    tab.on("request", lambda request: request.method == "POST" and sent.append(request.headers))

    tab.goto(f"{site}/api/docs#/auth/auth_logout_create")
    tab.get_by_role("button", name="Try it out").click()
    tab.get_by_role("button", name="Execute").click()

    expect(tab.get_by_text("NOT_AUTHENTICATED").first).to_be_visible()
    assert len(sent[0]["x-csrftoken"]) == 64

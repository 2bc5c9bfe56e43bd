"""An approver at work in a real browser: signs in, finds the request, decides with the keyboard."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from apps.approvals.models import Decision, Request
from apps.approvals.states import RequestStatus
from tests.ui.conftest import chromium

__all__ = ["chromium"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE, DESK = 360, 1280
Visit = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def _beside_a_loop(chromium: Browser) -> Iterator[None]:
    """Playwright runs an event loop in this thread; Django is to work in it all the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any) -> Request:
    define(
        currency="EUR", least_amount=Decimal(1_000), attestation_text="I have read the documents."
    )
    made: Request = ask(amount=Decimal("12450.5"), currency="EUR", title="Accrual of fees")
    return made


@pytest.fixture
def visit(chromium: Browser, live_server: Any, settings: Any) -> Visit:
    """`with visit("bob") as page`: signed in, on the page that follows.

    Fails on any console error, violation of the policy or request to elsewhere, except for
    complaints that contain `expected` (a status that the browser reports on its console).
    """
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

    @contextmanager
    def signed_in(
        name: str, *, width: int = DESK, expected: str | None = None, **options: Any
    ) -> Iterator[Page]:
        tab = chromium.new_context(viewport={"width": width, "height": 800}, **options)
        page = tab.new_page()
        complaints: list[str] = []
        requests: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{live_server.url}/")
        page.fill("input[name=login]", name)
        page.fill("input[name=password]", f"{name}-likes-long-passwords")
        page.click("button[type=submit]")
        yield page
        tab.close()
        assert [text for text in complaints if expected is None or expected not in text] == []
        assert [url for url in requests if not url.startswith((live_server.url, "data:"))] == []

    return signed_in


def test_an_approver_decides_with_the_keyboard_alone(visit: Visit, waiting: Request) -> None:
    with visit("bob") as page:
        page.wait_for_url("**/approvals/")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/approvals/{waiting.pk}/")
        page.keyboard.press("a")
        expect(page.locator("#approve")).to_be_visible()
        page.locator("#approve_attested").focus()
        page.keyboard.press("Space")
        page.locator("#approve_comment").focus()
        page.keyboard.type("I approve: ra")  # letters in a field are letters
        page.click("#approve button[type=submit]")
        page.wait_for_url("**/approvals/")
        expect(page.locator("#messages")).to_contain_text("Approved: Accrual of fees.")
        expect(page.locator(".answer")).to_have_text("Nothing waits for your decision.")
    decision = Decision.objects.get()
    assert decision.comment == "I approve: ra"
    assert decision.attestation_text == "I have read the documents."


def test_a_refused_form_comes_back_open_with_the_focus_on_what_is_wrong(
    visit: Visit, waiting: Request
) -> None:
    with visit("bob", expected="422") as page:
        page.goto(f"{page.url.rstrip('/')}/{waiting.pk}/")
        page.keyboard.press("r")
        expect(page.locator("#reject")).to_be_visible()
        page.click("#reject button[type=submit]")
        expect(page.locator("#reject [role=alert]")).to_be_focused()
        page.fill("#reject_comment", "The contract is missing.")
        page.click("#reject button[type=submit]")
        page.wait_for_url("**/approvals/")
    waiting.refresh_from_db()
    assert waiting.status == RequestStatus.REJECTED


def test_without_script_a_request_is_returned_all_the_same(visit: Visit, waiting: Request) -> None:
    with visit("bob", java_script_enabled=False, expected="422") as page:
        page.click("text=Accrual of fees")
        page.click(".decide >> text=Return")
        page.click("#return button[type=submit]")
        page.click("text=Correct it")
        page.fill("#return_comment", "Two lines are missing.")
        page.click("#return button[type=submit]")
        page.wait_for_url("**/approvals/")
    waiting.refresh_from_db()
    assert waiting.status == RequestStatus.RETURNED


def test_the_list_is_narrowed_in_part(visit: Visit, define: Any, ask: Any, bob: Any) -> None:
    from tests.approvals.conftest import subject

    define()
    for number in range(12):
        ask(subject(number), title=f"Number {number}")
    with visit("bob") as page:
        page.wait_for_url("**/approvals/")
        page.keyboard.press("/")
        page.keyboard.type("number 11")
        expect(page.locator("[data-item]")).to_have_count(1)
        expect(page.locator("[data-item]")).to_contain_text("Number 11")
        assert page.evaluate("document.activeElement.name") == "q"
        assert "q=number%2011" in page.url


@pytest.mark.parametrize(("scheme", "width"), [("light", DESK), ("dark", PHONE)])
def test_pages_fit_and_break_no_rule(
    visit: Visit, waiting: Request, alice: Any, scheme: str, width: int
) -> None:
    with visit("alice", width=width, color_scheme=scheme) as page:
        page.wait_for_url("**/approvals/")
        paths = ("", "mine/", "all/", f"{waiting.pk}/", f"{waiting.pk}/withdraw/")
        inbox = page.url
        for path in paths:
            page.goto(inbox + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert Axe().run(page).response["violations"] == []
    with visit("bob", width=width, color_scheme=scheme) as page:
        page.wait_for_url("**/approvals/")
        page.goto(f"{page.url}{waiting.pk}/")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert Axe().run(page).response["violations"] == []
        page.keyboard.press("a")
        expect(page.locator("#approve")).to_be_visible()
        assert Axe().run(page).response["violations"] == []

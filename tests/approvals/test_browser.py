"""An approver at work in a real browser: signs in, finds the request, decides with the keyboard."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.approvals.models import Decision, Request
from apps.approvals.rules import Evidence
from apps.approvals.services import attach
from apps.approvals.states import RequestStatus
from tests.approvals.files import png
from tests.ui.conftest import chromium
from tests.ui.looking import require_sound

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
        page.wait_for_url(lambda url: "/accounts/login" not in url)
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
            require_sound(page)
    with visit("bob", width=width, color_scheme=scheme) as page:
        page.wait_for_url("**/approvals/")
        page.goto(f"{page.url}{waiting.pk}/")
        require_sound(page)
        page.keyboard.press("a")
        expect(page.locator("#approve")).to_be_visible()
        require_sound(page)


# --- Evidence -------------------------------------------------------------------------------


@pytest.fixture
def proven(define: Any, ask: Any, bob: Any) -> Request:
    """A request whose policy asks for evidence."""
    define(evidence_kinds=["screenshot", "explanation"], resolution_required=True)
    made: Request = ask(title="Bank, April")
    return made


def test_the_maker_adds_a_picture_and_the_approver_brings_the_rest(
    visit: Visit, proven: Request
) -> None:
    picture = {"name": "bank.png", "mimeType": "image/png", "buffer": png(640, 400)}
    with visit("alice") as page:
        page.wait_for_url("**/approvals/")
        page.goto(f"{page.url}{proven.pk}/")
        page.set_input_files("#evidence_file", files=[picture])  # type: ignore[list-item]
        page.focus("#evidence_text")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # the button, without a pointer
        expect(page.locator("#messages")).to_contain_text("Screenshot added: bank.png.")
        expect(page.locator(".exhibits img")).to_be_visible()
        expect(page.locator("#evidence .notice")).to_contain_text("an explanation and a resolution")
    with visit("bob") as page:
        page.goto(f"{page.url}{proven.pk}/")
        page.keyboard.press("a")
        expect(page.locator("#approve")).to_be_visible()
        page.fill("#approve_explanation", "Minor timing differences.")
        page.fill("#approve_resolution", "Booked on 2 May.")
        contract = {"name": "contract.txt", "mimeType": "text/plain", "buffer": b"Clause 4."}
        page.set_input_files("#approve_document", files=[contract])  # type: ignore[list-item]
        page.click("#approve button[type=submit]")
        page.wait_for_url("**/approvals/")
        expect(page.locator("#messages")).to_contain_text("Approved: Bank, April.")
    decision = Decision.objects.get()
    assert [one.kind for one in decision.attachments.all()] == [
        "explanation",
        "document",
        "resolution",
    ]
    assert proven.attachments.count() == 4


def test_a_refused_file_is_told_where_it_was_chosen(visit: Visit, proven: Request) -> None:
    drawing = {"name": "bank.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"}
    with visit("alice", expected="422", java_script_enabled=False) as page:
        page.goto(f"{page.url}{proven.pk}/")
        page.set_input_files("#evidence_file", files=[drawing])  # type: ignore[list-item]
        page.click("#evidence button[type=submit]")
        expect(page.locator("#evidence_file_error")).to_contain_text("HTML, SVG and XML")
    assert not proven.attachments.exists()


@pytest.mark.parametrize(("scheme", "width"), [("light", DESK), ("dark", PHONE)])
def test_pages_with_evidence_fit_and_break_no_rule(
    visit: Visit, proven: Request, alice: Any, scheme: str, width: int
) -> None:
    words = "https://example.com/" + "a-very-long-address-without-a-break" * 6
    for one in (
        Evidence("screenshot", "bank.png", png(2_000, 900)),
        Evidence.in_words("explanation", f"Minor timing differences.\n\n{words}"),
        Evidence("calculation", "x" * 100 + ".csv", b"4;5;9"),
    ):
        attach(request_id=proven.pk, evidence=one, actor=alice)
    for name in ("alice", "bob"):
        with visit(name, width=width, color_scheme=scheme) as page:
            page.wait_for_url("**/approvals/")
            page.goto(f"{page.url}{proven.pk}/")
            require_sound(page)
    with visit("bob", width=width, color_scheme=scheme) as page:
        page.goto(f"{page.url}{proven.pk}/")
        page.keyboard.press("a")
        expect(page.locator("#approve")).to_be_visible()
        require_sound(page)

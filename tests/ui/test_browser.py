"""The gallery in a real browser, under the strict policy: looks, keys, dialogs, htmx."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from tests.ui.gallery import ERROR_PAGES, render
from tests.ui.gallery_content import CONTEXTS
from tests.ui.looking import require_fit

pytestmark = pytest.mark.browser

PHONE = 360
ZOOMED = 640  # 1280 pixels at 200 per cent
DESK = 1280
Opener = Callable[..., Any]


@pytest.fixture(scope="module")
def opened(chromium: Browser, gallery: str) -> Opener:
    """`with opened("index", width=360, color_scheme="dark") as page`: a tab with the page.

    Fails on any console error, violation of the policy, or request to elsewhere, except for
    complaints that contain `expected` (a status that the browser reports on its console).
    """
    origin = gallery.removesuffix("/gallery")

    @contextmanager
    def visit(
        name: str, *, width: int = DESK, expected: str | None = None, **options: Any
    ) -> Iterator[Page]:
        tab = chromium.new_context(viewport={"width": width, "height": 800}, **options)
        page = tab.new_page()
        complaints: list[str] = []
        requests: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{gallery}/{name}")
        yield page
        tab.close()
        assert [text for text in complaints if expected is None or expected not in text] == []
        assert [url for url in requests if not url.startswith((f"{origin}/", "data:"))] == []

    return visit


FITTING = [
    *((name, width) for name in (*CONTEXTS, "login") for width in (PHONE, ZOOMED, DESK)),
    *((name, PHONE) for name in ERROR_PAGES),
]


@pytest.mark.parametrize(("name", "width"), FITTING)
def test_a_page_fits_and_breaks_no_rule(opened: Opener, name: str, width: int) -> None:
    with opened(name, width=width) as page:
        require_fit(page)


@pytest.mark.parametrize(("scheme", "width"), [("light", DESK), ("dark", PHONE)])
@pytest.mark.parametrize("name", ["index", "close_board", "decision", "login", "refusal"])
def test_axe_finds_nothing(opened: Opener, name: str, scheme: str, width: int) -> None:
    with opened(name, width=width, color_scheme=scheme) as page:
        assert Axe().run(page).response["violations"] == []


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_j_and_k_walk_the_list_and_enter_opens(opened: Opener) -> None:
    with opened("close_board") as page:
        page.keyboard.press("j")
        assert focused(page) == "open-collect"
        page.keyboard.press("j")
        assert focused(page) == "open-validate"
        page.keyboard.press("k")
        page.keyboard.press("k")
        assert focused(page) == "open-collect"
        page.keyboard.press("Enter")
        page.wait_for_url("**/close_board?task=collect")


def test_a_click_on_a_row_opens_it_but_selecting_a_figure_does_not(opened: Opener) -> None:
    with opened("close_board") as page:
        page.locator("#task-bank td", has_text="Alice Meyer").click()
        page.wait_for_url("**/close_board?task=bank")
    with opened("close_board") as page:
        page.evaluate(
            "getSelection().selectAllChildren(document.querySelector('#task-bank td:nth-child(4)'))"
        )
        page.evaluate("document.querySelector('#task-bank td:nth-child(5)').click()")
        assert "task=" not in page.url


def test_keys_open_the_decision_and_escape_leaves_it(opened: Opener) -> None:
    with opened("decision") as page:
        page.keyboard.press("r")
        assert page.locator("#reject").evaluate("it => it.matches(':modal')")
        page.keyboard.type("ja")  # letters in a field are letters
        assert page.locator("#reject textarea").input_value() == "ja"
        page.keyboard.press("Escape")
        # The browser takes the focus from what is hidden with its next frame.
        expect(page.locator("#reject textarea")).not_to_be_focused()
        expect(page.locator("#reject")).to_be_hidden()
        page.keyboard.press("a")
        assert page.locator("#approve").evaluate("it => it.matches(':modal')")
        page.click("#approve [data-close]")
        assert not page.locator("#approve").is_visible()


def test_an_address_that_names_a_dialog_opens_it(opened: Opener) -> None:
    with opened("decision#reject") as page:
        dialog = page.locator("#reject")
        assert dialog.evaluate("it => it.matches(':modal')")
        assert dialog.evaluate("it => it.contains(document.activeElement)")
        page.click("#reject [data-close]")
        expect(dialog).to_be_hidden()
        page.evaluate("location.hash = 'approve'")
        expect(page.locator("#approve")).to_be_visible()
        assert page.locator("#approve").evaluate("it => it.matches(':modal')")
        page.keyboard.press("Escape")
        expect(page.locator("#approve")).to_be_hidden()
        page.evaluate("location.hash = 'main'")
        assert page.locator("dialog[open]").count() == 0


def test_slash_reaches_the_search_and_question_mark_the_list_of_keys(opened: Opener) -> None:
    with opened("index") as page:
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.name") == "q"
        page.locator("h1").click()
        page.keyboard.press("?")
        assert page.locator("#keys").is_visible()


def test_single_keys_can_be_turned_off_and_stay_off(opened: Opener) -> None:
    with opened("decision") as page:
        page.click("text=Keyboard shortcuts")
        page.uncheck("#keys-on")
        page.reload()
        page.keyboard.press("r")
        assert not page.locator("#reject").is_visible()
        page.click("text=Keyboard shortcuts")
        assert not page.is_checked("#keys-on")


def test_the_error_summary_has_the_focus_and_leads_to_the_field(opened: Opener) -> None:
    with opened("index") as page:
        assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
        page.click('.notice a[href="#id_amount"]')
        assert focused(page) == "id_amount"


def test_without_script_a_dialog_unfolds_in_the_page(opened: Opener) -> None:
    with opened("decision", java_script_enabled=False) as page:
        page.click("text=Reject")
        page.locator("#reject textarea").fill("The contract is missing.")
        page.click("#reject [data-close]")
        assert not page.locator("#reject").is_visible()


def test_on_a_phone_the_menu_opens_and_the_decision_stays_in_reach(opened: Opener) -> None:
    with opened("decision", width=PHONE) as page:
        assert not page.locator("#main-menu").is_visible()
        page.click(".menu-button")
        assert page.locator("#main-menu >> text=Journal").is_visible()
        page.keyboard.press("Escape")
        box = page.locator(".decide").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] == 800


def test_on_paper_nothing_that_acts_is_left(opened: Opener) -> None:
    with opened("decision") as page:
        page.emulate_media(media="print")
        assert page.locator("button:visible, .button:visible").count() == 0
        assert page.locator("h1").is_visible()


def answered(page: Page, status: int, body: str) -> dict[str, str]:
    """What htmx sent for a POST that is answered like this."""
    sent: dict[str, str] = {}

    def answer(route: Route) -> None:
        sent.update(route.request.headers)
        route.fulfill(status=status, body=body, content_type="text/html")

    page.route("**/part", answer)
    page.evaluate("htmx.ajax('POST', '/part', {target: '.answer'})")
    page.unroute("**/part")
    return sent


def test_htmx_sends_the_token_and_replaces_the_part(opened: Opener) -> None:
    with opened("close_board") as page:
        sent = answered(page, 200, "All 17 tasks are done.")
        assert sent["x-csrftoken"] == "a-token-of-the-gallery"
        assert page.locator(".answer").inner_text() == "All 17 tasks are done."


def test_a_refused_part_shows_the_refusal_and_leaves_the_part(opened: Opener) -> None:
    with opened("close_board", expected="409") as page:
        answered(page, 409, render("refusal"))
        assert "You prepared this entry." in page.locator("#messages").inner_text()
        assert "13 of 17" in page.locator(".answer").inner_text()


def test_a_form_with_errors_replaces_itself(opened: Opener) -> None:
    with opened("close_board", expected="422") as page:
        answered(page, 422, '<p id="again" tabindex="-1" data-focus>Check this</p>')
        expect(page.locator("#again")).to_be_focused()


def test_an_answer_that_is_no_page_is_still_told(opened: Opener) -> None:
    with opened("close_board", expected="502") as page:
        answered(page, 502, "bad gateway")
        assert "nothing has been changed" in page.locator("#messages").inner_text()
        assert "13 of 17" in page.locator(".answer").inner_text()


def test_a_view_can_say_something_aloud(opened: Opener) -> None:
    with opened("close_board") as page:
        page.evaluate("htmx.trigger(document.body, 'announce', {value: '3 breaks left'})")
        expect(page.locator("#announcer")).to_have_text("3 breaks left")

"""What every page must hold in a real browser, looked at once it is there as a whole."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def require_fit(page: Page) -> None:
    """Nothing is wider than the screen.

    A click returns as soon as the next page is promised, with nothing of it there yet, so the
    page is waited for before it is measured.
    """
    page.wait_for_load_state()
    assert page.viewport_size is not None
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"], page.url


def require_sound(page: Page) -> None:
    """Nothing is wider than the screen, and axe finds nothing."""
    require_fit(page)
    assert Axe().run(page).response["violations"] == [], page.url

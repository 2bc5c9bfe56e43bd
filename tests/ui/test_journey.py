"""A person's way through the site in a real browser: sign in, decide, look at the board, the admin.

On every page: no console error, no request to anywhere else, nothing serious from axe.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from apps.approvals.models import Request
from apps.approvals.services import define_policy, request_approval
from apps.close.services import define_template, open_run, start_ready_tasks
from apps.ledger.fiscal import MonthCalendar
from apps.ledger.services import define_calendar, open_period
from tests.ui.looking import require_fit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PATIENCE_MS = 20_000


@pytest.fixture(scope="module", autouse=True)
def _database_beside_the_browser() -> Iterator[None]:
    """Playwright keeps a loop in this thread; Django would refuse the database for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def asked(live_server: Any, entity: Any, alice: Any, bob: Any, connie: Any) -> Request:
    """A close is under way, and Bob has a reconciliation to approve."""
    define_calendar(
        entity_id=entity.pk, name="Months", rule=MonthCalendar(), year=2023, actor=connie
    )
    period = open_period(entity_id=entity.pk, name="2023-04", actor=connie)
    steps = ("collect", "reconcile", "approve")
    tasks = [
        {
            "id": key,
            "name": key.capitalize(),
            "dependencies": [before] if before else [],
            "automation": False,
            "duration_estimate": 30,
            "owner_role": "preparer",
        }
        for key, before in zip(steps, (None, *steps), strict=False)
    ]
    template = define_template(
        entity_id=entity.pk, code="month", name="Month end", tasks=tasks, actor=connie
    )
    run = open_run(template_id=template.pk, period_id=period.pk, actor=connie)
    start_ready_tasks(run_id=run.pk)
    define_policy(
        entity_id=entity.pk,
        item_type="reconciliation",
        stages=[{"role": "approver", "count": 1}],
        attestation_text="I have read it.",
        actor=connie,
    )
    made = request_approval(
        entity_id=entity.pk,
        item_type="reconciliation",
        subject=run,
        subject_hash="a" * 64,
        title="Bank to general ledger, 2023-04",
        url=f"/close/runs/{run.pk}/",
        maker=alice,
        actor=alice,
    )
    assert made is not None
    return made


class Visitor:
    """A page in a browser that notices what must not happen."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._watch)

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _watch(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.elsewhere.append(request.url)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def sign_in(self, username: str) -> None:
        self.go("/accounts/login/")
        self.page.fill("input[name=login]", username)
        self.page.fill("input[name=password]", f"{username}-likes-long-passwords")
        self.page.click("main button[type=submit]")
        self.page.wait_for_url(lambda url: "/accounts/login" not in url)

    def inspect(self) -> None:
        """Nothing was said in the console, nothing asked elsewhere, nothing serious found."""
        found = Axe().run(self.page).response["violations"]
        serious = [rule["id"] for rule in found if rule["impact"] in {"serious", "critical"}]
        assert (serious, self.errors, self.elsewhere) == ([], [], []), self.page.url


@pytest.fixture
def visitor(chromium: Browser, live_server: Any) -> Iterator[Visitor]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield Visitor(context.new_page(), live_server.url)
    context.close()


@pytest.fixture
def phone(chromium: Browser, live_server: Any) -> Iterator[Visitor]:
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    yield Visitor(context.new_page(), live_server.url)
    context.close()


def approve(visitor: Visitor, asked: Request) -> None:
    """From the inbox to the decision, as the form asks it."""
    visitor.sign_in("bob")
    visitor.go("/approvals/")
    visitor.inspect()
    visitor.page.click(f"text={asked.title}")
    visitor.page.wait_for_url(f"**/approvals/{asked.pk}/")
    visitor.inspect()
    visitor.page.click("a[href='#approve']")
    dialog = visitor.page.locator("dialog#approve")
    dialog.locator("input[type=checkbox]").check()
    dialog.locator("button[type=submit]").click()
    visitor.page.wait_for_url(lambda url: not url.endswith("#approve"))


def test_bob_signs_in_and_decides(visitor: Visitor, asked: Request) -> None:
    approve(visitor, asked)
    visitor.inspect()
    asked.refresh_from_db()
    assert asked.status == "approved"
    assert asked.decisions.get().attestation_text == "I have read it."


def test_it_works_on_a_phone_too(phone: Visitor, asked: Request) -> None:
    approve(phone, asked)
    phone.go("/close/")
    phone.inspect()
    require_fit(phone.page)
    asked.refresh_from_db()
    assert asked.status == "approved"


def test_the_board_and_the_admin_open_without_complaint(visitor: Visitor, asked: Request) -> None:
    visitor.sign_in("connie")
    visitor.go("/close/")
    assert "0 of 3 tasks done" in visitor.page.inner_text("main")
    visitor.inspect()
    visitor.page.click("text=Collect")
    visitor.inspect()
    for path in ("/breaks/", "/journal/", "/trial-balance/"):
        visitor.go(path)
        visitor.inspect()
    visitor.go("/admin/")
    assert "FinFlow" in visitor.page.title()
    assert (visitor.errors, visitor.elsewhere) == ([], [])


def test_a_wrong_password_says_so_and_lets_nobody_in(visitor: Visitor, asked: Request) -> None:
    visitor.go("/accounts/login/")
    visitor.page.fill("input[name=login]", "bob")
    visitor.page.fill("input[name=password]", "not-his-password")
    visitor.page.click("main button[type=submit]")
    visitor.page.wait_for_load_state()
    assert "/accounts/login" in visitor.page.url
    assert visitor.page.locator("[role=alert], .errorlist, .form-errors").count() > 0
    visitor.go("/approvals/")
    assert "/accounts/login" in visitor.page.url

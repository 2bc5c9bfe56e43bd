"""Revoking, moving a seat, asking, answering and approving several, in a real browser."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.models import Decision, Request
from apps.approvals.services import consult
from tests.approvals.conftest import subject
from tests.approvals.test_browser import DESK, PHONE, Visit, _beside_a_loop, visit
from tests.approvals.test_revoke import approve
from tests.ui.conftest import chromium
from tests.ui.looking import require_sound

__all__ = ["_beside_a_loop", "chromium", "visit"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any, rita: Any, connie: Any) -> list[Request]:
    define(bulk_allowed=True)
    facts = {"amount": Decimal("12450.5"), "currency": "EUR"}
    return [ask(subject(number), title=f"Accrual of fees {number}", **facts) for number in range(3)]


@pytest.mark.parametrize(("scheme", "width"), [("light", DESK), ("dark", PHONE)])
def test_pages_fit_and_break_no_rule(
    visit: Visit, waiting: list[Request], bob: Any, rita: Any, scheme: str, width: int
) -> None:
    asked = consult(request_id=waiting[0].pk, person_id=rita.pk, question="Right?", actor=bob)
    approve(waiting[2], bob)
    with visit("bob", width=width, color_scheme=scheme) as page:
        page.wait_for_url("**/approvals/")
        inbox = page.url
        paths = ("", f"{waiting[0].pk}/", f"{waiting[1].pk}/consult/", f"{waiting[1].pk}/reassign/")
        for path in (*paths, f"{waiting[2].pk}/", f"{waiting[2].pk}/revoke/"):
            page.goto(inbox + path)
            require_sound(page)
    with visit("rita", width=width, color_scheme=scheme) as page:
        page.wait_for_url("**/approvals/")
        page.goto(f"{page.url}questions/{asked.pk}/")
        require_sound(page)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_several_are_ticked_with_the_keyboard_looked_at_and_approved(
    visit: Visit, waiting: list[Request], bob: Any, width: int
) -> None:
    with visit("bob", width=width) as page:
        page.wait_for_url("**/approvals/")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("x")
        assert page.locator("input[name=chosen]:checked").count() == 2
        page.click("button[form=bulk], #bulk button")
        page.wait_for_url("**/bulk/")
        require_sound(page)
        page.click("button[type=submit]:has-text('Approve 2')")
        page.wait_for_url("**/approvals/")
        assert page.get_by_text("2 approved.").is_visible()
    assert Decision.objects.count() == 2

"""Working hours, what a step's time was counted from, and notices of waivers, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.services import propose_waiver, set_hours
from tests.approvals.test_absence import today
from tests.approvals.test_browser import DESK, Visit, _beside_a_loop, visit
from tests.approvals.test_hours import NEW_YORK
from tests.ui.conftest import chromium
from tests.ui.looking import require_sound

__all__ = ["_beside_a_loop", "chromium", "visit"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("scheme", "width"), [("light", DESK), ("dark", 360)])
def test_the_pages_fit_and_break_no_rule(
    visit: Visit,
    define: Any,
    ask: Any,
    entity: Any,
    bob: Any,
    connie: Any,
    rita: Any,
    scheme: str,
    width: int,
) -> None:
    set_hours(person_id=bob.pk, **NEW_YORK, actor=bob)
    define()
    asked = ask()
    propose_waiver(
        entity_id=entity.pk,
        person_id=rita.pk,
        item_type="reconciliation",
        reason="Two of us are ill.",
        compensating_control="Otto looks at each.",
        starts_on=today(),
        ends_on=today(),
        actor=connie,
    )
    with visit("bob", width=width, color_scheme=scheme) as page:
        page.wait_for_url("**/approvals/")
        inbox = page.url
        for path in ("away/", "away/hours/", f"{asked.pk}/", "notices/"):
            page.goto(inbox + path)
            require_sound(page)
        page.goto(inbox + "away/hours/")
        page.get_by_role("checkbox", name="Friday").uncheck()
        page.get_by_role("button", name="Keep these hours").click()
        page.wait_for_url("**/approvals/away/")
        assert "Mon, Tue, Wed, Thu, holidays of US" in page.content()

"""The pages of periods and reopenings: what they say, and what they offer to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.ledger.models import Period, PeriodReopening
from apps.ledger.services import end_reopening
from tests.pages import text

from .conftest import approve_both, let_pass


def wish(**changes: Any) -> dict[str, Any]:
    until = timezone.now() + timedelta(days=2)
    return {
        "reason": "The bank sent a fee late.",
        "kinds": ["adjustment", "reversal"],
        "accounts": "1000, 4000",
        "expires_at": until.strftime("%Y-%m-%dT%H:%M"),
        **changes,
    }


def test_the_periods_of_an_entity(visit: Any, closed: Period, otto: Any) -> None:
    response = visit(otto).get("/periods/")
    assert response.status_code == 200
    assert f'href="/periods/{closed.pk}/"' in text(response)
    assert "No closed period of Harbour Field Services takes postings" in text(response)
    assert "8 more are planned" in text(response)
    assert 'aria-current="page">Journal' in text(response)


def test_a_period_offers_reopening_to_those_who_may(
    visit: Any, closed: Period, connie: Any, otto: Any
) -> None:
    offered = text(visit(connie).get(f"/periods/{closed.pk}/"))
    assert "Reopen…" in offered
    assert "100.00 EUR" in offered
    told = text(visit(otto).get(f"/periods/{closed.pk}/"))
    assert "Reopen…" not in told
    assert "Connie could ask that it is reopened" in told


def test_asking_says_what_it_touches_and_leads_to_the_reopening(
    visit: Any, period: Any, closed: Period, two_approvers: Any, connie: Any, bob: Any, beth: Any
) -> None:
    page = f"/periods/{closed.pk}/reopen/"
    shown = text(visit(connie).get(page))
    assert "What opening it touches" in shown
    assert "with <strong>1</strong> posted entry" in shown
    response = visit(connie).post(page, wish(), follow=True)
    asked = PeriodReopening.objects.get()
    assert response.redirect_chain == [(f"/periods/reopenings/{asked.pk}/", 302)]
    assert (asked.accounts, asked.kinds) == (["1000", "4000"], ["adjustment", "reversal"])
    shown = text(response)
    assert "Two others have to approve it" in shown
    assert "Bob, Beth could decide" in shown or "Beth, Bob could decide" in shown
    assert "The bank sent a fee late." in shown


def test_the_end_is_meant_in_the_zone_of_the_entity(
    visit: Any, closed: Period, two_approvers: Any, connie: Any
) -> None:
    until = (timezone.now() + timedelta(days=2)).astimezone(closed.entity.zone)
    stamp = until.strftime("%Y-%m-%dT%H:%M")
    visit(connie).post(f"/periods/{closed.pk}/reopen/", wish(expires_at=stamp))
    asked = PeriodReopening.objects.get()
    assert asked.expires_at == until.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"reason": ""}, 422, "This field is required"),
        ({"reason": "  "}, 422, "This field is required"),
        ({"kinds": []}, 422, "This field is required"),
        ({"kinds": ["other"]}, 422, "Select a valid choice"),
        ({"accounts": "9999"}, 422, "There is no account 9999"),
        ({"expires_at": "2023-05-01T10:00"}, 422, "ends within 14 days"),
        ({"expires_at": "soon"}, 422, "Enter a valid date/time"),
    ],
)
def test_bad_wishes_come_back_with_what_is_wrong(
    visit: Any,
    closed: Period,
    two_approvers: Any,
    connie: Any,
    table_counts: Any,
    changes: dict[str, Any],
    status: int,
    words: str,
) -> None:
    client = visit(connie)
    before = table_counts()
    response = client.post(f"/periods/{closed.pk}/reopen/", wish(**changes))
    assert response.status_code == status
    assert words in text(response)
    assert table_counts() == before


def test_without_a_policy_the_page_says_what_is_missing(
    visit: Any, closed: Period, connie: Any
) -> None:
    client = visit(connie)
    response = client.post(f"/periods/{closed.pk}/reopen/", wish())
    assert response.status_code == 409
    assert "approved by at least 2 different people" in text(response)
    assert not PeriodReopening.objects.exists()


@pytest.mark.parametrize(
    ("who", "page", "status"),
    [
        ("alice", "/periods/{period}/reopen/", 403),
        ("otto", "/periods/{period}/reopen/", 403),
        ("charlie", "/periods/{period}/reopen/", 404),
        ("charlie", "/periods/{period}/", 404),
        ("charlie", "/periods/reopenings/{reopening}/", 404),
        ("victor", "/periods/", 403),
        ("victor", "/periods/{period}/", 403),
        ("victor", "/periods/reopenings/{reopening}/", 403),
        (None, "/periods/", 302),
        (None, "/periods/{period}/", 302),
        (None, "/periods/{period}/reopen/", 302),
        (None, "/periods/reopenings/{reopening}/", 302),
    ],
)
def test_who_may_not(
    request: pytest.FixtureRequest,
    visit: Any,
    propose: Any,
    who: str | None,
    page: str,
    status: int,
) -> None:
    asked = propose()
    client = visit(request.getfixturevalue(who) if who else None)
    url = page.format(period=asked.period_id, reopening=asked.pk)
    assert client.get(url).status_code == status


def test_opening_and_closing_again_on_the_page(
    visit: Any, propose: Any, connie: Any, otto: Any, bob: Any, beth: Any, period: Any
) -> None:
    asked = propose()
    page = f"/periods/reopenings/{asked.pk}/"
    client = visit(connie)
    refused = client.post(f"{page}open/")
    assert refused.status_code == 409
    assert "asks for an approval of exactly this content" in text(refused)
    assert "Open 2023-04" not in text(client.get(page))
    approve_both(asked, bob, beth)
    assert "It is approved, and waits to be opened." in text(client.get(page))
    assert "Open 2023-04?" in text(client.get(page))
    assert "Open 2023-04?" not in text(visit(otto).get(page))
    opened = client.post(f"{page}open/", follow=True)
    assert "Period 2023-04 takes postings again." in text(opened)
    assert period("2023-04").status == "reopened"
    shown = text(client.get(f"/periods/{asked.period_id}/"))
    assert "It takes postings again until" in shown
    assert "Reopening 1 of 2023-04" in text(client.get("/periods/"))
    closed_again = client.post(f"{page}end/", follow=True)
    assert "Period 2023-04 is closed again." in text(closed_again)
    assert "Nothing was posted meanwhile." in text(closed_again)
    assert client.post(f"{page}elsewhere/").status_code == 404
    assert client.get(f"{page}open/").status_code == 405


def test_what_is_dropped_or_over_says_so(visit: Any, reopen: Any, connie: Any, draft: Any) -> None:
    reopening = reopen()
    let_pass(reopening)
    page = f"/periods/reopenings/{reopening.pk}/"
    assert "nothing is posted any more" in text(visit(connie).get(page))
    end_reopening(reopening_id=reopening.pk, actor=connie)
    assert "Closed by somebody" in text(visit(connie).get(page))


def test_the_admin_shows_it_read_only(visit: Any, reopen: Any, connie: Any) -> None:
    reopening = reopen()
    connie.is_staff = True
    connie.save()
    client = visit(connie)
    listed = client.get("/admin/ledger/periodreopening/")
    assert listed.status_code == 200
    assert "2023-04" in text(listed)
    page = client.get(f"/admin/ledger/periodreopening/{reopening.pk}/change/")
    assert page.status_code == 200
    assert 'name="_save"' not in text(page)
    assert client.get("/admin/ledger/periodreopening/add/").status_code == 403

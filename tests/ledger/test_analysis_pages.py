"""The pages of account analyses: what they say, whom they let, and what changes nothing."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.approvals.models import Request
from apps.approvals.selectors.bulk import why_one_by_one
from apps.approvals.services import define_policy
from apps.identity.selectors import system_user
from apps.ledger.models import AccountAnalysis, AnalysisVersion
from apps.ledger.selectors import analysed
from apps.ledger.services import (
    AnalysisDraft,
    ItemDraft,
    post_entry,
    prepare_analysis,
    set_threshold,
    settle_analysis,
    submit_analysis,
)
from tests.pages import text

from .conftest import give_verdict, pair

NEW = "/analyses/new/?entity=HFS&period=2023-04&account=1000&currency=EUR"
ITEM = {"description": "Sale of April", "amount": "100.00", "reference": "INV-7"}


@pytest.fixture
def bank(draft: Any, alice: Any) -> None:
    """100.00 on the bank in April."""
    post_entry(entry_id=draft().pk, actor=alice)


@pytest.fixture
def analysis(bank: None, period: Any, alice: Any) -> AccountAnalysis:
    return prepare_analysis(
        period_id=period("2023-04").pk,
        account="1000",
        content=AnalysisDraft(items=[ItemDraft("Sale of April", Decimal(100), "INV-7")]),
        actor=alice,
    )


@pytest.fixture
def policy(entity: Any, connie: Any) -> Any:
    return define_policy(
        entity_id=entity.pk,
        item_type="account_analysis",
        stages=[{"role": "reviewer", "count": 1}],
        actor=connie,
    )


def filled(*rows: dict[str, str], **head: str) -> dict[str, str]:
    """What a browser sends: words, rows, and two rows left empty."""
    sent = {
        "version": "0",
        "closing": "100.0000",
        "items-TOTAL_FORMS": str(len(rows) + 2),
        "items-INITIAL_FORMS": "0",
        **head,
    }
    for number, row in enumerate(rows):
        sent |= {f"items-{number}-{name}": value for name, value in row.items()}
    return sent


# --- The list -------------------------------------------------------------------------------


def test_the_list_says_what_is_missing_and_leads_to_the_form(
    visit: Any, bank: None, alice: Any, otto: Any
) -> None:
    shown = text(visit(alice).get("/analyses/"))
    assert "<strong>0</strong> of 1 balance of 2023-04 are analysed" in shown
    assert "<strong>1</strong> has no analysis" in shown
    assert f'href="{NEW.replace("&", "&amp;")}"' in shown
    assert "4000 Revenue" not in shown
    assert "4000 Revenue" in text(visit(alice).get("/analyses/?show=all"))
    assert "/analyses/new/" not in text(visit(otto).get("/analyses/"))


def test_the_list_says_what_no_longer_holds(
    visit: Any, analysis: AccountAnalysis, draft: Any, alice: Any
) -> None:
    submit_analysis(analysis_id=analysis.pk, actor=alice)
    shown = text(visit(alice).get("/analyses/?period=2023-04"))
    assert "<strong>1</strong> of 1 balance of 2023-04 is analysed." in shown
    assert f'href="/analyses/{analysis.pk}/"' in shown
    assert "Nothing is left to do" in text(visit(alice).get("/analyses/?show=left"))
    post_entry(entry_id=draft("1.00").pk, actor=alice)
    shown = text(visit(alice).get("/analyses/?show=left"))
    assert "<strong>1</strong> no longer holds" in shown
    assert "Outdated" in shown


@pytest.mark.parametrize("query", ["", "?period=1999-01", "?show=nothing", "?period=2023-12"])
def test_the_list_of_books_without_postings(visit: Any, books: Any, alice: Any, query: str) -> None:
    assert "Nothing to analyse" in text(visit(alice).get(f"/analyses/{query}"))


def test_an_entity_without_a_calendar(visit: Any, entity: Any, alice: Any) -> None:
    assert "has no periods yet" in text(visit(alice).get("/analyses/"))
    assert visit(alice).get("/analyses/export/").status_code == 404


def test_the_table_for_spreadsheets(visit: Any, analysis: AccountAnalysis, otto: Any) -> None:
    response = visit(otto).get("/analyses/export/?entity=HFS&period=2023-04")
    assert "account-analyses-HFS-2023-04.csv" in response["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [(row["account"], row["closing"], row["state"]) for row in rows] == [
        ("1000", "100.00", "draft"),
        ("4000", "-100.00", "missing"),
    ]
    assert (rows[0]["unexplained"], rows[0]["version"]) == ("0.00", "1")
    assert (rows[1]["explained"], rows[1]["to be analysed"]) == ("", "no")


def test_journal_and_trial_balance_lead_there(visit: Any, bank: None, alice: Any) -> None:
    assert 'href="/analyses/?entity=HFS"' in text(visit(alice).get("/journal/"))
    shown = text(visit(alice).get("/trial-balance/"))
    assert 'href="/analyses/?entity=HFS&amp;period=2023-04"' in shown
    assert 'aria-current="page">Journal' in text(visit(alice).get("/analyses/"))


# --- One analysis ---------------------------------------------------------------------------


def test_from_the_page_to_the_approval(
    visit: Any, analysis: AccountAnalysis, policy: Any, alice: Any, rita: Any
) -> None:
    page, browser = f"/analyses/{analysis.pk}/", visit(alice)
    shown = text(browser.get(page))
    assert "1000 Bank, 2023-04" in shown
    assert "Sale of April" in shown
    assert 'href="#submit"' in shown
    assert browser.post(f"{page}submit/", {"version": 1}).status_code == 302
    request = Request.objects.get()
    shown = text(browser.get(page))
    assert f'href="/approvals/{request.pk}/"' in shown
    assert "Waiting for approval" in shown
    assert 'href="#withdraw"' in shown
    assert 'href="#withdraw"' not in text(visit(rita).get(page))
    give_verdict(request, rita)
    settle_analysis(request_id=request.pk)
    assert "I looked at it." in text(browser.get(page))


def test_what_has_moved_is_shown_and_not_to_be_signed(
    visit: Any, analysis: AccountAnalysis, draft: Any, alice: Any
) -> None:
    post_entry(entry_id=draft("1.00").pk, actor=alice)
    shown = text(visit(alice).get(f"/analyses/{analysis.pk}/"))
    assert "a new version is needed" in shown
    assert "In the ledger now" in shown
    assert 'href="#submit"' not in shown
    listed = text(visit(alice).get("/analyses/"))
    assert "The figures have moved since it was written" in listed


def test_approvers_are_told_what_has_moved_and_decide_on_it_alone(
    visit: Any, entity: Any, analysis: AccountAnalysis, draft: Any, alice: Any, rita: Any
) -> None:
    define_policy(
        entity_id=entity.pk,
        item_type="account_analysis",
        stages=[{"role": "reviewer", "count": 1}],
        bulk_allowed=True,
        actor=system_user(),
    )
    submit_analysis(analysis_id=analysis.pk, actor=alice)
    page = f"/approvals/{Request.objects.get().pk}/"
    shown = text(visit(rita).get(page))
    assert "cannot be approved as it is" not in shown
    assert 'href="#approve"' in shown
    assert why_one_by_one(Request.objects.get(), rita) == ""
    post_entry(entry_id=draft("1.00").pk, actor=alice)
    told = "The ledger says something else than when this was written."
    shown = text(visit(rita).get(page))
    assert "This cannot be approved as it is. You can return it to Alice" in shown
    assert f"{told} Returned, it can be brought up to date and asked for anew." in shown
    assert 'href="#approve"' not in shown
    assert 'href="#return"' in shown
    assert "You can decide because" not in shown
    tried = visit(rita).post(
        page, {"verdict": "approve", "expected_version": "1", "comment": "x" * 20_001}
    )
    assert "Your decision was not taken." in text(tried)
    assert "Correct it" not in text(tried)
    assert why_one_by_one(Request.objects.get(), rita) == told


def test_earlier_versions_can_be_read(
    visit: Any, analysis: AccountAnalysis, period: Any, connie: Any, alice: Any
) -> None:
    prepare_analysis(
        period_id=period("2023-04").pk, account="1000", content=AnalysisDraft(), actor=connie
    )
    page = f"/analyses/{analysis.pk}/"
    assert "Sale of April" not in text(visit(alice).get(page))
    shown = text(visit(alice).get(f"{page}?version=1"))
    assert "Version 1 is not the newest" in shown
    assert "Sale of April" in shown
    assert visit(alice).get(f"{page}?version=7").status_code == 404
    assert "left unexplained" in text(visit(alice).get(f"{page}?version=x"))


@pytest.mark.parametrize(
    ("who", "step", "facts", "code"),
    [
        ("alice", "submit", {"version": 9}, 409),
        ("alice", "submit", {"version": "x"}, 422),
        ("alice", "withdraw", {"reason": "no"}, 409),
        ("alice", "withdraw", {}, 422),
        ("alice", "explode", {}, 404),
        ("rita", "submit", {"version": 1}, 403),
        ("connie", "submit", {"version": 1}, 403),
        ("charlie", "submit", {"version": 1}, 404),
        ("victor", "submit", {"version": 1}, 403),
    ],
)
def test_refused_steps_change_nothing(
    request: pytest.FixtureRequest,
    visit: Any,
    analysis: AccountAnalysis,
    table_counts: Any,
    who: str,
    step: str,
    facts: dict[str, Any],
    code: int,
) -> None:
    browser = visit(request.getfixturevalue(who))
    before = table_counts()
    response = browser.post(f"/analyses/{analysis.pk}/{step}/", facts)
    analysis.refresh_from_db()
    assert (response.status_code, analysis.status) == (code, "draft")
    assert table_counts() == before


@pytest.mark.parametrize(
    "path", ["/analyses/", "/analyses/export/", NEW, "/analyses/1/", "/analyses/rows/"]
)
def test_strangers_sign_in_first(db: None, path: str) -> None:
    client = Client()
    response = client.post(path) if "rows" in path else client.get(path)
    assert response.status_code == 302
    assert "login" in response.url


@pytest.mark.parametrize(
    ("who", "path", "code"),
    [
        ("victor", "/analyses/", 403),
        ("alice", "/analyses/?entity=TKO", 404),
        ("alice", "/analyses/export/?entity=TKO", 404),
        ("rita", NEW, 403),
        ("alice", NEW.replace("HFS", "TKO"), 404),
        ("alice", NEW.replace("2023-04", "1999-01"), 404),
        ("alice", NEW.replace("1000", "9999"), 404),
        ("alice", NEW.replace("1000", "1100"), 404),
        ("alice", NEW.replace("EUR", "USD"), 404),
        ("alice", NEW.replace("2023-04", "%00"), 404),
        ("alice", NEW.replace("1000", "%00"), 404),
        ("alice", NEW.replace("EUR", "%00"), 404),
        ("alice", "/analyses/new/", 404),
        ("alice", "/analyses/?period=%00&show=%00", 200),
        ("charlie", "/analyses/{}/", 404),
        ("otto", "/analyses/{}/", 200),
    ],
)
def test_who_sees_what(
    request: pytest.FixtureRequest,
    visit: Any,
    analysis: AccountAnalysis,
    other_books: Any,
    who: str,
    path: str,
    code: int,
) -> None:
    response = visit(request.getfixturevalue(who)).get(path.format(analysis.pk))
    assert response.status_code == code


# --- Writing --------------------------------------------------------------------------------


def test_the_form_says_what_is_to_be_explained(visit: Any, bank: None, alice: Any) -> None:
    shown = text(visit(alice).get(NEW))
    assert "100.00 EUR</strong> at the end of 30 Apr 2023" in shown
    assert 'name="closing" value="100.0000"' in shown
    assert "Whatever is left unexplained needs words." in shown


def test_saving_and_signing(visit: Any, bank: None, alice: Any) -> None:
    response = visit(alice).post(NEW, filled(ITEM, save="1"))
    analysis = AccountAnalysis.objects.get()
    assert (response.status_code, response.url) == (302, f"/analyses/{analysis.pk}/")
    assert (analysis.status, analysed(analysis).unexplained) == ("draft", 0)
    visit(alice).post(NEW, filled(ITEM, submit="1", version="1"))
    analysis.refresh_from_db()
    assert (analysis.status, analysis.version) == ("signed", 2)
    shown = text(visit(alice).get(NEW))
    assert "A version of this counts already" in shown
    assert 'value="Sale of April"' in shown


def test_the_items_of_the_period_before_are_filled_in(
    visit: Any, analysis: AccountAnalysis, alice: Any, books: Any
) -> None:
    shown = text(visit(alice).get(NEW.replace("2023-04", "2023-05")))
    assert "The items of 2023-04 are filled in to begin with." in shown
    assert 'value="Sale of April"' in shown
    assert 'name="version" value="0"' in shown


def test_thresholds_and_requests_that_wait_are_said_on_the_form(
    visit: Any, analysis: AccountAnalysis, policy: Any, account: Any, alice: Any, connie: Any
) -> None:
    set_threshold(
        account_id=account("1000").pk,
        currency="EUR",
        difference=Decimal("0.50"),
        change=Decimal("7.00"),
        actor=connie,
    )
    change = {"version": "1", "change_explanation": "Sales", "submit": "1"}
    assert visit(alice).post(NEW, filled(ITEM, **change)).status_code == 302
    shown = text(visit(alice).get(NEW))
    assert "Up to 0.50 EUR may be left unexplained without words." in shown
    assert "A change of more than 7.00 EUR" in shown
    assert "A version of this waits for approval." in shown


@pytest.mark.parametrize(
    ("rows", "head", "code", "words"),
    [
        ([{**ITEM, "amount": ""}], {}, 422, "How much?"),
        ([{**ITEM, "amount": "0"}], {}, 422, "How much?"),
        ([{**ITEM, "amount": "1,5x"}], {}, 422, "Enter a number."),
        ([{**ITEM, "description": ""}], {}, 422, "Say what it is."),
        ([{**ITEM, "amount": "1.005"}], {}, 422, "EUR has 2 decimals"),
        ([{**ITEM, "support": "paper:2"}], {}, 422, "Select a valid choice"),
        ([ITEM], {"closing": "99.00"}, 409, "The balance has moved since you saw it."),
        ([ITEM], {"closing": "x"}, 422, "Open this page again"),
        ([ITEM], {"version": "3"}, 409, "This has changed since you opened it."),
        ([{**ITEM, "amount": "1"}], {"submit": "1"}, 422, "99.00 EUR is left unexplained."),
        ([ITEM], {"change_explanation": "x" * 2001}, 422, "at most 2000 characters"),
    ],
)
def test_refused_forms_say_why_keep_what_was_typed_and_change_nothing(
    visit: Any,
    bank: None,
    papers: Any,
    alice: Any,
    table_counts: Any,
    rows: list[dict[str, str]],
    head: dict[str, str],
    code: int,
    words: str,
) -> None:
    before = table_counts()
    response = visit(alice).post(NEW, filled(*rows, **head))
    assert (response.status_code, table_counts()) == (code, before)
    assert words in text(response)
    assert 'value="INV-7"' in text(response)
    assert 'name="closing" value="100.0000"' in text(response)


def test_an_item_can_rest_on_something_in_here(
    visit: Any, bank: None, papers: dict[str, Any], alice: Any
) -> None:
    shown = text(visit(alice).get(NEW))
    assert '<option value="paper:1">Paper 1</option>' in shown
    visit(alice).post(NEW, filled({**ITEM, "support": "paper:1"}, submit="1"))
    analysis = AccountAnalysis.objects.get()
    shown = text(visit(alice).get(f"/analyses/{analysis.pk}/"))
    assert '<a href="/papers/1/">Paper 1</a>' in shown
    assert '<option value="paper:1" selected>' in text(visit(alice).get(NEW))
    papers.clear()
    shown = text(visit(alice).get(f"/analyses/{analysis.pk}/"))
    assert "what it rests on has changed" in shown


def test_more_rows_keep_what_was_typed(visit: Any, bank: None, alice: Any) -> None:
    sent = filled({**ITEM, "amount": "1,5x"}, more="1", change_explanation="Sales")
    shown = text(visit(alice).post(NEW, sent))
    assert 'value="1,5x"' in shown
    assert ">Sales</textarea>" in shown.replace("> ", ">").replace(" <", "<")
    assert 'name="items-6-amount"' in shown
    assert not AnalysisVersion.objects.exists()


def test_the_sums_follow_what_is_typed(visit: Any, bank: None, alice: Any) -> None:
    url = NEW.replace("/new/", "/rows/")
    shown = text(visit(alice).post(url, filled({**ITEM, "amount": "60"}, {"amount": "x"})))
    assert "60.00" in shown
    assert "40.00" in shown
    shown = text(visit(alice).post(url, filled(ITEM)))
    assert "The items add up to the balance" in shown


def test_a_liability_is_written_with_its_sign(visit: Any, draft: Any, alice: Any) -> None:
    entry = draft("50.00", lines=pair("50.00", "5000", "2000"))
    post_entry(entry_id=entry.pk, actor=alice)
    page = NEW.replace("1000", "2000")
    item = {"description": "Wages of April", "amount": "-50.00"}
    sent = filled(item, closing="-50.0000", submit="1")
    assert visit(alice).post(page, sent).status_code == 302
    assert AccountAnalysis.objects.get().status == "signed"

"""The pages: what they say, what they offer to whom, and that bad input changes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.approvals.models import Request
from apps.common.paging import newest_first
from apps.ledger.models import JournalEntry
from apps.ledger.services import LineDraft, post_entry, reverse_entry, submit_entry
from tests.pages import text

from .conftest import APRIL, give_verdict, keep_books, pair

# --- The list --------------------------------------------------------------------------------


def test_the_list_says_what_waits_and_links_to_each_entry(
    visit: Any, draft: Any, alice: Any, books: Any
) -> None:
    waiting, done = draft("12.50"), post_entry(entry_id=draft().pk, actor=alice)
    response = visit(alice).get("/journal/")
    assert response.status_code == 200
    assert "<strong>1</strong> draft</a>" in text(response)
    for entry in (waiting, done):
        assert f'href="/journal/{entry.pk}/"' in text(response)
    assert "2023-04/1" in text(response)
    assert "12.50" in text(response)
    assert "New journal entry" in text(response)
    assert 'aria-current="page">Journal' in text(response)


def test_readers_see_the_list_without_a_way_to_write(visit: Any, books: Any, otto: Any) -> None:
    response = visit(otto).get("/journal/")
    assert "No journal entries yet" in text(response)
    assert "New journal entry" not in text(response)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("period=2023-03", ["March"]),
        ("status=posted", ["Posted"]),
        ("status=draft", ["March", "Fees & more"]),
        ("kind=adjustment", ["Fees & more"]),
        ("account=5000", ["Fees & more"]),
        ("q=fees", ["Fees & more"]),
        ("q=INV-7", ["March"]),
        ("q=acme", ["March"]),
        ("q=F-1", ["Fees & more"]),
        ("q=nothing", []),
        ("period=1999-01", []),
        ("status=other&q=fees", []),
        (f"account={'5' * 21}", []),
        ("before=x&after=-1", ["March", "Posted", "Fees & more"]),
    ],
)
def test_filters(visit: Any, draft: Any, alice: Any, query: str, found: list[str]) -> None:
    line = LineDraft("1000", debit=Decimal(1), reference="INV-7", counterparty="Acme Ltd")
    draft(posted_on="2023-03-02", description="March", lines=[line])
    post_entry(entry_id=draft(description="Posted").pk, actor=alice)
    draft(
        description="Fees & more",
        kind="adjustment",
        lines=pair("3.00", "5000", "1000"),
        external_id="F-1",
    )
    response = visit(alice).get(f"/journal/?{query}")
    shown = text(response)
    is_unclear = query.startswith(("period=1999", "status=other", "account=55"))
    assert ("Nothing is listed: a filter was not understood" in shown) == is_unclear
    names = {"March": "March", "Posted": "Posted", "Fees & more": "Fees &amp; more"}
    assert response.status_code == 200
    for name, written in names.items():
        assert (f'<span class="sub">{written}</span>' in shown) == (name in found), name


def test_pages_of_the_list_by_key(visit: Any, draft: Any, alice: Any, monkeypatch: Any) -> None:
    from apps.ledger.views import journal

    monkeypatch.setattr(journal, "_BY_ID", newest_first(2))
    keys = [draft().pk for _ in range(5)]
    browser = visit(alice)

    def shown(url: str) -> list[int]:
        rows = browser.get(url).context["rows"]
        return [row["entry"].pk for row in rows]

    first = browser.get("/journal/?status=draft")
    assert shown("/journal/?status=draft") == keys[:2:-1]
    assert first.context["previous_url"] is None
    second = browser.get("/journal/" + first.context["next_url"])
    assert [row["entry"].pk for row in second.context["rows"]] == [keys[2], keys[1]]
    third = browser.get("/journal/" + second.context["next_url"])
    assert [row["entry"].pk for row in third.context["rows"]] == [keys[0]]
    assert third.context["next_url"] is None
    assert "status=draft" in third.context["previous_url"]
    assert shown("/journal/" + third.context["previous_url"]) == [keys[2], keys[1]]
    assert shown("/journal/" + second.context["previous_url"]) == [keys[4], keys[3]]
    assert shown("/journal/?before=1") == []


def test_a_list_takes_a_fixed_number_of_queries(
    visit: Any, draft: Any, alice: Any, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    browser = visit(alice)
    draft()
    with CaptureQueriesContext(connection) as few:
        browser.get("/journal/")
    for _ in range(5):
        draft()
    with django_assert_num_queries(len(few)):
        browser.get("/journal/")


def test_who_works_in_two_entities_chooses_one(
    visit: Any, draft: Any, other_books: Any, alice: Any, system: Any
) -> None:
    from apps.identity.models import User
    from apps.identity.services import grant_role

    draft()
    grant_role(user_id=alice.pk, role="preparer", entity_id=other_books.pk, actor=system)
    browser = visit(User.objects.get(pk=alice.pk))
    assert "HFS: Rent for April" in text(browser.get("/journal/"))
    assert len(browser.get("/journal/?entity=HFS").context["rows"]) == 1
    assert browser.get("/journal/?entity=TKO").context["rows"] == []
    browser.post(reverse("identity:view-entity", query={"code": "TKO"}))
    assert browser.get("/journal/").context["rows"] == []
    assert "For Tokyo Orchards, in JPY." in text(browser.get("/journal/new/"))
    assert 'href="?entity=HFS">Harbour Field Services' in text(browser.get("/journal/new/"))
    assert "Tokyo Orchards" in text(browser.get("/trial-balance/"))
    assert "Harbour Field Services" in text(browser.get("/trial-balance/?entity=HFS"))


# --- One entry -------------------------------------------------------------------------------


def test_an_entry_shows_lines_totals_and_history(
    visit: Any, draft: Any, alice: Any, books: Any
) -> None:
    entry = post_entry(entry_id=draft("1234.50").pk, actor=alice)
    reversal = reverse_entry(entry_id=entry.pk, posted_on=APRIL, reason="twice", actor=alice)
    shown = text(visit(alice).get(f"/journal/{entry.pk}/"))
    assert "1,234.50" in shown
    assert "Bank" in shown
    assert "Reversed" in shown
    assert f'href="/journal/{reversal.pk}/"' in shown
    assert "posted it" in shown
    assert "None was asked for" in shown
    other = text(visit(alice).get(f"/journal/{reversal.pk}/"))
    assert f'href="/journal/{entry.pk}/"' in other
    assert "wrote it" in other


def steps_offered(response: Any) -> set[str]:
    return {way["step"] for way in response.context["ways"]}


def test_each_sees_the_steps_that_are_his(
    visit: Any, draft: Any, policy: Any, alice: Any, bob: Any, otto: Any, ivy: Any
) -> None:
    small, big = draft(), draft("5000.00")
    done = post_entry(entry_id=draft().pk, actor=alice)
    submit_entry(entry_id=big.pk, actor=alice)

    def offered(user: Any, entry: JournalEntry) -> set[str]:
        return steps_offered(visit(user).get(f"/journal/{entry.pk}/"))

    assert offered(alice, small) == {"submit", "post", "cancel"}
    assert offered(alice, big) == {"withdraw"}
    assert offered(alice, done) == {"reverse"}
    assert offered(ivy, small) == {"cancel"}
    for reader in (bob, otto):
        assert offered(reader, small) == offered(reader, big) == offered(reader, done) == set()


def test_the_approval_says_who_could_decide_and_who_did(
    visit: Any, draft: Any, policy: Any, alice: Any, bob: Any
) -> None:
    entry = submit_entry(entry_id=draft("5000.00").pk, actor=alice)
    shown = text(visit(alice).get(f"/journal/{entry.pk}/"))
    assert "It waits for an approval" in shown
    assert "Bob could decide" in shown
    give_verdict(Request.objects.get(), bob)
    shown = text(visit(alice).get(f"/journal/{entry.pk}/"))
    assert "<strong>Bob</strong>: approved, as approver" in shown
    assert "I looked at it." in shown


def test_an_unbalanced_draft_says_so(visit: Any, draft: Any, alice: Any) -> None:
    entry = draft(lines=pair("5.00")[:1])
    assert "Debits and credits differ" in text(visit(alice).get(f"/journal/{entry.pk}/"))
    assert "unbalanced" in text(visit(alice).get("/journal/"))


@pytest.mark.parametrize(
    ("step", "facts", "after"),
    [
        ("submit", {"version": 1}, "submitted"),
        ("post", {"version": 1}, "posted"),
        ("post", {}, "posted"),
        ("cancel", {"reason": "twice"}, "cancelled"),
    ],
)
def test_steps_from_a_draft(
    visit: Any, draft: Any, alice: Any, step: str, facts: Any, after: str
) -> None:
    entry = draft()
    response = visit(alice).post(f"/journal/{entry.pk}/{step}/", facts, follow=True)
    entry.refresh_from_db()
    assert entry.status == after
    assert response.redirect_chain == [(f"/journal/{entry.pk}/", 302)]
    assert f"Entry {entry.pk} {after}." in text(response)


def test_withdrawing_and_reversing(visit: Any, draft: Any, alice: Any) -> None:
    entry = submit_entry(entry_id=draft().pk, actor=alice)
    visit(alice).post(f"/journal/{entry.pk}/withdraw/", {"reason": "later"})
    entry.refresh_from_db()
    assert entry.status == "draft"
    post_entry(entry_id=entry.pk, actor=alice)
    facts = {"reason": "wrong", "posted_on": "2023-04-20"}
    response = visit(alice).post(f"/journal/{entry.pk}/reverse/", facts)
    reversal = JournalEntry.objects.get(reverses=entry)
    assert response.url == f"/journal/{reversal.pk}/"


@pytest.mark.parametrize(
    ("who", "step", "facts", "code"),
    [
        ("alice", "submit", {"version": 9}, 409),
        ("alice", "submit", {"version": "x"}, 422),
        ("alice", "post", {"version": 9}, 409),
        ("alice", "withdraw", {"reason": "no"}, 409),
        ("alice", "cancel", {}, 422),
        ("alice", "reverse", {"reason": "no", "posted_on": "2023-04-20"}, 409),
        ("alice", "reverse", {"reason": "no", "posted_on": "soon"}, 422),
        ("alice", "explode", {}, 404),
        ("bob", "post", {"version": 1}, 403),
        ("otto", "cancel", {"reason": "no"}, 403),
        ("charlie", "post", {"version": 1}, 404),
        ("victor", "post", {"version": 1}, 403),
    ],
)
def test_refused_steps_change_nothing(
    request: pytest.FixtureRequest,
    visit: Any,
    draft: Any,
    table_counts: Any,
    who: str,
    step: str,
    facts: dict[str, Any],
    code: int,
) -> None:
    entry, browser = draft(), visit(request.getfixturevalue(who))
    before = table_counts()
    response = browser.post(f"/journal/{entry.pk}/{step}/", facts)
    entry.refresh_from_db()
    assert response.status_code == code
    assert (table_counts(), entry.status) == (before, "draft")


def test_a_refused_step_opens_its_dialog_again(visit: Any, draft: Any, alice: Any) -> None:
    entry = draft()
    response = visit(alice).post(f"/journal/{entry.pk}/submit/", {"version": 9})
    assert "This has changed since you opened it." in text(response)
    assert 'id="submit" aria-labelledby="submit-title" data-open' in text(response)


@pytest.mark.parametrize(
    ("who", "code"), [("alice", 200), ("otto", 200), ("victor", 403), ("charlie", 404)]
)
def test_who_sees_an_entry(
    request: pytest.FixtureRequest, visit: Any, draft: Any, who: str, code: int
) -> None:
    entry = draft()
    assert visit(request.getfixturevalue(who)).get(f"/journal/{entry.pk}/").status_code == code


@pytest.mark.parametrize(
    "path", ["/journal/", "/journal/new/", "/journal/1/", "/journal/1/edit/", "/trial-balance/"]
)
def test_strangers_sign_in_first(db: None, path: str) -> None:
    response = Client().get(path)
    assert response.status_code == 302
    assert "login" in response.url


@pytest.mark.parametrize(
    "path", ["/journal/", "/journal/new/", "/trial-balance/", "/journal/?entity=TKO"]
)
def test_an_entity_of_others_does_not_exist(
    visit: Any, books: Any, other_books: Any, alice: Any, victor: Any, path: str
) -> None:
    assert visit(victor).get(path).status_code == 403
    separator = "&" if "?" in path else "?"
    assert visit(alice).get(f"{path}{separator}entity=TKO").status_code == 404


# --- Writing ---------------------------------------------------------------------------------


def filled(*rows: dict[str, str], **head: str) -> dict[str, str]:
    """What a browser sends: a head and rows, and two rows left empty."""
    sent = {
        "posted_on": "2023-04-12",
        "description": "Rent for April",
        "kind": "manual",
        "lines-TOTAL_FORMS": str(len(rows) + 2),
        "lines-INITIAL_FORMS": "0",
        **head,
    }
    for number, row in enumerate(rows):
        for name, value in row.items():
            sent[f"lines-{number}-{name}"] = value
    return sent


BANK = {"account": "1000", "credit": "850.00", "narrative": "April"}
RENT = {"account": "5000", "debit": "850.00", "reference": "R-4"}


def test_the_form_is_blank_with_the_accounts_to_choose_from(
    visit: Any, books: Any, alice: Any
) -> None:
    shown = text(visit(alice).get("/journal/new/"))
    assert '<option value="5000">Wages</option>' in shown
    assert 'name="lines-3-account"' in shown
    assert "Save and submit" in shown
    assert 'value="2023-04-30"' in shown  # the end of the last open period


def test_an_integration_drafts_but_does_not_submit(visit: Any, books: Any, ivy: Any) -> None:
    assert "Save and submit" not in text(visit(ivy).get("/journal/new/"))


@pytest.mark.parametrize(("button", "status"), [("save", "draft"), ("submit", "submitted")])
def test_a_filled_form_becomes_an_entry(
    visit: Any, books: Any, alice: Any, button: str, status: str
) -> None:
    response = visit(alice).post("/journal/new/", filled(RENT, BANK, **{button: "1"}), follow=True)
    entry = JournalEntry.objects.get()
    assert (entry.status, entry.prepared_by) == (status, alice)
    lines = entry.lines.order_by("line_number").values_list(
        "account__code", "debit", "credit", "currency", "reference", "narrative"
    )
    assert list(lines) == [
        ("5000", 850, 0, "EUR", "R-4", ""),
        ("1000", 0, 850, "EUR", "", "April"),
    ]
    assert response.redirect_chain == [(f"/journal/{entry.pk}/", 302)]


@pytest.mark.parametrize(
    ("rows", "head", "code", "words"),
    [
        ([RENT, BANK], {"posted_on": "yesterday"}, 422, "Enter a valid date"),
        ([RENT, BANK], {"posted_on": "2021-01-01"}, 422, "No period contains 2021-01-01"),
        ([RENT, BANK], {"description": ""}, 422, "This field is required"),
        ([RENT, BANK], {"kind": "import"}, 422, "Select a valid choice"),
        ([], {}, 422, "at least one line"),
        ([{"debit": "1"}], {}, 422, "Choose an account"),
        ([RENT, {"account": "9999", "credit": "1"}], {}, 422, "Line 2: There is no such account"),
        ([{"account": "1000", "debit": "1.234,56"}], {}, 422, "Enter a number"),
        ([{"account": "1000", "debit": "-1"}], {}, 422, "greater than or equal to 0"),
        ([{"account": "1000", "debit": "1.005"}], {}, 422, "EUR has 2 decimals"),
        ([{"account": "1000", "debit": "1", "credit": "1"}], {}, 422, "either a debit or a credit"),
        ([{"account": "1000", "debit": "NaN"}], {}, 422, "Enter a number"),
        ([RENT], {"submit": "1"}, 422, "Debits and credits differ by 850"),
        ([RENT, BANK], {"lines-TOTAL_FORMS": "many"}, 422, "ManagementForm"),
        ([RENT, BANK], {"lines-TOTAL_FORMS": "1000000000"}, 422, "at most 500"),
    ],
)
def test_bad_input_is_shown_and_changes_nothing(
    visit: Any,
    books: Any,
    alice: Any,
    table_counts: Any,
    rows: list[dict[str, str]],
    head: dict[str, str],
    code: int,
    words: str,
) -> None:
    browser = visit(alice)
    before = table_counts()
    response = browser.post("/journal/new/", filled(*rows, **head))
    assert response.status_code == code
    assert words in text(response)
    assert table_counts() == before


def test_more_lines_keeps_what_is_typed(visit: Any, books: Any, alice: Any) -> None:
    sent = filled(RENT, {"debit": "x"}, more="1")
    response = visit(alice).post("/journal/new/", sent)
    shown = text(response)
    assert 'value="850.00"' in shown
    assert 'value="x"' in shown
    assert 'name="lines-7-account"' in shown
    assert not JournalEntry.objects.exists()


def test_running_totals_count_what_can_be_read(visit: Any, books: Any, alice: Any) -> None:
    sent = filled(RENT, {"account": "1000", "credit": "50"}, {"debit": "x"})
    shown = text(visit(alice).post("/journal/rows/", sent))
    assert "850.00" in shown
    assert "by 800.00" in shown
    assert "Debits equal credits" in text(visit(alice).post("/journal/rows/", filled(RENT, BANK)))


def test_a_draft_is_opened_and_changed(visit: Any, draft: Any, alice: Any) -> None:
    lines = [
        LineDraft("1000", debit=Decimal("5"), currency="USD"),
        LineDraft("4000", credit=Decimal("5"), currency="USD", reference="A<b>"),
    ]
    entry = draft(lines=lines)
    browser = visit(alice)
    shown = text(browser.get(f"/journal/{entry.pk}/edit/"))
    assert 'value="A&lt;b&gt;"' in shown
    assert 'name="kind"' not in shown
    foreign = [{**RENT, "currency": "USD"}, {**BANK, "currency": "USD"}]
    response = browser.post(
        f"/journal/{entry.pk}/edit/", filled(*foreign, version="1", description="Changed")
    )
    entry.refresh_from_db()
    assert response.url == f"/journal/{entry.pk}/"
    assert (entry.description, entry.version) == ("Changed", 2)
    assert set(entry.lines.values_list("currency", flat=True)) == {"USD"}
    again = browser.post(f"/journal/{entry.pk}/edit/", filled(RENT, BANK, version="1"))
    assert again.status_code == 409
    assert "This has changed since you opened it." in text(again)


def test_what_is_no_draft_is_not_edited(visit: Any, draft: Any, alice: Any, bob: Any) -> None:
    entry = draft()
    assert visit(bob).get(f"/journal/{entry.pk}/edit/").status_code == 403
    post_entry(entry_id=entry.pk, actor=alice)
    response = visit(alice).post(f"/journal/{entry.pk}/edit/", filled(RENT, BANK), follow=True)
    assert "is no draft any more" in text(response)


# --- The trial balance -----------------------------------------------------------------------


def test_the_trial_balance_answers_and_every_figure_opens(
    visit: Any, draft: Any, alice: Any
) -> None:
    post_entry(entry_id=draft("50.00", posted_on="2023-03-10").pk, actor=alice)
    post_entry(entry_id=draft("1200.00").pk, actor=alice)
    response = visit(alice).get("/trial-balance/")
    shown = text(response)
    assert "Debits equal credits at the end of <strong>30 Apr 2023</strong>" in shown
    assert "1,250.00" in shown
    assert "−1,250.00" in shown
    assert "period=2023-04&amp;account=1000&amp;status=posted" in shown
    march = text(visit(alice).get("/trial-balance/?as_of=2023-03-31"))
    assert "1,250.00" not in march


@pytest.mark.parametrize(
    ("as_of", "code", "words"),
    [
        ("2023-04-11", 200, "Nothing is posted up to 11 Apr 2023"),
        ("2021-04-11", 422, "No period contains"),
        ("soon", 422, "Enter a valid date"),
    ],
)
def test_days_without_figures(
    visit: Any, draft: Any, alice: Any, as_of: str, code: int, words: str
) -> None:
    post_entry(entry_id=draft().pk, actor=alice)
    response = visit(alice).get(f"/trial-balance/?as_of={as_of}")
    assert response.status_code == code
    assert words in text(response)


def test_before_there_is_a_calendar_the_page_says_so(
    visit: Any, entity: Any, alice: Any, system: Any
) -> None:
    assert visit(alice).get("/trial-balance/").status_code == 422
    keep_books(entity, system)
    assert "Nothing is posted up to 31 Jan 2023" in text(visit(alice).get("/trial-balance/"))


def test_where_there_is_no_entity_there_are_no_books(visit: Any, system: Any) -> None:
    assert visit(system).get("/journal/").status_code == 403

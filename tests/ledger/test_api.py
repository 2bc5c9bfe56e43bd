"""REST: what each door answers, filters, pages, idempotency, and bad input that changes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.models import Request
from apps.ledger.models import Account, JournalEntry
from apps.ledger.services import LineDraft, post_entry, retire_account, submit_entry

from .conftest import give_verdict, pair

ENTRIES = "/api/ledger/entries"


def body(**changes: Any) -> dict[str, Any]:
    """A draft that balances."""
    return {
        "entity": "HFS",
        "posted_on": "2023-04-12",
        "description": "Rent for April",
        "lines": [
            {"account": "5000", "debit": "850.00", "reference": "R-4"},
            {"account": "1000", "credit": "850.00", "narrative": "April"},
        ],
        **changes,
    }


def names(response: Any, key: str = "description") -> list[Any]:
    assert response.status_code == 200, response.json()
    return [row[key] for row in response.json()["results"]]


# --- Entries ---------------------------------------------------------------------------------


def test_from_draft_to_posted_to_reversed(api: Any, books: Any, alice: Any) -> None:
    client = api(alice)
    drafted = client.post(ENTRIES, body(), format="json")
    assert drafted.status_code == 201
    entry = drafted.json()
    assert (entry["status"], entry["period"], entry["number"]) == ("draft", "2023-04", None)
    assert entry["lines"][0] == {
        "line_number": 1,
        "account": "5000",
        "account_name": "Wages",
        "debit": "850.00",
        "credit": "0.00",
        "currency": "EUR",
        "reference": "R-4",
        "counterparty": "",
        "narrative": "",
    }
    assert entry["totals"] == [{"currency": "EUR", "debit": "850.00", "credit": "850.00"}]
    url = f"{ENTRIES}/{entry['id']}"
    revised = client.post(
        f"{url}/revise",
        {**body(description="Rent, April"), "version": 1},
        format="json",
    )
    assert revised.status_code == 422  # entity is no field of a revision
    content = {key: value for key, value in body(description="Rent!").items() if key != "entity"}
    revised = client.post(f"{url}/revise", {**content, "version": 1}, format="json")
    assert (revised.status_code, revised.json()["version"]) == (200, 2)
    submitted = client.post(f"{url}/submit", {"version": 2}, format="json")
    assert submitted.json()["status"] == "submitted"
    withdrawn = client.post(f"{url}/withdraw", {"reason": "wait"}, format="json")
    assert withdrawn.json()["status"] == "draft"
    posted = client.post(f"{url}/post", {}, format="json")
    assert (posted.status_code, posted.json()["number"]) == (200, 1)
    assert posted.json()["posted_by"] == "alice"
    reversal = client.post(
        f"{url}/reverse", {"posted_on": "2023-04-20", "reason": "twice"}, format="json"
    )
    assert (reversal.status_code, reversal.json()["kind"]) == (201, "reversal")
    assert reversal.json()["reverses"] == entry["id"]
    assert client.get(url).json()["is_reversed"] is True


def test_a_draft_is_cancelled(api: Any, draft: Any, alice: Any) -> None:
    url = f"{ENTRIES}/{draft().pk}/cancel"
    assert api(alice).post(url, {"reason": "twice"}, format="json").json()["status"] == "cancelled"


def test_posting_waits_for_the_approval(
    api: Any, draft: Any, policy: Any, alice: Any, bob: Any
) -> None:
    entry = draft("5000.00")
    url = f"{ENTRIES}/{entry.pk}/post"
    refused = api(alice).post(url, {}, format="json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "APPROVAL_MISSING")
    submit_entry(entry_id=entry.pk, actor=alice)
    give_verdict(Request.objects.get(), bob)
    assert api(alice).post(url, {}, format="json").status_code == 200


def test_a_repeated_post_with_the_same_key_is_carried_out_once(
    api: Any, books: Any, alice: Any, draft: Any
) -> None:
    client = api(alice)
    first = client.post(ENTRIES, body(), format="json", headers={"Idempotency-Key": "k-1"})
    again = client.post(ENTRIES, body(), format="json", headers={"Idempotency-Key": "k-1"})
    assert first.status_code == again.status_code == 201
    assert first.json()["id"] == again.json()["id"]
    assert again["Idempotent-Replay"] == "true"
    other = client.post(
        ENTRIES, body(description="Other"), format="json", headers={"Idempotency-Key": "k-1"}
    )
    assert other.json()["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert JournalEntry.objects.count() == 1
    url = f"{ENTRIES}/{first.json()['id']}/post"
    codes = [
        client.post(url, {}, format="json", headers={"Idempotency-Key": "k-2"}).status_code
        for _ in range(2)
    ]
    assert codes == [200, 200]
    assert client.post(url, {}, format="json").status_code == 409


LINES = body()["lines"]
BAD = [
    ({"posted_on": "12.04.2023"}, 422, "INVALID"),
    ({"posted_on": "2021-01-01"}, 422, "PERIOD_MISSING"),
    ({"description": ""}, 422, "INVALID"),
    ({"description": "x" * 501}, 422, "INVALID"),
    ({"description": "a\x00b"}, 422, "INVALID"),
    ({"kind": "import"}, 422, "INVALID"),
    ({"unknown": 1}, 422, "INVALID"),
    ({"status": "posted"}, 422, "INVALID"),
    ({"lines": []}, 422, "INVALID"),
    ({"lines": "none"}, 422, "INVALID"),
    ({"lines": [1]}, 422, "INVALID"),
    ({"lines": [{**LINES[0], "debit": 850.0}]}, 422, "INVALID"),
    ({"lines": [{**LINES[0], "debit": 850}]}, 422, "INVALID"),
    ({"lines": [{**LINES[0], "debit": "1,5"}]}, 422, "INVALID"),
    ({"lines": [{**LINES[0], "debit": "NaN"}]}, 422, "INVALID"),
    ({"lines": [{**LINES[0], "debit": "1e400"}]}, 422, "INVALID"),
    ({"lines": [{**LINES[0], "debit": "0.00001"}]}, 422, "INVALID"),
    ({"lines": [{**LINES[0], "debit": "-1"}]}, 422, "LINE_INVALID"),
    ({"lines": [{**LINES[0], "debit": "1.005"}]}, 422, "INVALID"),
    ({"lines": [{**LINES[0], "credit": "1"}]}, 422, "LINE_INVALID"),
    ({"lines": [{"account": "5000"}]}, 422, "LINE_INVALID"),
    ({"lines": [{**LINES[0], "account": "9999"}]}, 422, "ACCOUNT_UNKNOWN"),
    ({"lines": [{**LINES[0], "account": ""}]}, 422, "INVALID"),
    ({"lines": [{**LINES[0], "currency": "XYZ"}]}, 422, "INVALID"),
    ({"lines": [{**LINES[0], "memo": "x"}]}, 422, "INVALID"),
    ({"entity": "TKO"}, 404, "NOT_FOUND"),
    ({"entity": "NONE"}, 404, "NOT_FOUND"),
    ({"entity": 7.5}, 422, "INVALID"),
    ({"entity": None}, 422, "INVALID"),
]


@pytest.mark.parametrize(("changes", "code", "name"), BAD)
def test_bad_drafts_are_answered_with_the_envelope_and_change_nothing(
    api: Any,
    books: Any,
    other_books: Any,
    alice: Any,
    table_counts: Any,
    changes: dict[str, Any],
    code: int,
    name: str,
) -> None:
    client = api(alice)
    before = table_counts()
    response = client.post(ENTRIES, body(**changes), format="json")
    assert (response.status_code, response.json()["error"]["code"]) == (code, name)
    assert table_counts() == before


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ('{"entity": "HFS", "entity": "HFS"}', 400),
        ("[]", 422),
        ("null", 422),
        ('"text"', 422),
        ("{", 400),
        ('{"a": ' * 200 + "1" + "}" * 200, 400),
        ('{"entity": NaN}', 400),
    ],
)
def test_unreadable_bodies(api: Any, books: Any, alice: Any, raw: str, code: int) -> None:
    response = api(alice).generic("POST", ENTRIES, raw, content_type="application/json")
    assert response.status_code == code
    assert response.json()["error"]["code"]
    assert not JournalEntry.objects.exists()


@pytest.mark.parametrize(
    ("step", "sent", "code"),
    [
        ("post", {"version": 9}, 409),
        ("post", {"version": "x"}, 422),
        ("post", {"force": True}, 422),
        ("submit", {"version": 0}, 422),
        ("cancel", {}, 422),
        ("cancel", {"reason": " "}, 422),
        ("withdraw", {"reason": "no"}, 409),
        ("reverse", {"reason": "no"}, 422),
        ("reverse", {"reason": "no", "posted_on": "2023-04-20"}, 409),
        ("revise", {"version": 1}, 422),
    ],
)
def test_bad_steps_change_nothing(
    api: Any, draft: Any, alice: Any, table_counts: Any, step: str, sent: Any, code: int
) -> None:
    entry, client = draft(), api(alice)
    before = table_counts()
    response = client.post(f"{ENTRIES}/{entry.pk}/{step}", sent, format="json")
    assert response.status_code == code
    assert (table_counts(), JournalEntry.objects.get(pk=entry.pk).version) == (before, 1)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_an_entry_itself_is_only_read(api: Any, draft: Any, alice: Any, method: str) -> None:
    response = getattr(api(alice), method)(f"{ENTRIES}/{draft().pk}", {}, format="json")
    assert response.status_code == 405


@pytest.mark.parametrize("key", ["0", "x", "99999999999999999999999"])
def test_entries_that_do_not_exist(api: Any, books: Any, alice: Any, key: str) -> None:
    assert api(alice).get(f"{ENTRIES}/{key}").status_code == 404
    assert api(alice).post(f"{ENTRIES}/{key}/post", {}, format="json").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Fees", "Posted", "March"]),
        ("entity=HFS", ["Fees", "Posted", "March"]),
        ("entity=TKO", []),
        ("period=2023-03", ["March"]),
        ("status=posted", ["Posted"]),
        ("kind=adjustment", ["Fees"]),
        ("account=5000", ["Fees"]),
        ("source=bank", ["Fees"]),
        ("external_id=F-1", ["Fees"]),
        ("posted_from=2023-04-01&posted_until=2023-04-30", ["Fees", "Posted"]),
        ("q=fee", ["Fees"]),
        ("q=INV-7", ["March"]),
        ("q=F-1", ["Fees"]),
        ("q=%25", []),
    ],
)
def test_filters(api: Any, draft: Any, alice: Any, query: str, found: list[str]) -> None:
    line = LineDraft("1000", debit=Decimal(1), reference="INV-7")
    draft(posted_on="2023-03-02", description="March", lines=[line])
    post_entry(entry_id=draft(description="Posted").pk, actor=alice)
    draft(
        description="Fees",
        kind="adjustment",
        lines=pair("3.00", "5000", "1000"),
        source="bank",
        external_id="F-1",
    )
    assert names(api(alice).get(f"{ENTRIES}?{query}")) == found


@pytest.mark.parametrize("query", ["posted_from=soon", "status=other", "kind=1", "q=%00"])
def test_filters_that_cannot_be_read(api: Any, books: Any, alice: Any, query: str) -> None:
    response = api(alice).get(f"{ENTRIES}?{query}")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "INVALID")


def test_pages_by_cursor_with_a_fixed_number_of_queries(
    api: Any, draft: Any, alice: Any, django_assert_num_queries: Any
) -> None:
    keys = [draft().pk for _ in range(5)]
    client = api(alice)
    first = client.get(f"{ENTRIES}?page_size=2")
    assert names(first, "id") == [keys[4], keys[3]]
    draft()
    second = client.get(first.json()["next"])
    assert names(second, "id") == [keys[2], keys[1]]
    assert names(client.get(second.json()["previous"]), "id") == [keys[4], keys[3]]
    with django_assert_num_queries(1):
        client.get(ENTRIES)
    assert client.get(f"{ENTRIES}?cursor=nonsense").status_code == 404


# --- Accounts and periods --------------------------------------------------------------------


def test_accounts_are_listed_filtered_and_added(api: Any, books: Any, connie: Any) -> None:
    client = api(connie)
    sent = {
        "entity": "HFS",
        "code": "6000",
        "name": "Travel",
        "type": "expense",
        "normal_balance": "debit",
    }
    added = client.post("/api/ledger/accounts", sent, format="json")
    assert (added.status_code, added.json()["is_active"]) == (201, True)
    assert client.get(f"/api/ledger/accounts/{added.json()['id']}").json() == added.json()
    again = client.post("/api/ledger/accounts", sent, format="json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ACCOUNT_EXISTS")
    retire_account(account_id=added.json()["id"], actor=connie)
    assert names(client.get("/api/ledger/accounts?type=expense"), "code") == ["6000", "5000"]
    assert names(client.get("/api/ledger/accounts?is_active=false"), "code") == ["6000"]
    assert names(client.get("/api/ledger/accounts?entity=HFS&code=1000"), "name") == ["Bank"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": "income"}, 422),
        ({"normal_balance": 3}, 422),
        ({"code": ""}, 422),
        ({"code": "x" * 21}, 422),
        ({"id": 7}, 422),
        ({"entity": "TKO"}, 404),
    ],
)
def test_bad_accounts_change_nothing(
    api: Any, books: Any, other_books: Any, connie: Any, changes: Any, code: int
) -> None:
    sent = {
        "entity": "HFS",
        "code": "6000",
        "name": "Travel",
        "type": "expense",
        "normal_balance": "debit",
        **changes,
    }
    assert api(connie).post("/api/ledger/accounts", sent, format="json").status_code == code
    assert Account.objects.count() == 12


def test_a_period_goes_from_planned_to_closed(api: Any, period: Any, connie: Any) -> None:
    client, url = api(connie), f"/api/ledger/periods/{period('2023-05').pk}"
    statuses = [
        client.post(f"{url}/{step}").json()["status"] for step in ("open", "soft-close", "close")
    ]
    assert statuses == ["open", "soft_closed", "hard_closed"]
    closed = client.get(url).json()
    assert len(closed["digest"]) == 64
    again = client.post(f"{url}/close")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ILLEGAL_MOVE")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=open", ["2023-04", "2023-03", "2023-02", "2023-01"]),
        ("contains=2023-04-30", ["2023-04"]),
        ("name=2023-07&fiscal_year=2023", ["2023-07"]),
        ("entity=TKO", []),
    ],
)
def test_period_filters(
    api: Any, books: Any, other_books: Any, alice: Any, query: str, found: list[str]
) -> None:
    assert names(api(alice).get(f"/api/ledger/periods?{query}"), "name") == found


# --- Balances --------------------------------------------------------------------------------


def test_the_trial_balance_of_a_day(api: Any, draft: Any, alice: Any) -> None:
    post_entry(entry_id=draft("50.00", posted_on="2023-03-10").pk, actor=alice)
    post_entry(entry_id=draft("20.00").pk, actor=alice)
    answer = api(alice).get("/api/ledger/trial-balance?entity=HFS&as_of=2023-04-30").json()
    assert (answer["period"], answer["period_status"]) == ("2023-04", "open")
    assert answer["rows"][0] == {
        "account": "1000",
        "account_name": "Bank",
        "type": "asset",
        "normal_balance": "debit",
        "currency": "EUR",
        "opening": "50.00",
        "debit": "20.00",
        "credit": "0.00",
        "closing": "70.00",
    }
    assert answer["totals"] == [
        {
            "currency": "EUR",
            "opening": "0.00",
            "debit": "20.00",
            "credit": "20.00",
            "closing": "0.00",
        }
    ]
    balances = api(alice).get("/api/ledger/balances?entity=HFS&as_of=2023-04-11").json()
    assert [(row["account"], row["balance"]) for row in balances["balances"]] == [
        ("1000", "50.00"),
        ("4000", "-50.00"),
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("entity=HFS", 422),
        ("as_of=2023-04-30", 422),
        ("entity=HFS&as_of=soon", 422),
        ("entity=HFS&as_of=2023-04-30&x=1", 422),
        ("entity=TKO&as_of=2023-04-30", 404),
        ("entity=NONE&as_of=2023-04-30", 404),
    ],
)
@pytest.mark.parametrize("path", ["trial-balance", "balances"])
def test_bad_questions(
    api: Any, books: Any, other_books: Any, alice: Any, path: str, query: str, code: int
) -> None:
    assert api(alice).get(f"/api/ledger/{path}?{query}").status_code == code


def test_a_trial_balance_needs_a_period(api: Any, books: Any, alice: Any) -> None:
    response = api(alice).get("/api/ledger/trial-balance?entity=HFS&as_of=2021-01-01")
    assert response.json()["error"]["code"] == "PERIOD_MISSING"

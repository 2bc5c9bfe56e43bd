"""REST: account analyses from the first version to the approval, and what changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from apps.approvals.models import Request
from apps.approvals.services import define_policy
from apps.ledger.models import AccountAnalysis
from apps.ledger.services import post_entry, settle_analysis

from .conftest import give_verdict, pair

URL = "/api/ledger/analyses"
THRESHOLDS = "/api/ledger/analysis-thresholds"
ITEM = {"description": "Sale of April", "amount": "100.00", "reference": "INV-7"}


def body(**changes: Any) -> dict[str, Any]:
    """What the bank's 100.00 of April consist of."""
    balance = {"entity": "HFS", "period": "2023-04", "account": "1000", "items": [ITEM]}
    return {**balance, **changes}


@pytest.fixture
def bank(draft: Any, alice: Any) -> None:
    post_entry(entry_id=draft().pk, actor=alice)


def test_from_the_first_version_to_outdated(
    api: Any, bank: None, draft: Any, entity: Any, alice: Any, rita: Any, connie: Any
) -> None:
    define_policy(
        entity_id=entity.pk,
        item_type="account_analysis",
        stages=[{"role": "reviewer", "count": 1}],
        actor=connie,
    )
    client = api(alice)
    made = client.post(URL, body(expected_version=0, expected_closing="100.00"), format="json")
    assert made.status_code == 201, made.json()
    analysis = made.json()
    figures = {"opening": "0.00", "debit": "100.00", "credit": "0.00", "closing": "100.00"}
    assert analysis["items"] == [
        {
            "number": 1,
            **ITEM,
            "dated_on": None,
            "support_type": "",
            "support_id": "",
            "support_digest": "",
        }
    ]
    assert (analysis["written"], analysis["now"]) == (figures, figures)
    assert (analysis["status"], analysis["state"], analysis["version"]) == ("draft", "draft", 1)
    assert (analysis["explained"], analysis["unexplained"]) == ("100.00", "0.00")
    url = f"{URL}/{analysis['id']}"
    signed = client.post(f"{url}/submit", {"version": 1}, format="json")
    assert (signed.status_code, signed.json()["state"]) == (200, "submitted")
    taken_back = client.post(f"{url}/withdraw", {"reason": "wait"}, format="json")
    assert taken_back.json()["status"] == "draft"
    client.post(f"{url}/submit", {}, format="json")
    request = Request.objects.latest("id")
    give_verdict(request, rita)
    settle_analysis(request_id=request.pk)
    assert client.get(url).json()["state"] == "approved"
    post_entry(entry_id=draft("1.00").pk, actor=alice)
    found = client.get(url).json()
    assert (found["status"], found["state"], found["has_moved"]) == ("approved", "outdated", True)
    assert (found["written"]["closing"], found["now"]["closing"]) == ("100.00", "101.00")
    again = client.post(URL, body(), format="json").json()
    assert (again["id"], again["version"], again["unexplained"]) == (analysis["id"], 2, "1.00")


def test_the_same_key_writes_one_version(api: Any, bank: None, alice: Any) -> None:
    client = api(alice)
    for _ in range(2):
        made = client.post(URL, body(), format="json", headers={"Idempotency-Key": "a-1"})
        assert (made.status_code, made.json()["version"]) == (201, 1)
    assert AccountAnalysis.objects.get().version == 1


def test_the_list_is_filtered(api: Any, bank: None, alice: Any) -> None:
    client = api(alice)
    client.post(URL, body(), format="json")
    sale = {"description": "Sale", "amount": "-100.00"}
    client.post(URL, body(account="4000", items=[sale]), format="json")
    for query, found in (
        ("", ["4000", "1000"]),
        ("?period=2023-04&entity=HFS&account=1000", ["1000"]),
        ("?status=draft&currency=EUR", ["4000", "1000"]),
        ("?status=signed", []),
        ("?period=2023-03", []),
    ):
        rows = client.get(f"{URL}{query}").json()["results"]
        assert [row["account"] for row in rows] == found, query


def test_the_coverage_of_a_period(api: Any, bank: None, alice: Any, otto: Any) -> None:
    made = api(alice).post(URL, body(), format="json").json()
    api(alice).post(f"{URL}/{made['id']}/submit", {}, format="json")
    answer = api(otto).get(f"{URL}/coverage?entity=HFS&period=2023-04").json()
    assert (answer["period"], answer["asked"], answer["done"]) == ("2023-04", 1, 1)
    assert answer["rows"] == [
        {
            "account": "1000",
            "account_name": "Bank",
            "currency": "EUR",
            "closing": "100.00",
            "is_asked": True,
            "state": "signed",
            "analysis": made["id"],
            "unexplained": "0.00",
        },
        {
            "account": "4000",
            "account_name": "Revenue",
            "currency": "EUR",
            "closing": "-100.00",
            "is_asked": False,
            "state": "missing",
            "analysis": None,
            "unexplained": "",
        },
    ]
    assert answer["totals"] == [
        {"currency": "EUR", "asked": "100.00", "done": "100.00", "unexplained": "0.00"}
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?entity=HFS", 422),
        ("?entity=TKO&period=2023-04", 404),
        ("?entity=HFS&period=1999-01", 404),
        ("?entity=HFS&period=2023-04&x=1", 422),
    ],
)
def test_coverages_that_are_not_there(
    api: Any, bank: None, other_books: Any, alice: Any, query: str, code: int
) -> None:
    assert api(alice).get(f"{URL}/coverage{query}").status_code == code


@pytest.mark.parametrize(
    ("changes", "code", "name"),
    [
        ({"entity": "TKO"}, 404, "NOT_FOUND"),
        ({"period": "1999-01"}, 404, "NOT_FOUND"),
        ({"account": "9999"}, 422, "ACCOUNT_UNKNOWN"),
        ({"account": "1100"}, 422, "NOTHING_TO_ANALYSE"),
        ({"currency": "XYZ"}, 422, "NOTHING_TO_ANALYSE"),
        ({"items": "none"}, 422, "INVALID"),
        ({"items": [{**ITEM, "amount": 100.0}]}, 422, "INVALID"),
        ({"items": [{**ITEM, "amount": "0"}]}, 422, "ANALYSIS_ITEM_INVALID"),
        ({"items": [{**ITEM, "amount": "1.005"}]}, 422, "INVALID"),
        ({"items": [{**ITEM, "description": ""}]}, 422, "INVALID"),
        ({"items": [{**ITEM, "dated_on": "soon"}]}, 422, "INVALID"),
        ({"items": [{**ITEM, "memo": "x"}]}, 422, "INVALID"),
        (
            {"items": [{**ITEM, "support_type": "match_run", "support_id": "0"}]},
            422,
            "SUPPORT_MISSING",
        ),
        ({"difference_explanation": "a\x00b"}, 422, "INVALID"),
        ({"expected_version": 1}, 409, "STALE_VERSION"),
        ({"expected_closing": "1.00"}, 409, "FIGURES_MOVED"),
        ({"status": "approved"}, 422, "INVALID"),
    ],
)
def test_bad_versions_change_nothing(
    api: Any,
    bank: None,
    other_books: Any,
    alice: Any,
    table_counts: Any,
    changes: dict[str, Any],
    code: int,
    name: str,
) -> None:
    client, before = api(alice), table_counts()
    response = client.post(URL, body(**changes), format="json")
    assert (response.status_code, response.json()["error"]["code"]) == (code, name)
    assert table_counts() == before


@pytest.mark.parametrize(
    ("step", "sent", "code", "name"),
    [
        ("submit", {"version": 2}, 409, "STALE_VERSION"),
        ("submit", {"version": "x"}, 422, "INVALID"),
        ("submit", {"force": True}, 422, "INVALID"),
        ("withdraw", {}, 422, "INVALID"),
        ("withdraw", {"reason": "no"}, 409, "ILLEGAL_MOVE"),
    ],
)
def test_bad_steps_change_nothing(
    api: Any,
    bank: None,
    alice: Any,
    table_counts: Any,
    step: str,
    sent: dict[str, Any],
    code: int,
    name: str,
) -> None:
    client = api(alice)
    made = client.post(URL, body(), format="json").json()
    before = table_counts()
    response = client.post(f"{URL}/{made['id']}/{step}", sent, format="json")
    assert (response.status_code, response.json()["error"]["code"]) == (code, name)
    assert (table_counts(), AccountAnalysis.objects.get().status) == (before, "draft")


def test_what_needs_words_is_refused_by_its_field(api: Any, bank: None, alice: Any) -> None:
    made = api(alice).post(URL, body(items=[]), format="json").json()
    refused = api(alice).post(f"{URL}/{made['id']}/submit", {}, format="json")
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "EXPLANATION_MISSING"


def test_other_currencies_have_analyses_of_their_own(
    api: Any, bank: None, draft: Any, alice: Any
) -> None:
    lines = [replace(line, currency="JPY") for line in pair("7")]
    post_entry(entry_id=draft(lines=lines).pk, actor=alice)
    sale = {"description": "Sale", "amount": "7"}
    made = api(alice).post(URL, body(currency="JPY", items=[sale]), format="json").json()
    assert (made["currency"], made["written"]["closing"], made["unexplained"]) == ("JPY", "7", "0")


def test_thresholds(api: Any, bank: None, other_books: Any, connie: Any, table_counts: Any) -> None:
    client = api(connie)
    facts = {"entity": "HFS", "account": "1000", "currency": "EUR", "difference": "0.50"}
    made = client.post(THRESHOLDS, {**facts, "change": "10.00"}, format="json")
    assert made.status_code == 201
    assert (made.json()["difference"], made.json()["change"]) == ("0.50", "10.00")
    client.post(THRESHOLDS, facts, format="json")
    rows = client.get(f"{THRESHOLDS}?account=1000&entity=HFS").json()["results"]
    assert [row["change"] for row in rows] == ["", "10.00"]
    before = table_counts()
    for changes, code in (
        ({"account": "9999"}, 404),
        ({"entity": "TKO"}, 404),
        ({"difference": "-1"}, 422),
        ({"change": "-1"}, 422),
        ({"currency": "XYZ"}, 422),
        ({"difference": 1}, 422),
    ):
        assert client.post(THRESHOLDS, {**facts, **changes}, format="json").status_code == code
    assert table_counts() == before

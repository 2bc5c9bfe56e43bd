"""Who may do what: actor by verb to verdict; and a refused verb leaves the database as it was."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.services import define_policy
from apps.ledger.models import (
    Account,
    AccountAnalysis,
    AnalysisVersion,
    JournalEntry,
    JournalLine,
    Period,
)
from apps.ledger.services import (
    AnalysisDraft,
    ItemDraft,
    post_entry,
    prepare_analysis,
    set_threshold,
    submit_analysis,
    submit_entry,
)

ACTORS = ("anonymous", "victor", "ivy", "alice", "rita", "bob", "connie", "otto", "ada", "charlie")

# Verdicts in the order of ACTORS. Charlie holds every role in another entity: 404 on what is ours.
TABLE = {
    "list accounts": (401, 403, 200, 200, 200, 200, 200, 200, 200, 200),
    "list entries": (401, 403, 200, 200, 200, 200, 200, 200, 200, 200),
    "list periods": (401, 403, 200, 200, 200, 200, 200, 200, 200, 200),
    "see account": (401, 403, 200, 200, 200, 200, 200, 200, 200, 404),
    "see entry": (401, 403, 200, 200, 200, 200, 200, 200, 200, 404),
    "see period": (401, 403, 200, 200, 200, 200, 200, 200, 200, 404),
    "see trial balance": (401, 403, 200, 200, 200, 200, 200, 200, 200, 404),
    "see balances": (401, 403, 200, 200, 200, 200, 200, 200, 200, 404),
    "add account": (401, 404, 403, 403, 403, 403, 201, 403, 201, 404),
    "draft entry": (401, 404, 201, 201, 403, 403, 201, 403, 403, 404),
    "revise draft": (401, 403, 200, 200, 403, 403, 200, 403, 403, 404),
    "cancel draft": (401, 403, 200, 200, 403, 403, 200, 403, 403, 404),
    "submit draft": (401, 403, 403, 200, 403, 403, 200, 403, 403, 404),
    "post draft": (401, 403, 403, 200, 403, 403, 200, 403, 403, 404),
    "withdraw submitted": (401, 403, 403, 200, 403, 403, 200, 403, 403, 404),
    "reverse posted": (401, 403, 403, 201, 403, 403, 201, 403, 403, 404),
    "open period": (401, 403, 403, 403, 403, 403, 200, 403, 403, 404),
    "soft-close period": (401, 403, 403, 403, 403, 403, 200, 403, 403, 404),
    "list analyses": (401, 403, 200, 200, 200, 200, 200, 200, 200, 200),
    "see analysis": (401, 403, 200, 200, 200, 200, 200, 200, 200, 404),
    "see coverage": (401, 403, 200, 200, 200, 200, 200, 200, 200, 404),
    "prepare analysis": (401, 404, 403, 201, 403, 403, 201, 403, 403, 404),
    "sign analysis": (401, 403, 403, 200, 403, 403, 403, 403, 403, 404),
    "withdraw analysis": (401, 403, 403, 200, 403, 403, 403, 403, 403, 404),
    "list thresholds": (401, 403, 200, 200, 200, 200, 200, 200, 200, 200),
    "see threshold": (401, 403, 200, 200, 200, 200, 200, 200, 200, 404),
    "set threshold": (401, 404, 403, 403, 403, 403, 201, 403, 403, 404),
    "close period": (401, 403, 403, 403, 403, 403, 200, 403, 403, 404),
}
READS = {verb for verb in TABLE if verb.startswith(("list", "see"))}
CONTENT = {
    "posted_on": "2023-04-12",
    "description": "Rent",
    "lines": [{"account": "5000", "debit": "1.00"}, {"account": "1000", "credit": "1.00"}],
}
ACCOUNT = {"code": "6000", "name": "Travel", "type": "expense", "normal_balance": "debit"}
BALANCE = {"entity": "HFS", "period": "2023-04", "account": "1000"}
ANALYSIS = {**BALANCE, "items": [{"description": "Sale", "amount": "100.00"}]}
THRESHOLD = {"entity": "HFS", "account": "1000", "currency": "EUR", "difference": "0.50"}
DAY = "?entity=HFS&as_of=2023-04-30"


@pytest.fixture
def analyses(draft: Any, alice: Any, connie: Any) -> tuple[AccountAnalysis, AccountAnalysis]:
    """One of Alice's that is a draft, and one that waits for an approval."""
    entry = post_entry(entry_id=draft().pk, actor=alice)

    def prepared(account: str, amount: int) -> AccountAnalysis:
        return prepare_analysis(
            period_id=entry.period_id,
            account=account,
            content=AnalysisDraft(items=[ItemDraft("Sale", Decimal(amount))]),
            actor=alice,
        )

    define_policy(
        entity_id=entry.entity_id,
        item_type="account_analysis",
        stages=[{"role": "reviewer", "count": 1}],
        actor=connie,
    )
    waiting = submit_analysis(analysis_id=prepared("4000", -100).pk, actor=alice)
    return prepared("1000", 100), waiting


@pytest.fixture
def stage(
    analyses: Any, draft: Any, period: Any, alice: Any, connie: Any, other_books: Any
) -> dict[str, Any]:
    """One of each: method, address and body of every verb, with real ids."""
    fresh, waiting, done = draft(), draft(), JournalEntry.objects.get(status="posted")
    submit_entry(entry_id=waiting.pk, actor=alice)
    written, asked = analyses
    threshold = set_threshold(
        account_id=written.account_id, currency="EUR", difference=Decimal(1), actor=connie
    )
    march, april, may = (period(f"2023-0{month}").pk for month in (3, 4, 5))
    account = Account.objects.filter(entity=fresh.entity).first()
    assert account is not None
    entries, periods = "/api/ledger/entries", "/api/ledger/periods"
    return {
        "list accounts": ("get", "/api/ledger/accounts", None),
        "list entries": ("get", entries, None),
        "list periods": ("get", periods, None),
        "see account": ("get", f"/api/ledger/accounts/{account.pk}", None),
        "see entry": ("get", f"{entries}/{done.pk}", None),
        "see period": ("get", f"{periods}/{april}", None),
        "see trial balance": ("get", f"/api/ledger/trial-balance{DAY}", None),
        "see balances": ("get", f"/api/ledger/balances{DAY}", None),
        "add account": ("post", "/api/ledger/accounts", {"entity": "HFS", **ACCOUNT}),
        "draft entry": ("post", entries, {"entity": "HFS", **CONTENT}),
        "revise draft": ("post", f"{entries}/{fresh.pk}/revise", {**CONTENT, "version": 1}),
        "cancel draft": ("post", f"{entries}/{fresh.pk}/cancel", {"reason": "twice"}),
        "submit draft": ("post", f"{entries}/{fresh.pk}/submit", {}),
        "post draft": ("post", f"{entries}/{fresh.pk}/post", {}),
        "withdraw submitted": ("post", f"{entries}/{waiting.pk}/withdraw", {"reason": "later"}),
        "reverse posted": (
            "post",
            f"{entries}/{done.pk}/reverse",
            {"reason": "wrong", "posted_on": "2023-04-20"},
        ),
        "open period": ("post", f"{periods}/{may}/open", {}),
        "soft-close period": ("post", f"{periods}/{march}/soft-close", {}),
        "list analyses": ("get", "/api/ledger/analyses", None),
        "see analysis": ("get", f"/api/ledger/analyses/{written.pk}", None),
        "see coverage": ("get", "/api/ledger/analyses/coverage?entity=HFS&period=2023-04", None),
        "prepare analysis": ("post", "/api/ledger/analyses", ANALYSIS),
        "sign analysis": ("post", f"/api/ledger/analyses/{written.pk}/submit", {}),
        "withdraw analysis": (
            "post",
            f"/api/ledger/analyses/{asked.pk}/withdraw",
            {"reason": "later"},
        ),
        "list thresholds": ("get", "/api/ledger/analysis-thresholds", None),
        "see threshold": ("get", f"/api/ledger/analysis-thresholds/{threshold.pk}", None),
        "set threshold": ("post", "/api/ledger/analysis-thresholds", THRESHOLD),
        "close period": ("post", f"{periods}/{march}/close", {}),
    }


def content() -> list[Any]:
    models = (Account, Period, JournalEntry, JournalLine, AccountAnalysis, AnalysisVersion)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("position", range(len(ACTORS)), ids=ACTORS)
def test_every_actor_gets_the_verdict_of_the_table(
    request: pytest.FixtureRequest, api: Any, stage: Any, table_counts: Any, position: int
) -> None:
    """All verbs of one actor, each tried on the same stage and undone."""
    from django.db import transaction

    name = ACTORS[position]
    client = api(None if name == "anonymous" else request.getfixturevalue(name))
    assert set(stage) == set(TABLE)
    for verb, (method, url, sent) in stage.items():
        before = content(), table_counts()
        with transaction.atomic():
            response = getattr(client, method)(url, sent, format="json")
            verdict = TABLE[verb][position]
            assert response.status_code == verdict, (verb, response.json())
            if verdict >= 400 or verb in READS:
                assert (content(), table_counts()) == before, verb
            transaction.set_rollback(True)


def test_what_others_have_looks_like_what_does_not_exist(
    api: Any, stage: Any, charlie: Any
) -> None:
    client = api(charlie)

    def told(method: str, url: str, sent: Any) -> tuple[int, dict[str, Any]]:
        response = getattr(client, method)(url, sent, format="json")
        error = response.json()["error"]
        return response.status_code, {key: error[key] for key in ("code", "message", "details")}

    asked = [verb for verb in stage if re.search(r"/\d+", stage[verb][1])]
    assert len(asked) == 16
    for verb in asked:
        method, url, sent = stage[verb]
        nowhere = re.sub(r"/\d+", "/987654321", url)
        assert told(method, url, sent) == told(method, nowhere, sent), verb


def test_lists_show_nothing_of_others(api: Any, stage: Any, charlie: Any) -> None:
    client = api(charlie)
    for path in ("accounts", "periods", "entries", "analyses", "analysis-thresholds"):
        rows = client.get(f"/api/ledger/{path}?page_size=500").json()["results"]
        assert {row["entity"] for row in rows} <= {"TKO"}

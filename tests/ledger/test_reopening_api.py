"""REST of reopenings: asked for, opened and ended; who may, bad input, repeated calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.ledger.models import Period, PeriodReopening

from .conftest import approve_both, request_of

URL = "/api/ledger/reopenings"
ACTORS = ("anonymous", "victor", "ivy", "alice", "rita", "bob", "connie", "otto", "ada", "charlie")

# Verdicts in the order of ACTORS. Charlie holds every role in another entity: 404 on what is ours.
TABLE = {
    "list": (401, 403, 200, 200, 200, 200, 200, 200, 200, 200),
    "see": (401, 403, 200, 200, 200, 200, 200, 200, 200, 404),
    "ask": (401, 404, 403, 403, 403, 403, 409, 403, 403, 404),
    "open": (401, 403, 403, 403, 403, 403, 409, 403, 403, 404),
    "end": (401, 403, 403, 403, 403, 403, 409, 403, 403, 404),
}


def body(closed_period: Period, **changes: Any) -> dict[str, Any]:
    return {
        "period": closed_period.pk,
        "reason": "The bank sent a fee late.",
        "kinds": ["adjustment"],
        "accounts": ["1000", "4000"],
        "expires_at": (timezone.now() + timedelta(days=2)).isoformat(),
        **changes,
    }


def send(client: Any, url: str, facts: Any = None, key: str = "") -> Any:
    extra = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.post(url, facts, format="json", **extra)


@pytest.mark.parametrize("verb", TABLE)
def test_who_may_what(
    request: pytest.FixtureRequest, api: Any, propose: Any, closed: Period, verb: str
) -> None:
    """Nobody changes anything here: Connie is refused because one waits for approval already."""
    asked = propose()
    before = list(PeriodReopening.objects.values())
    verdicts = []
    for who in ACTORS:
        client = api(None if who == "anonymous" else request.getfixturevalue(who))
        if verb in ("list", "see"):
            answer = client.get(URL if verb == "list" else f"{URL}/{asked.pk}")
        elif verb == "ask":
            answer = send(client, URL, body(closed))
        else:
            answer = send(client, f"{URL}/{asked.pk}/{verb}")
        verdicts.append(answer.status_code)
    assert tuple(verdicts) == TABLE[verb]
    assert list(PeriodReopening.objects.values()) == before


def test_from_asking_to_the_end(
    api: Any, closed: Period, two_approvers: Any, connie: Any, bob: Any, beth: Any
) -> None:
    client = api(connie)
    made = send(client, URL, body(closed))
    assert made.status_code == 201, made.json()
    shown = made.json()
    assert (shown["status"], shown["period_name"], shown["accounts"]) == (
        "asked",
        "2023-04",
        ["1000", "4000"],
    )
    asked = PeriodReopening.objects.get()
    assert shown["request"] == request_of(asked).pk
    assert isinstance(shown["resting"], list)
    early = send(client, f"{URL}/{asked.pk}/open")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "APPROVAL_MISSING")
    approve_both(asked, bob, beth)
    opened = send(client, f"{URL}/{asked.pk}/open").json()
    assert (opened["status"], opened["opened_by"], opened["resting"]) == ("open", "connie", [])
    assert client.get(f"/api/ledger/periods/{closed.pk}").json()["status"] == "reopened"
    assert [row["id"] for row in client.get(f"{URL}?status=open").json()["results"]] == [asked.pk]
    assert client.get(f"{URL}?status=ended").json()["results"] == []
    ended = send(client, f"{URL}/{asked.pk}/end").json()
    assert (ended["status"], ended["ended_how"]) == ("ended", "closed")
    assert ended["digest_after"] == closed.digest


def test_the_same_key_asks_once(api: Any, closed: Period, two_approvers: Any, connie: Any) -> None:
    facts = body(closed)
    first, second = (send(api(connie), URL, facts, key="k-1") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert PeriodReopening.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"period": 10**12}, 404, "NOT_FOUND"),
        ({"period": "x"}, 422, None),
        ({"reason": ""}, 422, None),
        ({"kinds": []}, 422, None),
        ({"kinds": ["other"]}, 422, None),
        ({"kinds": ["manual", "manual"]}, 422, "REOPENING_INVALID"),
        ({"accounts": ["9999"]}, 422, "ACCOUNT_UNKNOWN"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "REOPENING_INVALID"),
        ({"expires_at": "soon"}, 422, None),
        ({"people": ["bob"]}, 422, None),
    ],
)
def test_bad_input_changes_nothing(
    api: Any,
    closed: Period,
    two_approvers: Any,
    connie: Any,
    changes: dict[str, Any],
    status: int,
    code: str | None,
) -> None:
    answer = send(api(connie), URL, body(closed, **changes))
    assert answer.status_code == status, answer.json()
    if code:
        assert answer.json()["error"]["code"] == code
    assert not PeriodReopening.objects.exists()


def test_without_a_policy_it_says_what_is_missing(api: Any, closed: Period, connie: Any) -> None:
    answer = send(api(connie), URL, body(closed))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "APPROVERS_TOO_FEW")
    assert not PeriodReopening.objects.exists()

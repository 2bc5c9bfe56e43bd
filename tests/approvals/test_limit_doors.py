"""Limits and rates over REST and in the admin."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from apps.approvals.models import ExchangeRate, Limit
from apps.approvals.services import decide, define_limit, enter_rate
from tests.approvals.test_admin import signed_in
from tests.approvals.test_pages import address, text_of

LIMITS, RATES = "/api/approvals/limits", "/api/approvals/rates"
LIMIT = {
    "entity": "HFS",
    "role": "approver",
    "item_type": "journal_entry",
    "amount": "10000.00",
    "currency": "EUR",
    "starts_on": "2023-01-01",
}
RATE = {
    "entity": "HFS",
    "currency": "USD",
    "quote": "EUR",
    "quoted_on": "2023-04-28",
    "rate": "0.8123",
    "source": "Central bank",
}


def post(client: Any, path: str, content: Any = None, **headers: str) -> Any:
    return client.post(path, content, format="json", headers=headers)


@pytest.fixture
def limit(entity: Any, connie: Any) -> Limit:
    return define_limit(
        entity_id=entity.pk,
        role="approver",
        item_type="journal_entry",
        amount=Decimal(10_000),
        currency="EUR",
        starts_on=date(2023, 1, 1),
        actor=connie,
    )


@pytest.fixture
def rate(entity: Any, connie: Any) -> ExchangeRate:
    return enter_rate(
        entity_id=entity.pk,
        currency="USD",
        quote="EUR",
        quoted_on=date(2023, 4, 28),
        rate=Decimal("0.8123"),
        source="Central bank",
        actor=connie,
    )


# --- REST -----------------------------------------------------------------------------------


def test_a_controller_defines_and_retires_a_limit(api: Any, connie: Any, bob: Any) -> None:
    made = post(api(connie), LIMITS, LIMIT)
    assert made.status_code == 201, made.json()
    body = made.json()
    assert (body["role"], body["user"], body["amount"]) == ("approver", None, "10000.00")
    assert (body["starts_on"], body["ends_on"], body["retired_at"]) == ("2023-01-01", None, None)
    own = post(api(connie), LIMITS, LIMIT | {"role": "", "user": "bob@example.com"}).json()
    assert (own["role"], own["user"]) == ("", "bob")
    retired = post(api(connie), f"{LIMITS}/{body['id']}/retire")
    assert retired.status_code == 200
    assert retired.json()["retired_at"] is not None
    again = post(api(connie), f"{LIMITS}/{body['id']}/retire")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ILLEGAL_MOVE")
    standing = api(bob).get(f"{LIMITS}?standing=true").json()["results"]
    assert [one["id"] for one in standing] == [own["id"]]


def test_the_same_key_defines_once(api: Any, connie: Any) -> None:
    first = post(api(connie), LIMITS, LIMIT, **{"Idempotency-Key": "once"})
    again = post(api(connie), LIMITS, LIMIT, **{"Idempotency-Key": "once"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Limit.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "changes", "status"),
    [
        ("alice", {}, 403),
        ("otto", {}, 403),
        ("ada", {}, 403),
        ("charlie", {}, 404),
        ("connie", {"entity": "TKO"}, 404),
        ("connie", {"role": "preparer"}, 422),
        ("connie", {"role": ""}, 422),
        ("connie", {"user": "nobody"}, 422),
        ("connie", {"user": "connie", "role": ""}, 403),
        ("connie", {"amount": 10000}, 422),
        ("connie", {"amount": "-1"}, 422),
        ("connie", {"currency": "XXQ"}, 422),
        ("connie", {"starts_on": "soon"}, 422),
        ("connie", {"unknown": 1}, 422),
    ],
)
def test_refused_limits_change_nothing(
    request: pytest.FixtureRequest,
    api: Any,
    other_entity: Any,
    entity: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    status: int,
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    answer = post(api(actor), LIMITS, LIMIT | changes)
    assert answer.status_code == status, answer.json()
    assert table_counts() == before


def test_limits_and_rates_are_for_those_who_may_see_them(
    request: pytest.FixtureRequest, api: Any, limit: Limit, rate: ExchangeRate
) -> None:
    verdicts = {
        name: [
            api(request.getfixturevalue(name)).get(path).status_code
            for path in (LIMITS, f"{LIMITS}/{limit.pk}", RATES, f"{RATES}/{rate.pk}")
        ]
        for name in ("alice", "bob", "otto", "ada", "victor", "charlie")
    }
    assert verdicts == {
        **dict.fromkeys(("alice", "bob", "otto"), [200] * 4),
        **dict.fromkeys(("ada", "victor"), [403] * 4),
        "charlie": [200, 404, 200, 404],
    }
    assert post(api(), LIMITS, LIMIT).status_code == 401


def test_a_rate_is_entered_once(api: Any, connie: Any, bob: Any) -> None:
    made = post(api(connie), RATES, RATE)
    assert made.status_code == 201, made.json()
    assert (made.json()["rate"], made.json()["entered_by"]) == ("0.8123000000", "connie")
    again = post(api(connie), RATES, RATE | {"rate": "0.9"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "RATE_EXISTS")
    assert post(api(bob), RATES, RATE).status_code == 403
    assert len(api(bob).get(f"{RATES}?entity=HFS").json()["results"]) == 1


def test_a_decision_shows_the_limit_it_was_taken_under(
    api: Any, limit: Limit, define: Any, ask: Any, bob: Any, alice: Any
) -> None:
    define("journal_entry")
    made = ask(item_type="journal_entry", amount=Decimal("5.5"), currency="EUR", split_key="Acme")
    decide(
        request_id=made.pk,
        verdict="approve",
        comment="",
        attested=True,
        expected_version=1,
        actor=bob,
    )
    seen = api(alice).get(f"/api/approvals/requests/{made.pk}").json()
    assert seen["decisions"][0]["limit_amount"] == "10000.00"
    assert (seen["split_key"], seen["split_amount"]) == ("Acme", "0.00")


# --- Pages ----------------------------------------------------------------------------------


def test_the_page_tells_the_limit_and_what_belongs_together(
    limit: Limit, define: Any, ask: Any, bob: Any, alice: Any
) -> None:
    define("journal_entry")
    facts = {
        "item_type": "journal_entry",
        "amount": Decimal(6_000),
        "currency": "EUR",
        "split_key": "Acme",
    }
    from tests.approvals.conftest import subject

    ask(subject(0), **facts)
    text = text_of(signed_in(bob).get(address(ask(subject(1), **facts))))
    together = "12,000.00 EUR together with what else Alice asked for under Acme"
    assert f"Counts as {together}" in text
    assert "Bob may approve up to 10,000.00 EUR." in text
    assert f"A controller defines a limit of at least {together}" in text


# --- Admin ----------------------------------------------------------------------------------


@pytest.fixture
def content(entity: Any) -> dict[str, Any]:
    return LIMIT | {"entity": entity.pk, "user": "", "ends_on": ""}


def test_a_controller_defines_limits_in_the_admin(
    connie: Any, bob: Any, content: dict[str, Any]
) -> None:
    visitor = signed_in(connie)
    path = reverse("admin:approvals_limit_add")
    assert visitor.post(path, content).status_code == 302
    assert visitor.post(path, content | {"role": "", "user": bob.pk}).status_code == 302
    limits = list(Limit.objects.order_by("pk"))
    assert [(one.role, one.user) for one in limits] == [("approver", None), ("", bob)]
    refused = visitor.post(path, content | {"user": bob.pk})
    assert list(refused.context["adminform"].form.errors) == ["role"]
    listed = reverse("admin:approvals_limit_changelist")
    assert visitor.get(listed).status_code == 200
    assert visitor.get(path).status_code == 200
    page = reverse("admin:approvals_limit_change", args=[limits[0].pk])
    assert visitor.get(page).status_code == 200
    visitor.post(listed, {"action": "retire", "_selected_action": [limits[0].pk]})
    assert Limit.objects.standing().get() == limits[1]


def test_the_admin_tells_what_a_new_limit_takes_the_place_of(
    limit: Limit, content: dict[str, Any], connie: Any
) -> None:
    path = reverse("admin:approvals_limit_add")
    answer = signed_in(connie).post(path, content | {"amount": "20000.00"}, follow=True)
    told = [str(one) for one in answer.context["messages"]]
    assert f"It takes the place of “{limit}”, which {connie} defined." in told
    answer = signed_in(connie).post(path, content | {"item_type": "write_off"}, follow=True)
    assert not any("takes the place" in str(one) for one in answer.context["messages"])


def test_a_controller_enters_rates_in_the_admin(connie: Any, entity: Any) -> None:
    visitor = signed_in(connie)
    path = reverse("admin:approvals_exchangerate_add")
    assert visitor.get(path).status_code == 200
    assert visitor.post(path, RATE | {"entity": entity.pk}).status_code == 302
    refused = visitor.post(path, RATE | {"entity": entity.pk})
    assert list(refused.context["adminform"].form.errors) == ["quoted_on"]
    made = ExchangeRate.objects.get()
    assert visitor.get(reverse("admin:approvals_exchangerate_changelist")).status_code == 200
    page = reverse("admin:approvals_exchangerate_change", args=[made.pk])
    assert visitor.get(page).status_code == 200
    assert visitor.post(page, RATE).status_code == 403


def test_others_only_look(
    otto: Any, limit: Limit, content: dict[str, Any], table_counts: Any
) -> None:
    visitor = signed_in(otto)
    before = table_counts()
    assert visitor.get(reverse("admin:approvals_limit_changelist")).status_code == 200
    assert visitor.post(reverse("admin:approvals_limit_add"), content).status_code == 403
    chosen = {"action": "retire", "_selected_action": [limit.pk]}
    visitor.post(reverse("admin:approvals_limit_changelist"), chosen)
    assert visitor.post(reverse("admin:approvals_exchangerate_add"), RATE).status_code == 403
    assert table_counts() == before
    assert Limit.objects.standing().count() == 1

"""The REST door of reconciliation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.identity.models import User
from apps.operations.models import OutboxMessage
from apps.reconciliation.models import Break, BreakReview, MatchGroup, Run
from apps.reconciliation.services import change_rules, define_match_type, explain_break
from tests.reconciliation.conftest import RULES, Pair

START = "/api/reconciliation/start"
APRIL = {"match_type": "bank_gl", "starts_on": "2023-04-01", "ends_on": "2023-04-30"}
Broken = Callable[[str], Break]


def problem(answer: Any) -> str:
    """The code of an error envelope, which is complete."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "details", "timestamp", "request_id"}
    return str(error["code"])


# --- Starting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("by_id", [False, True])
def test_a_run_is_queued(by_id: bool, pair: Pair, api: Any, ivy: User) -> None:
    body = {**APRIL, "match_type": pair.match_type.pk} if by_id else APRIL
    answer = api(ivy).post(START, body, format="json")
    assert answer.status_code == 202
    run = Run.objects.get()
    assert answer.json() == {
        "id": run.pk,
        "entity": "HFS",
        "match_type": "bank_gl",
        "rule_set": 1,
        "starts_on": "2023-04-01",
        "ends_on": "2023-04-30",
        "status": "queued",
        "left_count": 0,
        "right_count": 0,
        "carried_left_count": 0,
        "carried_right_count": 0,
        "group_count": 0,
        "break_count": 0,
        "proof": [],
        "failure": "",
        "requested_by": "ivy",
        "requested_at": answer.json()["requested_at"],
        "finished_at": None,
        "outcome_digest": "",
        "division": "",
        "progress": None,
    }
    assert OutboxMessage.objects.get().arguments == {"run_id": run.pk}


def test_the_run_that_stands_is_answered_with_200(
    april: Run, api: Any, alice: User, table_counts: Any
) -> None:
    before = table_counts()
    answer = api(alice).post(START, APRIL, format="json")
    assert (answer.status_code, answer.json()["id"]) == (200, april.pk)
    assert answer.json()["proof"] == april.proof
    assert table_counts() == before


def test_a_repeated_key_starts_one_run(pair: Pair, api: Any, ivy: User) -> None:
    client = api(ivy)
    first = client.post(START, APRIL, format="json", headers={"Idempotency-Key": "one"})
    again = client.post(START, APRIL, format="json", headers={"Idempotency-Key": "one"})
    assert again.json() == first.json()
    assert OutboxMessage.objects.count() == 1


BAD_STARTS: list[tuple[Any, int]] = [
    ("{", 400),
    ("[]", 422),
    ('"text"', 422),
    ("null", 422),
    ("{}", 422),
    ('{"match_type": "bank_gl", "starts_on": "2023-04-01"}', 422),
    ({**APRIL, "match_type": True}, 422),
    ({**APRIL, "match_type": 1.5}, 422),
    ({**APRIL, "match_type": None}, 422),
    ({**APRIL, "match_type": ""}, 422),
    ({**APRIL, "match_type": "nul\0"}, 422),
    ({**APRIL, "match_type": ["bank_gl"]}, 422),
    ({**APRIL, "match_type": "x" * 51}, 422),
    ({**APRIL, "match_type": "unknown"}, 404),
    ({**APRIL, "match_type": 10**30}, 404),
    ({**APRIL, "match_type": -1}, 404),
    ({**APRIL, "entity": "TKO"}, 404),
    ({**APRIL, "starts_on": 20230401}, 422),
    ({**APRIL, "starts_on": "1 April"}, 422),
    ({**APRIL, "starts_on": "2023-02-30"}, 422),
    ({**APRIL, "starts_on": "2023-05-01"}, 422),
    ({**APRIL, "starts_on": "0001-01-01"}, 422),
    ({**APRIL, "ends_on": "9999-12-31"}, 422),
    ({**APRIL, "actor": 1}, 422),
    (
        '{"match_type": "a", "match_type": "bank_gl", "starts_on": "2023-04-01",'
        ' "ends_on": "2023-04-30"}',
        400,
    ),
    ('{"match_type": "bank_gl", "starts_on": NaN, "ends_on": "2023-04-30"}', 400),
]


@pytest.mark.parametrize(("body", "status"), BAD_STARTS)
def test_bad_starts_change_nothing(
    body: Any, status: int, pair: Pair, api: Any, ivy: User, table_counts: Any
) -> None:
    before = table_counts()
    if isinstance(body, str):
        answer = api(ivy).post(START, body, content_type="application/json")
    else:
        answer = api(ivy).post(START, body, format="json")
    assert answer.status_code == status, answer.content
    problem(answer)
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "status"),
    [
        (None, 401),
        ("alice", 202),
        ("connie", 202),
        ("ivy", 202),
        ("rita", 403),
        ("bob", 403),
        ("otto", 403),
        ("ada", 404),
        ("victor", 404),
        ("charlie", 404),
    ],
)
def test_who_may_start(who: str | None, status: int, request: Any, pair: Pair, api: Any) -> None:
    user = request.getfixturevalue(who) if who else None
    answer = api(user).post(START, APRIL, format="json")
    assert answer.status_code == status
    assert Run.objects.count() == (status == 202)


def test_the_entity_settles_which_of_two_match_types_is_meant(
    pair: Pair, other_entity: Any, charlie: User, system: User, ivy: User, api: Any
) -> None:
    from apps.identity.services import grant_role
    from apps.ingestion.services import define_source

    far = [
        define_source(entity_id=other_entity.pk, code=code, name=code, actor=charlie).pk
        for code in ("a", "b")
    ]
    define_match_type(
        entity_id=other_entity.pk,
        code="bank_gl",
        name="Theirs",
        left_source_id=far[0],
        right_source_id=far[1],
        rules=RULES,
        actor=charlie,
    )
    grant_role(user_id=ivy.pk, role="integration", entity_id=other_entity.pk, actor=system)
    client = api(User.objects.get(pk=ivy.pk))
    answer = client.post(START, APRIL, format="json")
    assert (answer.status_code, problem(answer)) == (422, "MATCH_TYPE_AMBIGUOUS")
    answer = client.post(START, {**APRIL, "entity": "HFS"}, format="json")
    assert (answer.status_code, answer.json()["entity"]) == (202, "HFS")


# --- Status ------------------------------------------------------------------------------------


def test_the_status_of_a_completed_run(april: Run, api: Any, ivy: User) -> None:
    body = api(ivy).get(f"/api/reconciliation/status?run={april.pk}").json()
    assert (body["status"], body["match_rate"]) == ("completed", "30.76")
    assert body["variance"] == {
        "amount": "726.47",
        "percent": "54.4976",
        "gross_percent": "57.5756",
        "currency": "EUR",
    }


def test_the_status_of_a_run_without_outcome(pair: Pair, api: Any, ivy: User) -> None:
    run = pair.start()
    body = api(ivy).get(f"/api/reconciliation/status?run={run.pk}").json()
    assert (body["status"], body["match_rate"], body["variance"]) == ("queued", None, None)


def test_the_status_of_a_run_over_nothing(pair: Pair, api: Any, ivy: User) -> None:
    body = api(ivy).get(f"/api/reconciliation/status?run={pair.run().pk}").json()
    assert (body["match_rate"], body["variance"]) == ("100.00", None)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("?run=", 422),
        ("?run=abc", 422),
        ("?run=1.5", 422),
        ("?run=-1", 422),
        ("?run=" + "9" * 30, 422),
        ("?run=0", 404),
    ],
)
def test_runs_that_are_none(query: str, status: int, april: Run, api: Any, ivy: User) -> None:
    answer = api(ivy).get(f"/api/reconciliation/status{query}")
    assert answer.status_code == status
    problem(answer)


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("ada", 403), ("charlie", 404)])
def test_who_does_not_learn_the_status(
    who: str | None, status: int, request: Any, april: Run, api: Any
) -> None:
    user = request.getfixturevalue(who) if who else None
    assert api(user).get(f"/api/reconciliation/status?run={april.pk}").status_code == status


# --- Lists -------------------------------------------------------------------------------------

PATHS = ("match-types", "runs", "groups", "breaks")


def get(client: Any, path: str) -> list[dict[str, Any]]:
    answer = client.get(f"/api/reconciliation/{path}")
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("who", "status", "is_filled"),
    [
        (None, 401, False),
        ("otto", 200, True),
        ("ivy", 200, True),
        ("ada", 403, False),
        ("victor", 403, False),
        ("charlie", 200, False),
    ],
)
def test_who_sees_what(
    path: str,
    who: str | None,
    status: int,
    is_filled: bool,
    request: Any,
    api: Any,
    april: Run,
) -> None:
    user = request.getfixturevalue(who) if who else None
    answer = api(user).get(f"/api/reconciliation/{path}")
    assert answer.status_code == status
    if status == 200:
        assert bool(answer.json()["results"]) is is_filled


def test_what_others_have_is_not_there(api: Any, april: Run, charlie: User) -> None:
    for path, row in (
        ("match-types", april.match_type),
        ("runs", april),
        ("groups", MatchGroup.objects.first()),
        ("breaks", Break.objects.first()),
    ):
        assert row is not None
        assert api(charlie).get(f"/api/reconciliation/{path}/{row.pk}").status_code == 404


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written_by_reading(
    path: str, method: str, api: Any, april: Run, connie: User, table_counts: Any
) -> None:
    before = table_counts()
    answer = getattr(api(connie), method)(f"/api/reconciliation/{path}", {}, format="json")
    assert answer.status_code == 405
    assert table_counts() == before


def test_a_group_comes_with_its_items(april: Run, api: Any, otto: User) -> None:
    near = MatchGroup.objects.get(run=april, pass_name="Near")
    body = api(otto).get(f"/api/reconciliation/groups/{near.pk}").json()
    assert (body["left_total"], body["right_total"], body["difference"]) == (
        "50.00",
        "50.03",
        "-0.03",
    )
    left, right = body["items"]
    assert (left["side"], left["external_id"], left["reference"]) == ("left", "L2-INV-2", "INV-2")
    assert (left["amount"], left["allocated"], left["booked_on"]) == (
        "50.00",
        "50.00",
        "2023-04-04",
    )
    assert (right["side"], right["amount"], right["currency"]) == ("right", "50.03", "EUR")
    assert [row["number"] for row in get(api(otto), f"groups?run={april.pk}")] == [2, 1]
    assert [row["pass_name"] for row in get(api(otto), "groups?pass_name=Near")] == ["Near"]
    assert all(len(row["items"]) == 2 for row in get(api(otto), "groups"))


def test_a_break_comes_with_its_items_cause_and_review(
    april: Run, broken: Broken, api: Any, otto: User, alice: User
) -> None:
    explain_break(break_id=broken("fee").pk, comment="Wire fee", actor=alice)
    body = api(otto).get(f"/api/reconciliation/breaks/{broken('fee').pk}").json()
    assert (body["cause"], body["state"], body["amount"]) == ("fee", "mismatched", "-7.50")
    assert (body["left_total"], body["right_total"]) == ("92.50", "100.00")
    assert body["reason"].startswith("left amount is net of a fee of 7.50 EUR")
    assert body["evidence"]["fee"] == "7.50"
    assert [item["side"] for item in body["items"]] == ["left", "right"]
    assert (body["review_status"], body["review_comment"], body["review_version"]) == (
        "explained",
        "Wire fee",
        2,
    )
    assert (body["explained_by"], body["accepted_by"]) == ("alice", None)


FILTERS = [
    ("breaks", 6),
    ("breaks?match_type=bank_gl", 6),
    ("breaks?match_type=other", 0),
    ("breaks?entity=TKO", 0),
    ("breaks?cause=fee", 1),
    ("breaks?state=awaited", 1),
    ("breaks?is_material=true", 1),
    ("breaks?review_status=open", 5),
    ("breaks?review_status=explained", 1),
    ("breaks?review_status=accepted", 0),
    ("breaks?least_amount=60", 3),
    ("breaks?least_amount=60.00&most_amount=75", 2),
    ("breaks?most_amount=12.99", 2),
    ("breaks?q=INV-3", 1),
    ("breaks?q=inv-", 6),
    ("breaks?q=L4-INV-4", 1),
    ("breaks?q=Anna", 0),
    ("runs?status=completed", 1),
    ("runs?status=failed", 0),
    ("runs?match_type=bank_gl&starts_on=2023-04-01", 1),
    ("groups?number=1", 1),
    ("match-types?code=bank_gl", 1),
    ("match-types?entity=TKO", 0),
]


@pytest.mark.parametrize(("query", "count"), FILTERS)
def test_filters(
    query: str, count: int, april: Run, broken: Broken, api: Any, otto: User, alice: User
) -> None:
    explain_break(break_id=broken("fee").pk, comment="Wire fee", actor=alice)
    assert len(get(api(otto), query)) == count


@pytest.mark.parametrize(
    "query",
    [
        "breaks?cause=nonsense",
        "breaks?state=x",
        "breaks?review_status=x",
        "breaks?run=abc",
        "breaks?run=" + "9" * 30,
        "breaks?least_amount=1e999999",
        "breaks?least_amount=NaN",
        "breaks?most_amount=1.23456",
        "breaks?most_amount=" + "9" * 30,
        "groups?run=1.5",
        "groups?number=" + "9" * 12,
        "runs?status=nonsense",
        "runs?starts_on=tomorrow",
        "runs?cursor=x",
    ],
)
def test_bad_queries_are_refused(query: str, april: Run, api: Any, otto: User) -> None:
    answer = api(otto).get(f"/api/reconciliation/{query}")
    assert answer.status_code in {404, 422}, answer.content
    problem(answer)


def test_breaks_of_a_run_that_no_longer_stands_only_when_asked_for(
    april: Run, pair: Pair, connie: User, api: Any, otto: User
) -> None:
    change_rules(match_type_id=pair.match_type.pk, rules={**RULES, "awaited_days": 0}, actor=connie)
    newer = pair.run()
    assert {row["run"] for row in get(api(otto), "breaks")} == {newer.pk}
    assert {row["run"] for row in get(api(otto), f"breaks?run={april.pk}")} == {april.pk}
    old = Break.objects.filter(run=april).first()
    assert old is not None
    assert api(otto).get(f"/api/reconciliation/breaks/{old.pk}").status_code == 200


@pytest.mark.parametrize(("who", "is_clear"), [("alice", True), ("otto", False), ("ivy", False)])
def test_names_in_reasons_are_masked_without_the_right(
    who: str, is_clear: bool, request: Any, pair: Pair, connie: User, api: Any
) -> None:
    exact = {**RULES["passes"][0], "keys": ["reference", "amount", "counterparty"]}
    change_rules(match_type_id=pair.match_type.pk, rules={**RULES, "passes": [exact]}, actor=connie)
    pair.bring("left", ("INV-1", "03", "100.00"), ("INV-2", "03", "5.00"))
    pair.bring("right", ("INV-1", "03", "100.00"))
    renamed = ("INV-2", "03", "5.00")
    from apps.ingestion.services import import_file
    from tests.reconciliation.conftest import lines

    import_file(
        source_id=pair.right.pk,
        filename="f",
        content=lines(renamed, prefix="X").replace(b"Anna", b"Bert"),
        actor=pair.actor,
    )
    pair.run()
    client = api(request.getfixturevalue(who))
    (group,) = get(client, "groups")
    (broken,) = get(client, "breaks")
    text = str(group["reasons"]) + broken["reason"] + str(broken["evidence"])
    assert ("Anna" in text) is is_clear
    assert ("Bert" in text) is is_clear
    assert "reference equal: INV-1" in group["reasons"]
    assert "counterparty differs" in broken["reason"]


def test_lists_take_the_same_queries_however_long_they_are(
    april: Run, pair: Pair, api: Any, otto: User, django_assert_max_num_queries: Any
) -> None:
    client = api(otto)
    for path in PATHS:
        with django_assert_max_num_queries(6):
            client.get(f"/api/reconciliation/{path}")


# --- Reviews -----------------------------------------------------------------------------------


def say(client: Any, broken: Break, verb: str, **body: Any) -> Any:
    return client.post(f"/api/reconciliation/breaks/{broken.pk}/{verb}", body, format="json")


def test_a_break_is_explained_accepted_and_opened_again(
    broken: Broken, api: Any, alice: User, rita: User
) -> None:
    fee = broken("fee")
    answer = say(api(alice), fee, "explain", comment="Wire fee", expected_version=1)
    assert answer.status_code == 200
    assert (answer.json()["review_status"], answer.json()["review_version"]) == ("explained", 2)
    answer = say(api(rita), fee, "accept", expected_version=2)
    assert (answer.json()["review_status"], answer.json()["accepted_by"]) == ("accepted", "rita")
    answer = say(api(rita), fee, "reopen", comment="Wrong bank", expected_version=3)
    assert (answer.json()["review_status"], answer.json()["review_comment"]) == (
        "open",
        "Wrong bank",
    )


def test_a_repeated_key_explains_once(broken: Broken, api: Any, alice: User) -> None:
    client, url = api(alice), f"/api/reconciliation/breaks/{broken('fee').pk}/explain"
    body = {"comment": "Fee", "expected_version": 1}
    key = {"headers": {"Idempotency-Key": "say-it"}}
    answers = [client.post(url, body, format="json", **key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert BreakReview.objects.get().version == 2


BAD_WORDS: list[tuple[Any, int, str]] = [
    ({}, 422, "INVALID"),
    ({"comment": "Fee"}, 422, "INVALID"),
    ({"comment": "Fee", "expected_version": None}, 422, "INVALID"),
    ({"comment": "Fee", "expected_version": "one"}, 422, "INVALID"),
    ({"comment": "Fee", "expected_version": 1.5}, 422, "INVALID"),
    ({"comment": "Fee", "expected_version": True}, 422, "INVALID"),
    ({"comment": "Fee", "expected_version": 0}, 422, "INVALID"),
    ({"comment": ["Fee"], "expected_version": 1}, 422, "INVALID"),
    ({"comment": "nul\0", "expected_version": 1}, 422, "INVALID"),
    ({"comment": "x" * 2001, "expected_version": 1}, 422, "INVALID"),
    ({"comment": "Fee", "expected_version": 1, "status": "accepted"}, 422, "INVALID"),
    ({"comment": " ", "expected_version": 1}, 422, "COMMENT_MISSING"),
    ({"expected_version": 1}, 422, "COMMENT_MISSING"),
    ({"comment": "Fee", "expected_version": 7}, 409, "STALE_VERSION"),
    ({"comment": "Fee", "expected_version": 10**40}, 409, "STALE_VERSION"),
    ('{"comment": "a", "comment": "b", "expected_version": 1}', 400, "MALFORMED"),
    ("[1]", 422, "INVALID"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_WORDS)
def test_bad_words_change_nothing(
    body: Any, status: int, code: str, broken: Broken, api: Any, alice: User, table_counts: Any
) -> None:
    url = f"/api/reconciliation/breaks/{broken('fee').pk}/explain"
    before = table_counts()
    if isinstance(body, str):
        answer = api(alice).post(url, body, content_type="application/json")
    else:
        answer = api(alice).post(url, body, format="json")
    assert (answer.status_code, problem(answer)) == (status, code)
    assert table_counts() == before


VERDICTS: list[tuple[str, str | None, int]] = [
    ("explain", None, 401),
    ("explain", "bob", 403),
    ("explain", "otto", 403),
    ("explain", "ivy", 403),
    ("explain", "ada", 403),
    ("explain", "victor", 403),
    ("explain", "charlie", 404),
    ("accept", "alice", 403),
    ("accept", "bob", 403),
    ("accept", "charlie", 404),
    ("reopen", "alice", 403),
    ("reopen", "rita", 409),
    ("reopen", "charlie", 404),
    ("nonsense", "alice", 404),
]


@pytest.mark.parametrize(("verb", "who", "status"), VERDICTS)
def test_who_may_say_what(
    verb: str,
    who: str | None,
    status: int,
    request: Any,
    broken: Broken,
    api: Any,
    table_counts: Any,
) -> None:
    user = request.getfixturevalue(who) if who else None
    before = table_counts()
    answer = say(api(user), broken("fee"), verb, comment="Fee", expected_version=1)
    assert answer.status_code == status
    assert table_counts() == before


@pytest.mark.parametrize("pk", ["0", "abc", "9" * 40])
def test_breaks_that_are_none(pk: str, april: Run, api: Any, alice: User) -> None:
    body = {"comment": "Fee", "expected_version": 1}
    answer = api(alice).post(f"/api/reconciliation/breaks/{pk}/explain", body, format="json")
    assert answer.status_code == 404
    problem(answer)

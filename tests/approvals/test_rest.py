"""REST: /api/approvals/requests and /api/approvals/policies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.approvals.models import Decision, Policy, Request
from apps.approvals.states import RequestStatus
from tests.approvals.conftest import ONE_APPROVER, subject

REQUESTS = "/api/approvals/requests"
POLICIES = "/api/approvals/policies"
YES = {"verdict": "approve", "comment": "Fine.", "attested": True, "expected_version": 1}
TAKE_BACK = {"reason": "Wrong month.", "expected_version": 1}
CAST = ("alice", "rita", "bob", "connie", "otto", "ada", "ivy", "victor", "charlie")


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any) -> Request:
    define(
        currency="EUR", least_amount=Decimal(1_000), attestation_text="I have read the documents."
    )
    made: Request = ask(amount=Decimal("1234.5"), currency="EUR")
    return made


def post(client: Any, path: str, content: Any, **headers: str) -> Any:
    return client.post(path, content, format="json", headers=headers)


# --- Looking --------------------------------------------------------------------------------


def test_a_request_shows_what_an_approver_needs(api: Any, waiting: Request, bob: Any) -> None:
    seen = api(bob).get(f"{REQUESTS}/{waiting.pk}").json()
    assert (seen["entity"], seen["maker"], seen["title"]) == ("HFS", "alice", waiting.title)
    assert (seen["amount"], seen["currency"]) == ("1234.50", "EUR")
    assert seen["stages"] == [{"role": "approver", "count": 1}]
    assert seen["attestation_text"] == "I have read the documents."
    assert (seen["status"], seen["version"], seen["subject_hash"]) == ("pending", 1, "a" * 64)
    assert (seen["approvals_missing"], seen["why_not"]) == (1, None)
    assert seen["decisions"] == []


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("alice", "You took part in preparing this"),
        ("connie", "This stage needs the role approver, which you do not hold here. Bob could"),
        ("otto", "This stage needs the role approver"),
    ],
)
def test_it_says_why_the_caller_cannot_decide(
    request: pytest.FixtureRequest, api: Any, waiting: Request, who: str, words: str
) -> None:
    seen = api(request.getfixturevalue(who)).get(f"{REQUESTS}/{waiting.pk}").json()
    assert seen["why_not"].startswith(words)


def test_rows_are_for_those_who_may_see_them(
    request: pytest.FixtureRequest, api: Any, waiting: Request
) -> None:
    verdicts = {}
    for name in CAST:
        client = api(request.getfixturevalue(name))
        listed = client.get(REQUESTS)
        verdicts[name] = (
            listed.status_code,
            len(listed.json()["results"]) if listed.status_code == 200 else None,
            client.get(f"{REQUESTS}/{waiting.pk}").status_code,
        )
    insider = (200, 1, 200)
    assert verdicts == {
        "alice": insider,
        "rita": insider,
        "bob": insider,
        "connie": insider,
        "otto": insider,
        "ada": (403, None, 403),
        "ivy": (403, None, 403),
        "victor": (403, None, 403),
        "charlie": (200, 0, 404),
    }
    assert api().get(REQUESTS).status_code == 401


@pytest.fixture
def several(define: Any, ask: Any, bob: Any, rita: Any, entity: Any, system: Any) -> list[Request]:
    from apps.approvals.services import decide
    from apps.identity.services import grant_role

    define("reconciliation")
    define("journal_entry")
    grant_role(user_id=rita.pk, role="preparer", entity_id=entity.pk, actor=system)
    rita = rita.__class__.objects.get(pk=rita.pk)
    made = [
        ask(subject(0)),
        ask(subject(1), item_type="journal_entry"),
        ask(subject(2), maker=rita, actor=rita),
        ask(subject(3), conflicted=[bob]),
    ]
    decide(request_id=made[0].pk, actor=bob, **YES)
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [3, 2, 1, 0]),
        ("status=approved", [0]),
        ("status=pending&status=blocked_no_approver", [3, 2, 1]),
        ("item_type=journal_entry", [1]),
        ("entity=HFS", [3, 2, 1, 0]),
        ("entity=TKO", []),
        ("mine=true", []),
        ("mine=false", [3, 2, 1, 0]),
        ("inbox=true", [2, 1]),
        ("inbox=false", [3, 0]),
        ("inbox=true&item_type=journal_entry", [1]),
    ],
)
def test_lists_are_narrowed(
    api: Any, several: list[Request], bob: Any, query: str, found: list[int]
) -> None:
    listed = api(bob).get(f"{REQUESTS}?{query}").json()["results"]
    assert [one["id"] for one in listed] == [several[number].pk for number in found]


def test_mine_is_what_i_asked_for(api: Any, several: list[Request], alice: Any) -> None:
    listed = api(alice).get(f"{REQUESTS}?mine=true").json()["results"]
    assert [one["id"] for one in listed] == [several[number].pk for number in (3, 1, 0)]


@pytest.mark.parametrize("query", ["status=unheard_of", "status=pending&status=x"])
def test_filters_that_make_no_sense_are_refused(
    api: Any, waiting: Any, bob: Any, query: str
) -> None:
    answer = api(bob).get(f"{REQUESTS}?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "INVALID"


def test_a_list_takes_the_same_queries_whatever_its_length(
    api: Any, define: Any, ask: Any, bob: Any
) -> None:
    from apps.approvals.services import decide

    define()

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            answer = api(bob.__class__.objects.get(pk=bob.pk)).get(f"{REQUESTS}?page_size=100")
        assert answer.status_code == 200
        return len(seen)

    for number in range(3):
        decide(request_id=ask(subject(number)).pk, actor=bob, **YES)
    before = queries()
    for number in range(3, 25):
        decide(request_id=ask(subject(number)).pk, actor=bob, **YES)
    assert queries() == before


# --- Deciding -------------------------------------------------------------------------------


def test_an_approver_approves(api: Any, waiting: Request, bob: Any) -> None:
    answer = post(api(bob), f"{REQUESTS}/{waiting.pk}/decide", YES)
    assert answer.status_code == 200
    seen = answer.json()
    assert (seen["status"], seen["version"]) == ("approved", 2)
    assert (seen["approvals_missing"], seen["why_not"]) == (0, "Approved.")
    assert seen["decisions"][0]["approver"] == "bob"
    assert seen["decisions"][0]["attestation_text"] == "I have read the documents."


@pytest.mark.parametrize(
    ("who", "changes", "status", "code"),
    [
        ("bob", {"expected_version": 2}, 409, "STALE_VERSION"),
        ("bob", {"attested": False}, 422, "ATTESTATION_MISSING"),
        ("bob", {"verdict": "reject", "comment": ""}, 422, "COMMENT_MISSING"),
        ("bob", {"verdict": "return", "comment": " "}, 422, "COMMENT_MISSING"),
        ("bob", {"verdict": "maybe"}, 422, "INVALID"),
        ("bob", {"verdict": None}, 422, "INVALID"),
        ("bob", {"expected_version": None}, 422, "INVALID"),
        ("bob", {"expected_version": 0}, 422, "INVALID"),
        ("bob", {"expected_version": "x"}, 422, "INVALID"),
        ("bob", {"attested": "perhaps"}, 422, "INVALID"),
        ("bob", {"comment": "x" * 2001}, 422, "INVALID"),
        ("bob", {"comment": "a\0b"}, 422, "INVALID"),
        ("bob", {"actor": "connie"}, 422, "INVALID"),
        ("alice", {}, 403, "NOT_PERMITTED"),
        ("rita", {}, 403, "ROLE_MISSING"),
        ("connie", {}, 403, "ROLE_MISSING"),
        ("otto", {}, 403, "NOT_PERMITTED"),
        ("ada", {}, 403, "NOT_PERMITTED"),
        ("ivy", {}, 403, "NOT_PERMITTED"),
        ("victor", {}, 403, "NOT_PERMITTED"),
        ("charlie", {}, 404, "NOT_FOUND"),
        (None, {}, 401, "NOT_AUTHENTICATED"),
    ],
)
def test_refused_decisions_change_nothing(
    request: pytest.FixtureRequest,
    api: Any,
    waiting: Request,
    table_counts: Any,
    who: str | None,
    changes: dict[str, Any],
    status: int,
    code: str,
) -> None:
    actor = request.getfixturevalue(who) if who else None
    before = table_counts()
    answer = post(api(actor), f"{REQUESTS}/{waiting.pk}/decide", YES | changes)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    waiting.refresh_from_db()
    assert (waiting.status, waiting.version) == (RequestStatus.PENDING, 1)
    assert table_counts() == before


def test_the_version_has_to_be_given(api: Any, waiting: Request, bob: Any) -> None:
    content = {name: YES[name] for name in YES if name != "expected_version"}
    answer = post(api(bob), f"{REQUESTS}/{waiting.pk}/decide", content)
    assert answer.status_code == 422
    assert "expected_version" in answer.json()["error"]["details"]


@pytest.mark.parametrize("path", ["0/decide", "x/decide", "99999999999999999999/decide"])
def test_what_is_not_there_is_not_decided(api: Any, waiting: Any, bob: Any, path: str) -> None:
    assert post(api(bob), f"{REQUESTS}/{path}", YES).status_code == 404


def test_a_repeated_decision_is_answered_and_not_repeated(
    api: Any, waiting: Request, bob: Any
) -> None:
    path = f"{REQUESTS}/{waiting.pk}/decide"
    first = post(api(bob), path, YES, **{"Idempotency-Key": "yes-1"})
    again = post(api(bob), path, YES, **{"Idempotency-Key": "yes-1"})
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert again["Idempotent-Replay"] == "true"
    assert Decision.objects.count() == 1
    other = post(api(bob), path, YES | {"comment": "x"}, **{"Idempotency-Key": "yes-1"})
    assert other.status_code == 422
    assert other.json()["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    unkeyed = post(api(bob), path, YES)
    assert unkeyed.status_code == 409
    assert unkeyed.json()["error"]["code"] == "ILLEGAL_MOVE"


# --- Withdrawing ----------------------------------------------------------------------------


def test_the_maker_withdraws(api: Any, waiting: Request, alice: Any) -> None:
    path = f"{REQUESTS}/{waiting.pk}/withdraw"
    answer = post(api(alice), path, TAKE_BACK, **{"Idempotency-Key": "w"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "withdrawn"
    again = post(api(alice), path, TAKE_BACK, **{"Idempotency-Key": "w"})
    assert again.json() == answer.json()
    assert post(api(alice), path, TAKE_BACK).status_code == 409


@pytest.mark.parametrize(
    ("who", "content", "status"),
    [
        ("alice", {}, 422),
        ("alice", {"reason": "x"}, 422),
        ("alice", {"reason": "x", "expected_version": 2}, 409),
        ("alice", TAKE_BACK | {"reason": ""}, 422),
        ("alice", TAKE_BACK | {"force": True}, 422),
        ("bob", TAKE_BACK, 403),
        ("connie", TAKE_BACK, 403),
        ("otto", TAKE_BACK, 403),
        ("ivy", TAKE_BACK, 403),
        ("charlie", TAKE_BACK, 404),
        (None, TAKE_BACK, 401),
    ],
)
def test_refused_withdrawals_change_nothing(
    request: pytest.FixtureRequest,
    api: Any,
    waiting: Request,
    table_counts: Any,
    who: str | None,
    content: dict[str, Any],
    status: int,
) -> None:
    actor = request.getfixturevalue(who) if who else None
    before = table_counts()
    answer = post(api(actor), f"{REQUESTS}/{waiting.pk}/withdraw", content)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert table_counts() == before


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_requests_are_made_elsewhere(api: Any, waiting: Request, connie: Any, method: str) -> None:
    client = api(connie)
    answers = [getattr(client, method)(f"{REQUESTS}/{waiting.pk}", {}, format="json")]
    if method == "post":
        answers.append(client.post(REQUESTS, {}, format="json"))
    assert {answer.status_code for answer in answers} == {405}


# --- Policies -------------------------------------------------------------------------------

POLICY = {
    "entity": "HFS",
    "item_type": "journal_entry",
    "currency": "EUR",
    "least_amount": "1000.00",
    "below_amount": "5000.00",
    "stages": [{"role": "reviewer", "count": 1}, {"role": "approver", "count": 2}],
    "needs_comment": True,
    "attestation_text": "I have read it.",
    "due_after_hours": 48,
}


def test_a_controller_defines_and_retires_a_policy(api: Any, connie: Any) -> None:
    made = post(api(connie), POLICIES, POLICY, **{"Idempotency-Key": "p-1"})
    assert made.status_code == 201
    seen = made.json()
    assert {name: seen[name] for name in POLICY} == POLICY
    assert (seen["version"], seen["created_by"], seen["retired_at"]) == (1, "connie", None)
    again = post(api(connie), POLICIES, POLICY, **{"Idempotency-Key": "p-1"})
    assert again.json() == seen
    assert Policy.objects.count() == 1
    retired = post(api(connie), f"{POLICIES}/{seen['id']}/retire", None)
    assert retired.status_code == 200
    assert retired.json()["retired_at"] is not None
    assert post(api(connie), f"{POLICIES}/{seen['id']}/retire", None).status_code == 409


def test_a_policy_needs_little(api: Any, connie: Any) -> None:
    least = {"entity": "HFS", "item_type": "period_lock", "stages": list(ONE_APPROVER)}
    seen = post(api(connie), POLICIES, least).json()
    assert (seen["least_amount"], seen["below_amount"], seen["currency"]) == ("0.0000", "", "")
    assert seen["due_after_hours"] == 24


def test_policies_are_listed_and_narrowed(
    api: Any, define: Any, bob: Any, ivy: Any, charlie: Any
) -> None:
    define()
    define(needs_comment=True)
    define("period_lock")

    def found(query: str, actor: Any = bob) -> list[tuple[str, int]]:
        listed = api(actor).get(f"{POLICIES}?{query}").json()["results"]
        return [(one["item_type"], one["version"]) for one in listed]

    assert len(found("")) == 3
    assert found("in_force=true") == [("period_lock", 1), ("reconciliation", 2)]
    assert found("item_type=reconciliation&in_force=false") == [("reconciliation", 1)]
    assert found("entity=TKO") == []
    assert found("", charlie) == []
    assert api(ivy).get(POLICIES).status_code == 403


@pytest.mark.parametrize(
    ("who", "changes", "status", "code"),
    [
        ("alice", {}, 403, "NOT_PERMITTED"),
        ("bob", {}, 403, "NOT_PERMITTED"),
        ("otto", {}, 403, "NOT_PERMITTED"),
        ("ada", {}, 403, "NOT_PERMITTED"),
        ("ivy", {}, 403, "NOT_PERMITTED"),
        ("victor", {}, 404, "NOT_FOUND"),
        ("charlie", {}, 404, "NOT_FOUND"),
        (None, {}, 401, "NOT_AUTHENTICATED"),
        ("connie", {"entity": "TKO"}, 404, "NOT_FOUND"),
        ("connie", {"entity": ""}, 422, "INVALID"),
        ("connie", {"item_type": "Journal Entry"}, 422, "INVALID"),
        ("connie", {"stages": []}, 422, "INVALID"),
        ("connie", {"stages": "approver"}, 422, "INVALID"),
        ("connie", {"stages": [{"role": "king", "count": 1}]}, 422, "INVALID"),
        ("connie", {"stages": [{"role": "preparer", "count": 1}]}, 422, "INVALID"),
        ("connie", {"stages": [{"role": "approver", "count": 0}]}, 422, "INVALID"),
        ("connie", {"stages": [{"role": "approver", "count": 1, "x": 1}]}, 422, "INVALID"),
        ("connie", {"stages": list(ONE_APPROVER) * 11}, 422, "INVALID"),
        ("connie", {"currency": "XXQ"}, 422, "INVALID"),
        ("connie", {"currency": ""}, 422, "POLICY_INVALID"),
        ("connie", {"least_amount": 1000}, 422, "INVALID"),
        ("connie", {"least_amount": "1000.001"}, 422, "INVALID"),
        ("connie", {"least_amount": "-5"}, 422, "POLICY_INVALID"),
        ("connie", {"below_amount": "1000.00"}, 422, "POLICY_INVALID"),
        ("connie", {"due_after_hours": 0}, 422, "INVALID"),
        ("connie", {"version": 7}, 422, "INVALID"),
    ],
)
def test_refused_policies_change_nothing(
    request: pytest.FixtureRequest,
    api: Any,
    entity: Any,
    other_entity: Any,
    table_counts: Any,
    who: str | None,
    changes: dict[str, Any],
    status: int,
    code: str,
) -> None:
    actor = request.getfixturevalue(who) if who else None
    before = table_counts()
    answer = post(api(actor), POLICIES, POLICY | changes)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert table_counts() == before


def test_overlapping_policies_are_refused(api: Any, connie: Any, table_counts: Any) -> None:
    post(api(connie), POLICIES, POLICY)
    before = table_counts()
    answer = post(api(connie), POLICIES, POLICY | {"least_amount": "2000.00"})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "POLICY_OVERLAPS"
    assert table_counts() == before


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("charlie", 404), ("ivy", 403)])
def test_refused_retirements_change_nothing(
    request: pytest.FixtureRequest, api: Any, define: Any, who: str, status: int
) -> None:
    policy = define()
    actor = request.getfixturevalue(who)
    assert post(api(actor), f"{POLICIES}/{policy.pk}/retire", None).status_code == status
    assert Policy.objects.in_force().get() == policy


# --- What every door that changes a request asks for ----------------------------------------


@pytest.mark.parametrize("verb", ["decide", "withdraw", "revoke", "reassign"])
def test_every_verb_asks_which_version_was_looked_at(
    api: Any, waiting: Request, connie: Any, table_counts: Any, verb: str
) -> None:
    before = table_counts()
    answer = post(api(connie), f"{REQUESTS}/{waiting.pk}/{verb}", {})
    assert answer.status_code == 422
    assert "expected_version" in answer.json()["error"]["details"]
    assert table_counts() == before


def test_every_door_of_approvals_that_writes_is_idempotent() -> None:
    from apps.approvals.urls import router
    from apps.operations.idempotency import IdempotentMixin

    writing = [view for _, view, _ in router.registry if _writes(view)]
    assert len(writing) > 5
    assert [view for view in writing if not issubclass(view, IdempotentMixin)] == []


def _writes(view: Any) -> bool:
    posts = any("post" in extra.mapping for extra in view.get_extra_actions())
    return posts or any(hasattr(view, verb) for verb in ("create", "update", "destroy"))


# --- The description ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/api/approvals/requests/{id}/decide",
        "/api/approvals/requests/{id}/withdraw",
        "/api/approvals/policies/{id}/retire",
    ],
)
def test_openapi_describes_the_doors(path: str) -> None:
    from drf_spectacular.generators import SchemaGenerator

    schema = SchemaGenerator().get_schema(request=None, public=True)
    assert "post" in schema["paths"][path]
    names = {one["name"] for one in schema["paths"][REQUESTS]["get"]["parameters"]}
    assert {"status", "item_type", "entity", "mine", "inbox", "cursor"} <= names

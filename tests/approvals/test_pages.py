"""Pages: the inbox and the other lists, the decision, the withdrawal."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.approvals.models import Decision, Request
from apps.approvals.selectors import inbox
from apps.approvals.services import decide, withdraw
from apps.approvals.states import RequestStatus
from apps.approvals.views.lists import PAGE_SIZE, Row
from tests.approvals.conftest import OTHER_HASH, subject

INBOX, MINE, ALL = "/approvals/", "/approvals/mine/", "/approvals/all/"
CAST = ("alice", "rita", "bob", "connie", "otto", "ada", "ivy", "victor", "charlie")
YES = {"verdict": "approve", "comment": "Fine.", "attested": "on", "expected_version": "1"}
TWO_STEPS = ({"role": "reviewer", "count": 1}, {"role": "approver", "count": 2})


def signed_in(user: Any) -> Client:
    visitor = Client(raise_request_exception=False)
    visitor.force_login(user)
    return visitor


def text_of(page: Any) -> str:
    """What a reader sees: tags and runs of white space taken out."""
    plain = re.sub(r"<[^>]+>", " ", page.content.decode())
    return re.sub(r" ([.,:?])", r"\1", re.sub(r"\s+", " ", plain))


def titles(page: Any) -> list[str]:
    return [row.title for row in page.context["rows"]]


def told(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def address(request: Request) -> str:
    return reverse("approvals:request", args=[request.pk])


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any) -> Request:
    define(
        currency="EUR", least_amount=Decimal(1_000), attestation_text="I have read the documents."
    )
    made: Request = ask(amount=Decimal("12450.5"), currency="EUR", title="Accrual of fees")
    return made


# --- Lists ----------------------------------------------------------------------------------


def test_the_inbox_answers_how_much_waits_and_how_urgent_it_is(
    define: Any, ask: Any, bob: Any
) -> None:
    define()
    for number, hours in enumerate((5, -1, 3)):
        made = ask(subject(number), title=f"Due in {hours}")
        Request.objects.filter(pk=made.pk).update(due_at=timezone.now() + timedelta(hours=hours))
    page = signed_in(bob).get(INBOX)
    text = text_of(page)
    assert "3 requests wait for your decision, 1 of them past its time" in text
    assert titles(page) == ["Due in -1", "Due in 3", "Due in 5"]
    assert "Approvals 3 waiting" in text  # the menu
    assert text.count("Late") == 1


def test_one_request_is_told_in_the_singular(waiting: Request, bob: Any) -> None:
    assert "1 request waits for your decision" in text_of(signed_in(bob).get(INBOX))


def test_an_empty_inbox_says_why(waiting: Request, alice: Any) -> None:
    text = text_of(signed_in(alice).get(INBOX))
    assert "Nothing waits for your decision." in text
    assert "took no part in preparing it" in text
    assert "0 waiting" not in text


def test_a_line_is_drawn_once_for_each_zone_and_anew_when_it_says_something_else() -> None:
    row = Row(
        tab="inbox",
        pk=1,
        version=1,
        title="Entry <1>",
        kind="journal entry",
        entity="Alpha",
        amount=Decimal("12.5"),
        currency="EUR",
        maker="Alice",
        step="1 approver",
        is_open=True,
        at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
        state="pending",
        can_choose=False,
    )
    with timezone.override("UTC"):
        first = row.drawn
        assert "Entry &lt;1&gt;" in first
        assert "31 Jan 2026 23:30" in first
        assert replace(row).drawn is first
        assert replace(row, state="late").drawn != first
    with timezone.override("Europe/Amsterdam"):
        assert "1 Feb 2026 00:30" in row.drawn


def test_the_inbox_takes_the_same_queries_whatever_its_length(
    define: Any, ask: Any, bob: Any
) -> None:
    define()
    rows = iter(Permission.objects.order_by("pk"))
    visitor = signed_in(bob)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert visitor.get(INBOX).status_code == 200
        return len(seen)

    for _ in range(12):
        ask(next(rows))
    before = queries()
    for _ in range(60):
        ask(next(rows))
    assert queries() == before
    assert before <= 17


@pytest.mark.parametrize(
    ("path", "who"), [(MINE, "alice"), (ALL, "otto")], ids=["mine", "everything"]
)
def test_other_lists_take_the_same_queries_too(
    request: pytest.FixtureRequest, define: Any, ask: Any, bob: Any, path: str, who: str
) -> None:
    define()
    visitor = signed_in(request.getfixturevalue(who))

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert visitor.get(path).status_code == 200
        return len(seen)

    ask(subject(0))
    before = queries()
    for number in range(1, 20):
        ask(subject(number))
    assert queries() == before


def test_a_list_is_narrowed_to_what_is_still_open(
    define: Any, ask: Any, bob: Any, alice: Any
) -> None:
    define()
    ask(subject(0), title="Over")
    withdraw(request_id=Request.objects.get().pk, reason="x", actor=alice)
    ask(subject(1), title="Open")
    assert titles(signed_in(alice).get(ALL, {"status": "open"})) == ["Open"]


def test_a_long_list_has_pages(define: Any, ask: Any, bob: Any) -> None:
    define()
    for number in range(PAGE_SIZE + 1):
        made = ask(subject(number), title=f"Number {number}")
        Request.objects.filter(pk=made.pk).update(due_at=timezone.now() + timedelta(hours=number))
    visitor = signed_in(bob)
    first = visitor.get(INBOX)
    assert len(titles(first)) == PAGE_SIZE
    assert first.context["previous_url"] is None
    second = visitor.get(first.context["next_url"])
    assert titles(second) == [f"Number {PAGE_SIZE}"]
    assert second.context["next_url"] is None
    assert titles(visitor.get(second.context["previous_url"])) == titles(first)
    for nonsense in ("0", "-1", "x", "99999999999999999999", "²"):
        assert titles(visitor.get(INBOX, {"page": nonsense})) == titles(first)


def test_kinds_that_are_mixed_come_by_urgency_page_after_page(
    define: Any, ask: Any, bob: Any
) -> None:
    kinds = ("reconciliation", "period_lock", "reconciliation", "journal_entry")
    for kind in sorted(set(kinds)):
        define(kind)
    count = PAGE_SIZE + 7
    for number in range(count):
        made = ask(subject(number), title=f"{number}", item_type=kinds[number % 4])
        due = timezone.now() + timedelta(hours=(number * 7) % count - 5.5)
        Request.objects.filter(pk=made.pk).update(due_at=due)
    visitor = signed_in(bob)
    first = visitor.get(INBOX)
    shown = titles(first) + titles(visitor.get(first.context["next_url"]))
    assert shown == [request.title for request in inbox(bob)]
    assert (first.context["total"], first.context["late"], len(shown)) == (count, 6, count)
    some = visitor.get(INBOX, {"item_type": "reconciliation"})
    assert titles(some) == [one for one in shown if int(one) % 2 == 0]
    assert some.context["total"] == count


def test_lists_are_narrowed_and_say_so(define: Any, ask: Any, bob: Any, alice: Any) -> None:
    define("reconciliation")
    define("period_lock")
    ask(subject(0), title="Bank, April")
    ask(subject(1), title="Lock April", item_type="period_lock")
    done = ask(subject(2), title="Gateway, April")
    decide(
        request_id=done.pk,
        verdict="reject",
        comment="No.",
        attested=False,
        expected_version=1,
        actor=bob,
    )
    visitor = signed_in(alice)
    assert titles(visitor.get(MINE, {"q": "LOCK"})) == ["Lock April"]
    assert titles(visitor.get(MINE, {"item_type": "period_lock"})) == ["Lock April"]
    assert titles(visitor.get(MINE, {"status": "rejected"})) == ["Gateway, April"]
    assert titles(visitor.get(ALL, {"status": "pending", "q": "bank"})) == ["Bank, April"]
    nothing = visitor.get(MINE, {"q": "none such"})
    assert "No request fits these filters" in text_of(nothing)
    assert nothing.context["clear_url"] == MINE
    unclear = visitor.get(MINE, {"status": "no status", "q": "bank"})
    assert titles(unclear) == []
    assert "Nothing is listed: a filter was not understood" in text_of(unclear)
    assert [
        kind for kind, _ in visitor.get(MINE).context["filters"].fields["item_type"].choices
    ] == [
        "",
        "period_lock",
        "reconciliation",
    ]
    assert "2 of your requests still wait" in text_of(visitor.get(MINE))


def test_a_list_can_be_replaced_in_part(waiting: Request, bob: Any) -> None:
    page = signed_in(bob).get(INBOX, {"q": "fees"}, headers={"HX-Request": "true"})
    assert page.content.decode().count('id="request-list"') == 1
    assert 'hx-select="#request-list"' in page.content.decode()


def test_lists_follow_the_entity_in_view(
    define: Any, ask: Any, bob: Any, other_entity: Any, system: Any
) -> None:
    from apps.identity.services import grant_role

    define()
    ask()
    grant_role(user_id=bob.pk, role="approver", entity_id=other_entity.pk, actor=system)
    visitor = signed_in(bob)
    assert len(titles(visitor.get(INBOX))) == 1
    visitor.post(reverse("identity:view-entity", query={"code": "TKO"}))
    assert titles(visitor.get(INBOX)) == []
    assert titles(visitor.get(ALL)) == []
    visitor.post(reverse("identity:view-entity", query={"code": "HFS"}))
    assert len(titles(visitor.get(INBOX))) == 1


# --- Who may open what ----------------------------------------------------------------------


def test_pages_open_for_those_who_may_see_requests(
    request: pytest.FixtureRequest, waiting: Request
) -> None:
    statuses = {}
    for name in CAST:
        visitor = signed_in(request.getfixturevalue(name))
        statuses[name] = [
            visitor.get(path).status_code for path in (INBOX, MINE, ALL, address(waiting))
        ]
    insider = [200, 200, 200, 200]
    closed = [403, 403, 403, 403]
    assert statuses == {
        "alice": insider,
        "rita": insider,
        "bob": insider,
        "connie": insider,
        "otto": insider,
        "ada": closed,
        "ivy": closed,
        "victor": closed,
        "charlie": [200, 200, 200, 404],
    }


@pytest.mark.parametrize("path", [INBOX, MINE, ALL, "/approvals/1/", "/approvals/1/withdraw/"])
def test_strangers_sign_in_first(db: None, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")
    assert Client().post(path).status_code in {302, 405}


# --- One request ----------------------------------------------------------------------------


def test_the_page_says_why_it_is_with_you_and_what_your_verdict_does(
    waiting: Request, bob: Any
) -> None:
    page = signed_in(bob).get(address(waiting))
    text = text_of(page)
    assert (
        "Approve 12,450.50 EUR? You can decide because you are approver of Harbour Field Services"
        " and took no part in preparing it." in text
    )
    assert (
        "Policy for reconciliation, version 1: 1 approver, for amounts from 1,000.00 EUR." in text
    )
    assert "Yours is the last approval that is needed: it takes effect at once." in text
    assert "I have read the documents." in text
    html = page.content.decode()
    assert 'href="/somewhere/"' in html
    assert html.count("<dialog") == 4  # three verdicts, and the list of keys
    assert re.findall(r'data-key="(\w)"', html) == ["a", "r"]


def test_without_an_amount_the_kind_is_named(define: Any, ask: Any, bob: Any) -> None:
    define()
    text = text_of(signed_in(bob).get(address(ask())))
    assert "Approve this reconciliation?" in text
    assert "Policy for reconciliation, version 1: 1 approver." in text


def test_who_cannot_decide_reads_who_could(waiting: Request, alice: Any, otto: Any) -> None:
    own = signed_in(alice).get(address(waiting))
    assert "It waits for Bob." in text_of(own)
    assert "You took part in preparing this, so somebody else has to decide." in text_of(own)
    assert own.content.decode().count("<dialog") == 1
    assert reverse("approvals:withdraw", args=[waiting.pk]) in own.content.decode()
    other = signed_in(otto).get(address(waiting))
    assert "This stage needs the role approver" in text_of(other)
    assert "Withdraw" not in text_of(other)


def test_several_who_could_are_named_with_or(
    define: Any, ask: Any, bob: Any, person: Any, entity: Any, alice: Any
) -> None:
    for name in ("cleo", "dora"):
        person(name, "approver", on=entity)
    define()
    assert "It waits for Bob, Cleo or Dora." in text_of(signed_in(alice).get(address(ask())))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["cleo"], "It waits for 2 approvers: Bob and Cleo."),
        (["cleo", "dora"], "It waits for 2 approvers: Bob, Cleo or Dora."),
    ],
)
def test_several_who_have_to_decide_are_counted(
    define: Any,
    ask: Any,
    bob: Any,
    person: Any,
    entity: Any,
    alice: Any,
    names: list[str],
    words: str,
) -> None:
    for name in names:
        person(name, "approver", on=entity)
    define(stages=[{"role": "approver", "count": 2}])
    assert words in text_of(signed_in(alice).get(address(ask())))


def test_a_blocked_request_says_what_is_missing(define: Any, ask: Any, alice: Any) -> None:
    define(stages=TWO_STEPS)
    text = text_of(signed_in(alice).get(address(ask())))
    assert "Nobody can approve this. Step 1 needs 1 reviewer, but nobody could decide" in text
    assert "An administrator gives the role reviewer to 1 more person" in text
    assert "Nobody at the moment. It takes 1 reviewer of Harbour Field Services" in text


def test_steps_and_history_tell_who_did_what(
    define: Any, ask: Any, rita: Any, bob: Any, person: Any, entity: Any
) -> None:
    person("beth", "approver", on=entity)
    define(stages=TWO_STEPS)
    made = ask()
    decide(
        request_id=made.pk,
        verdict="approve",
        comment="See page 3.",
        attested=True,
        expected_version=1,
        actor=rita,
    )
    page = signed_in(bob).get(address(made))
    assert [(step["people"], step["state"]) for step in page.context["steps"]] == [
        ("1 reviewer", "approved"),
        ("2 approvers", "pending"),
    ]
    assert [(event["who"], event["what"]) for event in page.context["events"]] == [
        ("Rita", "approved it as reviewer"),
        ("Alice", "asked for approval"),
    ]
    assert "1 more approval is needed after yours." in text_of(page)
    assert "See page 3." in text_of(page)


def test_a_request_takes_the_same_queries_whatever_its_steps(
    define: Any, ask: Any, person: Any, entity: Any, bob: Any
) -> None:
    crowd = [person(f"ann{number}", "approver", on=entity) for number in range(9)]
    define(stages=[{"role": "approver", "count": 10}])
    made = ask()
    visitor = signed_in(bob)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert visitor.get(address(made)).status_code == 200
        return len(seen)

    before = queries()
    for number, one in enumerate(crowd[:7], start=1):
        decide(
            request_id=made.pk,
            verdict="approve",
            comment="x",
            attested=True,
            expected_version=number,
            actor=one,
        )
    assert queries() == before


@pytest.mark.parametrize(
    ("verdict", "words", "step"),
    [
        ("approve", "Approved on", "approved"),
        ("reject", "Rejected on", "rejected"),
        ("return", "Returned for changes on", "returned"),
    ],
)
def test_an_ended_request_offers_nothing_more(
    waiting: Request, bob: Any, verdict: str, words: str, step: str
) -> None:
    decide(
        request_id=waiting.pk,
        verdict=verdict,
        comment="So it is.",
        attested=True,
        expected_version=1,
        actor=bob,
    )
    page = signed_in(bob).get(address(waiting))
    assert words in text_of(page)
    assert page.content.decode().count("<dialog") == 1
    assert [one["state"] for one in page.context["steps"]] == [step]
    assert titles(signed_in(bob).get(ALL)) == ["Accrual of fees"]


def test_steps_that_were_never_reached_are_skipped(
    define: Any, ask: Any, rita: Any, bob: Any, person: Any, entity: Any
) -> None:
    person("beth", "approver", on=entity)
    define(stages=TWO_STEPS)
    made = ask()
    page = signed_in(bob).get(address(made))
    assert [one["state"] for one in page.context["steps"]] == ["pending", "queued"]
    decide(
        request_id=made.pk,
        verdict="reject",
        comment="No.",
        attested=False,
        expected_version=1,
        actor=rita,
    )
    page = signed_in(bob).get(address(made))
    assert [one["state"] for one in page.context["steps"]] == ["rejected", "skipped"]


def test_a_superseded_request_says_so(define: Any, ask: Any, bob: Any) -> None:
    define()
    first = ask()
    ask(subject_hash=OTHER_HASH)
    page = signed_in(bob).get(address(first))
    assert page.context["events"][0]["what"] == "changed what it is about"
    assert "Superseded by a newer version on" in text_of(page)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "and its content has not changed since"),
        ({"subject_hash": OTHER_HASH}, "its content has changed since"),
    ],
)
def test_a_second_round_shows_why_the_first_came_back(
    define: Any, ask: Any, bob: Any, changes: dict[str, Any], words: str
) -> None:
    define()
    first = ask()
    decide(
        request_id=first.pk,
        verdict="return",
        comment="Two lines are missing.",
        attested=False,
        expected_version=1,
        actor=bob,
    )
    text = text_of(signed_in(bob).get(address(ask(**changes))))
    assert "An earlier request about this was returned by Bob on" in text
    assert words in text
    assert "“Two lines are missing.”" in text


# --- Deciding -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "status", "message"),
    [
        ("approve", "approved", "Approved: Accrual of fees."),
        ("reject", "rejected", "Rejected: Accrual of fees."),
        ("return", "returned", "Returned to Alice: Accrual of fees."),
    ],
)
def test_a_verdict_is_taken_and_told(
    waiting: Request, bob: Any, verdict: str, status: str, message: str
) -> None:
    answer = signed_in(bob).post(address(waiting), YES | {"verdict": verdict})
    assert (answer.status_code, answer["Location"]) == (302, INBOX)
    assert told(answer) == [message]
    waiting.refresh_from_db()
    assert waiting.status == status
    decision = Decision.objects.get()
    assert decision.comment == "Fine."
    attested = "I have read the documents." if verdict == "approve" else ""
    assert decision.attestation_text == attested


def test_an_approval_among_several_says_how_many_more(
    define: Any, ask: Any, bob: Any, person: Any, entity: Any
) -> None:
    for name in ("cleo", "dora"):
        person(name, "approver", on=entity)
    define(stages=[{"role": "approver", "count": 3}])
    made = ask()
    answer = signed_in(bob).post(address(made), YES)
    assert told(answer) == ["Your approval of Bank, April 2023 is recorded; 2 more are needed."]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"attested": ""}, "attested"),
        ({"verdict": "reject", "comment": ""}, "comment"),
        ({"verdict": "return", "comment": "  "}, "comment"),
        ({"comment": "x" * 2001}, "comment"),
        ({"verdict": "maybe"}, "__all__"),
        ({"verdict": ""}, "__all__"),
        ({"expected_version": ""}, "__all__"),
        ({"expected_version": "x"}, "__all__"),
    ],
)
def test_a_form_that_is_not_in_order_comes_back_with_what_was_typed(
    waiting: Request, bob: Any, table_counts: Any, changes: dict[str, str], field: str
) -> None:
    visitor = signed_in(bob)
    before = table_counts()
    page = visitor.post(address(waiting), YES | changes)
    assert page.status_code == 422
    assert list(page.context["attempt"].form.errors) == [field]
    dialogs_that_open = 0 if field == "__all__" else 1
    assert page.content.decode().count("data-open") == dialogs_that_open
    assert page.content.decode().count('role="alert"') == 1
    assert table_counts() == before


def test_where_the_policy_wants_words_approving_needs_them(define: Any, ask: Any, bob: Any) -> None:
    define(needs_comment=True)
    made = ask()
    page = signed_in(bob).post(address(made), YES | {"comment": ""})
    assert list(page.context["attempt"].form.errors) == ["comment"]


@pytest.mark.parametrize(
    ("who", "status", "words"),
    [
        ("alice", 403, "You may not do this."),
        ("rita", 403, "This stage needs the role approver"),
        ("otto", 403, "You may not do this."),
    ],
)
def test_who_may_not_decide_is_told_and_nothing_changes(
    request: pytest.FixtureRequest,
    waiting: Request,
    table_counts: Any,
    who: str,
    status: int,
    words: str,
) -> None:
    visitor = signed_in(request.getfixturevalue(who))
    before = table_counts()
    page = visitor.post(address(waiting), YES)
    assert page.status_code == status
    assert words in text_of(page)
    assert table_counts() == before


def test_even_an_incomplete_form_of_who_may_not_decide_is_answered(
    waiting: Request, alice: Any
) -> None:
    page = signed_in(alice).post(address(waiting), YES | {"attested": ""})
    assert page.status_code == 422
    assert "Your decision was not taken." in text_of(page)


def test_deciding_needs_the_token_of_the_form(waiting: Request, bob: Any) -> None:
    visitor = Client(enforce_csrf_checks=True)
    visitor.force_login(bob)
    assert visitor.post(address(waiting), YES).status_code == 403
    assert not Decision.objects.exists()


def test_a_form_that_is_older_than_the_request_shows_what_changed(
    define: Any, ask: Any, bob: Any, person: Any, entity: Any
) -> None:
    beth = person("beth", "approver", on=entity)
    define(stages=[{"role": "approver", "count": 2}])
    made = ask()
    visitor = signed_in(bob)
    decide(
        request_id=made.pk,
        verdict="approve",
        comment="x",
        attested=True,
        expected_version=1,
        actor=beth,
    )
    page = visitor.post(address(made), YES)
    assert page.status_code == 409
    rows = {row["label"]: (row["left"], row["right"]) for row in page.context["attempt"].changes}
    assert rows == {
        "Status": ("Waiting", "Waiting"),
        "Step": ("1 of 1: 2 approvers", "1 of 1: 2 approvers"),
        "Decided by": (None, "Beth"),
    }
    assert "This has changed since you opened it." in text_of(page)
    assert "data-open" not in page.content.decode()  # what changed is read first
    assert ">Fine.</textarea>" in page.content.decode().replace("\n", "")
    assert "checked" not in page.content.decode().split('id="approve"')[1].split("</dialog>")[0]
    assert '<input type="hidden" name="expected_version" value="2">' in page.content.decode()
    assert Decision.objects.count() == 1
    done = visitor.post(address(made), YES | {"expected_version": "2"})
    assert done.status_code == 302
    made.refresh_from_db()
    assert made.status == RequestStatus.APPROVED


def test_a_version_that_never_was_is_stale_too(waiting: Request, bob: Any) -> None:
    page = signed_in(bob).post(address(waiting), YES | {"expected_version": "77"})
    assert page.status_code == 409
    assert page.context["attempt"].changes == []


def test_deciding_on_what_is_decided_shows_how_it_ended(
    waiting: Request, bob: Any, person: Any, entity: Any
) -> None:
    visitor = signed_in(bob)
    visitor.post(address(waiting), YES)
    page = visitor.post(address(waiting), YES)
    assert page.status_code == 409
    assert "Your decision was not taken. This request is approved and cannot become approved." in (
        text_of(page)
    )
    assert Decision.objects.count() == 1


# --- Withdrawing ----------------------------------------------------------------------------


def test_one_takes_back_ones_own_request(waiting: Request, alice: Any) -> None:
    visitor = signed_in(alice)
    path = reverse("approvals:withdraw", args=[waiting.pk])
    assert path in visitor.get(MINE).content.decode()
    assert visitor.get(path).status_code == 200
    empty = visitor.post(path, {"reason": " ", "expected_version": "1"})
    assert empty.status_code == 422
    stale = visitor.post(path, {"reason": "Wrong month.", "expected_version": "2"})
    assert stale.status_code == 409
    answer = visitor.post(path, {"reason": "Wrong month.", "expected_version": "1"})
    assert (answer.status_code, answer["Location"]) == (302, MINE)
    assert told(answer) == ["Accrual of fees: your request is withdrawn."]
    waiting.refresh_from_db()
    assert waiting.status == RequestStatus.WITHDRAWN
    page = visitor.get(address(waiting))
    assert page.context["events"][0]["note"] == "Wrong month."
    assert "Withdrawn on" in text_of(page)
    assert path not in visitor.get(MINE).content.decode()
    again = visitor.post(path, {"reason": "x", "expected_version": "2"})
    assert again.status_code == 409


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("otto", 403), ("charlie", 404)])
def test_nobody_takes_back_what_is_not_his(
    request: pytest.FixtureRequest, waiting: Request, table_counts: Any, who: str, status: int
) -> None:
    visitor = signed_in(request.getfixturevalue(who))
    before = table_counts()
    content = {"reason": "x", "expected_version": "1"}
    page = visitor.post(reverse("approvals:withdraw", args=[waiting.pk]), content)
    assert page.status_code == status
    assert table_counts() == before

"""Questions and answers over REST and on the pages."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.models import Consultation, Request
from apps.approvals.services import consult
from tests.approvals.test_pages import CAST, address, signed_in, text_of, told
from tests.approvals.test_rest import REQUESTS, YES, post

ASK = {"person": "rita", "question": "Is the rate right?", "expected_version": 1}


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any, rita: Any) -> Request:
    define()
    made: Request = ask()
    return made


@pytest.fixture
def asked(waiting: Request, bob: Any, rita: Any) -> Consultation:
    return consult(
        request_id=waiting.pk, person_id=rita.pk, question="Is the rate right?", actor=bob
    )


# --- REST ------------------------------------------------------------------------------------


def test_a_question_and_its_answer(api: Any, waiting: Request, bob: Any, rita: Any) -> None:
    path = f"{REQUESTS}/{waiting.pk}/consult"
    made = post(api(bob), path, ASK, **{"Idempotency-Key": "q"})
    assert made.status_code == 200
    assert post(api(bob), path, ASK, **{"Idempotency-Key": "q"}).json() == made.json()
    (question,) = made.json()["consultations"]
    assert (question["person"], question["asked_by"], question["answer"]) == ("rita", "bob", None)
    content = {"consultation": question["id"], "text": "It is.", "expected_version": 2}
    given = post(api(rita), f"{REQUESTS}/{waiting.pk}/answer", content)
    assert given.status_code == 200
    (answered,) = given.json()["consultations"]
    assert answered["answer"] == "It is."
    assert answered["answered_at"]
    late = post(api(bob), f"{REQUESTS}/{waiting.pk}/decide", YES)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "STALE_VERSION")


@pytest.mark.parametrize(
    ("who", "changes", "status"),
    [
        ("bob", {"person": "nobody"}, 422),
        ("bob", {"person": "bob"}, 422),
        ("bob", {"question": ""}, 422),
        ("bob", {"expected_version": 2}, 409),
        ("alice", {}, 403),
        ("otto", {}, 403),
        ("ivy", {}, 403),
        ("charlie", {}, 404),
        (None, {}, 401),
    ],
)
def test_refused_questions_change_nothing(
    request: pytest.FixtureRequest,
    api: Any,
    waiting: Request,
    table_counts: Any,
    who: str | None,
    changes: dict[str, Any],
    status: int,
) -> None:
    actor = request.getfixturevalue(who) if who else None
    before = table_counts()
    path = f"{REQUESTS}/{waiting.pk}/consult"
    assert post(api(actor), path, ASK | changes).status_code == status
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "changes", "status"),
    [
        ("rita", {"consultation": 0}, 422),
        ("rita", {"consultation": 999_999}, 404),
        ("rita", {"text": ""}, 422),
        ("rita", {"expected_version": 1}, 409),
        ("bob", {}, 403),
        ("charlie", {}, 404),
    ],
)
def test_refused_answers_change_nothing(
    request: pytest.FixtureRequest,
    api: Any,
    asked: Consultation,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    status: int,
) -> None:
    content = {"consultation": asked.pk, "text": "Yes.", "expected_version": 2} | changes
    actor = request.getfixturevalue(who)
    before = table_counts()
    path = f"{REQUESTS}/{asked.request_id}/answer"
    assert post(api(actor), path, content).status_code == status
    assert table_counts() == before


# --- Pages -----------------------------------------------------------------------------------


def test_whoever_can_decide_asks_on_the_page(waiting: Request, bob: Any, rita: Any) -> None:
    visitor, path = signed_in(bob), f"{address(waiting)}consult/"
    assert path in visitor.get(address(waiting)).content.decode()
    page = visitor.get(path)
    assert "You can decide before the answer comes." in text_of(page)
    offered = [one.username for one in page.context["form"].fields["colleague"].queryset]
    assert offered == ["alice", "connie", "rita"]
    content = {"question": "Right?", "expected_version": "1"}
    assert visitor.post(path, content).status_code == 422  # nobody chosen
    both = {"colleague": "rita", "login": "charlie", **content}
    assert visitor.post(path, both).status_code == 422
    assert visitor.post(path, content | {"login": "nobody"}).status_code == 422
    stale = {"colleague": "rita", **content, "expected_version": "7"}
    assert visitor.post(path, stale).status_code == 409
    done = visitor.post(path, {"colleague": "rita", **content})
    assert (done.status_code, done["Location"]) == (302, address(waiting))
    assert told(done) == ["Rita is asked."]
    text = text_of(visitor.get(address(waiting)))
    assert "Rita has not answered yet what Bob asked" in text
    assert "You do not wait for the answer of Rita." in text
    assert "asked Rita for an opinion" in text


def test_somebody_of_another_company_finds_it_and_answers(
    waiting: Request, bob: Any, charlie: Any
) -> None:
    content = {"login": "charlie@example.com", "question": "Right?", "expected_version": "1"}
    assert signed_in(bob).post(f"{address(waiting)}consult/", content).status_code == 302
    visitor, question = signed_in(charlie), Consultation.objects.get()
    assert "Bob asks for your opinion on Bank, April 2023" in text_of(visitor.get("/approvals/"))
    page = visitor.get(address(waiting))
    assert page.status_code == 200
    path = f"/approvals/questions/{question.pk}/"
    assert path in page.content.decode()
    assert "Bob asks: “Right?”" in text_of(visitor.get(path))
    assert visitor.post(path, {"text": " ", "expected_version": "2"}).status_code == 422
    done = visitor.post(path, {"text": "It is.", "expected_version": "2"})
    assert (done.status_code, told(done)) == (302, ["Bob reads your answer."])
    again = visitor.post(path, {"text": "It is.", "expected_version": "3"})
    assert again.status_code == 409
    text = text_of(signed_in(bob).get(address(waiting)))
    assert "It is." in text
    assert "answered Bob" in text
    assert "has not answered yet" not in text
    stale = signed_in(bob).post(address(waiting), YES | {"attested": "on"})
    assert stale.status_code == 409
    assert "Charlie answered" in text_of(stale)


def test_who_may_not_ask_gets_no_page(request: pytest.FixtureRequest, waiting: Request) -> None:
    path = f"{address(waiting)}consult/"
    answered = {
        name: signed_in(request.getfixturevalue(name)).get(path).status_code for name in CAST
    }
    assert answered == dict.fromkeys(CAST, 403) | {"bob": 200, "charlie": 404}


def test_others_answer_nothing(
    asked: Consultation, bob: Any, charlie: Any, table_counts: Any
) -> None:
    before = table_counts()
    content = {"text": "x", "expected_version": "2"}
    path = f"/approvals/questions/{asked.pk}/"
    assert signed_in(bob).post(path, content).status_code == 403
    assert signed_in(charlie).post(path, content).status_code == 404
    assert table_counts() == before

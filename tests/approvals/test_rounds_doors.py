"""Evidence of the request before, over REST and on the page; and that all begins anew."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.models import Request
from apps.approvals.services import attach
from tests.approvals.test_evidence_doors import ATTACHMENTS
from tests.approvals.test_pages import address, signed_in, text_of, told
from tests.approvals.test_rest import REQUESTS, post
from tests.approvals.test_rounds import NOTE, TWO, half, returned

__all__ = ["half", "returned"]


def test_rest_carries_over_and_says_where_it_is_from(
    api: Any,
    returned: Request,
    alice: Any,
    bob: Any,
) -> None:
    path = f"{REQUESTS}/{returned.pk}/carry-evidence"
    assert post(api(alice), path, {}).status_code == 422
    assert post(api(bob), path, {"expected_version": 1}).status_code == 403
    answer = post(api(alice), path, {"expected_version": 1}, **{"Idempotency-Key": "c"})
    assert answer.status_code == 200
    assert all(one["carried_from"] for one in answer.json()["attachments"])
    again = post(api(alice), path, {"expected_version": 1}, **{"Idempotency-Key": "c"})
    assert again.json() == answer.json()
    empty = post(api(alice), path, {"expected_version": 2})
    assert (empty.status_code, empty.json()["error"]["code"]) == (409, "ATTACHMENT_MISSING")


def test_rest_names_the_request_in_its_place(
    api: Any,
    half: Request,
    alice: Any,
) -> None:
    content = {"request": half.pk, "expected_version": 3, "kind": "document", "text": "More."}
    made = post(api(alice), ATTACHMENTS, content)
    assert made.status_code == 201
    assert made.json()["request"] > half.pk


def test_the_page_names_the_pieces_and_carries_them_over(
    returned: Request,
    alice: Any,
    bob: Any,
) -> None:
    visitor = signed_in(alice)
    text = text_of(visitor.get(address(returned)))
    assert "The request before about this had: screenshot bank.png (Alice), explanation" in text
    assert "Carry it over" not in text_of(signed_in(bob).get(address(returned)))
    path = f"{address(returned)}evidence/carry/"
    assert visitor.get(path).status_code == 405
    assert visitor.post(path, {"expected_version": "x"}).status_code == 422
    done = visitor.post(path, {"expected_version": "1"})
    assert done.status_code == 302
    assert told(done) == ["Carried over: bank.png, explanation.txt."]
    text = text_of(visitor.get(address(returned)))
    assert "carried over the evidence of the request before: bank.png, explanation.txt" in text
    assert "Carry it over" not in text


def test_the_page_says_that_all_begins_anew(
    half: Request,
    alice: Any,
    rita: Any,
) -> None:
    visitor = signed_in(alice)
    assert "all steps begin anew" in text_of(visitor.get(address(half)))
    done = visitor.post(f"{address(half)}evidence/", {"kind": "document", "text": "More."})
    anew = Request.objects.latest("pk")
    assert (done.status_code, done["Location"]) == (302, f"{address(anew)}#evidence")
    text = text_of(visitor.get(address(anew)))
    assert "so all is decided anew, with what was there: bank.png" in text


def test_without_evidence_before_the_history_says_less(
    define: Any, ask: Any, alice: Any, rita: Any, bob: Any
) -> None:
    from tests.approvals.test_revoke import approve

    define(stages=TWO)
    made = ask()
    approve(made, rita)
    anew = attach(request_id=made.pk, evidence=NOTE, actor=alice).request
    text = text_of(signed_in(alice).get(address(anew)))
    assert "so all is decided anew" in text
    assert "with what was there" not in text


@pytest.mark.parametrize("verb", ["carry-evidence", "consult", "answer"])
def test_each_of_these_asks_which_version_was_looked_at(
    api: Any,
    returned: Request,
    alice: Any,
    verb: str,
) -> None:
    answer = post(api(alice), f"{REQUESTS}/{returned.pk}/{verb}", {})
    assert answer.status_code == 422
    assert "expected_version" in answer.json()["error"]["details"]

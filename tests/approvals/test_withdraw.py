"""Taking a request back: only one's own, only while it waits, and with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.errors import CommentMissing
from apps.approvals.models import Request
from apps.approvals.selectors import inbox, record_of
from apps.approvals.services import decide, withdraw
from apps.approvals.states import RequestStatus
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal
from apps.operations.models import OutboxMessage


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any) -> Request:
    define()
    made: Request = ask(notify_task="apps.close.tasks.note_decision")
    return made


def test_it_leaves_the_inbox_and_the_asker_is_told(waiting: Request, alice: Any, bob: Any) -> None:
    assert inbox(bob) == [waiting]
    withdraw(request_id=waiting.pk, reason="Wrong month.", actor=alice)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.version) == (RequestStatus.WITHDRAWN, 2)
    assert waiting.ended_at is not None
    assert inbox(bob) == []
    assert OutboxMessage.objects.get().arguments == {"request_id": waiting.pk}
    assert record_of(waiting)[0].details["reason"] == "Wrong month."


def test_a_blocked_request_can_be_withdrawn(define: Any, ask: Any, alice: Any) -> None:
    define()
    blocked = ask()
    assert blocked.status == RequestStatus.BLOCKED
    assert withdraw(request_id=blocked.pk, reason="x", actor=alice).status == "withdrawn"


@pytest.mark.parametrize(
    ("who", "reason", "refusal"),
    [
        ("victor", "x", NotVisible),
        ("charlie", "x", NotVisible),
        ("otto", "x", NotPermitted),
        ("ivy", "x", NotPermitted),
        ("bob", "x", NotPermitted),
        ("connie", "x", NotPermitted),
        ("system", "x", NotPermitted),
        ("alice", "", CommentMissing),
        ("alice", " \n", CommentMissing),
    ],
)
def test_refusals_change_nothing(
    request: pytest.FixtureRequest,
    waiting: Request,
    table_counts: Any,
    who: str,
    reason: str,
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        withdraw(request_id=waiting.pk, reason=reason, actor=actor)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.version) == (RequestStatus.PENDING, 1)
    assert table_counts() == before


@pytest.mark.parametrize("verdict", ["approve", "reject", "return"])
def test_what_is_decided_stays(waiting: Request, alice: Any, bob: Any, verdict: str) -> None:
    decide(
        request_id=waiting.pk,
        verdict=verdict,
        comment="x",
        attested=True,
        expected_version=1,
        actor=bob,
    )
    with pytest.raises(IllegalMove):
        withdraw(request_id=waiting.pk, reason="x", actor=alice)
    with pytest.raises(NotVisible):
        withdraw(request_id=0, reason="x", actor=alice)

"""Taking a submitted entry back, and what decisions do to an entry."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.errors import ApprovalUsed
from apps.approvals.models import Request
from apps.approvals.services import revoke, withdraw
from apps.common.errors import IllegalMove, NotPermitted, NotVisible
from apps.ledger.errors import ReasonMissing
from apps.ledger.models import JournalEntry
from apps.ledger.services import (
    close_period,
    revise_entry,
    settle_request,
    submit_entry,
    withdraw_entry,
)
from apps.ledger.tasks import post_approved_entry
from apps.operations.models import OutboxMessage

from .conftest import APRIL, give_verdict, pair


@pytest.fixture
def submitted(draft: Any, policy: Any, alice: Any, bob: Any) -> JournalEntry:
    """An entry of 2,000.00 EUR that waits for an approval."""
    return submit_entry(entry_id=draft("2000.00").pk, actor=alice)


def the_request() -> Request:
    return Request.objects.latest("id")


def status(entry: JournalEntry) -> str:
    entry.refresh_from_db()
    return str(entry.status)


def test_withdrawing_ends_the_request_and_gives_the_draft_back(
    submitted: JournalEntry, alice: Any
) -> None:
    withdraw_entry(entry_id=submitted.pk, reason="wrong account", actor=alice)
    assert (status(submitted), the_request().status) == ("draft", "withdrawn")
    again = submit_entry(entry_id=submitted.pk, actor=alice)
    assert (again.status, Request.objects.count()) == ("submitted", 2)


def test_without_a_request_the_entry_is_just_a_draft_again(draft: Any, alice: Any) -> None:
    entry = submit_entry(entry_id=draft().pk, actor=alice)
    assert withdraw_entry(entry_id=entry.pk, reason="wrong", actor=alice).status == "draft"


@pytest.mark.parametrize(
    ("who", "reason", "refusal"),
    [
        ("alice", " ", ReasonMissing),
        ("connie", "not hers", NotPermitted),
        ("bob", "no", NotPermitted),
        ("charlie", "no", NotVisible),
    ],
)
def test_refused_withdrawals_change_nothing(
    request: pytest.FixtureRequest,
    submitted: JournalEntry,
    table_counts: Any,
    who: str,
    reason: str,
    refusal: type[Exception],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        withdraw_entry(entry_id=submitted.pk, reason=reason, actor=actor)
    assert (table_counts(), status(submitted)) == (before, "submitted")
    assert the_request().status == "pending"


def test_only_a_submitted_entry_is_withdrawn(draft: Any, alice: Any) -> None:
    with pytest.raises(IllegalMove, match="This entry is draft"):
        withdraw_entry(entry_id=draft().pk, reason="no", actor=alice)


@pytest.mark.parametrize(
    ("verdict", "after"), [("approve", "posted"), ("reject", "cancelled"), ("return", "draft")]
)
def test_a_decision_settles_the_entry_through_the_queue_once(
    submitted: JournalEntry, bob: Any, system: Any, table_counts: Any, verdict: str, after: str
) -> None:
    give_verdict(the_request(), bob, verdict)
    message = OutboxMessage.objects.get(task="apps.ledger.tasks.post_approved_entry")
    assert status(submitted) == "submitted"
    post_approved_entry(**message.arguments)
    assert status(submitted) == after
    assert submitted.posted_by == (system if after == "posted" else None)
    before = table_counts()
    post_approved_entry(**message.arguments)
    assert (table_counts(), status(submitted)) == (before, after)


def test_a_returned_entry_is_changed_and_submitted_anew(
    submitted: JournalEntry, alice: Any, bob: Any
) -> None:
    first = the_request()
    give_verdict(first, bob, "return")
    settle_request(request_id=first.pk)
    revise_entry(
        entry_id=submitted.pk,
        posted_on=APRIL,
        description="Rent, with the right amount",
        lines=pair("2100.00"),
        expected_version=None,
        actor=alice,
    )
    submit_entry(entry_id=submitted.pk, actor=alice)
    assert settle_request(request_id=first.pk) is None
    assert status(submitted) == "submitted"
    give_verdict(the_request(), bob)
    settle_request(request_id=the_request().pk)
    assert status(submitted) == "posted"


def test_a_request_withdrawn_in_the_inbox_gives_the_draft_back(
    submitted: JournalEntry, alice: Any
) -> None:
    withdraw(request_id=the_request().pk, reason="not yet", actor=alice)
    settle_request(request_id=the_request().pk)
    assert status(submitted) == "draft"


def test_an_approval_revoked_in_time_gives_the_draft_back_and_is_asked_for_anew(
    submitted: JournalEntry, alice: Any, bob: Any
) -> None:
    first = the_request()
    give_verdict(first, bob)
    revoke(request_id=first.pk, reason="wrong supplier", actor=bob)
    settle_request(request_id=first.pk)
    assert status(submitted) == "draft"
    submit_entry(entry_id=submitted.pk, actor=alice)
    assert (status(submitted), the_request().status) == ("submitted", "pending")


def test_the_approval_of_a_posted_entry_is_not_revoked_but_the_entry_reversed(
    submitted: JournalEntry, bob: Any, system: Any
) -> None:
    give_verdict(the_request(), bob)
    settle_request(request_id=the_request().pk)
    assert the_request().use.used_by == system
    with pytest.raises(ApprovalUsed) as refused:
        revoke(request_id=the_request().pk, reason="wrong supplier", actor=bob)
    assert refused.value.remedy == "Reverse the journal entry."
    assert status(submitted) == "posted"


def test_an_open_request_settles_nothing(submitted: JournalEntry, table_counts: Any) -> None:
    before = table_counts()
    assert settle_request(request_id=the_request().pk) is None
    assert (table_counts(), status(submitted)) == (before, "submitted")


def test_an_approved_entry_that_cannot_be_posted_stays_for_people(
    submitted: JournalEntry, bob: Any, connie: Any, alice: Any, monkeypatch: Any
) -> None:
    from apps.ledger.services import periods

    give_verdict(the_request(), bob)
    # Somebody closed the period in between: past the check for waiting entries.
    monkeypatch.setattr(periods, "_require_none_waiting", periods.period_summary)
    close_period(period_id=submitted.period_id, actor=connie)
    settled = settle_request(request_id=the_request().pk)
    assert settled is not None
    assert status(submitted) == "submitted"
    withdraw_entry(entry_id=submitted.pk, reason="April is closed", actor=alice)
    assert status(submitted) == "draft"

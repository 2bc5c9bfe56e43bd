"""Reversing: the only way to undo what is posted."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from apps.approvals.models import Request
from apps.audit.models import Event
from apps.common.errors import Invalid, NotPermitted, NotVisible
from apps.ledger.errors import (
    NotReversible,
    PeriodClosed,
    PeriodMissing,
    ReasonMissing,
    TextInvalid,
)
from apps.ledger.models import JournalEntry
from apps.ledger.selectors import account_balances, entries_for, lines_of
from apps.ledger.services import (
    close_period,
    post_entry,
    retire_account,
    reverse_entry,
    settle_request,
    soft_close_period,
)

from .conftest import APRIL, give_verdict

MAY = date(2023, 4, 30)


@pytest.fixture
def posted(draft: Any, alice: Any) -> JournalEntry:
    return post_entry(entry_id=draft().pk, actor=alice)


def undo(entry: JournalEntry, actor: Any, **changes: Any) -> JournalEntry:
    facts = {"posted_on": MAY, "reason": "wrong account"}
    return reverse_entry(entry_id=entry.pk, actor=actor, **{**facts, **changes})


def test_a_reversal_swaps_debits_and_credits_and_is_posted(
    posted: JournalEntry, alice: Any, books: Any
) -> None:
    reversal = undo(posted, alice)
    assert (reversal.status, reversal.kind, reversal.label) == ("posted", "reversal", "2023-04/2")
    assert reversal.description == "Reversal of 2023-04/1: wrong account"
    assert reversal.reverses == posted
    assert [(x.account.code, x.amount) for x in lines_of(reversal)] == [
        ("1000", -100),
        ("4000", 100),
    ]
    assert all(b.balance == 0 for b in account_balances(entity_id=books.pk, as_of=MAY))
    assert entries_for(alice).get(pk=posted.pk).is_reversed
    assert not entries_for(alice).get(pk=reversal.pk).is_reversed
    assert Event.objects.filter(action="ledger.entry.reverse").get().subject_id == str(posted.pk)


def test_accounts_that_were_retired_meanwhile_do_not_stand_in_the_way(
    posted: JournalEntry, alice: Any, connie: Any, account: Any
) -> None:
    retire_account(account_id=account("4000").pk, actor=connie)
    assert undo(posted, alice).status == "posted"


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("rita", {}, NotPermitted),
        ("bob", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("charlie", {}, NotVisible),
        ("victor", {}, NotVisible),
        ("alice", {"reason": " "}, ReasonMissing),
        ("alice", {"reason": "x" * 500}, TextInvalid),
        ("alice", {"posted_on": date(2023, 4, 11)}, Invalid),
        ("alice", {"posted_on": date(2023, 6, 1)}, PeriodClosed),
        ("alice", {"posted_on": date(2024, 1, 1)}, PeriodMissing),
    ],
)
def test_refused_reversals_change_nothing(
    request: pytest.FixtureRequest,
    posted: JournalEntry,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Exception],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        undo(posted, actor, **changes)
    assert table_counts() == before


def test_an_entry_is_reversed_once_and_a_reversal_never(
    posted: JournalEntry, draft: Any, alice: Any
) -> None:
    reversal = undo(posted, alice)
    for subject, why in (
        (posted, "A reversal of this entry exists"),
        (reversal, "A reversal is not reversed"),
        (draft(), "Only a posted entry"),
    ):
        with pytest.raises(NotReversible, match=why):
            undo(subject, alice)


def test_an_entry_of_a_closed_period_is_reversed_in_an_open_one(
    draft: Any, alice: Any, connie: Any
) -> None:
    march = post_entry(entry_id=draft(posted_on="2023-03-15").pk, actor=alice)
    close_period(period_id=march.period_id, actor=connie)
    with pytest.raises(PeriodClosed):
        undo(march, alice, posted_on=date(2023, 3, 31))
    assert undo(march, alice, posted_on=date(2023, 4, 1)).label == "2023-04/1"


def test_in_a_soft_closed_period_only_those_who_may_post_late(
    posted: JournalEntry, alice: Any, connie: Any
) -> None:
    soft_close_period(period_id=posted.period_id, actor=connie)
    with pytest.raises(NotPermitted):
        undo(posted, alice, posted_on=APRIL)
    assert undo(posted, connie, posted_on=APRIL).status == "posted"


def test_a_reversal_above_the_limit_waits_for_an_approval(
    draft: Any, alice: Any, bob: Any, connie: Any, request: pytest.FixtureRequest
) -> None:
    big = post_entry(entry_id=draft("5000.00").pk, actor=alice)
    request.getfixturevalue("policy")
    reversal = undo(big, alice)
    assert reversal.status == "submitted"
    assert not entries_for(alice).get(pk=big.pk).is_reversed
    with pytest.raises(NotReversible):
        undo(big, connie)
    asked = Request.objects.get()
    give_verdict(asked, bob, "reject")
    settle_request(request_id=asked.pk)
    second = undo(big, alice)
    give_verdict(Request.objects.latest("id"), bob)
    settle_request(request_id=Request.objects.latest("id").pk)
    second.refresh_from_db()
    assert second.status == "posted"
    assert entries_for(alice).get(pk=big.pk).is_reversed

"""Posting: the entry gets its number and is final."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.models import Request
from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, StaleVersion
from apps.ledger import locks
from apps.ledger.errors import ApprovalMissing, EntryEmpty, EntryUnbalanced, PeriodClosed
from apps.ledger.models import JournalEntry
from apps.ledger.selectors import entry_hash, steps_of
from apps.ledger.services import (
    close_period,
    post_entry,
    revise_entry,
    submit_entry,
    withdraw_entry,
)

from .conftest import APRIL, give_verdict, pair


def test_a_posted_entry_has_number_poster_time_and_hash(draft: Any, alice: Any) -> None:
    entry = post_entry(entry_id=draft().pk, actor=alice)
    entry.refresh_from_db()
    assert (entry.label, entry.posted_by, entry.version) == ("2023-04/1", alice, 2)
    assert entry.posted_at is not None
    assert entry.content_hash == entry_hash(entry)
    assert Event.objects.latest("id").details == {
        "period": "2023-04",
        "number": 1,
        "content_hash": entry.content_hash,
    }
    assert [step.status for step in steps_of(entry)] == ["posted", "draft"]


def test_numbers_count_per_period_in_the_order_of_posting(draft: Any, alice: Any) -> None:
    drafts = [draft(), draft(posted_on="2023-03-05"), draft(), draft()]
    posted = [post_entry(entry_id=entry.pk, actor=alice) for entry in reversed(drafts)]
    assert [entry.label for entry in posted] == ["2023-04/1", "2023-04/2", "2023-03/1", "2023-04/3"]


def test_a_refused_posting_takes_no_number(draft: Any, alice: Any) -> None:
    bad, good = draft(lines=pair()[:1]), draft()
    with pytest.raises(EntryUnbalanced):
        post_entry(entry_id=bad.pk, actor=alice)
    assert post_entry(entry_id=good.pk, actor=alice).number == 1


def test_below_the_limit_the_preparer_posts_above_it_an_approval_is_needed(
    draft: Any, policy: Any, alice: Any
) -> None:
    assert post_entry(entry_id=draft("999.99").pk, actor=alice).number == 1
    entry = draft("1000.00")
    for _ in ("draft", "submitted"):
        with pytest.raises(ApprovalMissing):
            post_entry(entry_id=entry.pk, actor=alice)
        if _ == "draft":
            submit_entry(entry_id=entry.pk, actor=alice)


def test_an_approved_entry_is_posted_and_only_with_the_approved_content(
    draft: Any, policy: Any, alice: Any, bob: Any
) -> None:
    entry = submit_entry(entry_id=draft("1000.00").pk, actor=alice)
    give_verdict(Request.objects.get(), bob)
    withdraw_entry(entry_id=entry.pk, reason="one more line", actor=alice)
    revise_entry(
        entry_id=entry.pk,
        posted_on=APRIL,
        description=entry.description,
        lines=pair("1000.01"),
        expected_version=None,
        actor=alice,
    )
    with pytest.raises(ApprovalMissing):
        post_entry(entry_id=entry.pk, actor=alice)
    revise_entry(
        entry_id=entry.pk,
        posted_on=APRIL,
        description=entry.description,
        lines=pair("1000.00"),
        expected_version=None,
        actor=alice,
    )
    assert post_entry(entry_id=entry.pk, actor=alice).status == "posted"


@pytest.mark.parametrize(
    ("who", "options", "refusal"),
    [
        ("rita", {}, NotPermitted),
        ("bob", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("ada", {}, NotPermitted),
        ("ivy", {}, NotPermitted),
        ("charlie", {}, NotVisible),
        ("victor", {}, NotVisible),
        ("alice", {"expected_version": 2}, StaleVersion),
    ],
)
def test_refused_postings_change_nothing(
    request: pytest.FixtureRequest,
    draft: Any,
    table_counts: Any,
    who: str,
    options: dict[str, Any],
    refusal: type[Exception],
) -> None:
    entry, actor = draft(), request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        post_entry(entry_id=entry.pk, actor=actor, **options)
    entry.refresh_from_db()
    assert (table_counts(), entry.status, entry.number) == (before, "draft", None)


def test_a_superuser_does_not_get_round_an_approval(draft: Any, policy: Any, system: Any) -> None:
    with pytest.raises(ApprovalMissing):
        post_entry(entry_id=draft("1000.00", actor=system).pk, actor=system)


@pytest.mark.parametrize("name", ["planned", "closed"])
def test_a_period_that_is_not_open_refuses(draft: Any, connie: Any, name: str) -> None:
    entry = draft(posted_on="2023-06-01" if name == "planned" else APRIL)
    if name == "closed":
        close_period(period_id=entry.period_id, actor=connie)
    with pytest.raises(PeriodClosed, match=f"is {name} and takes no manual entries"):
        post_entry(entry_id=entry.pk, actor=connie)


def test_an_entry_is_posted_once(draft: Any, alice: Any) -> None:
    entry = post_entry(entry_id=draft().pk, actor=alice)
    with pytest.raises(IllegalMove, match="is posted and cannot become posted"):
        post_entry(entry_id=entry.pk, actor=alice)
    with pytest.raises(NotVisible):
        post_entry(entry_id=10**9, actor=alice)


def test_a_draft_that_lost_its_lines_is_not_posted(draft: Any, alice: Any) -> None:
    entry = draft()
    entry.lines.all().delete()
    for service in (submit_entry, post_entry):
        with pytest.raises(EntryEmpty):
            service(entry_id=entry.pk, actor=alice)


def test_an_entry_that_moves_to_another_period_while_we_wait_is_stale(
    draft: Any, period: Any, alice: Any, monkeypatch: Any
) -> None:
    entry, march = draft(), period("2023-03")
    share = locks.share_periods

    def share_too_late(period_ids: Any) -> Any:
        JournalEntry.objects.filter(pk=entry.pk).update(period=march, posted_on=march.ends_on)
        return share(period_ids)

    monkeypatch.setattr(locks, "share_periods", share_too_late)
    with pytest.raises(StaleVersion):
        post_entry(entry_id=entry.pk, actor=alice)

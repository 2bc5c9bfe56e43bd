"""Races about a reopening, with real connections: opening, closing and posting at its end."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.approvals.errors import ApprovalUsed
from apps.approvals.models import Use
from apps.approvals.services import revoke, use_approval
from apps.audit.models import Event
from apps.common.errors import IllegalMove
from apps.ledger.errors import ApprovalMissing, PeriodClosed, ReopeningExists, ReopeningOver
from apps.ledger.models import JournalEntry, Period, PeriodReopening
from apps.ledger.selectors import period_digest
from apps.ledger.services import (
    end_expired_reopenings,
    end_reopening,
    post_entry,
    reopen_period,
)
from apps.ledger.services.places import require_place

from .conftest import approve_both, request_of
from .test_races import kinds, sound, together

__all__ = ["together"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_asked_for_once(propose: Any, together: Any) -> None:
    results = together(*[propose] * 4)
    assert kinds(results) == ["PeriodReopening"] + ["ReopeningExists"] * 3
    assert all(isinstance(one, PeriodReopening | ReopeningExists) for one in results)
    assert PeriodReopening.objects.count() == 1


def test_it_opens_once(
    propose: Any, bob: Any, beth: Any, connie: Any, together: Any, books: Any
) -> None:
    asked = propose()
    approve_both(asked, bob, beth)
    results = together(*[lambda: reopen_period(reopening_id=asked.pk, actor=connie)] * 6)
    assert kinds(results) == ["IllegalMove"] * 5 + ["PeriodReopening"]
    assert Event.objects.filter(action="ledger.reopening.open").count() == 1
    assert Use.objects.count() == 1
    sound(books)


def test_opening_against_revoking(
    propose: Any, bob: Any, beth: Any, connie: Any, together: Any, period: Any
) -> None:
    """One of the two happens, never both."""
    asked = propose()
    approve_both(asked, bob, beth)
    request = request_of(asked)
    opened, revoked = together(
        lambda: reopen_period(reopening_id=asked.pk, actor=connie),
        lambda: revoke(request_id=request.pk, reason="No.", actor=bob),
    )
    if isinstance(opened, ApprovalMissing):
        assert period("2023-04").status == "hard_closed"
    else:
        assert isinstance(revoked, ApprovalUsed)
        assert period("2023-04").status == "reopened"


def test_posting_against_ending(
    reopen: Any, draft: Any, connie: Any, together: Any, books: Any
) -> None:
    """Whoever comes first wins, and the new digest is over what was posted."""
    for _ in range(3):
        reopening = reopen()
        entries = [draft(kind="adjustment") for _ in range(3)]
        results = together(
            *[lambda e=e: post_entry(entry_id=e.pk, actor=connie) for e in entries],
            lambda r=reopening: end_reopening(reopening_id=r.pk, actor=connie),
        )
        assert isinstance(results[-1], PeriodReopening)
        assert all(isinstance(one, JournalEntry | PeriodClosed) for one in results[:-1])
        assert results[-1].digest_after == period_digest(Period.objects.get(name="2023-04"))
        sound(books)


def test_people_and_the_beat_end_it_once(
    reopen: Any, connie: Any, together: Any, books: Any
) -> None:
    reopening = reopen(expires_at=timezone.now() + timedelta(seconds=3))
    time.sleep(max(0.0, (reopening.expires_at - timezone.now()).total_seconds()) + 0.01)
    results = together(
        *[end_expired_reopenings] * 3,
        *[lambda: end_reopening(reopening_id=reopening.pk, actor=connie)] * 3,
    )
    reopening.refresh_from_db()
    assert reopening.status == "ended"
    beats = Counter(map(str, results[:3]))
    people = [one for one in results[3:] if not isinstance(one, IllegalMove)]
    assert beats[str([reopening.pk])] + len(people) == 1
    assert Event.objects.filter(action="ledger.reopening.end").count() == 1
    sound(books)


def test_its_end_between_the_check_and_the_write_is_told_in_words(
    reopen: Any, draft: Any, connie: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reopening = reopen(expires_at=timezone.now() + timedelta(seconds=3))
    entry = draft(kind="adjustment")

    def check_and_wait(*given: Any) -> None:
        require_place(*given)
        time.sleep((reopening.expires_at - timezone.now()).total_seconds() + 0.01)

    monkeypatch.setattr("apps.ledger.services.posting.require_place", check_and_wait)
    with pytest.raises(ReopeningOver):
        post_entry(entry_id=entry.pk, actor=connie)
    entry.refresh_from_db()
    assert entry.status == "draft"


def test_its_end_between_the_approval_and_the_opening_is_told_in_words(
    propose: Any, bob: Any, beth: Any, connie: Any, period: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = propose(expires_at=timezone.now() + timedelta(seconds=4))
    approve_both(asked, bob, beth)

    def use_and_wait(**given: Any) -> Any:
        used = use_approval(**given)
        time.sleep((asked.expires_at - timezone.now()).total_seconds() + 0.01)
        return used

    monkeypatch.setattr("apps.ledger.services.reopening.use_approval", use_and_wait)
    with pytest.raises(ReopeningOver):
        reopen_period(reopening_id=asked.pk, actor=connie)
    asked.refresh_from_db()
    assert (asked.status, period("2023-04").status) == ("asked", "hard_closed")
    assert Use.objects.count() == 0


def test_posting_at_its_end(
    reopen: Any, draft: Any, connie: Any, together: Any, books: Any
) -> None:
    """Before it, everything goes in; after it, nothing, whether the beat was there or not."""
    reopening = reopen(expires_at=timezone.now() + timedelta(seconds=4))
    entries = [draft(kind="adjustment") for _ in range(6)]

    def post_at(entry: JournalEntry, offset: float) -> Any:
        time.sleep(max(0.0, (reopening.expires_at - timezone.now()).total_seconds() + offset))
        return post_entry(entry_id=entry.pk, actor=connie)

    def beat() -> Any:
        time.sleep(max(0.0, (reopening.expires_at - timezone.now()).total_seconds()))
        return end_expired_reopenings()

    offsets = [-1.0, -0.02, -0.005, 0.0, 0.005, 0.1]
    results = together(
        *[
            lambda e=entry, o=offset: post_at(e, o)
            for entry, offset in zip(entries, offsets, strict=True)
        ],
        beat,
    )
    end_expired_reopenings()
    assert isinstance(results[0], JournalEntry)
    assert isinstance(results[5], PeriodClosed | ReopeningOver)
    for posted in JournalEntry.objects.filter(kind="adjustment", status="posted"):
        assert posted.posted_at is not None
        assert posted.posted_at < reopening.expires_at
    reopening.refresh_from_db()
    assert reopening.status == "ended"
    assert reopening.digest_after == period_digest(Period.objects.get(name="2023-04"))
    sound(books)

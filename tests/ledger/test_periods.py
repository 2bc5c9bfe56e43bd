"""Open, soft-close, close and archive a period."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.models import Request
from apps.approvals.services import define_policy
from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal
from apps.ledger.errors import ApprovalMissing, EntriesWaiting, PeriodClosed, PeriodMissing
from apps.ledger.models import Period
from apps.ledger.selectors import period_digest, period_summary
from apps.ledger.services import (
    archive_period,
    close_period,
    open_period,
    post_entry,
    request_period_lock,
    soft_close_period,
    submit_entry,
    withdraw_entry,
)

from .conftest import APRIL, give_verdict


def test_a_planned_period_is_opened_once(books: Any, connie: Any, period: Any) -> None:
    opened = open_period(entity_id=books.pk, name="2023-05", actor=connie)
    assert opened.status == "open"
    assert opened.history.first().history_user == connie
    with pytest.raises(IllegalMove, match="is open and cannot become open"):
        open_period(entity_id=books.pk, name="2023-05", actor=connie)


@pytest.mark.parametrize(
    ("who", "name", "refusal"),
    [
        ("alice", "2023-05", NotPermitted),
        ("otto", "2023-05", NotPermitted),
        ("charlie", "2023-05", NotVisible),
        ("victor", "2023-05", NotVisible),
        ("connie", "2024-01", PeriodMissing),
    ],
)
def test_refused_openings(
    request: pytest.FixtureRequest, books: Any, period: Any, who: str, name: str, refusal: Any
) -> None:
    with pytest.raises(refusal):
        open_period(entity_id=books.pk, name=name, actor=request.getfixturevalue(who))
    assert period("2023-05").status == "planned"


def test_a_soft_closed_period_takes_adjustments_of_those_who_may(
    draft: Any, period: Any, alice: Any, connie: Any
) -> None:
    manual, adjustment = draft(), draft(kind="adjustment")
    soft_close_period(period_id=period("2023-04").pk, actor=connie)
    with pytest.raises(PeriodClosed, match="takes no manual entries"):
        post_entry(entry_id=manual.pk, actor=connie)
    with pytest.raises(NotPermitted):
        post_entry(entry_id=adjustment.pk, actor=alice)
    assert post_entry(entry_id=adjustment.pk, actor=connie).number == 1


def test_closing_keeps_who_when_and_a_digest(
    draft: Any, period: Any, alice: Any, connie: Any
) -> None:
    for amount in ("1.00", "2.00"):
        post_entry(entry_id=draft(amount).pk, actor=alice)
    draft("3.00")
    closed = close_period(period_id=period("2023-04").pk, actor=connie)
    closed.refresh_from_db()
    assert (closed.status, closed.closed_by) == ("hard_closed", connie)
    assert closed.closed_at is not None
    assert closed.digest == period_digest(closed)
    event = Event.objects.get(action="ledger.period.close")
    assert event.details == {
        "name": "2023-04",
        "posted": 2,
        "drafts": 1,
        "digest": closed.digest,
    }


def test_the_digest_tells_what_is_posted(draft: Any, period: Any, alice: Any) -> None:
    seen = {period_digest(period("2023-04")), period_digest(period("2023-03"))}
    for amount in ("1.00", "1.00", "2.00"):
        post_entry(entry_id=draft(amount).pk, actor=alice)
        seen.add(period_digest(period("2023-04")))
    assert len(seen) == 5
    assert period_digest(period("2023-04")) in seen


@pytest.mark.parametrize("service", [close_period, soft_close_period, archive_period])
@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("alice", NotPermitted),
        ("bob", NotPermitted),
        ("ada", NotPermitted),
        ("otto", NotPermitted),
        ("charlie", NotVisible),
        ("victor", NotVisible),
    ],
)
def test_only_controllers_close(
    request: pytest.FixtureRequest,
    period: Any,
    table_counts: Any,
    service: Any,
    who: str,
    refusal: type[Refusal],
) -> None:
    actor, april = request.getfixturevalue(who), period("2023-04")
    before = table_counts()
    with pytest.raises(refusal):
        service(period_id=april.pk, actor=actor)
    assert (table_counts(), period("2023-04").status) == (before, "open")


def _state(period: Period, status: str, actor: Any) -> Period:
    """Bring an open period into the status."""
    if status == "soft_closed":
        return soft_close_period(period_id=period.pk, actor=actor)
    if status in {"hard_closed", "archived"}:
        close_period(period_id=period.pk, actor=actor)
    if status == "archived":
        archive_period(period_id=period.pk, actor=actor)
    return period


@pytest.mark.parametrize(
    ("status", "service"),
    [
        ("planned", soft_close_period),
        ("planned", close_period),
        ("open", archive_period),
        ("soft_closed", soft_close_period),
        ("soft_closed", archive_period),
        ("hard_closed", close_period),
        ("hard_closed", soft_close_period),
        ("archived", close_period),
        ("archived", archive_period),
    ],
)
def test_moves_that_the_table_does_not_have(
    period: Any, connie: Any, table_counts: Any, status: str, service: Any
) -> None:
    subject = period("2023-05" if status == "planned" else "2023-04")
    _state(subject, status, connie)
    before = table_counts()
    with pytest.raises(IllegalMove):
        service(period_id=subject.pk, actor=connie)
    assert (table_counts(), period(subject.name).status) == (before, status)


def test_submitted_entries_stand_in_the_way_drafts_do_not(
    draft: Any, period: Any, alice: Any, connie: Any
) -> None:
    entry = submit_entry(entry_id=draft().pk, actor=alice)
    with pytest.raises(EntriesWaiting, match="1 submitted entries of 2023-04"):
        close_period(period_id=entry.period_id, actor=connie)
    withdraw_entry(entry_id=entry.pk, reason="later", actor=alice)
    assert close_period(period_id=entry.period_id, actor=connie).status == "hard_closed"
    with pytest.raises(PeriodClosed):
        post_entry(entry_id=entry.pk, actor=connie)
    with pytest.raises(PeriodClosed):
        draft(posted_on=APRIL)


def test_the_summary_counts_by_progress_and_currency(draft: Any, period: Any, alice: Any) -> None:
    for amount in ("1.00", "2.50"):
        post_entry(entry_id=draft(amount).pk, actor=alice)
    submit_entry(entry_id=draft().pk, actor=alice)
    draft()
    summary = period_summary(period("2023-04"))
    assert (summary.posted, summary.submitted, summary.drafts) == (2, 1, 1)
    assert [(t.currency, t.debit, t.credit) for t in summary.totals] == [("EUR", 3.5, 3.5)]


@pytest.fixture
def lock_policy(entity: Any, connie: Any) -> Any:
    return define_policy(
        entity_id=entity.pk,
        item_type="period_lock",
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )


def test_with_a_policy_closing_needs_an_approval_of_what_the_period_holds(
    draft: Any, period: Any, lock_policy: Any, alice: Any, bob: Any, connie: Any
) -> None:
    april = period("2023-04")
    with pytest.raises(ApprovalMissing):
        close_period(period_id=april.pk, actor=connie)
    first = request_period_lock(period_id=april.pk, url="/close/", actor=connie)
    assert first is not None
    give_verdict(first, bob)
    post_entry(entry_id=draft().pk, actor=alice)
    with pytest.raises(ApprovalMissing):
        close_period(period_id=april.pk, actor=connie)
    second = request_period_lock(period_id=april.pk, url="/close/", actor=connie)
    assert second is not None
    assert second.title == "Close 2023-04: 1 posted entries"
    give_verdict(second, bob)
    assert close_period(period_id=april.pk, actor=connie).status == "hard_closed"


def test_a_lock_is_asked_for_by_controllers_and_only_when_it_could_happen(
    draft: Any, period: Any, lock_policy: Any, alice: Any, connie: Any
) -> None:
    april = period("2023-04")
    with pytest.raises(NotPermitted):
        request_period_lock(period_id=april.pk, url="/", actor=alice)
    with pytest.raises(IllegalMove):
        request_period_lock(period_id=period("2023-05").pk, url="/", actor=connie)
    submit_entry(entry_id=draft().pk, actor=alice)
    with pytest.raises(EntriesWaiting):
        request_period_lock(period_id=april.pk, url="/", actor=connie)
    assert not Request.objects.exists()


def test_without_a_policy_nothing_is_asked(period: Any, connie: Any) -> None:
    assert request_period_lock(period_id=period("2023-04").pk, url="/", actor=connie) is None

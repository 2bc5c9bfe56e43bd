"""Reopening a closed period: two others approve it, for a while, within a scope."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from apps.approvals.errors import ApproversTooFew, PolicyInvalid
from apps.approvals.selectors import latest_request_for
from apps.approvals.services import decide, define_policy, retire_policy, revoke, withdraw
from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal
from apps.ledger import registry
from apps.ledger.errors import (
    AccountUnknown,
    ApprovalMissing,
    EntriesWaiting,
    OutsideReopening,
    PeriodClosed,
    ReasonMissing,
    ReopeningExists,
    ReopeningInvalid,
    ReopeningOver,
)
from apps.ledger.models import Period, PeriodReopening
from apps.ledger.registry import Upon, resting_on
from apps.ledger.selectors import later_periods, period_digest, reopening_hash
from apps.ledger.services import (
    EntryDraft,
    archive_period,
    close_period,
    end_expired_reopenings,
    end_reopening,
    open_period,
    post_entry,
    post_extract,
    reopen_period,
    request_period_lock,
    reverse_entry,
    settle_reopening,
    settle_request,
    submit_entry,
    withdraw_entry,
)
from apps.operations.models import OutboxMessage

from .conftest import APRIL, approve_both, give_verdict, let_pass, pair, request_of


def state() -> dict[str, Any]:
    """What must not change when something is refused: periods and reopenings, column by column."""
    return {
        "periods": list(Period.objects.order_by("pk").values()),
        "reopenings": list(PeriodReopening.objects.order_by("pk").values()),
    }


def test_it_opens_takes_what_it_names_and_closes_again(
    reopen: Any, draft: Any, period: Any, closed: Period, alice: Any, connie: Any
) -> None:
    before = closed.digest
    reopening = reopen()
    april = period("2023-04")
    assert (april.status, april.digest, april.closed_by, april.closed_at) == (
        "reopened",
        "",
        None,
        None,
    )
    assert (reopening.status, reopening.opened_by, reopening.digest_before) == (
        "open",
        connie,
        before,
    )
    late = post_entry(entry_id=draft(kind="adjustment").pk, actor=connie)
    assert late.label == "2023-04/2"
    ended = end_reopening(reopening_id=reopening.pk, actor=connie)
    april = period("2023-04")
    assert (april.status, april.closed_by, april.digest) == (
        "hard_closed",
        connie,
        period_digest(april),
    )
    assert (ended.status, ended.ended_how, ended.ended_by) == ("ended", "closed", connie)
    assert (ended.digest_before, ended.digest_after) == (before, april.digest)
    assert before != april.digest
    with pytest.raises(PeriodClosed):
        draft(kind="adjustment")
    assert period("2023-03").status == "open"


def test_everything_is_on_record(reopen: Any, period: Any, connie: Any) -> None:
    reopening = reopen(accounts=["1000", "4000"])
    end_reopening(reopening_id=reopening.pk, actor=connie)
    events = {e.action: e for e in Event.objects.filter(subject_type="ledger.periodreopening")}
    assert set(events) == {
        "ledger.reopening.propose",
        "ledger.reopening.open",
        "ledger.reopening.end",
    }
    opened = events["ledger.reopening.open"]
    assert opened.entity_id == reopening.entity_id
    assert opened.details["reason"] == "The bank sent a fee late."
    assert opened.details["accounts"] == ["1000", "4000"]
    assert events["ledger.reopening.end"].details["how"] == "closed"
    assert Event.objects.filter(action="ledger.period.close").count() == 2
    hands = [(past.status, past.history_user) for past in reopening.history.order_by("history_id")]
    assert hands == [("asked", connie), ("open", connie), ("ended", connie)]
    statuses = [past.status for past in period("2023-04").history.order_by("history_id")]
    assert statuses[-3:] == ["hard_closed", "reopened", "hard_closed"]


# --- Asking ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"reason": "  "}, ReasonMissing),
        ({"reason": "x" * 2_001}, ReopeningInvalid),
        ({"reason": "nul \x00"}, ReopeningInvalid),
        ({"kinds": []}, ReopeningInvalid),
        ({"kinds": ["adjustment", "adjustment"]}, ReopeningInvalid),
        ({"kinds": ["anything"]}, ReopeningInvalid),
        ({"accounts": ["1000", "1000"]}, ReopeningInvalid),
        ({"accounts": ["9999"]}, AccountUnknown),
        ({"expires_at": timedelta(seconds=-1)}, ReopeningInvalid),
        ({"expires_at": timedelta(days=14, minutes=1)}, ReopeningInvalid),
    ],
)
def test_refused_wishes(
    propose: Any, table_counts: Any, changes: dict[str, Any], refusal: type[Refusal]
) -> None:
    if "expires_at" in changes:
        changes = {"expires_at": timezone.now() + changes["expires_at"]}
    before = table_counts(), state()
    with pytest.raises(refusal):
        propose(**changes)
    assert (table_counts(), state()) == before


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("alice", NotPermitted),
        ("bob", NotPermitted),
        ("rita", NotPermitted),
        ("ada", NotPermitted),
        ("otto", NotPermitted),
        ("ivy", NotPermitted),
        ("charlie", NotVisible),
        ("victor", NotVisible),
    ],
)
def test_only_controllers_ask_open_and_end(
    request: pytest.FixtureRequest,
    propose: Any,
    reopen: Any,
    table_counts: Any,
    who: str,
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts(), state()
    with pytest.raises(refusal):
        propose(actor=actor)
    assert (table_counts(), state()) == before
    reopening = reopen()
    before = table_counts(), state()
    for service in (reopen_period, end_reopening):
        with pytest.raises(refusal):
            service(reopening_id=reopening.pk, actor=actor)
    assert (table_counts(), state()) == before


@pytest.mark.parametrize("name", ["2023-03", "2023-05"])
def test_what_is_not_closed_is_not_reopened(
    propose: Any, period: Any, table_counts: Any, name: str
) -> None:
    before = table_counts(), state()
    with pytest.raises(IllegalMove, match="cannot become reopened"):
        propose(period_id=period(name).pk)
    assert (table_counts(), state()) == before


def test_an_archived_period_is_never_reopened(
    propose: Any, closed: Period, connie: Any, bob: Any, beth: Any, table_counts: Any
) -> None:
    asked = propose()
    approve_both(asked, bob, beth)
    archive_period(period_id=closed.pk, actor=connie)
    before = table_counts(), state()
    with pytest.raises(IllegalMove):
        reopen_period(reopening_id=asked.pk, actor=connie)
    with pytest.raises(IllegalMove):
        propose()
    assert (table_counts(), state()) == before


def test_one_reopening_at_a_time(propose: Any, reopen: Any, connie: Any, table_counts: Any) -> None:
    asked = propose()
    before = table_counts(), state()
    with pytest.raises(ReopeningExists):
        propose()
    assert (table_counts(), state()) == before
    withdraw(request_id=request_of(asked).pk, reason="Not needed.", actor=connie)
    settle_reopening(request_id=request_of(asked).pk)
    reopening = reopen()
    assert reopening.number == 2
    with pytest.raises(IllegalMove):  # it is not closed
        propose()
    end_reopening(reopening_id=reopening.pk, actor=connie)
    assert propose().number == 3


# --- Two approvers --------------------------------------------------------------------------


def test_without_a_policy_of_two_nothing_is_asked(
    closed: Period, connie: Any, two_approvers: Any, propose: Any, table_counts: Any
) -> None:
    with pytest.raises(PolicyInvalid, match="at least 2 different people"):
        define_policy(
            entity_id=closed.entity_id,
            item_type="period_reopening",
            stages=[{"role": "approver", "count": 1}],
            actor=connie,
        )
    retire_policy(policy_id=two_approvers.pk, actor=connie)
    before = table_counts(), state()
    with pytest.raises(ApproversTooFew):
        propose()
    assert (table_counts(), state()) == before


def test_one_approver_is_not_enough(
    propose: Any, bob: Any, beth: Any, connie: Any, table_counts: Any
) -> None:
    asked = propose()
    for approver in (None, bob):
        if approver:
            give_verdict(request_of(asked), approver)
        before = table_counts(), state()
        with pytest.raises(ApprovalMissing):
            reopen_period(reopening_id=asked.pk, actor=connie)
        assert (table_counts(), state()) == before
    give_verdict(request_of(asked), beth)
    assert reopen_period(reopening_id=asked.pk, actor=connie).status == "open"


def test_nobody_approves_twice_and_who_asked_not_at_all(
    closed: Period, person: Any, connie: Any, bob: Any, propose: Any, table_counts: Any
) -> None:
    define_policy(
        entity_id=closed.entity_id,
        item_type="period_reopening",
        stages=[{"role": "approver", "count": 1}, {"role": "controller", "count": 1}],
        actor=connie,
    )
    colin = person("colin", "controller", "approver", on=closed.entity)
    asked = propose()
    give_verdict(request_of(asked), colin)
    before = table_counts(), state()
    for actor in (colin, connie):
        with pytest.raises(Refusal):
            give_verdict(request_of(asked), actor)
        with pytest.raises(ApprovalMissing):
            reopen_period(reopening_id=asked.pk, actor=connie)
    assert state() == before[1]


def test_an_approval_of_something_else_is_none(
    propose: Any, bob: Any, beth: Any, connie: Any
) -> None:
    first = propose()
    wider = PeriodReopening.objects.get(pk=first.pk)
    wider.accounts = ["1000"]
    assert reopening_hash(first) != reopening_hash(wider)
    for change in ({"reason": "other"}, {"kinds": ["manual"]}, {"digest_before": "0" * 64}):
        other = PeriodReopening.objects.get(pk=first.pk)
        for name, value in change.items():
            setattr(other, name, value)
        assert reopening_hash(other) != first.content_hash
    again = PeriodReopening.objects.get(pk=first.pk)
    assert reopening_hash(again) == first.content_hash == request_of(first).subject_hash


def test_a_revoked_approval_opens_nothing(
    propose: Any, bob: Any, beth: Any, connie: Any, table_counts: Any
) -> None:
    asked = propose()
    approve_both(asked, bob, beth)
    revoke(request_id=request_of(asked).pk, reason="Too wide.", actor=bob)
    before = table_counts(), state()
    with pytest.raises(ApprovalMissing):
        reopen_period(reopening_id=asked.pk, actor=connie)
    assert (table_counts(), state()) == before


@pytest.mark.parametrize("verdict", ["reject", "return"])
def test_what_is_not_approved_is_dropped(
    propose: Any, bob: Any, beth: Any, connie: Any, verdict: str
) -> None:
    asked = propose()
    decide(
        request_id=request_of(asked).pk,
        verdict=verdict,
        comment="No.",
        attested=True,
        expected_version=request_of(asked).version,
        actor=bob,
    )
    told = OutboxMessage.objects.filter(task="apps.ledger.tasks.settle_reopening")
    assert [message.arguments for message in told] == [{"request_id": request_of(asked).pk}]
    dropped = settle_reopening(request_id=request_of(asked).pk)
    assert dropped is not None
    assert dropped.status == "dropped"
    assert settle_reopening(request_id=request_of(asked).pk) is None
    with pytest.raises(IllegalMove):
        reopen_period(reopening_id=asked.pk, actor=connie)
    assert Event.objects.get(action="ledger.reopening.drop").details["decision"].startswith(verdict)


def test_what_is_approved_waits_to_be_opened(propose: Any, bob: Any, beth: Any) -> None:
    asked = propose()
    approve_both(asked, bob, beth)
    assert settle_reopening(request_id=request_of(asked).pk) is None
    asked.refresh_from_db()
    assert asked.status == "asked"


# --- The scope ------------------------------------------------------------------------------


@pytest.fixture
def posting(draft: Any, closed: Period, alice: Any, connie: Any, ivy: Any) -> Callable[..., Any]:
    """Post something into April: `posting("adjustment", debit="2000")`."""

    def into(kind: str, *, debit: str = "1000", by: Any = None) -> Any:
        lines = pair("7.00", debit=debit)
        if kind == "import":
            extract = EntryDraft("late", APRIL, "Late", lines=lines)
            return post_extract(
                entity_id=closed.entity_id, source="erp", entries=[extract], actor=by or ivy
            )
        if kind == "reversal":
            entry = closed.entries.get(number=1)
            return reverse_entry(
                entry_id=entry.pk, posted_on=APRIL, reason="wrong", actor=by or connie
            )
        entry = draft(kind=kind, lines=lines)
        return post_entry(entry_id=entry.pk, actor=by or connie)

    return into


@pytest.mark.parametrize("kind", ["adjustment", "reversal", "manual"])
def test_it_takes_the_kinds_that_it_names(reopen: Any, posting: Any, kind: str) -> None:
    reopen(kinds=[kind])
    posting(kind)
    others = {"adjustment", "reversal", "manual"} - {kind}
    for other in sorted(others):
        with pytest.raises(OutsideReopening, match="for entries of these kinds"):
            posting(other)


def test_imports_need_to_be_named_and_may_be_posted_by_those_who_post_late(
    reopen: Any, posting: Any, closed: Period, connie: Any
) -> None:
    reopening = reopen()
    with pytest.raises(OutsideReopening):
        posting("import", by=connie)
    end_reopening(reopening_id=reopening.pk, actor=connie)
    reopening = reopen(kinds=["import"], accounts=["1000"])
    with pytest.raises(OutsideReopening, match="not for 4000"):
        posting("import", by=connie)
    end_reopening(reopening_id=reopening.pk, actor=connie)
    reopen(kinds=["import"])
    assert posting("import", by=connie).created == 1
    assert closed.entries.filter(status="posted").count() == 2


def test_it_takes_the_accounts_that_it_names(reopen: Any, posting: Any, closed: Period) -> None:
    reopen(kinds=["adjustment"], accounts=["1000", "4000"])
    with pytest.raises(OutsideReopening, match="accounts 1000, 4000, not for 2000"):
        posting("adjustment", debit="2000")
    assert closed.entries.filter(status="posted").count() == 1
    assert posting("adjustment").status == "posted"


def test_who_may_not_post_late_may_not_here(
    reopen: Any, posting: Any, closed: Period, alice: Any
) -> None:
    reopen()
    with pytest.raises(NotPermitted):
        posting("adjustment", by=alice)
    assert closed.entries.filter(status="posted").count() == 1


def test_what_is_outside_cannot_be_submitted_either(
    reopen: Any, draft: Any, alice: Any, table_counts: Any
) -> None:
    reopen(accounts=["1000", "4000"])
    manual, elsewhere = draft(), draft(kind="adjustment", lines=pair(debit="2000"))
    before = table_counts()
    for entry in (manual, elsewhere):
        with pytest.raises(OutsideReopening):
            submit_entry(entry_id=entry.pk, actor=alice)
    assert table_counts() == before
    assert submit_entry(entry_id=draft(kind="adjustment").pk, actor=alice).status == "submitted"


def test_policies_for_entries_hold_here_too(
    reopen: Any, draft: Any, policy: Any, alice: Any, bob: Any, connie: Any
) -> None:
    reopen()
    entry = submit_entry(entry_id=draft("5000.00", kind="adjustment").pk, actor=alice)
    with pytest.raises(ApprovalMissing):
        post_entry(entry_id=entry.pk, actor=connie)
    asked = latest_request_for(entry)
    assert asked is not None
    assert asked.amount == Decimal(5100)  # with what Alice posted before
    give_verdict(asked, bob)
    settled = settle_request(request_id=asked.pk)
    assert settled is not None
    assert settled.status == "posted"


# --- Its end --------------------------------------------------------------------------------


def test_submitted_entries_stand_in_the_way_of_ending_it(
    reopen: Any, draft: Any, alice: Any, connie: Any, table_counts: Any
) -> None:
    reopening = reopen()
    entry = submit_entry(entry_id=draft(kind="adjustment").pk, actor=alice)
    before = table_counts(), state()
    with pytest.raises(EntriesWaiting):
        end_reopening(reopening_id=reopening.pk, actor=connie)
    with pytest.raises(EntriesWaiting):
        close_period(period_id=reopening.period_id, actor=connie)
    assert (table_counts(), state()) == before
    withdraw_entry(entry_id=entry.pk, reason="later", actor=alice)
    assert end_reopening(reopening_id=reopening.pk, actor=connie).status == "ended"
    before = table_counts(), state()
    with pytest.raises(IllegalMove, match="open can be ended"):
        end_reopening(reopening_id=reopening.pk, actor=connie)
    assert (table_counts(), state()) == before


def test_closing_the_period_ends_it(reopen: Any, connie: Any) -> None:
    reopening = reopen()
    assert close_period(period_id=reopening.period_id, actor=connie).status == "hard_closed"
    reopening.refresh_from_db()
    assert (reopening.status, reopening.ended_how) == ("ended", "closed")
    assert reopening.digest_after == reopening.digest_before


def test_where_closing_needs_an_approval_ending_does_too(
    reopen: Any, draft: Any, bob: Any, connie: Any, table_counts: Any
) -> None:
    reopening = reopen()
    define_policy(
        entity_id=reopening.entity_id,
        item_type="period_lock",
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )
    post_entry(entry_id=draft(kind="adjustment").pk, actor=connie)
    before = table_counts(), state()
    with pytest.raises(ApprovalMissing):
        end_reopening(reopening_id=reopening.pk, actor=connie)
    assert (table_counts(), state()) == before
    asked = request_period_lock(period_id=reopening.period_id, url="/", actor=connie)
    assert asked is not None
    give_verdict(asked, bob)
    assert end_reopening(reopening_id=reopening.pk, actor=connie).status == "ended"


def test_when_its_time_is_over_nothing_is_posted_whether_the_period_is_closed_or_not(
    reopen: Any, draft: Any, alice: Any, connie: Any, posting: Any, table_counts: Any
) -> None:
    reopening = reopen(kinds=["adjustment", "reversal", "import"])
    entry = submit_entry(entry_id=draft(kind="adjustment").pk, actor=alice)
    let_pass(reopening)
    before = table_counts(), state()
    with pytest.raises(ReopeningOver):
        post_entry(entry_id=entry.pk, actor=connie)
    for kind in ("reversal", "import"):
        with pytest.raises(ReopeningOver):
            posting(kind, by=connie)
    assert (table_counts(), state()) == before


def test_the_beat_closes_it_and_leaves_submitted_entries_as_they_are(
    reopen: Any, draft: Any, period: Any, alice: Any, connie: Any, system: Any, table_counts: Any
) -> None:
    reopening = reopen()
    entry = submit_entry(entry_id=draft(kind="adjustment").pk, actor=alice)
    assert end_expired_reopenings() == []
    let_pass(reopening)
    assert end_expired_reopenings() == [reopening.pk]
    reopening.refresh_from_db()
    april = period("2023-04")
    assert (reopening.status, reopening.ended_how, reopening.ended_by) == (
        "ended",
        "expired",
        system,
    )
    assert (april.status, april.digest) == ("hard_closed", reopening.digest_before)
    assert Event.objects.get(action="ledger.reopening.end").details["submitted"] == 1
    before = table_counts(), state()
    assert end_expired_reopenings() == []
    entry.refresh_from_db()
    assert entry.status == "submitted"
    with pytest.raises(PeriodClosed):
        post_entry(entry_id=entry.pk, actor=connie)
    assert (table_counts(), state()) == before
    assert withdraw_entry(entry_id=entry.pk, reason="too late", actor=alice).status == "draft"


def test_another_reopening_takes_what_was_left(
    reopen: Any, draft: Any, alice: Any, connie: Any
) -> None:
    first = reopen()
    entry = submit_entry(entry_id=draft(kind="adjustment").pk, actor=alice)
    let_pass(first)
    end_expired_reopenings()
    second = reopen()
    assert second.number == 2
    assert post_entry(entry_id=entry.pk, actor=connie).status == "posted"


def test_what_is_not_opened_in_time_is_dropped(
    propose: Any, bob: Any, beth: Any, connie: Any, table_counts: Any
) -> None:
    asked = propose()
    approve_both(asked, bob, beth)
    let_pass(asked)
    before = table_counts(), state()
    with pytest.raises(ReopeningOver):
        reopen_period(reopening_id=asked.pk, actor=connie)
    assert (table_counts(), state()) == before
    assert end_expired_reopenings() == [asked.pk]
    asked.refresh_from_db()
    assert asked.status == "dropped"
    assert end_expired_reopenings() == []


def test_a_request_that_nobody_answered_in_time_is_superseded(propose: Any) -> None:
    asked = propose()
    let_pass(asked)
    assert end_expired_reopenings() == [asked.pk]
    request = request_of(asked)
    assert request.status == "superseded"
    assert settle_reopening(request_id=request.pk) is None


# --- What rests on it -----------------------------------------------------------------------


def test_those_who_want_to_know_are_told_in_the_same_transaction(
    reopen: Any, connie: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str, str]] = []

    def note(what: str) -> Callable[[PeriodReopening], None]:
        return lambda one: told.append((what, one.status, one.period.status))

    monkeypatch.setattr(registry, "_OPENED", [])
    monkeypatch.setattr(registry, "_ENDED", [])
    listener = note("opened")
    registry.on_reopened(listener)
    registry.on_reopened(listener)
    registry.on_closed_again(note("ended"))
    reopening = reopen()
    end_reopening(reopening_id=reopening.pk, actor=connie)
    assert told == [("opened", "open", "reopened"), ("ended", "ended", "hard_closed")]


def test_what_rests_on_a_period_is_told_before(
    closed: Period, period: Any, connie: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert later_periods(closed) == []
    march = period("2023-03")
    assert [one.what for one in later_periods(march)] == [
        "Opening balances of the next period, which is closed"
    ]
    february = period("2023-02")
    assert (
        later_periods(february)[0].what == "Opening balances of 2 later periods, 1 of them closed"
    )
    monkeypatch.setattr(registry, "_FINDERS", [])
    registry.register_upon(lambda one: [Upon(f"Evidence of {one}", "is superseded", "/e/")])
    assert resting_on(closed) == [Upon("Evidence of 2023-04", "is superseded", "/e/")]


def test_a_later_period_goes_on(
    reopen: Any, draft: Any, alice: Any, period: Any, connie: Any
) -> None:
    open_period(entity_id=period("2023-05").entity_id, name="2023-05", actor=connie)
    reopening = reopen()
    entry = draft(posted_on=date(2023, 5, 2))
    assert post_entry(entry_id=entry.pk, actor=alice).label == "2023-05/1"
    end_reopening(reopening_id=reopening.pk, actor=connie)
    assert period("2023-05").status == "open"

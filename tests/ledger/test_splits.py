"""What is split into pieces below a limit needs the approval of the whole."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.approvals.models import Request
from apps.identity.models import User
from apps.ledger.errors import ApprovalMissing
from apps.ledger.models import JournalEntry
from apps.ledger.services import LineDraft, post_entry, reverse_entry, submit_entry
from tests.ledger.conftest import APRIL, give_verdict, pair


def lines(amount: str, *, account: str = "5000", against: str = "1000", who: str = "") -> Any:
    """An expense of a counterparty."""
    return [
        LineDraft(account=account, debit=Decimal(amount), counterparty=who),
        LineDraft(account=against, credit=Decimal(amount)),
    ]


@pytest.fixture
def piece(draft: Any, policy: Any) -> Any:
    """A draft of Alice about wages: `piece("400.00")`."""

    def make(amount: str, **how: Any) -> JournalEntry:
        made: JournalEntry = draft(lines=lines(amount, **how))
        return made

    return make


def test_the_piece_that_passes_the_limit_is_stopped(piece: Any, alice: User) -> None:
    for _ in range(2):
        post_entry(entry_id=piece("400.00").pk, actor=alice)
    third = piece("200.00")
    with pytest.raises(ApprovalMissing):
        post_entry(entry_id=third.pk, actor=alice)
    third.refresh_from_db()
    assert third.status == "draft"
    assert not Request.objects.exists()


def test_the_approver_is_asked_for_the_whole(piece: Any, alice: User, bob: User) -> None:
    for _ in range(2):
        post_entry(entry_id=piece("400.00").pk, actor=alice)
    third = submit_entry(entry_id=piece("200.00").pk, actor=alice)
    request = Request.objects.get()
    assert (request.amount, request.split_key) == (Decimal(1000), "account 5000")
    assert request.title == "Journal entry: Rent for April, with 2 more of account 5000"
    give_verdict(request, bob)
    post_entry(entry_id=third.pk, actor=alice)
    fourth = submit_entry(entry_id=piece("1.00").pk, actor=alice)
    latest = Request.objects.latest("pk")
    assert latest.subject_id == str(fourth.pk)
    assert (latest.amount, latest.split_amount) == (Decimal(1), Decimal(1000))


def test_one_below_the_limit_passes(piece: Any, alice: User) -> None:
    post_entry(entry_id=piece("400.00").pk, actor=alice)
    post_entry(entry_id=piece("599.99").pk, actor=alice)
    assert not Request.objects.exists()


def test_a_waiting_piece_counts_too(piece: Any, alice: User) -> None:
    submit_entry(entry_id=piece("600.00").pk, actor=alice)
    submit_entry(entry_id=piece("400.00").pk, actor=alice)
    assert Request.objects.get().amount == Decimal(1000)


@pytest.mark.parametrize(
    "other",
    [
        {"account": "4000"},
        {"who": "Bakker"},
    ],
)
def test_another_account_or_counterparty_is_another_thing(
    other: dict[str, str], piece: Any, alice: User
) -> None:
    post_entry(entry_id=piece("900.00").pk, actor=alice)
    post_entry(entry_id=piece("900.00", **other).pk, actor=alice)
    assert not Request.objects.exists()


@pytest.mark.parametrize("who", ["Bakker", "  BAKKER "])
def test_a_counterparty_is_the_same_however_it_is_written(
    who: str, piece: Any, alice: User
) -> None:
    post_entry(entry_id=piece("900.00", who="Bakker").pk, actor=alice)
    with pytest.raises(ApprovalMissing):
        post_entry(entry_id=piece("900.00", who=who).pk, actor=alice)


def test_another_way_to_pay_is_the_same_thing(piece: Any, alice: User) -> None:
    post_entry(entry_id=piece("900.00").pk, actor=alice)
    with pytest.raises(ApprovalMissing):
        post_entry(entry_id=piece("900.00", against="2000").pk, actor=alice)


def test_without_income_or_expense_it_is_about_what_is_debited(
    draft: Any, policy: Any, alice: User
) -> None:
    post_entry(entry_id=draft(lines=pair("900.00", "1100", "2000")).pk, actor=alice)
    with pytest.raises(ApprovalMissing):
        post_entry(entry_id=draft(lines=pair("900.00", "1100", "1000")).pk, actor=alice)


def test_what_others_prepared_does_not_count(
    draft: Any, piece: Any, alice: User, connie: User
) -> None:
    post_entry(entry_id=draft(lines=lines("900.00"), actor=connie).pk, actor=connie)
    post_entry(entry_id=piece("900.00").pk, actor=alice)
    assert not Request.objects.exists()


def test_drafts_and_what_is_older_than_a_week_do_not_count(piece: Any, alice: User) -> None:
    piece("900.00")
    old = piece("900.00")
    long_ago = timezone.now() - timedelta(days=8)
    JournalEntry.objects.filter(pk=old.pk).update(prepared_at=long_ago)
    post_entry(entry_id=old.pk, actor=alice)
    post_entry(entry_id=piece("900.00").pk, actor=alice)
    assert not Request.objects.exists()


def test_taking_back_is_no_piece(piece: Any, alice: User, connie: User) -> None:
    posted = post_entry(entry_id=piece("900.00").pk, actor=alice)
    reversal = reverse_entry(entry_id=posted.pk, posted_on=APRIL, reason="Twice", actor=connie)
    assert reversal.status == "posted"
    assert not Request.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_pieces_at_once_one_is_stopped(piece: Any, alice: User) -> None:
    entries = [piece("600.00").pk, piece("600.00").pk]
    barrier, outcomes = threading.Barrier(2), []

    def post(entry_id: int) -> None:
        try:
            actor = User.objects.get(pk=alice.pk)
            barrier.wait(timeout=30)
            outcomes.append(post_entry(entry_id=entry_id, actor=actor).status)
        except ApprovalMissing:
            outcomes.append("stopped")
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=(entry_id,)) for entry_id in entries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["posted", "stopped"]

"""Submitting: the entry is finished, and an approval is asked for where a policy says so."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.models import Request
from apps.approvals.services import define_policy
from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, StaleVersion
from apps.ledger.errors import EntryUnbalanced, ExposureUnknown, PeriodClosed
from apps.ledger.selectors import entry_hash
from apps.ledger.services import (
    LineDraft,
    close_period,
    revise_entry,
    soft_close_period,
    submit_entry,
)

from .conftest import APRIL, pair


def test_without_a_policy_nothing_is_asked(draft: Any, alice: Any) -> None:
    entry = submit_entry(entry_id=draft().pk, actor=alice)
    assert (entry.status, entry.version) == ("submitted", 2)
    assert not Request.objects.exists()
    assert Event.objects.latest("id").details == {"request": None, "version": 2}


@pytest.mark.parametrize(("amount", "is_asked"), [("999.99", False), ("1000.00", True)])
def test_a_policy_asks_from_its_amount_on(
    draft: Any, policy: Any, alice: Any, amount: str, is_asked: bool
) -> None:
    submit_entry(entry_id=draft(amount).pk, actor=alice)
    assert Request.objects.exists() == is_asked


def test_the_request_names_content_amount_maker_and_page(
    draft: Any, policy: Any, alice: Any, connie: Any
) -> None:
    entry = draft("1500.00")
    revise_entry(
        entry_id=entry.pk,
        posted_on=APRIL,
        description="Rent, corrected",
        lines=pair("2500.00"),
        expected_version=1,
        actor=connie,
    )
    submit_entry(entry_id=entry.pk, actor=alice)
    request = Request.objects.get()
    entry.refresh_from_db()
    assert request.subject_hash == entry_hash(entry)
    assert (request.amount, request.currency, request.maker) == (2500, "EUR", alice)
    assert request.title == "Journal entry: Rent, corrected"
    assert request.url == f"/journal/{entry.pk}/"
    assert request.notify_task == "apps.ledger.tasks.post_approved_entry"
    assert {conflict.user for conflict in request.conflicts.all()} == {connie}


def two_sums(first: str, second: str) -> list[LineDraft]:
    return [
        LineDraft("1000", debit=Decimal(first)),
        LineDraft("4000", credit=Decimal(first)),
        LineDraft("1000", debit=Decimal(second)),
        LineDraft("4000", credit=Decimal(second)),
    ]


def test_the_exposure_is_gross(draft: Any, policy: Any, alice: Any) -> None:
    submit_entry(entry_id=draft(lines=two_sums("600.00", "400.00")).pk, actor=alice)
    assert Request.objects.get().amount == 1000


def in_currency(amount: str, currency: str) -> list[LineDraft]:
    return [
        LineDraft("1000", debit=Decimal(amount), currency=currency),
        LineDraft("4000", credit=Decimal(amount), currency=currency),
    ]


def test_a_currency_without_limits_is_refused_where_there_are_limits(
    draft: Any, policy: Any, alice: Any, connie: Any, entity: Any, table_counts: Any
) -> None:
    entry = draft(lines=in_currency("1.00", "USD"))
    before = table_counts()
    with pytest.raises(ExposureUnknown, match="none in USD"):
        submit_entry(entry_id=entry.pk, actor=alice)
    assert table_counts() == before
    define_policy(
        entity_id=entity.pk,
        item_type="journal_entry",
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )
    submit_entry(entry_id=entry.pk, actor=alice)
    assert (Request.objects.get().currency, Request.objects.get().amount) == ("USD", 1)


def test_two_currencies_that_both_need_approval_are_refused(
    draft: Any, policy: Any, alice: Any, connie: Any, entity: Any
) -> None:
    define_policy(
        entity_id=entity.pk,
        item_type="journal_entry",
        stages=[{"role": "controller", "count": 1}],
        currency="USD",
        actor=connie,
    )
    both = draft(lines=[*in_currency("1000", "EUR"), *in_currency("1.00", "USD")])
    with pytest.raises(ExposureUnknown, match="More than one currency"):
        submit_entry(entry_id=both.pk, actor=alice)
    one = draft(lines=[*in_currency("999", "EUR"), *in_currency("1.00", "USD")])
    submit_entry(entry_id=one.pk, actor=alice)
    assert Request.objects.get().currency == "USD"


@pytest.mark.parametrize(
    ("who", "options", "refusal"),
    [
        ("ivy", {}, NotPermitted),
        ("bob", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("charlie", {}, NotVisible),
        ("victor", {}, NotVisible),
        ("alice", {"expected_version": 2}, StaleVersion),
    ],
)
def test_refused_submissions_change_nothing(
    request: pytest.FixtureRequest,
    draft: Any,
    policy: Any,
    table_counts: Any,
    who: str,
    options: dict[str, Any],
    refusal: type[Exception],
) -> None:
    entry, actor = draft("5000.00"), request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        submit_entry(entry_id=entry.pk, actor=actor, **options)
    entry.refresh_from_db()
    assert (table_counts(), entry.status) == (before, "draft")


def test_an_unbalanced_entry_is_refused_with_the_difference(draft: Any, alice: Any) -> None:
    lines = [*pair("10.00"), LineDraft("1100", debit=Decimal("0.03"))]
    with pytest.raises(EntryUnbalanced, match=r"differ by 0\.03") as refusal:
        submit_entry(entry_id=draft(lines=lines).pk, actor=alice)
    assert refusal.value.details["currency"] == "EUR"


def test_a_period_that_takes_no_such_entry_refuses_it(draft: Any, alice: Any, connie: Any) -> None:
    manual, adjustment = draft(), draft(kind="adjustment")
    soft_close_period(period_id=manual.period_id, actor=connie)
    with pytest.raises(PeriodClosed):
        submit_entry(entry_id=manual.pk, actor=alice)
    assert submit_entry(entry_id=adjustment.pk, actor=alice).status == "submitted"
    other = draft(posted_on="2023-03-01")
    close_period(period_id=other.period_id, actor=connie)
    with pytest.raises(PeriodClosed):
        submit_entry(entry_id=other.pk, actor=alice)


def test_an_entry_is_submitted_once(draft: Any, alice: Any) -> None:
    entry = submit_entry(entry_id=draft().pk, actor=alice)
    with pytest.raises(IllegalMove, match="is submitted and cannot become submitted"):
        submit_entry(entry_id=entry.pk, actor=alice)

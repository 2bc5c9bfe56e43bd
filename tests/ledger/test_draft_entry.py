"""Draft, revise and cancel journal entries."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.audit.models import Event
from apps.common.errors import IllegalMove, Invalid, NotPermitted, NotVisible, StaleVersion
from apps.ledger.errors import (
    AccountUnknown,
    EntryEmpty,
    EntryExists,
    KindNotWritten,
    LineInvalid,
    PeriodClosed,
    PeriodMissing,
    ReasonMissing,
    TextInvalid,
)
from apps.ledger.models import JournalEntry, JournalLine
from apps.ledger.selectors import lines_of, steps_of
from apps.ledger.services import (
    LineDraft,
    cancel_entry,
    close_period,
    post_entry,
    revise_entry,
    submit_entry,
)

from .conftest import APRIL, pair


def test_a_draft_has_lines_a_period_and_an_event(draft: Any, alice: Any) -> None:
    entry = draft()
    entry.refresh_from_db()
    assert (entry.status, entry.number, entry.period.name) == ("draft", None, "2023-04")
    assert (entry.prepared_by, entry.label) == (alice, f"Entry {entry.pk}")
    lines = [(x.line_number, x.account.code, x.amount, x.currency) for x in lines_of(entry)]
    assert lines == [(1, "1000", 100, "EUR"), (2, "4000", -100, "EUR")]
    assert Event.objects.latest("id").details == {
        "kind": "manual",
        "posted_on": "2023-04-12",
        "lines": 2,
    }
    assert [(step.who, step.status) for step in steps_of(entry)] == [("Alice", "draft")]


def test_a_draft_need_not_balance_and_may_lie_in_a_planned_period(draft: Any) -> None:
    assert draft(lines=pair()[:1]).lines.count() == 1
    assert draft(posted_on=date(2023, 12, 31)).period.status == "planned"


def line(**changes: Any) -> list[LineDraft]:
    return [*pair()[:1], LineDraft(**{"account": "4000", "credit": Decimal("100"), **changes})]


CONTENT = [
    ("alice", {"lines": []}, EntryEmpty),
    ("alice", {"lines": line(account="9999")}, AccountUnknown),
    ("alice", {"lines": line(account="")}, AccountUnknown),
    ("alice", {"lines": line(debit=Decimal("1"))}, LineInvalid),
    ("alice", {"lines": line(credit=Decimal("0"))}, LineInvalid),
    ("alice", {"lines": line(credit=Decimal("-5"))}, LineInvalid),
    ("alice", {"lines": line(credit=Decimal("NaN"))}, LineInvalid),
    ("alice", {"lines": line(credit=Decimal("Infinity"))}, LineInvalid),
    ("alice", {"lines": line(credit=Decimal("1e400"))}, LineInvalid),
    ("alice", {"lines": line(credit=Decimal(10) ** 16)}, LineInvalid),
    ("alice", {"lines": line(credit=Decimal("1.001"))}, Invalid),
    ("alice", {"lines": line(credit=Decimal("1.5"), currency="JPY")}, Invalid),
    ("alice", {"lines": line(currency="EURO")}, Invalid),
    ("alice", {"lines": line(reference="x" * 141)}, TextInvalid),
    ("alice", {"lines": line(counterparty="x" * 201)}, TextInvalid),
    ("alice", {"lines": line(narrative="a\x00b")}, TextInvalid),
    ("alice", {"description": "  "}, TextInvalid),
    ("alice", {"description": "x" * 501}, TextInvalid),
    ("alice", {"posted_on": date(2022, 12, 31)}, PeriodMissing),
    ("alice", {"posted_on": date(2023, 1, 31)}, PeriodClosed),
]


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        *CONTENT,
        ("alice", {"kind": "import"}, KindNotWritten),
        ("alice", {"kind": "reversal"}, KindNotWritten),
        ("alice", {"kind": "other"}, KindNotWritten),
        ("alice", {"source": "x" * 51}, TextInvalid),
        ("alice", {"external_id": "x" * 101}, TextInvalid),
        ("rita", {}, NotPermitted),
        ("bob", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("ada", {}, NotPermitted),
        ("charlie", {}, NotVisible),
        ("victor", {}, NotVisible),
    ],
)
def test_refused_drafts_change_nothing(
    request: pytest.FixtureRequest,
    draft: Any,
    period: Any,
    system: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Exception],
) -> None:
    close_period(period_id=period("2023-01").pk, actor=system)
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        draft(actor=actor, **changes)
    assert table_counts() == before


def test_a_refused_line_is_named(draft: Any, alice: Any) -> None:
    with pytest.raises(AccountUnknown, match="Line 2: ") as refusal:
        draft(lines=line(account="9999"))
    assert refusal.value.details == {"line": 2}
    assert refusal.value.field == "account"


def test_an_external_id_is_unique_per_source_until_cancelled(draft: Any, alice: Any) -> None:
    first = draft(source="fees", external_id="F-1")
    with pytest.raises(EntryExists) as refusal:
        draft(source="fees", external_id="F-1")
    assert refusal.value.details == {"entry_id": first.pk}
    assert draft(source="rent", external_id="F-1").pk
    assert draft(source="fees").pk
    cancel_entry(entry_id=first.pk, reason="proposed again", actor=alice)
    assert draft(source="fees", external_id="F-1").pk != first.pk


def revise(entry: JournalEntry, actor: Any, **changes: Any) -> JournalEntry:
    facts: dict[str, Any] = {
        "posted_on": APRIL,
        "description": "Rent",
        "lines": pair("7.00", "5000", "2000"),
        "expected_version": 1,
    }
    return revise_entry(entry_id=entry.pk, actor=actor, **{**facts, **changes})


def test_a_draft_is_revised_as_a_whole(draft: Any, connie: Any) -> None:
    entry = draft()
    revised = revise(entry, connie, posted_on=date(2023, 3, 31))
    revised.refresh_from_db()
    assert (revised.period.name, revised.description, revised.version) == ("2023-03", "Rent", 2)
    assert [(x.account.code, x.amount) for x in lines_of(revised)] == [("5000", 7), ("2000", -7)]
    assert revised.prepared_by.username == "alice"
    with pytest.raises(StaleVersion):
        revise(entry, connie)
    assert revise(entry, connie, expected_version=None).version == 3


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        *CONTENT,
        ("alice", {"expected_version": 9}, StaleVersion),
        ("bob", {}, NotPermitted),
        ("charlie", {}, NotVisible),
    ],
)
def test_refused_revisions_change_nothing(
    request: pytest.FixtureRequest,
    draft: Any,
    period: Any,
    system: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Exception],
) -> None:
    close_period(period_id=period("2023-01").pk, actor=system)
    entry, actor = draft(), request.getfixturevalue(who)
    before = table_counts(), list(JournalLine.objects.order_by("pk").values())
    with pytest.raises(refusal):
        revise(entry, actor, **changes)
    entry.refresh_from_db()
    assert entry.version == 1
    assert (table_counts(), list(JournalLine.objects.order_by("pk").values())) == before


def test_cancelling_needs_a_reason_and_is_final(draft: Any, alice: Any) -> None:
    entry = draft()
    with pytest.raises(ReasonMissing):
        cancel_entry(entry_id=entry.pk, reason=" ", actor=alice)
    cancelled = cancel_entry(entry_id=entry.pk, reason="entered twice", actor=alice)
    assert cancelled.status == "cancelled"
    for service in (submit_entry, post_entry):
        with pytest.raises(IllegalMove):
            service(entry_id=entry.pk, actor=alice)
    with pytest.raises(IllegalMove, match="only a draft"):
        cancel_entry(entry_id=entry.pk, reason="again", actor=alice)
    with pytest.raises(IllegalMove, match="only a draft"):
        revise(entry, alice, expected_version=2)


@pytest.mark.parametrize(("who", "refusal"), [("bob", NotPermitted), ("charlie", NotVisible)])
def test_others_cancel_nothing(
    request: pytest.FixtureRequest, draft: Any, who: str, refusal: Any
) -> None:
    entry = draft()
    with pytest.raises(refusal):
        cancel_entry(entry_id=entry.pk, reason="mine", actor=request.getfixturevalue(who))
    entry.refresh_from_db()
    assert entry.status == "draft"

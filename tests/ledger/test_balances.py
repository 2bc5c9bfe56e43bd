"""Balances as of a day, and the lines as columns."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from apps.ledger.errors import PeriodMissing
from apps.ledger.selectors import (
    LINES_SCHEMA,
    account_balances,
    lines_frame,
    trial_balance,
    trial_balance_totals,
)
from apps.ledger.services import LineDraft, post_entry, submit_entry

from .conftest import keep_books, pair

END = date(2023, 4, 30)


@pytest.fixture
def post(draft: Any, alice: Any) -> Any:
    def on(day: str, amount: str, debit: str = "1000", credit: str = "4000", **more: Any) -> Any:
        entry = draft(posted_on=date.fromisoformat(day), lines=pair(amount, debit, credit), **more)
        return post_entry(entry_id=entry.pk, actor=alice)

    return on


def figures(rows: Any) -> list[tuple[str, ...]]:
    amounts = ("opening", "debit", "credit", "closing")
    return [
        (row.account.code, row.currency, *(f"{getattr(row, name):.2f}" for name in amounts))
        for row in rows
    ]


def test_opening_activity_and_closing(books: Any, post: Any) -> None:
    post("2023-01-31", "100.00")
    post("2023-03-31", "10.00")
    post("2023-04-01", "5.00")
    post("2023-04-30", "2.00", "4000", "1000")
    post("2023-04-30", "7.00", "5000", "2000")
    rows = trial_balance(entity_id=books.pk, as_of=END)
    assert figures(rows) == [
        ("1000", "EUR", "110.00", "5.00", "2.00", "113.00"),
        ("2000", "EUR", "0.00", "0.00", "7.00", "-7.00"),
        ("4000", "EUR", "-110.00", "2.00", "5.00", "-113.00"),
        ("5000", "EUR", "0.00", "7.00", "0.00", "7.00"),
    ]
    total = trial_balance_totals(rows)[0]
    assert (total.currency, total.opening, total.debit, total.credit, total.closing) == (
        "EUR",
        0,
        14,
        14,
        0,
    )


def test_what_is_dated_later_is_ignored(books: Any, post: Any) -> None:
    post("2023-03-10", "1.00")
    days = (date(2023, 3, 9), date(2023, 3, 10), date(2023, 4, 11))

    def figures_of(day: date) -> tuple[Any, Any]:
        return (
            trial_balance(entity_id=books.pk, as_of=day),
            account_balances(entity_id=books.pk, as_of=day),
        )

    before = [figures_of(day) for day in days]
    post("2023-04-12", "99.00")
    assert [figures_of(day) for day in days] == before
    assert before[0] == ([], [])
    assert account_balances(entity_id=books.pk, as_of=date(2023, 4, 12)) != before[2][1]


def test_only_what_is_posted_counts(books: Any, draft: Any, alice: Any) -> None:
    draft()
    submit_entry(entry_id=draft().pk, actor=alice)
    assert trial_balance(entity_id=books.pk, as_of=END) == []
    assert account_balances(entity_id=books.pk, as_of=END) == []
    assert lines_frame(entity_id=books.pk, starts_on=END, ends_on=END).is_empty()


def test_currencies_are_never_added_up(books: Any, draft: Any, alice: Any) -> None:
    lines = [
        *pair("10.00"),
        LineDraft("1000", debit=Decimal("300"), currency="JPY"),
        LineDraft("4000", credit=Decimal("300"), currency="JPY"),
    ]
    post_entry(entry_id=draft(lines=lines).pk, actor=alice)
    rows = trial_balance(entity_id=books.pk, as_of=END)
    assert [(r.account.code, r.currency, r.closing) for r in rows] == [
        ("1000", "EUR", 10),
        ("1000", "JPY", 300),
        ("4000", "EUR", -10),
        ("4000", "JPY", -300),
    ]
    totals = trial_balance_totals(rows)
    assert [(total.currency, total.debit) for total in totals] == [("EUR", 10), ("JPY", 300)]


def test_other_entities_do_not_show(books: Any, other_books: Any, post: Any) -> None:
    post("2023-04-02", "1.00")
    assert trial_balance(entity_id=other_books.pk, as_of=END) == []
    assert lines_frame(entity_id=other_books.pk, starts_on=date.min, ends_on=END).is_empty()


def test_a_balance_on_the_normal_side_is_positive(books: Any, post: Any) -> None:
    post("2023-04-02", "1.00")
    balances = account_balances(entity_id=books.pk, as_of=END)
    assert [(b.account.code, b.balance, b.normal) for b in balances] == [
        ("1000", 1, 1),
        ("4000", -1, 1),
    ]


def test_a_trial_balance_needs_a_period(books: Any) -> None:
    with pytest.raises(PeriodMissing):
        trial_balance(entity_id=books.pk, as_of=date(2022, 12, 31))


def test_the_number_of_queries_does_not_grow(
    books: Any, post: Any, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        post("2023-04-02", "1.00")
        post("2023-04-02", "1.00", "5000", "2000")
    with django_assert_num_queries(3):
        trial_balance(entity_id=books.pk, as_of=END)
    with django_assert_num_queries(2):
        account_balances(entity_id=books.pk, as_of=END)
    with django_assert_num_queries(1):
        lines_frame(entity_id=books.pk, starts_on=END, ends_on=END)


def test_lines_come_as_columns_in_ten_thousandths(books: Any, draft: Any, alice: Any) -> None:
    awkward = 'Bär, "B" & Söhne\nzweite Zeile'
    lines = [
        LineDraft("1000", debit=Decimal("0.01"), reference="R,1"),
        LineDraft("4000", credit=Decimal("0.01")),
    ]
    entry = draft(description=awkward, lines=lines, source="hand")
    post_entry(entry_id=entry.pk, actor=alice)
    frame = lines_frame(entity_id=books.pk, starts_on=date(2023, 4, 12), ends_on=date(2023, 4, 12))
    assert dict(frame.schema) == LINES_SCHEMA
    assert frame.drop("line_id").to_dicts() == [
        {
            "entry_id": entry.pk,
            "account": code,
            "amount": amount,
            "posted_on": date(2023, 4, 12),
            "source": "hand",
            "prepared_by": "alice",
            "description": awkward,
            "reference": reference,
            "currency": "EUR",
        }
        for code, amount, reference in (("1000", 100, "R,1"), ("4000", -100, ""))
    ]
    assert frame["line_id"].to_list() == list(
        entry.lines.order_by("line_number").values_list("pk", flat=True)
    )
    empty = lines_frame(entity_id=books.pk, starts_on=END, ends_on=END)
    assert empty.schema == frame.schema
    assert isinstance(empty, pl.DataFrame)


def test_codes_with_leading_zeros_stay_text(entity: Any, system: Any, alice: Any) -> None:
    from apps.ledger.services import define_account, draft_entry

    keep_books(entity, system)
    define_account(
        entity_id=entity.pk,
        code="0040",
        name="Patents",
        account_type="asset",
        normal_balance="debit",
        actor=system,
    )
    entry = draft_entry(
        entity_id=entity.pk,
        posted_on=END,
        description="007",
        kind="manual",
        lines=pair("1.00", "0040"),
        actor=alice,
    )
    post_entry(entry_id=entry.pk, actor=alice)
    frame = lines_frame(entity_id=entity.pk, starts_on=END, ends_on=END)
    assert frame["account"].to_list() == ["0040", "4000"]
    assert frame["description"].to_list() == ["007", "007"]

"""Whatever is done to the books, in whatever order: they balance, and a plain recount agrees."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.common.errors import Refusal
from apps.ledger.models import JournalEntry, Period
from apps.ledger.selectors import (
    account_balances,
    lines_frame,
    trial_balance,
    trial_balance_totals,
)
from apps.ledger.services import (
    EntryDraft,
    LineDraft,
    close_period,
    draft_entry,
    post_entry,
    post_extract,
    reverse_entry,
)

from .conftest import CHART

CODES = [code for code, *_ in CHART]
MONTHS = (3, 4)
LAST = date(2023, 4, 30)

cents = st.integers(1, 10**9) | st.integers(-(10**9), -1)
side = st.tuples(st.sampled_from(CODES), cents)
sides = st.lists(side, min_size=1, max_size=4)
balanced = sides.filter(lambda lines: sum(n for _, n in lines) != 0).map(
    lambda lines: [*lines, (CODES[0], -sum(n for _, n in lines))]
)
month = st.sampled_from(MONTHS)
index = st.integers(0, 7)
steps = st.one_of(
    st.tuples(st.just("draft"), month, balanced | sides),
    st.tuples(st.just("post"), index),
    st.tuples(st.just("reverse"), index, month),
    st.tuples(st.just("extract"), month, st.integers(0, 5), balanced),
    st.tuples(st.just("close"), month),
)


@dataclass
class Plain:
    """An entry as the plain recount keeps it: lines in cents, debit positive."""

    pk: int
    month: int
    lines: list[tuple[str, int]]
    status: str = "draft"
    is_reversal: bool = False
    is_reversed: bool = False


@dataclass
class Recount:
    """What the books should hold, by the simplest rules that can be written."""

    entries: list[Plain] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    names: dict[str, tuple[int, list[tuple[str, int]]]] = field(default_factory=dict)

    def entry(self, number: int) -> Plain | None:
        return self.entries[number] if number < len(self.entries) else None

    def may_post(self, entry: Plain) -> bool:
        is_balanced = sum(n for _, n in entry.lines) == 0
        return entry.status == "draft" and is_balanced and entry.month not in self.closed

    def may_reverse(self, entry: Plain, on: int) -> bool:
        is_fresh = entry.status == "posted" and not (entry.is_reversal or entry.is_reversed)
        return is_fresh and on >= entry.month and on not in self.closed

    def balances(self) -> dict[str, int]:
        sums: dict[str, int] = defaultdict(int)
        for entry in self.entries:
            if entry.status == "posted":
                for code, amount in entry.lines:
                    sums[code] += amount
        return sums


def drafts(lines: list[tuple[str, int]]) -> list[LineDraft]:
    return [
        LineDraft(
            code,
            debit=Decimal(max(amount, 0)) / 100,
            credit=Decimal(max(-amount, 0)) / 100,
        )
        for code, amount in lines
    ]


def attempt(call: Any) -> Any:
    try:
        return call()
    except Refusal:
        return None


class Play:
    """Does each step to the books and to the recount, and compares what was taken."""

    def __init__(self, books: Any, actor: Any) -> None:
        self.books, self.actor, self.recount = books, actor, Recount()

    def draft(self, on: int, lines: list[tuple[str, int]]) -> None:
        made = attempt(
            lambda: draft_entry(
                entity_id=self.books.pk,
                posted_on=date(2023, on, 10),
                description="Drawn by lot",
                kind="manual",
                lines=drafts(lines),
                actor=self.actor,
            )
        )
        assert (made is not None) == (on not in self.recount.closed)
        if made is not None:
            self.recount.entries.append(Plain(made.pk, on, lines))

    def post(self, number: int) -> None:
        entry = self.recount.entry(number)
        if entry is None:
            return
        made = attempt(lambda: post_entry(entry_id=entry.pk, actor=self.actor))
        assert (made is not None) == self.recount.may_post(entry)
        if made is not None:
            entry.status = "posted"

    def reverse(self, number: int, on: int) -> None:
        entry = self.recount.entry(number)
        if entry is None:
            return
        made = attempt(
            lambda: reverse_entry(
                entry_id=entry.pk,
                posted_on=date(2023, on, 10),
                reason="drawn by lot",
                actor=self.actor,
            )
        )
        assert (made is not None) == self.recount.may_reverse(entry, on)
        if made is not None:
            entry.is_reversed = True
            swapped = [(code, -amount) for code, amount in entry.lines]
            self.recount.entries.append(Plain(made.pk, on, swapped, "posted", is_reversal=True))

    def extract(self, on: int, name: int, lines: list[tuple[str, int]]) -> None:
        key = f"E-{name}"
        entry = EntryDraft(key, date(2023, on, 10), "Drawn by lot", drafts(lines))
        made = attempt(
            lambda: post_extract(
                entity_id=self.books.pk, source="lot", entries=[entry], actor=self.actor
            )
        )
        known = self.recount.names.get(key)
        if known is not None:
            assert (made is not None) == (known == (on, lines))
            return
        assert (made is not None) == (on not in self.recount.closed)
        if made is not None:
            posted = JournalEntry.objects.get(source="lot", external_id=key)
            self.recount.names[key] = (on, lines)
            self.recount.entries.append(Plain(posted.pk, on, lines, "posted"))

    def close(self, on: int) -> None:
        period = Period.objects.get(entity=self.books, name=f"2023-{on:02d}")
        made = attempt(lambda: close_period(period_id=period.pk, actor=self.actor))
        assert (made is not None) == (on not in self.recount.closed)
        self.recount.closed.add(on)


def check(books: Any, recount: Recount) -> None:
    """The books against the recount, and against themselves."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    expected = {code: n for code, n in recount.balances().items() if n}
    found = {
        row.account.code: int(row.balance * 100)
        for row in account_balances(entity_id=books.pk, as_of=LAST)
        if row.balance
    }
    assert found == expected
    rows = trial_balance(entity_id=books.pk, as_of=LAST)
    assert {row.account.code: row.closing * 100 for row in rows if row.closing} == expected
    for total in trial_balance_totals(rows):
        assert (total.opening, total.closing) == (0, 0)
        assert total.debit == total.credit
    frame = lines_frame(entity_id=books.pk, starts_on=date(2023, 1, 1), ends_on=LAST)
    assert frame["amount"].sum() == 0
    for on in MONTHS:
        numbers = JournalEntry.objects.filter(
            entity=books, period__name=f"2023-{on:02d}", status="posted"
        ).values_list("number", flat=True)
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(steps, min_size=3, max_size=18))
def test_any_sequence_of_steps_keeps_the_books_sound(
    books: Any, system: Any, sequence: list[tuple[Any, ...]]
) -> None:
    with transaction.atomic():
        play = Play(books, system)
        for name, *arguments in sequence:
            getattr(play, name)(*arguments)
        check(books, play.recount)
        transaction.set_rollback(True)

"""Posting another ledger's extract: all or none, and the same extract again adds nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.audit.models import Event
from apps.common.errors import Invalid, NotPermitted, NotVisible
from apps.ledger.errors import ExtractChanged, ExtractRefused, PeriodClosed, TextInvalid
from apps.ledger.models import JournalEntry, JournalLine
from apps.ledger.selectors import entry_hash, lines_frame, lines_of
from apps.ledger.services import (
    EntryDraft,
    LineDraft,
    PostedExtract,
    close_period,
    post_entry,
    post_extract,
    reverse_entry,
    soft_close_period,
)

from .conftest import APRIL, pair


def entry(number: int, **changes: Any) -> EntryDraft:
    facts: dict[str, Any] = {
        "external_id": f"GL-{number}",
        "posted_on": APRIL,
        "description": f"Sale {number}",
        "lines": pair(f"{number}.50"),
        "origin": "sales",
        "preparer_name": "erp.user",
    }
    return EntryDraft(**{**facts, **changes})


def extract(books: Any, actor: Any, *entries: EntryDraft, source: str = "gl") -> PostedExtract:
    return post_extract(entity_id=books.pk, source=source, entries=entries, actor=actor)


def test_entries_are_posted_in_order_with_numbers_hashes_and_history(books: Any, ivy: Any) -> None:
    march = date(2023, 3, 31)
    posted = extract(books, ivy, entry(1), entry(2, posted_on=march), entry(3))
    assert posted == PostedExtract(created=3, unchanged=0)
    entries = list(JournalEntry.objects.order_by("pk"))
    assert [e.label for e in entries] == ["2023-04/1", "2023-03/1", "2023-04/2"]
    assert {(e.kind, e.status, e.source, e.origin) for e in entries} == {
        ("import", "posted", "gl", "sales")
    }
    assert [e.content_hash for e in entries] == [entry_hash(e) for e in entries]
    assert {e.preparer for e in entries} == {"erp.user"}
    assert [(x.account.code, x.amount) for x in lines_of(entries[0])] == [
        ("1000", Decimal("1.5")),
        ("4000", Decimal("-1.5")),
    ]
    past = entries[0].history.get()
    assert (past.history_user, past.status, past.number) == (ivy, "posted", 1)


def test_one_event_tells_counts_and_a_digest(books: Any, ivy: Any) -> None:
    extract(books, ivy, entry(1), entry(2))
    event = Event.objects.get(action="ledger.extract.post")
    first, last = JournalEntry.objects.order_by("pk").values_list("pk", flat=True)
    digest = event.details.pop("digest")
    assert len(digest) == 64
    assert event.entity == books
    assert event.details == {
        "source": "gl",
        "created": 2,
        "unchanged": 0,
        "lines": 4,
        "first_entry": first,
        "last_entry": last,
    }


def test_the_same_again_adds_nothing_and_an_overlap_only_what_is_new(
    books: Any, ivy: Any, table_counts: Any
) -> None:
    extract(books, ivy, entry(1), entry(2))
    before = table_counts()
    assert extract(books, ivy, entry(2), entry(1)) == PostedExtract(created=0, unchanged=2)
    assert extract(books, ivy) == PostedExtract(created=0, unchanged=0)
    assert table_counts() == before
    assert extract(books, ivy, entry(2), entry(3)) == PostedExtract(created=1, unchanged=1)
    assert JournalEntry.objects.get(external_id="GL-3").number == 3


def test_the_same_again_is_answered_even_when_the_period_is_closed(
    books: Any, ivy: Any, connie: Any, period: Any
) -> None:
    extract(books, ivy, entry(1))
    close_period(period_id=period("2023-04").pk, actor=connie)
    assert extract(books, ivy, entry(1)) == PostedExtract(created=0, unchanged=1)
    with pytest.raises(PeriodClosed, match="takes no import entries"):
        extract(books, ivy, entry(1), entry(2))


def test_ids_belong_to_their_source(books: Any, ivy: Any) -> None:
    extract(books, ivy, entry(1))
    assert extract(books, ivy, entry(1), source="payroll").created == 1


def test_numbers_go_on_where_people_stopped(books: Any, ivy: Any, alice: Any, draft: Any) -> None:
    post_entry(entry_id=draft().pk, actor=alice)
    extract(books, ivy, entry(1), entry(2))
    last = post_entry(entry_id=draft().pk, actor=alice)
    assert last.number == 4


def test_an_imported_entry_is_reversed_like_any_other(books: Any, ivy: Any, alice: Any) -> None:
    extract(books, ivy, entry(1))
    imported = JournalEntry.objects.get()
    reversal = reverse_entry(
        entry_id=imported.pk, posted_on=APRIL, reason="came twice", actor=alice
    )
    assert reversal.number == 2
    assert extract(books, ivy, entry(1)).unchanged == 1


@pytest.mark.parametrize(
    "change",
    [
        {"lines": pair("1.51")},
        {"description": "Sale one"},
        {"posted_on": date(2023, 4, 13)},
        {"origin": "returns"},
        {"preparer_name": "somebody"},
        {"lines": [replace(line, reference="R") for line in pair("1.50")]},
        {"lines": [replace(line, counterparty="C") for line in pair("1.50")]},
        {"lines": [replace(line, narrative="N") for line in pair("1.50")]},
        {"lines": pair("1.50")[::-1]},
        {"lines": pair("1.50", "1100")},
    ],
)
def test_a_posted_entry_that_comes_changed_is_refused(
    books: Any, ivy: Any, table_counts: Any, change: dict[str, Any]
) -> None:
    extract(books, ivy, entry(1))
    before = table_counts()
    with pytest.raises(ExtractChanged) as refusal:
        extract(books, ivy, replace(entry(1), **change), entry(2))
    assert refusal.value.details == {"changed": 1, "external_ids": ["GL-1"]}
    assert table_counts() == before


def test_amounts_are_the_same_however_many_zeros_they_are_written_with(
    books: Any, ivy: Any
) -> None:
    extract(books, ivy, entry(1))
    assert extract(books, ivy, entry(1, lines=pair("1.5000"))).unchanged == 1


BAD = [
    ({"lines": []}, "at least one line"),
    ({"lines": pair("1.00")[:1]}, "differ by 1.00"),
    ({"lines": pair("1.00", "9999")}, "Line 1: There is no such account"),
    ({"lines": pair("1.005")}, "EUR has 2 decimals"),
    ({"lines": [LineDraft("1000"), LineDraft("4000")]}, "either a debit or a credit"),
    ({"posted_on": date(2021, 1, 1)}, "No period contains 2021-01-01"),
    ({"external_id": ""}, "has an external id"),
    ({"external_id": "GL-1"}, "more than once"),
    ({"external_id": "x" * 101}, "longer than 100"),
    ({"description": "x" * 501}, "longer than 500"),
    ({"origin": "x" * 51}, "longer than 50"),
    ({"preparer_name": "x" * 101}, "longer than 100"),
]


@pytest.mark.parametrize(("change", "problem"), BAD)
def test_one_bad_entry_refuses_the_whole_extract(
    books: Any, ivy: Any, table_counts: Any, change: dict[str, Any], problem: str
) -> None:
    before = table_counts()
    with pytest.raises(ExtractRefused) as refusal:
        extract(books, ivy, entry(1), replace(entry(2), **change))
    assert problem in refusal.value.details["problems"][-1]["problem"]
    assert table_counts() == before


def test_all_problems_are_counted_and_twenty_are_told(books: Any, ivy: Any) -> None:
    bad = [entry(n, lines=pair("1.00")[:1]) for n in range(30)]
    with pytest.raises(ExtractRefused, match="30 of 31 entries") as refusal:
        extract(books, ivy, entry(77), *bad)
    assert refusal.value.details["refused"] == 30
    assert len(refusal.value.details["problems"]) == 20
    assert refusal.value.details["problems"][0]["external_id"] == "GL-0"


@pytest.mark.parametrize("name", ["planned", "soft", "closed"])
def test_only_open_periods_take_imports(
    books: Any, ivy: Any, connie: Any, period: Any, table_counts: Any, name: str
) -> None:
    april = period("2023-04")
    if name == "soft":
        soft_close_period(period_id=april.pk, actor=connie)
    elif name == "closed":
        close_period(period_id=april.pk, actor=connie)
    on = date(2023, 9, 9) if name == "planned" else APRIL
    before = table_counts()
    with pytest.raises(PeriodClosed):
        extract(books, ivy, entry(1, posted_on=date(2023, 3, 3)), entry(2, posted_on=on))
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "source", "refusal"),
    [
        ("bob", "gl", NotPermitted),
        ("otto", "gl", NotPermitted),
        ("charlie", "gl", NotVisible),
        ("victor", "gl", NotVisible),
        ("ivy", "", Invalid),
        ("ivy", "x" * 51, TextInvalid),
    ],
)
def test_refused_callers(
    request: pytest.FixtureRequest,
    books: Any,
    table_counts: Any,
    who: str,
    source: str,
    refusal: type[Exception],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        extract(books, actor, entry(1), source=source)
    assert table_counts() == before


def test_a_month_takes_few_queries(
    books: Any, ivy: Any, django_assert_max_num_queries: Any
) -> None:
    month = [entry(n, lines=[*pair("5.00"), *pair("1.00")]) for n in range(1, 301)]
    with django_assert_max_num_queries(25):
        extract(books, ivy, *month)
    assert JournalLine.objects.count() == 1200
    frame = lines_frame(entity_id=books.pk, starts_on=APRIL, ends_on=APRIL)
    assert frame["amount"].sum() == 0
    assert frame["source"].unique().to_list() == ["sales"]

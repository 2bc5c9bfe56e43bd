"""Races, with real connections: posting against closing, and everything that comes twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction

from apps.approvals.models import Request, Use
from apps.approvals.services import define_policy, revoke
from apps.audit.services import record
from apps.common.errors import Refusal
from apps.ledger.errors import EntriesWaiting, EntryExists, NotReversible, PeriodClosed
from apps.ledger.models import AccountAnalysis, AnalysisItem, JournalEntry, JournalLine, Period
from apps.ledger.selectors import period_digest, totals_of
from apps.ledger.services import (
    AnalysisDraft,
    EntryDraft,
    ItemDraft,
    add_fiscal_year,
    close_period,
    define_account,
    draft_entry,
    post_entry,
    post_extract,
    prepare_analysis,
    request_period_lock,
    reverse_entry,
    settle_analysis,
    settle_request,
    submit_analysis,
    submit_entry,
)

from .conftest import APRIL, give_verdict, pair

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


@pytest.fixture
def together() -> Iterator[Callable[..., list[Any]]]:
    """Run calls at the same moment, each in a thread with a connection of its own.

    Returns their results; a refusal is a result too.
    """

    def run(*calls: Callable[[], Any]) -> list[Any]:
        barrier = Barrier(len(calls))

        def one(call: Callable[[], Any]) -> Any:
            try:
                barrier.wait(timeout=20)
                return call()
            except Refusal as refusal:
                return refusal
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(calls)) as pool:
            return [future.result(timeout=60) for future in [pool.submit(one, c) for c in calls]]

    return run


def kinds(results: list[Any]) -> list[str]:
    return sorted(type(result).__name__ for result in results)


def sound(books: Any) -> None:
    """Every posted entry balances, numbers have no gap, closed periods are as they were closed."""
    for period in Period.objects.filter(entity=books):
        posted = period.entries.filter(status="posted").order_by("number")
        assert [entry.number for entry in posted] == list(range(1, len(posted) + 1))
        if period.status == "hard_closed":
            assert period.digest == period_digest(period)
    for entry in JournalEntry.objects.filter(status="posted"):
        assert not any(total.difference for total in totals_of(entry.lines.all()))


def test_an_entry_is_posted_once(books: Any, draft: Any, alice: Any, together: Any) -> None:
    for _ in range(ROUNDS):
        entry = draft()
        results = together(*[lambda e=entry: post_entry(entry_id=e.pk, actor=alice)] * 4)
        assert kinds(results) == ["IllegalMove"] * 3 + ["JournalEntry"]
    assert JournalEntry.objects.filter(status="posted").count() == ROUNDS
    sound(books)


def test_numbers_have_no_gap_when_many_post(
    books: Any, draft: Any, alice: Any, together: Any
) -> None:
    entries = [draft() for _ in range(12)]
    bad = [draft(lines=pair("1.00")[:1]) for _ in range(4)]
    calls = [lambda e=e: post_entry(entry_id=e.pk, actor=alice) for e in [*entries, *bad]]
    results = together(*calls)
    assert kinds(results) == ["EntryUnbalanced"] * 4 + ["JournalEntry"] * 12
    sound(books)


def test_posting_against_closing(
    books: Any, draft: Any, alice: Any, connie: Any, together: Any
) -> None:
    """Whoever comes first wins, and what was closed is what was posted."""
    for month in ("01", "02", "03", "04"):
        entries = [draft(posted_on=f"2023-{month}-15") for _ in range(3)]
        period = entries[0].period
        results = together(
            *[lambda e=e: post_entry(entry_id=e.pk, actor=alice) for e in entries],
            lambda p=period: close_period(period_id=p.pk, actor=connie),
        )
        assert isinstance(results[-1], Period)
        assert all(isinstance(r, JournalEntry | PeriodClosed) for r in results[:-1])
        posted = sum(isinstance(r, JournalEntry) for r in results)
        assert period.entries.filter(status="posted").count() == posted
        sound(books)


def test_posting_by_plain_sql_against_closing(
    books: Any, draft: Any, connie: Any, together: Any
) -> None:
    """The trigger asks for the lock by itself: no service is needed to be safe."""
    entry = draft()
    held = Barrier(2)

    def post_slowly() -> str:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE ledger_journalentry SET status = 'posted', number = 1,"
                " posted_by_id = prepared_by_id, posted_at = now(), content_hash = 'h'"
                " WHERE id = %s",
                [entry.pk],
            )
            held.wait(timeout=20)
            cursor.execute("SELECT pg_sleep(0.3)")
            cursor.execute(
                "INSERT INTO audit_event (occurred_at, actor_id, action, subject_type, subject_id,"
                " details, request_id, canonical) SELECT now(), prepared_by_id, 'x', 'x', '1',"
                " '{}', '', '' FROM ledger_journalentry WHERE id = %s",
                [entry.pk],
            )
        return "posted"

    def close_meanwhile() -> Period:
        held.wait(timeout=20)
        return close_period(period_id=entry.period_id, actor=connie)

    results = together(post_slowly, close_meanwhile)
    assert results[0] == "posted"
    closed = Period.objects.get(pk=entry.period_id)
    assert closed.digest == period_digest(closed)
    assert closed.entries.filter(status="posted").count() == 1


def test_submitting_against_closing(
    books: Any, draft: Any, alice: Any, connie: Any, together: Any
) -> None:
    for month in ("01", "02", "03", "04"):
        entry = draft(posted_on=f"2023-{month}-15")
        submitted, closed = together(
            lambda e=entry: submit_entry(entry_id=e.pk, actor=alice),
            lambda e=entry: close_period(period_id=e.period_id, actor=connie),
        )
        assert (type(submitted), type(closed)) in {
            (JournalEntry, EntriesWaiting),
            (PeriodClosed, Period),
        }


def test_a_period_is_closed_once(books: Any, draft: Any, connie: Any, together: Any) -> None:
    period = draft().period
    results = together(*[lambda: close_period(period_id=period.pk, actor=connie)] * 3)
    assert kinds(results) == ["IllegalMove", "IllegalMove", "Period"]


def extract(*names: str) -> list[EntryDraft]:
    return [EntryDraft(name, APRIL, "Sale", pair("2.00")) for name in names]


def test_the_same_extract_twice_at_once(books: Any, ivy: Any, together: Any) -> None:
    def post() -> Any:
        return post_extract(
            entity_id=books.pk, source="gl", entries=extract("a", "b", "c"), actor=ivy
        )

    results = together(post, post, post)
    assert sorted(result.created for result in results) == [0, 0, 3]
    sound(books)


def test_extracts_and_people_number_together(
    books: Any, draft: Any, ivy: Any, alice: Any, together: Any
) -> None:
    entries = [draft() for _ in range(4)]
    results = together(
        *[lambda e=e: post_entry(entry_id=e.pk, actor=alice) for e in entries],
        *[
            lambda s=s: post_extract(
                entity_id=books.pk, source=s, entries=extract("a", "b"), actor=ivy
            )
            for s in ("gl", "pay")
        ],
    )
    assert kinds(results) == ["JournalEntry"] * 4 + ["PostedExtract"] * 2
    sound(books)


def test_an_extract_against_closing(books: Any, ivy: Any, connie: Any, together: Any) -> None:
    for name in ("2023-01", "2023-02", "2023-03"):
        period = Period.objects.get(entity=books, name=name)
        entries = [EntryDraft(f"{name}/{n}", period.starts_on, "S", pair()) for n in range(20)]
        posted, closed = together(
            lambda x=entries: post_extract(entity_id=books.pk, source="gl", entries=x, actor=ivy),
            lambda p=period: close_period(period_id=p.pk, actor=connie),
        )
        assert isinstance(closed, Period)
        number = period.entries.filter(status="posted").count()
        assert number == (0 if isinstance(posted, PeriodClosed) else 20)
        sound(books)


def test_an_entry_is_reversed_once(books: Any, draft: Any, alice: Any, together: Any) -> None:
    entry = post_entry(entry_id=draft().pk, actor=alice)
    results = together(
        *[lambda: reverse_entry(entry_id=entry.pk, posted_on=APRIL, reason="x", actor=alice)] * 3
    )
    assert kinds(results) == ["JournalEntry", "NotReversible", "NotReversible"]
    assert any(isinstance(result, NotReversible) for result in results)
    sound(books)


def test_an_external_id_is_drafted_once(books: Any, alice: Any, together: Any) -> None:
    def write() -> JournalEntry:
        return draft_entry(
            entity_id=books.pk,
            posted_on=APRIL,
            description="Fees",
            kind="adjustment",
            lines=pair(),
            source="fees",
            external_id="F-1",
            actor=alice,
        )

    results = together(write, write, write)
    assert kinds(results) == ["EntryExists", "EntryExists", "JournalEntry"]
    assert any(isinstance(result, EntryExists) for result in results)


def test_the_chart_grows_by_one_hand_at_a_time(
    books: Any, system: Any, connie: Any, together: Any
) -> None:
    def define() -> Any:
        return define_account(
            entity_id=books.pk,
            code="6000",
            name="Travel",
            account_type="expense",
            normal_balance="debit",
            actor=connie,
        )

    assert kinds(together(define, define, define)) == ["Account", "AccountExists", "AccountExists"]
    calendar = books.fiscal_calendar.pk

    def extend() -> Any:
        return add_fiscal_year(calendar_id=calendar, year=2024, actor=connie)

    assert kinds(together(extend, extend)) == ["FiscalYearExists", "list"]


def test_no_line_slips_in_beside_a_posting(
    books: Any, draft: Any, alice: Any, account: Any, together: Any
) -> None:
    """Who posts waits for whoever is adding a line by plain SQL, and then sees the line."""
    entry, bank = draft(), account("1000").pk
    is_added = Barrier(2)

    def add_line_slowly() -> str:
        with transaction.atomic(), connection.cursor() as cursor:
            JournalLine.objects.create(
                entry_id=entry.pk, line_number=9, account_id=bank, debit=1, currency="EUR"
            )
            record(actor=alice, action="ledger.entry.revise", subject=entry)
            is_added.wait(timeout=20)
            cursor.execute("SELECT pg_sleep(0.3)")
        return "added"

    def post_meanwhile() -> JournalEntry:
        is_added.wait(timeout=20)
        return post_entry(entry_id=entry.pk, actor=alice)

    assert kinds(together(add_line_slowly, post_meanwhile)) == ["EntryUnbalanced", "str"]
    entry.refresh_from_db()
    assert (entry.status, entry.lines.count()) == ("draft", 3)


def test_a_change_that_forgets_its_event_fails_at_commit(books: Any, draft: Any) -> None:
    entry = draft()
    for change in (
        lambda: JournalEntry.objects.filter(pk=entry.pk).update(description="other"),
        lambda: JournalLine.objects.filter(entry=entry).delete(),
        lambda: Period.objects.filter(name="2023-05").update(status="open"),
    ):
        with pytest.raises(IntegrityError, match="without an audit event"):
            change()
    entry.refresh_from_db()
    assert (entry.description, entry.lines.count()) == ("Rent for April", 2)


@pytest.mark.parametrize("size", [2, 8, 32])
def test_posting_against_revoking_the_approval(
    draft: Any, policy: Any, alice: Any, bob: Any, together: Any, size: int
) -> None:
    """The entry is posted and its approval stays, or it is revoked and nothing is posted."""
    entry = submit_entry(entry_id=draft("2000.00").pk, actor=alice)
    request = Request.objects.get()
    give_verdict(request, bob)
    calls = [
        lambda: settle_request(request_id=request.pk),
        lambda: revoke(request_id=request.pk, reason="wrong supplier", actor=bob),
    ]
    results = together(*calls * (size // 2))
    request.refresh_from_db()
    entry.refresh_from_db()
    if request.status == "revoked":
        assert kinds(results[1::2]) == ["IllegalMove"] * (size // 2 - 1) + ["Request"]
        settle_request(request_id=request.pk)
        entry.refresh_from_db()
        assert entry.status == "draft"
    else:
        assert kinds(results[1::2]) == ["ApprovalUsed"] * (size // 2)
        assert (request.status, entry.status) == ("approved", "posted")


@pytest.mark.parametrize("size", [2, 8])
def test_closing_against_revoking_the_approval(
    books: Any, entity: Any, period: Any, bob: Any, connie: Any, together: Any, size: int
) -> None:
    april = period("2023-04")
    stages = [{"role": "approver", "count": 1}]
    define_policy(entity_id=entity.pk, item_type="period_lock", stages=stages, actor=connie)
    request = request_period_lock(period_id=april.pk, url="/close/", actor=connie)
    assert request is not None
    give_verdict(request, bob)
    calls = [
        lambda: close_period(period_id=april.pk, actor=connie),
        lambda: revoke(request_id=request.pk, reason="one more entry", actor=bob),
    ]
    results = together(*calls * (size // 2))
    request.refresh_from_db()
    is_revoked = request.status == "revoked"
    assert period("2023-04").status == ("open" if is_revoked else "hard_closed")
    assert kinds(results).count("Request") == is_revoked
    assert kinds(results).count("Period") == (not is_revoked)


def analyse(entry: JournalEntry, actor: Any) -> AccountAnalysis:
    return prepare_analysis(
        period_id=entry.period_id,
        account="1000",
        content=AnalysisDraft(items=[ItemDraft("Sale", Decimal(100))]),
        actor=actor,
    )


def test_an_analysis_that_two_begin_is_one_with_two_versions(
    draft: Any, alice: Any, connie: Any, together: Any
) -> None:
    entry = post_entry(entry_id=draft().pk, actor=alice)
    results = together(lambda: analyse(entry, alice), lambda: analyse(entry, connie))
    assert kinds(results) == ["AccountAnalysis", "AccountAnalysis"]
    assert sorted(AnalysisItem.objects.values_list("version__number", flat=True)) == [1, 2]
    assert AccountAnalysis.objects.get().version == 2


def test_an_approval_against_a_new_version(
    draft: Any, entity: Any, alice: Any, bob: Any, connie: Any, together: Any
) -> None:
    """Whichever comes first: what is approved is never the version that nobody looked at."""
    define_policy(
        entity_id=entity.pk,
        item_type="account_analysis",
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )
    entry = post_entry(entry_id=draft().pk, actor=alice)
    for _ in range(ROUNDS):
        analysis = submit_analysis(analysis_id=analyse(entry, alice).pk, actor=alice)
        request = Request.objects.latest("id")
        give_verdict(request, bob)
        together(
            lambda asked=request: settle_analysis(request_id=asked.pk),
            lambda: analyse(entry, alice),
        )
        before = analysis.version
        analysis.refresh_from_db()
        assert (analysis.status, analysis.version) == ("draft", before + 1)
    assert Use.objects.count() <= ROUNDS

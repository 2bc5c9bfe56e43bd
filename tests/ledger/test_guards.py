"""What the database refuses about the books, whoever asks: every attempt here is plain SQL."""

from __future__ import annotations

from typing import Any

import moneyed
import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.audit.models import Event
from apps.common.advisory import lock_exclusive
from apps.ledger.groundwork import currencies, install_ledger_guards, register_currencies
from apps.ledger.locks import PERIOD
from apps.ledger.models import Currency, JournalEntry, JournalLine, Period
from apps.ledger.services import (
    close_period,
    post_entry,
    reverse_entry,
    soft_close_period,
    submit_entry,
)

from .conftest import APRIL, pair

SETTLE = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"


def run(sql: str, *values: Any) -> None:
    """Run SQL as far as a commit would: deferred checks included."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SETTLE)  # TRUNCATE waits for no checks
        cursor.execute(sql, values)
        cursor.execute(SETTLE)


def refused(sql: str, *values: Any) -> str:
    """The words with which the database refuses it."""
    with pytest.raises(IntegrityError) as refusal:
        run(sql, *values)
    return str(refusal.value).splitlines()[0]


def rows(*models: Any) -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.fixture
def posted(draft: Any, alice: Any) -> JournalEntry:
    return post_entry(entry_id=draft().pk, actor=alice)


POST = """
UPDATE ledger_journalentry SET status = 'posted', number = %s, posted_by_id = prepared_by_id,
  posted_at = now(), content_hash = repeat('a', 64) WHERE id = %s
"""
ADD_LINE = """
INSERT INTO ledger_journalline
  (entry_id, line_number, account_id, debit, credit, currency, reference, counterparty, narrative)
VALUES (%s, %s, %s, %s, %s, %s, '', '', '')
"""


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_journalentry SET description = 'other' WHERE id = {entry}",
        "UPDATE ledger_journalentry SET posted_on = posted_on + 1 WHERE id = {entry}",
        "UPDATE ledger_journalentry SET status = 'draft', number = NULL, posted_by_id = NULL,"
        " posted_at = NULL, content_hash = '' WHERE id = {entry}",
        "UPDATE ledger_journalentry SET status = 'cancelled' WHERE id = {entry}",
        "UPDATE ledger_journalentry SET version = version WHERE id = {entry}",
        "DELETE FROM ledger_journalentry WHERE id = {entry}",
        "TRUNCATE ledger_journalentry CASCADE",
        "UPDATE ledger_journalline SET debit = 1 WHERE entry_id = {entry}",
        "UPDATE ledger_journalline SET narrative = 'other' WHERE entry_id = {entry}",
        "DELETE FROM ledger_journalline WHERE entry_id = {entry}",
        "TRUNCATE ledger_journalline",
        "INSERT INTO ledger_journalline (entry_id, line_number, account_id, debit, credit,"
        " currency, reference, counterparty, narrative) SELECT entry_id, 9, account_id, debit,"
        " credit, currency, '', '', '' FROM ledger_journalline WHERE entry_id = {entry}",
    ],
)
def test_a_posted_entry_and_its_lines_never_change(posted: JournalEntry, change: str) -> None:
    before = rows(JournalEntry, JournalLine)
    refused(change.format(entry=posted.pk))
    assert rows(JournalEntry, JournalLine) == before


def test_even_as_a_replica_the_database_refuses(posted: JournalEntry) -> None:
    """An owner's triggers fire as a replica too; whoever is no superuser cannot pose as one."""
    before = rows(JournalEntry, JournalLine)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL session_replication_role = replica;"
            " DELETE FROM ledger_journalline WHERE entry_id = %s",
            [posted.pk],
        )
    assert rows(JournalEntry, JournalLine) == before


def test_a_reversal_leaves_the_entry_as_it_is(posted: JournalEntry, alice: Any) -> None:
    before = JournalEntry.objects.filter(pk=posted.pk).values().get()
    reverse_entry(entry_id=posted.pk, posted_on=APRIL, reason="wrong month", actor=alice)
    run("SELECT 1")
    assert JournalEntry.objects.filter(pk=posted.pk).values().get() == before


@pytest.mark.parametrize("status", ["submitted", "posted", "cancelled", "elsewhere"])
def test_an_entry_starts_as_a_draft(draft: Any, status: str) -> None:
    entry = draft()
    assert "draft" in refused(
        "INSERT INTO ledger_journalentry (entity_id, period_id, posted_on, status, kind,"
        " description, source, external_id, origin, preparer_name, prepared_by_id, content_hash,"
        " version) SELECT entity_id, period_id, posted_on, %s, kind, description, source, '', '',"
        " '', prepared_by_id, '', 1 FROM ledger_journalentry WHERE id = %s",
        status,
        entry.pk,
    )


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'adjustment'",
        "prepared_by_id = prepared_by_id + 1",
        "entity_id = entity_id + 1",
        "status = 'elsewhere'",
        "posted_on = '2023-05-02'",
        "period_id = (SELECT id FROM ledger_period WHERE name = '2023-03')",
        "number = 7",
        "content_hash = 'x'",
    ],
)
def test_what_never_changes_in_a_draft(draft: Any, change: str) -> None:
    entry = draft()
    refused(f"UPDATE ledger_journalentry SET {change} WHERE id = %s", entry.pk)


@pytest.mark.parametrize(
    "change",
    [
        "description = 'other'",
        "source = 'other'",
        "external_id = 'other'",
        "origin = 'other'",
        "preparer_name = 'other'",
        "posted_on = '2023-04-13'",
        "posted_on = '2023-03-03',"
        " period_id = (SELECT id FROM ledger_period WHERE name = '2023-03')",
    ],
)
def test_the_content_of_a_submitted_entry_stays(draft: Any, alice: Any, change: str) -> None:
    entry = submit_entry(entry_id=draft().pk, actor=alice)
    refused(f"UPDATE ledger_journalentry SET {change} WHERE id = %s", entry.pk)
    refused("DELETE FROM ledger_journalline WHERE entry_id = %s", entry.pk)


@pytest.mark.parametrize("amounts", ["unbalanced", "two currencies", "none"])
@pytest.mark.parametrize("status", ["submitted", "posted"])
def test_an_entry_that_does_not_balance_is_refused_at_commit(
    draft: Any, account: Any, amounts: str, status: str
) -> None:
    entry = draft()
    if amounts == "none":
        run("DELETE FROM ledger_journalline WHERE entry_id = %s", entry.pk)
    elif amounts == "unbalanced":
        run(ADD_LINE, entry.pk, 3, account("1000").pk, "0.01", "0", "EUR")
    else:
        run(ADD_LINE, entry.pk, 3, account("1000").pk, "5.00", "0", "EUR")
        run(ADD_LINE, entry.pk, 4, account("4000").pk, "0", "5.00", "USD")
    if status == "posted":
        assert "debits differ" in refused(POST, 1, entry.pk)
    else:
        assert "debits differ" in refused(
            "UPDATE ledger_journalentry SET status = 'submitted' WHERE id = %s", entry.pk
        )
    entry.refresh_from_db()
    assert entry.status == "draft"


def test_the_balance_is_asked_at_commit_and_not_before(draft: Any, account: Any) -> None:
    entry = draft(lines=pair("5.00")[:1])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_journalentry SET status = 'submitted' WHERE id = %s", [entry.pk]
        )
        cursor.execute("UPDATE ledger_journalentry SET status = 'draft' WHERE id = %s", [entry.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    entry.refresh_from_db()
    assert entry.status == "draft"


@pytest.mark.parametrize("number", [0, 2, 3])
def test_numbers_start_at_one_and_have_no_gap(draft: Any, number: int) -> None:
    refused(POST, number, draft().pk)


def test_numbers_go_on_from_the_last_and_are_unique(posted: JournalEntry, draft: Any) -> None:
    entry = draft()
    refused(POST, 1, entry.pk)
    refused(POST, 3, entry.pk)
    run(POST, 2, entry.pk)


@pytest.mark.parametrize(
    ("debit", "credit", "currency"),
    [
        ("-1", "0", "EUR"),
        ("0", "-1", "EUR"),
        ("1", "1", "EUR"),
        ("0", "0", "EUR"),
        ("1.001", "0", "EUR"),
        ("0", "1.0001", "KWD"),
        ("1.5", "0", "JPY"),
        ("1", "0", "EU"),
        ("1", "0", "ZZZ"),
    ],
)
def test_amounts_the_database_refuses(
    draft: Any, account: Any, debit: str, credit: str, currency: str
) -> None:
    refused(ADD_LINE, draft().pk, 3, account("1000").pk, debit, credit, currency)


@pytest.mark.parametrize(("amount", "currency"), [("1.01", "EUR"), ("1.001", "KWD"), ("1", "JPY")])
def test_amounts_with_the_decimals_of_their_currency(
    draft: Any, account: Any, amount: str, currency: str
) -> None:
    entry = draft()
    run(ADD_LINE, entry.pk, 3, account("1000").pk, amount, "0", currency)
    assert entry.lines.count() == 3


def test_a_line_uses_an_account_of_its_own_entity(draft: Any, other_books: Any) -> None:
    from apps.ledger.models import Account

    theirs = Account.objects.get(entity=other_books, code="1000")
    assert "own entity" in refused(ADD_LINE, draft().pk, 3, theirs.pk, "1", "0", "EUR")


def test_an_entry_lies_in_a_period_of_its_own_entity(draft: Any, other_books: Any) -> None:
    theirs = Period.objects.get(entity=other_books, name="2023-04")
    refused("UPDATE ledger_journalentry SET period_id = %s WHERE id = %s", theirs.pk, draft().pk)


@pytest.mark.parametrize("name", ["2023-05", "soft", "closed"])
def test_a_period_that_is_not_open_refuses_a_posting(
    draft: Any, period: Any, system: Any, name: str
) -> None:
    entry = draft(posted_on="2023-05-02") if name == "2023-05" else draft()
    if name == "soft":
        soft_close_period(period_id=entry.period_id, actor=system)
    elif name == "closed":
        close_period(period_id=entry.period_id, actor=system)
    assert "takes no such posting" in refused(POST, 1, entry.pk)


def test_a_soft_closed_period_takes_adjustments(draft: Any, system: Any) -> None:
    entry = draft(kind="adjustment")
    soft_close_period(period_id=entry.period_id, actor=system)
    run(POST, 1, entry.pk)


CLOSE = "closed_by_id = (SELECT min(id) FROM identity_user), closed_at = now(), digest = 'd'"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("2023-04", "starts_on = starts_on - 1"),
        ("2023-04", "ends_on = ends_on + 1"),
        ("2023-04", "name = 'April'"),
        ("2023-04", "entity_id = entity_id + 1"),
        ("2023-04", "status = 'planned'"),
        ("2023-04", "status = 'archived'"),
        ("2023-04", "status = 'elsewhere'"),
        ("2023-04", "status = 'hard_closed'"),
        ("2023-04", "digest = 'd'"),
        ("2023-05", "status = 'hard_closed', " + CLOSE),
        ("2023-01", "status = 'open'"),
        ("2023-01", "status = 'open', closed_by_id = NULL, closed_at = NULL, digest = ''"),
        ("2023-01", "digest = 'other'"),
        ("2023-01", "status = 'archived', digest = 'other'"),
    ],
)
def test_a_period_only_moves_forward_and_keeps_its_boundaries(
    period: Any, system: Any, name: str, change: str
) -> None:
    close_period(period_id=period("2023-01").pk, actor=system)
    before = rows(Period)
    refused(f"UPDATE ledger_period SET {change} WHERE id = %s", period(name).pk)
    refused("DELETE FROM ledger_period WHERE id = %s", period(name).pk)
    refused("TRUNCATE ledger_period CASCADE")
    assert rows(Period) == before


INSERT_PERIOD = """
INSERT INTO ledger_period (entity_id, calendar_id, fiscal_year, name, starts_on, ends_on, status,
  digest) SELECT entity_id, id, 2024, %s, %s, %s, %s, '' FROM ledger_fiscalcalendar
"""


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "status"),
    [
        ("2023-12-31", "2024-01-31", "planned"),
        ("2022-12-01", "2023-01-01", "planned"),
        ("2023-04-10", "2023-04-11", "planned"),
        ("2022-01-01", "2025-01-01", "planned"),
        ("2024-01-31", "2024-01-01", "planned"),
        ("2024-01-01", "2024-01-31", "open"),
        ("2024-01-01", "2024-01-31", "hard_closed"),
    ],
)
def test_periods_that_the_database_refuses(
    books: Any, starts_on: str, ends_on: str, status: str
) -> None:
    refused(INSERT_PERIOD, "extra", starts_on, ends_on, status)


def test_a_period_beside_the_others_is_taken(books: Any) -> None:
    run(INSERT_PERIOD, "2024-01", "2024-01-01", "2024-01-31", "planned")


@pytest.mark.parametrize("change", ["code = '1001'", "entity_id = entity_id + 1", "type = 'x'"])
def test_an_account_keeps_code_and_entity(account: Any, change: str) -> None:
    refused(f"UPDATE ledger_account SET {change} WHERE id = %s", account("1000").pk)
    refused("TRUNCATE ledger_account CASCADE")


def test_currencies_are_those_of_the_money_module_and_never_change(db: None) -> None:
    from apps.common.money import exponent

    currencies = list(Currency.objects.all())
    assert len(currencies) > 150
    assert all(currency.exponent == exponent(currency.code) for currency in currencies)
    refused("UPDATE ledger_currency SET exponent = 3 WHERE code = 'EUR'")
    refused("DELETE FROM ledger_currency WHERE code = 'EUR'")


HELD = """
SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted
  AND classid = ledger_lock_key(%s)::oid AND objid = ledger_lock_number(%s)::oid)
"""


def is_held_for_the_trigger(number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(HELD, [PERIOD, number])
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("number", [1, 77, 2**31 - 1, 2**31 + 5, 2**40 + 5, 2**62 + 3])
def test_triggers_and_services_meet_at_the_same_lock(db: None, number: int) -> None:
    assert not is_held_for_the_trigger(number)
    lock_exclusive(PERIOD, number)
    assert is_held_for_the_trigger(number)


def _triggers() -> set[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger"
            " WHERE tgname LIKE 'finflow_ledger_%'"
        )
        return set(cursor.fetchall())


def test_the_guards_stand_always_and_are_put_back_by_migrate(db: None) -> None:
    standing = _triggers()
    assert len(standing) == 16
    assert {enabled for _, _, enabled in standing} == {"A"}
    install_ledger_guards()
    assert _triggers() == standing
    table, name, _ = next(iter(standing))
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TRIGGER "{name}" ON "{table}"')
    assert _triggers() != standing
    install_ledger_guards()
    assert _triggers() == standing


@pytest.mark.parametrize("older", ["finflow_ledger_move_01234567", "finflow_guard_ledger_move_01"])
def test_migrate_replaces_a_guard_of_an_older_version_or_name(db: None, older: str) -> None:
    standing = _triggers()
    (name,) = [
        name
        for table, name, _ in standing
        if table == "ledger_period" and name.startswith("finflow_ledger_move_")
    ]
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TRIGGER "{name}" ON ledger_period RENAME TO {older}')
    call_command("migrate", verbosity=0)
    assert _triggers() == standing
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname = %s", [older])
        assert cursor.fetchone() == (0,)


def test_while_the_tables_are_still_to_come_nothing_is_laid(db: None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_journalline RENAME TO later_line")
        cursor.execute("ALTER TABLE ledger_currency RENAME TO later_currency")
        install_ledger_guards()
        register_currencies()
        transaction.set_rollback(True)
    install_ledger_guards()
    assert len(_triggers()) == 16


def test_currencies_that_the_money_module_learns_are_added_with_an_event(
    db: None, monkeypatch: Any
) -> None:
    before = Currency.objects.count()
    register_currencies()
    assert Currency.objects.count() == before
    monkeypatch.setitem(currencies.CURRENCIES, "QQQ", moneyed.Currency("QQQ", name="Quids"))
    monkeypatch.setattr(currencies, "exponent", lambda code: 2)
    register_currencies()
    assert Currency.objects.get(code="QQQ").name == "Quids"
    assert Event.objects.latest("id").details == {"codes": ["QQQ"]}

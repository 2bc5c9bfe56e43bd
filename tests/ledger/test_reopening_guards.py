"""What the database refuses about reopenings, whoever asks: every attempt here is plain SQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.approvals.models import Use
from apps.ledger.models import Period, PeriodReopening
from apps.ledger.services import end_reopening

from .conftest import approve_both, give_verdict, let_pass, pair, request_of
from .test_guards import POST, refused, run

OPEN_IT = """
UPDATE ledger_periodreopening SET status = 'open', opened_at = now(), opened_by_id = asked_by_id
WHERE id = %s
"""
REOPEN_PERIOD = """
UPDATE ledger_period SET status = 'reopened', closed_at = NULL, closed_by_id = NULL, digest = ''
WHERE id = %s
"""
END_IT = """
UPDATE ledger_periodreopening SET status = 'ended', ended_at = now(), ended_by_id = asked_by_id,
  ended_how = 'closed', digest_after = repeat('b', 64) WHERE id = %s
"""
CLOSE_PERIOD = """
UPDATE ledger_period SET status = 'hard_closed', closed_at = now(), digest = repeat('b', 64),
  closed_by_id = (SELECT min(id) FROM identity_user) WHERE id = %s
"""
INSERT = """
INSERT INTO ledger_periodreopening (period_id, number, reason, kinds, accounts, expires_at, status,
  asked_by_id, asked_at, ended_how, digest_before, digest_after, content_hash{columns})
SELECT id, 7, {reason}, '["manual"]', '[]', now() + {lasts}, {status},
  (SELECT min(id) FROM identity_user), now(), '', {digest}, '', repeat('c', 64){values}
FROM ledger_period WHERE name = {name}
"""


def as_it_is() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Period, PeriodReopening)]


def insert(**changes: str) -> str:
    facts = {
        "columns": "",
        "values": "",
        "reason": "'Because'",
        "lasts": "interval '1 day'",
        "status": "'asked'",
        "digest": "digest",
        "name": "'2023-04'",
    }
    return INSERT.format(**{**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {
                "status": "'open'",
                "columns": ", opened_at, opened_by_id",
                "values": ", now(), (SELECT min(id) FROM identity_user)",
            },
            "starts as asked",
        ),
        ({"name": "'2023-03'"}, "only a closed period"),
        ({"name": "'2023-05'"}, "only a closed period"),
        ({"digest": "repeat('d', 64)"}, "as it was closed"),
        ({"lasts": "interval '15 days'"}, "reopening_ends_soon"),
        ({"lasts": "interval '-1 second'"}, "reopening_ends_soon"),
        ({"reason": "''"}, "reopening_says_why"),
    ],
)
def test_how_a_reopening_starts(closed: Period, changes: dict[str, str], words: str) -> None:
    before = as_it_is()
    assert words in refused(insert(**changes))
    assert as_it_is() == before


@pytest.mark.parametrize(
    "change",
    [
        "reason = 'other'",
        "kinds = '[\"manual\"]'",
        "accounts = '[\"1000\"]'",
        "expires_at = expires_at + interval '1 hour'",
        "asked_by_id = asked_by_id + 1",
        "digest_before = repeat('d', 64)",
        "content_hash = repeat('d', 64)",
        "number = 9",
    ],
)
def test_what_was_asked_never_changes(propose: Any, reopen: Any, change: str) -> None:
    asked = propose()
    before = as_it_is()
    for words in (change, f"{change}, status = 'dropped'"):
        assert "never changes" in refused(
            f"UPDATE ledger_periodreopening SET {words} WHERE id = %s", asked.pk
        )
    assert as_it_is() == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_periodreopening SET digest_after = repeat('d', 64) WHERE id = %s",
        "UPDATE ledger_periodreopening SET status = 'asked', opened_at = NULL,"
        " opened_by_id = NULL WHERE id = %s",
        "UPDATE ledger_periodreopening SET status = 'dropped', opened_at = NULL,"
        " opened_by_id = NULL WHERE id = %s",
        "DELETE FROM ledger_periodreopening WHERE id = %s",
        "TRUNCATE ledger_periodreopening",
    ],
)
def test_it_moves_along_and_is_never_deleted(reopen: Any, change: str) -> None:
    reopening = reopen()
    before = as_it_is()
    refused(change, *([reopening.pk] if "%s" in change else []))
    assert as_it_is() == before


@pytest.mark.parametrize("approvals", [0, 1])
def test_it_opens_upon_two_approvals_only(
    propose: Any, closed: Period, bob: Any, beth: Any, approvals: int
) -> None:
    asked = propose()
    if approvals:
        give_verdict(request_of(asked), bob)
    before = as_it_is()
    assert "approval of 2 others" in refused(OPEN_IT, asked.pk)
    assert "no open reopening" in refused(REOPEN_PERIOD, closed.pk)
    assert as_it_is() == before


def test_nor_upon_an_approval_that_nobody_took(
    propose: Any, closed: Period, bob: Any, beth: Any, connie: Any
) -> None:
    asked = propose()
    approve_both(asked, bob, beth)
    before = as_it_is()
    assert "approval of 2 others" in refused(OPEN_IT, asked.pk)
    assert as_it_is() == before
    Use.objects.create(request=request_of(asked), used_by=connie)
    run(OPEN_IT, asked.pk)
    run(REOPEN_PERIOD, closed.pk)


def test_nor_when_its_time_is_over(
    propose: Any, closed: Period, bob: Any, beth: Any, connie: Any
) -> None:
    asked = propose()
    approve_both(asked, bob, beth)
    Use.objects.create(request=request_of(asked), used_by=connie)
    let_pass(asked)
    before = as_it_is()
    assert "is over" in refused(OPEN_IT, asked.pk)
    assert as_it_is() == before


@pytest.mark.parametrize("status", ["open", "soft_closed", "planned"])
def test_a_closed_period_becomes_nothing_but_reopened(
    reopen: Any, closed: Period, status: str, propose: Any
) -> None:
    sql = REOPEN_PERIOD.replace("'reopened'", f"'{status}'")
    before = as_it_is()
    assert "cannot become" in refused(sql, closed.pk)
    reopen()
    assert "cannot become" in refused(sql, closed.pk)
    assert as_it_is()[0] != before[0]
    assert Period.objects.get(pk=closed.pk).status == "reopened"


def test_the_reopening_ends_before_its_period_is_closed(
    reopen: Any, closed: Period, connie: Any
) -> None:
    reopening = reopen()
    assert "is ended first" in refused(CLOSE_PERIOD, closed.pk)
    run(END_IT, reopening.pk)
    run(CLOSE_PERIOD, closed.pk)
    before = as_it_is()
    assert "no open reopening" in refused(REOPEN_PERIOD, closed.pk)
    assert "cannot become" in refused(OPEN_IT, reopening.pk)
    assert as_it_is() == before


def test_an_archived_period_stays_archived(
    propose: Any, closed: Period, bob: Any, beth: Any, connie: Any
) -> None:
    asked = propose()
    approve_both(asked, bob, beth)
    Use.objects.create(request=request_of(asked), used_by=connie)
    run("UPDATE ledger_period SET status = 'archived' WHERE id = %s", closed.pk)
    run(OPEN_IT, asked.pk)
    before = as_it_is()
    assert "cannot become" in refused(REOPEN_PERIOD, closed.pk)
    assert as_it_is() == before


@pytest.mark.parametrize(
    ("kind", "debit"), [("manual", "1000"), ("adjustment", "2000"), ("adjustment", "5000")]
)
def test_a_posting_outside_the_scope_is_refused(
    reopen: Any, draft: Any, kind: str, debit: str
) -> None:
    reopen(kinds=["adjustment"], accounts=["1000", "4000"])
    inside = draft(kind="adjustment")
    outside = draft(kind=kind, lines=pair(debit=debit))
    assert "takes no such posting" in refused(POST, 2, outside.pk)
    outside.refresh_from_db()
    assert outside.status == "draft"
    run(POST, 2, inside.pk)


def test_a_posting_after_the_end_is_refused_though_nobody_has_closed_the_period(
    reopen: Any, draft: Any, period: Any
) -> None:
    reopening = reopen()
    entry = draft(kind="adjustment")
    let_pass(reopening)
    assert period("2023-04").status == "reopened"
    assert "or is over" in refused(POST, 2, entry.pk)
    entry.refresh_from_db()
    assert entry.status == "draft"


def test_the_clock_is_that_of_the_posting_not_of_its_transaction(
    reopen: Any, draft: Any, period: Any
) -> None:
    """A transaction that began in time posts nothing once the time is over."""
    reopen(expires_at=timezone.now() + timedelta(seconds=1.5))
    entry = draft(kind="adjustment")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1.6)")
        with pytest.raises(IntegrityError, match="or is over"), transaction.atomic():
            cursor.execute(POST, [2, entry.pk])


def test_what_was_closed_again_takes_nothing(reopen: Any, draft: Any, connie: Any) -> None:
    reopening = reopen()
    entry = draft(kind="adjustment")
    end_reopening(reopening_id=reopening.pk, actor=connie)
    assert "takes no such posting" in refused(POST, 2, entry.pk)

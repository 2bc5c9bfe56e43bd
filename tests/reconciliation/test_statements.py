"""Statements: both balances with every item between them, now and as of a moment."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.ingestion.services import define_source, import_file
from apps.ledger.services import post_entry
from apps.reconciliation.errors import MatchTypeInvalid
from apps.reconciliation.models import Break, Run
from apps.reconciliation.selectors import (
    RollForward,
    roll_forward,
    run_as_of,
    statements_of,
)
from apps.reconciliation.services import (
    accept_break,
    choose_carries,
    define_match_type,
    execute_run,
    explain_break,
    start_run,
    unmatch_group,
    write_off_break,
)
from tests.ingestion.conftest import statement as mt940
from tests.pages import text
from tests.reconciliation.conftest import APRIL, MAY, RULES, Pair
from tests.reconciliation.test_revisions import numbered


def later(seconds: int) -> Any:
    return timezone.now() + timedelta(seconds=seconds)


def references(items: Any) -> list[str]:
    return sorted(item.reference for item in items)


def test_every_open_item_stands_between_the_two_sides(april: Run) -> None:
    (statement,) = statements_of(april)
    assert references(statement.not_in_books) == ["INV-3", "INV-4", "INV-5", "INV-6", "INV-9"]
    assert references(statement.not_at_bank) == ["INV-3", "INV-4", "INV-5", "INV-7"]
    (line,) = april.proof
    apart = Decimal(line["left_total"]) - Decimal(line["right_total"])
    assert statement.explained == apart
    assert [group.difference for group in statement.inside] == [Decimal("-0.03")]
    assert (statement.books, statement.stated, statement.ties) == (None, None, None)
    (oldest, *_) = statement.not_in_books
    assert oldest.age_days == (april.ends_on - oldest.booked_on).days


@pytest.mark.parametrize(
    ("accounts", "stated"), [(["DE111"], 110), (["DE111", "DE222"], 5117), ([], 5117)]
)
def test_the_banks_balance_is_that_of_the_accounts_that_are_reconciled(
    accounts: list[str], stated: int, entity: Any, pair: Pair, connie: Any, alice: Any
) -> None:
    source = define_source(
        entity_id=entity.pk, code="two", name="Two", format="mt940", actor=connie
    )
    one = mt940("230403C10,00NTRFA", account="DE111", closing="C110,00")
    other = mt940("230403C7,00NTRFB", account="DE222", opening="C5000,00", closing="C5007,00")
    import_file(source_id=source.pk, filename="x", content=(one + other).encode(), actor=alice)
    match_type = define_match_type(
        entity_id=entity.pk,
        code="two",
        name="Two",
        left_source_id=source.pk,
        left_accounts=accounts,
        right_source_id=pair.right.pk,
        rules=RULES,
        actor=connie,
    )
    run = execute_run(run_id=start_run(match_type_id=match_type.pk, actor=alice, **APRIL).pk)
    assert [one.stated for one in statements_of(run)] == [stated]


@pytest.mark.django_db
def test_the_practice_months_tie_out(tmp_path: Path, settings: Any, db: None) -> None:
    """The books of two closed months and the bank's own balances, with nothing unidentified."""
    from apps.practice.services import load_company

    settings.FILE_DROP_DIR = str(tmp_path)
    entity = load_company().entity
    runs = Run.objects.live().filter(entity=entity, match_type__code="bank_gl")
    assert runs.count() == 2
    for run in runs.order_by("ends_on"):
        for statement in statements_of(run):
            assert statement.books is not None
            assert statement.stated is not None
            assert statement.unidentified == 0
            assert statement.ties
        assert all(roll.ties for roll in roll_forward(run))


def test_what_an_entry_books_is_in_the_books_already(
    april: Run, books: Any, alice: User, connie: User
) -> None:
    (before,) = statements_of(april)
    fee = april.breaks.get(cause="fee")
    made = write_off_break(
        break_id=fee.pk,
        expense_account="5400",
        posted_on=april.ends_on,
        reason="Fee",
        actor=alice,
    )
    (drafted,) = statements_of(april)
    assert (drafted.booked, drafted.explained) == ([], before.explained)
    post_entry(entry_id=made.entry_id, actor=connie)
    (posted,) = statements_of(april)
    assert posted.books == Decimal("-7.50")
    assert posted.computed == before.explained  # the balance moved, and the items with it
    assert posted.ties is None


def test_open_items_roll_forward(april: Run, pair: Pair) -> None:
    """May clears INV-9, which was awaited, and leaves one of its own; April's others stay open."""
    pair.bring("right", ("INV-9", "02", "75.00"), ("INV-11", "20", "5.00"), month="2023-05")
    may = pair.run(**MAY)
    (roll,) = roll_forward(may)
    assert references(roll.cleared) == ["INV-9"]
    assert references(roll.new) == ["INV-11"]
    assert len(roll.opening) == 9
    assert len(roll.closing) == 9
    assert roll.totals[2] == Decimal(75)
    assert roll.ties
    (first,) = roll_forward(april)
    assert (first.opening, first.cleared) == ([], [])
    assert not RollForward("EUR", roll.opening, roll.new, [], roll.closing).ties


def test_runs_inside_the_days_of_another_do_not_count_twice(april: Run, pair: Pair) -> None:
    (whole,) = roll_forward(pair.run(**MAY))
    pair.run(starts_on=april.starts_on, ends_on=april.starts_on)
    may = Run.objects.live().get(starts_on=MAY["starts_on"])
    (again,) = roll_forward(may)
    assert again.opening == whole.opening


def test_as_of_a_moment_later_events_do_not_count(april: Run, pair: Pair, rita: User) -> None:
    (now,) = statements_of(april)
    moment = timezone.now()
    unmatch_group(run_id=april.pk, number=numbered(april, "INV-2"), reason="No", actor=rita)
    april.refresh_from_db()
    (then,) = statements_of(april, moment)
    assert references(then.not_in_books) == references(now.not_in_books)
    assert then.differences == now.differences == Decimal("-0.03")
    (after,) = statements_of(april)
    assert "INV-2" in references(after.not_in_books)
    assert after.explained == now.explained
    pair.bring("left", ("INV-7", "09", "13.00"))
    newer = pair.run()
    assert run_as_of(newer, moment) == april
    assert run_as_of(newer, later(60)) == newer
    assert run_as_of(newer, moment - timedelta(days=1)) is None
    may = pair.run(**MAY)
    (opening,) = roll_forward(may, moment)
    assert references(opening.opening) == sorted(
        references(now.not_in_books) + references(now.not_at_bank)
    )


# --- Carrying forward ---------------------------------------------------------------------------


def test_a_match_type_may_carry_everything_that_is_open(
    april: Run, pair: Pair, alice: User, rita: User, connie: User
) -> None:
    choose_carries(match_type_id=pair.match_type.pk, carries="open", actor=connie)
    accept_break(break_id=april.breaks.get(cause="fee").pk, comment="Fee", actor=rita)
    pair.bring("right", ("INV-6", "02", "12.00"), month="2023-05")
    may = pair.run(**MAY)
    # All but the two items of the fee, which is accepted.
    assert (may.carried_left_count, may.carried_right_count) == (4, 3)
    assert not may.breaks.filter(items__record__reference="INV-4").exists()
    (roll,) = roll_forward(may)
    assert roll.ties


def test_by_default_only_awaited_items_are_carried(april: Run, pair: Pair) -> None:
    assert pair.match_type.carries == "awaited"
    may = pair.run(**MAY)
    assert (may.carried_left_count, may.carried_right_count) == (1, 0)


@pytest.mark.parametrize(
    ("who", "carries", "refusal"),
    [
        ("alice", "open", NotPermitted),
        ("charlie", "open", NotVisible),
        ("connie", "nothing", MatchTypeInvalid),
    ],
)
def test_choices_that_are_refused(
    who: str, carries: str, refusal: type[Refusal], request: Any, pair: Pair, table_counts: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        choose_carries(match_type_id=pair.match_type.pk, carries=carries, actor=actor)
    assert table_counts() == before
    pair.match_type.refresh_from_db()
    assert pair.match_type.carries == "awaited"


# --- Doors --------------------------------------------------------------------------------------


def test_rest_answers_statements(april: Run, api: Any, otto: User, pair: Pair) -> None:
    url = f"/api/reconciliation/runs/{april.pk}"
    (statement,) = api(otto).get(f"{url}/statement").json()
    assert (statement["currency"], statement["ties"], statement["books"]) == ("EUR", None, None)
    assert statement["differences"] == "-0.03"
    (roll,) = api(otto).get(f"{url}/roll-forward").json()
    assert roll["ties"] is True
    assert len(roll["closing"]) == 9
    assert roll["totals"]["opening"] == "0.00"
    assert re.fullmatch(r"-?[0-9]+\.[0-9]{2}", roll["totals"]["closing"])
    moment = later(5).isoformat().replace("+00:00", "Z")
    assert api(otto).get(f"{url}/statement?at={moment}").status_code == 200
    assert api(otto).get(f"{url}/statement?at=2020-01-01T00:00:00Z").status_code == 404
    assert api(otto).get(f"{url}/statement?at=yesterday").status_code == 422
    assert api(otto).get(f"{url}/statement?at=2020-01-01T00:00:00").status_code == 422
    queued = pair.start(**MAY)
    answer = api(otto).get(f"/api/reconciliation/runs/{queued.pk}/statement")
    assert answer.status_code == 409


def test_the_page_lists_every_item(
    april: Run, pair: Pair, otto: User, charlie: User, alice: User
) -> None:
    client = Client()
    client.force_login(otto)
    url = f"/reconciliations/{april.pk}/statement/"
    page = text(client.get(url))
    assert "cannot be tied out, because a balance is unknown" in page
    assert page.count("/breaks/") >= 9
    assert "Roll-forward" in page
    assert client.get(f"{url}?at=2020-01-01T00:00").status_code == 404
    assert client.get(f"{url}?at=2100-01-01T00:00").status_code == 200
    for beyond in ("0001-01-01T00:00", "9999-12-31T23:59"):
        assert "Choose a moment at which there were books." in text(
            client.get(f"{url}?at={beyond}")
        )
    assert client.get(f"/reconciliations/{pair.run(**MAY).pk}/statement/").status_code == 200
    empty = pair.run(
        starts_on=april.starts_on.replace(year=2020), ends_on=april.starts_on.replace(year=2020)
    )
    assert b"Nothing to state" in client.get(f"/reconciliations/{empty.pk}/statement/").content
    client.force_login(charlie)
    assert client.get(url).status_code == 404
    explain_break(break_id=Break.objects.filter(run=april)[0].pk, comment="x", actor=alice)

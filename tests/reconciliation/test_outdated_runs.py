"""The run before is carried out again: what the next one took up may be matched twice."""

from __future__ import annotations

from typing import Any

import pytest

from apps.identity.models import User
from apps.reconciliation.errors import RunOutdated
from apps.reconciliation.models import Run
from apps.reconciliation.selectors import certification_of
from apps.reconciliation.selectors.items import is_outdated
from apps.reconciliation.services import (
    certify_run,
    force_match,
    submit_run,
    unmatch_group,
)
from tests.pages import text
from tests.reconciliation.conftest import MAY, Pair

WORDS = "the same money may be matched twice"


@pytest.fixture
def may(april: Run, pair: Pair) -> Run:
    """May matches INV-9, which April left awaited."""
    pair.bring("right", ("INV-9", "02", "75.00"), month="2023-05")
    run = pair.run(**MAY)
    assert (run.carried_left_count, run.group_count, run.break_count) == (1, 1, 0)
    return run


@pytest.fixture
def outdated(may: Run, pair: Pair) -> Run:
    """April is carried out again and matches INV-9 as well."""
    pair.bring("right", ("INV-9", "28", "75.00"))
    assert not pair.run().breaks.filter(state="awaited").exists()
    return may


def certify(run: Run, part: str, actor: User) -> Any:
    return certify_run(run_id=run.pk, part=part, outcome_digest=run.outcome_digest, actor=actor)


def test_a_run_that_took_up_what_is_left_now_is_not_outdated(may: Run, april: Run) -> None:
    assert not is_outdated(may)
    assert not is_outdated(april)


def test_what_the_run_before_matches_now_makes_it_outdated(outdated: Run, pair: Pair) -> None:
    assert is_outdated(outdated)
    again = pair.run(**MAY)
    assert (again.carried_left_count, again.break_count) == (0, 1)
    assert not is_outdated(again)
    outdated.refresh_from_db()
    assert not is_outdated(outdated)  # it no longer stands


def test_what_the_run_before_leaves_besides_makes_it_outdated(may: Run, pair: Pair) -> None:
    pair.bring("left", ("INV-10", "29", "5.00"))
    pair.run()
    assert is_outdated(may)


def test_another_item_in_the_place_of_the_one_taken_up(may: Run, pair: Pair) -> None:
    pair.bring("right", ("INV-9", "28", "75.00"))
    pair.bring("left", ("INV-10", "29", "5.00"))
    assert pair.run().breaks.filter(state="awaited").count() == 1
    assert is_outdated(may)


def test_the_run_before_done_again_with_the_same_left_over(may: Run, pair: Pair) -> None:
    pair.bring("left", ("INV-11", "03", "5.00"))
    pair.bring("right", ("INV-11", "03", "5.00"))
    newer = pair.run()
    assert newer.finished_at > may.finished_at
    assert not is_outdated(may)


def test_a_match_by_hand_in_the_run_before(books: Any, may: Run, april: Run, connie: User) -> None:
    """INV-9 of 75.00 is matched by hand with INV-7 of 13.00."""
    chosen = [
        one.pk
        for one in april.breaks.all()
        if set(one.items.values_list("record__reference", flat=True)) & {"INV-9", "INV-7"}
    ]
    force_match(
        run_id=april.pk,
        break_ids=chosen,
        reason="One payment",
        expense_account="5400",
        actor=connie,
    )
    assert is_outdated(may)


def test_a_change_by_hand_elsewhere_outdates_nothing(may: Run, april: Run, rita: User) -> None:
    unmatch_group(run_id=april.pk, number=1, reason="No", actor=rita)
    assert not is_outdated(may)


@pytest.mark.parametrize("part", ["prepared", "reviewed"])
def test_it_is_not_certified_or_submitted(
    part: str, outdated: Run, alice: User, rita: User, connie: User, table_counts: Any
) -> None:
    before = table_counts()
    with pytest.raises(RunOutdated):
        certify(outdated, part, {"prepared": alice, "reviewed": rita}[part])
    with pytest.raises(RunOutdated):
        submit_run(run_id=outdated.pk, preparer=alice, actor=alice)
    assert table_counts() == before


def test_its_certification_no_longer_counts(may: Run, pair: Pair, alice: User, rita: User) -> None:
    certify(may, "prepared", alice)
    certify(may, "reviewed", rita)
    assert certification_of(may).status == "certified"
    pair.bring("right", ("INV-9", "28", "75.00"))
    pair.run()
    found = certification_of(may)
    assert (found.status, found.is_outdated) == ("outdated", True)


def test_the_page_says_so_and_runs_it_again(
    outdated: Run, pair: Pair, visit: Any, alice: User, otto: User
) -> None:
    client, url = visit(alice), f"/reconciliations/{outdated.pk}/"
    page = text(client.get(url))
    assert WORDS in page
    assert "Run again" in page
    assert "Certify as preparer" not in page
    sent = {"match_type": outdated.match_type_id, "starts_on": "2023-05-01"}
    answer = client.post("/reconciliations/start/", {**sent, "ends_on": "2023-05-31"})
    newest = Run.objects.order_by("-pk")[0]
    assert (answer.status_code, answer.url) == (302, f"/reconciliations/{newest.pk}/")
    seen = text(visit(otto).get(url))
    assert WORDS in seen
    assert "Run again" not in seen

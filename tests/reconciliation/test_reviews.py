"""What people say of breaks: one explains, another accepts, and all of it is on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import Event
from apps.audit.services import record
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal, StaleVersion
from apps.identity.models import User
from apps.reconciliation.errors import CommentMissing, NotExplained, OwnReview, RunSuperseded
from apps.reconciliation.models import Break, BreakReview, Run
from apps.reconciliation.services import accept_break, correct_cause, explain_break, reopen_break
from tests.reconciliation.conftest import Pair

Broken = Callable[[str], Break]


def test_one_explains_and_another_accepts(broken: Broken, alice: User, rita: User) -> None:
    fee = broken("fee")
    review = explain_break(break_id=fee.pk, comment=" Wire fee ", actor=alice, expected_version=1)
    assert (review.status, review.comment, review.explained_by, review.version) == (
        "explained",
        "Wire fee",
        alice,
        2,
    )
    review = accept_break(break_id=fee.pk, comment="", actor=rita, expected_version=2)
    assert (review.status, review.comment, review.accepted_by, review.version) == (
        "accepted",
        "Wire fee",
        rita,
        3,
    )
    events = Event.objects.filter(subject_type="reconciliation.break", subject_id=str(fee.pk))
    assert [(event.action.rpartition(".")[2], event.actor) for event in events] == [
        ("explain", alice),
        ("accept", rita),
    ]
    assert list(review.history.values_list("status", flat=True)) == [
        "accepted",
        "explained",
        "open",
    ]


def test_a_better_explanation_takes_the_place_of_the_first(
    broken: Broken, alice: User, connie: User
) -> None:
    explain_break(break_id=broken("fee").pk, comment="Fee", actor=alice)
    review = explain_break(break_id=broken("fee").pk, comment="Wire fee", actor=connie)
    assert (review.comment, review.explained_by) == ("Wire fee", connie)


def test_an_acceptance_may_say_more(broken: Broken, alice: User, rita: User) -> None:
    explain_break(break_id=broken("fee").pk, comment="Fee", actor=alice)
    review = accept_break(break_id=broken("fee").pk, comment="Agreed, 7.50", actor=rita)
    assert review.comment == "Agreed, 7.50"


def test_an_immaterial_break_is_accepted_with_a_word_of_ones_own(
    broken: Broken, rita: User
) -> None:
    review = accept_break(break_id=broken("fee").pk, comment="Wire fee", actor=rita)
    assert (review.status, review.explained_by, review.accepted_by) == ("accepted", None, rita)


def test_opening_again_takes_everything_back_but_the_record(
    broken: Broken, alice: User, rita: User
) -> None:
    explain_break(break_id=broken("fee").pk, comment="Fee", actor=alice)
    accept_break(break_id=broken("fee").pk, comment="", actor=rita)
    review = reopen_break(break_id=broken("fee").pk, comment="Wrong bank", actor=rita)
    assert (review.status, review.explained_by, review.accepted_by) == ("open", None, None)
    assert review.comment == "Wrong bank"
    assert review.history.count() == 4


Act = tuple[Any, str, str, str]  # service, who, comment, cause
EXPLAIN, ACCEPT, REOPEN = explain_break, accept_break, reopen_break

REFUSALS: list[tuple[list[Act], Act, type[Refusal]]] = [
    ([], (EXPLAIN, "otto", "Fee", "fee"), NotPermitted),
    ([], (EXPLAIN, "bob", "Fee", "fee"), NotPermitted),
    ([], (EXPLAIN, "ivy", "Fee", "fee"), NotPermitted),
    ([], (EXPLAIN, "charlie", "Fee", "fee"), NotVisible),
    ([], (EXPLAIN, "victor", "Fee", "fee"), NotVisible),
    ([], (EXPLAIN, "alice", "  ", "fee"), CommentMissing),
    ([], (ACCEPT, "alice", "Fee", "fee"), NotPermitted),
    ([], (ACCEPT, "charlie", "Fee", "fee"), NotVisible),
    ([], (ACCEPT, "rita", " ", "fee"), CommentMissing),
    ([], (ACCEPT, "rita", "Looks fine", "amount"), NotExplained),
    ([], (REOPEN, "rita", "Why", "fee"), IllegalMove),
    ([(EXPLAIN, "rita", "Fee", "fee")], (ACCEPT, "rita", "Mine", "fee"), OwnReview),
    ([(EXPLAIN, "alice", "Fee", "fee")], (REOPEN, "alice", "Why", "fee"), NotPermitted),
    ([(EXPLAIN, "alice", "Fee", "fee")], (REOPEN, "rita", " ", "fee"), CommentMissing),
    (
        [(EXPLAIN, "alice", "Fee", "fee"), (ACCEPT, "rita", "", "fee")],
        (EXPLAIN, "alice", "Other", "fee"),
        IllegalMove,
    ),
    (
        [(EXPLAIN, "alice", "Fee", "fee"), (ACCEPT, "rita", "", "fee")],
        (ACCEPT, "connie", "Me too", "fee"),
        IllegalMove,
    ),
    (
        [(EXPLAIN, "alice", "Fee", "fee"), (REOPEN, "rita", "No", "fee")],
        (ACCEPT, "rita", "", "fee"),
        CommentMissing,  # the reason for opening it again is no explanation
    ),
    (
        [(EXPLAIN, "rita", "Note", "amount"), (REOPEN, "rita", "Hm", "amount")],
        (ACCEPT, "rita", "All mine", "amount"),
        NotExplained,
    ),
]


@pytest.mark.parametrize(("before", "act", "refusal"), REFUSALS)
def test_steps_that_are_refused_change_nothing(
    before: list[Act],
    act: Act,
    refusal: type[Refusal],
    request: Any,
    broken: Broken,
    table_counts: Any,
) -> None:
    for service, who, comment, cause in before:
        service(break_id=broken(cause).pk, comment=comment, actor=request.getfixturevalue(who))
    service, who, comment, cause = act
    actor = request.getfixturevalue(who)
    counts = table_counts()
    states = list(BreakReview.objects.values())
    with pytest.raises(refusal):
        service(break_id=broken(cause).pk, comment=comment, actor=actor)
    assert table_counts() == counts
    assert list(BreakReview.objects.values()) == states


@pytest.mark.parametrize("service", [EXPLAIN, ACCEPT, REOPEN])
def test_a_stale_version_is_refused(
    service: Any, broken: Broken, alice: User, connie: User, table_counts: Any
) -> None:
    explain_break(break_id=broken("fee").pk, comment="Fee", actor=alice)
    before = table_counts()
    with pytest.raises(StaleVersion):
        service(break_id=broken("fee").pk, comment="x", actor=connie, expected_version=1)
    assert table_counts() == before


@pytest.mark.parametrize("service", [EXPLAIN, ACCEPT, REOPEN])
def test_breaks_of_a_run_that_no_longer_stands_are_left_alone(
    service: Any, broken: Broken, april: Run, pair: Pair, connie: User, table_counts: Any
) -> None:
    fee = broken("fee")
    pair.bring("left", ("INV-7", "09", "13.00"))
    pair.run()
    before = table_counts()
    with pytest.raises(RunSuperseded):
        service(break_id=fee.pk, comment="x", actor=connie)
    assert table_counts() == before


def test_the_database_itself_knows_that_two_are_needed(broken: Broken, rita: User) -> None:
    review = explain_break(break_id=broken("fee").pk, comment="Fee", actor=rita)

    def accept_alone() -> None:
        with transaction.atomic():
            review.accepted_by = rita
            review.save()
            record(actor=rita, action="reconciliation.break.accept", subject=review.broken)

    with pytest.raises(IntegrityError, match="explained_and_accepted_by_two"):
        accept_alone()


def test_who_gave_a_material_break_its_cause_does_not_accept_it(
    april: Run, alice: User, rita: User, connie: User
) -> None:
    """The explanation was given for the cause that he replaced."""
    material = april.breaks.filter(is_material=True).exclude(state="awaited").first()
    explain_break(break_id=material.pk, comment="The bank's fee", actor=alice)
    cause = "timing" if material.cause != "timing" else "amount"
    made = correct_cause(break_id=material.pk, cause=cause, reason="Late", actor=rita)
    with pytest.raises(OwnReview, match="gave this break its cause"):
        accept_break(break_id=made.successor_id, comment="Fine", actor=rita)
    assert made.successor.review.status == "explained"
    accept_break(break_id=made.successor_id, comment="Fine", actor=connie)

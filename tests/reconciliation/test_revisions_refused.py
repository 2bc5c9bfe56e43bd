"""Who may not change an outcome, and what is not changed: refused, with nothing written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.reconciliation.errors import (
    BreakAccepted,
    BreakClosed,
    BreaksUnfit,
    DifferenceTooLarge,
    GroupRevoked,
    GroupStands,
    NothingToWriteOff,
    ProofFailed,
    ReasonMissing,
    RunSuperseded,
)
from apps.reconciliation.models import (
    Break,
    BreakClosure,
    Correction,
    GroupRevocation,
    RematchPermit,
    Revision,
    Run,
    WriteOff,
)
from apps.reconciliation.services import (
    accept_break,
    correct_cause,
    force_match,
    permit_rematch,
    split_break,
    unmatch_group,
    write_off_break,
)
from tests.reconciliation.conftest import Pair
from tests.reconciliation.test_revisions import Broken, numbered, pair_ids

# --- Refusals -----------------------------------------------------------------------------------


@pytest.fixture
def ways(april: Run, broken: Broken, books: Any) -> dict[str, Callable[..., Any]]:
    """Every way to change the April run, with what it takes by default."""
    fee = broken("fee")
    records = list(fee.items.order_by("side").values_list("record_id", flat=True))
    defaults: dict[str, tuple[Any, dict[str, Any]]] = {
        "unmatch": (unmatch_group, {"run_id": april.pk, "number": 1}),
        "permit": (permit_rematch, {"run_id": april.pk, "number": 1}),
        "force": (force_match, {"run_id": april.pk, "break_ids": pair_ids(april)}),
        "split": (split_break, {"break_id": fee.pk, "parts": [[pk] for pk in records]}),
        "correct": (correct_cause, {"break_id": fee.pk, "cause": "amount"}),
        "write_off": (
            write_off_break,
            {"break_id": fee.pk, "expense_account": "5400", "posted_on": date(2023, 4, 30)},
        ),
    }
    return {
        name: lambda act=act, given=given, **changes: act(**{"reason": "x", **given, **changes})
        for name, (act, given) in defaults.items()
    }


EVERY = ("unmatch", "permit", "force", "split", "correct", "write_off")


@pytest.mark.parametrize("way", EVERY)
@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ada", NotPermitted),
        ("ivy", NotPermitted),
        ("charlie", NotVisible),
        ("victor", NotVisible),
    ],
)
def test_who_may_not(
    who: str, refusal: type[Refusal], way: str, request: Any, ways: Any, table_counts: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        ways[way](actor=actor)
    assert table_counts() == before


def test_a_reviewer_writes_nothing_off(ways: Any, rita: User, table_counts: Any) -> None:
    before = table_counts()
    with pytest.raises(NotPermitted):
        ways["write_off"](actor=rita)
    with pytest.raises(NotPermitted):
        ways["force"](actor=rita, expense_account="5400")
    assert table_counts() == before


REFUSED: list[tuple[str, dict[str, Any], type[Refusal]]] = [
    *((way, {"reason": "  "}, ReasonMissing) for way in EVERY),
    ("unmatch", {"number": 99}, NotVisible),
    ("permit", {}, GroupStands),
    ("force", {}, DifferenceTooLarge),
    ("force", {"break_ids": []}, BreaksUnfit),
    ("force", {"break_ids": [0]}, NotVisible),
    ("force", {"break_ids": "missing_left"}, BreaksUnfit),
    ("split", {"parts": []}, BreaksUnfit),
    ("split", {"parts": [[], []]}, BreaksUnfit),
    ("split", {"parts": [[1], [2]]}, BreaksUnfit),
    ("split", {"break_id": 0}, NotVisible),
    ("correct", {"cause": "fee"}, BreaksUnfit),
    ("correct", {"cause": "nonsense"}, BreaksUnfit),
    ("write_off", {"break_id": "zero"}, NothingToWriteOff),
]


@pytest.mark.parametrize(("way", "changes", "refusal"), REFUSED)
def test_changes_that_are_refused(
    way: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
    ways: Any,
    april: Run,
    pair: Pair,
    connie: User,
    table_counts: Any,
) -> None:
    changes = dict(changes)
    if changes.get("break_ids") == "missing_left":
        changes["break_ids"] = [april.breaks.get(cause="missing_left").pk]
    if changes.get("break_id") == "zero":
        pair.bring("left", ("Z", "03", "10.00"))
        pair.bring("right", ("Z", "20", "10.00"))
        changes["break_id"] = pair.run().breaks.get(cause="timing", state="mismatched").pk
    before = table_counts()
    with pytest.raises(refusal):
        ways[way](actor=connie, **changes)
    assert table_counts() == before


def test_several_currencies_are_not_one_match(
    april: Run, connie: User, monkeypatch: pytest.MonkeyPatch, table_counts: Any
) -> None:
    from apps.reconciliation.services import revisions

    breaks = list(Break.objects.filter(run=april)[:2])
    breaks[0].currency = "USD"
    monkeypatch.setattr(revisions, "_standing_breaks", lambda *given: breaks)
    before = table_counts()
    with pytest.raises(BreaksUnfit, match="one currency"):
        force_match(run_id=april.pk, break_ids=[1, 2], reason="x", actor=connie)
    assert table_counts() == before


@pytest.mark.parametrize("way", ["force", "split", "correct"])
def test_an_accepted_break_is_opened_again_first(
    way: str, ways: Any, april: Run, rita: User, connie: User, table_counts: Any
) -> None:
    for broken in april.breaks.filter(is_material=False):
        accept_break(break_id=broken.pk, comment="Fine", actor=rita)
    before = table_counts()
    with pytest.raises(BreakAccepted):
        ways[way](actor=connie)
    assert table_counts() == before


def test_what_is_closed_or_taken_back_is_not_changed_again(
    ways: Any, april: Run, broken: Broken, connie: User, table_counts: Any
) -> None:
    fee = broken("fee")
    ways["unmatch"](actor=connie)
    ways["split"](actor=connie)
    before = table_counts()
    with pytest.raises(GroupRevoked):
        ways["unmatch"](actor=connie)
    for way in ("split", "correct", "write_off"):
        with pytest.raises(BreakClosed):
            ways[way](actor=connie)
    with pytest.raises(BreakClosed):
        force_match(run_id=april.pk, break_ids=[fee.pk], reason="x", actor=connie)
    assert table_counts() == before


@pytest.mark.parametrize("way", ["unmatch", "force", "split", "correct", "write_off"])
def test_a_superseded_run_is_left_alone(
    way: str, ways: Any, pair: Pair, connie: User, table_counts: Any
) -> None:
    pair.bring("left", ("INV-7", "09", "13.00"))
    pair.run()
    before = table_counts()
    with pytest.raises(RunSuperseded):
        ways[way](actor=connie)
    assert table_counts() == before


def test_what_does_not_add_up_is_not_stored(
    april: Run, connie: User, monkeypatch: pytest.MonkeyPatch, table_counts: Any
) -> None:
    from apps.reconciliation.services import revisions

    monkeypatch.setattr(revisions, "open_alone", lambda *given, **named: [])
    before = table_counts()
    with pytest.raises(ProofFailed):
        unmatch_group(run_id=april.pk, number=numbered(april, "INV-2"), reason="x", actor=connie)
    assert table_counts() == before


@pytest.mark.parametrize(
    "model", [Revision, GroupRevocation, BreakClosure, Correction, RematchPermit, WriteOff]
)
def test_facts_are_not_changed(model: Any, ways: Any, connie: User) -> None:
    for way in ("unmatch", "permit", "write_off"):
        ways[way](actor=connie)
    correct_cause(
        break_id=Break.objects.get(cause="sign").pk, cause="amount", reason="x", actor=connie
    )
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        model.objects.update(id=1)

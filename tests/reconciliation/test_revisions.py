"""What people change in an outcome: each change stands alone, adds up, and survives a new run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from apps.approvals.services import define_policy
from apps.audit.models import Event
from apps.identity.models import User
from apps.ingestion.models import Record
from apps.ledger.models import JournalEntry
from apps.ledger.services import cancel_entry
from apps.reconciliation.errors import (
    BreakClosed,
    DifferenceTooLarge,
    GroupRevoked,
    GroupStands,
    WrittenOff,
)
from apps.reconciliation.matching import reconcile
from apps.reconciliation.models import (
    Break,
    BreakItem,
    BreakReview,
    Correction,
    MatchGroup,
    Run,
    WriteOff,
)
from apps.reconciliation.selectors import match_rate
from apps.reconciliation.services import (
    accept_break,
    change_rules,
    correct_cause,
    explain_break,
    force_match,
    permit_rematch,
    propose_adjustment,
    split_break,
    submit_run,
    unmatch_group,
    write_off_break,
)
from tests.reconciliation.conftest import RULES, Pair
from tests.reconciliation.test_adjustments import booked

WEEK = {"before_days": 7, "after_days": 7}
Broken = Callable[[str], Break]


def holding(groups: Any, run: Run, reference: str) -> list[MatchGroup]:
    """The groups of the run with a record of this reference."""
    wanted = frozenset(Record.objects.filter(reference=reference).values_list("pk", flat=True))
    return [group for group in groups.filter(run=run) if group.record_ids & wanted]


def numbered(run: Run, reference: str) -> int:
    """The number of the group with this reference."""
    return min(group.number for group in holding(MatchGroup.objects, run, reference))


def state_of(run: Run) -> list[tuple[str, str, tuple[str, ...]]]:
    """Every standing break: cause, state, references."""
    return sorted(
        (
            broken.cause,
            broken.state,
            tuple(sorted(broken.items.values_list("record__reference", flat=True))),
        )
        for broken in Break.objects.filter(run=run)
    )


def proved(run: Run) -> bool:
    """The proof of the run as it is stored adds up, and so do its counts."""
    run.refresh_from_db()
    (line,) = run.proof
    total = {name: Decimal(value) for name, value in line.items() if name != "currency"}
    breaks, groups = Break.objects.filter(run=run), MatchGroup.objects.filter(run=run)
    left = sum((each.left_total for each in breaks), Decimal(0))
    right = sum((each.right_total for each in breaks), Decimal(0))
    inside = sum((each.difference for each in groups), Decimal(0))
    items = [pk for group in groups for _, pk in group.members]
    open_items = BreakItem.objects.filter(broken__run=run).values_list("record_id", flat=True)
    assert len([*items, *open_items]) == len({*items, *open_items})
    assert len([*items, *open_items]) == run.left_count + run.right_count
    return (
        total["left_total"] - total["right_total"] == left - right + inside
        and (total["open_left"], total["open_right"], total["differences"]) == (left, right, inside)
        and (run.break_count, run.group_count) == (breaks.count(), groups.count())
        and total["proof_amount"] == 0
    )


# --- Taking a match back ------------------------------------------------------------------------


def test_taking_a_match_back_opens_its_items_and_leaves_the_others(april: Run, rita: User) -> None:
    number = numbered(april, "INV-2")
    before, rate = april.outcome_digest, match_rate(april)
    done = unmatch_group(run_id=april.pk, number=number, reason=" Not theirs ", actor=rita)
    assert proved(april)
    assert (april.group_count, april.break_count) == (1, 8)
    assert numbered(april, "INV-1")
    assert not holding(MatchGroup.objects, april, "INV-2")
    (former,) = holding(MatchGroup.ever, april, "INV-2")
    assert len(former.members) == 2
    assert sorted((b.cause, b.state) for b in done.breaks) == [
        ("missing_left", "missing"),
        ("missing_right", "missing"),
    ]
    assert {b.evidence["said"] for b in done.breaks} == {"Not theirs"}
    assert match_rate(april) < rate
    assert april.outcome_digest == done.revision.outcome_digest != before
    event = Event.objects.get(action="reconciliation.run.revise")
    assert (event.details["groups_revoked"], event.details["reason"]) == ([number], "Not theirs")


def test_an_item_inside_its_time_is_awaited_again(pair: Pair, rita: User) -> None:
    pair.bring("left", ("INV-1", "29", "10.00"))
    pair.bring("right", ("INV-1", "29", "10.00"))
    run = pair.run()
    unmatch_group(run_id=run.pk, number=1, reason="No", actor=rita)
    assert state_of(run) == [("timing", "awaited", ("INV-1",))] * 2


def test_what_was_asked_for_the_outcome_before_falls(
    april: Run, entity: Any, connie: User, alice: User, bob: User, rita: User
) -> None:
    define_policy(
        entity_id=entity.pk,
        item_type="reconciliation",
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )
    asked = submit_run(run_id=april.pk, preparer=alice, actor=alice)
    assert asked is not None
    unmatch_group(run_id=april.pk, number=1, reason="No", actor=rita)
    asked.refresh_from_db()
    assert asked.status == "superseded"
    again = submit_run(run_id=april.pk, preparer=alice, actor=alice)
    assert again is not None
    assert rita in again.conflicted.all()  # who changed it does not approve it


def test_the_next_runs_do_not_make_the_match_again_until_somebody_permits_it(
    april: Run, pair: Pair, rita: User, connie: User
) -> None:
    number = numbered(april, "INV-2")
    unmatch_group(run_id=april.pk, number=number, reason="Not theirs", actor=rita)
    assert pair.start() == april  # the same items and rules: what people did stands
    pair.bring("left", ("INV-7", "09", "13.00"))
    newer = pair.run()
    assert proved(newer)
    assert numbered(newer, "INV-7")
    assert {s for s in state_of(newer) if s[2] == ("INV-2",)}
    (kept,) = newer.breaks.filter(cause="missing_right", items__record__reference="INV-2")
    assert "taken back before: Not theirs" in kept.reason
    change_rules(match_type_id=pair.match_type.pk, rules={**RULES, "awaited_days": 1}, actor=connie)
    assert {s for s in state_of(pair.run()) if s[2] == ("INV-2",)}
    permit_rematch(run_id=april.pk, number=number, reason="It was theirs", actor=rita)
    last = pair.run()
    assert numbered(last, "INV-2")
    assert proved(last)


def test_a_permit_is_given_once_and_only_for_what_was_taken_back(
    april: Run, rita: User, table_counts: Any
) -> None:
    before = table_counts()
    with pytest.raises(GroupStands):
        permit_rematch(run_id=april.pk, number=1, reason="Why not", actor=rita)
    assert table_counts() == before
    unmatch_group(run_id=april.pk, number=1, reason="No", actor=rita)
    first = permit_rematch(run_id=april.pk, number=1, reason="Yes", actor=rita)
    before = table_counts()
    assert permit_rematch(run_id=april.pk, number=1, reason="Yes", actor=rita) == first
    assert table_counts() == before


# --- Matching by hand ---------------------------------------------------------------------------


def pair_ids(run: Run) -> list[int]:
    """The breaks of INV-6 (12.00 left) and INV-7 (13.00 right)."""
    found = Break.objects.filter(run=run, items__record__reference__in=["INV-6", "INV-7"])
    return list(found.values_list("pk", flat=True))


def test_within_the_tolerance_open_items_are_matched_by_hand(
    pair: Pair, rita: User, alice: User
) -> None:
    pair.bring("left", ("A", "03", "12.00"))
    pair.bring("right", ("B", "09", "12.04"))
    run = pair.run()
    ids = list(run.breaks.values_list("pk", flat=True))
    done = force_match(run_id=run.pk, break_ids=ids, reason="Same job", actor=rita)
    assert done.group is not None
    assert (done.group.status, done.group.pass_name) == ("forced", "Matched by hand")
    assert (done.group.difference, done.group.reasons) == (
        Decimal("-0.04"),
        ["matched by hand by Rita: Same job"],
    )
    assert proved(run)
    assert (run.group_count, run.break_count) == (1, 0)
    assert match_rate(run) == 100


def test_beyond_the_tolerance_an_account_takes_the_difference(
    april: Run, books: Any, connie: User
) -> None:
    ids = pair_ids(april)
    with pytest.raises(DifferenceTooLarge, match=r"-1\.00 EUR.*0\.05"):
        force_match(run_id=april.pk, break_ids=ids, reason="Same job", actor=connie)
    done = force_match(
        run_id=april.pk,
        break_ids=ids,
        reason="Same job",
        expense_account="5400",
        posted_on=date(2023, 4, 30),
        actor=connie,
    )
    write_off = WriteOff.objects.get()
    assert (write_off.group, write_off.broken, write_off.amount) == (done.group, None, -1)
    assert booked(write_off.entry) == {"5400": Decimal(1), "1000": Decimal(-1)}
    assert write_off.entry.status == "draft"
    assert proved(april)


def test_a_match_by_hand_is_kept_by_the_next_run(april: Run, pair: Pair, rita: User) -> None:
    rules_alone = april.break_count
    pair.bring("right", ("HAND", "10", "12.03"))
    run = pair.run()
    left = run.breaks.get(items__record__reference="INV-6")
    right = run.breaks.get(items__record__reference="HAND")
    force_match(run_id=run.pk, break_ids=[left.pk, right.pk], reason="Typo", actor=rita)
    pair.bring("left", ("INV-7", "09", "13.00"))
    newer = pair.run()
    assert newer != run
    assert proved(newer)
    group = MatchGroup.objects.get(run=newer, status="forced")
    assert (group.revision, group.reasons) == (None, ["matched by hand by Rita: Typo"])
    assert numbered(newer, "HAND") == numbered(newer, "INV-6") == group.number
    assert newer.break_count < rules_alone
    unmatch_group(run_id=newer.pk, number=group.number, reason="No typo", actor=rita)
    assert proved(newer)
    pair.bring("left", ("INV-8", "09", "1.00"))
    assert not MatchGroup.objects.filter(run=pair.run(), status="forced").exists()


def test_what_was_taken_back_may_be_matched_by_hand_otherwise(april: Run, rita: User) -> None:
    done = unmatch_group(
        run_id=april.pk, number=numbered(april, "INV-2"), reason="Wrong", actor=rita
    )
    ids = [broken.pk for broken in done.breaks]
    force_match(run_id=april.pk, break_ids=ids, reason="Right after all", actor=rita)
    assert proved(april)
    assert numbered(april, "INV-2")


def test_what_a_rerun_lacks_is_not_matched_by_hand_there(
    april: Run, pair: Pair, rita: User
) -> None:
    pair.bring("right", ("HAND", "10", "12.03"))
    run = pair.run()
    chosen = run.breaks.filter(items__record__reference__in=["INV-6", "HAND"])
    force_match(
        run_id=run.pk,
        break_ids=list(chosen.values_list("pk", flat=True)),
        reason="Typo",
        actor=rita,
    )
    short = pair.run(starts_on=date(2023, 4, 1), ends_on=date(2023, 4, 9))
    assert not MatchGroup.objects.filter(run=short, status="forced").exists()
    assert proved(short)


# --- Splitting, correcting ----------------------------------------------------------------------


def test_a_break_is_split_and_stays_so(april: Run, pair: Pair, broken: Broken, rita: User) -> None:
    fee = broken("fee")
    left, right = fee.items.order_by("side").values_list("record_id", flat=True)
    done = split_break(break_id=fee.pk, parts=[[left], [right]], reason="Two jobs", actor=rita)
    assert proved(april)
    assert sorted(b.cause for b in done.breaks) == ["missing_left", "missing_right"]
    assert {b.evidence["split_from"] for b in done.breaks} == {fee.number}
    pair.bring("left", ("INV-7", "09", "13.00"))
    newer = pair.run()
    assert proved(newer)
    assert not newer.breaks.filter(cause="fee").exists()
    assert newer.breaks.filter(items__record_id__in=[left, right]).count() == 2


def test_parts_with_both_sides_differ_or_nobody_knows_why(pair: Pair, rita: User) -> None:
    pair.bring("left", ("A", "03", "10.00"), ("A", "03", "21.00"), ("A", "03", "4.00"))
    pair.bring("right", ("A", "03", "14.00"), ("A", "03", "30.00"))
    run = pair.run()
    whole = run.breaks.get(cause="unknown")
    pk = dict(whole.items.values_list("record__amount", "record_id"))
    parts = [[pk[10], pk[4], pk[14]], [pk[21], pk[30]]]
    done = split_break(break_id=whole.pk, parts=parts, reason="Two jobs", actor=rita)
    assert [(b.cause, b.amount) for b in done.breaks] == [("unknown", 0), ("amount", -9)]
    assert proved(run)


def test_a_corrected_cause_is_kept_as_a_label_and_holds_in_the_next_run(
    april: Run, pair: Pair, broken: Broken, alice: User, rita: User
) -> None:
    amount = broken("amount")
    explain_break(break_id=amount.pk, comment="Credit note", actor=alice)
    label = correct_cause(
        break_id=amount.pk, cause="wrong_account", reason="Booked on 1010", actor=rita
    )
    assert (label.from_cause, label.to_cause, label.corrected_by) == (
        "amount",
        "wrong_account",
        rita,
    )
    assert label.evidence == amount.evidence
    assert label.successor.evidence["corrected_from"] == "amount"
    assert label.successor.review.comment == "Credit note"
    assert proved(april)
    pair.bring("left", ("INV-7", "09", "13.00"))
    newer = pair.run()
    assert proved(newer)
    again = newer.breaks.get(cause="wrong_account")
    assert not newer.breaks.filter(cause="amount").exists()
    assert again.review.comment == "Credit note"
    second = correct_cause(break_id=again.pk, cause="wrong_period", reason="No: May", actor=rita)
    assert second.from_cause == "wrong_account"
    pair.bring("left", ("INV-8", "09", "1.00"))
    assert pair.run().breaks.filter(cause="wrong_period").count() == 1
    assert Correction.objects.count() == 2


# --- Writing off --------------------------------------------------------------------------------


def off(broken: Break, actor: User, **changes: Any) -> WriteOff:
    asked: dict[str, Any] = {
        "break_id": broken.pk,
        "expense_account": "5400",
        "posted_on": date(2023, 4, 30),
        "reason": "Too small to chase",
        "actor": actor,
    }
    return write_off_break(**(asked | changes))


def test_a_write_off_drafts_an_entry_and_explains_the_break(
    april: Run, broken: Broken, books: Any, alice: User, rita: User
) -> None:
    fee = broken("fee")
    made = off(fee, alice)
    assert (made.broken, made.amount, made.currency) == (fee, Decimal("-7.50"), "EUR")
    assert booked(made.entry) == {"5400": Decimal("7.50"), "1000": Decimal("-7.50")}
    review = BreakReview.objects.get(broken=fee)
    assert (review.status, review.comment) == ("explained", "Written off: Too small to chase")
    accept_break(break_id=fee.pk, comment="", actor=rita)
    assert Event.objects.filter(action="reconciliation.write_off.propose").count() == 1


def test_what_is_booked_away_is_not_booked_twice(
    april: Run, pair: Pair, broken: Broken, books: Any, alice: User, connie: User
) -> None:
    fee = broken("fee")
    made = off(fee, alice)
    with pytest.raises(WrittenOff):
        off(fee, alice)
    ask = {"cause": "fee", "expense_account": "5400", "posted_on": date(2023, 4, 30)}
    assert propose_adjustment(run_id=april.pk, actor=alice, **ask) is None
    pair.bring("left", ("INV-7", "09", "13.00"))
    newer = pair.run()
    assert propose_adjustment(run_id=newer.pk, actor=alice, **ask) is None
    assert WriteOff.objects.filter(run=newer, entry=made.entry).count() == 1
    cancel_entry(entry_id=made.entry_id, reason="Chased after all", actor=alice)
    again = off(newer.breaks.get(cause="fee"), alice)
    assert again.entry != made.entry


def test_what_the_close_proposed_is_not_written_off_again(
    april: Run, broken: Broken, books: Any, alice: User, rita: User
) -> None:
    propose_adjustment(
        run_id=april.pk,
        cause="fee",
        expense_account="5400",
        posted_on=date(2023, 4, 30),
        actor=alice,
    )
    with pytest.raises(WrittenOff):
        off(broken("fee"), alice)
    with pytest.raises(WrittenOff):
        correct_cause(break_id=broken("fee").pk, cause="amount", reason="No fee", actor=rita)
    assert JournalEntry.objects.count() == 1


# --- At once ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_who_take_the_same_match_back_do_it_once(april: Run, rita: User, alice: User) -> None:
    barrier = threading.Barrier(2)
    answers: list[str] = []

    def one(actor: User) -> None:
        try:
            barrier.wait(timeout=30)
            unmatch_group(run_id=april.pk, number=1, reason="No", actor=actor)
            answers.append("done")
        except GroupRevoked:
            answers.append("late")
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=[actor]) for actor in (rita, alice)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(answers) == ["done", "late"]
    assert proved(april)


@pytest.mark.django_db(transaction=True)
def test_a_match_by_hand_and_a_split_of_the_same_break_do_not_both_happen(
    pair: Pair, rita: User, alice: User
) -> None:
    pair.bring("left", ("A", "03", "12.00"))
    pair.bring("right", ("A", "03", "12.50"))
    run = pair.run()
    broken = run.breaks.get()
    parts = [[pk] for pk in broken.items.values_list("record_id", flat=True)]
    barrier = threading.Barrier(2)
    answers: list[str] = []

    def one(act: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=30)
            act()
            answers.append("done")
        except BreakClosed:
            answers.append("late")
        finally:
            connection.close()

    acts = [
        lambda: correct_cause(break_id=broken.pk, cause="fee", reason="x", actor=alice),
        lambda: split_break(break_id=broken.pk, parts=parts, reason="x", actor=rita),
    ]
    threads = [threading.Thread(target=one, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(answers) == ["done", "late"]
    assert proved(run)


def test_without_hand_work_the_outcome_is_the_kernels(april: Run) -> None:
    """Nothing of this costs or changes anything where nobody did anything."""
    from apps.reconciliation.selectors import population
    from apps.reconciliation.services.by_hand import hand_work, reconciled
    from apps.reconciliation.services.rule_sets import read_rules

    items, rules = population(april), read_rules(april.rule_set.rules)
    assert not hand_work(april, items)
    ours = reconciled(april, items, rules)
    assert ours.groups.equals(reconcile(items.left, items.right, rules, as_of=april.ends_on).groups)

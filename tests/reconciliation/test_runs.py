"""Runs: all of an outcome or nothing, the same outcome once, and what a newer run takes over."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.operations.models import OutboxMessage
from apps.reconciliation.errors import DatesInvalid
from apps.reconciliation.matching import ItemsInvalid, NotOptimal
from apps.reconciliation.models import Break, BreakReview, MatchGroup, Run
from apps.reconciliation.selectors import (
    causes,
    items_by_group,
    live_run,
    match_rate,
    population,
    variance,
)
from apps.reconciliation.selectors.items import population_ids
from apps.reconciliation.services import (
    accept_break,
    change_rules,
    execute_run,
    explain_break,
    reopen_break,
    resume_queued,
    start_run,
)
from apps.reconciliation.services import runs as runs_module
from apps.reconciliation.tasks import execute_run as execute_run_task
from apps.reconciliation.tasks import resume_queued as resume_queued_task
from tests.reconciliation.conftest import APRIL, MAY, RULES, Pair


class TestStarting:
    def test_a_run_is_queued_with_its_event_and_its_task(self, pair: Pair, alice: User) -> None:
        run = pair.start()
        assert (run.status, run.requested_by, run.rule_set.number) == ("queued", alice, 1)
        assert Event.objects.get(action="reconciliation.run.start").details == {
            "match_type": "bank_gl",
            "rule_set": 1,
        }
        message = OutboxMessage.objects.get()
        assert (message.task, message.arguments) == (
            "apps.reconciliation.tasks.execute_run",
            {"run_id": run.pk},
        )

    def test_a_queued_run_is_returned_and_handed_over_again(self, pair: Pair) -> None:
        run = pair.start()
        assert pair.start() == run
        assert Run.objects.count() == 1
        assert OutboxMessage.objects.count() == 2
        assert Event.objects.filter(action="reconciliation.run.start").count() == 1

    def test_runs_over_other_days_may_wait_beside_it(self, pair: Pair) -> None:
        assert pair.start() != pair.start(**MAY)

    @pytest.mark.parametrize(
        ("days", "field"),
        [
            ((date(2023, 4, 30), date(2023, 4, 1)), "ends_on"),
            ((date(1, 1, 1), date(2023, 4, 1)), "starts_on"),
            ((date(2023, 4, 1), date(9999, 12, 31)), "ends_on"),
        ],
    )
    def test_days_that_make_no_sense_are_refused(
        self, days: tuple[date, date], field: str, pair: Pair, table_counts: Any
    ) -> None:
        before = table_counts()
        with pytest.raises(DatesInvalid) as caught:
            pair.start(starts_on=days[0], ends_on=days[1])
        assert caught.value.field == field
        assert table_counts() == before

    @pytest.mark.parametrize(
        ("who", "refusal"),
        [
            ("rita", NotPermitted),
            ("bob", NotPermitted),
            ("otto", NotPermitted),
            ("ada", NotPermitted),
            ("charlie", NotVisible),
            ("victor", NotVisible),
        ],
    )
    def test_who_may_not_start_runs(
        self, who: str, refusal: type[Refusal], request: Any, pair: Pair, table_counts: Any
    ) -> None:
        actor = request.getfixturevalue(who)
        before = table_counts()
        with pytest.raises(refusal):
            start_run(match_type_id=pair.match_type.pk, actor=actor, **APRIL)
        assert table_counts() == before


class TestExecuting:
    def test_everything_appears_with_the_completion(self, april: Run) -> None:
        assert (april.status, april.failure) == ("completed", "")
        assert (april.left_count, april.right_count) == (7, 6)
        assert (april.group_count, april.break_count) == (2, 6)
        assert april.finished_at is not None
        assert len(april.input_digest) == len(april.outcome_digest) == 64
        assert {line.cause: line.count for line in causes(april)} == {
            "amount": 1,
            "fee": 1,
            "sign": 1,
            "missing_right": 1,
            "missing_left": 1,
            "timing": 1,
        }
        event = Event.objects.get(action="reconciliation.run.complete")
        assert event.details["outcome_digest"] == april.outcome_digest
        assert event.details["proof"] == april.proof

    def test_a_group_says_which_pass_and_why(self, april: Run) -> None:
        near = MatchGroup.objects.get(run=april, pass_name="Near")
        assert (near.status, near.difference) == ("automatic", Decimal("-0.03"))
        assert near.reasons == [
            "reference equal: INV-2",
            "amount differs by 0.03 EUR (tolerance 0.05)",
            "booked 2 days later (window -5..5)",
        ]
        items = items_by_group([near])[near.pk]
        assert {(item.side, item.allocated) for item in items} == {
            ("left", Decimal("50.00")),
            ("right", Decimal("50.03")),
        }

    def test_the_proof_adds_up(self, april: Run) -> None:
        (proof,) = april.proof
        assert proof["proof_amount"] == "0.00"
        assert Decimal(proof["left_total"]) - Decimal(proof["right_total"]) == (
            sum(april.breaks.values_list("amount", flat=True)) + Decimal(proof["differences"])
        )
        found = variance(april)
        assert found is not None
        assert (found.amount, found.currency) == (Decimal("726.47"), "EUR")
        assert (found.percent, found.gross_percent) == (Decimal("54.4976"), Decimal("57.5756"))
        assert match_rate(april) == Decimal("30.76")  # 4 of 13, cut

    def test_a_completed_run_is_not_carried_out_again(self, april: Run, table_counts: Any) -> None:
        before = table_counts()
        assert execute_run(run_id=april.pk) == april
        execute_run_task(april.pk)
        assert table_counts() == before

    def test_the_task_carries_out_what_is_queued(self, pair: Pair) -> None:
        run = pair.start()
        execute_run_task(run_id=run.pk)
        run.refresh_from_db()
        assert (run.status, run.group_count, run.break_count) == ("completed", 0, 0)
        assert match_rate(run) == Decimal(100)
        assert variance(run) is None

    @pytest.mark.parametrize(
        ("minutes", "status", "is_handed_out"),
        [(6, "queued", True), (4, "queued", False), (6, "running", False), (6, "failed", False)],
    )
    def test_a_run_that_still_waits_is_handed_out_again(
        self, minutes: int, status: str, is_handed_out: bool, pair: Pair
    ) -> None:
        run = pair.start()
        OutboxMessage.objects.all().delete()
        since = timezone.now() - timedelta(minutes=minutes)
        Run.objects.filter(pk=run.pk).update(status=status, requested_at=since)
        resume_queued_task()
        assert [message.arguments for message in OutboxMessage.objects.all()] == (
            [{"run_id": run.pk}] if is_handed_out else []
        )

    def test_one_behind_a_run_in_shards_is_handed_over_by_its_end(self, pair: Pair) -> None:
        waiting, running = pair.start(), pair.start(**MAY)
        since = timezone.now() - timedelta(hours=1)
        Run.objects.update(requested_at=since)
        Run.objects.filter(pk=running.pk).update(status="running")
        assert resume_queued() == []
        Run.objects.filter(pk=running.pk).update(status="failed")
        assert resume_queued() == [waiting.pk]

    def test_there_is_no_run_to_execute(self, db: None) -> None:
        with pytest.raises(NotVisible):
            execute_run(run_id=0)

    def test_the_digest_of_the_ids_is_that_of_the_items(self, april: Run, pair: Pair) -> None:
        pair.run()
        may = Run(match_type=pair.match_type, **MAY)
        pair.bring("left", ("INV-10", "02", "5.00"), month="2023-05")
        for run in (april, may):
            frames, ids = population(run).ids, population_ids(run)
            assert [side.tolist() for side in frames] == [side.tolist() for side in ids]
        assert len(population_ids(may)[0]) == 2  # the new line, and the one that was awaited


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ItemsInvalid("left items: amount is null in 1 rows"), "left items: amount is null"),
        (NotOptimal("the solver is wrong"), "the solver is wrong"),
    ],
)
def test_a_run_that_cannot_be_carried_out_fails_and_stores_nothing(
    error: Exception, words: str, pair: Pair, monkeypatch: pytest.MonkeyPatch, table_counts: Any
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    run = pair.start()
    before = table_counts()
    monkeypatch.setattr(runs_module, "reconciled", fail)
    failed = execute_run(run_id=run.pk)
    assert failed.status == "failed"
    assert failed.failure.startswith(words)
    after = table_counts()
    assert {name for name in after if after[name] != before[name]} == {
        "audit_event",
        "reconciliation_historicalrun",
    }
    assert Event.objects.filter(action="reconciliation.run.fail").count() == 1


def test_an_outcome_that_does_not_add_up_is_not_stored(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof is asked of every outcome; here the kernel is made to lose a break's amount."""
    from dataclasses import replace

    import polars as pl

    from apps.reconciliation.services.by_hand import reconciled

    def lose(*given: Any, **how: Any) -> Any:
        found = reconciled(*given, **how)

        def explained() -> Any:
            outcome = found.explained()
            return replace(outcome, proof=outcome.proof.with_columns(proof_amount=pl.lit(100)))

        return replace(found, explained=explained)

    pair.bring("left", ("INV-1", "03", "100.00"))
    run = pair.start()
    monkeypatch.setattr(runs_module, "reconciled", lose)
    failed = execute_run(run_id=run.pk)
    assert failed.status == "failed"
    assert "does not add up" in failed.failure
    assert "report it" in failed.failure
    assert not Break.objects.exists()
    monkeypatch.undo()
    again = pair.run()
    assert again != failed
    assert again.status == "completed"


class TestAgain:
    def test_the_same_items_and_rules_give_the_run_that_stands(
        self, april: Run, pair: Pair, table_counts: Any
    ) -> None:
        before = table_counts()
        assert pair.start() == april
        assert table_counts() == before

    def test_a_new_line_makes_a_run_that_takes_its_place(self, april: Run, pair: Pair) -> None:
        pair.bring("right", ("INV-6", "08", "12.00"), account="1000", month="2023-04")
        newer = pair.run()
        april.refresh_from_db()
        assert (april.status, newer.status) == ("superseded", "completed")
        assert newer.group_count == april.group_count + 1
        assert live_run(pair.match_type, **APRIL) == newer
        event = Event.objects.get(action="reconciliation.run.supersede")
        assert (event.subject_id, event.details) == (str(april.pk), {"by": newer.pk})
        assert MatchGroup.objects.filter(run=april).count() == 2  # facts stay

    def test_a_line_on_another_account_changes_nothing(self, april: Run, pair: Pair) -> None:
        pair.bring("right", ("INV-6", "08", "12.00"), account="4000")
        assert pair.start() == april

    def test_changed_rules_make_a_run_that_takes_its_place(
        self, april: Run, pair: Pair, connie: User
    ) -> None:
        stricter = {**RULES, "passes": RULES["passes"][:1]}
        change_rules(match_type_id=pair.match_type.pk, rules=stricter, actor=connie)
        newer = pair.run()
        assert (newer.rule_set.number, newer.group_count) == (2, 1)
        april.refresh_from_db()
        assert april.status == "superseded"
        assert april.rule_set.number == 1

    def test_a_failed_run_leaves_the_one_that_stands(
        self, april: Run, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise ItemsInvalid("no")

        pair.bring("left", ("INV-8", "08", "1.00"))
        monkeypatch.setattr(runs_module, "reconciled", fail)
        assert pair.run().status == "failed"
        april.refresh_from_db()
        assert april.status == "completed"


class TestCarryForward:
    def test_what_is_awaited_meets_its_counterpart_in_the_next_period(
        self, april: Run, pair: Pair
    ) -> None:
        pair.bring("right", ("INV-9", "02", "75.00"), month="2023-05")
        may = pair.run(**MAY)
        assert (may.carried_left_count, may.carried_right_count) == (1, 0)
        assert (may.group_count, may.break_count) == (1, 0)

    def test_what_stays_away_is_missing_in_the_next_period(self, april: Run, pair: Pair) -> None:
        may = pair.run(**MAY)
        assert [(b.cause, b.state) for b in may.breaks.all()] == [("missing_right", "missing")]
        june = pair.run(starts_on=date(2023, 6, 1), ends_on=date(2023, 6, 30))
        assert june.left_count == 0  # a break of May stays in May

    def test_only_the_longest_of_the_runs_before_is_carried(self, april: Run, pair: Pair) -> None:
        pair.run(starts_on=date(2023, 4, 15), ends_on=date(2023, 4, 30))
        assert pair.run(**MAY).carried_left_count == 1

    def test_a_changed_april_makes_may_run_again(self, april: Run, pair: Pair) -> None:
        may = pair.run(**MAY)
        pair.bring("right", ("INV-9", "28", "75.00"))
        pair.run()
        newer = pair.run(**MAY)
        assert newer != may
        assert newer.carried_left_count == 0


class TestReviewsTakenOver:
    def test_what_was_said_of_the_same_breaks_stays_said(
        self, april: Run, pair: Pair, broken: Any, alice: User, rita: User
    ) -> None:
        explain_break(break_id=broken("fee").pk, comment="Wire fee", actor=alice)
        explain_break(break_id=broken("amount").pk, comment="Credit note", actor=alice)
        accept_break(break_id=broken("amount").pk, comment="", actor=rita)
        explain_break(break_id=broken("missing_left").pk, comment="Not ours", actor=alice)
        accept_break(break_id=broken("sign").pk, comment="Booked twice", actor=rita)
        reopen_break(break_id=broken("sign").pk, comment="Wait", actor=rita)
        was = broken("amount")
        # INV-7 of the ledger finds its counterpart; nothing else changes.
        pair.bring("left", ("INV-7", "09", "13.00"))
        newer = pair.run()
        taken = {
            review.broken.cause: (
                review.status,
                review.comment,
                review.explained_by,
                review.accepted_by,
            )
            for review in BreakReview.objects.filter(broken__run=newer)
        }
        assert taken == {
            "fee": ("explained", "Wire fee", alice, None),
            "amount": ("accepted", "Credit note", alice, rita),
        }
        review = BreakReview.objects.get(broken__run=newer, broken__cause="amount")
        assert (review.taken_over_from, review.version) == (was, 1)
        assert review.history.count() == 1
        event = Event.objects.get(action="reconciliation.review.take_over")
        assert event.details == {"from_run": april.pk, "reviews": 2}

    def test_without_anything_said_nothing_is_taken_over(self, april: Run, pair: Pair) -> None:
        pair.bring("left", ("INV-7", "09", "13.00"))
        pair.run()
        assert not BreakReview.objects.exists()
        assert not Event.objects.filter(action="reconciliation.review.take_over").exists()

    def test_nothing_is_taken_over_to_a_break_that_changed(
        self, april: Run, pair: Pair, broken: Any, alice: User
    ) -> None:
        explain_break(break_id=broken("missing_left").pk, comment="Not ours", actor=alice)
        pair.bring("left", ("INV-7", "09", "12.00"))
        newer = pair.run()
        assert not BreakReview.objects.filter(broken__run=newer).exists()
        assert not Event.objects.filter(action="reconciliation.review.take_over").exists()


def test_two_currencies_are_never_added_up(pair: Pair) -> None:
    from tests.reconciliation.conftest import lines

    pair.bring("left", ("INV-1", "03", "10.00"))
    dollars = lines(("INV-2", "03", "7.00"), prefix="X").replace(b",EUR,", b",USD,")
    from apps.ingestion.services import import_file

    import_file(source_id=pair.left.pk, filename="usd", content=dollars, actor=pair.actor)
    run = pair.run()
    (line,) = causes(run)
    assert (line.cause, line.count, line.amount) == ("missing_right", 2, None)
    assert line.amounts == {"EUR": Decimal(10), "USD": Decimal(7)}
    assert variance(run) is None
    assert [proof["currency"] for proof in run.proof] == ["EUR", "USD"]


def test_everything_missing_on_the_right_is_a_variance_of_all(pair: Pair) -> None:
    pair.bring("left", ("INV-1", "03", "10.00"))
    found = variance(pair.run())
    assert found is not None
    assert (found.percent, found.gross_percent) == (Decimal(100), Decimal(100))

"""Changing outcomes whose matches cross currencies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest

from apps.identity.models import User
from apps.ingestion.services import import_file
from apps.reconciliation.errors import BreaksUnfit
from apps.reconciliation.models import Break, Run
from apps.reconciliation.services import (
    change_rules,
    correct_cause,
    force_match,
    permit_rematch,
    unmatch_group,
)
from tests.reconciliation.conftest import Pair, lines
from tests.reconciliation.test_revisions import WEEK, numbered


class TestAcrossCurrencies:
    """What was exchanged is in the proof of each currency, and leaves it with its match."""

    RULES: ClassVar[dict[str, Any]] = {
        "version": "fx",
        "passes": [
            {"name": "Same", "kind": "exact", "keys": ["reference"], "date_window": WEEK},
            {
                "name": "In euros",
                "kind": "aggregated",
                "keys": ["reference"],
                "tolerance": {"percent": "0.5"},
                "date_window": WEEK,
                "fx": {"to": "EUR", "most_days": 10},
            },
        ],
        "rates": [
            {"id": "r1", "currency": "USD", "to": "EUR", "on": "2023-04-01", "rate": "0.90"},
            {"id": "r2", "currency": "GBP", "to": "EUR", "on": "2023-04-01", "rate": "1.10"},
        ],
    }

    @pytest.fixture
    def mixed(self, pair: Pair, connie: User, rita: User) -> Run:
        """INV-1 and INV-4 in euros and dollars, INV-3 in pounds and dollars, INV-2 in euros."""
        change_rules(match_type_id=pair.match_type.pk, rules=self.RULES, actor=connie)
        self.bring_in(pair, "left", "GBP", ("INV-3", "03", "90.10"))
        self.bring_in(
            pair,
            "right",
            "USD",
            ("INV-1", "03", "60.00"),
            ("INV-1", "04", "40.00"),
            ("INV-3", "03", "110.00"),
            ("INV-4", "03", "20.00"),
        )
        pair.bring(
            "left", ("INV-1", "03", "90.10"), ("INV-2", "03", "5.00"), ("INV-4", "03", "18.00")
        )
        pair.bring("right", ("INV-2", "03", "5.00"))
        run = pair.run()
        assert (run.group_count, run.break_count) == (4, 0)
        return run

    def bring_in(self, pair: Pair, side: str, currency: str, *rows: Any) -> None:
        content = lines(*rows, prefix=side[0]).replace(b"EUR", currency.encode())
        source = getattr(pair, side)
        import_file(
            source_id=source.pk, filename=f"{currency}.csv", content=content, actor=pair.actor
        )

    def unmatch(self, run: Run, reference: str, actor: User) -> list[Break]:
        number = numbered(run, reference)
        done = unmatch_group(run_id=run.pk, number=number, reason="No", actor=actor)
        run.refresh_from_db()
        return done.breaks

    def proof(self, run: Run) -> dict[str, dict[str, str]]:
        return {line["currency"]: line for line in run.proof}

    def test_another_match_of_the_run_is_taken_back(self, mixed: Run, rita: User) -> None:
        before = {code: line["exchanged"] for code, line in self.proof(mixed).items()}
        self.unmatch(mixed, "INV-2", rita)
        assert {line["proof_amount"] for line in mixed.proof} == {"0.00"}
        assert {code: line["exchanged"] for code, line in self.proof(mixed).items()} == before
        assert mixed.break_count == 2

    def test_its_items_are_open_each_in_its_own_currency(self, mixed: Run, rita: User) -> None:
        breaks = self.unmatch(mixed, "INV-1", rita)
        assert [(b.currency, b.amount, b.cause) for b in breaks] == [
            ("EUR", Decimal("90.10"), "missing_right"),
            ("USD", Decimal("-60.00"), "missing_left"),
            ("USD", Decimal("-40.00"), "missing_left"),
        ]
        assert (mixed.group_count, mixed.break_count) == (3, 3)

    def test_the_proof_of_every_currency_stays_nothing(self, mixed: Run, rita: User) -> None:
        before = self.proof(mixed)
        # 90.10 + 18.00 EUR less a difference of 0.10, which became 100.00 + 20.00 USD; the
        # difference of INV-3, 0.11, is in euros, of which it holds none.
        assert before["EUR"]["exchanged"] == "107.89"
        self.unmatch(mixed, "INV-1", rita)
        after = self.proof(mixed)
        assert {line["proof_amount"] for line in mixed.proof} == {"0.00"}
        assert (after["EUR"]["exchanged"], after["EUR"]["open_left"]) == ("17.89", "90.10")
        assert (after["USD"]["exchanged"], after["USD"]["open_right"]) == ("-130.00", "100.00")
        assert after["GBP"] == before["GBP"]
        for reference in ("INV-3", "INV-4", "INV-2"):
            self.unmatch(mixed, reference, rita)
        assert {line["exchanged"] for line in mixed.proof} == {"0.00"}
        assert {line["proof_amount"] for line in mixed.proof} == {"0.00"}
        assert mixed.group_count == 0

    def test_a_match_of_two_other_currencies_is_taken_back(self, mixed: Run, rita: User) -> None:
        breaks = self.unmatch(mixed, "INV-3", rita)
        assert [(b.currency, b.amount) for b in breaks] == [
            ("GBP", Decimal("90.10")),
            ("USD", Decimal("-110.00")),
        ]
        assert self.proof(mixed)["GBP"]["exchanged"] == "0.00"

    def test_a_new_run_keeps_it_taken_back_until_it_is_permitted(
        self, mixed: Run, pair: Pair, rita: User
    ) -> None:
        number = numbered(mixed, "INV-1")
        self.unmatch(mixed, "INV-1", rita)
        stood = mixed.proof
        pair.bring("left", ("INV-9", "03", "7.00"))
        again = pair.run()
        assert (again.group_count, again.break_count) == (3, 4)
        opened = Break.objects.filter(run=again).exclude(items__record__reference="INV-9")
        assert sorted((b.currency, b.amount) for b in opened) == [
            ("EUR", Decimal("90.10")),
            ("USD", Decimal("-60.00")),
            ("USD", Decimal("-40.00")),
        ]
        exchanged = {code: line["exchanged"] for code, line in self.proof(again).items()}
        assert exchanged == {line["currency"]: line["exchanged"] for line in stood}
        assert {line["proof_amount"] for line in again.proof} == {"0.00"}
        permit_rematch(run_id=mixed.pk, number=number, reason="The rate is right", actor=rita)
        permitted = pair.run()
        assert (permitted.group_count, permitted.break_count) == (4, 1)

    def test_its_breaks_are_worked_like_any_other(self, mixed: Run, rita: User) -> None:
        euros, *dollars = self.unmatch(mixed, "INV-1", rita)
        corrected = correct_cause(break_id=euros.pk, cause="fx", reason="Rate", actor=rita)
        assert corrected.successor.currency == "EUR"
        with pytest.raises(BreaksUnfit, match="one currency"):
            force_match(
                run_id=mixed.pk,
                break_ids=[corrected.successor.pk, dollars[0].pk],
                reason="x",
                actor=rita,
            )
        mixed.refresh_from_db()
        assert {line["proof_amount"] for line in mixed.proof} == {"0.00"}

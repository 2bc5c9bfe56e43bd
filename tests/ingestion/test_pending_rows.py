"""Rows of a table that the bank has not booked: out now, in once they are, and never twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.ingestion.errors import StillRejected
from apps.ingestion.models import Record, RejectedLine

HEADER = "Buchungstag;Betrag;Status;Verwendungszweck"


def export(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.fixture
def card(define: Any) -> Any:
    """A table whose columns have well-known names; its currency and account are said."""
    return define(
        "card", format="csv", mapping={"constants": {"currency": "EUR", "account": "1000"}}
    )


def test_what_is_booked_later_comes_in_once(card: Any, bring: Any, table_counts: Any) -> None:
    kept = "03.04.2026;-12,00;Gebucht;Kaffee"
    first = bring(card, export(kept, "04.04.2026;-50,00;Vorgemerkt;Hotel")).batch
    assert (first.line_count, first.pending_count, first.rejected_count) == (1, 1, 0)
    assert [record.amount for record in Record.objects.all()] == [Decimal("-12.0000")]

    booked = export(kept, "06.04.2026;-51,20;Gebucht;Hotel")
    second = bring(card, booked).batch
    assert (second.added_count, second.pending_count) == (1, 0)
    before = table_counts()
    bring(card, booked)
    assert table_counts() == before

    amounts = Record.objects.order_by("booked_on").values_list("amount", flat=True)
    assert list(amounts) == [Decimal("-12.0000"), Decimal("-51.2000")]


def test_a_corrected_row_that_is_not_booked_stays_out(card: Any, bring: Any, fix: Any) -> None:
    bring(card, export("03.04.2026;-12,00;Gebucht;Kaffee", "04.04.2026;viel;Vorgemerkt;Hotel"))
    with pytest.raises(StillRejected, match="not booked"):
        fix(RejectedLine.objects.get(), Betrag="-50,00")
    fix(RejectedLine.objects.get(), Betrag="-50,00", Status="Gebucht")
    assert Record.objects.count() == 2

"""Messages of different kinds tell the same money: one source takes one kind."""

from __future__ import annotations

from typing import Any

import pytest

from apps.ingestion.models import Batch, Record, Source
from tests.ingestion.formats.documents import camt, entry


def message(kind: str, amount: str = "300.00", version: str = "02") -> bytes:
    return camt(entry(amount), version=f"camt.{kind}.001.{version}")


@pytest.fixture
def bank(define: Any) -> Source:
    return define("bank", format="camt")


@pytest.mark.parametrize(
    ("first", "second"), [("053", "054"), ("054", "053"), ("052", "053"), ("053", "052")]
)
def test_the_second_kind_is_refused_with_a_remedy(
    first: str, second: str, bank: Source, bring: Any
) -> None:
    bring(bank, message(first))
    outcome = bring(bank, message(second))

    assert outcome.failure.message == (
        f"This source holds camt.{first} messages; a camt.{second} tells the same money again."
    )
    assert "source of its own" in outcome.failure.remedy
    assert Record.objects.count() == 1


def test_other_versions_of_a_kind_and_other_sources_are_taken(
    bank: Source, define: Any, bring: Any
) -> None:
    bring(bank, message("053"))
    bring(bank, message("053", "40.00", "08"))
    bring(define("notices", format="camt"), message("054"))

    assert Batch.objects.count() == 3


def test_a_source_that_has_both_from_before_goes_on_with_both(
    bank: Source, bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise lines that were rejected then could not be corrected."""
    with monkeypatch.context() as before:
        before.setattr("apps.ingestion.services.reading._require_own_message", lambda *_: None)
        bring(bank, message("053"))
        bring(bank, message("054", "40.00"))

    for kind in ("053", "054"):
        assert bring(bank, message(kind, "5.00")).failure is None
    assert bring(bank, message("052", "6.00")).failure is not None

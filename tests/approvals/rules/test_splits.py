"""Pieces of one thing count together: against a sum written out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.rules import Piece, belongs_with, exposure

NOON = datetime(2023, 4, 28, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
ONE = Piece(1, 7, "journal_entry", "Acme", "EUR", Decimal(6_000), NOON)
PIECES = st.lists(
    st.builds(
        Piece,
        request_id=st.integers(1, 6),
        maker_id=st.integers(7, 8),
        item_type=st.sampled_from(["journal_entry", "write_off"]),
        key=st.sampled_from(["", "Acme", "Bolt"]),
        currency=st.sampled_from(["EUR", "USD"]),
        amount=st.decimals("-9999", "9999", places=2),
        requested_at=st.integers(-400, 400).map(lambda hours: NOON + timedelta(hours=hours)),
    ),
    unique_by=lambda piece: piece.request_id,
)


@pytest.mark.parametrize(
    ("changes", "amount"),
    [
        ({}, 10_000),
        ({"amount": Decimal(-4_000)}, 10_000),  # gross, never net
        ({"requested_at": NOON + WEEK}, 10_000),
        ({"requested_at": NOON - WEEK}, 10_000),
        ({"requested_at": NOON + WEEK + timedelta(seconds=1)}, 6_000),
        ({"maker_id": 8}, 6_000),
        ({"item_type": "write_off"}, 6_000),
        ({"key": "Bolt"}, 6_000),
        ({"currency": "USD"}, 6_000),
        ({"request_id": 1}, 6_000),  # itself
    ],
)
def test_what_belongs_together_is_added_up(changes: dict[str, object], amount: int) -> None:
    other = replace(ONE, **({"request_id": 2, "amount": Decimal(4_000)} | changes))  # type: ignore[arg-type]
    assert exposure(ONE, [other], WEEK) == amount


def test_without_a_key_nothing_belongs_together() -> None:
    loose = replace(ONE, key="")
    assert exposure(loose, [replace(loose, request_id=2)], WEEK) == 6_000


@given(PIECES)
def test_it_is_the_sum_written_out(pieces: list[Piece]) -> None:
    for piece in pieces:
        total = Decimal(0)
        for other in pieces:
            is_same = (
                other.maker_id == piece.maker_id
                and other.item_type == piece.item_type
                and other.key == piece.key != ""
                and other.currency == piece.currency
            )
            seconds = abs((other.requested_at - piece.requested_at).total_seconds())
            if other is piece or (is_same and seconds <= 7 * 24 * 3600):
                total += abs(other.amount)
        assert exposure(piece, pieces, WEEK) == total
        assert not piece.key or belongs_with(piece, piece, WEEK)

"""What was split into pieces below a limit counts as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Piece:
    """One request as far as splitting is concerned.

    Args:
        key: what the subject's app says belongs together (a counterparty, an account); empty:
            nothing does.
        amount: gross; its sign does not count.
    """

    request_id: int
    maker_id: int
    item_type: str
    key: str
    currency: str
    amount: Decimal
    requested_at: datetime


def belongs_with(one: Piece, other: Piece, window: timedelta) -> bool:
    """Same maker, kind, key and currency, and no further apart than the window (inclusive)."""
    return (
        bool(one.key)
        and (one.maker_id, one.item_type, one.key, one.currency)
        == (other.maker_id, other.item_type, other.key, other.currency)
        and abs(one.requested_at - other.requested_at) <= window
    )


def exposure(piece: Piece, others: Iterable[Piece], window: timedelta) -> Decimal:
    """The amount by which the piece is measured: its own and that of what belongs with it.

    `others` may hold the piece itself; it counts once.
    """
    together = (
        abs(other.amount)
        for other in others
        if other.request_id != piece.request_id and belongs_with(piece, other, window)
    )
    return abs(piece.amount) + sum(together, Decimal(0))

"""What belongs together with a request, and how much that is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from apps.approvals.models import Request
from apps.approvals.rules import WINDOW, Piece, exposure


def split_amount_of(request: Request) -> Decimal:
    """The amount of what belongs together with a request, itself left out (one query)."""
    if not request.split_key or request.amount is None:
        return Decimal(0)
    return amount_beside(
        Piece(
            request_id=request.pk,
            maker_id=request.maker_id,
            item_type=request.item_type,
            key=request.split_key,
            currency=request.currency,
            amount=request.amount,
            requested_at=request.requested_at,
        ),
        entity_id=request.entity_id,
        subject={"subject_type": request.subject_type, "subject_id": request.subject_id},
    )


def amount_beside(piece: Piece, *, entity_id: int, subject: dict[str, str]) -> Decimal:
    """The amount of what belongs together with a piece, which may not be stored yet.

    Args:
        subject: what the piece is about; earlier rounds about it do not count beside it.
    """
    rows = (
        Request.objects.counted()
        .filter(
            entity_id=entity_id,
            maker_id=piece.maker_id,
            item_type=piece.item_type,
            split_key=piece.key,
            requested_at__range=(piece.requested_at - WINDOW, piece.requested_at + WINDOW),
            amount__isnull=False,
        )
        .exclude(**subject)
        .values_list("pk", "currency", "amount", "requested_at")
    )
    others = [_beside(piece, pk, currency, amount, at) for pk, currency, amount, at in rows]
    return exposure(piece, others, WINDOW) - abs(piece.amount)


def _beside(piece: Piece, pk: int, currency: str, amount: Decimal, at: datetime) -> Piece:
    return Piece(pk, piece.maker_id, piece.item_type, piece.key, currency, amount, at)

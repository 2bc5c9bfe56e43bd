"""What people without the right see instead of a sensitive value."""

from __future__ import annotations

from apps.common.access import Actor
from apps.privacy.classification import NEEDED, Classification

_DOT = "•"


def shown_to(
    actor: Actor, value: str, classification: Classification, *, entity_id: int | None = None
) -> str:
    """The value as this actor may see it.

    Confidential values keep their last four characters (never more than half of them),
    restricted ones show nothing but that there is something.
    """
    needed = NEEDED[classification]
    if not value or needed is None or actor.may(needed, entity_id):
        return value
    if classification == Classification.RESTRICTED:
        return _DOT * 6
    kept = min(4, len(value) // 2)
    return _DOT * 4 + (value[-kept:] if kept else "")

"""Move tables in SQL, so that the triggers hold what `states` says."""

from __future__ import annotations

from apps.common.transitions import Moves


def pairs(moves: Moves | dict[str, frozenset[str]]) -> str:
    """A move table as SQL literals: 'draft>posted', 'draft>submitted', ..."""
    return ", ".join(
        sorted(f"'{here!s}>{there!s}'" for here, nexts in moves.items() for there in nexts)
    )

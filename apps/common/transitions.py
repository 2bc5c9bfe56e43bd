"""State machines as tables: `{state: {next states}}`, checked in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.common.errors import IllegalMove, StaleVersion

Moves = Mapping[str, frozenset[str]]


def require_move(subject: Any, *, to: str, moves: Moves) -> None:
    """Refuse a move that the table does not have.

    Raises:
        IllegalMove: names both states.
    """
    current = subject.status
    if to not in moves.get(current, frozenset()):
        noun = subject._meta.verbose_name
        raise IllegalMove(
            f"This {noun} is {_plain(current)} and cannot become {_plain(to)}.",
            status_now=current,
            status_wanted=to,
        )


def advance(subject: Any, *, to: str, moves: Moves) -> None:
    """Set `subject.status` along the table; the caller saves.

    Raises:
        IllegalMove: the table has no such move.
    """
    require_move(subject, to=to, moves=moves)
    subject.status = to


def require_version(subject: Any, expected_version: int | None) -> None:
    """Refuse if the row is not the version that the actor saw; None asks nothing.

    Raises:
        StaleVersion: somebody changed it meanwhile.
    """
    if expected_version is not None and subject.version != expected_version:
        raise StaleVersion(version_now=subject.version)


def require_latest(former: Any | None, expected_version: int | None) -> None:
    """`require_version` of what a new row takes the place of; 0 says that there is nothing.

    Raises:
        StaleVersion: somebody changed it meanwhile.
    """
    version = 0 if former is None else former.version
    if expected_version is not None and version != expected_version:
        raise StaleVersion(version_now=version)


def raise_version(subject: Any) -> None:
    """Store that there is more to know than somebody has read who looked before."""
    subject.version += 1
    subject.save(update_fields=["version"])


def _plain(state: str) -> str:
    return str(state).replace("_", " ")

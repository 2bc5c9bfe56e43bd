"""What the kernel tells of itself while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Step:
    """What is begun.

    Attributes:
        pass_number: of the pass, from 1; 0 once all are through: what stays open is explained.
        open_count: items of both sides that no group holds.
    """

    pass_number: int
    open_count: int


Watch: TypeAlias = Callable[[Step], None]


def unwatched(step: Step) -> None:
    """Tells nobody."""

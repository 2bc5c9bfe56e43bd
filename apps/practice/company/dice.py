"""Repeatable chance.

Only ``Random.random()`` is promised to give the same numbers in every Python version, so every
choice is made from it and from nothing else of the ``random`` module.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")


class Dice:
    """A stream of choices that depends on the seed and the name of the stream alone.

    A stream of its own for every topic and month keeps a change in one topic from reshuffling
    all the others.
    """

    def __init__(self, seed: int, *names: str) -> None:
        self._random = Random(":".join((str(seed), *names)))  # noqa: S311  (practice figures)

    def below(self, limit: int) -> int:
        """An integer from 0 up to, not including, ``limit``."""
        return int(self._random.random() * limit)

    def between(self, first: int, last: int) -> int:
        """An integer from ``first`` to ``last``, both included."""
        return first + self.below(last - first + 1)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """One of the choices.

        Raises:
            IndexError: there are none.
        """
        return choices[self.below(len(choices))]

    def draw(self, choices: Sequence[Choice], count: int) -> list[Choice]:
        """``count`` different positions of ``choices``, in the order drawn.

        Raises:
            IndexError: there are fewer.
        """
        left = list(choices)
        return [left.pop(self.below(len(left))) for _ in range(count)]

    def is_hit(self, percent: int) -> bool:
        """True in ``percent`` of a hundred throws."""
        return self.below(100) < percent

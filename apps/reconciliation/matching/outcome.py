"""The outcome of a reconciliation: groups, breaks and the proof that nothing is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

AMBIGUOUS = "ambiguous"


@dataclass(frozen=True)
class Outcome:
    """What was matched, what was not and why. Every amount is in the left side's sense.

    Attributes:
        groups: GROUP_SCHEMA, by number.
        items: GROUP_ITEM_SCHEMA, by group, side and id.
        breaks: BREAK_SCHEMA, by number.
        break_items: BREAK_ITEM_SCHEMA, by break, side and id; every open item exactly once.
        proof: PROOF_SCHEMA, by currency.
        learned: by name of the fuzzy pass, the weights that this run estimated, as
            ``likeness.weights`` and ``RuleSet.with_learned`` take them.
    """

    groups: pl.DataFrame
    items: pl.DataFrame
    breaks: pl.DataFrame
    break_items: pl.DataFrame
    proof: pl.DataFrame
    learned: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def ambiguous(self) -> pl.DataFrame:
        """The breaks of items that were refused because candidates tie; they are the evidence."""
        return self.breaks.filter(pl.col("cause") == AMBIGUOUS)

    @property
    def proof_amount(self) -> int:
        """What neither groups nor breaks explain, over all currencies without sign; must be 0."""
        return int(self.proof["proof_amount"].abs().sum())


@dataclass(frozen=True)
class Matched:
    """The groups of an outcome whose breaks may yet have to be explained.

    Attributes:
        groups, items: those of the outcome.
        open_count: items that no group holds.
        explained: gives the whole outcome; to be called once, by any thread.
    """

    groups: pl.DataFrame
    items: pl.DataFrame
    open_count: int
    explained: Callable[[], Outcome]

    @classmethod
    def of(cls, outcome: Outcome) -> Matched:
        """An outcome that is whole already."""
        return cls(outcome.groups, outcome.items, outcome.break_items.height, lambda: outcome)

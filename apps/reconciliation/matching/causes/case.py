"""What the causes look at, and what they hand back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeAlias

import polars as pl

from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.rates import Rate
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.schemas import LEFT, RIGHT, SIDES

AWAITED, MISSING, MISMATCHED = "awaited", "missing", "mismatched"

Row: TypeAlias = dict[str, Any]  # one item, by column name

FOUND_BREAKS = pl.Schema(
    {
        "break": pl.Int64(),  # a number within this finding
        "cause": pl.String(),
        "state": pl.String(),
        "reason": pl.String(),
        "evidence": pl.String(),
    }
)
CANCELLED = pl.Schema({"side": SIDES, "item_id": pl.Int64()})
BREAK_MEMBERS = pl.Schema({"break": pl.Int64(), "side": SIDES, ROW: pl.UInt32()})


@dataclass(frozen=True)
class Case:
    """The items to explain.

    Attributes:
        items: all items of either side, by side.
        unexplained: the open items of both sides that no cause has claimed yet: the item columns,
            ``side`` and ``row``.
        ties: what the passes could not decide (``Run.ties``).
        rates: the exchange rates known.
        cancelled: ``side`` and ``item_id`` of items that others of their side cancel: matched, but
            with nothing on the other side.
    """

    items: dict[str, pl.DataFrame]
    unexplained: pl.DataFrame
    ties: pl.DataFrame
    rules: RuleSet
    as_of: date
    rates: Sequence[Rate] = ()
    cancelled: pl.DataFrame = field(default_factory=CANCELLED.to_frame)

    def without(self, members: pl.DataFrame) -> Case:
        """The case once these items are explained."""
        rest = self.unexplained.join(members, on=["side", ROW], how="anti")
        return replace(self, unexplained=rest)

    def side(self, side: str) -> pl.DataFrame:
        """The unexplained items of one side."""
        return self.unexplained.filter(pl.col("side") == side)

    def referenced(self) -> pl.DataFrame:
        """The unexplained items that carry a reference; a blank one identifies nothing."""
        return self.unexplained.filter(pl.col("reference").str.strip_chars() != "")


@dataclass(frozen=True)
class Break:
    """One break with the items that it is about."""

    cause: str
    state: str
    reason: str
    evidence: dict[str, Any]
    members: Sequence[tuple[str, int]]  # side, row


@dataclass(frozen=True)
class Finding:
    """The breaks that one cause explains: FOUND_BREAKS and BREAK_MEMBERS."""

    breaks: pl.DataFrame
    members: pl.DataFrame


def finding(breaks: Iterable[Break]) -> Finding:
    """A finding of breaks that were judged one by one."""
    numbered = list(enumerate(breaks))
    return Finding(
        pl.DataFrame(
            [
                (number, each.cause, each.state, each.reason, evidence_text(each.evidence))
                for number, each in numbered
            ],
            schema=FOUND_BREAKS,
            orient="row",
        ),
        pl.DataFrame(
            [(number, side, row) for number, each in numbered for side, row in each.members],
            schema=BREAK_MEMBERS,
            orient="row",
        ),
    )


def evidence_text(evidence: dict[str, Any]) -> str:
    """Evidence as JSON with sorted keys."""
    return json.dumps(evidence, sort_keys=True, ensure_ascii=False)


def one_each(items: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """Pairs of the only left and the only right item with the same values of the fields.

    Returns:
        the columns of the left item, and those of the right one with the suffix ``_right``
        (the fields, being equal, only once).
    """
    left, right = (
        items.filter(pl.col("side") == side).unique(fields, keep="none") for side in (LEFT, RIGHT)
    )
    return left.join(right, on=fields, suffix="_right")


def pair_members(pair: Row) -> list[tuple[str, int]]:
    """Both items of a pair."""
    return [(LEFT, pair[ROW]), (RIGHT, pair[f"{ROW}_right"])]

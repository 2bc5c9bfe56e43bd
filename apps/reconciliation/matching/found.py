"""What a pass hands back, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.schemas import SIDES, Ints
from apps.reconciliation.matching.weights import Weights

NO_CLUSTER = -1

FOUND_GROUPS = pl.Schema(
    {
        "group": pl.Int64(),  # a number within this result
        "left_id": pl.Int64(),  # the smallest ids, for numbering
        "right_id": pl.Int64(),
        "currency": pl.String(),
        "left_total": pl.Int64(),
        "right_total": pl.Int64(),
        "fees": pl.Int64(),  # the part of the difference that is fees
        "gap": pl.Int64(),  # the difference between what was compared, within the tolerance
        "roundings": pl.Int64(),  # how many items a fee or a rate was rounded for, at least 1
        "status": pl.String(),
        "reasons": pl.String(),  # JSON list of sentences
    }
)
FOUND_MEMBERS = pl.Schema(
    {"group": pl.Int64(), "side": SIDES, ROW: pl.UInt32(), "allocated": pl.Int64()}
)
DOUBTS = pl.Schema(
    {
        "cluster": pl.Int64(),  # items that compete for each other; NO_CLUSTER: open, not torn
        "side": SIDES,
        ROW: pl.UInt32(),
        "is_crowded": pl.Boolean(),  # not tied, but too many candidates to decide
    }
)


@dataclass(frozen=True)
class Decision:
    """Rows of the pairs made, and what could not be decided (DOUBTS)."""

    left_rows: Ints
    right_rows: Ints
    doubts: pl.DataFrame


@dataclass(frozen=True)
class Found:
    """Groups made by one pass, and the items that it could not decide.

    Attributes:
        groups: FOUND_GROUPS.
        members: FOUND_MEMBERS; every item of every group once.
        doubts: DOUBTS; the open items of all components in which something was undecided. Only
            among these can the same pass find anything more, once others are gone.
        weights: what a fuzzy pass estimated the levels of its fields to be worth; None if they
            were given or learned before, or if there was nothing to learn from.
    """

    groups: pl.DataFrame
    members: pl.DataFrame
    doubts: pl.DataFrame
    weights: Weights | None = None

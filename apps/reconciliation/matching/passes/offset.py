"""Offset passes: items of one side that cancel each other out.

Own transfers (out of one account, into another) and reversals. What leaves is paired with what
comes in like left with right items: the best assignment overall, ambiguity refused.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from apps.reconciliation.matching.classes import LEVEL, PassSide
from apps.reconciliation.matching.found import (
    DOUBTS,
    FOUND_GROUPS,
    FOUND_MEMBERS,
    NO_CLUSTER,
    Decision,
    Found,
)
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.pairing import pair_off
from apps.reconciliation.matching.pass_rules import BOTH, OFFSET, Pass
from apps.reconciliation.matching.passes.kinds import pass_kind
from apps.reconciliation.matching.reasons import differing_words, pair_reasons
from apps.reconciliation.matching.schemas import LEFT, RIGHT, SIDES


@pass_kind(OFFSET)
def match(left: PassSide, right: PassSide, step: Pass) -> Found:
    """Pair items of equal keys and opposite amounts inside each of the sides asked for."""
    groups, members, doubts = [FOUND_GROUPS.to_frame()], [], [DOUBTS.to_frame()]
    made = clusters = 0
    for name, side in ((LEFT, left), (RIGHT, right)):
        if step.side not in {name, BOTH}:
            continue
        found = _offset(name, side, step)
        groups.append(found.groups.with_columns(pl.col("group") + made))
        members.append(found.members.with_columns(pl.col("group") + made))
        doubts.append(found.doubts.with_columns(_numbered_from(clusters)))
        made += found.groups.height
        clusters = _clusters(doubts[-1])
    return Found(
        pl.concat(groups), pl.concat([FOUND_MEMBERS.to_frame(), *members]), pl.concat(doubts)
    )


def _numbered_from(first: int) -> pl.Expr:
    cluster = pl.col("cluster")
    return pl.when(cluster == NO_CLUSTER).then(cluster).otherwise(cluster + first)


def _clusters(doubts: pl.DataFrame) -> int:
    return int(np.max(doubts["cluster"].to_numpy(), initial=NO_CLUSTER)) + 1


def _offset(name: str, side: PassSide, step: Pass) -> Found:
    outgoing = replace(
        side,
        amounts=-side.amounts,
        keyed=side.keyed.filter(pl.col(LEVEL) < 0).with_columns(-pl.col(LEVEL)),
    )
    incoming = replace(side, keyed=side.keyed.filter(pl.col(LEVEL) > 0))
    by = step.block_fields if step.tolerance.is_some else [*step.block_fields, LEVEL]
    decision = pair_off(outgoing, incoming, step, by=by)
    rows = decision.left_rows, decision.right_rows
    more = [_both_words(name, side, decision)]
    if step.different:
        more.append(differing_words(step.different, side, rows))
    reasons = pair_reasons(step, outgoing, incoming, rows, *more)
    return Found(
        _groups(name, side, decision, step).with_columns(reasons.alias("reasons")),
        _members(name, side, decision),
        decision.doubts.with_columns(pl.lit(name, dtype=SIDES).alias("side")),
    )


def _both_words(name: str, side: PassSide, decision: Decision) -> pl.Series:
    return pl.repeat(f"both on the {name}", len(decision.left_rows), dtype=pl.String, eager=True)


def _groups(name: str, side: PassSide, decision: Decision, step: Pass) -> pl.DataFrame:
    """FOUND_GROUPS with nothing on the other side, still without reasons."""
    out, into = (
        side.items[rows].select("id", "amount", "currency")
        for rows in (decision.left_rows, decision.right_rows)
    )
    other = RIGHT if name == LEFT else LEFT
    return pl.DataFrame(
        {
            "group": pl.int_range(out.height, dtype=pl.Int64, eager=True),
            f"{name}_id": pl.select(pl.min_horizontal(out["id"], into["id"])).to_series(),
            f"{other}_id": pl.repeat(None, out.height, dtype=pl.Int64, eager=True),
            "currency": out["currency"],
            f"{name}_total": out["amount"] + into["amount"],
            f"{other}_total": pl.repeat(0, out.height, dtype=pl.Int64, eager=True),
            "fees": pl.repeat(0, out.height, dtype=pl.Int64, eager=True),
            "gap": (out["amount"] + into["amount"]) * (1 if name == LEFT else -1),
            "roundings": pl.repeat(1, out.height, dtype=pl.Int64, eager=True),
            "status": pl.repeat(step.status, out.height, dtype=pl.String, eager=True),
            "reasons": pl.repeat("", out.height, dtype=pl.String, eager=True),
        }
    ).select(FOUND_GROUPS.names())


def _members(name: str, side: PassSide, decision: Decision) -> pl.DataFrame:
    return pl.concat(
        side.items[rows].select(
            pl.int_range(pl.len(), dtype=pl.Int64).alias("group"),
            pl.lit(name, dtype=SIDES).alias("side"),
            ROW,
            pl.col("amount").alias("allocated"),
        )
        for rows in (decision.left_rows, decision.right_rows)
    )

"""Puts the findings of all passes into one numbered list, whatever order they were found in."""

from __future__ import annotations

import numpy as np
import polars as pl

from apps.reconciliation.matching.causes.case import Finding
from apps.reconciliation.matching.found import Found
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.parts import difference_parts
from apps.reconciliation.matching.pass_rules import Pass
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.schemas import (
    BREAK_ITEM_SCHEMA,
    BREAK_SCHEMA,
    GROUP_ITEM_SCHEMA,
    GROUP_SCHEMA,
    LEFT,
    RIGHT,
    Ints,
)

_PARTS_OF_DIFFERENCE = ["fees", "gap", "roundings", "is_exchanged"]
_DIFFERENCE = pl.col("left_total") - pl.col("right_total")


def numbered_groups(
    found: list[tuple[Pass, Found]], items: dict[str, pl.DataFrame], rules: RuleSet
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The groups of all passes and their items, numbered by smallest left, then right id."""
    if not found:
        return GROUP_SCHEMA.to_frame(), GROUP_ITEM_SCHEMA.to_frame()
    groups, members = [], []
    base = 0
    for step, result in found:
        groups.append(_stamped(result.groups, base, step))
        members.append(result.members.with_columns(pl.col("group") + base))
        base += result.groups.height
    merged = pl.concat(groups)
    merged = merged.with_columns(difference_parts(merged, rules)).drop(_PARTS_OF_DIFFERENCE)
    order = (
        merged.select(pl.arg_sort_by("left_id", "right_id", nulls_last=True)).to_series().to_numpy()
    )
    numbers = np.empty(base, dtype=np.int64)
    numbers[order] = np.arange(1, base + 1)
    numbered = merged[order].select(
        pl.int_range(1, base + 1, dtype=pl.Int64).alias("group_no"),
        "pass_name",
        pl.lit(rules.digest).alias("rule_digest"),
        "status",
        "currency",
        "left_total",
        "right_total",
        _DIFFERENCE.alias("difference"),
        "difference_parts",
        "reasons",
    )
    return numbered, _numbered_members(pl.concat(members), numbers, items)


def _stamped(groups: pl.DataFrame, base: int, step: Pass) -> pl.DataFrame:
    return groups.with_columns(
        pl.col("group") + base,
        pl.lit(step.name).alias("pass_name"),
        pl.lit(step.fx is not None).alias("is_exchanged"),
    )


def _numbered_members(
    members: pl.DataFrame, numbers: Ints, items: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    frames = []
    for side, side_items in items.items():
        own = members.filter(pl.col("side") == side)
        frames.append(
            own.select(
                pl.Series("group_no", numbers[own["group"].to_numpy()]),
                "side",
                side_items["id"].gather(own[ROW]).alias("item_id"),
                "allocated",
            )
        )
    return pl.concat(frames).sort("group_no", "side", "item_id")


def numbered_breaks(
    findings: list[Finding], items: dict[str, pl.DataFrame], rules: RuleSet
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The breaks of all causes and their items, numbered by smallest left, then right id."""
    breaks, members = [], []
    base = 0
    for found in findings:
        breaks.append(found.breaks.with_columns(pl.col("break") + base))
        members.append(found.members.with_columns(pl.col("break") + base))
        base += found.breaks.height
    held = _identified(pl.concat(members), items)
    numbered = (
        pl.concat(breaks)
        .join(_totals(held), on="break")
        .sort("left_id", "right_id", nulls_last=True)
        .with_columns(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("break_no"),
            (pl.col("left_total") - pl.col("right_total")).alias("amount"),
        )
        .with_columns((pl.col("amount").abs() >= rules.materiality).alias("is_material"))
    )
    break_items = held.join(numbered.select("break", "break_no"), on="break")
    return (
        numbered.select(BREAK_SCHEMA.names()),
        break_items.select(BREAK_ITEM_SCHEMA.names()).sort("break_no", "side", "item_id"),
    )


def _identified(members: pl.DataFrame, items: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The members with the id, amount and currency of their items."""
    frames = []
    for side, side_items in items.items():
        own = members.filter(pl.col("side") == side)
        facts = side_items[own[ROW]].select(pl.col("id").alias("item_id"), "amount", "currency")
        frames.append(own.select("break", "side").hstack(facts))
    return pl.concat(frames)


def _totals(held: pl.DataFrame) -> pl.DataFrame:
    sides = {side: pl.col("side") == side for side in (LEFT, RIGHT)}
    return held.group_by("break").agg(
        pl.col("currency").first(),
        *(pl.col("amount").filter(own).sum().alias(f"{side}_total") for side, own in sides.items()),
        *(pl.col("item_id").filter(own).min().alias(f"{side}_id") for side, own in sides.items()),
    )

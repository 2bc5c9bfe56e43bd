"""Puts the findings of all passes into one numbered list, whatever order they were found in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
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
    GROUP_SCHEMA,
    LEFT,
    RIGHT,
    SIDES,
)

_SORTED_AT_ONCE: Final = 1_000_000  # groups
_FACTS_OF_GROUP = (
    "pass_name",
    "status",
    "currency",
    "left_total",
    "right_total",
    "difference_parts",
    "reasons",
)
_DIFFERENCE = pl.col("left_total") - pl.col("right_total")

TOLD_GROUPS = pl.Schema(
    {
        "group": pl.Int64(),  # a number within this list
        "left_id": pl.Int64(),  # the smallest ids, for numbering
        "right_id": pl.Int64(),
        **{name: dtype for name, dtype in GROUP_SCHEMA.items() if name in _FACTS_OF_GROUP},
    }
)
TOLD_MEMBERS = pl.Schema(
    {"group": pl.Int64(), "side": SIDES, "item_id": pl.Int64(), "allocated": pl.Int64()}
)


@dataclass(frozen=True)
class Told:
    """Groups with all that is said of them, but their numbers: TOLD_GROUPS and TOLD_MEMBERS."""

    groups: pl.DataFrame
    members: pl.DataFrame


def told(found: list[tuple[Pass, Found]], items: dict[str, pl.DataFrame], rules: RuleSet) -> Told:
    """The groups of several passes, their members by id."""
    lists = [Told(TOLD_GROUPS.to_frame(), TOLD_MEMBERS.to_frame())]
    for step, result in found:
        stamped = result.groups.with_columns(
            pl.lit(step.name).alias("pass_name"), pl.lit(step.fx is not None).alias("is_exchanged")
        )
        groups = stamped.with_columns(difference_parts(stamped, rules))
        lists.append(Told(groups.select(TOLD_GROUPS.names()), _by_id(result.members, items)))
    return merged(lists)


def _by_id(members: pl.DataFrame, items: dict[str, pl.DataFrame]) -> pl.DataFrame:
    frames = []
    for side, side_items in items.items():
        own = members.filter(pl.col("side") == side)
        ids = side_items["id"].gather(own[ROW]).alias("item_id")
        frames.append(own.with_columns(ids).select(TOLD_MEMBERS.names()))
    return pl.concat(frames)


def merged(lists: Iterable[Told]) -> Told:
    """Several lists as one."""
    groups, members = [], []
    base = 0
    for each in lists:
        groups.append(each.groups.with_columns(pl.col("group") + base))
        members.append(each.members.with_columns(pl.col("group") + base))
        base += each.groups.height
    return Told(pl.concat(groups), pl.concat(members))


def numbered_groups(groups: Told, rules: RuleSet) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The groups and their items, numbered by smallest left, then right id."""
    order = _in_order(groups.groups)
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.arange(1, len(order) + 1)
    numbered = groups.groups[order].select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("group_no"),
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
    held = groups.members.select(
        pl.Series("group_no", numbers[groups.members["group"].to_numpy()], dtype=pl.Int64),
        "side",
        "item_id",
        "allocated",
    )
    return numbered, _sorted_items(held, len(order))


def _sorted_items(held: pl.DataFrame, group_count: int) -> pl.DataFrame:
    """By group, side and id; some groups at a time: all at once would need twice the room."""
    parts = [
        held.filter(pl.col("group_no").is_between(first, first + _SORTED_AT_ONCE - 1)).sort(
            "group_no", "side", "item_id"
        )
        for first in range(1, group_count + 1, _SORTED_AT_ONCE)
    ]
    return pl.concat([held.clear(), *parts])


def _in_order(groups: pl.DataFrame) -> npt.NDArray[np.uint32]:
    """The rows by smallest left, then right id; no item is in two groups, so that one tells."""
    rows = groups["left_id"].arg_sort(nulls_last=True)
    named = len(rows) - groups["left_id"].null_count()
    others = rows[named:]
    others = others.gather(groups["right_id"].gather(others).arg_sort())
    return rows[:named].append(others).to_numpy()


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

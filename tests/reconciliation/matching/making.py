"""Builders: items and rule sets with only what a test is about."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from apps.reconciliation.matching import ITEM_SCHEMA, Outcome, RuleSet, reconcile

AS_OF = date(2026, 1, 31)
EMPTY = ITEM_SCHEMA.to_frame()


def units(text: str) -> int:
    """An amount as the kernel counts it."""
    return int(Decimal(text) * 10_000)


def item(identifier: int, amount: str = "100.00", booked: int | date = 10, **fields: Any) -> dict:
    """An item; ``booked`` is a day of January 2026, attributes are given as a dictionary."""
    booked_on = date(2026, 1, booked) if isinstance(booked, int) else booked
    row = {
        "id": identifier,
        "amount": units(amount),
        "currency": "EUR",
        "booked_on": booked_on,
        "value_on": None,
        **dict.fromkeys(("reference", "counterparty", "narrative", "account", "external_id"), ""),
        "attributes": "",
        **fields,
    }
    if isinstance(row["attributes"], dict):
        row["attributes"] = json.dumps(row["attributes"])
    return row


def items(*rows: dict) -> pl.DataFrame:
    """A frame of items."""
    return pl.DataFrame(list(rows), schema=ITEM_SCHEMA, orient="row")


def exact(*keys: str, **settings: Any) -> dict:
    """An exact pass."""
    return {"name": "exact", "kind": "exact", "keys": list(keys), **settings}


def near(absolute: str, *keys: str, **settings: Any) -> dict:
    """A tolerance pass."""
    tolerance = {"absolute": absolute}
    return {
        "name": "near",
        "kind": "tolerance",
        "keys": list(keys),
        "tolerance": tolerance,
        **settings,
    }


def window(before: int, after: int, unit: str = "calendar") -> dict:
    """A date window."""
    return {"before_days": before, "after_days": after, "unit": unit}


def rules(*passes: dict, **settings: Any) -> RuleSet:
    """A rule set of these passes."""
    return RuleSet.from_mapping({"version": "1", "passes": list(passes), **settings})


def outcome(left: list[dict], right: list[dict], *passes: dict, **settings: Any) -> Outcome:
    """What comes of these items under these passes; the proof is checked every time."""
    result = reconcile(items(*left), items(*right), rules(*passes, **settings), as_of=AS_OF)
    assert result.proof_amount == 0
    return result


def paired(result: Outcome) -> set[tuple[int, int]]:
    """The pairs of ids in groups of one left and one right item."""
    sides = [
        result.items.filter(pl.col("side") == side).select("group_no", "item_id")
        for side in ("left", "right")
    ]
    both = sides[0].join(sides[1], on="group_no")
    return set(both.select("item_id", "item_id_right").iter_rows())


def grouped(result: Outcome) -> list[str]:
    """The items of each group, in the order of numbers: "L1 L2 R1"."""
    held: dict[int, list[str]] = {}
    for number, side, identifier, _ in result.items.iter_rows():
        held.setdefault(number, []).append(f"{side[0].upper()}{identifier}")
    return [" ".join(held[number]) for number in sorted(held)]


def causes(result: Outcome) -> dict[str, list[tuple[str, list[str]]]]:
    """By cause: the state and the items ("L1", "R2") of each break, in the order of numbers."""
    held: dict[int, list[str]] = {}
    for number, side, identifier in result.break_items.iter_rows():
        held.setdefault(number, []).append(f"{side[0].upper()}{identifier}")
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for row in result.breaks.iter_rows(named=True):
        found.setdefault(row["cause"], []).append((row["state"], held[row["break_no"]]))
    return found

"""Lines on which matchers hang: hundreds of equal amounts, blank references.

    python -m benchmarks.hard_cases [--seed 1]

Each case is 10,000 lines a side on 30 days, matched by an exact, a tolerance, an alike-names and a
subset pass that have nothing but the day and the amount to go by. Of each the table tells how long
it took, how many groups were made, how many items were left with a reason, and the proof.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import TypeAlias

import polars as pl

from apps.reconciliation.matching import ITEM_SCHEMA, RuleSet, reconcile

ROWS = 10_000
FIRST_DAY = date(2026, 1, 1)
DAYS = 30
_FIVE_DAYS = {"before_days": 5, "after_days": 5}
RULES = {
    "version": "hard",
    "passes": [
        {"name": "same day", "kind": "exact", "keys": ["amount", "booked_on"]},
        {"name": "five days", "kind": "exact", "keys": ["amount"], "date_window": _FIVE_DAYS},
        {
            "name": "nearly",
            "kind": "tolerance",
            "keys": [],
            "tolerance": {"absolute": "0.05"},
            "date_window": _FIVE_DAYS,
        },
        {
            "name": "names",
            "kind": "fuzzy",
            "keys": [],
            "date_window": _FIVE_DAYS,
            "likeness": {"fields": ["counterparty"]},
        },
        {"name": "parts", "kind": "subset", "keys": ["booked_on"], "most_items": 4},
    ],
}
Amounts: TypeAlias = Callable[[random.Random], int]  # ten-thousandths


def _any(chance: random.Random) -> int:
    return chance.randrange(1, 1_000_000) * 100


def _of_twenty(chance: random.Random) -> int:
    return chance.randrange(1, 21) * 250_000


def _one(chance: random.Random) -> int:
    return 1_000_000


CASES: dict[str, tuple[Amounts, Amounts]] = {
    "500 equal, the others at random": (_any, _any),
    "20 amounts, 500 of each": (_of_twenty, _of_twenty),
    "all equal": (_one, _one),
    "all equal against random": (_one, _any),
}


def main() -> None:
    """Match every case and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    seed = options.parse_args().seed
    rules = RuleSet.from_mapping(RULES)
    print(f"{ROWS:,} lines a side, {DAYS} days, blank references, seed {seed}")
    print(f"  {'':<34} {'seconds':>8} {'groups':>8} {'open':>8} {'proof':>6}")
    for name, amounts in CASES.items():
        chance = random.Random(seed)
        sides = [
            side(chance, amount, start) for amount, start in zip(amounts, (0, ROWS), strict=True)
        ]
        began = time.perf_counter()
        outcome = reconcile(*sides, rules, as_of=FIRST_DAY + timedelta(days=DAYS))
        seconds = time.perf_counter() - began
        print(
            f"  {name:<34} {seconds:>8.2f} {outcome.groups.height:>8,}"
            f" {outcome.break_items.height:>8,} {outcome.proof_amount:>6}"
        )
        _require_all(outcome.items["item_id"], outcome.break_items["item_id"])


def side(chance: random.Random, amount: Amounts, start: int) -> pl.DataFrame:
    """Items of one side; 500 of them are of one amount whatever the others are."""
    amounts = [1_000_000] * 500 + [amount(chance) for _ in range(ROWS - 500)]
    days = [FIRST_DAY + timedelta(days=chance.randrange(DAYS)) for _ in range(ROWS)]
    frame = pl.DataFrame(
        {"id": range(start, start + ROWS), "amount": amounts, "currency": "EUR", "booked_on": days},
        schema_overrides={"id": pl.Int64(), "amount": pl.Int64()},
    )
    blank = {"value_on": pl.lit(None, dtype=pl.Date()), "attributes": pl.lit("{}")}
    rest = {name: pl.lit("") for name in ITEM_SCHEMA.names() if name not in frame.columns}
    return frame.with_columns(**(rest | blank)).select(ITEM_SCHEMA.names())


def _require_all(matched: pl.Series, left_open: pl.Series) -> None:
    """Every item is in a group or in a break, once."""
    times = Counter([*matched.to_list(), *left_open.to_list()])
    if len(times) != 2 * ROWS or set(times.values()) != {1}:
        raise SystemExit("some items are accounted for twice or not at all")


if __name__ == "__main__":
    main()

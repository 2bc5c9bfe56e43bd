"""How long the matching kernel takes on a million rows a side, stage by stage.

    python -m benchmarks.matching_kernel [--rows 1000000] [--seed 1]

The rows are made up by a seeded generator: an invoice register against a ledger with amounts that
are off by cents, late bookings, lost and repeated lines, swapped signs and digits, blank
references and equal amounts. Beside the kernel, the same rows go through a plain pandas merge and
a plain polars join on reference, currency and amount: what comes out of these is pairs of rows,
with duplicate keys fanned out, and nothing else.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from apps.reconciliation.matching import ITEM_SCHEMA, Pass, RuleSet, kernel, runs
from apps.reconciliation.matching.schemas import LEFT, RIGHT

AS_OF = date(2026, 1, 31)
FIRST_DAY = date(2026, 1, 1).toordinal() - date(1970, 1, 1).toordinal()
DAYS = 30
KEYS = ["reference", "currency", "amount"]

RULES = {
    "version": "benchmark",
    "passes": [
        {
            "name": "reference, amount, 5 days",
            "kind": "exact",
            "keys": ["reference"],
            "date_window": {"before_days": 0, "after_days": 5},
        },
        {
            "name": "reference, 0.05, 5 days",
            "kind": "tolerance",
            "keys": ["reference"],
            "tolerance": {"absolute": "0.05"},
            "date_window": {"before_days": 0, "after_days": 5},
        },
        {
            "name": "counterparty, 0.05, 5 days",
            "kind": "tolerance",
            "keys": ["counterparty"],
            "tolerance": {"absolute": "0.05"},
            "date_window": {"before_days": 0, "after_days": 5},
            "status": "suggested",
        },
    ],
    "fee_schedules": [{"name": "card", "percent": "2.9", "fixed": "0.30"}],
}

# Shares of the rows; what happens to the right row of a pair.
LOST, REPEATED, CENTS_OFF, FEE_TAKEN, TURNED_ROUND, FAR_OFF, LATE, BLANKED = (
    0.02,
    0.001,
    0.03,
    0.005,
    0.001,
    0.005,
    0.005,
    0.01,
)


def left_rows(rows: int, random: np.random.Generator) -> pl.DataFrame:
    """The register: every reference once, a tenth of the amounts from a short price list."""
    numbers = np.arange(rows, dtype=np.int64)
    amounts = random.integers(100, 5_000_000, rows) * 100
    priced = random.random(rows) < 0.1
    amounts[priced] = random.integers(1, 20, int(priced.sum())) * 99_900
    return pl.DataFrame(
        {
            "id": numbers,
            "amount": amounts,
            "currency": pl.repeat("EUR", rows, eager=True),
            "booked_on": _dates(random.integers(0, DAYS, rows)),
            "value_on": pl.repeat(None, rows, dtype=pl.Date, eager=True),
            "reference": _numbered("INV-", numbers),
            "counterparty": _numbered("Customer ", random.integers(0, rows // 50 + 1, rows)),
            "narrative": _numbered("Invoice ", numbers),
            "account": pl.repeat("1100", rows, eager=True),
            "external_id": _numbered("doc-", numbers),
            "attributes": pl.repeat("", rows, eager=True),
        },
        schema=ITEM_SCHEMA,
    )


def right_rows(left: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """The ledger: the register with what goes wrong on the way, in another order."""
    kept = left.filter(pl.Series(random.random(left.height) >= LOST))
    copies = kept.filter(pl.Series(random.random(kept.height) < REPEATED))
    rows = pl.concat([kept, copies])
    amounts = rows["amount"].to_numpy().copy()
    chance = random.random(rows.height)
    edges = np.cumsum([CENTS_OFF, FEE_TAKEN, TURNED_ROUND, FAR_OFF])
    kind = np.searchsorted(edges, chance, side="right")
    amounts[kind == 0] += random.integers(1, 6, int((kind == 0).sum())) * 100
    fees = np.rint(amounts * 0.029 / 100).astype(np.int64) * 100 + 3_000
    amounts[kind == 1] -= fees[kind == 1]
    amounts[kind == 2] *= -1
    amounts[kind == 3] += random.integers(1_000, 90_000, int((kind == 3).sum())) * 100
    late = np.where(random.random(rows.height) < LATE, 20, random.integers(0, 4, rows.height))
    references = np.where(random.random(rows.height) < BLANKED, "", rows["reference"].to_numpy())
    changed = rows.with_columns(
        pl.Series("amount", amounts),
        (pl.col("booked_on") + pl.duration(days=pl.Series(late))).alias("booked_on"),
        pl.Series("reference", references, dtype=pl.String),
    )
    shuffled = changed[random.permutation(changed.height)]
    return shuffled.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("id"))


def _dates(offsets: np.ndarray) -> pl.Series:
    return pl.Series(offsets + FIRST_DAY, dtype=pl.Int32).cast(pl.Date)


def _numbered(prefix: str, numbers: np.ndarray) -> pl.Series:
    return pl.select(pl.lit(prefix) + pl.Series(numbers).cast(pl.String).str.zfill(8)).to_series()


class Stopwatch:
    """Seconds by stage, in the order in which stages end: on the wall, and of all cores."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside; stages of the same name add up."""
        start, worked = time.perf_counter(), time.process_time()
        yield
        wall, cores = self.seconds.get(name, (0.0, 0.0))
        spent = time.perf_counter() - start, time.process_time() - worked
        self.seconds[name] = wall + spent[0], cores + spent[1]

    def wrapped(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function, timed under its name (and that of the pass, if it is given one)."""

        def timed(*arguments: Any, **named: Any) -> Any:
            step = arguments[0]
            with self.stage(f"{name}: {step.name}" if isinstance(step, Pass) else name):
                return function(*arguments, **named)

        return timed


def main() -> None:
    """Make the rows, run the kernel once and its peers once, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    random = np.random.default_rng(given.seed)
    left = left_rows(given.rows, random)
    right = right_rows(left, random)
    rules = RuleSet.from_mapping(RULES)
    print(f"{left.height:,} x {right.height:,} rows, seed {given.seed}")

    watch = Stopwatch()
    kernel.prepared = watch.wrapped(kernel.prepared, "prepare")
    runs.match_by = watch.wrapped(runs.match_by, "pass")
    kernel.numbered_groups = watch.wrapped(kernel.numbered_groups, "number groups")
    kernel.explained = watch.wrapped(kernel.explained, "classify breaks")
    kernel.numbered_breaks = watch.wrapped(kernel.numbered_breaks, "number breaks")
    kernel.proved = watch.wrapped(kernel.proved, "prove")
    with watch.stage("kernel, all in all"):
        outcome = kernel.reconcile(left, right, rules, as_of=AS_OF)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

    with watch.stage("polars join"):
        joined = left.join(right, on=KEYS)
    left_frame, right_frame = left.to_pandas(), right.to_pandas()
    with watch.stage("pandas merge"):
        merged = left_frame.merge(right_frame, on=KEYS)

    print_table(watch.seconds)
    print(f"peak memory with both sides and the outcome: {peak:.2f} GB")
    print(f"groups {outcome.groups.height:,}, breaks {outcome.breaks.height:,}, ", end="")
    print(f"proof amount {outcome.proof_amount}; a join gives {joined.height:,} pairs", end="")
    print(f" ({merged.shape[0]:,} in pandas)")
    for cause, count in outcome.breaks["cause"].value_counts().sort("cause").iter_rows():
        print(f"  {cause:<20} {count:>9,}")
    for side, frame in ((LEFT, left), (RIGHT, right)):
        held = outcome.items.filter(pl.col("side") == side).height
        held += outcome.break_items.filter(pl.col("side") == side).height
        if held != frame.height:
            raise SystemExit(f"{side}: {held} of {frame.height} items are accounted for")


def print_table(seconds: dict[str, tuple[float, float]]) -> None:
    """One line for each stage."""
    print(f"  {'':<45} {'wall':>9} {'cores':>9}")
    for name, (wall, cores) in seconds.items():
        print(f"  {name:<45} {wall:>7.2f} s {cores:>7.2f} s")


if __name__ == "__main__":
    main()

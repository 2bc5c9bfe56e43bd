"""How long the matching kernel takes on a million rows a side, stage by stage, beside its peers.

    python -m benchmarks.matching_kernel [--rows 1000000] [--seed 1] [--no-peers]

The rows are those of ``matching_rows``; the passes are mixed: exact in a window, within a
tolerance, sums of payouts, alike names. The same rows go through a plain pandas merge and polars
join on reference, currency and amount (what comes out is pairs of rows, with duplicate keys fanned
out, and nothing else), through datacompy on polars, and through Splink (train and predict), where
these are installed. F1 is against what the generator knows.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import polars as pl

from apps.reconciliation.matching import Outcome, Pass, RuleSet, kernel, runs
from apps.reconciliation.matching.schemas import LEFT, RIGHT
from benchmarks.matching_peers import KEYS, datacompy_on_polars, f1, has, splink_pairs
from benchmarks.matching_rows import Rows, made_up

AS_OF = date(2026, 1, 31)
_FIVE_DAYS = {"before_days": 0, "after_days": 5}

RULES = {
    "version": "benchmark",
    "passes": [
        {
            "name": "exact: reference, 5 days",
            "kind": "exact",
            "keys": ["reference"],
            "date_window": _FIVE_DAYS,
        },
        {
            "name": "tolerance: reference, 0.05, 5 days",
            "kind": "tolerance",
            "keys": ["reference"],
            "tolerance": {"absolute": "0.05"},
            "date_window": _FIVE_DAYS,
        },
        {
            "name": "aggregated: payouts",
            "kind": "aggregated",
            "keys": ["attributes.payout_id=reference"],
        },
        {
            "name": "fuzzy: names, 5 days",
            "kind": "fuzzy",
            "keys": [],
            "date_window": _FIVE_DAYS,
            "likeness": {"fields": ["counterparty"]},
        },
    ],
    "fee_schedules": [{"name": "card", "percent": "2.9", "fixed": "0.30"}],
}


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
    options.add_argument("--no-peers", action="store_true", help="the kernel alone")
    given = options.parse_args()
    rows = made_up(given.rows, given.seed)
    rules = RuleSet.from_mapping(RULES)
    print(f"{rows.left.height:,} x {rows.right.height:,} rows, seed {given.seed}")

    watch = Stopwatch()
    kernel.prepared = watch.wrapped(kernel.prepared, "prepare")
    runs.match_by = watch.wrapped(runs.match_by, "pass")
    kernel.numbered_groups = watch.wrapped(kernel.numbered_groups, "number groups")
    kernel.explained = watch.wrapped(kernel.explained, "classify breaks")
    kernel.numbered_breaks = watch.wrapped(kernel.numbered_breaks, "number breaks")
    kernel.proved = watch.wrapped(kernel.proved, "prove")
    with watch.stage("kernel, all in all"):
        outcome = kernel.reconcile(rows.left, rows.right, rules, as_of=AS_OF)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    scores = {"kernel": f1(pairs_of(outcome), rows.truth)}
    if not given.no_peers:
        run_peers(rows, watch, scores)
    print_table(watch.seconds)
    print(f"peak memory with both sides and the outcome: {peak:.2f} GB")
    for name, score in scores.items():
        print(f"F1 of {name}: {score:.4f}")
    print_outcome(outcome, rows)


def pairs_of(outcome: Outcome) -> pl.DataFrame:
    """Every left item with every right item of its group."""
    held = pl.col("item_id")
    sides = [
        outcome.items.filter(pl.col("side") == side).select("group_no", held.alias(side))
        for side in (LEFT, RIGHT)
    ]
    return sides[0].join(sides[1], on="group_no").select(LEFT, RIGHT)


def run_peers(rows: Rows, watch: Stopwatch, scores: dict[str, float]) -> None:
    """Each peer that is installed, once.

    datacompy compares polars frames from version 1 on; that asks for an older polars, so it is not
    among the development packages: install it and jinja2 elsewhere and name them in PYTHONPATH.
    """
    with watch.stage("peer: polars join"):
        rows.left.join(rows.right, on=KEYS)
    left, right = rows.left.to_pandas(), rows.right.to_pandas()
    with watch.stage("peer: pandas merge"):
        left.merge(right, on=KEYS)
    del left, right
    if has("datacompy.polars"):
        with watch.stage("peer: datacompy on polars"):
            datacompy_on_polars(rows)
    if has("splink"):
        with watch.stage("peer: Splink, train and predict"):
            found = splink_pairs(rows)
        scores["Splink"] = f1(found, rows.truth)


def print_outcome(outcome: Outcome, rows: Rows) -> None:
    """What was found; every item has to be accounted for."""
    print(f"groups {outcome.groups.height:,}, breaks {outcome.breaks.height:,}, ", end="")
    print(f"proof amount {outcome.proof_amount}")
    for column, frame in (("pass_name", outcome.groups), ("cause", outcome.breaks)):
        for name, count in frame[column].value_counts().sort(column).iter_rows():
            print(f"  {name:<40} {count:>9,}")
    for side, frame in ((LEFT, rows.left), (RIGHT, rows.right)):
        held = outcome.items.filter(pl.col("side") == side).height
        held += outcome.break_items.filter(pl.col("side") == side).height
        if held != frame.height:
            raise SystemExit(f"{side}: {held} of {frame.height} items are accounted for")


def print_table(
    seconds: dict[str, tuple[float, float]], whole_name: str = "kernel, all in all"
) -> None:
    """One line for each stage, with its share of the whole."""
    whole = seconds[whole_name][0]
    print(f"  {'':<45} {'wall':>9} {'cores':>9} {'share':>10}")
    for name, (wall, cores) in seconds.items():
        print(f"  {name:<45} {wall:>7.2f} s {cores:>7.2f} s {wall / whole:>9.0%}")


if __name__ == "__main__":
    main()

"""The same rows through other people's programs, for comparison; each only if it is installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import polars as pl

from benchmarks.matching_rows import Rows

KEYS = ["reference", "currency", "amount"]
PROBABILITY = 0.9


def has(module: str) -> bool:
    """Whether the program is there, and its version has this module."""
    package, _, _ = module.partition(".")
    return all(importlib.util.find_spec(name) is not None for name in (package, module))


def datacompy_on_polars(rows: Rows) -> int:
    """datacompy: rows that are on both sides, joined by the keys."""
    from datacompy import PolarsCompare

    join = pl.DataFrame.join

    def with_old_name(frame: pl.DataFrame, *given: Any, **named: Any) -> pl.DataFrame:
        """datacompy 1.1 calls ``nulls_equal`` by the name that it had before polars 2."""
        if "join_nulls" in named:
            named["nulls_equal"] = named.pop("join_nulls")
        return join(frame, *given, **named)

    pl.DataFrame.join = with_old_name  # type: ignore[method-assign, assignment]
    try:
        compare = PolarsCompare(rows.left, rows.right, join_columns=KEYS)
        return int(compare.intersect_rows.height)
    finally:
        pl.DataFrame.join = join  # type: ignore[method-assign]


def splink_pairs(rows: Rows) -> pl.DataFrame:
    """Splink on DuckDB: u from random pairs, m by EM, all pairs above PROBABILITY.

    Its blocking rules are the keys of our passes: the reference, or amount and day.
    """
    # Only if it is installed.
    import splink.comparison_library as cl
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    api = DuckDBAPI()
    columns = ["id", "reference", "amount", "booked_on", "counterparty"]
    blank = pl.when(pl.col("reference") != "").then("reference").alias("reference")
    sides = []
    for name, frame in (("register", rows.left), ("ledger", rows.right)):
        table = frame.select(columns).with_columns(blank).to_arrow()
        sides.append(api.register(table, dataset_display_name=name))
    settings = SettingsCreator(
        link_type="link_only",
        unique_id_column_name="id",
        comparisons=[
            cl.ExactMatch("reference"),
            cl.ExactMatch("amount"),
            cl.JaroWinklerAtThresholds("counterparty", [0.92, 0.8]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("reference"),
            block_on("amount", "booked_on"),
        ],
    )
    linker = Linker(sides, settings, log_level=None)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
    learn = linker.training.estimate_parameters_using_expectation_maximisation
    for rule in (block_on("amount", "booked_on"), block_on("reference")):
        learn(rule)
    found = linker.inference.predict(threshold_match_probability=PROBABILITY)
    frame = pl.DataFrame(pl.from_arrow(found.as_pyarrow_table()))
    is_left = pl.col("source_dataset_l") == "register"
    return frame.select(
        pl.when(is_left).then("id_l").otherwise("id_r").alias("left"),
        pl.when(is_left).then("id_r").otherwise("id_l").alias("right"),
    )


def f1(found: pl.DataFrame, truth: pl.DataFrame) -> float:
    """Harmonic mean of the share of pairs found that are true, and of true pairs found."""
    true = truth.filter(pl.col("left") >= 0)
    right = found.unique().join(true, on=["left", "right"], how="semi").height
    return 2 * right / (found.height + true.height)

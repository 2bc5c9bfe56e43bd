"""Two million rows to match, made up by a seeded generator, with what belongs to what.

An invoice register against a ledger with amounts that are off by cents, late bookings, lost and
repeated lines, swapped signs, equal amounts, payouts of several invoices in one line, and blank
references with misspelt names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from apps.reconciliation.matching import ITEM_SCHEMA

FIRST_DAY = date(2026, 1, 1).toordinal() - date(1970, 1, 1).toordinal()
DAYS = 30
PAYOUT_SIZE = 4

# Shares of the rows; what happens to the right row of a pair.
LOST, REPEATED, CENTS_OFF, FEE_TAKEN, TURNED_ROUND, FAR_OFF, LATE, BLANKED, PAID_OUT = (
    0.02,
    0.001,
    0.03,
    0.005,
    0.001,
    0.005,
    0.005,
    0.01,
    0.02,
)
_SYLLABLES = np.array([a + b for a in "bcdfghjklmnprstvz" for b in ("a", "e", "i", "o", "u")])
_ENDINGS = np.array([" Ltd", " GmbH", " Trading", " & Sons", " Services"])


@dataclass(frozen=True)
class Rows:
    """Both sides, and the true pairs of ids (of payouts, each part with the whole)."""

    left: pl.DataFrame
    right: pl.DataFrame
    truth: pl.DataFrame


def made_up(rows: int, seed: int) -> Rows:
    """The register, the ledger, and what belongs to what."""
    random = np.random.default_rng(seed)
    left = _register(rows, random)
    paid_out = random.random(rows) < PAID_OUT
    left = left.with_columns(_payouts(paid_out))
    lines, origin = _ledger(left.filter(~pl.Series(paid_out)), random)
    payouts, parts = _payout_lines(left.filter(pl.Series(paid_out)))
    right = pl.concat([lines, payouts]).with_columns(pl.int_range(pl.len()).alias("id"))
    truth = pl.concat(
        [
            pl.DataFrame({"left": origin, "right": np.arange(lines.height)}),
            parts.select("left", (pl.col("payout") + lines.height).alias("right")),
        ]
    )
    order = random.permutation(right.height)
    return Rows(left, right[order], truth)


def _register(rows: int, random: np.random.Generator) -> pl.DataFrame:
    """Every reference once, a tenth of the amounts from a short price list."""
    numbers = np.arange(rows, dtype=np.int64)
    amounts = random.integers(100, 5_000_000, rows) * 100
    priced = random.random(rows) < 0.1
    amounts[priced] = random.integers(1, 20, int(priced.sum())) * 99_900
    names = _names(rows // 50 + 1, random)
    return pl.DataFrame(
        {
            "id": numbers,
            "amount": amounts,
            "currency": pl.repeat("EUR", rows, eager=True),
            "booked_on": _dates(random.integers(0, DAYS, rows)),
            "value_on": pl.repeat(None, rows, dtype=pl.Date, eager=True),
            "reference": _numbered("INV-", numbers),
            "counterparty": names[random.integers(0, len(names), rows)],
            "narrative": _numbered("Invoice ", numbers),
            "account": pl.repeat("1100", rows, eager=True),
            "external_id": _numbered("doc-", numbers),
            "attributes": pl.repeat("", rows, eager=True),
        },
        schema=ITEM_SCHEMA,
    )


def _names(count: int, random: np.random.Generator) -> pl.Series:
    words = [pl.Series(random.choice(_SYLLABLES, count)) for _ in range(4)]
    return pl.select(pl.concat_str([*words, pl.Series(random.choice(_ENDINGS, count))])).to_series()


def _payouts(paid_out: np.ndarray) -> pl.Expr:
    """Each few rows in a row are one payout, named in their attributes."""
    number = np.zeros(len(paid_out), dtype=np.int64)
    number[paid_out] = np.arange(int(paid_out.sum())) // PAYOUT_SIZE
    named = pl.concat_str([pl.lit('{"payout_id":"PO-'), pl.lit(pl.Series(number)), pl.lit('"}')])
    is_part = pl.lit(pl.Series(paid_out))
    return pl.when(is_part).then(named).otherwise("attributes").alias("attributes")


def _ledger(left: pl.DataFrame, random: np.random.Generator) -> tuple[pl.DataFrame, np.ndarray]:
    """The register with what goes wrong on the way; and of which row each line is."""
    kept = left.filter(pl.Series(random.random(left.height) >= LOST))
    copies = kept.filter(pl.Series(random.random(kept.height) < REPEATED))
    rows = pl.concat([kept, copies])
    origin = rows["id"].to_numpy().copy()
    origin[kept.height :] = -1  # a copy belongs to nothing
    amounts = rows["amount"].to_numpy().copy()
    edges = np.cumsum([CENTS_OFF, FEE_TAKEN, TURNED_ROUND, FAR_OFF])
    kind = np.searchsorted(edges, random.random(rows.height), side="right")
    amounts[kind == 0] += random.integers(1, 6, int((kind == 0).sum())) * 100
    fees = np.rint(amounts * 0.029 / 100).astype(np.int64) * 100 + 3_000
    amounts[kind == 1] -= fees[kind == 1]
    amounts[kind == 2] *= -1
    amounts[kind == 3] += random.integers(1_000, 90_000, int((kind == 3).sum())) * 100
    late = np.where(random.random(rows.height) < LATE, 20, random.integers(0, 4, rows.height))
    blanked = pl.Series(random.random(rows.height) < BLANKED)
    misspelt = pl.col("counterparty").str.to_uppercase().str.replace("A", "E")
    lines = rows.with_columns(
        pl.Series("amount", amounts),
        (pl.col("booked_on") + pl.duration(days=pl.Series(late))).alias("booked_on"),
        pl.when(blanked).then(pl.lit("")).otherwise("reference").alias("reference"),
        pl.when(blanked).then(misspelt).otherwise("counterparty").alias("counterparty"),
    )
    return lines, origin


def _payout_lines(parts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One line for each payout, and which rows each is made of."""
    number = np.arange(parts.height) // PAYOUT_SIZE
    lines = (
        parts.with_columns(pl.Series("payout", number))
        .group_by("payout")
        .agg(
            pl.col("amount").sum(),
            pl.col("booked_on").max(),
            pl.exclude("amount", "booked_on").first(),
        )
        .sort("payout")
        .with_columns(
            pl.format("PO-{}", "payout").alias("reference"),
            pl.lit("").alias("attributes"),
            pl.lit("Payments provider").alias("counterparty"),
        )
    )
    held = pl.DataFrame({"left": parts["id"], "payout": number})
    return lines.select(ITEM_SCHEMA.names()), held


def _dates(offsets: np.ndarray) -> pl.Series:
    return pl.Series(offsets + FIRST_DAY, dtype=pl.Int32).cast(pl.Date)


def _numbered(prefix: str, numbers: np.ndarray) -> pl.Series:
    return pl.select(pl.lit(prefix) + pl.Series(numbers).cast(pl.String).str.zfill(8)).to_series()

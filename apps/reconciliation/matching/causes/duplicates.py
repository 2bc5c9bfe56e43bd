"""duplicate: one side has more copies of an item than the other side has counterparts.

Copies agree in reference (which is not blank), amount, currency and counterparty, and each is
booked within ``duplicate_days`` of the next. The copies booked last are the surplus; one copy
always stays behind, to be matched or missed under its own cause. What others of its side have
cancelled is no copy: nothing on the other side stands for it.
"""

from __future__ import annotations

import polars as pl

from apps.reconciliation.matching.causes.case import MISSING, Break, Case, Finding, Row, finding
from apps.reconciliation.matching.causes.wording import days_apart
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.money import amount_text
from apps.reconciliation.matching.schemas import CONTENT_ORDER, LEFT, RIGHT

_FACTS = ["reference", "currency", "amount"]
_IDENTITY = [*_FACTS, "counterparty"]
_ORDER = ["booked_on", *CONTENT_ORDER]


def find_duplicates(case: Case) -> Finding:
    """One break for each surplus copy."""
    breaks = [
        *_surplus_copies(case, LEFT, RIGHT),
        *_surplus_copies(case, RIGHT, LEFT),
    ]
    return finding(breaks)


def _surplus_copies(case: Case, side: str, other: str) -> list[Break]:
    open_items = case.referenced().filter(pl.col("side") == side)
    cancelled = case.cancelled.filter(pl.col("side") == side)
    standing = case.items[side].join(cancelled, left_on="id", right_on="item_id", how="anti")
    copies = _copies(standing, open_items, case.rules.causes.duplicate_days)
    clusters = copies.group_by("cluster").agg(
        pl.col(*_FACTS).first(),
        pl.len().alias("copies"),
        pl.col("is_open").sum().cast(pl.Int64).alias("open"),
        pl.col("booked_on").min().alias("first_on"),
        pl.col("booked_on").max().alias("last_on"),
        pl.col("id").first().alias("original_id"),
        pl.col("booked_on").first().alias("original_on"),
    )
    clusters = clusters.filter((pl.col("copies") > 1) & (pl.col("open") > 0))
    judged = _with_surplus(clusters, case.side(other), case.rules.causes.duplicate_days)
    surplus = copies.filter("is_open").join(
        judged.drop(_FACTS).filter(pl.col("surplus") > 0), on="cluster"
    )
    rank = pl.col(ROW).cum_count().over("cluster")
    last = surplus.sort("cluster", *_ORDER).filter(rank > pl.col("open") - pl.col("surplus"))
    days = case.rules.causes.duplicate_days
    return [_judged(row, side, other, days) for row in last.iter_rows(named=True)]


def _copies(items: pl.DataFrame, open_items: pl.DataFrame, window_days: int) -> pl.DataFrame:
    """All items of the side that share identity with an open one, clustered by date.

    Within a cluster, the matched ones come first: an open item is the copy of a matched one.
    """
    identities = open_items.select(_IDENTITY).unique()
    alike = items.join(identities, on=_IDENTITY, how="semi").join(
        open_items.select(ROW, pl.lit(True).alias("is_open")), on=ROW, how="left"
    )
    ordered = alike.with_columns(pl.col("is_open").fill_null(False)).sort(*_IDENTITY, *_ORDER)
    is_new = pl.any_horizontal(
        *(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in _IDENTITY),
        (pl.col("booked_on") - pl.col("booked_on").shift(1)) > pl.duration(days=window_days),
    )
    return ordered.with_columns(is_new.cum_sum().alias("cluster")).sort(
        "cluster", "is_open", *_ORDER
    )


def _with_surplus(clusters: pl.DataFrame, others: pl.DataFrame, window_days: int) -> pl.DataFrame:
    """Adds ``counterparts`` (matched copies, and open ones opposite), ``further`` and ``surplus``.

    Further are those that are open opposite, too long before or after the copies to count.
    """
    window = pl.duration(days=window_days)
    is_near = pl.col("booked_on").is_between(
        pl.col("first_on") - window, pl.col("last_on") + window
    )
    met = clusters.join(others.select(*_FACTS, "booked_on"), on=_FACTS)
    opposite = met.group_by("cluster").agg(
        is_near.sum().cast(pl.Int64).alias("opposite"),
        (~is_near).sum().cast(pl.Int64).alias("further"),
    )
    matched = pl.col("copies").cast(pl.Int64) - pl.col("open")
    return (
        clusters.join(opposite, on="cluster", how="left")
        .with_columns(
            (matched + pl.col("opposite").fill_null(0)).alias("counterparts"),
            pl.col("further").fill_null(0),
        )
        .with_columns(
            (pl.col("copies").cast(pl.Int64) - pl.col("counterparts").clip(lower_bound=1)).alias(
                "surplus"
            )
        )
    )


def _judged(row: Row, side: str, other: str, window_days: int) -> Break:
    amount = amount_text(row["amount"], row["currency"])
    when = days_apart(row["original_on"], row["booked_on"])
    reason = (
        f"copy of an item with the same reference {row['reference']}, amount "
        f"{amount} {row['currency']} and counterparty, booked {when}: "
        f"{row['copies']} on the {side}, {row['counterparts']} on the {other}"
    )
    if row["further"]:
        reason += f", {row['further']} more there over {window_days} days away"
    evidence = {
        "reference": row["reference"],
        "amount": amount,
        "currency": row["currency"],
        "original_id": row["original_id"],
        "original_on": row["original_on"].isoformat(),
        "copies": row["copies"],
        "counterparts": row["counterparts"],
        **({"further": row["further"]} if row["further"] else {}),
    }
    return Break("duplicate", MISSING, reason, evidence, [(side, row[ROW])])

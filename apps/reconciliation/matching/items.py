"""Checks an item frame and brings it into the form that the passes work on."""

from __future__ import annotations

import polars as pl

from apps.reconciliation.matching.errors import ItemsInvalid
from apps.reconciliation.matching.money import LARGEST, exponent
from apps.reconciliation.matching.pass_rules import ATTRIBUTE_PREFIX, key_fields
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.schemas import ITEM_SCHEMA, LEFT, RIGHT

_REQUIRED = ("id", "amount", "currency", "booked_on")
ROW = "row"


def prepared(items: pl.DataFrame, side: str, rules: RuleSet) -> pl.DataFrame:
    """The side's items in the left side's sense, without nulls, with a ``row`` number.

    Besides the columns of ITEM_SCHEMA there is one for each ``attributes.x`` that the rules
    compare ('' where an item has none), and one for each key that compares different fields of the
    two sides, with the field of this side. Row numbers are positions and carry no meaning.

    Raises:
        ItemsInvalid: a column is missing or has another type, a required value is null, ids
            repeat, a currency is unknown, or the amounts are too large to be added up.
    """
    _require_schema(items, side)
    items = items.select(ITEM_SCHEMA.names())
    for name in _REQUIRED:
        if items[name].null_count():
            raise ItemsInvalid(f"{side} items: {name} is null in {items[name].null_count()} rows")
    _require_unique_ids(items, side)
    _require_currencies(items, side)
    total = items.select(pl.col("amount").cast(pl.Int128).abs().sum()).item()
    require_summable(total, side)
    sign = rules.right_sign if side == RIGHT else 1
    return (
        items.with_columns(
            pl.col("amount") * sign,
            pl.col("value_on").fill_null(pl.col("booked_on")),
            pl.col(pl.String).fill_null(""),
        )
        .with_columns(
            pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW),
            *(_attribute(key) for key in rules.attribute_keys),
        )
        .with_columns(
            pl.col(key_fields(key)[0 if side == LEFT else 1]).alias(key) for key in rules.joint_keys
        )
    )


def _attribute(key: str) -> pl.Expr:
    name = key.removeprefix(ATTRIBUTE_PREFIX)
    return pl.col("attributes").str.json_path_match(f"$.{name}").fill_null("").alias(key)


def _require_schema(items: pl.DataFrame, side: str) -> None:
    for name, dtype in ITEM_SCHEMA.items():
        if name not in items.columns:
            raise ItemsInvalid(f"{side} items: column {name} is missing")
        if items.schema[name] != dtype:
            raise ItemsInvalid(f"{side} items: {name} is {items.schema[name]}, not {dtype}")


def _require_unique_ids(items: pl.DataFrame, side: str) -> None:
    if items["id"].n_unique() != items.height:
        repeated = items["id"].filter(items["id"].is_duplicated()).sort()
        raise ItemsInvalid(f"{side} items: id {repeated[0]} occurs more than once")


def _require_currencies(items: pl.DataFrame, side: str) -> None:
    for code in items["currency"].unique().sort():
        try:
            exponent(code)
        except ValueError as refusal:
            raise ItemsInvalid(f"{side} items: {refusal}") from None


def require_summable(total: int, side: str) -> None:
    """Refuse amounts whose sizes add up to more than sums are counted in.

    Raises:
        ItemsInvalid: they do.
    """
    if total >= LARGEST:
        raise ItemsInvalid(f"{side} items: the amounts add up to more than a total can hold")

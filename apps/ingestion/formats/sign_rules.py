"""From amount columns to one signed amount per row: signed, debit and credit, or an indicator.

Signs are the account holder's: inflow is positive.
"""

from __future__ import annotations

import polars as pl

from apps.ingestion.formats.amounts import amount_units, decimal_separator_of, signed_parts
from apps.ingestion.formats.mapping import FieldMapping

FAULT = "fault "
DEBIT_POSITIVE = "debits are positive"  # what ledger formats say of their sign


def fault_column(field: str) -> str:
    """The name of the column that says why a field of a row is refused, or null."""
    return f"{FAULT}{field}"


def decimal_of(cells: pl.DataFrame, mapping: FieldMapping) -> str:
    """The decimal separator of the amounts and balances that the file wrote.

    Raises:
        AmbiguousNumbers: two separators fit and the mapping names none.
    """
    if mapping.decimal:
        return mapping.decimal
    names = [*_column_signs(mapping), *mapping.columns.get("balance", ())]
    written = [name for name in names if name not in mapping.number_columns]
    texts = [signed_parts(cells[name])["text"] for name in written]
    return decimal_separator_of(pl.concat([pl.Series("text", [], pl.String), *texts]))


def signed_amounts(cells: pl.DataFrame, mapping: FieldMapping, decimal: str) -> pl.DataFrame:
    """`amount` and `balance` in ten-thousandths, with their faults."""
    signs = _column_signs(mapping)
    read = {name: _units(cells, name, decimal, mapping) for name in signs}
    amount = _one_amount(read, signs, is_sided="amount" not in mapping.columns)
    if "indicator" in mapping.columns:
        amount = _directed(amount, cells[mapping.columns["indicator"][0]], mapping)
    if mapping.is_inverted:
        amount = amount.with_columns(amount=-pl.col("amount"))
    return amount.hstack([_balance(cells, decimal, mapping)])


def _units(cells: pl.DataFrame, name: str, decimal: str, mapping: FieldMapping) -> pl.DataFrame:
    """What `amount_units` gives for a column."""
    own = "." if name in mapping.number_columns else decimal
    return amount_units(signed_parts(cells[name]), own)


def _column_signs(mapping: FieldMapping) -> dict[str, int]:
    if "amount" in mapping.columns:
        return dict.fromkeys(mapping.columns["amount"], 1)
    return {mapping.columns["debit"][0]: -1, mapping.columns["credit"][0]: 1}


def _one_amount(
    read: dict[str, pl.DataFrame], signs: dict[str, int], *, is_sided: bool
) -> pl.DataFrame:
    """The amount of the one column that is filled; a zero beside it does not count."""
    names = list(read)
    units = [pl.col(f"units {name}") for name in names]
    faults = [pl.col(f"fault {name}") for name in names]
    frame = pl.concat(
        [
            part.rename({"units": f"units {name}", "fault": f"fault {name}"})
            for name, part in read.items()
        ],
        how="horizontal",
    )
    filled = pl.sum_horizontal((unit.fill_null(0) != 0).cast(pl.Int64) for unit in units)
    is_negative = pl.any_horizontal((unit < 0).fill_null(value=False) for unit in units)
    amount = pl.sum_horizontal(unit * signs[name] for name, unit in zip(names, units, strict=True))
    fault = (
        pl.when(pl.any_horizontal(one.is_not_null() for one in faults))
        .then(pl.concat_str(pl.lit("The amount "), pl.coalesce(faults), pl.lit(".")))
        .when(pl.all_horizontal(unit.is_null() for unit in units))
        .then(pl.lit("The amount is missing; every line needs one."))
        .when(filled > 1)
        .then(pl.lit("Two amount columns are filled; a line has one amount."))
        .when(is_negative & pl.lit(is_sided))
        .then(pl.lit("A debit or credit column holds a negative amount; map it as an amount."))
    )
    return frame.select(amount=amount, fault=fault).rename({"fault": fault_column("amount")})


def _directed(amount: pl.DataFrame, indicator: pl.Series, mapping: FieldMapping) -> pl.DataFrame:
    """The amount with the sign that its indicator gives."""
    word = indicator.str.strip_chars().str.to_lowercase().alias("word")
    is_debit = pl.col("word").is_in(list(mapping.debit_words))
    is_credit = pl.col("word").is_in(list(mapping.credit_words))
    fault = (
        pl.when(~is_debit & ~is_credit)
        .then(pl.lit("The indicator says neither debit nor credit; add its word to the mapping."))
        .when(pl.col("amount") < 0)
        .then(pl.lit("The amount is negative beside an indicator; use one of the two."))
    )
    directed = pl.when(is_debit).then(-pl.col("amount")).otherwise("amount")
    return (
        amount.hstack([word])
        .with_columns(amount=directed, fault=fault)
        .drop("word")
        .rename({"fault": fault_column("indicator")})
    )


def _balance(cells: pl.DataFrame, decimal: str, mapping: FieldMapping) -> pl.Series:
    """The running balance, null where there is none that can be read.

    Where plain amounts have their signs the other way round, so has the balance beside them.
    """
    if "balance" not in mapping.columns:
        return pl.repeat(None, cells.height, dtype=pl.Int64, eager=True).alias("balance")
    (name,) = mapping.columns["balance"]
    units = _units(cells, name, decimal, mapping)["units"].alias("balance")
    is_plain = "amount" in mapping.columns and "indicator" not in mapping.columns
    return -units if mapping.is_inverted and is_plain else units

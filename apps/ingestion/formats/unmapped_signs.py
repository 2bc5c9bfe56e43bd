"""Tables whose amounts have no sign because a column that nobody mapped tells them apart.

Read as they stand, all debits would come in as inflow.
"""

from __future__ import annotations

import polars as pl

from apps.ingestion.formats.amounts import signed_parts
from apps.ingestion.formats.errors import AmbiguousSigns
from apps.ingestion.formats.headers import normalised
from apps.ingestion.formats.mapping import FieldMapping

_SAMPLE_ROWS = 1_000  # most columns show here that they hold something else
_OF_CARDS = frozenset(("card", "funding", "karte", "kartentyp", "kartenart", "carte"))


def require_mapped_signs(cells: pl.DataFrame, mapping: FieldMapping) -> None:
    """Refuses a table with a column of debits and credits beside amounts without a sign.

    Only where the columns were recognised by their names: who maps them has looked. Debit cards
    and credit cards say nothing about a sign.

    Raises:
        AmbiguousSigns: names the column.
    """
    if not mapping.is_recognised or "amount" not in mapping.columns:
        return
    if "indicator" in mapping.columns:
        return
    found = next((one for one in cells.columns if _tells_signs(cells[one], mapping)), None)
    if found is None:
        return
    amounts = signed_parts(cells[mapping.columns["amount"][0]])
    if not amounts["is_negative"].any():
        raise AmbiguousSigns(
            "The amounts have no sign, and a column that is not mapped says debit or credit.",
            field=found,
        )


def _tells_signs(cells: pl.Series, mapping: FieldMapping) -> bool:
    """Whether all cells but blank ones say debit or credit, and one says debit.

    Dashes alone stand for nothing.
    """
    if not _OF_CARDS.isdisjoint(normalised(cells.name).split()):
        return False
    debits = list(mapping.debit_words)
    known = [*debits, *mapping.credit_words]
    if not _words(cells.head(_SAMPLE_ROWS)).is_in(known).all():
        return False
    words = _words(cells)
    is_debit_or_credit = words.is_in(known).all() and words.is_in(debits).any()
    return bool(is_debit_or_credit and (words != "-").any())


def _words(cells: pl.Series) -> pl.Series:
    words = cells.str.strip_chars().str.to_lowercase()
    return words.filter(words != "")

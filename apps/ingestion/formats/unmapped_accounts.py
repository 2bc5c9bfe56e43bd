"""Tables with a column called IBAN, of which nobody said whose it is.

Some banks mean the account that the table is of, others the other party's. Read as one's own, each
customer would be an account with a statement.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from apps.ingestion.formats.errors import AmbiguousAccount
from apps.ingestion.formats.headers import normalised
from apps.ingestion.formats.mapping import FieldMapping

_ANYONES: Final = "iban"


def require_own_account(cells: pl.DataFrame, mapping: FieldMapping) -> None:
    """Refuses a column IBAN that was recognised by its name and is not the same in all rows.

    Raises:
        AmbiguousAccount: names the column.
    """
    names = mapping.columns.get("account", ())
    if not mapping.is_recognised or not names or normalised(names[0]) != _ANYONES:
        return
    if cells[names[0]].str.strip_chars().n_unique() > 1:
        raise AmbiguousAccount(
            "The column IBAN is not the same in all rows: it may hold your own accounts or those "
            "of the other parties.",
            field=names[0],
        )

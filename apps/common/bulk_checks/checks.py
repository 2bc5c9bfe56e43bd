"""What a check is able to do, whatever it checks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from django.db import models


class BulkCheck(Protocol):
    """One thing that holds of every row of a bulk table."""

    def parent(self, model: type[models.Model]) -> type[models.Model] | None:
        """The model whose rows have to be there; None if it asks for none."""

    def calls(self, model: type[models.Model]) -> list[tuple[str, ...]]:
        """Trigger functions with their arguments, which look at the rows of each statement."""

    def examine(
        self, model: type[models.Model], partition: str, same: Collection[str] = ()
    ) -> None:
        """Look at all rows of a table that becomes a partition of the model's.

        Args:
            same: columns that are the same in all rows.

        Raises:
            IntegrityError: it does not hold of some.
        """

    def compare(self, model: type[models.Model], partition: str) -> None:
        """Look at what else the model has, just before the partition gets attached.

        Raises:
            IntegrityError: they do not go together.
        """

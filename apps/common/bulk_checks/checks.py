"""What a check is able to do, whatever it checks."""

from __future__ import annotations

from typing import Protocol

from django.db import models

from apps.common.bulk_checks.partition import Partition


class BulkCheck(Protocol):
    """One thing that holds of every row of a bulk table."""

    def parent(self, model: type[models.Model]) -> type[models.Model] | None:
        """The model whose rows have to be there; None if it asks for none."""

    def calls(self, model: type[models.Model]) -> list[tuple[str, ...]]:
        """Trigger functions with their arguments, which look at the rows of each statement."""

    def examine(self, partition: Partition) -> None:
        """Look at all rows of a table that becomes a partition.

        What the frame proves of which it was filled the database need not be asked. It is what
        refuses, and says why, wherever the frame proves nothing.

        Raises:
            IntegrityError: it does not hold of some.
        """

    def compare(self, partition: Partition) -> None:
        """Look at what else the model has, just before the partition gets attached.

        Raises:
            IntegrityError: they do not go together.
        """

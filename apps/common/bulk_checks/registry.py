"""The checks of each bulk table: as triggers for fresh rows, and run upon a whole partition."""

from __future__ import annotations

from typing import Final

from django.db import models

from apps.common.bulk_checks.checks import BulkCheck
from apps.common.bulk_checks.partition import Partition
from apps.common.triggers import Trigger

BULK_CHECKS: Final[dict[type[models.Model], list[BulkCheck]]] = {}


def parents() -> set[type[models.Model]]:
    """The models that bulk tables refer to."""
    found = {check.parent(model) for model, checks in BULK_CHECKS.items() for check in checks}
    return {parent for parent in found if parent is not None}


def triggers_of(model: type[models.Model]) -> list[Trigger]:
    """The triggers of the model's checks."""
    calls = [call for check in BULK_CHECKS[model] for call in check.calls(model)]
    return [_trigger(model._meta.db_table, number, call) for number, call in enumerate(calls, 1)]


def examine_partition(partition: Partition) -> None:
    """Check all rows of a table that becomes a partition.

    Raises:
        IntegrityError: they do not hold together.
    """
    for check in BULK_CHECKS.get(partition.model, ()):
        check.examine(partition)


def compare_partition(partition: Partition) -> None:
    """Check that a table which is about to become a partition goes together with the others.

    Raises:
        IntegrityError: it does not.
    """
    for check in BULK_CHECKS.get(partition.model, ()):
        check.compare(partition)


def _trigger(table: str, number: int, arguments: tuple[str, ...]) -> Trigger:
    function, *values = arguments
    given = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return Trigger(
        table,
        f"bulk_{number}",
        "AFTER INSERT",
        "REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
        f"{function}({given})",
    )

"""What holds in bulk tables, checked once per statement instead of once per row.

PostgreSQL checks a foreign key row by row, and keeps a unique index row by row: over millions of
rows that was most of the time that storing them took. A statement trigger asks the same questions
of all rows at once. What is referred to can then not be deleted: its table refuses DELETE and
TRUNCATE.
"""

from apps.common.bulk_checks.functions import FUNCTIONS
from apps.common.bulk_checks.marks import (
    holds_at_once,
    later_at_once,
    refers_at_once,
    unique_at_once,
)
from apps.common.bulk_checks.partition import IDS_EACH, Partition
from apps.common.bulk_checks.registry import (
    BULK_CHECKS,
    compare_partition,
    examine_partition,
    parents,
    triggers_of,
)

__all__ = [
    "BULK_CHECKS",
    "FUNCTIONS",
    "IDS_EACH",
    "Partition",
    "compare_partition",
    "examine_partition",
    "holds_at_once",
    "later_at_once",
    "parents",
    "refers_at_once",
    "triggers_of",
    "unique_at_once",
]

"""The causes of breaks, in the order in which they may claim an item.

The order is the precedence: the cause with the stronger evidence comes first, and an item that is
claimed is out of sight for all later ones. Each cause claims by rules that no other item's claim
within the same cause can change, so the result does not depend on the order of rows.
"""

from __future__ import annotations

from collections.abc import Callable

from apps.reconciliation.matching.causes.absences import find_absences
from apps.reconciliation.matching.causes.accounts import find_wrong_accounts
from apps.reconciliation.matching.causes.ambiguity import find_ambiguous
from apps.reconciliation.matching.causes.case import Case, Finding
from apps.reconciliation.matching.causes.currencies import find_currency_differences
from apps.reconciliation.matching.causes.differences import find_differences
from apps.reconciliation.matching.causes.duplicates import find_duplicates
from apps.reconciliation.matching.causes.references import find_reference_errors
from apps.reconciliation.matching.causes.shared_references import find_shared_references
from apps.reconciliation.matching.causes.signs import find_signs
from apps.reconciliation.matching.causes.splits import find_splits
from apps.reconciliation.matching.causes.timing import find_timing

PRECEDENCE: tuple[Callable[[Case], Finding], ...] = (
    find_ambiguous,
    find_duplicates,
    find_timing,
    find_signs,
    find_splits,
    find_differences,
    find_currency_differences,
    find_shared_references,
    find_reference_errors,
    find_wrong_accounts,
    find_absences,
)


def explained(case: Case) -> list[Finding]:
    """The findings of all causes; together they hold every open item exactly once."""
    findings = []
    for find in PRECEDENCE:
        found = find(case)
        findings.append(found)
        case = case.without(found.members)
    return findings

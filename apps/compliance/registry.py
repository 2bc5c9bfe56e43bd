"""Who checks a sealed document: an app above registers the check of what it makes.

The same turn as in `close.registry`: this app keeps packages, `reporting` knows what is in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from apps.compliance.states import Verdict

if TYPE_CHECKING:
    from apps.compliance.models import EvidencePackage

Check = Callable[["EvidencePackage", bytes], Verdict]

_CHECKS: list[Check] = []


def register_check(check: Check) -> None:
    """Offer the check of a document against its package (called from `AppConfig.ready`).

    Raises:
        ValueError: there is one.
    """
    if _CHECKS:
        raise ValueError("a check is registered already")
    _CHECKS.append(check)


def check_document(package: EvidencePackage, document: bytes) -> Verdict:
    """What the registered check says; "unchecked" without one."""
    return _CHECKS[0](package, document) if _CHECKS else Verdict.UNCHECKED

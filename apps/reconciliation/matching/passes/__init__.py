"""The kinds of passes. Each is a module with one function, registered under its kind.

A function takes both sides as the pass sees them and the pass, and returns a ``Found``. A new kind
is a new module here, its name in ``rules.PASS_KINDS``, and its section in the documentation.
"""

from __future__ import annotations

from apps.reconciliation.matching.passes import aggregated, exact, fuzzy, offset, subset, tolerance
from apps.reconciliation.matching.passes.kinds import match_by

__all__ = ["aggregated", "exact", "fuzzy", "match_by", "offset", "subset", "tolerance"]

"""FinFlow in Python: reconcile frames, read the books, see where a close stands.

    import finflow

    finflow.load_practice()
    finflow.trial_balance("HFS", date(2023, 3, 31))

Importing costs nothing and starts nothing. `reconcile` needs no database at all. Everything else
opens one on its first call: the embedded PostgreSQL of this checkout, or the servers that
`DATABASE_URL` and `REDIS_URL` name (see docs/reference/python.md).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from apps.common.errors import Refusal
    from apps.reconciliation.matching import ItemsInvalid, RulesInvalid
    from finflow.books import Entity, entities, journal_lines, trial_balance
    from finflow.close import CloseStatus, TaskState, close_status
    from finflow.environment import Unavailable, connect
    from finflow.files import FilePreview, preview_file, save_mapping
    from finflow.matching import Reconciliation, reconcile
    from finflow.practice import Practice, load_practice

__version__ = "0.1.0"

__all__ = [
    "CloseStatus",
    "Entity",
    "FilePreview",
    "ItemsInvalid",
    "Practice",
    "Reconciliation",
    "Refusal",
    "RulesInvalid",
    "TaskState",
    "Unavailable",
    "__version__",
    "close_status",
    "connect",
    "entities",
    "journal_lines",
    "load_practice",
    "preview_file",
    "reconcile",
    "save_mapping",
    "trial_balance",
]

_HOMES: Final = {
    "CloseStatus": "finflow.close",
    "Entity": "finflow.books",
    "FilePreview": "finflow.files",
    "ItemsInvalid": "apps.reconciliation.matching",
    "Practice": "finflow.practice",
    "Reconciliation": "finflow.matching",
    "Refusal": "apps.common.errors",
    "RulesInvalid": "apps.reconciliation.matching",
    "TaskState": "finflow.close",
    "Unavailable": "finflow.environment",
    "close_status": "finflow.close",
    "connect": "finflow.environment",
    "entities": "finflow.books",
    "journal_lines": "finflow.books",
    "load_practice": "finflow.practice",
    "preview_file": "finflow.files",
    "reconcile": "finflow.matching",
    "save_mapping": "finflow.files",
    "trial_balance": "finflow.books",
}


def __getattr__(name: str) -> Any:
    """Import what a public name stands for when it is asked for first (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'finflow' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, also those that nobody has asked for yet."""
    return sorted(__all__)

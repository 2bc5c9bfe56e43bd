"""For whom the documents are written."""

from __future__ import annotations

from typing import Any, Final

from apps.common.roles import AUDITOR
from apps.identity.holders import roles_holding


class _Auditor:
    """Whoever holds the auditor's role and no other: what he may not read is masked."""

    pk = None
    is_authenticated = True

    def may(self, permission: str, entity_id: int | None = None) -> bool:
        """What the role alone allows, on any entity."""
        return AUDITOR in roles_holding(permission)

    def entity_ids(self, permission: str | None = None) -> Any:
        """None: a document is not looked up by its reader."""
        return []


AN_AUDITOR: Final = _Auditor()

"""What the windows on reconciliation share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from apps.common.admin import WindowAdmin
from apps.reconciliation.permissions import VIEW_RUNS


class SeenAdmin(WindowAdmin):
    """Rows know who looks at them, so that what is confidential can be masked."""

    view_permission = VIEW_RUNS

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.seen_by = request.user
        return found

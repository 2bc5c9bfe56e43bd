"""What the windows on the imports share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from apps.common.admin import WindowAdmin, WindowInline
from apps.ingestion.permissions import VIEW_SOURCES


class SeenAdmin(WindowAdmin):
    """Rows know who looks at them, so that what is confidential can be masked."""

    view_permission = VIEW_SOURCES

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = super().get_readonly_fields(request, obj)
        return [name for name in names if name not in (self.exclude or ())]

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.seen_by = request.user
        return found


class SeenInline(WindowInline):
    """Many rows, a page at a time."""

    per_page = 50

"""What the ledger's admin pages share: looked at here, changed through the services."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import HttpRequest

from apps.common.admin import WindowAdmin
from apps.identity.context import actor_of
from apps.identity.models import Entity
from apps.ledger.models import Account
from apps.ledger.permissions import (
    CLOSE_PERIOD,
    MANAGE_CHART,
    OPEN_PERIOD,
    POST_ENTRY,
    SUBMIT_ENTRY,
    VIEW_LEDGER,
)


class LedgerAdmin(WindowAdmin):
    """Scoped to what the actor may see; `has_…_permission` are for the actions."""

    view_permission = VIEW_LEDGER

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.related_model in (Entity, Account):
            kwargs["queryset"] = db_field.related_model.objects.visible_to(actor_of(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_manage_permission(self, request: HttpRequest) -> bool:
        return _may(request, MANAGE_CHART)

    def has_open_permission(self, request: HttpRequest) -> bool:
        return _may(request, OPEN_PERIOD)

    def has_close_permission(self, request: HttpRequest) -> bool:
        return _may(request, CLOSE_PERIOD)

    def has_submit_permission(self, request: HttpRequest) -> bool:
        return _may(request, SUBMIT_ENTRY)

    def has_post_permission(self, request: HttpRequest) -> bool:
        return _may(request, POST_ENTRY)


def _may(request: HttpRequest, permission: str) -> bool:
    return bool(actor_of(request).may(permission))

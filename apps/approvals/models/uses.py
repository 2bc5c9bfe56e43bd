"""Approvals that were acted upon."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.approvals.models.requests import Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.common.guards import append_only
from apps.common.models import scoped_by


@append_only()
class Use(models.Model):
    """What an approval allows was done; from then on it is undone there, and not revoked."""

    request = models.OneToOneField(Request, on_delete=models.PROTECT, related_name="use")
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: approved before this was kept, and counted as acted upon.",
    )
    used_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_REQUESTS, "request__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"use of request {self.request_id}"

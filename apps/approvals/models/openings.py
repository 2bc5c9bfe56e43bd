"""Who opened a request to decide on it, and when."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.approvals.models.requests import Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.common.guards import append_only
from apps.common.models import scoped_by

_user = settings.AUTH_USER_MODEL


@append_only()
class Opening(models.Model):
    """Somebody who decides there opened a waiting request, for the first time as it then was."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="openings")
    person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveIntegerField(help_text="The request's version that he saw.")
    opened_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_REQUESTS, "request__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["request", "person", "version"], name="one_opening_per_version"
            )
        ]

    def __str__(self) -> str:
        return f"request {self.request_id}, version {self.version}, by {self.person_id}"

"""Seats that were moved from one person to another."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.approvals.models.requests import Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.common.guards import append_only
from apps.common.models import scoped_by

_user = settings.AUTH_USER_MODEL


@append_only()
class Reassignment(models.Model):
    """The seat of one person at one step of one request is somebody else's from now on."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="reassignments")
    stage = models.PositiveSmallIntegerField()
    from_person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    to_person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    reassigned_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    reassigned_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_REQUESTS, "request__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(from_person=F("to_person")), name="reassignment_to_somebody_else"
            )
        ]

    def __str__(self) -> str:
        return f"seat of {self.from_person} to {self.to_person}"

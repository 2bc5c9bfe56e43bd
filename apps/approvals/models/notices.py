"""What people are told about requests, besides what waits in their inbox."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.approvals.models.requests import OfRequests, Request
from apps.approvals.states import NoticeKind
from apps.common.guards import append_only

_user = settings.AUTH_USER_MODEL


@append_only(except_columns=("read_at",))
class Notice(models.Model):
    """Something that one person is told about a request, once for each occasion."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="notices")
    person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=NoticeKind.choices)
    occasion = models.CharField(
        max_length=40, help_text="What makes a second notice of the same kind another one."
    )
    noted_at = models.DateTimeField(db_default=Now(), editable=False)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OfRequests.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["request", "person", "kind", "occasion"], name="one_notice_per_occasion"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["person"], name="notice_unread", condition=Q(read_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.request_id} to {self.person_id}"

"""Evidence that people attach to requests."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.approvals.models.requests import Decision, OfRequests, Request
from apps.approvals.rules import IMAGES, TEXTS
from apps.approvals.states import EvidenceKind
from apps.common.guards import append_only

_user = settings.AUTH_USER_MODEL


@append_only()
class Attachment(models.Model):
    """A file or a text that somebody brought as evidence; its content lies sealed in the storage.

    What came with a decision names it. Whoever attached anything else took part in the subject.
    """

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="attachments")
    kind = models.CharField(max_length=20, choices=EvidenceKind.choices)
    filename = models.CharField(max_length=120)
    content_type = models.CharField(max_length=100, help_text="Told by the content.")
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    stored_name = models.CharField(max_length=200, help_text="Where the sealed content lies.")
    subject_hash = models.CharField(max_length=64, help_text="The subject's digest at the time.")
    decision = models.ForeignKey(
        Decision, on_delete=models.PROTECT, null=True, blank=True, related_name="attachments"
    )
    carried_from = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The piece of an earlier request about the same thing; empty: attached here.",
    )
    attached_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    attached_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = OfRequests.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["request", "kind", "sha256"], name="one_attachment_per_content"
            )
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_image(self) -> bool:
        return self.content_type in IMAGES

    @property
    def is_text(self) -> bool:
        return self.content_type in TEXTS

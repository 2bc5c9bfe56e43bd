"""Where lines come from. A source moves on, with an audit event each time."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from apps.common.guards import audited
from apps.common.models import history, scoped_by
from apps.ingestion.permissions import VIEW_SOURCES
from apps.privacy.fields import EncryptedTextField


@audited
class Source(models.Model):
    """Where lines come from: one account of one bank, one export of one system."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=50, db_index=False)
    name = models.CharField(max_length=200)
    format = models.CharField(
        max_length=20, blank=True, default="", help_text="Empty: recognised from the content."
    )
    mapping = models.JSONField(
        default=dict, blank=True, help_text="Which column is which field; empty for bank formats."
    )
    account_number = EncryptedTextField(
        blank=True, default="", help_text="Statements of other accounts are refused."
    )
    drop_path = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="File in the entity's drop folder, {period} for the period's name.",
    )
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(
        default=1, editable=False, help_text="Raised by every change of how it is set up."
    )
    connector = models.CharField(
        max_length=10, blank=True, default="", help_text="Empty: files are uploaded or collected."
    )
    connector_settings = models.JSONField(
        default=dict, blank=True, help_text="What the connector fetches, and where."
    )
    credentials: Any = EncryptedTextField(
        blank=True, default="", help_text="JSON of name: secret; never shown again."
    )
    connected_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Failures before it do not count any more."
    )
    schedule = models.CharField(
        max_length=100, blank=True, default="", help_text="Cron line by the entity's clock."
    )
    scheduled_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The schedule counts from then on."
    )

    objects = scoped_by(VIEW_SOURCES).as_manager()
    history = history(excluded_fields=["credentials"])

    class Meta:
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "code"], name="one_source_per_code")
        ]

    def __str__(self) -> str:
        return self.name

"""Controls, and evidence packages that are sealed when they are made."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.common.guards import append_only, audited
from apps.common.models import history, scoped_by
from apps.compliance.permissions import VIEW_EVIDENCE
from apps.compliance.states import Automation, Nature

_user = settings.AUTH_USER_MODEL


@audited
class Control(models.Model):
    """A control over financial reporting, and the close tasks that carry it out."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    identifier = models.CharField(max_length=30)
    name = models.CharField(max_length=200)
    objective = models.TextField()
    risk = models.TextField()
    assertions = models.JSONField(help_text="Values of Assertion.")
    coso_principle = models.CharField(max_length=100)
    nature = models.CharField(max_length=10, choices=Nature.choices)
    automation = models.CharField(max_length=12, choices=Automation.choices)
    is_key = models.BooleanField(default=True)
    frequency = models.CharField(max_length=30, default="monthly")
    owner_role = models.CharField(max_length=20)
    task_keys = models.JSONField(default=list, help_text="Close tasks that carry it out.")
    version = models.PositiveIntegerField(default=1)

    _history_user: Any  # set by services: whose hand the history shows
    objects = scoped_by(VIEW_EVIDENCE).as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["identifier"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entity", "identifier"], name="one_control_per_identifier"
            )
        ]

    def __str__(self) -> str:
        return f"{self.identifier} {self.name}"


@append_only()
class EvidencePackage(models.Model):
    """A signed evidence package of a close: never changed, only superseded by a newer one."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    close_run = models.ForeignKey(
        "close.CloseRun", on_delete=models.PROTECT, related_name="evidence_packages"
    )
    version = models.PositiveIntegerField()
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="superseded_by"
    )
    content_sha256 = models.CharField(
        max_length=64, help_text="SHA-256 over the facts: equal facts need no new package."
    )
    manifest = models.JSONField(help_text="Path, SHA-256, size and media type of every file.")
    manifest_root = models.CharField(max_length=64)
    document_sha256 = models.CharField(max_length=64)
    document_size_bytes = models.PositiveBigIntegerField()
    document_name = models.CharField(max_length=200, help_text="Where the sealed PDF lies.")
    certificate_sha256 = models.CharField(max_length=64)
    made_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    # Id of the reopening of its period that superseded it; derived by `selectors.packages_for`.
    reopening_since: int | None

    objects = scoped_by(VIEW_EVIDENCE).as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["close_run", "version"], name="one_package_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.close_run} (version {self.version})"

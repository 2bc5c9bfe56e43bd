"""Who certified an outcome: one prepared it, another reviewed it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.common.guards import append_only
from apps.common.models import scoped_by
from apps.reconciliation.models.outcomes import Run
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.states import CertificationPart

_user = settings.AUTH_USER_MODEL


@append_only()
class Certification(models.Model):
    """One person's word for exactly this outcome."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="certifications")
    outcome_digest = models.CharField(max_length=64)
    part = models.CharField(max_length=10, choices=CertificationPart.choices)
    comment = models.TextField(blank=True, default="")
    certified_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    certified_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_RUNS, "run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "outcome_digest", "part"], name="certified_once_in_each_part"
            ),
            models.UniqueConstraint(
                fields=["run", "outcome_digest", "certified_by"], name="certified_by_two"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_part_display()} by {self.certified_by_id}"

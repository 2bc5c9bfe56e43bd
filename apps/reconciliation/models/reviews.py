"""What people say of breaks."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.common.guards import audited
from apps.common.models import history, scoped_by
from apps.reconciliation.models.outcomes import Break
from apps.reconciliation.states import ReviewStatus

_user = settings.AUTH_USER_MODEL


@audited
class BreakReview(models.Model):
    """What people say of a break: explained by one, accepted by another."""

    broken = models.OneToOneField(Break, on_delete=models.PROTECT, related_name="review")
    status = models.CharField(
        max_length=10, choices=ReviewStatus.choices, default=ReviewStatus.OPEN
    )
    comment = models.TextField(blank=True, default="")
    explained_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    accepted_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    taken_over_from = models.ForeignKey(
        Break,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The same break of the run before, where people said this.",
    )
    changed_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1)

    objects = scoped_by("broken__run__entity_id").as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(explained_by=None)
                | Q(accepted_by=None)
                | ~Q(explained_by=F("accepted_by")),
                name="explained_and_accepted_by_two",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()}: {self.broken_id}"

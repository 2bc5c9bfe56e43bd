"""Who has to approve what."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.approvals.models.spans import standing
from apps.approvals.permissions import VIEW_POLICIES
from apps.common.guards import audited
from apps.common.models import ScopedQuerySet, history
from apps.common.money import AmountField, CurrencyField

_user = settings.AUTH_USER_MODEL


class PolicyQuerySet(ScopedQuerySet):
    view_permission = VIEW_POLICIES

    def in_force(self, at: datetime | None = None) -> Self:
        """Policies that new requests follow (or followed at that instant)."""
        return self.filter(standing("in_force_at", "retired_at", at), in_force_at__isnull=False)


@audited
class Policy(models.Model):
    """Who has to approve what, from which amount. Changed by a new version, never in place."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    item_type = models.CharField(max_length=50)
    currency = CurrencyField(blank=True, default="", help_text="Empty: whatever the currency.")
    least_amount = AmountField(default=0, help_text="From this amount on, inclusive.")
    below_amount = AmountField(null=True, blank=True, help_text="Below this amount; empty: no end.")
    stages = models.JSONField(help_text='In order: [{"role": "approver", "count": 1}, ...]')
    needs_comment = models.BooleanField(default=False)
    attestation_text = models.TextField(blank=True, default="")
    evidence_kinds = models.JSONField(
        default=list, blank=True, help_text='What has to be attached: ["screenshot", ...]'
    )
    resolution_required = models.BooleanField(
        default=False, help_text="Whether somebody has to say how what was open was resolved."
    )
    bulk_allowed = models.BooleanField(
        default=False, help_text="Whether several requests may be approved at once."
    )
    due_after_hours = models.PositiveIntegerField(
        default=24, help_text="Business hours that each step may take."
    )
    escalation = models.JSONField(
        default=list,
        blank=True,
        help_text='Who may decide too when a step is late, one after the other: [{"role": ...}].',
    )
    expires_after_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Calendar days until it ends undecided; empty: never."
    )
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(db_default=Now(), editable=False)
    in_force_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Empty: proposed, and not approved yet."
    )
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PolicyQuerySet.as_manager()
    history = history()

    class Meta:
        verbose_name_plural = "policies"
        ordering: ClassVar = ["item_type", "least_amount", "-version"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(below_amount__isnull=True) | Q(below_amount__gt=F("least_amount")),
                name="policy_range_not_empty",
            ),
            models.UniqueConstraint(
                fields=["entity", "item_type", "currency", "least_amount"],
                condition=Q(retired_at__isnull=True, in_force_at__isnull=False),
                name="one_policy_in_force_per_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_type} from {self.least_amount.normalize():f} (version {self.version})"

    @property
    def is_proposed(self) -> bool:
        """It waits for approval and binds nobody yet."""
        return self.in_force_at is None and self.retired_at is None

    @property
    def kind(self) -> str:
        """The item type in words: "journal entry"."""
        return self.item_type.replace("_", " ")

"""Up to which amount people may approve, and the rates to compare with."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.approvals.permissions import VIEW_LIMITS
from apps.common.guards import append_only, audited
from apps.common.models import ScopedQuerySet, history, scoped_by
from apps.common.money import AmountField, CurrencyField

_user = settings.AUTH_USER_MODEL


class LimitQuerySet(ScopedQuerySet):
    view_permission = VIEW_LIMITS

    def standing(self) -> Self:
        """Limits that nobody has retired, whether or not they hold today."""
        return self.filter(retired_at__isnull=True)


@audited
class Limit(models.Model):
    """The most that one person, or the holders of one role, may approve of one kind of thing."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, blank=True, default="")
    user = models.ForeignKey(
        _user, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    item_type = models.CharField(max_length=50)
    amount = AmountField(help_text="Inclusive.")
    currency = CurrencyField()
    starts_on = models.DateField(help_text="First day, by the entity's clock.")
    ends_on = models.DateField(null=True, blank=True, help_text="Last day; empty: no end.")
    created_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    defined_at = models.DateTimeField(db_default=Now(), editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = LimitQuerySet.as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["item_type", "role", "user_id", "currency", "starts_on"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(role="", user__isnull=False) | (~Q(role="") & Q(user__isnull=True)),
                name="limit_of_a_role_or_a_person",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="limit_not_negative"),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="limit_days_not_empty",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["entity"], name="limit_standing", condition=Q(retired_at=None))
        ]

    def __str__(self) -> str:
        whose = self.role or str(self.user)
        return f"{whose}: {self.item_type} up to {self.amount.normalize():f} {self.currency}"


@append_only()
class ExchangeRate(models.Model):
    """What one unit of a currency was worth in another on a day; limits are compared by it."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    currency = CurrencyField()
    quote = CurrencyField(help_text="The currency in which the worth is told.")
    quoted_on = models.DateField()
    rate = models.DecimalField(max_digits=20, decimal_places=10)
    source = models.CharField(max_length=100, help_text="Where it was read: a bank, a page.")
    entered_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_LIMITS).as_manager()

    class Meta:
        ordering: ClassVar = ["-quoted_on", "currency", "quote"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entity", "currency", "quote", "quoted_on"], name="one_rate_per_day"
            ),
            models.CheckConstraint(condition=Q(rate__gt=0), name="rate_positive"),
        ]

    def __str__(self) -> str:
        return f"1 {self.currency} = {self.rate.normalize():f} {self.quote} on {self.quoted_on}"

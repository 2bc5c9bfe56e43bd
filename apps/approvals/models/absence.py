"""Who is away, and who decides for whom meanwhile."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.approvals.permissions import VIEW_ABSENCES
from apps.common.access import Actor
from apps.common.guards import audited
from apps.common.models import ScopedQuerySet, history
from apps.common.money import AmountField, CurrencyField
from apps.identity.models import EntityUserObjectPermission

_user = settings.AUTH_USER_MODEL


class OfPeople(models.QuerySet[Any]):
    """Facts about a person (`person`) that hold on every entity."""

    def visible_to(self, actor: Actor) -> Self:
        """One's own, and those of people with a role where the actor may look at absences."""
        if not actor.is_authenticated:
            return self.none()
        colleagues = EntityUserObjectPermission.objects.filter(
            content_object_id__in=actor.entity_ids(VIEW_ABSENCES)
        ).values("user_id")
        return self.filter(Q(person_id=actor.pk) | Q(person_id__in=colleagues))


class LeaveQuerySet(OfPeople):
    def standing(self) -> Self:
        """Leaves that nobody has cancelled, whether or not they are today."""
        return self.filter(cancelled_at__isnull=True)


@audited
class Leave(models.Model):
    """Days on which somebody is away and decides nothing, on any entity."""

    person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="leaves")
    starts_on = models.DateField(help_text="First day, by the clock of each entity.")
    ends_on = models.DateField(help_text="Last day.")
    created_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    planned_at = models.DateTimeField(db_default=Now(), editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = LeaveQuerySet.as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["starts_on", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="leave_days_not_empty"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["ends_on"], name="leave_standing", condition=Q(cancelled_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.person} away from {self.starts_on} to {self.ends_on}"


class DelegationQuerySet(ScopedQuerySet):
    view_permission = VIEW_ABSENCES

    def standing(self) -> Self:
        """Delegations that nobody has revoked, whether or not they hold today."""
        return self.filter(revoked_at__isnull=True)


@audited
class Delegation(models.Model):
    """Somebody hands what he would decide on one entity to somebody else, for some days."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    delegator = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    delegate = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    item_type = models.CharField(
        max_length=50, blank=True, default="", help_text="Empty: every kind of thing."
    )
    cap_amount = AmountField(
        null=True, blank=True, help_text="Inclusive; empty: the lower of the two limits alone."
    )
    cap_currency = CurrencyField(blank=True, default="")
    starts_on = models.DateField(help_text="First day, by the entity's clock.")
    ends_on = models.DateField(help_text="Last day.")
    reason = models.TextField()
    created_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    delegated_at = models.DateTimeField(db_default=Now(), editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = DelegationQuerySet.as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["starts_on", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(delegator=F("delegate")), name="delegation_to_somebody_else"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="delegation_days_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(cap_amount__isnull=True, cap_currency="")
                | (Q(cap_amount__gte=0) & ~Q(cap_currency="")),
                name="delegation_cap_with_currency",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["entity", "ends_on"],
                name="delegation_standing",
                condition=Q(revoked_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.delegate} for {self.delegator} from {self.starts_on} to {self.ends_on}"

    @property
    def kind(self) -> str:
        """The item type in words: "journal entry"; "everything" without one."""
        return self.item_type.replace("_", " ") or "everything"

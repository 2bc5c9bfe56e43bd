"""Exceptions to segregation of duties: signed by two people, for one person and some days."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.states import WaivedConflict, WaiverState
from apps.common.guards import audited
from apps.common.models import ScopedQuerySet, history

_user = settings.AUTH_USER_MODEL


class WaiverQuerySet(ScopedQuerySet):
    view_permission = VIEW_REQUESTS

    def standing(self) -> Self:
        """Waivers with both signatures that nobody has revoked."""
        return self.filter(signed_at__isnull=False, revoked_at__isnull=True)

    def with_people(self) -> Self:
        """Each with its entity and everybody whom it names."""
        return self.select_related("entity", "person", "proposed_by", "signed_by", "revoked_by")


@audited
class Waiver(models.Model):
    """One person may decide on one kind of thing though he had a hand in it; never as its maker."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    conflict = models.CharField(
        max_length=20, choices=WaivedConflict.choices, default=WaivedConflict.TOOK_PART
    )
    item_type = models.CharField(max_length=50)
    reason = models.TextField()
    compensating_control = models.TextField(help_text="What keeps the risk small meanwhile.")
    starts_on = models.DateField(help_text="First day, by the entity's clock.")
    ends_on = models.DateField(help_text="Last day.")
    proposed_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(db_default=Now(), editable=False)
    signed_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    signed_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = WaiverQuerySet.as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="waiver_days_not_empty"
            ),
            models.CheckConstraint(
                condition=~Q(person=F("proposed_by")) & ~Q(person=F("signed_by")),
                name="waiver_not_signed_by_its_person",
            ),
            models.CheckConstraint(
                condition=~Q(proposed_by=F("signed_by")), name="waiver_signed_by_two"
            ),
            models.CheckConstraint(
                condition=Q(signed_at=None, signed_by=None)
                | Q(signed_at__isnull=False, signed_by__isnull=False),
                name="waiver_signature_whole",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["entity", "ends_on"],
                name="waiver_standing",
                condition=Q(revoked_at=None, signed_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"waiver {self.pk} for {self.person}, {self.kind}, until {self.ends_on}"

    @property
    def kind(self) -> str:
        """The item type in words: "journal entry"."""
        return self.item_type.replace("_", " ")

    @property
    def state(self) -> WaiverState:
        """Where it is in its life; whether its days have begun or are over is not in it."""
        if self.revoked_at is not None:
            return WaiverState.REVOKED
        return WaiverState.PROPOSED if self.signed_at is None else WaiverState.SIGNED

    @property
    def signers(self) -> str:
        """ "signed by Connie and Carl"."""
        return f"signed by {self.proposed_by} and {self.signed_by or 'nobody else yet'}"

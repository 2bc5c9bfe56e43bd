"""What people are told about requests and waivers, besides what waits in their inbox."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from apps.approvals.models.requests import Request
from apps.approvals.models.waivers import Waiver
from apps.approvals.states import NoticeKind
from apps.common.access import Actor
from apps.common.guards import append_only
from apps.identity.models import Entity

_user = settings.AUTH_USER_MODEL


class NoticeQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> Self:
        """Those about requests and waivers that the actor may see."""
        # Asked of each notice: they are few, and what the actor may see is nearly everything.
        requests = Request.objects.visible_to(actor).filter(pk=OuterRef("request_id"))
        waivers = Waiver.objects.visible_to(actor).filter(pk=OuterRef("waiver_id"))
        return self.filter(Exists(requests) | Exists(waivers))

    def about(self, thing: Request | Waiver) -> Self:
        """Those about one of them."""
        return self.filter(**{str(thing._meta.model_name): thing})


@append_only(except_columns=("read_at",))
class Notice(models.Model):
    """Something that one person is told about a request or a waiver, once for each occasion."""

    request = models.ForeignKey(
        Request, on_delete=models.PROTECT, null=True, blank=True, related_name="notices"
    )
    waiver = models.ForeignKey(
        Waiver, on_delete=models.PROTECT, null=True, blank=True, related_name="notices"
    )
    person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=NoticeKind.choices)
    occasion = models.CharField(
        max_length=40, help_text="What makes a second notice of the same kind another one."
    )
    noted_at = models.DateTimeField(db_default=Now(), editable=False)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["request", "person", "kind", "occasion"], name="one_notice_per_occasion"
            ),
            models.UniqueConstraint(
                fields=["waiver", "person", "kind", "occasion"],
                name="one_notice_of_a_waiver_per_occasion",
            ),
            models.CheckConstraint(
                condition=Q(request__isnull=False, waiver=None)
                | Q(request=None, waiver__isnull=False),
                name="notice_about_one_thing",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["person"], name="notice_unread", condition=Q(read_at=None))
        ]

    def __str__(self) -> str:
        about = self.request_id or f"waiver {self.waiver_id}"
        return f"{self.get_kind_display()}: {about} to {self.person_id}"

    @property
    def about(self) -> Request | Waiver:
        """What it is about."""
        return self.waiver if self.request is None else self.request  # type: ignore[return-value]

    @property
    def title(self) -> str:
        """What it is about, in words that name nobody: messages carry them elsewhere."""
        if self.request is not None:
            return self.request.title
        return f"Waiver for {self.about.kind}"

    @property
    def entity(self) -> Entity:
        """Where."""
        return self.about.entity

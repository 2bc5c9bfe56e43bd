"""Messages to people, outside the application: how each wants them, and what became of them."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.common.access import Actor
from apps.common.guards import append_only, audited, unguarded
from apps.common.models import history
from apps.identity.models import validate_time_zone
from apps.outbound.states import Channel, MessageStatus, Rhythm
from apps.privacy.fields import EncryptedTextField

_user = settings.AUTH_USER_MODEL


class OwnQuerySet(models.QuerySet[Any]):
    """Rows of one person, which nobody else sees."""

    person_path = "person_id"

    def visible_to(self, actor: Actor) -> Self:
        """The actor's own."""
        return (
            self.filter(**{self.person_path: actor.pk}) if actor.is_authenticated else self.none()
        )


class _LineQuerySet(OwnQuerySet):
    person_path = "message__person_id"


@audited
class MessagePreference(models.Model):
    """Where and when one person wants to be told what his notices say. Without one: nowhere."""

    person = models.OneToOneField(_user, on_delete=models.PROTECT, related_name="+")
    by_email = models.BooleanField("by e-mail", default=False)
    by_slack = models.BooleanField("by Slack", default=False)
    slack_url: Any = EncryptedTextField(
        blank=True, default="", editable=False, help_text="Incoming webhook; never shown again."
    )
    rhythm = models.CharField(max_length=10, choices=Rhythm.choices, default=Rhythm.AT_ONCE)
    digest_hour = models.PositiveSmallIntegerField(default=8, help_text="By his own clock.")
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])

    objects = OwnQuerySet.as_manager()
    history = history(excluded_fields=["slack_url"])

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(digest_hour__lte=23), name="digest_hour_of_a_day")
        ]

    def __str__(self) -> str:
        return f"of {self.person}"

    @property
    def channels(self) -> list[Channel]:
        """Where he wants to be told."""
        chosen = [(Channel.EMAIL, self.by_email), (Channel.SLACK, self.by_slack)]
        return [channel for channel, is_chosen in chosen if is_chosen]


@unguarded("transport: what is still to be sent; what it says are facts")
class Message(models.Model):
    """One message to one person through one channel: one notice at once, or those of a day."""

    person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    digest_on = models.DateField(
        null=True, blank=True, help_text="The day of a digest, by the person's clock."
    )
    status = models.CharField(
        max_length=10, choices=MessageStatus.choices, default=MessageStatus.WAITING
    )
    try_count = models.PositiveSmallIntegerField(default=0, help_text="Tries begun.")
    error = models.CharField(max_length=300, blank=True, default="", help_text="Of the last try.")
    due_at = models.DateTimeField(help_text="Not tried before.")
    queued_until = models.DateTimeField(help_text="Until then a task for it is on its way.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = OwnQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "channel", "digest_on"],
                condition=Q(digest_on__isnull=False),
                name="one_digest_per_day",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="message_due", condition=Q(status="waiting"))
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} #{self.pk}"


@append_only()
class MessageLine(models.Model):
    """A notice in a message; once in each channel, whatever happens."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="lines")
    notice = models.ForeignKey("approvals.Notice", on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel.choices)

    objects = _LineQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["notice", "channel"], name="one_message_per_notice_and_channel"
            )
        ]

    def __str__(self) -> str:
        return f"notice {self.notice_id} by {self.channel}"

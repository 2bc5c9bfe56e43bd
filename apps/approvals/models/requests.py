"""Requests and decisions. A request names its subject by type, id and hash only."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Prefetch, Q
from django.db.models.functions import Now

from apps.approvals.models.policies import Policy
from apps.approvals.models.waivers import Waiver
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.states import OPEN, Door, RequestStatus, Verdict
from apps.common.access import Actor
from apps.common.guards import append_only, audited
from apps.common.models import ScopedQuerySet, history, scoped_by
from apps.common.money import AmountField, CurrencyField

_user = settings.AUTH_USER_MODEL


class RequestQuerySet(ScopedQuerySet):
    view_permission = VIEW_REQUESTS

    def _of_entities(self, actor: Actor, permission: str | None) -> Self:
        """Those of the entities, and each on which the actor's opinion was asked."""
        if not actor.is_authenticated:
            return self.none()
        asked = Consultation.objects.filter(person_id=actor.pk).values("request_id")
        return self.filter(Q(entity_id__in=actor.entity_ids(permission)) | Q(pk__in=asked))

    def open(self) -> Self:
        """Requests that still wait for somebody."""
        return self.filter(status__in=OPEN)

    def counted(self) -> Self:
        """Requests that count when amounts are added up: waiting or approved."""
        return self.filter(status__in=[*OPEN, RequestStatus.APPROVED])

    def with_parts(self) -> Self:
        """Each with its entity, maker and policy, and its decisions with their approvers."""
        decisions = Prefetch(
            "decisions",
            Decision.objects.select_related(
                "approver", "on_behalf_of", "waiver__proposed_by", "waiver__signed_by"
            ),
        )
        return self.select_related("policy", "maker", "entity", "use__used_by").prefetch_related(
            decisions
        )

    def with_evidence(self) -> Self:
        """Each with its attachments and who attached them (two queries)."""
        return self.prefetch_related("attachments__attached_by")

    def with_reassignments(self) -> Self:
        """Each with the seats that were moved, from whom to whom (three queries)."""
        return self.prefetch_related("reassignments__from_person", "reassignments__to_person")

    def with_questions(self) -> Self:
        """Each with what others were asked about it and said (two queries)."""
        asked = Consultation.objects.select_related("person", "asked_by", "opinion")
        return self.prefetch_related(Prefetch("consultations", asked))

    def with_participants(self) -> Self:
        """Each with all that decides who may decide on it (five queries)."""
        return self.select_related("policy", "entity").prefetch_related(
            "conflicts", "decisions", "escalations", "reassignments"
        )


@audited
class Request(models.Model):
    """Somebody asks for approval of exactly this content (`subject_hash`)."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    item_type = models.CharField(max_length=50)
    subject_type = models.CharField(max_length=100)
    subject_id = models.CharField(max_length=64)
    subject_hash = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    url = models.CharField(max_length=300, help_text="The page that shows the subject.")
    amount = AmountField(null=True, blank=True)
    currency = CurrencyField(blank=True, default="")
    split_key = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="What belongs together with it: the same key, maker and kind within a week.",
    )
    split_amount = AmountField(default=0, help_text="The amount of what belongs together with it.")
    maker = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    conflicted: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        _user,
        through="Conflict",
        related_name="+",
        help_text="Who may not decide, besides the maker.",
    )
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="requests")
    status = models.CharField(
        max_length=20, choices=RequestStatus.choices, default=RequestStatus.PENDING
    )
    stage = models.PositiveSmallIntegerField(default=0, help_text="Index of the stage at work.")
    version = models.PositiveIntegerField(default=1)
    notify_task = models.CharField(max_length=200, blank=True, default="", editable=False)
    requested_at = models.DateTimeField(db_default=Now(), editable=False)
    due_at = models.DateTimeField(help_text="By when the step at work is to be decided.")
    next_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When to remind, escalate or expire next."
    )
    expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RequestQuerySet.as_manager()
    history = history()

    # The instant as of which it was read back (`selectors.past`); None: it is as it is now.
    seen_at: datetime | None = None

    class Meta:
        ordering: ClassVar = ["due_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["subject_type", "subject_id"], name="request_subject"),
            models.Index(
                fields=["entity", "maker", "item_type", "split_key"],
                name="request_split",
                condition=~Q(split_key=""),
            ),
            models.Index(
                fields=["entity", "due_at"], name="request_open", condition=Q(ended_at=None)
            ),
            models.Index(fields=["next_at"], name="request_next", condition=Q(ended_at=None)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id"],
                condition=Q(status__in=[RequestStatus.PENDING, RequestStatus.BLOCKED]),
                name="one_open_request_per_subject",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def forget(self, *parts: str) -> None:
        """Have these related rows read anew when they are next asked for; they have changed."""
        read = getattr(self, "_prefetched_objects_cache", {})
        self.refresh_from_db(fields=[part for part in parts if part in read])

    def gain(self, part: str, row: models.Model) -> None:
        """Count a row that was just stored among these related rows, which were read before."""
        getattr(self, part).all()._result_cache.append(row)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_used(self) -> bool:
        """Whether somebody acted upon the approval."""
        return hasattr(self, "use")

    @property
    def exposure(self) -> Decimal | None:
        """What limits are compared with: the amount and what belongs to it; None without one."""
        return None if self.amount is None else abs(self.amount) + self.split_amount

    @property
    def kind(self) -> str:
        """The item type in words: "journal entry"."""
        return self.item_type.replace("_", " ")


class OfRequests(models.QuerySet[Any]):
    """What whoever sees a request sees with it."""

    def visible_to(self, actor: Actor) -> Self:
        """Rows of the requests that the actor may see."""
        return self.filter(request__in=Request.objects.visible_to(actor))


@append_only()
class Conflict(models.Model):
    """Somebody who took part in the subject and so may not decide on it."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="conflicts")
    user = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    noted_at = models.DateTimeField(
        db_default=Now(),
        null=True,
        editable=False,
        help_text="Empty: noted before the instant was kept.",
    )

    objects = scoped_by(VIEW_REQUESTS, "request__entity_id").as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "user"], name="one_conflict_per_user")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.request_id}"


@append_only()
class Decision(models.Model):
    """One verdict of one person, with what he saw (hash), confirmed (text) and was (role)."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="decisions")
    approver = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    on_behalf_of = models.ForeignKey(
        _user,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose place the approver took, by a delegation; empty: his own.",
    )
    waiver = models.ForeignKey(
        Waiver,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="decisions",
        help_text="By what he decided though he had a hand in it; empty: he had none.",
    )
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    stage = models.PositiveSmallIntegerField()
    role_at_time = models.CharField(max_length=20)
    limit_amount = AmountField(
        null=True, blank=True, help_text="How much the approver could approve; empty: no limit."
    )
    comment = models.TextField(blank=True, default="")
    attestation_text = models.TextField(blank=True, default="")
    subject_hash = models.CharField(max_length=64)
    evidence_hash = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="SHA-256 over the subject's digest and those of all evidence that was there,"
        " what came with the decision included.",
    )
    door = models.CharField(
        max_length=10,
        choices=Door.choices,
        blank=True,
        default="",
        help_text="By what it came in; empty: by a program, or before that was kept.",
    )
    decided_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_REQUESTS, "request__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "approver"], name="one_decision_per_person"),
            models.UniqueConstraint(
                fields=["request", "on_behalf_of"], name="one_decision_on_behalf_of_each"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} by {self.approver_id}"

    @property
    def capacity(self) -> str:
        """As what the approver decided: "approver", "approver, for Bob Baker"."""
        if self.waiver is not None:
            return f"{self.role_at_time}, under waiver {self.waiver.pk}"
        if self.on_behalf_of is None:
            return self.role_at_time
        return f"{self.role_at_time}, for {self.on_behalf_of}"


@append_only()
class Consultation(models.Model):
    """Somebody without a seat is asked what he thinks; from then on he took part."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="consultations")
    stage = models.PositiveSmallIntegerField()
    person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    question = models.TextField()
    asked_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_REQUESTS, "request__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["person"], name="consultation_person")]

    def __str__(self) -> str:
        return f"question to {self.person}"

    @property
    def is_answered(self) -> bool:
        return hasattr(self, "opinion")


@append_only()
class Opinion(models.Model):
    """What somebody answered who was asked."""

    consultation = models.OneToOneField(
        Consultation, on_delete=models.PROTECT, related_name="opinion"
    )
    text = models.TextField()
    given_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_REQUESTS, "consultation__request__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"answer to question {self.consultation_id}"

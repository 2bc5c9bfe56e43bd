"""What has to be approved by whom, and what is."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import F, Func, IntegerField, Model, Q, TextField
from django.db.models.functions import Cast

from apps.approvals.errors import AlreadyDecidedByActor, OwnWork, RoleMissing
from apps.approvals.models import Decision, Policy, Request
from apps.approvals.states import OPEN, RequestStatus, Verdict
from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible
from apps.identity.models import User
from apps.identity.selectors import people_with_role


def policy_for(
    *, entity_id: int, item_type: str, amount: Decimal | None = None, currency: str | None = None
) -> Policy | None:
    """The policy in force for an item, or None if it needs no approval.

    A policy in the item's own currency goes before one for any currency. The range is inclusive
    below and exclusive above; an item without an amount counts as zero.
    """
    size = abs(amount) if amount is not None else Decimal(0)
    policies = (
        Policy.objects.in_force()
        .filter(entity_id=entity_id, item_type=item_type, least_amount__lte=size)
        .filter(Q(below_amount__isnull=True) | Q(below_amount__gt=size))
        .filter(currency__in=["", currency or ""])
        .order_by("-currency", "-least_amount")
    )
    return policies.first()


def subject_key(subject: Model) -> dict[str, str]:
    """How a request names its subject."""
    return {"subject_type": subject._meta.label_lower, "subject_id": str(subject.pk)}


def is_approved(subject: Model, subject_hash: str) -> bool:
    """True if exactly this content is approved, and the approval has not fallen since."""
    return Request.objects.filter(
        **subject_key(subject), subject_hash=subject_hash, status=RequestStatus.APPROVED
    ).exists()


def open_request_for(subject: Model) -> Request | None:
    """The request about the subject that still waits, if there is one."""
    return Request.objects.open().filter(**subject_key(subject)).first()


def latest_request_for(subject: Model) -> Request | None:
    """The newest request about the subject, whatever became of it."""
    return Request.objects.filter(**subject_key(subject)).order_by("-id").first()


def decisions_on(request: Request) -> Sequence[Decision]:
    """The decisions on a request, oldest first, with their approvers."""
    return list(request.decisions.select_related("approver"))


def stage_of(request: Request) -> dict[str, Any]:
    """The stage at work: its role and how many different people it needs."""
    stage: dict[str, Any] = request.policy.stages[request.stage]
    return stage


def conflicted_ids(request: Request) -> frozenset[int]:
    """Everybody who took part in the subject: maker, editors, requester, preparers."""
    return frozenset({request.maker_id, *request.conflicts.values_list("user_id", flat=True)})


def refusal_to_decide(request: Request, actor: User) -> NotPermitted | None:
    """Why this actor may not decide on this request now, or None if he may.

    Superusers get no way around it: the role must be held, and taking part excludes.
    """
    if actor.pk in conflicted_ids(request):
        return OwnWork()
    if request.decisions.filter(approver=actor).exists():
        return AlreadyDecidedByActor()
    role = stage_of(request)["role"]
    if role not in actor.roles_on(request.entity_id):
        return RoleMissing(
            f"This stage needs the role {role}, which you do not hold here.",
            remedy=_who_could(request),
        )
    return None


def eligible_approvers(request: Request) -> list[User]:
    """The people who could decide on the stage at work."""
    excluded = conflicted_ids(request) | set(
        request.decisions.values_list("approver_id", flat=True)
    )
    people = people_with_role(stage_of(request)["role"], entity_id=request.entity_id)
    return [person for person in people if person.pk not in excluded]


class _StageRole(Func):
    """The role that the stage at work asks for: the policy's JSON list, at the stage's index."""

    template = "(%(expressions)s) ->> 'role'"
    arg_joiner = " -> "
    output_field = TextField()


def waiting_for(actor: User) -> Any:
    """The requests that this actor can decide on now, most urgent first (a queryset).

    The same rules as `refusal_to_decide`: he holds the role of the stage at work on the entity,
    took no part in the subject, and has not decided on it yet.
    """
    if not actor.is_authenticated or not actor.is_active:
        return Request.objects.none()
    roles = Q(pk__in=[])
    for role, entity_ids in actor.grants().items():
        roles |= Q(stage_role=role, entity_id__in=entity_ids)
    return (
        Request.objects.visible_to(actor)
        .filter(status=RequestStatus.PENDING)
        .annotate(stage_role=_StageRole(F("policy__stages"), Cast(F("stage"), IntegerField())))
        .filter(roles)
        .exclude(maker=actor)
        .exclude(conflicts__user=actor)
        .exclude(decisions__approver=actor)
        .select_related("policy", "maker", "entity")
        .order_by("due_at", "id")
    )


def inbox(actor: User) -> list[Request]:
    """The requests that this actor can decide on now, most urgent first (two queries)."""
    return list(waiting_for(actor))


def outbox(actor: User) -> Any:
    """What the actor asked for and still waits for."""
    return (
        Request.objects.visible_to(actor)
        .filter(maker=actor, status__in=OPEN)
        .select_related("policy", "entity")
    )


def requests_seen_by(actor: User) -> Any:
    """Every request that the actor may see, with what a list shows of it (a queryset)."""
    return Request.objects.visible_to(actor).with_parts()


def request_seen_by(actor: User, request_id: int) -> Request:
    """One of them.

    Raises:
        NotVisible: no such request for this actor.
    """
    request: Request | None = requests_seen_by(actor).filter(pk=request_id).first()
    if request is None:
        raise NotVisible
    return request


def earlier_rounds(request: Request) -> list[Request]:
    """The ended requests about the same subject before this one, newest first."""
    return list(
        Request.objects.filter(
            subject_type=request.subject_type,
            subject_id=request.subject_id,
            entity_id=request.entity_id,
            pk__lt=request.pk,
        )
        .with_parts()
        .order_by("-pk")
    )


def approvals_missing(request: Request) -> int:
    """How many more people have to approve before the request is approved, all stages together."""
    stages = request.policy.stages
    needed = sum(int(stage["count"]) for stage in stages[request.stage :])
    return needed - sum(
        1
        for decision in request.decisions.all()
        if decision.stage == request.stage and decision.verdict == Verdict.APPROVE
    )


def seen_at_version(request: Request, version: int) -> Request | None:
    """The request as it was at an earlier version, from its history; None if it never was."""
    past = request.history.filter(version=version).order_by("-history_id").first()
    return past.instance if past is not None else None


def record_of(request: Request) -> list[Event]:
    """What was done to the request, newest first: asked, decided, withdrawn, superseded."""
    return list(
        Event.objects.filter(
            subject_type=request._meta.label_lower,
            subject_id=str(request.pk),
            action__startswith="approvals.request.",
        )
        .select_related("actor")
        .order_by("-id")
    )


def policies_seen_by(actor: User) -> Any:
    """Every policy that the actor may see, in force or retired (a queryset)."""
    return Policy.objects.visible_to(actor).select_related("entity", "created_by")


def _who_could(request: Request) -> str:
    names = ", ".join(str(person) for person in eligible_approvers(request)[:3])
    return f"{names} could decide." if names else "Nobody holds that role here at the moment."

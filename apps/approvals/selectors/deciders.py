"""Who can decide on what, and why not."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Func, IntegerField, JSONField, Q
from django.db.models.functions import Abs, Cast

from apps.approvals.errors import AlreadyDecidedByActor, NotNamed, OwnWork, RoleMissing
from apps.approvals.models import Request
from apps.approvals.permissions import DECIDE_REQUEST
from apps.approvals.selectors.conflicts import conflicted_ids
from apps.approvals.selectors.limits import limits_of, limits_on, refusal_by_limit
from apps.approvals.selectors.requests import stage_of
from apps.approvals.selectors.staff import staff_of, steps_left
from apps.approvals.selectors.stages import people_named
from apps.approvals.states import OPEN, RequestStatus
from apps.common.errors import NotPermitted
from apps.identity.holders import roles_holding
from apps.identity.models import User

_BY_NAME = ("last_name", "first_name", "pk")


def refusal_to_decide(request: Request, actor: User) -> NotPermitted | None:
    """Why this actor may not decide on this request now, or None if he may.

    Superusers get no way around it: the role must be held, and taking part excludes.
    """
    if actor.pk in conflicted_ids(request):
        return OwnWork()
    if request.decisions.filter(approver=actor).exists():
        return AlreadyDecidedByActor()
    stage, roles = stage_of(request), actor.roles_on(request.entity_id)
    named = people_named(stage)
    if named and (actor.username not in named or not roles & roles_holding(DECIDE_REQUEST)):
        return NotNamed(remedy=_who_could(request))
    if not named and stage["role"] not in roles:
        return RoleMissing(
            f"This stage needs the role {stage['role']}, which you do not hold here.",
            remedy=_who_could(request),
        )
    return refusal_by_limit(request, actor, roles, limits_of(request.entity))


def eligible_approvers(request: Request) -> list[User]:
    """The people who could decide on the stage at work."""
    step = steps_left(request, staff_of(request.entity))[0]
    return list(User.objects.filter(pk__in=step.candidates).order_by(*_BY_NAME))


class _StageAtWork(Func):
    """The stage at work: the policy's JSON list, at the stage's index."""

    template = "(%(expressions)s)"
    arg_joiner = " -> "
    output_field = JSONField()


def waiting_for(actor: User) -> Any:
    """The requests that this actor can decide on now, most urgent first (a queryset).

    The same rules as `refusal_to_decide`: he is named by the stage at work, or holds its role on
    the entity, took no part in the subject, has not decided on it yet, and it is within his limit.
    """
    if not actor.is_authenticated or not actor.is_active:
        return Request.objects.none()
    deciding = actor.entity_ids(DECIDE_REQUEST)
    asked = Q(at_work__people__contains=[actor.username], entity_id__in=deciding)
    for role, entity_ids in actor.grants().items():
        asked |= Q(at_work__role=role, entity_id__in=entity_ids)
    waiting = (
        Request.objects.visible_to(actor)
        .filter(status=RequestStatus.PENDING)
        .annotate(at_work=_StageAtWork(F("policy__stages"), Cast(F("stage"), IntegerField())))
        .filter(asked)
        .exclude(maker=actor)
        .exclude(conflicts__user=actor)
        .exclude(decisions__approver=actor)
        .select_related("policy", "maker", "entity")
        .order_by("due_at", "id")
    )
    return _within_limits(waiting, actor)


def _within_limits(waiting: Any, actor: User) -> Any:
    """The requests whose exposure the actor may approve."""
    for entity_id, limits in limits_on(actor.granted_entity_ids()).items():
        roles = actor.roles_on(entity_id)
        for kind in sorted(limits.kinds()):
            within = Q(amount__isnull=True)
            for currency, most in limits.table_of(actor.pk, roles, kind).items():
                within |= Q(currency=currency, measured__lte=most)
            waiting = waiting.annotate(measured=Abs("amount") + F("split_amount")).filter(
                ~Q(entity_id=entity_id, item_type=kind) | within
            )
    return waiting


def inbox(actor: User) -> list[Request]:
    """The requests that this actor can decide on now, most urgent first (three or four queries)."""
    return list(waiting_for(actor))


def outbox(actor: User) -> Any:
    """What the actor asked for and still waits for."""
    return (
        Request.objects.visible_to(actor)
        .filter(maker=actor, status__in=OPEN)
        .select_related("policy", "entity")
    )


def _who_could(request: Request) -> str:
    names = ", ".join(str(person) for person in eligible_approvers(request)[:3])
    return f"{names} could decide." if names else "Nobody holds that role here at the moment."

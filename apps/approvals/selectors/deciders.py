"""Who can decide on what, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Func, IntegerField, JSONField, Q
from django.db.models.functions import Abs, Cast

from apps.approvals.errors import (
    AlreadyDecidedByActor,
    Away,
    HandedOver,
    NotNamed,
    OwnWork,
    RoleMissing,
)
from apps.approvals.models import Request
from apps.approvals.rules import Decider
from apps.approvals.selectors.conflicts import conflicted_ids, voters
from apps.approvals.selectors.limits import refusal_by_limit
from apps.approvals.selectors.requests import decisions_on, stage_of
from apps.approvals.selectors.seats import any_of, seats_of
from apps.approvals.selectors.staff import Staff, deciders_at_work, staff_of
from apps.approvals.selectors.stages import people_named
from apps.approvals.states import OPEN, RequestStatus
from apps.common.errors import NotPermitted
from apps.identity.models import Entity, User

_BY_NAME = ("last_name", "first_name", "pk")
_URGENT = ("due_at", "id")
_SHOWN = ("policy", "maker", "entity")  # what lists show of a request
_OF_A_ROW = (
    *("item_type", "title", "amount", "currency", "status", "stage", "version", "due_at"),
    *("ended_at", "entity_id", "policy__stages", "policy__bulk_allowed"),
    *(f"maker__{name}" for name in User.NAME_FIELDS),
)


def refusal_to_decide(request: Request, actor: User) -> NotPermitted | None:
    """Why this actor may not decide on this request now, or None if he may."""
    found = decider_or_refusal(request, actor, staff_of(request.entity))
    return found if isinstance(found, NotPermitted) else None


def decider_or_refusal(request: Request, actor: User, staff: Staff) -> Decider | NotPermitted:
    """As whom the actor can decide on the request now, or why he may not.

    Superusers get no way around it: the role must be held, and taking part excludes.
    """
    decider = _decider_at_work(request, actor, staff)
    if decider is not None:
        return decider
    if actor.pk in conflicted_ids(request) - staff.waived(request).keys():
        return OwnWork()
    if actor.pk in voters(request):
        return AlreadyDecidedByActor()
    if staff.absences.is_away(actor.pk):
        return Away()
    return _refusal_at_stage(request, actor, staff)


def _decider_at_work(request: Request, actor: User, staff: Staff) -> Decider | None:
    """As whom the actor could decide on the stage at work: as himself, if he holds it himself.

    Of several people in whose place he could decide, the one who was there first.
    """
    found = [one for one in deciders_at_work(request, staff) if one.person_id == actor.pk]
    return min(found, key=_own_seat_first, default=None)


def eligible_approvers(request: Request) -> list[User]:
    """The people who could decide on the stage at work."""
    able = {one.person_id for one in deciders_at_work(request, staff_of(request.entity))}
    return list(User.objects.filter(pk__in=able).order_by(*_BY_NAME))


def approval_so_far(request: Request | None) -> dict[str, Any]:
    """For `components/approval.html`: `approval`, its `decisions`, who `could_decide` now."""
    if request is None:
        return {"approval": None, "decisions": [], "could_decide": []}
    return {
        "approval": request,
        "decisions": decisions_on(request),
        "could_decide": eligible_approvers(request) if request.is_open else [],
    }


def _own_seat_first(decider: Decider) -> int:
    return 0 if decider.mandate is None else decider.mandate.delegator_id


def _refusal_at_stage(request: Request, actor: User, staff: Staff) -> NotPermitted:
    """Why somebody decides nothing at the stage at work who is here and took no part."""
    stage, asked = stage_of(request), staff.asked(request, request.stage)
    if actor.pk in asked:
        return _refusal_of_seat(request, actor.pk, actor, staff)
    for holder in sorted(asked):
        mandate = staff.absences.mandate_of(holder, request.item_type)
        if mandate is not None and mandate.delegate_id == actor.pk:
            return _refusal_of_seat(request, holder, actor, staff)
    if actor.pk in staff.holders(stage):
        return HandedOver(
            "Your seat at this step was given to somebody else.", remedy=_who_could(request, staff)
        )
    if people_named(stage):
        return NotNamed(remedy=_who_could(request, staff))
    return RoleMissing(
        f"This stage needs the role {stage['role']}, which you do not hold here.",
        remedy=_who_could(request, staff),
    )


def _refusal_of_seat(request: Request, holder: int, actor: User, staff: Staff) -> NotPermitted:
    """Why the actor may not decide in the seat of somebody whom the stage asks for."""
    mandate = staff.absences.mandate_of(holder, request.item_type)
    if holder != actor.pk and mandate is not None:
        if actor.pk in conflicted_ids(request):
            return OwnWork("A waiver is for what you decide yourself, not in somebody's place.")
        if holder in conflicted_ids(request):
            return OwnWork("The person for whom you stand in took part in preparing this.")
        if holder in voters(request):
            return AlreadyDecidedByActor("The person for whom you stand in has decided on this.")
        most = staff.most_of(Decider(actor.pk, mandate), request)
        return refusal_by_limit(request, most) or RoleMissing(remedy=_who_could(request, staff))
    return refusal_by_limit(request, staff.most_of(Decider(actor.pk), request)) or HandedOver(
        remedy=_who_could(request, staff)
    )


class _StageAtWork(Func):
    """The stage at work: the policy's JSON list, at the stage's index."""

    template = "(%(expressions)s)"
    arg_joiner = " -> "
    output_field = JSONField()


def waiting_for(actor: User, among: Sequence[Entity] | None = None) -> Any:
    """The requests that this actor can decide on now, most urgent first (a queryset).

    The same rules as `refusal_to_decide`, for all his seats at once: his own, and those of whom
    he stands in for.

    Args:
        among: the entities that the actor sees, where they were read already.
    """
    if not actor.is_authenticated or not actor.is_active:
        return Request.objects.none()
    # Each seat is on an entity of the actor: what he may see is not asked for once more.
    waiting = Request.objects.filter(status=RequestStatus.PENDING).annotate(
        at_work=_StageAtWork(F("policy__stages"), Cast(F("stage"), IntegerField())),
        measured=Abs("amount") + F("split_amount"),
    )
    return (
        waiting.filter(any_of(*seats_of(actor, among))).select_related(*_SHOWN).order_by(*_URGENT)
    )


class _First(ArrayAgg):
    """The first of them in the order of an inbox."""

    template = "(%(function)s(%(expressions)s %(order_by)s))[:%(count)s]"

    def __init__(self, expression: Any, count: int) -> None:
        super().__init__(expression, order_by=_URGENT, count=int(count))


@dataclass(frozen=True)
class Backlog:
    """What waits of one kind on one entity.

    Attributes:
        total, late: how many there are, and how many of them are past their time.
        first: the most urgent of them: when they are due, and their ids.
    """

    entity_id: int
    item_type: str
    total: int
    late: int
    first: list[tuple[datetime, int]]


def backlog(waiting: Any, now: datetime, count: int) -> list[Backlog]:
    """What `waiting_for` found, counted, with the first so many of each kind and entity.

    One query for the counts and the page: to ask who can decide is what takes the time.
    """
    rows = (
        waiting.order_by("item_type", "entity_id")
        .values_list("entity_id", "item_type")
        .annotate(
            total=Count("pk"),
            late=Count("pk", filter=Q(due_at__lt=now)),
            due=_First("due_at", count),
            ids=_First("pk", count),
        )
    )
    return [
        Backlog(entity_id, item_type, total, late, list(zip(first_due, ids, strict=True)))
        for entity_id, item_type, total, late, first_due, ids in rows
    ]


def read_waiting(ids: Sequence[int], among: Sequence[Entity]) -> list[Request]:
    """The requests of a backlog in this order, without those that have ended since (one query).

    Each with what a row of a list shows, and no more.

    Args:
        among: the entities that they are of.
    """
    waiting = Request.objects.filter(status=RequestStatus.PENDING, entity__in=among)
    read = waiting.select_related("policy", "maker").only(*_OF_A_ROW).in_bulk(ids)
    entities = {entity.pk: entity for entity in among}
    for request in read.values():
        request.entity = entities[request.entity_id]
    return [read[pk] for pk in ids if pk in read]


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


def _who_could(request: Request, staff: Staff) -> str:
    able = {one.person_id for one in deciders_at_work(request, staff)}
    names = ", ".join([name for pk, name in staff.shown.items() if pk in able][:3])
    return f"{names} could decide." if names else "Nobody holds that role here at the moment."

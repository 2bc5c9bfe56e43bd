"""Plan and cancel leave; hand over what one would decide, and take it back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from apps.approvals.errors import DelegationInvalid, DelegationOverlaps, LeaveInvalid
from apps.approvals.locks import (
    delegation_for_update,
    delegations_for_update,
    leave_for_update,
)
from apps.approvals.models import Delegation, Leave
from apps.approvals.permissions import DECIDE_REQUEST, DELEGATE, MANAGE_ABSENCES, PLAN_LEAVE
from apps.approvals.services.staffing import queue_recheck
from apps.audit.services import record
from apps.common.access import authorize, one_visible
from apps.common.errors import IllegalMove, NotPermitted, NotVisible
from apps.common.money import require_minor_units
from apps.common.transitions import require_version
from apps.identity.models import Entity, EntityUserObjectPermission, User
from apps.identity.selectors import people_who_may

_LONGEST = timedelta(days=366)


@transaction.atomic
def plan_leave(*, person_id: int, starts_on: date, ends_on: date, actor: User) -> Leave:
    """Mark somebody as away: meanwhile he decides nothing, and nobody counts on him.

    Args:
        person_id: oneself, or somebody of an entity on which the actor manages absences.
        starts_on, ends_on: first and last day, by the clock of each entity.

    Raises:
        NotVisible: no such person for this actor.
        NotPermitted: the actor plans no leave here.
        LeaveInvalid: over before it begins, over already, or longer than a year.
    """
    authorize_for(person_id, actor)
    _require_days(starts_on, ends_on, LeaveInvalid)
    leave: Leave = Leave.objects.create(
        person_id=person_id, starts_on=starts_on, ends_on=ends_on, created_by=actor
    )
    record(
        actor=actor,
        action="approvals.leave.plan",
        subject=leave,
        person=person_id,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    _recheck_all_of(person_id)
    return leave


@transaction.atomic
def cancel_leave(*, leave_id: int, actor: User, expected_version: int | None = None) -> Leave:
    """Somebody is back, or stays: from now on he decides again.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is cancelled already.
        StaleVersion: it changed since the actor looked.
    """
    leave = leave_for_update(leave_id, actor=actor)
    authorize_for(leave.person_id, actor)
    if leave.cancelled_at is not None:
        raise IllegalMove("This leave is cancelled already.")
    require_version(leave, expected_version)
    leave.cancelled_at = timezone.now()
    leave.version += 1
    leave.save(update_fields=["cancelled_at", "version"])
    record(actor=actor, action="approvals.leave.cancel", subject=leave)
    _recheck_all_of(leave.person_id)
    return leave


@transaction.atomic
def delegate(
    *,
    entity_id: int,
    delegate_id: int,
    starts_on: date,
    ends_on: date,
    reason: str,
    actor: User,
    item_type: str = "",
    cap_amount: Decimal | None = None,
    cap_currency: str = "",
) -> Delegation:
    """Hand what the actor would decide on an entity to somebody else, for some days.

    Only what he may decide himself, and no more than both may: the lower limit counts. What the
    delegate took part in stays with the actor. Nobody passes on what was handed to him.

    Args:
        item_type: one kind of thing; empty: every kind. One for a kind goes before one for all.
        cap_amount, cap_currency: the most that is handed over, inclusive; None: the limits alone.

    Raises:
        NotVisible: no such entity for this actor.
        NotPermitted: the actor decides nothing there.
        DelegationInvalid: to oneself or to somebody who decides nothing there, days that make no
            sense, a cap without its currency or below zero, or no reason.
        DelegationOverlaps: somebody stands in for the same kind on some of these days.
        Invalid: no such currency, or more decimals than it has.
    """
    entity: Entity = one_visible(Entity.objects.visible_to(actor).filter(pk=entity_id))
    authorize(actor, DELEGATE, entity_id=entity_id)
    _require_delegate(entity_id, delegate_id, actor)
    _require_days(starts_on, ends_on, DelegationInvalid)
    _require_cap(cap_amount, cap_currency)
    if not reason.strip():
        raise DelegationInvalid("Say why it is handed over.", field="reason")
    for other in delegations_for_update(entity_id=entity_id, delegator_id=actor.pk):
        touches = other.starts_on <= ends_on and starts_on <= other.ends_on
        if other.item_type == item_type and touches:
            raise DelegationOverlaps(field="starts_on")
    made: Delegation = Delegation.objects.create(
        entity=entity,
        delegator=actor,
        delegate_id=delegate_id,
        item_type=item_type,
        cap_amount=cap_amount,
        cap_currency=cap_currency,
        starts_on=starts_on,
        ends_on=ends_on,
        reason=reason,
        created_by=actor,
    )
    record(
        actor=actor,
        action="approvals.delegation.make",
        subject=made,
        delegate=delegate_id,
        item_type=item_type,
        starts_on=starts_on,
        ends_on=ends_on,
        reason=reason,
    )
    queue_recheck(entity_id)
    return made


@transaction.atomic
def revoke_delegation(
    *, delegation_id: int, actor: User, expected_version: int | None = None
) -> Delegation:
    """Take it back; what the delegate has decided stays decided.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible: no such delegation for this actor.
        NotPermitted: it is neither the actor's, nor does he manage absences there.
        IllegalMove: it is revoked already.
        StaleVersion: it changed since the actor looked.
    """
    made = delegation_for_update(delegation_id, actor=actor)
    if actor.pk not in (made.delegator_id, made.delegate_id):
        authorize(actor, MANAGE_ABSENCES, entity_id=made.entity_id)
    if made.revoked_at is not None:
        raise IllegalMove("This delegation is revoked already.")
    require_version(made, expected_version)
    made.revoked_at = timezone.now()
    made.version += 1
    made.save(update_fields=["revoked_at", "version"])
    record(actor=actor, action="approvals.delegation.revoke", subject=made)
    queue_recheck(made.entity_id)
    return made


def authorize_for(person_id: int, actor: User) -> None:
    """One's own leave and hours are one's own affair; those of others for who manages absences.

    Raises:
        NotVisible: nobody of an entity that the actor sees.
        NotPermitted: the actor manages no absences there.
    """
    if person_id == actor.pk:
        authorize(actor, PLAN_LEAVE)
        return
    theirs = Entity.objects.filter(pk__in=_entity_ids_of(person_id))
    if not theirs.filter(pk__in=actor.entity_ids()).exists():
        raise NotVisible
    if not theirs.filter(pk__in=actor.entity_ids(MANAGE_ABSENCES)).exists():
        raise NotPermitted(permission=MANAGE_ABSENCES)


def _require_delegate(entity_id: int, delegate_id: int, actor: User) -> None:
    if delegate_id == actor.pk:
        raise DelegationInvalid("Name somebody else.", field="delegate")
    if not people_who_may(DECIDE_REQUEST, entity_id=entity_id).filter(pk=delegate_id).exists():
        raise DelegationInvalid(
            "This person decides nothing here.",
            remedy="Choose somebody with a role of the entity that decides.",
            field="delegate",
        )


def _require_days(
    starts_on: date, ends_on: date, refusal: type[LeaveInvalid | DelegationInvalid]
) -> None:
    if ends_on < starts_on:
        raise refusal("The last day is before the first.", field="ends_on")
    if ends_on - starts_on >= _LONGEST:
        raise refusal("That is longer than a year.", field="ends_on")
    if ends_on < timezone.now().date() - timedelta(days=1):  # no clock on earth is behind it
        raise refusal("These days are over.", field="ends_on")


def _require_cap(amount: Decimal | None, currency: str) -> None:
    if (amount is None) != (not currency):
        raise DelegationInvalid("A cap needs its currency, and a currency its cap.", field="cap")
    if amount is None:
        return
    require_minor_units(amount, currency, field="cap_amount")
    if amount < 0:
        raise DelegationInvalid("A cap is not below zero.", field="cap_amount")


def _entity_ids_of(person_id: int) -> set[int]:
    rows = EntityUserObjectPermission.objects.filter(user_id=person_id)
    return set(rows.values_list("content_object_id", flat=True))


def _recheck_all_of(person_id: int) -> None:
    for entity_id in sorted(_entity_ids_of(person_id)):
        queue_recheck(entity_id)

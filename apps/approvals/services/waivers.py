"""Propose, sign and revoke waivers: two people sign, and neither is the one who gains by it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from apps.approvals.errors import SignerNotIndependent, WaiverInvalid
from apps.approvals.locks import waiver_for_update
from apps.approvals.models import Waiver
from apps.approvals.permissions import DECIDE_REQUEST, SIGN_WAIVERS
from apps.approvals.selectors.waivers import second_signers, tied_to
from apps.approvals.services.notices import notify
from apps.approvals.services.staffing import queue_recheck
from apps.approvals.states import NoticeKind, WaivedConflict, WaiverState
from apps.audit.services import record
from apps.common.access import authorize, one_visible, require_distinct
from apps.common.errors import IllegalMove
from apps.common.transitions import require_version
from apps.identity.models import Entity, User
from apps.identity.selectors import people_who_may

LONGEST: Final = timedelta(days=92)
_NOT_YOURS = "A waiver for you is signed by others."


@transaction.atomic
def propose_waiver(
    *,
    entity_id: int,
    person_id: int,
    item_type: str,
    reason: str,
    compensating_control: str,
    starts_on: date,
    ends_on: date,
    actor: User,
    conflict: str = WaivedConflict.TOOK_PART,
) -> Waiver:
    """Sign first for somebody to decide though he had a hand in it; it holds once another signs.

    Whoever may sign second is told.

    Args:
        item_type: the kind of thing that it is for.
        compensating_control: what keeps the risk small meanwhile.
        starts_on, ends_on: first and last day, by the entity's clock; at most 92 days.

    Raises:
        NotVisible: no such entity for this actor.
        NotPermitted: the actor signs no waivers there, or it would be his own.
        SignerNotIndependent: he and the person stand in for each other.
        WaiverInvalid: for somebody who decides nothing there, without kind, reason or
            compensating control, or for days that make no sense.
    """
    entity: Entity = one_visible(Entity.objects.visible_to(actor).filter(pk=entity_id))
    authorize(actor, SIGN_WAIVERS, entity_id=entity_id)
    require_distinct(actor, [person_id], _NOT_YOURS)
    _require_independent(entity_id, person_id, actor)
    _require_decider(entity_id, person_id)
    _require_words(item_type=item_type, reason=reason, compensating_control=compensating_control)
    _require_days(entity, starts_on, ends_on)
    waiver = Waiver.objects.create(
        entity_id=entity_id,
        person_id=person_id,
        conflict=WaivedConflict(conflict),
        item_type=item_type,
        reason=reason,
        compensating_control=compensating_control,
        starts_on=starts_on,
        ends_on=ends_on,
        proposed_by=actor,
    )
    record(
        actor=actor,
        action="approvals.waiver.propose",
        subject=waiver,
        person=person_id,
        conflict=waiver.conflict,
        item_type=item_type,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    notify(waiver, NoticeKind.SIGNATURE, second_signers(waiver), occasion="proposed")
    return waiver


@transaction.atomic
def sign_waiver(*, waiver_id: int, actor: User, expected_version: int | None = None) -> Waiver:
    """Sign second: from now on it holds, on its days.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible: no such waiver for this actor.
        NotPermitted: the actor signs no waivers there, it is his own, or he signed it first.
        SignerNotIndependent: he and the person stand in for each other.
        IllegalMove: it is signed, revoked or over already.
        StaleVersion: it changed since the actor looked.
    """
    waiver = waiver_for_update(waiver_id, actor=actor)
    authorize(actor, SIGN_WAIVERS, entity_id=waiver.entity_id)
    require_distinct(actor, [waiver.person_id], _NOT_YOURS)
    require_distinct(actor, [waiver.proposed_by_id], "The second signature is somebody else's.")
    _require_independent(waiver.entity_id, waiver.person_id, actor)
    if waiver.state != WaiverState.PROPOSED:
        raise IllegalMove(f"This waiver is {waiver.state.label.lower()} already.")
    if waiver.ends_on < timezone.localdate(timezone=waiver.entity.zone):
        raise IllegalMove("The days of this waiver are over.", remedy="Propose a new one.")
    require_version(waiver, expected_version)
    waiver.signed_by, waiver.signed_at = actor, timezone.now()
    waiver.version += 1
    waiver.save(update_fields=["signed_by", "signed_at", "version"])
    record(actor=actor, action="approvals.waiver.sign", subject=waiver)
    queue_recheck(waiver.entity_id)
    return waiver


@transaction.atomic
def revoke_waiver(
    *, waiver_id: int, reason: str, actor: User, expected_version: int | None = None
) -> Waiver:
    """End it, signed or not; what was decided under it stays decided.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        WaiverInvalid: no reason given.
        IllegalMove: it is revoked already.
        StaleVersion: it changed since the actor looked: signed meanwhile, say.
    """
    waiver = waiver_for_update(waiver_id, actor=actor)
    authorize(actor, SIGN_WAIVERS, entity_id=waiver.entity_id)
    _require_words(reason=reason)
    if waiver.state == WaiverState.REVOKED:
        raise IllegalMove("This waiver is revoked already.")
    require_version(waiver, expected_version)
    waiver.revoked_by, waiver.revoked_at = actor, timezone.now()
    waiver.version += 1
    waiver.save(update_fields=["revoked_by", "revoked_at", "version"])
    record(actor=actor, action="approvals.waiver.revoke", subject=waiver, reason=reason)
    queue_recheck(waiver.entity_id)
    return waiver


def _require_independent(entity_id: int, person_id: int, actor: User) -> None:
    """Who decides in somebody's place, or has him decide in his own, does not sign for him."""
    if actor.pk in tied_to(person_id, entity_id=entity_id):
        raise SignerNotIndependent


def _require_decider(entity_id: int, person_id: int) -> None:
    deciders = people_who_may(DECIDE_REQUEST, entity_id=entity_id)
    if not deciders.filter(pk=person_id).exists():
        raise WaiverInvalid("This person decides nothing here.", field="person")


def _require_words(**given: str) -> None:
    for field, words in given.items():
        if not words.strip():
            raise WaiverInvalid(f"Say the {field.replace('_', ' ')}.", field=field)


def _require_days(entity: Entity, starts_on: date, ends_on: date) -> None:
    if ends_on < starts_on:
        raise WaiverInvalid("The last day is before the first.", field="ends_on")
    if ends_on < timezone.localdate(timezone=entity.zone):
        raise WaiverInvalid("These days are over.", field="ends_on")
    if ends_on - starts_on >= LONGEST:
        raise WaiverInvalid(f"A waiver lasts {LONGEST.days} days at most.", field="ends_on")

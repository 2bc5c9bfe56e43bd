"""Define and retire limits, and enter the rates to compare them by."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.approvals.errors import LimitInvalid, RateExists, RateInvalid
from apps.approvals.locks import limit_for_update, limits_for_update
from apps.approvals.models import ExchangeRate, Limit
from apps.approvals.permissions import DECIDE_REQUEST, MANAGE_LIMITS
from apps.approvals.services.staffing import queue_recheck
from apps.audit.services import record
from apps.common.access import authorize, one_visible, require_distinct
from apps.common.errors import IllegalMove
from apps.common.money import exponent, require_minor_units
from apps.common.transitions import require_latest, require_version
from apps.identity.holders import roles_holding
from apps.identity.models import Entity, User
from apps.identity.selectors import people_who_may


@transaction.atomic
def define_limit(
    *,
    entity_id: int,
    item_type: str,
    amount: Decimal,
    currency: str,
    starts_on: date,
    actor: User,
    role: str = "",
    user_id: int | None = None,
    ends_on: date | None = None,
    expected_version: int | None = None,
) -> Limit:
    """Let one person, or the holders of a role, approve up to this amount, inclusive.

    Takes the place of limits of the same holder, kind and currency whose days it touches. From
    the first limit of a kind on, whoever has none may approve nothing of that kind.

    Args:
        role, user_id: whose limit it is: exactly one of the two.
        starts_on, ends_on: first and last day, by the entity's clock.
        expected_version: the highest of those whose place it takes, as the actor saw them; 0: of
            none; None to ask nothing.

    Raises:
        NotVisible: no such entity for this actor.
        StaleVersion: somebody defined or retired one meanwhile.
        NotPermitted: the actor may not manage limits here, or it would be his own.
        LimitInvalid: of nobody or of two, of somebody who decides nothing here, below zero, or
            over before it begins.
        Invalid: no such currency, or more decimals than it has.
    """
    _require_entity(entity_id, actor)
    authorize(actor, MANAGE_LIMITS, entity_id=entity_id)
    _require_holder(entity_id, role, user_id)
    require_distinct(actor, [user_id], "Your own limit is defined by somebody else.")
    _require_sound(item_type, amount, currency, starts_on, ends_on)
    replaced = [
        limit
        for limit in limits_for_update(entity_id=entity_id)
        if (limit.role, limit.user_id, limit.item_type, limit.currency)
        == (role, user_id, item_type, currency)
        and (ends_on is None or limit.starts_on <= ends_on)
        and (limit.ends_on is None or starts_on <= limit.ends_on)
    ]
    newest = max(replaced, key=lambda former: former.version, default=None)
    require_latest(newest, expected_version)
    version = 1 if newest is None else newest.version + 1
    for former in replaced:
        _retire(former)
    limit = Limit.objects.create(
        entity_id=entity_id,
        role=role,
        user_id=user_id,
        item_type=item_type,
        amount=amount,
        currency=currency,
        starts_on=starts_on,
        ends_on=ends_on,
        version=version,
        created_by=actor,
    )
    record(
        actor=actor,
        action="approvals.limit.define",
        subject=limit,
        role=role,
        user=user_id,
        item_type=item_type,
        amount=amount,
        currency=currency,
        starts_on=starts_on,
        ends_on=ends_on,
        replaced=[former.pk for former in replaced],
    )
    queue_recheck(entity_id)
    return limit


@transaction.atomic
def retire_limit(*, limit_id: int, actor: User, expected_version: int | None = None) -> Limit:
    """Take a limit away, as if it had never been; without any, a kind is not limited.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor, or it is his own.
        IllegalMove: it is retired already.
        StaleVersion: it changed since the actor looked.
    """
    limit = limit_for_update(limit_id, actor=actor)
    authorize(actor, MANAGE_LIMITS, entity_id=limit.entity_id)
    require_distinct(actor, [limit.user_id], "Your own limit is retired by somebody else.")
    if limit.retired_at is not None:
        raise IllegalMove("This limit is retired already.")
    require_version(limit, expected_version)
    _retire(limit)
    record(actor=actor, action="approvals.limit.retire", subject=limit)
    queue_recheck(limit.entity_id)
    return limit


@transaction.atomic
def enter_rate(
    *,
    entity_id: int,
    currency: str,
    quote: str,
    quoted_on: date,
    rate: Decimal,
    source: str,
    actor: User,
) -> ExchangeRate:
    """Write down what one `currency` was worth in `quote` on a day. It is a fact and stays.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RateInvalid: not positive, of the future, of one currency with itself, or without source.
        RateExists: there is one for that day.
        Invalid: no such currency.
    """
    entity = _require_entity(entity_id, actor)
    authorize(actor, MANAGE_LIMITS, entity_id=entity_id)
    _require_sound_rate(currency, quote, rate, source)
    if quoted_on > timezone.localdate(timezone=entity.zone):
        raise RateInvalid("A rate is of today or earlier.", field="quoted_on")
    try:
        with transaction.atomic():
            entered = ExchangeRate.objects.create(
                entity=entity,
                currency=currency,
                quote=quote,
                quoted_on=quoted_on,
                rate=rate,
                source=source,
                entered_by=actor,
            )
    except IntegrityError:
        raise RateExists(field="quoted_on") from None
    record(
        actor=actor,
        action="approvals.rate.enter",
        subject=entered,
        currency=currency,
        quote=quote,
        quoted_on=quoted_on,
        rate=rate,
    )
    queue_recheck(entity_id)
    return entered


def _retire(limit: Limit) -> None:
    limit.retired_at = timezone.now()
    limit.version += 1
    limit.save(update_fields=["retired_at", "version"])


def _require_entity(entity_id: int, actor: User) -> Entity:
    entity: Entity = one_visible(Entity.objects.visible_to(actor).filter(pk=entity_id))
    return entity


def _require_holder(entity_id: int, role: str, user_id: int | None) -> None:
    if bool(role) == (user_id is not None):
        raise LimitInvalid("A limit belongs to a role or to a person, not to both.", field="role")
    if role and role not in roles_holding(DECIDE_REQUEST):
        raise LimitInvalid(
            "This role decides nothing.",
            remedy=f"These do: {', '.join(sorted(roles_holding(DECIDE_REQUEST)))}.",
            field="role",
        )
    deciders = people_who_may(DECIDE_REQUEST, entity_id=entity_id)
    if user_id is not None and not deciders.filter(pk=user_id).exists():
        raise LimitInvalid(
            "This person decides nothing here.",
            remedy="Give him a role of the entity that does.",
            field="user",
        )


def _require_sound(
    item_type: str, amount: Decimal, currency: str, starts_on: date, ends_on: date | None
) -> None:
    if not item_type:
        raise LimitInvalid("A limit is for one kind of thing.", field="item_type")
    require_minor_units(amount, currency)
    if amount < 0:
        raise LimitInvalid("A limit is not below zero.", field="amount")
    if ends_on is not None and ends_on < starts_on:
        raise LimitInvalid("The last day is before the first.", field="ends_on")


def _require_sound_rate(currency: str, quote: str, rate: Decimal, source: str) -> None:
    for one in (currency, quote):
        exponent(one)  # refuses what is no currency
    if currency == quote:
        raise RateInvalid("A rate is between two currencies.", field="quote")
    if not rate.is_finite() or rate <= 0:
        raise RateInvalid("A rate is more than zero.", field="rate")
    if not source.strip():
        raise RateInvalid("Say where the rate is from.", field="source")

"""Register endpoints, change them, switch them off and on, and give them other secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize, one_visible
from apps.common.transitions import advance, require_move
from apps.identity.models import Entity, User
from apps.ingestion.connectors import EgressRules
from apps.outbound.errors import EndpointInvalid
from apps.outbound.locks import endpoint_for_update
from apps.outbound.models import Delivery, Endpoint
from apps.outbound.permissions import MANAGE_ENDPOINTS
from apps.outbound.posting import check_url, new_secret
from apps.outbound.registry import KINDS
from apps.outbound.states import (
    ENDPOINT_MOVES,
    LONGEST_OVERLAP_HOURS,
    OVERLAP_HOURS,
    DeliveryStatus,
    EndpointStatus,
)

_LONGEST_NAME = 100


def egress_rules() -> EgressRules:
    """Where this installation lets us go."""
    return EgressRules(tuple(settings.EGRESS_HOSTS))


@transaction.atomic
def register_endpoint(
    *, entity_id: int, name: str, url: str, kinds: Sequence[str], actor: User
) -> Endpoint:
    """Have another system told what happens in an entity from now on.

    Args:
        url: https, or http within a listed network; its host has to be listed in EGRESS_HOSTS.
        kinds: see `registry.KINDS`.

    Returns:
        The endpoint. Its `secret` is to be shown now and never again.

    Raises:
        NotVisible, NotPermitted: not this actor.
        EndpointInvalid: the field at fault is named.
    """
    entity = one_visible(Entity.objects.visible_to(actor).filter(pk=entity_id))
    authorize(actor, MANAGE_ENDPOINTS, entity_id=entity.pk)
    endpoint: Endpoint = Endpoint.objects.create(
        entity=entity,
        name=_sound_name(name),
        url=_sound_url(url),
        kinds=_sound_kinds(kinds),
        secret=new_secret(),
        created_by=actor,
    )
    record(
        actor=actor,
        action="outbound.endpoint.register",
        subject=endpoint,
        url=endpoint.url,
        kinds=endpoint.kinds,
    )
    return endpoint


@transaction.atomic
def change_endpoint(
    *,
    endpoint_id: int,
    actor: User,
    name: str | None = None,
    url: str | None = None,
    kinds: Sequence[str] | None = None,
) -> Endpoint:
    """Change what is given; what waits goes to the new URL.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is retired.
        EndpointInvalid: the field at fault is named.
    """
    endpoint = _managed(endpoint_id, actor)
    _require_standing(endpoint)
    if name is not None:
        endpoint.name = _sound_name(name)
    if url is not None:
        endpoint.url = _sound_url(url)
    if kinds is not None:
        endpoint.kinds = _sound_kinds(kinds)
    endpoint.save(update_fields=["name", "url", "kinds"])
    record(
        actor=actor,
        action="outbound.endpoint.change",
        subject=endpoint,
        url=endpoint.url,
        kinds=endpoint.kinds,
    )
    return endpoint


@transaction.atomic
def rotate_secret(*, endpoint_id: int, actor: User, overlap_hours: int = OVERLAP_HOURS) -> Endpoint:
    """Give an endpoint another secret; for the overlap both sign.

    Args:
        overlap_hours: from 0 (the old one is known to others) to a week.

    Returns:
        The endpoint. Its `secret` is to be shown now and never again.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is retired.
        EndpointInvalid: the overlap is out of range.
    """
    endpoint = _managed(endpoint_id, actor)
    _require_standing(endpoint)
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        raise EndpointInvalid(
            f"Both secrets hold for 0 to {LONGEST_OVERLAP_HOURS} hours.", field="overlap_hours"
        )
    now = timezone.now()
    endpoint.former_secret = endpoint.secret if overlap_hours else ""
    endpoint.former_until = now + timedelta(hours=overlap_hours) if overlap_hours else None
    endpoint.secret, endpoint.secret_changed_at = new_secret(), now
    endpoint.save(update_fields=["secret", "former_secret", "former_until", "secret_changed_at"])
    record(
        actor=actor,
        action="outbound.endpoint.rotate_secret",
        subject=endpoint,
        overlap_hours=overlap_hours,
    )
    return endpoint


@transaction.atomic
def switch_off(*, endpoint_id: int, reason: str, actor: User) -> Endpoint:
    """Send nothing more; what waits is dropped, and what happens meanwhile is not kept for it.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not active.
    """
    endpoint = _managed(endpoint_id, actor)
    turn_off(endpoint, reason=reason, actor=actor)
    return endpoint


@transaction.atomic
def switch_on(*, endpoint_id: int, actor: User) -> Endpoint:
    """Tell it again what happens from now on.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is active, or retired.
        EndpointInvalid: its host is not listed any more.
    """
    endpoint = _managed(endpoint_id, actor)
    advance(endpoint, to=EndpointStatus.ACTIVE, moves=ENDPOINT_MOVES)
    _sound_url(endpoint.url)
    endpoint.off_reason = ""
    endpoint.save(update_fields=["status", "off_reason"])
    record(actor=actor, action="outbound.endpoint.switch_on", subject=endpoint)
    return endpoint


@transaction.atomic
def retire_endpoint(*, endpoint_id: int, actor: User) -> Endpoint:
    """Send nothing more, for good; its secrets are forgotten, its deliveries stay on record.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is retired already.
    """
    endpoint = _managed(endpoint_id, actor)
    advance(endpoint, to=EndpointStatus.RETIRED, moves=ENDPOINT_MOVES)
    endpoint.secret, endpoint.former_secret, endpoint.former_until = "", "", None
    endpoint.save(update_fields=["status", "secret", "former_secret", "former_until"])
    dropped = _drop_waiting(endpoint)
    record(actor=actor, action="outbound.endpoint.retire", subject=endpoint, dropped=dropped)
    return endpoint


def turn_off(endpoint: Endpoint, *, reason: str, actor: User) -> None:
    """Switch off an endpoint whose row is locked.

    Raises:
        IllegalMove: it is not active.
    """
    advance(endpoint, to=EndpointStatus.OFF, moves=ENDPOINT_MOVES)
    endpoint.off_reason = " ".join(reason.replace("\0", "").split())[:200]
    endpoint.save(update_fields=["status", "off_reason"])
    record(
        actor=actor,
        action="outbound.endpoint.switch_off",
        subject=endpoint,
        reason=endpoint.off_reason,
        dropped=_drop_waiting(endpoint),
    )


def _managed(endpoint_id: int, actor: User) -> Endpoint:
    endpoint = endpoint_for_update(endpoint_id, actor=actor)
    authorize(actor, MANAGE_ENDPOINTS, entity_id=endpoint.entity_id)
    return endpoint


def _require_standing(endpoint: Endpoint) -> None:
    """Refuse what is retired, in the words of its states."""
    require_move(endpoint, to=EndpointStatus.RETIRED, moves=ENDPOINT_MOVES)


def _drop_waiting(endpoint: Endpoint) -> int:
    return Delivery.objects.filter(endpoint=endpoint, status=DeliveryStatus.WAITING).update(
        status=DeliveryStatus.DROPPED, settled_at=timezone.now()
    )


def _sound_name(name: str) -> str:
    text = " ".join(name.split())
    if not text or len(text) > _LONGEST_NAME or not text.isprintable():
        raise EndpointInvalid(f"Give a name of 1 to {_LONGEST_NAME} characters.", field="name")
    return text


def _sound_url(url: str) -> str:
    problem = check_url(url, egress_rules())
    if problem:
        raise EndpointInvalid(problem, field="url")
    return url


def _sound_kinds(kinds: Sequence[str]) -> list[str]:
    known = [kind.name for kind in KINDS]
    strangers = sorted(set(kinds) - set(known))
    if strangers:
        raise EndpointInvalid(f"There is no kind {strangers[0]!r}.", field="kinds")
    if not kinds:
        raise EndpointInvalid("Choose at least one kind of event.", field="kinds")
    return [name for name in known if name in kinds]

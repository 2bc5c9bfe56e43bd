"""The entity in view: what pages of people who work for several entities are about."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request

from apps.identity.models import Entity, User

_SESSION_KEY = "entity_in_view"


def actor_of(request: HttpRequest | Request) -> User:
    """Whoever is signed in; for doors that let nobody else in."""
    user: Any = request.user
    return user


def entity_in_view(request: HttpRequest) -> Entity | None:
    """The entity that pages show; None for all that the person sees.

    Somebody with one entity has that one in view. A choice ends with the role that allowed it.
    """
    entities = entities_seen(request)
    if len(entities) == 1:
        return entities[0]
    chosen = request.session.get(_SESSION_KEY)
    return next((entity for entity in entities if entity.pk == chosen), None)


def zone_in_view(request: HttpRequest) -> tzinfo:
    """The zone of the entity in view; UTC where pages mix several, or nobody is signed in."""
    entity = entity_in_view(request)
    return UTC if entity is None else entity.zone


def show_times_of(entity: Entity) -> None:
    """Show this page's instants in the zone of the entity that the page is about.

    For pages about one thing, whose entity may be another than the one in view; the middleware
    takes it back when the page is made.
    """
    timezone.activate(entity.zone)


def view_entity(request: HttpRequest, code: str) -> bool:
    """Remember which entity to show; the empty code is all of them.

    Returns:
        False if the person sees no entity of that code; the choice stays as it was.
    """
    if not code:
        request.session.pop(_SESSION_KEY, None)
        return True
    chosen = next((entity for entity in entities_seen(request) if entity.code == code), None)
    if chosen is None:
        return False
    request.session[_SESSION_KEY] = chosen.pk
    return True


def entity_menu(request: HttpRequest) -> dict[str, Any]:
    """Template context: `current_entity` (its name) and `entities` to change to, if several."""
    entities = entities_seen(request)
    if not entities:
        return {}
    current = entity_in_view(request)
    if len(entities) == 1:
        return {"current_entity": current.name if current else "", "entities": []}
    return {
        "current_entity": current.name if current else "",
        "entities": [
            _choice("", "All entities", is_current=current is None),
            *(_choice(one.code, one.name, is_current=one == current) for one in entities),
        ],
    }


def entities_seen(request: HttpRequest) -> list[Entity]:
    """What the person signed in sees, read once a request; nothing for strangers."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    read: list[Entity] | None = getattr(request, "_entities_seen", None)
    if read is None:
        read = list(Entity.objects.visible_to(user))
        request._entities_seen = read  # type: ignore[attr-defined]
    return read


def _choice(code: str, label: str, *, is_current: bool) -> dict[str, Any]:
    return {
        "label": label,
        "url": reverse("identity:view-entity", query={"code": code}),
        "is_current": is_current,
    }

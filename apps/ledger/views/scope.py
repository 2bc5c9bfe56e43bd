"""Whose books a page is about."""

from __future__ import annotations

from django.http import HttpRequest

from apps.common.access import authorize
from apps.common.errors import NotPermitted, NotVisible
from apps.identity.context import actor_of, entity_in_view
from apps.identity.models import Entity


def permitted_entities(request: HttpRequest, permission: str) -> list[Entity]:
    """The entities on which the person may do this, by code.

    Raises:
        NotPermitted: there is none.
    """
    user = actor_of(request)
    authorize(user, permission)
    entities = list(Entity.objects.filter(pk__in=user.entity_ids(permission)).order_by("code"))
    if not entities:
        raise NotPermitted(permission=permission)
    return entities


def asked_entity(request: HttpRequest, entities: list[Entity]) -> Entity | None:
    """The one named in the query string, else the one in view; None if neither says.

    Raises:
        NotVisible: the named one is not among `entities`.
    """
    if code := request.GET.get("entity"):
        for entity in entities:
            if entity.code == code:
                return entity
        raise NotVisible
    in_view = entity_in_view(request)
    return in_view if in_view in entities else None


def chosen_entity(request: HttpRequest, entities: list[Entity]) -> Entity:
    """The entity of a page that shows one only: the asked one, else the first.

    Raises:
        NotVisible: the one named in the query string is not among `entities`.
    """
    return asked_entity(request, entities) or entities[0]

"""May this actor do that, here? The one place where services ask.

A *permission* ("ledger.post_entry") belongs to roles, a *grant* gives a user a role on an entity.
`identity.User` answers; the protocol keeps the apps below identity free of importing it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from django.db.models import QuerySet

from apps.common.errors import NotPermitted, NotVisible

T = TypeVar("T")


class Actor(Protocol):
    """Whoever acts: a signed-in user, or the system user for scheduled work."""

    pk: Any

    @property
    def is_authenticated(self) -> Any: ...

    def may(self, permission: str, entity_id: int | None = None) -> bool:
        """True if a role of the actor (on that entity, if one is named) holds the permission."""

    def entity_ids(self, permission: str | None = None) -> Any:
        """The entities granted to the actor, as something that `__in` takes."""


def authorize(actor: Actor, permission: str, *, entity_id: int | None = None) -> None:
    """Require that the actor may do this.

    Args:
        permission: "app.verb_noun", one of the constants of an app's `permissions.py`.
        entity_id: the entity it concerns; None for what belongs to no entity.

    Raises:
        NotPermitted: the actor is not signed in, or no role held there has the permission.
    """
    if not actor.is_authenticated or not actor.may(permission, entity_id):
        raise NotPermitted(permission=permission)


def one_visible(rows: QuerySet[Any, T], *, field: str = "") -> T:
    """The first of the rows that the actor may see (`visible_to`), narrowed to the one wanted.

    Args:
        field: what named it, where a body or form did.

    Raises:
        NotVisible: there is none. What somebody may not see does not exist for him.
    """
    found = rows.first()
    if found is None:
        raise NotVisible(field=field)
    return found


def require_distinct(actor: Actor, others: Iterable[Any], message: str) -> None:
    """Segregation of duties: refuse if the actor is one of `others` (primary keys).

    Superusers included: this never asks for a permission.
    """
    if actor.pk in set(others):
        raise NotPermitted(message, remedy="Somebody else has to do this.")

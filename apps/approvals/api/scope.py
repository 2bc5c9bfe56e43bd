"""Entities and people, as REST names them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.access import one_visible
from apps.common.api import StrictSerializer
from apps.identity.models import Entity, User
from apps.identity.selectors import user_named

_LONGEST_LOGIN = 254


@extend_schema_field(str)
class PersonField(serializers.Field[User, Any, str, Any]):
    """A person by user name or e-mail address; refused where there is nobody of this name."""

    def to_internal_value(self, data: Any) -> User:
        user = user_named(data) if isinstance(data, str) and len(data) <= _LONGEST_LOGIN else None
        if user is None:
            raise serializers.ValidationError("There is nobody of this name.")
        return user

    def to_representation(self, value: User) -> str:
        return value.username


class SeenSerializer(StrictSerializer):
    expected_version = serializers.IntegerField(
        min_value=1, required=False, help_text="The `version` that the caller looked at."
    )


def version_replaced() -> serializers.IntegerField:
    """The version of what a new row takes the place of."""
    return serializers.IntegerField(
        min_value=0,
        required=False,
        help_text="The `version` of what it takes the place of, as the caller saw it; 0: nothing.",
    )


def entity_id_of(actor: Any, code: str) -> int:
    """The entity of this code.

    Raises:
        NotVisible: the actor sees none.
    """
    entity: Entity = one_visible(Entity.objects.visible_to(actor).filter(code=code))
    return entity.pk

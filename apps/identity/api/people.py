"""GET /api/identity/me, /users, /entities: who is who, and who may what, where."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Prefetch
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.api import ScopedReadView
from apps.identity.context import actor_of
from apps.identity.models import Entity, User
from apps.identity.permissions import VIEW_ENTITIES, VIEW_USERS
from apps.identity.selectors import grants_seen_by, permissions_held, standings


class EntitySerializer(serializers.ModelSerializer[Entity]):
    class Meta:
        model = Entity
        fields: ClassVar = ("id", "code", "name", "country", "functional_currency", "time_zone")


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields: ClassVar[Any] = ("id", "username", "email", "first_name", "last_name", "is_active")


class GrantSerializer(serializers.Serializer[Any]):
    entity = serializers.CharField(source="content_object.code")
    role = serializers.CharField(source="permission.codename")


class UserWithGrantsSerializer(UserSerializer):
    grants = GrantSerializer(many=True, source="grants_seen")

    class Meta(UserSerializer.Meta):
        fields: ClassVar[Any] = (*UserSerializer.Meta.fields, "grants")


class StandingSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="entity.pk")
    code = serializers.CharField(source="entity.code")
    name = serializers.CharField(source="entity.name")
    roles = serializers.ListField(child=serializers.CharField())
    permissions = serializers.ListField(child=serializers.CharField())


class MeSerializer(UserSerializer):
    entities = serializers.SerializerMethodField()
    permissions = serializers.SerializerMethodField()

    class Meta(UserSerializer.Meta):
        fields: ClassVar[Any] = (*UserSerializer.Meta.fields, "entities", "permissions")

    @extend_schema_field(StandingSerializer(many=True))
    def get_entities(self, user: User) -> Any:
        """The standing on each entity that the user sees."""
        return StandingSerializer(standings(user), many=True).data

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_permissions(self, user: User) -> Any:
        """What the user may do on some entity."""
        return permissions_held(user)


class UserFilter(filters.FilterSet):
    role = filters.CharFilter(
        field_name="entityuserobjectpermission__permission__codename", distinct=True
    )

    class Meta:
        model = User
        fields: ClassVar = ("username", "email", "is_active", "role")


class EntityFilter(filters.FilterSet):
    class Meta:
        model = Entity
        fields: ClassVar = ("code", "country", "functional_currency")


class EntityView(ScopedReadView):
    """The entities on which the caller has a role."""

    queryset = Entity.objects.all()
    serializer_class = EntitySerializer
    filterset_class = EntityFilter
    view_permission = VIEW_ENTITIES


class UserView(ScopedReadView):
    """Users with their roles on the entities that the caller sees; for those who may view them."""

    queryset = User.objects.all()
    serializer_class = UserWithGrantsSerializer
    filterset_class = UserFilter
    view_permission = VIEW_USERS

    def get_queryset(self) -> Any:
        actor: Any = self.request.user
        grants = Prefetch(
            "entityuserobjectpermission_set", grants_seen_by(actor), to_attr="grants_seen"
        )
        return super().get_queryset().prefetch_related(grants)


class MeView(APIView):
    """Who the caller is, and what he may do where."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """The caller, his roles and permissions by entity."""
        user = actor_of(request)
        return Response(MeSerializer(user).data)

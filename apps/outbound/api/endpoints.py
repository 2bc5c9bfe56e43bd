"""/api/webhooks/endpoints and /api/webhooks/notices."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.access import one_visible
from apps.common.api import ScopedReadView, ScopedView, StrictSerializer, body_of
from apps.identity.context import actor_of
from apps.identity.models import Entity
from apps.operations.idempotency import IdempotentMixin
from apps.outbound.models import Endpoint, EndpointNotice
from apps.outbound.permissions import VIEW_ENDPOINTS
from apps.outbound.registry import KIND_LABELS
from apps.outbound.services import (
    change_endpoint,
    read_endpoint_notices,
    register_endpoint,
    retire_endpoint,
    rotate_secret,
    switch_off,
    switch_on,
)
from apps.outbound.states import LONGEST_OVERLAP_HOURS, OVERLAP_HOURS


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    entity = serializers.CharField(source="entity.code")
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = Endpoint
        fields: ClassVar[tuple[str, ...]] = (
            "id",
            "entity",
            "name",
            "url",
            "kinds",
            "status",
            "off_reason",
            "created_by",
            "created_at",
            "secret_changed_at",
            "former_until",
        )


class EndpointWithSecretSerializer(EndpointSerializer):
    secret = serializers.CharField(
        allow_null=True, help_text="Shown in this answer alone; null where a request is repeated."
    )

    class Meta(EndpointSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*EndpointSerializer.Meta.fields, "secret")


class ChangeEndpointSerializer(StrictSerializer):
    name = serializers.CharField(max_length=100, required=False)
    url = serializers.CharField(
        max_length=500, required=False, help_text="Its host has to be listed in EGRESS_HOSTS."
    )
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=KIND_LABELS), min_length=1, required=False
    )


class RegisterEndpointSerializer(StrictSerializer):
    entity = serializers.CharField(max_length=20, help_text="Code of the entity.")
    name = serializers.CharField(max_length=100, help_text="Which system it is, for people.")
    url = serializers.CharField(
        max_length=500, help_text="Its host has to be listed in EGRESS_HOSTS."
    )
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=KIND_LABELS), min_length=1)


class RotateSerializer(StrictSerializer):
    overlap_hours = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST_OVERLAP_HOURS,
        default=OVERLAP_HOURS,
        help_text="For how long both secrets sign; 0 if others know the former one.",
    )


class SwitchOffSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=200)


class EndpointFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")

    class Meta:
        model = Endpoint
        fields: ClassVar = ("entity", "status")


class EndpointView(IdempotentMixin, ScopedReadView):
    """Endpoints of other systems that are told what happens; never with their secrets."""

    queryset = Endpoint.objects.select_related("entity", "created_by")
    serializer_class = EndpointSerializer
    filterset_class = EndpointFilter
    view_permission = VIEW_ENDPOINTS
    shown_once = ("secret",)

    @extend_schema(
        request=RegisterEndpointSerializer, responses={201: EndpointWithSecretSerializer}
    )
    def create(self, request: Request) -> Response:
        """Register an endpoint; the answer holds its secret, once.

        422 ENDPOINT_INVALID if its host is not listed.
        """
        facts = body_of(request, RegisterEndpointSerializer)
        actor = actor_of(request)
        entity = one_visible(
            Entity.objects.visible_to(actor).filter(code=facts.pop("entity")), field="entity"
        )
        endpoint = register_endpoint(entity_id=entity.pk, **facts, actor=actor)
        return _with_secret(endpoint, status.HTTP_201_CREATED)

    @extend_schema(request=ChangeEndpointSerializer, responses=EndpointSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the name, the URL or the kinds; what waits goes to the new URL."""
        facts = body_of(request, ChangeEndpointSerializer)
        actor = actor_of(request)
        endpoint = change_endpoint(endpoint_id=self.get_object().pk, **facts, actor=actor)
        return Response(EndpointSerializer(endpoint).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Retire the endpoint for good; its deliveries stay on record."""
        actor = actor_of(request)
        retire_endpoint(endpoint_id=self.get_object().pk, actor=actor)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=RotateSerializer, responses=EndpointWithSecretSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Give it another secret; the answer holds it, once, and for a while both sign."""
        facts = body_of(request, RotateSerializer)
        actor = actor_of(request)
        return _with_secret(
            rotate_secret(endpoint_id=self.get_object().pk, **facts, actor=actor),
            status.HTTP_200_OK,
        )

    @extend_schema(request=SwitchOffSerializer, responses=EndpointSerializer)
    @action(detail=True, methods=["post"], url_path="switch-off")
    def switch_off(self, request: Request, pk: str) -> Response:
        """Send nothing more until it is switched on; what waits is dropped."""
        facts = body_of(request, SwitchOffSerializer)
        actor = actor_of(request)
        endpoint = switch_off(endpoint_id=self.get_object().pk, **facts, actor=actor)
        return Response(EndpointSerializer(endpoint).data)

    @extend_schema(request=None, responses=EndpointSerializer)
    @action(detail=True, methods=["post"], url_path="switch-on")
    def switch_on(self, request: Request, pk: str) -> Response:
        """Tell it again what happens from now on."""
        actor = actor_of(request)
        endpoint = switch_on(endpoint_id=self.get_object().pk, actor=actor)
        return Response(EndpointSerializer(endpoint).data)


class EndpointNoticeSerializer(serializers.ModelSerializer[EndpointNotice]):
    class Meta:
        model = EndpointNotice
        fields: ClassVar = ("id", "endpoint", "kind", "noted_at", "read_at")


class ReadEndpointNoticesSerializer(StrictSerializer):
    up_to_id = serializers.IntegerField(min_value=1, help_text="The newest one that was seen.")


class EndpointNoticesReadSerializer(serializers.Serializer[Any]):
    read = serializers.IntegerField(help_text="How many were unread until now.")


class EndpointNoticeView(IdempotentMixin, mixins.ListModelMixin, ScopedView):
    """What the caller was told about endpoints; nobody reads the notices of others."""

    queryset = EndpointNotice.objects.all()
    serializer_class = EndpointNoticeSerializer
    view_permission = VIEW_ENDPOINTS

    def get_queryset(self) -> models.QuerySet[EndpointNotice]:
        return super().get_queryset().filter(person=actor_of(self.request))

    @extend_schema(request=ReadEndpointNoticesSerializer, responses=EndpointNoticesReadSerializer)
    @action(detail=False, methods=["post"])
    def read(self, request: Request) -> Response:
        """The caller has read them, up to the one that he saw last."""
        facts = body_of(request, ReadEndpointNoticesSerializer)
        actor = actor_of(request)
        return Response({"read": read_endpoint_notices(**facts, actor=actor)})


def _with_secret(endpoint: Endpoint, code: int) -> Response:
    answer = Response(EndpointWithSecretSerializer(endpoint).data, status=code)
    answer["Cache-Control"] = "no-store"
    return answer

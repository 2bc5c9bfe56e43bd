"""/api/webhooks/deliveries: what was sent to endpoints, and what came of it."""

from __future__ import annotations

from typing import ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import ScopedReadView
from apps.common.filters import id_filter
from apps.identity.context import actor_of
from apps.operations.idempotency import IdempotentMixin
from apps.outbound.models import Delivery, DeliveryAttempt
from apps.outbound.permissions import VIEW_ENDPOINTS
from apps.outbound.selectors import deliveries_for
from apps.outbound.services import resend_delivery


class DeliveryAttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields: ClassVar = (
            "number",
            "tried_at",
            "status_code",
            "duration_ms",
            "error",
            "answer",
        )


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    entity = serializers.CharField(source="endpoint.entity.code")
    event = serializers.CharField(source="event.message_id", help_text="Its webhook-id.")
    kind = serializers.CharField(source="event.kind")
    occurred_at = serializers.DateTimeField(source="event.occurred_at")
    body = serializers.CharField(source="event.body", help_text="What is signed and sent.")
    attempts = DeliveryAttemptSerializer(many=True)

    class Meta:
        model = Delivery
        fields: ClassVar = (
            "id",
            "entity",
            "endpoint",
            "event",
            "kind",
            "occurred_at",
            "status",
            "due_at",
            "settled_at",
            "body",
            "attempts",
        )


class DeliveryFilter(filters.FilterSet):
    endpoint = id_filter("endpoint_id")
    entity = filters.CharFilter(field_name="endpoint__entity__code")
    kind = filters.CharFilter(field_name="event__kind")

    class Meta:
        model = Delivery
        fields: ClassVar = ("entity", "endpoint", "status", "kind")


class DeliveryView(IdempotentMixin, ScopedReadView):
    """Deliveries to endpoints, newest first, each with its attempts."""

    queryset = Delivery.objects.select_related("endpoint__entity", "event").prefetch_related(
        "attempts"
    )
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    view_permission = VIEW_ENDPOINTS

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, pk: str) -> Response:
        """Send it again, with the same id; the answer comes before it is sent.

        409 ENDPOINT_NOT_ACTIVE if nothing is sent there.
        """
        actor = actor_of(request)
        resent = resend_delivery(delivery_id=self.get_object().pk, actor=actor)
        answer = DeliverySerializer(deliveries_for(actor).get(pk=resent.pk)).data
        return Response(answer, status=status.HTTP_202_ACCEPTED)

"""/api/approvals/notices: what the caller was told about requests and waivers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request as RestRequest
from rest_framework.response import Response

from apps.approvals.models import Notice
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.services import read_notices
from apps.common.api import ScopedView, StrictSerializer
from apps.operations.idempotency import IdempotentMixin


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    title = serializers.CharField(help_text="Of what it is about: a request or a waiver.")

    class Meta:
        model = Notice
        fields: ClassVar = ("id", "kind", "request", "waiver", "title", "noted_at", "read_at")


class NoticeFilter(filters.FilterSet):
    unread = filters.BooleanFilter(field_name="read_at", lookup_expr="isnull")

    class Meta:
        model = Notice
        fields: ClassVar = ("unread", "kind")


class ReadNoticesSerializer(StrictSerializer):
    up_to_id = serializers.IntegerField(min_value=1, help_text="The newest one that was seen.")


class ReadAnswerSerializer(serializers.Serializer[Any]):
    read = serializers.IntegerField(help_text="How many were unread until now.")


class NoticeView(IdempotentMixin, mixins.ListModelMixin, ScopedView):
    """What the caller was told; nobody reads the notices of others."""

    queryset = Notice.objects.select_related("request", "waiver")
    serializer_class = NoticeSerializer
    filterset_class = NoticeFilter
    view_permission = VIEW_REQUESTS

    def get_queryset(self) -> models.QuerySet[Notice]:
        actor: Any = self.request.user
        return super().get_queryset().filter(person_id=actor.pk)

    @extend_schema(request=ReadNoticesSerializer, responses=ReadAnswerSerializer)
    @action(detail=False, methods=["post"])
    def read(self, request: RestRequest) -> Response:
        """The caller has read his notices, up to the one that he saw last."""
        asked = ReadNoticesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        actor: Any = request.user
        return Response({"read": read_notices(**asked.validated_data, actor=actor)})

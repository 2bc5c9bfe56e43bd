"""GET /api/audit/events: the trail, for auditors."""

from __future__ import annotations

from typing import ClassVar

from django_filters import rest_framework as filters
from rest_framework import serializers

from apps.audit.models import Event
from apps.audit.permissions import VIEW_EVENTS
from apps.common.api import ScopedReadView


class EventSerializer(serializers.ModelSerializer[Event]):
    actor = serializers.CharField(source="actor.username")
    entity = serializers.CharField(source="entity.code", default=None)

    class Meta:
        model = Event
        fields: ClassVar = (
            "id",
            "occurred_at",
            "actor",
            "action",
            "subject_type",
            "subject_id",
            "entity",
            "details",
            "request_id",
        )


class EventFilter(filters.FilterSet):
    since = filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="lt")
    entity = filters.CharFilter(field_name="entity__code")

    class Meta:
        model = Event
        fields: ClassVar = ("action", "subject_type", "subject_id", "since", "until", "entity")


class EventView(ScopedReadView):
    """Audit events, newest first."""

    queryset = Event.objects.select_related("actor", "entity")
    serializer_class = EventSerializer
    filterset_class = EventFilter
    view_permission = VIEW_EVENTS

"""/api/approvals/hours: when people work, where that differs from the hours of their company."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request as RestRequest
from rest_framework.response import Response

from apps.approvals.api.scope import PersonField, SeenSerializer, version_replaced
from apps.approvals.models import WorkingHours
from apps.approvals.permissions import VIEW_ABSENCES
from apps.approvals.services import end_hours, set_hours
from apps.common.api import ScopedReadView, StrictSerializer, body_of
from apps.operations.idempotency import IdempotentMixin


class HoursSerializer(serializers.ModelSerializer[WorkingHours]):
    person = PersonField()
    created_by = serializers.CharField(source="created_by.username")
    weekdays = serializers.ListField(child=serializers.IntegerField(), help_text="Monday is 0.")

    class Meta:
        model = WorkingHours
        fields: ClassVar = (
            "id",
            "person",
            "time_zone",
            "weekdays",
            "opens_at",
            "closes_at",
            "country",
            "version",
            "created_by",
            "set_at",
            "ended_at",
        )


class SetHoursSerializer(StrictSerializer):
    person = PersonField(required=False, help_text="Without it oneself.")
    time_zone = serializers.CharField(max_length=64, help_text="Of the IANA list.")
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6),
        max_length=7,
        help_text="Working days, Monday is 0.",
    )
    opens_at = serializers.TimeField(help_text="By the clock of the time zone.")
    closes_at = serializers.TimeField(help_text="00:00 is the end of the day.")
    country = serializers.RegexField(
        r"^([A-Z]{2})?$",
        default="",
        help_text="ISO 3166; whose public holidays are free. Empty: those of each entity.",
    )
    expected_version = version_replaced()


class HoursFilter(filters.FilterSet):
    person = filters.CharFilter(field_name="person__username")
    standing = filters.BooleanFilter(
        field_name="ended_at", lookup_expr="isnull", label="Whether they hold."
    )

    class Meta:
        model = WorkingHours
        fields: ClassVar = ("person", "standing")


class HoursView(IdempotentMixin, ScopedReadView):
    """When people work; whoever has none works as his companies do."""

    queryset = WorkingHours.objects.select_related("person", "created_by")
    serializer_class = HoursSerializer
    filterset_class = HoursFilter
    view_permission = VIEW_ABSENCES

    @extend_schema(request=SetHoursSerializer, responses={201: HoursSerializer})
    def create(self, request: RestRequest) -> Response:
        """Say when one works, or somebody one manages. 409 STALE_VERSION; 422 HOURS_INVALID."""
        actor: Any = request.user
        facts = body_of(request, SetHoursSerializer)
        person = facts.pop("person", actor)
        made = set_hours(person_id=person.pk, **facts, actor=actor)
        return Response(HoursSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SeenSerializer, responses=HoursSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: RestRequest, pk: str) -> Response:
        """The person works as his companies do again. 409 STALE_VERSION."""
        actor: Any = request.user
        facts = body_of(request, SeenSerializer)
        hours = end_hours(hours_id=self.get_object().pk, **facts, actor=actor)
        return Response(HoursSerializer(hours).data)

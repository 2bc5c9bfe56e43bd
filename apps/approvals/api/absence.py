"""/api/approvals/leaves and /api/approvals/delegations: who is away, and who stands in."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request as RestRequest
from rest_framework.response import Response

from apps.approvals.api.scope import PersonField, SeenSerializer, entity_id_of
from apps.approvals.models import Delegation, Leave
from apps.approvals.permissions import VIEW_ABSENCES
from apps.approvals.selectors.stalls import stalls_without
from apps.approvals.services import cancel_leave, delegate, plan_leave, revoke_delegation
from apps.common.api import AmountField, ScopedReadView, StrictSerializer, body_of
from apps.operations.idempotency import IdempotentMixin


class LeaveSerializer(serializers.ModelSerializer[Leave]):
    person = PersonField()
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = Leave
        fields: ClassVar = (
            "id",
            "person",
            "starts_on",
            "ends_on",
            "created_by",
            "planned_at",
            "cancelled_at",
            "version",
        )


class PlanLeaveSerializer(StrictSerializer):
    person = PersonField(required=False, help_text="Without it oneself.")
    starts_on = serializers.DateField(help_text="First day.")
    ends_on = serializers.DateField(help_text="Last day.")


class AwayOnSerializer(StrictSerializer):
    person = PersonField(required=False, help_text="Without it oneself.")
    on = serializers.DateField(help_text="The day on which the person would be away.")


class StallSerializer(serializers.Serializer[Any]):
    request = serializers.IntegerField(source="request.pk")
    title = serializers.CharField(source="request.title")
    due_at = serializers.DateTimeField(source="request.due_at")
    steps = serializers.ListField(child=serializers.IntegerField(), help_text="Counted from 1.")
    missing = serializers.IntegerField(help_text="How many more people it would take.")


class LeaveFilter(filters.FilterSet):
    person = filters.CharFilter(field_name="person__username")
    standing = filters.BooleanFilter(
        field_name="cancelled_at", lookup_expr="isnull", label="Whether nobody cancelled it."
    )

    class Meta:
        model = Leave
        fields: ClassVar = ("person", "standing")


class LeaveView(IdempotentMixin, ScopedReadView):
    """Days on which people are away and decide nothing."""

    queryset = Leave.objects.select_related("person", "created_by")
    serializer_class = LeaveSerializer
    filterset_class = LeaveFilter
    view_permission = VIEW_ABSENCES

    @extend_schema(request=PlanLeaveSerializer, responses={201: LeaveSerializer})
    def create(self, request: RestRequest) -> Response:
        """Mark oneself, or somebody one manages, as away. 422 LEAVE_INVALID."""
        actor: Any = request.user
        facts = body_of(request, PlanLeaveSerializer)
        person = facts.pop("person", actor)
        leave = plan_leave(person_id=person.pk, **facts, actor=actor)
        return Response(LeaveSerializer(leave).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SeenSerializer, responses=LeaveSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: RestRequest, pk: str) -> Response:
        """The person is back, or stays. 409 STALE_VERSION."""
        actor: Any = request.user
        facts = body_of(request, SeenSerializer)
        leave = cancel_leave(leave_id=self.get_object().pk, **facts, actor=actor)
        return Response(LeaveSerializer(leave).data)

    @extend_schema(
        parameters=[AwayOnSerializer],
        responses=StallSerializer(many=True),
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def stalls(self, request: RestRequest) -> Response:
        """Which open requests would stall if the person were away on a day; changes nothing."""
        self.require_view()
        asked = AwayOnSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        actor: Any = request.user
        person = asked.validated_data.get("person", actor)
        found = stalls_without(person, on=asked.validated_data["on"], actor=actor)
        return Response(StallSerializer(found, many=True).data)


class DelegationSerializer(serializers.ModelSerializer[Delegation]):
    entity = serializers.CharField(source="entity.code")
    delegator = PersonField()
    delegate = PersonField()
    cap_amount = serializers.SerializerMethodField(help_text="Inclusive; null without a cap.")

    class Meta:
        model = Delegation
        fields: ClassVar = (
            "id",
            "entity",
            "delegator",
            "delegate",
            "item_type",
            "cap_amount",
            "cap_currency",
            "starts_on",
            "ends_on",
            "reason",
            "delegated_at",
            "revoked_at",
            "version",
        )

    def get_cap_amount(self, made: Delegation) -> str | None:
        field = AmountField(currency_source="cap_currency")
        return field.to_representation((made, made.cap_amount)) or None


class DelegateSerializer(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    delegate = PersonField()
    item_type = serializers.RegexField(
        r"^([a-z][a-z_]*)?$", max_length=50, default="", help_text="Empty: every kind of thing."
    )
    cap_amount = AmountField(
        required=False, allow_null=True, default=None, help_text="The most, inclusive."
    )
    cap_currency = serializers.CharField(max_length=3, allow_blank=True, default="")
    starts_on = serializers.DateField(help_text="First day, by the entity's clock.")
    ends_on = serializers.DateField(help_text="Last day.")
    reason = serializers.CharField(max_length=2000)


class DelegationFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    delegator = filters.CharFilter(field_name="delegator__username")
    delegate = filters.CharFilter(field_name="delegate__username")
    standing = filters.BooleanFilter(
        field_name="revoked_at", lookup_expr="isnull", label="Whether nobody revoked it."
    )

    class Meta:
        model = Delegation
        fields: ClassVar = ("entity", "delegator", "delegate", "item_type", "standing")


class DelegationView(IdempotentMixin, ScopedReadView):
    """Who decides in whose place, and on which days."""

    queryset = Delegation.objects.select_related("entity", "delegator", "delegate")
    serializer_class = DelegationSerializer
    filterset_class = DelegationFilter
    view_permission = VIEW_ABSENCES

    @extend_schema(request=DelegateSerializer, responses={201: DelegationSerializer})
    def create(self, request: RestRequest) -> Response:
        """Hand over what one would decide. 409 DELEGATION_OVERLAPS; 422 DELEGATION_INVALID."""
        actor: Any = request.user
        facts = body_of(request, DelegateSerializer)
        made = delegate(
            entity_id=entity_id_of(actor, facts.pop("entity")),
            delegate_id=facts.pop("delegate").pk,
            **facts,
            actor=actor,
        )
        return Response(DelegationSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SeenSerializer, responses=DelegationSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: RestRequest, pk: str) -> Response:
        """Take it back; what was decided stays decided. 409 STALE_VERSION."""
        actor: Any = request.user
        facts = body_of(request, SeenSerializer)
        made = revoke_delegation(delegation_id=self.get_object().pk, **facts, actor=actor)
        return Response(DelegationSerializer(made).data)

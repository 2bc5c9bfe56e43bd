"""/api/approvals/policies: who has to approve what, from which amount."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.db import models
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request as RestRequest
from rest_framework.response import Response

from apps.approvals.api.scope import SeenSerializer, entity_id_of, version_replaced
from apps.approvals.models import Policy
from apps.approvals.permissions import DECIDE_REQUEST, VIEW_POLICIES
from apps.approvals.selectors.simulation import Load, Rerouted, Simulation, simulate
from apps.approvals.selectors.stages import ALL
from apps.approvals.services import define_policy, retire_policy
from apps.approvals.states import ASKABLE_KINDS
from apps.common.api import AmountField, ScopedReadView, StrictSerializer, body_of
from apps.identity.holders import roles_holding
from apps.operations.idempotency import IdempotentMixin


class PolicySerializer(serializers.ModelSerializer[Policy]):
    entity = serializers.CharField(source="entity.code")
    least_amount = AmountField()
    below_amount = AmountField()
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = Policy
        fields: ClassVar = (
            "id",
            "entity",
            "item_type",
            "currency",
            "least_amount",
            "below_amount",
            "stages",
            "needs_comment",
            "attestation_text",
            "due_after_hours",
            "escalation",
            "expires_after_days",
            "evidence_kinds",
            "resolution_required",
            "bulk_allowed",
            "version",
            "created_by",
            "proposed_at",
            "in_force_at",
            "retired_at",
        )


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string", "enum": ["all"]}]})
class CountField(serializers.Field[int | str, Any, int | str, Any]):
    """A number of people, or "all"."""

    def to_internal_value(self, data: Any) -> int | str:
        if data == ALL or (type(data) is int and 1 <= data <= 20):
            return cast(int | str, data)
        raise serializers.ValidationError('A whole number from 1 to 20, or "all".')


class AuthoritySerializer(StrictSerializer):
    role = serializers.CharField(
        max_length=20, required=False, help_text="reviewer, approver or controller; or `people`."
    )
    people = serializers.ListField(
        child=serializers.CharField(max_length=150),
        required=False,
        max_length=20,
        help_text="User names of those who may decide, instead of a role.",
    )

    def validate_role(self, role: str) -> str:
        if role not in roles_holding(DECIDE_REQUEST):
            raise serializers.ValidationError("This role decides nothing.")
        return role


class StageSerializer(AuthoritySerializer):
    count = CountField(help_text="How many different people, or all.")
    within_limit = serializers.BooleanField(
        default=True,
        help_text="False: a review, for which nobody needs a limit; not at every stage.",
    )


class DefinePolicySerializer(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    item_type = serializers.RegexField(r"^[a-z][a-z_]*$", max_length=50)
    currency = serializers.CharField(max_length=3, allow_blank=True, default="")
    least_amount = AmountField(required=False, help_text="Inclusive; left out: from nothing on.")
    below_amount = AmountField(required=False, help_text="Exclusive; left out: no end.")
    stages = StageSerializer(many=True, allow_empty=False, max_length=10)  # type: ignore[call-arg]
    needs_comment = serializers.BooleanField(default=False)
    attestation_text = serializers.CharField(max_length=2000, allow_blank=True, default="")
    due_after_hours = serializers.IntegerField(
        min_value=1,
        max_value=24 * 365,
        default=24,
        help_text="Business hours that each step may take.",
    )
    escalation = AuthoritySerializer(
        many=True,
        required=False,
        max_length=5,  # type: ignore[call-arg]
        help_text="Who may decide too when a step is late, one after the other.",
    )
    expires_after_days = serializers.IntegerField(
        min_value=1,
        max_value=3650,
        allow_null=True,
        default=None,
        help_text="Calendar days until a request ends undecided; null: never.",
    )
    evidence_kinds = serializers.ListField(
        child=serializers.ChoiceField([(kind.value, kind.label) for kind in ASKABLE_KINDS]),
        default=list,
        help_text="What has to be attached before anybody approves.",
    )
    bulk_allowed = serializers.BooleanField(
        default=False, help_text="Several requests may be approved at once."
    )
    resolution_required = serializers.BooleanField(
        default=False, help_text="Somebody also has to say how what was open was resolved."
    )
    expected_version = version_replaced()


class SpanQuery(StrictSerializer):
    starts_on = serializers.DateField(help_text="First day, by the entity's clock.")
    ends_on = serializers.DateField(help_text="Last day.")


class ReroutedSerializer(serializers.Serializer[Rerouted]):
    request = serializers.IntegerField(source="request.pk")
    title = serializers.CharField(source="request.title")
    before = serializers.CharField(source="before.words", help_text="Its steps as things stand.")
    after = serializers.CharField(source="after.words", help_text="Under the proposed policy.")
    change = serializers.CharField(help_text="What would be different.")


class LoadSerializer(serializers.Serializer[Load]):
    person = serializers.CharField(source="person.username")
    before = serializers.SerializerMethodField(
        help_text="Decisions, if each step is spread evenly over those who could decide."
    )
    after = serializers.SerializerMethodField(help_text="The same under the proposed policy.")
    could_before = serializers.IntegerField(help_text="Requests on which he could decide.")
    could_after = serializers.IntegerField()
    is_overloaded = serializers.BooleanField(help_text="At least one more, and half as much again.")

    def get_before(self, load: Load) -> str:
        return f"{float(load.before):.1f}"

    def get_after(self, load: Load) -> str:
        return f"{float(load.after):.1f}"


class SimulationSerializer(serializers.Serializer[Simulation]):
    policy = serializers.IntegerField(source="policy.pk")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    total = serializers.IntegerField(help_text="Requests that were tried.")
    is_cut = serializers.BooleanField(help_text="There are more; the newest were tried.")
    stalled = serializers.IntegerField(help_text="Those that would stall, and do not now.")
    rerouted = ReroutedSerializer(many=True, help_text="Those that would go elsewhere.")
    loads = LoadSerializer(many=True)


class PolicyFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    in_force = filters.BooleanFilter(method="of_force", label="Whether new requests follow it.")

    class Meta:
        model = Policy
        fields: ClassVar = ("entity", "item_type", "currency", "in_force")

    def of_force(self, queryset: Any, name: str, value: bool) -> models.QuerySet[Policy]:
        standing = models.Q(in_force_at__isnull=False, retired_at__isnull=True)
        return queryset.filter(standing if value else ~standing)


class PolicyView(IdempotentMixin, ScopedReadView):
    """Approval policies. Changed by a new version for the same range, never in place."""

    queryset = Policy.objects.select_related("entity", "created_by")
    serializer_class = PolicySerializer
    filterset_class = PolicyFilter
    view_permission = VIEW_POLICIES

    @extend_schema(request=DefinePolicySerializer, responses={201: PolicySerializer})
    def create(self, request: RestRequest) -> Response:
        """Put a policy in force; the one for the same range is retired.

        Where a policy for policies is in force, it is proposed (`in_force_at` is null) and takes
        effect once somebody else approves it.

        409 POLICY_OVERLAPS if the range cuts into another one; 409 STALE_VERSION;
        422 POLICY_INVALID.
        """
        actor: Any = request.user
        asked = DefinePolicySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        facts = dict(asked.validated_data)
        entity_id = entity_id_of(actor, facts.pop("entity"))
        policy = define_policy(entity_id=entity_id, **facts, actor=actor)
        return Response(PolicySerializer(policy).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SeenSerializer, responses=PolicySerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: RestRequest, pk: str) -> Response:
        """Take a policy out of force; requests under it go on under it.

        Where a policy for policies is in force, this is done once somebody else approves it.
        409 STALE_VERSION.
        """
        actor: Any = request.user
        facts = body_of(request, SeenSerializer)
        policy = retire_policy(policy_id=self.get_object().pk, **facts, actor=actor)
        return Response(PolicySerializer(policy).data)

    @extend_schema(parameters=[SpanQuery], responses=SimulationSerializer, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def simulation(self, request: RestRequest, pk: str) -> Response:
        """What a proposed policy would have done to the requests of these days.

        By the people, limits and rates of today, as if nobody were away. 409 ILLEGAL_MOVE if it
        is not proposed; 422 DAYS_INVALID.
        """
        asked = SpanQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        actor: Any = request.user
        found = simulate(self.get_object(), **asked.validated_data, actor=actor)
        return Response(SimulationSerializer(found).data)

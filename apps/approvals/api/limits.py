"""/api/approvals/limits and /api/approvals/rates: how much people may approve."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request as RestRequest
from rest_framework.response import Response

from apps.approvals.api.scope import SeenSerializer, entity_id_of, version_replaced
from apps.approvals.models import ExchangeRate, Limit
from apps.approvals.permissions import DECIDE_REQUEST, VIEW_LIMITS
from apps.approvals.services import define_limit, enter_rate, retire_limit
from apps.common.api import AmountField, ScopedReadView, StrictSerializer, body_of
from apps.identity.holders import roles_holding
from apps.identity.models import User
from apps.identity.selectors import user_named
from apps.operations.idempotency import IdempotentMixin


class LimitSerializer(serializers.ModelSerializer[Limit]):
    entity = serializers.CharField(source="entity.code")
    user = serializers.SerializerMethodField(help_text="Whose it is; null for a role's.")
    amount = AmountField()
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = Limit
        fields: ClassVar = (
            "id",
            "entity",
            "role",
            "user",
            "item_type",
            "amount",
            "currency",
            "starts_on",
            "ends_on",
            "created_by",
            "defined_at",
            "retired_at",
            "version",
        )

    def get_user(self, limit: Limit) -> str | None:
        return None if limit.user is None else limit.user.username


class DefineLimitSerializer(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    role = serializers.CharField(
        max_length=20, allow_blank=True, default="", help_text="The role's; or else `user`."
    )
    user = serializers.CharField(
        max_length=150, allow_blank=True, default="", help_text="User name or e-mail address."
    )
    item_type = serializers.RegexField(r"^[a-z][a-z_]*$", max_length=50)
    amount = AmountField(help_text="Inclusive.")
    currency = serializers.CharField(max_length=3)
    starts_on = serializers.DateField(help_text="First day, by the entity's clock.")
    ends_on = serializers.DateField(allow_null=True, default=None, help_text="Last day, if any.")
    expected_version = version_replaced()

    def validate_role(self, role: str) -> str:
        if role and role not in roles_holding(DECIDE_REQUEST):
            raise serializers.ValidationError("This role decides nothing.")
        return role

    def validate_user(self, login: str) -> User | None:
        user = user_named(login) if login else None
        if login and user is None:
            raise serializers.ValidationError("There is nobody of this name.")
        return user


class LimitFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    standing = filters.BooleanFilter(
        field_name="retired_at", lookup_expr="isnull", label="Whether nobody retired it."
    )

    class Meta:
        model = Limit
        fields: ClassVar = ("entity", "role", "item_type", "currency", "standing")


class LimitView(IdempotentMixin, ScopedReadView):
    """Approval limits, of roles and of people. Replaced by a new one, never edited."""

    queryset = Limit.objects.select_related("entity", "user", "created_by")
    serializer_class = LimitSerializer
    filterset_class = LimitFilter
    view_permission = VIEW_LIMITS

    @extend_schema(request=DefineLimitSerializer, responses={201: LimitSerializer})
    def create(self, request: RestRequest) -> Response:
        """Define a limit; those of the same holder, kind and currency that it touches end.

        403 if it would be one's own; 422 LIMIT_INVALID.
        """
        asked = DefineLimitSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        actor: Any = request.user
        facts = dict(asked.validated_data)
        user = facts.pop("user") or None
        limit = define_limit(
            entity_id=entity_id_of(actor, facts.pop("entity")),
            user_id=None if user is None else user.pk,
            **facts,
            actor=actor,
        )
        return Response(LimitSerializer(limit).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SeenSerializer, responses=LimitSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: RestRequest, pk: str) -> Response:
        """Take a limit away; without any limit left, a kind is not limited. 409 STALE_VERSION."""
        actor: Any = request.user
        facts = body_of(request, SeenSerializer)
        limit = retire_limit(limit_id=self.get_object().pk, **facts, actor=actor)
        return Response(LimitSerializer(limit).data)


class RateSerializer(serializers.ModelSerializer[ExchangeRate]):
    entity = serializers.CharField(source="entity.code")
    entered_by = serializers.CharField(source="entered_by.username")

    class Meta:
        model = ExchangeRate
        fields: ClassVar = (
            "id",
            "entity",
            "currency",
            "quote",
            "quoted_on",
            "rate",
            "source",
            "entered_by",
            "entered_at",
        )


class EnterRateSerializer(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    currency = serializers.CharField(max_length=3)
    quote = serializers.CharField(max_length=3, help_text="The currency of the limits.")
    quoted_on = serializers.DateField()
    rate = serializers.DecimalField(
        max_digits=20, decimal_places=10, help_text="What one `currency` is worth in `quote`."
    )
    source = serializers.CharField(max_length=100)  # type: ignore[assignment]


class RateFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")

    class Meta:
        model = ExchangeRate
        fields: ClassVar = ("entity", "currency", "quote", "quoted_on")


class RateView(IdempotentMixin, ScopedReadView):
    """Dated rates by which amounts are compared with limits of another currency."""

    queryset = ExchangeRate.objects.select_related("entity", "entered_by")
    serializer_class = RateSerializer
    filterset_class = RateFilter
    view_permission = VIEW_LIMITS

    @extend_schema(request=EnterRateSerializer, responses={201: RateSerializer})
    def create(self, request: RestRequest) -> Response:
        """Enter what a currency was worth on a day. 409 RATE_EXISTS; 422 RATE_INVALID."""
        asked = EnterRateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        actor: Any = request.user
        facts = dict(asked.validated_data)
        entity_id = entity_id_of(actor, facts.pop("entity"))
        rate = enter_rate(entity_id=entity_id, **facts, actor=actor)
        return Response(RateSerializer(rate).data, status=status.HTTP_201_CREATED)

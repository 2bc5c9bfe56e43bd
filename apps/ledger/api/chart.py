"""/api/ledger/accounts and /api/ledger/periods."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import ScopedReadView, StrictSerializer, body_of
from apps.identity.context import actor_of
from apps.ledger import services
from apps.ledger.api.scope import named_entity
from apps.ledger.models import Account, Period
from apps.ledger.permissions import VIEW_LEDGER
from apps.ledger.states import AccountType, NormalBalance
from apps.operations.idempotency import IdempotentMixin


class AccountSerializer(serializers.ModelSerializer[Account]):
    entity = serializers.CharField(source="entity.code")

    class Meta:
        model = Account
        fields: ClassVar = ("id", "entity", "code", "name", "type", "normal_balance", "is_active")


class AccountInput(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    code = serializers.CharField(max_length=20)
    name = serializers.CharField(max_length=200)
    type = serializers.ChoiceField(AccountType.choices)
    normal_balance = serializers.ChoiceField(NormalBalance.choices)


class AccountFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")

    class Meta:
        model = Account
        fields: ClassVar = ("entity", "code", "type", "is_active")


class AccountView(IdempotentMixin, ScopedReadView):
    """The chart of accounts."""

    queryset = Account.objects.select_related("entity")
    serializer_class = AccountSerializer
    filterset_class = AccountFilter
    view_permission = VIEW_LEDGER

    @extend_schema(request=AccountInput, responses={201: AccountSerializer})
    def create(self, request: Request) -> Response:
        """Add an account to an entity's chart."""
        facts = body_of(request, AccountInput)
        account = services.define_account(
            entity_id=named_entity(facts["entity"], actor_of(request)).pk,
            code=facts["code"],
            name=facts["name"],
            account_type=facts["type"],
            normal_balance=facts["normal_balance"],
            actor=actor_of(request),
        )
        return Response(AccountSerializer(account).data, status=status.HTTP_201_CREATED)


class PeriodSerializer(serializers.ModelSerializer[Period]):
    entity = serializers.CharField(source="entity.code")

    class Meta:
        model = Period
        fields: ClassVar = (
            "id",
            "entity",
            "name",
            "fiscal_year",
            "starts_on",
            "ends_on",
            "status",
            "closed_at",
            "digest",
        )


class PeriodFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    contains = filters.DateFilter(method="containing", label="A day in the period")

    class Meta:
        model = Period
        fields: ClassVar = ("entity", "name", "fiscal_year", "status", "contains")

    def containing(self, queryset: Any, name: str, value: Any) -> Any:
        return queryset.filter(starts_on__lte=value, ends_on__gte=value)


class PeriodView(IdempotentMixin, ScopedReadView):
    """Periods of the fiscal calendars."""

    queryset = Period.objects.select_related("entity")
    serializer_class = PeriodSerializer
    filterset_class = PeriodFilter
    view_permission = VIEW_LEDGER

    @extend_schema(request=None, responses=PeriodSerializer)
    @action(detail=True, methods=["post"])
    def open(self, request: Request, pk: str) -> Response:
        """Let a planned period take postings."""
        period = self.get_object()
        opened = services.open_period(
            entity_id=period.entity_id, name=period.name, actor=actor_of(request)
        )
        return Response(PeriodSerializer(opened).data)

    @extend_schema(request=None, responses=PeriodSerializer)
    @action(detail=True, methods=["post"], url_path="soft-close")
    def soft_close(self, request: Request, pk: str) -> Response:
        """From now on the period takes adjustments and reversals only."""
        closed = services.soft_close_period(period_id=self.get_object().pk, actor=actor_of(request))
        return Response(PeriodSerializer(closed).data)

    @extend_schema(request=None, responses=PeriodSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Close the period: it takes no posting after this, unless it is reopened."""
        closed = services.close_period(period_id=self.get_object().pk, actor=actor_of(request))
        return Response(PeriodSerializer(closed).data)

"""/api/ledger/trial-balance and /api/ledger/balances."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.access import authorize
from apps.common.api import AmountField, StrictSerializer
from apps.identity.context import actor_of
from apps.identity.models import Entity
from apps.ledger.api.scope import named_entity
from apps.ledger.permissions import VIEW_LEDGER
from apps.ledger.selectors import (
    account_balances,
    period_for,
    trial_balance,
    trial_balance_totals,
)


class DayInput(StrictSerializer):
    entity = serializers.CharField(max_length=20, help_text="Code of the entity.")
    as_of = serializers.DateField(help_text="Entries dated after this day are left out.")


class _AccountSerializer(serializers.Serializer[Any]):
    account = serializers.CharField(source="account.code")
    account_name = serializers.CharField(source="account.name")
    type = serializers.CharField(source="account.type")
    normal_balance = serializers.CharField(source="account.normal_balance")
    currency = serializers.CharField()


class TrialBalanceRowSerializer(_AccountSerializer):
    opening = AmountField(help_text="Debit positive.")
    debit = AmountField()
    credit = AmountField()
    closing = AmountField(help_text="Debit positive.")


class TrialBalanceTotalSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    opening = AmountField()
    debit = AmountField()
    credit = AmountField()
    closing = AmountField()


class TrialBalanceSerializer(serializers.Serializer[Any]):
    entity = serializers.CharField()
    period = serializers.CharField()
    period_status = serializers.CharField()
    as_of = serializers.DateField()
    rows = TrialBalanceRowSerializer(many=True)
    totals = TrialBalanceTotalSerializer(many=True)


class AccountBalanceSerializer(_AccountSerializer):
    balance = AmountField(help_text="Debit positive.")


class AccountBalancesSerializer(serializers.Serializer[Any]):
    entity = serializers.CharField()
    as_of = serializers.DateField()
    balances = AccountBalanceSerializer(many=True)


class TrialBalanceView(APIView):
    """Opening, activity and closing of every account in the period of a day."""

    @extend_schema(parameters=[DayInput], responses=TrialBalanceSerializer)
    def get(self, request: Request) -> Response:
        entity, as_of = _asked(request)
        rows = trial_balance(entity_id=entity.pk, as_of=as_of)
        period = period_for(entity.pk, as_of)
        answer = {
            "entity": entity.code,
            "period": period.name,
            "period_status": period.status,
            "as_of": as_of,
            "rows": rows,
            "totals": trial_balance_totals(rows),
        }
        return Response(TrialBalanceSerializer(answer).data)


class AccountBalancesView(APIView):
    """The balance of every account at the end of a day."""

    @extend_schema(parameters=[DayInput], responses=AccountBalancesSerializer)
    def get(self, request: Request) -> Response:
        entity, as_of = _asked(request)
        balances = account_balances(entity_id=entity.pk, as_of=as_of)
        answer = {"entity": entity.code, "as_of": as_of, "balances": balances}
        return Response(AccountBalancesSerializer(answer).data)


def _asked(request: Request) -> tuple[Entity, Any]:
    """Whose books, at the end of which day; both from the query string."""
    authorize(actor_of(request), VIEW_LEDGER)
    asked = DayInput(data=request.query_params.dict())
    asked.is_valid(raise_exception=True)
    entity = named_entity(asked.validated_data["entity"], actor_of(request))
    authorize(actor_of(request), VIEW_LEDGER, entity_id=entity.pk)
    return entity, asked.validated_data["as_of"]

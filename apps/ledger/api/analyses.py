"""/api/ledger/analyses and /api/ledger/analysis-thresholds."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.access import authorize, one_visible
from apps.common.api import AmountField, ScopedReadView, StrictSerializer, body_of
from apps.identity.context import actor_of
from apps.ledger import services
from apps.ledger.api.scope import named_entity
from apps.ledger.models import (
    Account,
    AccountAnalysis,
    AnalysisItem,
    AnalysisThreshold,
    Period,
)
from apps.ledger.permissions import VIEW_LEDGER
from apps.ledger.selectors import Coverage, analysed, analyses_for, coverage_of
from apps.ledger.services import AnalysisDraft, ItemDraft
from apps.ledger.services.analyses import MOST_ITEMS
from apps.ledger.states import AnalysisStatus
from apps.operations.idempotency import IdempotentMixin

_DIGITS = "Debit positive."


class AnalysisSerializer(serializers.ModelSerializer[AccountAnalysis]):
    entity = serializers.CharField(source="entity.code")
    period = serializers.CharField(source="period.name")
    account = serializers.CharField(source="account.code")
    account_name = serializers.CharField(source="account.name")

    class Meta:
        model = AccountAnalysis
        fields: ClassVar[Any] = (
            "id",
            "entity",
            "period",
            "account",
            "account_name",
            "currency",
            "status",
            "version",
        )


class AnalysisItemSerializer(serializers.ModelSerializer[AnalysisItem]):
    amount = AmountField(currency_source="version.analysis.currency", help_text=_DIGITS)

    class Meta:
        model = AnalysisItem
        fields: ClassVar = (
            "number",
            "description",
            "amount",
            "reference",
            "dated_on",
            "support_type",
            "support_id",
            "support_digest",
        )


class WrittenSerializer(serializers.Serializer[Any]):
    opening = AmountField(currency_source="analysis.currency", help_text=_DIGITS)
    debit = AmountField(currency_source="analysis.currency")
    credit = AmountField(currency_source="analysis.currency")
    closing = AmountField(currency_source="analysis.currency", help_text=_DIGITS)


class FiguresSerializer(serializers.Serializer[Any]):
    opening = AmountField(help_text=_DIGITS)
    debit = AmountField()
    credit = AmountField()
    closing = AmountField(help_text=_DIGITS)


class AnalysedSerializer(serializers.Serializer[Any]):
    """An analysis with its newest version beside the ledger as it is now."""

    id = serializers.IntegerField(source="analysis.pk")
    entity = serializers.CharField(source="analysis.entity.code")
    period = serializers.CharField(source="analysis.period.name")
    account = serializers.CharField(source="analysis.account.code")
    account_name = serializers.CharField(source="analysis.account.name")
    currency = serializers.CharField(source="analysis.currency")
    status = serializers.ChoiceField(AnalysisStatus.choices, source="analysis.status")
    version = serializers.IntegerField(source="analysis.version")
    state = serializers.CharField(help_text="The status, or `outdated`.")
    has_moved = serializers.BooleanField(
        help_text="The ledger or a support says something else than when it was written."
    )
    written = WrittenSerializer(source="version", help_text="The balance when it was written.")
    now = FiguresSerializer(allow_null=True, help_text="The balance in the ledger now.")
    explained = AmountField(currency_source="analysis.currency")
    unexplained = AmountField(currency_source="analysis.currency")
    difference_explanation = serializers.CharField(source="version.difference_explanation")
    change_explanation = serializers.CharField(source="version.change_explanation")
    prepared_by = serializers.CharField(source="version.prepared_by.username")
    prepared_at = serializers.DateTimeField(source="version.prepared_at")
    items = AnalysisItemSerializer(many=True)


class AnalysisItemInput(StrictSerializer):
    description = serializers.CharField(max_length=300)
    amount = AmountField(help_text=_DIGITS)
    reference = serializers.CharField(max_length=140, required=False, allow_blank=True)
    dated_on = serializers.DateField(required=False, allow_null=True)
    support_type = serializers.CharField(max_length=100, required=False, allow_blank=True)
    support_id = serializers.CharField(max_length=64, required=False, allow_blank=True)


class AnalysisInput(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    period = serializers.CharField(max_length=20)
    account = serializers.CharField(max_length=20)
    currency = serializers.CharField(max_length=3, required=False)
    items = AnalysisItemInput(many=True, max_length=MOST_ITEMS)  # type: ignore[call-arg]
    difference_explanation = serializers.CharField(max_length=2000, default="", allow_blank=True)
    change_explanation = serializers.CharField(max_length=2000, default="", allow_blank=True)
    expected_version = serializers.IntegerField(
        min_value=0, required=False, help_text="The newest version that you saw, 0 for none."
    )
    expected_closing = AmountField(required=False, help_text="The balance that you saw.")


class SignInput(StrictSerializer):
    version = serializers.IntegerField(min_value=1, required=False)


class TakeBackInput(StrictSerializer):
    reason = serializers.CharField(max_length=400)


class CoverageInput(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    period = serializers.CharField(max_length=20)


class CoveredSerializer(serializers.Serializer[Any]):
    account = serializers.CharField(source="row.account.code")
    account_name = serializers.CharField(source="row.account.name")
    currency = serializers.CharField(source="row.currency")
    closing = AmountField(source="row.closing", currency_source="row.currency")
    is_asked = serializers.BooleanField(help_text="Whether this balance is to be analysed.")
    state = serializers.CharField(help_text="The status, `missing` or `outdated`.")
    analysis = serializers.IntegerField(source="analysis.pk", default=None, allow_null=True)
    unexplained = AmountField(currency_source="row.currency", help_text="Empty without analysis.")


class CoverageTotalSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    asked = AmountField(help_text="Balances to be analysed, without their signs.")
    done = AmountField(help_text="Those of them that are.")
    unexplained = AmountField()


class CoverageSerializer(serializers.Serializer[Any]):
    period = serializers.CharField(source="period.name")
    asked = serializers.IntegerField()
    done = serializers.IntegerField()
    rows = CoveredSerializer(many=True)
    totals = CoverageTotalSerializer(many=True)


class AnalysisFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    period = filters.CharFilter(field_name="period__name")
    account = filters.CharFilter(field_name="account__code")

    class Meta:
        model = AccountAnalysis
        fields: ClassVar = ("entity", "period", "account", "currency", "status")


class AnalysisView(IdempotentMixin, ScopedReadView):
    """Account analyses: what the balances of a period consist of."""

    queryset = AccountAnalysis.objects.all()
    serializer_class = AnalysisSerializer
    filterset_class = AnalysisFilter
    view_permission = VIEW_LEDGER

    def get_queryset(self) -> Any:
        scoped = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return scoped
        return analyses_for(actor_of(self.request))

    @extend_schema(responses=AnalysedSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One analysis: its newest version beside the ledger as it is now."""
        return Response(AnalysedSerializer(analysed(self.get_object())).data)

    @extend_schema(request=AnalysisInput, responses={201: AnalysedSerializer})
    def create(self, request: Request) -> Response:
        """Write what a balance consists of: the first version, or the next."""
        facts = body_of(request, AnalysisInput)
        analysis = services.prepare_analysis(
            period_id=_period(facts, request).pk,
            account=facts["account"],
            currency=facts.get("currency", ""),
            content=AnalysisDraft(
                items=[ItemDraft(**item) for item in facts["items"]],
                difference_explanation=facts["difference_explanation"],
                change_explanation=facts["change_explanation"],
            ),
            expected_version=facts.get("expected_version"),
            expected_closing=facts.get("expected_closing"),
            actor=actor_of(request),
        )
        written = AnalysedSerializer(analysed(analysis)).data
        return Response(written, status=status.HTTP_201_CREATED)

    @extend_schema(request=SignInput, responses=AnalysedSerializer)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Sign the newest version; an approval is asked for where a policy says so."""
        analysis = self.get_object()
        facts = body_of(request, SignInput)
        signed = services.submit_analysis(
            analysis_id=analysis.pk,
            expected_version=facts.get("version"),
            actor=actor_of(request),
        )
        return Response(AnalysedSerializer(analysed(signed)).data)

    @extend_schema(request=TakeBackInput, responses=AnalysedSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take back what waits for an approval."""
        analysis = self.get_object()
        reason = body_of(request, TakeBackInput)["reason"]
        taken_back = services.withdraw_analysis(
            analysis_id=analysis.pk, reason=reason, actor=actor_of(request)
        )
        return Response(AnalysedSerializer(analysed(taken_back)).data)

    @extend_schema(parameters=[CoverageInput], responses=CoverageSerializer, filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def coverage(self, request: Request) -> Response:
        """Every balance of a period: analysed, missing, outdated, and how much of it."""
        authorize(actor_of(request), VIEW_LEDGER)
        asked = CoverageInput(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        period = _period(asked.validated_data, request)
        authorize(actor_of(request), VIEW_LEDGER, entity_id=period.entity_id)
        return Response(CoverageSerializer(_counted(coverage_of(period))).data)


class ThresholdSerializer(serializers.ModelSerializer[AnalysisThreshold]):
    entity = serializers.CharField(source="account.entity.code")
    account = serializers.CharField(source="account.code")
    difference = AmountField()
    change = AmountField(help_text="Empty: no change needs words.")
    set_by = serializers.CharField(source="set_by.username")

    class Meta:
        model = AnalysisThreshold
        fields: ClassVar = (
            "id",
            "entity",
            "account",
            "currency",
            "difference",
            "change",
            "set_by",
            "set_at",
        )


class ThresholdInput(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    account = serializers.CharField(max_length=20)
    currency = serializers.CharField(max_length=3)
    difference = AmountField(help_text="The largest unexplained difference without words.")
    change = AmountField(
        required=False, help_text="The largest change without words; left out: none needs any."
    )


class ThresholdFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="account__entity__code")
    account = filters.CharFilter(field_name="account__code")

    class Meta:
        model = AnalysisThreshold
        fields: ClassVar = ("entity", "account", "currency")


class ThresholdView(IdempotentMixin, ScopedReadView):
    """From which amounts on an analysis needs words; the newest of an account counts."""

    queryset = AnalysisThreshold.objects.select_related("account__entity", "set_by")
    serializer_class = ThresholdSerializer
    filterset_class = ThresholdFilter
    view_permission = VIEW_LEDGER

    @extend_schema(request=ThresholdInput, responses={201: ThresholdSerializer})
    def create(self, request: Request) -> Response:
        """Set the thresholds of an account from now on."""
        facts = body_of(request, ThresholdInput)
        entity = named_entity(facts["entity"], actor_of(request))
        accounts = Account.objects.visible_to(actor_of(request)).filter(entity=entity)
        account = one_visible(accounts.filter(code=facts["account"]), field="account")
        threshold = services.set_threshold(
            account_id=account.pk,
            currency=facts["currency"],
            difference=facts["difference"],
            change=facts.get("change"),
            actor=actor_of(request),
        )
        return Response(ThresholdSerializer(threshold).data, status=status.HTTP_201_CREATED)


def _period(facts: dict[str, Any], request: Request) -> Period:
    entity = named_entity(facts["entity"], actor_of(request))
    periods = Period.objects.visible_to(actor_of(request)).filter(entity=entity)
    return one_visible(periods.filter(name=facts["period"]), field="period")


def _counted(coverage: Coverage) -> dict[str, Any]:
    return {
        "period": coverage.period,
        "asked": len(coverage.asked),
        "done": len(coverage.done),
        "rows": coverage.rows,
        "totals": coverage.totals,
    }

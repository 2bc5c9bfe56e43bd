"""/api/ledger/reopenings."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import ScopedReadView, StrictSerializer, body_of
from apps.common.filters import id_filter
from apps.identity.context import actor_of
from apps.ledger import services
from apps.ledger.models import PeriodReopening
from apps.ledger.permissions import VIEW_LEDGER
from apps.ledger.registry import resting_on
from apps.ledger.selectors import reopening_seen_by, reopenings_for, request_about
from apps.ledger.states import EntryKind
from apps.operations.idempotency import IdempotentMixin


class RestingSerializer(serializers.Serializer[Any]):
    what = serializers.CharField()
    effect = serializers.CharField()
    url = serializers.CharField(help_text="Its page; empty where it has none.")


class ReopeningSerializer(serializers.ModelSerializer[PeriodReopening]):
    entity = serializers.CharField(source="period.entity.code")
    period_name = serializers.CharField(source="period.name")
    asked_by = serializers.CharField(source="asked_by.username")
    opened_by = serializers.CharField(source="opened_by.username", default=None)
    ended_by = serializers.CharField(source="ended_by.username", default=None)

    class Meta:
        model = PeriodReopening
        fields: ClassVar[Any] = (
            "id",
            "entity",
            "period",
            "period_name",
            "number",
            "status",
            "reason",
            "kinds",
            "accounts",
            "expires_at",
            "asked_by",
            "asked_at",
            "opened_by",
            "opened_at",
            "ended_by",
            "ended_at",
            "ended_how",
            "digest_before",
            "digest_after",
            "content_hash",
        )


class ReopeningDetailSerializer(ReopeningSerializer):
    request = serializers.SerializerMethodField(help_text="The newest request for its approval.")
    resting = serializers.SerializerMethodField(
        help_text="What rests on the period and what opening it does to that, while it is asked."
    )

    class Meta(ReopeningSerializer.Meta):
        fields: ClassVar[Any] = (*ReopeningSerializer.Meta.fields, "request", "resting")

    def get_request(self, reopening: PeriodReopening) -> int | None:
        found = request_about(reopening)
        return found.pk if found else None

    @extend_schema_field(RestingSerializer(many=True))
    def get_resting(self, reopening: PeriodReopening) -> Any:
        found = resting_on(reopening.period) if reopening.status == "asked" else []
        return RestingSerializer(found, many=True).data


class ReopeningInput(StrictSerializer):
    period = serializers.IntegerField(min_value=1, help_text="Id of the closed period.")
    reason = serializers.CharField(max_length=2000)
    kinds = serializers.ListField(
        child=serializers.CharField(max_length=10),
        allow_empty=False,
        max_length=10,
        help_text=f"Of {', '.join(EntryKind.values)}.",
    )
    accounts = serializers.ListField(
        child=serializers.CharField(max_length=20),
        default=list,
        max_length=500,
        help_text="Codes of the accounts that entries may use; none: all.",
    )
    expires_at = serializers.DateTimeField(help_text="At most 14 days from now.")


class ReopeningFilter(filters.FilterSet):
    period = id_filter("period_id")
    entity = filters.CharFilter(field_name="period__entity__code")

    class Meta:
        model = PeriodReopening
        fields: ClassVar = ("entity", "period", "status")


class ReopeningView(IdempotentMixin, ScopedReadView):
    """Reopenings of closed periods: asked for, approved by two others, opened, ended."""

    queryset = PeriodReopening.objects.all()
    serializer_class = ReopeningSerializer
    filterset_class = ReopeningFilter
    view_permission = VIEW_LEDGER

    def get_queryset(self) -> Any:
        scoped = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return scoped
        return reopenings_for(actor_of(self.request))

    @extend_schema(responses=ReopeningDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One reopening, with its request and what it touches."""
        return Response(ReopeningDetailSerializer(self.get_object()).data)

    @extend_schema(request=ReopeningInput, responses={201: ReopeningDetailSerializer})
    def create(self, request: Request) -> Response:
        """Ask that a closed period takes postings again; two others have to approve it."""
        facts = body_of(request, ReopeningInput)
        asked = services.propose_reopening(
            period_id=facts.pop("period"), actor=actor_of(request), **facts
        )
        return self._answer(asked, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ReopeningDetailSerializer)
    @action(detail=True, methods=["post"])
    def open(self, request: Request, pk: str) -> Response:
        """Act upon the approval: the period takes what the reopening names, until its end."""
        found = self.get_object()
        opened = services.reopen_period(reopening_id=found.pk, actor=actor_of(request))
        return self._answer(opened)

    @extend_schema(request=None, responses=ReopeningDetailSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Close the period again, under the rules under which any period is closed."""
        found = self.get_object()
        ended = services.end_reopening(reopening_id=found.pk, actor=actor_of(request))
        return self._answer(ended)

    def _answer(self, reopening: PeriodReopening, code: int = status.HTTP_200_OK) -> Response:
        shown = reopening_seen_by(actor_of(self.request), reopening.pk)
        return Response(ReopeningDetailSerializer(shown).data, status=code)

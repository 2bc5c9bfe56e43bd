"""/api/analytics/anomalies, /api/analytics/scorings and /api/analytics/score."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.analytics.models import AnomalyReview, AnomalyScore, ScoringRun
from apps.analytics.permissions import VIEW_ANOMALIES
from apps.analytics.selectors import anomalies_for, anomaly_seen_by, scorings_for
from apps.analytics.services import LONGEST_COMMENT, review_anomaly, score_period
from apps.analytics.states import Disposition
from apps.common.access import one_visible
from apps.common.api import ScopedReadView, StrictSerializer, body_of
from apps.common.filters import id_filter
from apps.common.pagination import NewestFirst
from apps.identity.context import actor_of
from apps.ledger.models import Period
from apps.operations.idempotency import IdempotentMixin

_DECIDED = [choice for choice in Disposition.choices if choice[0] != Disposition.OPEN]


class HighestScoreFirst(NewestFirst):
    """Cursor pages by score; equal scores by id, newest first."""

    ordering = ("-score", "-id")  # type: ignore[assignment]  # the base names one column
    position = re.compile(r"[0-9]{1,9}([.][0-9]{1,9})?")


class ReviewSerializer(serializers.ModelSerializer[AnomalyReview]):
    reviewed_by = serializers.CharField(source="reviewed_by.username", default=None)

    class Meta:
        model = AnomalyReview
        fields: ClassVar = ("disposition", "comment", "reviewed_by", "reviewed_at", "version")


class AnomalySerializer(serializers.ModelSerializer[AnomalyScore]):
    entity = serializers.CharField(source="run.entity.code")
    period = serializers.CharField(source="run.period.name")
    scoring = serializers.IntegerField(source="run_id")
    entry_label = serializers.CharField(source="entry.label")
    external_id = serializers.CharField(source="entry.external_id")
    posted_on = serializers.DateField(source="entry.posted_on")
    description = serializers.CharField(source="entry.description")
    reasons = serializers.JSONField(
        help_text="By line and measure: version, figure, threshold, inputs, and words."
    )
    disposition = serializers.CharField(help_text='"open" until somebody decides.')
    review = ReviewSerializer(default=None)

    class Meta:
        model = AnomalyScore
        fields: ClassVar = (
            "id",
            "entity",
            "period",
            "scoring",
            "entry",
            "entry_label",
            "external_id",
            "posted_on",
            "description",
            "score",
            "reasons",
            "disposition",
            "review",
        )


class AnomalyFilter(filters.FilterSet):
    entry = id_filter("entry_id")
    entity = filters.CharFilter(field_name="run__entity__code")
    period = filters.CharFilter(field_name="run__period__name")
    disposition = filters.MultipleChoiceFilter(choices=Disposition.choices)
    min_score = filters.NumberFilter(
        field_name="score",
        lookup_expr="gte",
        min_value=0,
        max_value=1,
        max_digits=6,
        decimal_places=5,
    )

    class Meta:
        model = AnomalyScore
        fields: ClassVar = ("entity", "period", "disposition", "min_score", "entry")


class ReviewInput(StrictSerializer):
    disposition = serializers.ChoiceField(_DECIDED)
    comment = serializers.CharField(max_length=LONGEST_COMMENT)
    version = serializers.IntegerField(
        min_value=1,
        required=False,
        help_text="Of the review that was looked at; 1 where there was none.",
    )


class AnomalyView(IdempotentMixin, ScopedReadView):
    """Entries that stand out in the newest scoring of their period, highest score first."""

    queryset = AnomalyScore.objects.all()
    serializer_class = AnomalySerializer
    filterset_class = AnomalyFilter
    pagination_class = HighestScoreFirst
    view_permission = VIEW_ANOMALIES

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if _is_for_schema(self) else anomalies_for(actor_of(self.request))

    @extend_schema(request=ReviewInput, responses=AnomalySerializer)
    @action(detail=True, methods=["post"])
    def review(self, request: Request, pk: str) -> Response:
        """Decide about the entry; an earlier decision stays on record."""
        facts = body_of(request, ReviewInput)
        review = review_anomaly(
            score_id=self.get_object().pk,
            disposition=facts["disposition"],
            comment=facts["comment"],
            expected_version=facts.get("version"),
            actor=actor_of(request),
        )
        now = anomaly_seen_by(actor_of(request), review.score_id)
        return Response(AnomalySerializer(now).data)


class ScoringSerializer(serializers.ModelSerializer[ScoringRun]):
    entity = serializers.CharField(source="entity.code")
    period = serializers.CharField(source="period.name")
    scored_by = serializers.CharField(source="scored_by.username")

    class Meta:
        model = ScoringRun
        fields: ClassVar = (
            "id",
            "entity",
            "period",
            "entry_count",
            "line_count",
            "history_count",
            "flagged_count",
            "parameters",
            "versions",
            "unscored",
            "input_digest",
            "scored_by",
            "scored_at",
        )


class ScoringFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    period = filters.CharFilter(field_name="period__name")

    class Meta:
        model = ScoringRun
        fields: ClassVar = ("entity", "period")


class ScoringView(ScopedReadView):
    """Scorings of periods, newest first; the newest of a period counts."""

    queryset = ScoringRun.objects.all()
    serializer_class = ScoringSerializer
    filterset_class = ScoringFilter
    view_permission = VIEW_ANOMALIES

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if _is_for_schema(self) else scorings_for(actor_of(self.request))


class ScoreInput(StrictSerializer):
    entity = serializers.CharField(max_length=20, help_text="Code of the entity.")
    period = serializers.CharField(max_length=20, help_text='Name of the period, "2023-04".')
    parameters = serializers.DictField(
        required=False,
        help_text="Thresholds that differ from the usual ones, by name: z_threshold, ...",
    )


class ScoreView(IdempotentMixin, APIView):
    """Score a period; the same lines under the same parameters are scored once."""

    @extend_schema(request=ScoreInput, responses=ScoringSerializer)
    def post(self, request: Request) -> Response:
        facts = body_of(request, ScoreInput)
        period = one_visible(
            Period.objects.visible_to(actor_of(request)).filter(
                entity__code=facts["entity"], name=facts["period"]
            )
        )
        run = score_period(
            period_id=period.pk,
            parameters=facts.get("parameters"),
            actor=actor_of(request),
        )
        return Response(ScoringSerializer(run).data)


def _is_for_schema(view: Any) -> bool:
    return bool(getattr(view, "swagger_fake_view", False))

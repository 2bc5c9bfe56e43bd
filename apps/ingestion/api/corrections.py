"""REST of rejected lines: look at them, correct them, and see what was corrected."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import ScopedReadView, StrictSerializer, body_of
from apps.identity.context import actor_of
from apps.ingestion.models import LineCorrection, RejectedLine
from apps.ingestion.permissions import VIEW_SOURCES
from apps.ingestion.selectors import changes_shown
from apps.ingestion.services import correct_line, texts_of_line
from apps.operations.idempotency import IdempotentMixin


class RejectedLineSerializer(serializers.ModelSerializer[RejectedLine]):
    source = serializers.CharField(source="batch.source.code")  # type: ignore[assignment]
    correction = serializers.SerializerMethodField(help_text="Null while nobody corrected it.")

    class Meta:
        model = RejectedLine
        fields: ClassVar = ("id", "batch", "source", "line", "field", "reason", "correction")

    def get_correction(self, line: RejectedLine) -> int | None:
        correction = getattr(line, "correction", None)
        return correction.pk if correction else None


class LineCorrectionSerializer(serializers.ModelSerializer[LineCorrection]):
    source = serializers.CharField(source="batch.source.code")  # type: ignore[assignment]
    line = serializers.IntegerField(source="rejected_line.line")
    added_count = serializers.IntegerField(
        source="batch.added_count", help_text="0: the corrected line was known already."
    )
    corrected_by = serializers.CharField(source="corrected_by.username")

    class Meta:
        model = LineCorrection
        fields: ClassVar[Any] = (
            "id",
            "source",
            "rejected_line",
            "line",
            "batch",
            "added_count",
            "reason",
            "corrected_by",
            "corrected_at",
        )


class TextChangeSerializer(serializers.Serializer[Any]):
    column = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class SeenLineCorrectionSerializer(LineCorrectionSerializer):
    """With what was changed, as the actor may see it; an answer to a POST is kept without it."""

    changes = serializers.SerializerMethodField()

    class Meta(LineCorrectionSerializer.Meta):
        fields: ClassVar[Any] = (*LineCorrectionSerializer.Meta.fields, "changes")

    @extend_schema_field(TextChangeSerializer(many=True))
    def get_changes(self, correction: LineCorrection) -> list[dict[str, str]]:
        return changes_shown(correction, self.context["request"].user)


class LineCorrectInput(StrictSerializer):
    texts = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=32_767),
        help_text="Column: text. Columns left out keep what the file says.",
    )
    reason = serializers.CharField(max_length=2000)


class TextsSerializer(serializers.Serializer[Any]):
    texts = serializers.DictField(child=serializers.CharField())


class RejectedLineFilter(filters.FilterSet):
    source = filters.CharFilter(field_name="batch__source__code")
    batch = filters.NumberFilter(field_name="batch_id", max_digits=18, decimal_places=0)
    is_corrected = filters.BooleanFilter(
        field_name="correction", lookup_expr="isnull", exclude=True, label="Is corrected"
    )

    class Meta:
        model = RejectedLine
        fields: ClassVar = ("source", "batch", "field")


class LineCorrectionFilter(filters.FilterSet):
    source = filters.CharFilter(field_name="batch__source__code")
    corrected_since = filters.IsoDateTimeFilter(field_name="corrected_at", lookup_expr="gte")

    class Meta:
        model = LineCorrection
        fields: ClassVar = ("source", "batch", "rejected_line")


class RejectedLineView(IdempotentMixin, ScopedReadView):
    """Lines that were not accepted, and why."""

    queryset = RejectedLine.objects.select_related("batch__source", "correction")
    serializer_class = RejectedLineSerializer
    filterset_class = RejectedLineFilter
    view_permission = VIEW_SOURCES

    @extend_schema(responses=TextsSerializer)
    @action(detail=True)
    def texts(self, request: Request, pk: str) -> Response:
        """The texts of the line by column, as they stand in the kept original."""
        actor = actor_of(request)
        return Response({"texts": texts_of_line(line_id=self.get_object().pk, actor=actor)})

    @extend_schema(request=LineCorrectInput, responses={201: LineCorrectionSerializer})
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        """Bring the line in with corrected texts; a line is corrected once."""
        facts = body_of(request, LineCorrectInput)
        actor = actor_of(request)
        correction = correct_line(line_id=self.get_object().pk, actor=actor, **facts)
        return Response(LineCorrectionSerializer(correction).data, status=201)


class LineCorrectionView(ScopedReadView):
    """What people put in place of the texts of rejected lines, who, and why."""

    queryset = LineCorrection.objects.select_related(
        "rejected_line", "batch__source", "corrected_by"
    )
    serializer_class = SeenLineCorrectionSerializer
    filterset_class = LineCorrectionFilter
    view_permission = VIEW_SOURCES
